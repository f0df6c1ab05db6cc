// portcullis agent
import type { Command } from './command.ts';
import { openWorker, workerOptions } from './worker.ts';

export const agent: Command = {
  name: 'agent',
  summary: "run the agent on an API server's host: block, cut, steer and record in the kernel",
  details:
    'Needs root or CAP_NET_ADMIN. Runs until interrupted; the kernel table stays, whichever way it ends, and is taken up\n' +
    'again at the next start. `portcullis remove` takes the table away.',
  options: workerOptions,
  arity: [0, 0],
  async run(context) {
    const { runAgent } = await import('../agent/run.ts');
    const { folder, link } = await openWorker(context, 'agent');
    try {
      await runAgent({ name: link.name, dataDir: folder, link }, context.signal);
    } finally {
      link.close();
    }
    return 0;
  },
};
