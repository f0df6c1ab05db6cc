// portcullis probe
import { adminOptions, withAdmin } from './admin.ts';
import type { Command } from './command.ts';
import { renderStatus } from './status-text.ts';

export const probe: Command = {
  name: 'probe',
  summary: 'read the version of every server (or one) now, and let the stages follow',
  usage: '[SERVER]',
  options: adminOptions,
  arity: [0, 1],
  async run(context) {
    const server = context.args[0];
    const answer = await withAdmin(context, (admin) => admin.probe(server ? { server } : {}));
    context.print(context.json ? JSON.stringify(answer) : renderStatus(answer));
    return 0;
  },
};
