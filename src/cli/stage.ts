// portcullis stage
import { Stage } from '../model/common.ts';
import { adminOptions, withAdmin } from './admin.ts';
import { type Command, required, wrongUsage } from './command.ts';

export const stage: Command = {
  name: 'stage',
  summary: 'set by hand where a shield stands for a server',
  usage: 'SERVER SHIELD observe|block|inspect|lifted',
  details:
    'SERVER may also be another part: kubelet/node-1. At `inspect` a shield in shadow looks on, and acts once its mode is enforce\n' +
    '(portcullis mode); `block` acts in either mode. The reason goes into the log, with who gave it. Setting the stage it has\n' +
    'already changes nothing.',
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
    await withAdmin(context, (admin) =>
      admin.setStage({
        server,
        shield,
        stage: parsed.data,
        why,
        ...(context.flag('now') ? { now: true } : {}),
      }),
    );
    const answer = { ok: true, server, shield, stage: parsed.data };
    context.print(context.json ? JSON.stringify(answer) : `${shield} on ${server}: ${parsed.data}`);
    return 0;
  },
};
