// portcullis stage
import type { StageAnswer } from '../model/api.ts';
import { Stage } from '../model/common.ts';
import { adminOptions, withAdmin } from './admin.ts';
import { type Command, required, wrongUsage } from './command.ts';
import { paragraph } from './table.ts';

export const stage: Command = {
  name: 'stage',
  summary: 'set by hand where a shield stands for a server',
  usage: 'SERVER SHIELD observe|block|inspect|lifted',
  details:
    'SERVER may also be another part: kubelet/node-1. At `inspect` a shield in shadow looks on, and acts once its mode is enforce\n' +
    '(portcullis mode): the answer says so, and what else keeps it from acting. `block` acts in either mode; one that is off is refused.\n' +
    'The reason goes into the log, with who gave it. Setting the stage it has already changes nothing.',
  options: {
    ...adminOptions,
    why: { type: 'string', value: 'TEXT', help: 'the reason, for the log (required)' },
    now: {
      type: 'boolean',
      help: 'cut the connections that are open through the gate, watches and tunnels too',
    },
  },
  arity: [3, 3],
  async run(context) {
    const [server = '', shield = '', wanted] = context.args;
    const parsed = Stage.safeParse(wanted);
    if (!parsed.success) throw wrongUsage(`'${wanted}' is not a stage: ${Stage.options.join(', ')}`);
    const why = required(context, 'why');
    const answer = await withAdmin(context, (admin) =>
      admin.setStage({
        server,
        shield,
        stage: parsed.data,
        why,
        ...(context.flag('now') ? { now: true } : {}),
      }),
    );
    context.print(context.json ? JSON.stringify({ ok: true, ...answer }) : stageText(answer));
    return 0;
  },
};

/** The stage, and under it what it does not do. */
export function stageText({ server, shield, stage, warnings }: StageAnswer): string {
  const lines = [`${shield} on ${server}: ${stage}`, ...warnings.map((warning) => `  ${warning}`)];
  return lines.map((line) => paragraph(line)).join('\n');
}
