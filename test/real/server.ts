// A real kube-apiserver with its etcd on the range's control-plane host, in place of the range's own.
import type { ChildProcess } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Ground } from '../../range/range.ts';
import { apiServerPort } from '../../range/topology.ts';
import { Failure } from '../../src/base/failure.ts';

const startMs = 60_000;
/** Everything but the requests' first stage: a watch has a line when it begins and one when it ends. */
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
`;

/** audit.k8s.io/v1 Event, what the tests look at. */
export type AuditEvent = {
  readonly stage: string;
  readonly auditID: string;
  readonly requestURI: string;
  readonly verb: string;
  readonly user: { readonly username?: string; readonly groups?: readonly string[] };
  readonly impersonatedUser?: { readonly username?: string; readonly groups?: readonly string[] };
  readonly sourceIPs?: readonly string[];
  readonly userAgent?: string;
  readonly objectRef?: {
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
    readonly apiGroup?: string;
    readonly apiVersion?: string;
  };
  readonly responseStatus?: { readonly code?: number };
};

export type RealServer = {
  /** For startRange. */
  start(ground: Ground): Promise<ChildProcess>;
  audit(): AuditEvent[];
};

/** The folder with `kube-apiserver` and `etcd` that scripts/test-real made. @throws Failure `no-real-server` */
export function programs(): string {
  const folder = process.env['PORTCULLIS_REAL'];
  if (folder && existsSync(join(folder, 'kube-apiserver'))) return folder;
  throw new Failure('no-real-server', 'there is no kube-apiserver to test against', {
    hint: 'run scripts/test-real, which builds one',
  });
}

/** @param dir for the database, logs and certificates; created, this run's own */
export function realServer(dir: string): RealServer {
  const bin = programs();
  mkdirSync(dir, { recursive: true });
  const at = (name: string) => join(dir, name);
  const auditLog = at('audit.jsonl');
  writeFileSync(at('audit-policy.yaml'), auditPolicy);
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(at('sa.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
  writeFileSync(at('sa.key'), privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 });

  function startLogged(ground: Ground, name: string, args: readonly string[]): ChildProcess {
    const log = openSync(at(`${name}.log`), 'a');
    const child = ground.topology.spawnIn('cp', [join(bin, name), ...args], { stdio: ['ignore', log, log] });
    closeSync(log);
    return child;
  }

  return {
    async start(ground) {
      startLogged(ground, 'etcd', [
        `--data-dir=${at('etcd')}`,
        '--listen-client-urls=http://127.0.0.1:2379',
        '--advertise-client-urls=http://127.0.0.1:2379',
        '--listen-peer-urls=http://127.0.0.1:2380',
        '--initial-advertise-peer-urls=http://127.0.0.1:2380',
        '--initial-cluster=default=http://127.0.0.1:2380',
      ]);
      const server = startLogged(ground, 'kube-apiserver', flags(ground, at, auditLog));
      await ready(ground, server, at('kube-apiserver.log'));
      return server;
    },
    audit() {
      if (!existsSync(auditLog)) return [];
      const lines = readFileSync(auditLog, 'utf8').split('\n').slice(0, -1);
      return lines.map((line) => JSON.parse(line) as AuditEvent);
    },
  };
}

function flags({ topology, files }: Ground, at: (name: string) => string, auditLog: string): string[] {
  const pki = (name: string) => join(files.pki, name);
  return [
    '--etcd-servers=http://127.0.0.1:2379',
    `--advertise-address=${topology.hosts.cp.ipv4}`,
    `--secure-port=${apiServerPort}`,
    `--cert-dir=${at('certs')}`,
    `--tls-cert-file=${pki('apiserver.crt')}`,
    `--tls-private-key-file=${pki('apiserver.key')}`,
    `--client-ca-file=${pki('ca.crt')}`,
    `--token-auth-file=${files.tokens}`,
    `--requestheader-client-ca-file=${pki('front-proxy-ca.crt')}`,
    '--requestheader-allowed-names=front-proxy-client',
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    `--proxy-client-cert-file=${pki('front-proxy-client.crt')}`,
    `--proxy-client-key-file=${pki('front-proxy-client.key')}`,
    '--enable-aggregator-routing=true',
    `--kubelet-client-certificate=${pki('apiserver-kubelet-client.crt')}`,
    `--kubelet-client-key=${pki('apiserver-kubelet-client.key')}`,
    `--kubelet-certificate-authority=${pki('ca.crt')}`,
    '--kubelet-preferred-address-types=InternalIP',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-signing-key-file=${at('sa.key')}`,
    `--service-account-key-file=${at('sa.pub')}`,
    '--service-cluster-ip-range=10.96.0.0/12',
    '--authorization-mode=Node,RBAC',
    '--disable-admission-plugins=ServiceAccount',
    '--enable-bootstrap-token-auth=true',
    `--audit-log-path=${auditLog}`,
    `--audit-policy-file=${at('audit-policy.yaml')}`,
    '--audit-log-mode=blocking',
  ];
}

/** @throws Failure `no-real-server` with the end of its log */
async function ready({ topology, files }: Ground, server: ChildProcess, log: string): Promise<void> {
  const deadline = Date.now() + startMs;
  const ended = once(server, 'exit');
  ended.catch(() => {});
  while (Date.now() < deadline && server.exitCode === null) {
    const ran = await topology.runIn('cp', [
      ...[
        'kubectl',
        '--kubeconfig',
        files.kubeconfigs.admin,
        '--request-timeout=5s',
        'get',
        '--raw',
        '/readyz',
      ],
    ]);
    if (ran.stdout === 'ok') return;
    await Promise.race([delay(250), ended]);
  }
  const end = readFileSync(log, 'utf8').trim().split('\n').slice(-5).join('\n');
  throw new Failure('no-real-server', `kube-apiserver does not become ready:\n${end}`, { place: log });
}
