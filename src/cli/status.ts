// portcullis status
import { adminOptions, withAdmin } from './admin.ts';
import type { Command } from './command.ts';
import { renderStatus } from './status-text.ts';

export const status: Command = {
  name: 'status',
  summary: 'what is wrong, which shields act where, and the rest in numbers; agents and gates',
  details:
    'Problems first. Then each server, and what else has flaws, with the shields that act or were lifted in the last day; the other\n' +
    'flaws are counted, and portcullis exposure shows them. -o json has everything.',
  options: adminOptions,
  arity: [0, 0],
  async run(context) {
    const answer = await withAdmin(context, (admin) => admin.status());
    context.print(context.json ? JSON.stringify(answer) : renderStatus(answer));
    return 0;
  },
};
