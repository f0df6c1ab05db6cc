// portcullis kubeconfig
import { type Command, required } from './command.ts';

export const kubeconfig: Command = {
  name: 'kubeconfig',
  summary:
    "print a user's kubeconfig rewritten to trust the gate, where it serves certificates of a CA of its own",
  usage: 'FILE',
  details:
    'Only needed where gates are started with --serving-ca-cert: with the certificate of the server itself, kubeconfigs need\n' +
    "no change. The server's own CA stays trusted beside the gate's, since callers reach the server itself whenever nothing\n" +
    'is inspected. Everything else goes out as it came in, credentials included: the answer is as secret as FILE.',
  options: {
    'gate-ca': {
      type: 'string',
      value: 'FILE',
      help: 'the CA given to the gate, PEM, without its key (required)',
    },
    cluster: {
      type: 'string',
      value: 'NAME',
      help: 'the cluster to rewrite (default: that of the current context)',
    },
  },
  arity: [1, 1],
  async run(context) {
    const { trustGate } = await import('../platform/kubeconfig-trust.ts');
    const rewritten = trustGate(
      context.args[0] as string,
      required(context, 'gate-ca'),
      context.option('cluster'),
    );
    context.print(context.json ? JSON.stringify({ ok: true, ...rewritten }) : rewritten.kubeconfig.trimEnd());
    context.note(`cluster '${rewritten.cluster}' trusts the gate's CA besides its own`);
    return 0;
  },
};
