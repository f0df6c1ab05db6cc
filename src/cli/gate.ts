// portcullis gate
import { type Command, wholeNumber } from './command.ts';
import { openWorker, workerOptions } from './worker.ts';

export const gate: Command = {
  name: 'gate',
  summary: "run the gate on an API server's host: end TLS, inspect, keep the caller's identity",
  details:
    "Runs until interrupted. Reads the server's certificate, the client CA and the front-proxy certificate from --pki;\n" +
    'paths that differ can be given one by one.',
  options: {
    ...workerOptions,
    pki: {
      type: 'string',
      value: 'DIR',
      help: "certificates in kubeadm's layout (default /etc/kubernetes/pki)",
    },
    'serving-cert': { type: 'string', value: 'FILE', help: 'PKI/apiserver.crt' },
    'serving-key': { type: 'string', value: 'FILE', help: 'PKI/apiserver.key' },
    'client-ca': { type: 'string', value: 'FILE', help: 'PKI/ca.crt: signs callers' },
    'front-proxy-cert': { type: 'string', value: 'FILE', help: 'PKI/front-proxy-client.crt' },
    'front-proxy-key': { type: 'string', value: 'FILE', help: 'PKI/front-proxy-client.key' },
    'server-ca': { type: 'string', value: 'FILE', help: 'PKI/ca.crt: signs the server' },
    'identity-header': {
      type: 'string',
      multiple: true,
      value: 'NAME',
      help: 'a header, beside X-Remote-*, that the server reads identity from (--requestheader-*-headers); callers may not send it',
    },
    user: {
      type: 'string',
      value: 'USER',
      help: 'give up root for this user once files are read and ports bound',
    },
    'metrics-port': { type: 'string', value: 'PORT', help: 'Prometheus metrics on 127.0.0.1:PORT/metrics' },
  },
  arity: [0, 0],
  async run(context) {
    const [{ kubeadmFiles }, { parseUser }, { runGate }] = await Promise.all([
      import('../gate/identity-files.ts'),
      import('../gate/privileges.ts'),
      import('../gate/run.ts'),
    ]);
    const base = kubeadmFiles(context.option('pki'));
    const metricsPort = wholeNumber(context, 'metrics-port', 1, 65_535);
    const user = context.option('user');
    const { folder, link } = await openWorker(context, 'gate');
    try {
      await runGate(
        {
          name: link.name,
          dataDir: folder,
          plans: { from: 'controller', link },
          files: {
            servingCertificate: context.option('serving-cert') ?? base.servingCertificate,
            servingKey: context.option('serving-key') ?? base.servingKey,
            clientCa: context.option('client-ca') ?? base.clientCa,
            frontProxyCertificate: context.option('front-proxy-cert') ?? base.frontProxyCertificate,
            frontProxyKey: context.option('front-proxy-key') ?? base.frontProxyKey,
            serverCa: context.option('server-ca') ?? base.serverCa,
          },
          identityHeaders: context.list('identity-header'),
          ...(metricsPort === undefined ? {} : { metricsPort }),
          ...(user ? { user: parseUser(user) } : {}),
        },
        context.signal,
      );
    } finally {
      link.close();
    }
    return 0;
  },
};
