// portcullis agent
import type { Command } from './command.ts';
import { openWorker, workerOptions } from './worker.ts';

export const agent: Command = {
  name: 'agent',
  summary: "run the agent on an API server's host: block, cut, steer and record in the kernel",
  details:
    'Needs root or CAP_NET_ADMIN; and CAP_NET_RAW, without which idle connections that the host only forwards are not ended at\n' +
    'once. Runs until interrupted; the kernel table stays, whichever way it ends, and is taken up again at the next start.\n' +
    '`portcullis remove` takes the table away.',
  options: {
    ...workerOptions,
    'gate-user': {
      type: 'string',
      value: 'USER',
      help: "whom the workers of this host's gate belong to (its --user): they may then connect to its servers and nowhere else",
    },
  },
  arity: [0, 0],
  async run(context) {
    const [{ runAgent }, { parseUser }] = await Promise.all([
      import('../agent/run.ts'),
      import('../gate/privileges.ts'),
    ]);
    const user = context.option('gate-user');
    const gateUser = user === undefined ? {} : { gateUser: parseUser(user).uid };
    const { folder, link } = await openWorker(context, 'agent');
    try {
      await runAgent({ name: link.name, dataDir: folder, link, ...gateUser }, context.signal);
    } finally {
      link.close();
    }
    return 0;
  },
};
