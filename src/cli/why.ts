// portcullis why
import type { WhyAnswer } from '../model/api.ts';
import { adminOptions, withAdmin } from './admin.ts';
import type { Command } from './command.ts';
import { explanation } from './why-text.ts';

export const why: Command = {
  name: 'why',
  summary: 'explain a refusal or an incident by its id: rule, shield, stage, who, what, evidence',
  usage: 'ID',
  details:
    'The id stands at the end of what the refused person was told (`verdict ID`), and in incidents\n' +
    '(`portcullis events --kind incident -o json`).',
  options: adminOptions,
  arity: [1, 1],
  async run(context) {
    const id = (context.args[0] ?? '').toLowerCase();
    const answer: WhyAnswer = await withAdmin(context, (admin) => admin.why(id));
    context.print(context.json ? JSON.stringify(answer) : explanation(answer));
    return 0;
  },
};
