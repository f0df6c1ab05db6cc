// portcullis gate
import { type ChildProcess, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { inherit, successorVariable } from '../gate/succession.ts';
import { type Command, type Context, wholeNumber, wrongUsage } from './command.ts';
import { openWorker, workerOptions } from './worker.ts';

const tokenVariable = 'PORTCULLIS_TOKEN';

export const gate: Command = {
  name: 'gate',
  summary: "run the gate on an API server's host: end TLS, inspect, keep the caller's identity",
  details:
    "Runs until interrupted. Reads the server's certificate, the client CA and the front-proxy certificate from --pki;\n" +
    'paths that differ can be given one by one.\n' +
    'SIGHUP starts the program anew, as it is installed by then: the new process takes over the ports and the plan, and this\n' +
    'one drains. Nobody is refused meanwhile.',
  options: {
    ...workerOptions,
    pki: {
      type: 'string',
      value: 'DIR',
      help: "certificates in kubeadm's layout (default /etc/kubernetes/pki)",
    },
    'server-pki': {
      type: 'string',
      multiple: true,
      value: 'SERVER=DIR',
      help: 'the same for one server of the inventory, where the gate serves several clusters (repeatable)',
    },
    'serving-cert': { type: 'string', value: 'FILE', help: 'PKI/apiserver.crt' },
    'serving-key': { type: 'string', value: 'FILE', help: 'PKI/apiserver.key' },
    'serving-ca-cert': {
      type: 'string',
      value: 'FILE',
      help: 'a CA from which the gate issues its serving certificates itself (portcullis kubeconfig --help) …',
    },
    'serving-ca-key': { type: 'string', value: 'FILE', help: '… and its key' },
    'client-ca': { type: 'string', value: 'FILE', help: 'PKI/ca.crt: signs callers' },
    'client-crl': {
      type: 'string',
      value: 'FILE',
      help: 'revocation lists, PEM, one for each CA of the client CA file: revoked callers are refused',
    },
    'front-proxy-cert': { type: 'string', value: 'FILE', help: 'PKI/front-proxy-client.crt' },
    'front-proxy-key': { type: 'string', value: 'FILE', help: 'PKI/front-proxy-client.key' },
    'impersonation-token': {
      type: 'string',
      value: 'FILE',
      help: "mode impersonation: a service account's token; read again when it changes",
    },
    'impersonation-cert': { type: 'string', value: 'FILE', help: 'mode impersonation: client certificate …' },
    'impersonation-key': { type: 'string', value: 'FILE', help: '… and its key, instead of a token' },
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
      help: 'whom the worker processes belong to (needs root); only the parent, which reads the keys, stays root',
    },
    workers: {
      type: 'string',
      value: 'N',
      help: 'processes that accept, inspect and relay (default 2, or 1 where there is one core)',
    },
    'pid-file': { type: 'string', value: 'FILE', help: 'the process in charge writes its id there' },
    'drain-seconds': {
      type: 'string',
      value: 'N',
      help: 'how long connections may go on after SIGTERM or SIGHUP (default 20); a second signal ends them at once',
    },
    'access-log': {
      type: 'string',
      value: 'FILE',
      help: 'write a record of each request, a JSON object a line (docs/reference/logs.md); - for standard output',
    },
    'access-sample': {
      type: 'string',
      value: 'N',
      help: 'record one of N requests (default 1); refused ones always',
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
    pairOf(context, 'impersonation-cert', 'impersonation-key');
    const servingCa = pairOf(context, 'serving-ca-cert', 'serving-ca-key');
    const base = kubeadmFiles(context.option('pki'));
    const metricsPort = wholeNumber(context, 'metrics-port', 1, 65_535);
    const accessLog = context.option('access-log');
    const every = wholeNumber(context, 'access-sample', 1, 1_000_000) ?? 1;
    if (accessLog === undefined && context.option('access-sample') !== undefined)
      throw wrongUsage('--access-sample needs --access-log');
    const user = context.option('user');
    const workers = wholeNumber(context, 'workers', 1, 64) ?? Math.min(2, availableParallelism());
    const drainSeconds = wholeNumber(context, 'drain-seconds', 0, 86_400) ?? 20;
    const { signal } = context;
    const inheritance = await inherit(process.env);
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
            ...(servingCa ? { servingCa } : {}),
            ...optional('clientCrl', context.option('client-crl')),
            ...optional('impersonationToken', context.option('impersonation-token')),
            ...optional('impersonationCertificate', context.option('impersonation-cert')),
            ...optional('impersonationKey', context.option('impersonation-key')),
          },
          filesByServer: Object.fromEntries(
            context.list('server-pki').map((text) => {
              const [, server, folder] = /^([^=]+)=(.+)$/.exec(text) ?? [];
              if (server === undefined) throw wrongUsage(`--server-pki takes SERVER=DIR, not '${text}'`);
              return [server, kubeadmFiles(folder)];
            }),
          ),
          identityHeaders: context.list('identity-header'),
          ...(accessLog === undefined ? {} : { accessLog: { path: accessLog, every } }),
          ...(metricsPort === undefined ? {} : { metricsPort }),
          ...(user ? { user: parseUser(user) } : {}),
          workers,
          drainSeconds,
          cut: secondSignal(signal),
          ...optional('pidFile', context.option('pid-file')),
          ...(inheritance ? { inheritance } : {}),
          // Whoever supervises this process (up) would take its end for a death.
          ...(process.channel && !inheritance
            ? {}
            : { succession: { asked: onHangUp, start: startSuccessor } }),
        },
        signal,
      );
    } finally {
      link.close();
    }
    return 0;
  },
};

/** Two options that only make sense together. @throws Failure `usage` */
function pairOf(
  context: Context,
  certificateOption: string,
  keyOption: string,
): { certificate: string; key: string } | undefined {
  const [certificate, key] = [context.option(certificateOption), context.option(keyOption)];
  if ((certificate === undefined) !== (key === undefined)) {
    throw wrongUsage(`--${certificateOption} and --${keyOption} belong together`);
  }
  return certificate !== undefined && key !== undefined ? { certificate, key } : undefined;
}

function optional<Key extends string>(key: Key, value: string | undefined): { [K in Key]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { [K in Key]?: string });
}

/** Aborts at the first SIGINT or SIGTERM after the one that aborted `first`. */
function secondSignal(first: AbortSignal): AbortSignal {
  const second = new AbortController();
  first.addEventListener(
    'abort',
    () => {
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => second.abort());
    },
    { once: true },
  );
  return second.signal;
}

function onHangUp(callback: () => void): void {
  process.on('SIGHUP', callback);
}

/** The same command line, less what enrols: that is done. */
function startSuccessor(): ChildProcess {
  const { [tokenVariable]: _token, ...environment } = process.env;
  const launcher = environment['PORTCULLIS_LAUNCHER'];
  const [script = '', ...args] = process.argv.slice(1);
  const before = launcher === undefined ? [...process.execArgv, script] : [];
  return spawn(launcher ?? process.execPath, [...before, ...withoutToken(args)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...environment, [successorVariable]: '1' },
    detached: true,
  });
}

function withoutToken(args: readonly string[]): string[] {
  return args.filter((arg, index) => !/^--token(=|$)/.test(arg) && args[index - 1] !== '--token');
}
