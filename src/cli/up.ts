// portcullis up
import { type Command, dataDir, dataOption, required } from './command.ts';
import { upOptions } from './up-options.ts';

export const up: Command = {
  name: 'up',
  summary: 'run controller, agent and gate on this host: the host of an API server',
  details:
    'Runs until interrupted and starts a service again when it dies. Interrupting leaves the kernel table standing:\n' +
    '`portcullis remove` takes it away. Everything is kept in the data folder; a second start goes on where the first stopped.\n' +
    'What is wrong with the files is said before anything is started.',
  options: {
    ...dataOption,
    host: { type: 'string', value: 'NAME', help: "this host's name in the inventory (required)" },
    inventory: { type: 'string', value: 'FILE', help: 'the inventory, YAML (required)' },
    policy: {
      type: 'string',
      value: 'FILE',
      help: 'the policy, YAML (default: no rules, respond to critical flaws)',
    },
    ...upOptions,
  },
  arity: [0, 0],
  async run(context) {
    const { runUp } = await import('./run-up.ts');
    return runUp(context, {
      dataDir: dataDir(context),
      host: required(context, 'host'),
      inventory: required(context, 'inventory'),
      policy: context.option('policy'),
      listen: context.option('listen') ?? '127.0.0.1:7443',
      pki: context.option('pki') ?? '/etc/kubernetes/pki',
      gateUser: context.option('gate-user'),
    });
  },
};
