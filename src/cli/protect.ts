// portcullis protect
import { type Command, dataOption } from './command.ts';
import { upOptions } from './up-options.ts';

export const protect: Command = {
  name: 'protect',
  summary: 'protect the API server of this host: from a kubeconfig to a running shield, in one command',
  details:
    "Reads the cluster's nodes and service address with the kubeconfig, writes an inventory and a policy into the data\n" +
    'folder (anew at every start, but never over what you have edited), then does what `up` does. The kubeconfig is not\n' +
    'copied; the controller reads it again every five minutes, for the versions of kubelets and runtimes.\n' +
    'By default a critical flaw blocks remote callers at once and steers them through the gate as soon as it is healthy:\n' +
    '--observe only tags and reports.',
  options: {
    ...dataOption,
    kubeconfig: {
      type: 'string',
      value: 'FILE',
      help: 'a kubeconfig that can list nodes, e.g. /etc/kubernetes/admin.conf (required)',
    },
    'break-glass': {
      type: 'string',
      multiple: true,
      value: 'CIDR',
      help: 'callers that are never blocked or steered (repeatable)',
    },
    observe: { type: 'boolean', help: 'no response by itself: tag and report only' },
    'dry-run': { type: 'boolean', help: 'print the inventory and the policy, start nothing' },
    ...upOptions,
  },
  arity: [0, 0],
  async run(context) {
    const { runProtect } = await import('./run-protect.ts');
    return runProtect(context);
  },
};
