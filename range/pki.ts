// The cluster's certificates and kubeconfigs, laid out as kubeadm does under /etc/kubernetes.
import { join } from 'node:path';
import { stringify } from 'yaml';
import { writeWhole } from '../src/platform/files.ts';
import { createAuthority, issue, type KeyPair, type Subject } from '../src/platform/pki.ts';

/** Static bearer tokens (`--token-auth-file`): who each stands for. Worthless outside the range. */
export const tokens = {
  'dev-token': { value: 'range.developer-token.7f3a', user: 'dev-token', groups: ['developers'] },
  mallory: { value: 'range.mallory.91c2', user: 'mallory', groups: ['guests'] },
  /** The gate's service account: what a gate in mode impersonation shows the server. */
  gate: {
    value: 'range.gate-token.5d0e',
    user: 'system:serviceaccount:portcullis:gate',
    groups: ['system:serviceaccounts', 'system:serviceaccounts:portcullis'],
  },
} as const;

/** Client certificates beside kubeadm's own, each with a kubeconfig `<name>.kubeconfig` and `pki/<name>.crt/.key`. */
const users: Readonly<Record<CertificateUser, Subject>> = {
  developer: { commonName: 'developer', organizations: ['developers'] },
  mallory: { commonName: 'mallory', organizations: ['guests'] },
  admin: { commonName: 'kubernetes-admin', organizations: ['system:masters'] },
  breakglass: { commonName: 'breakglass', organizations: ['system:masters'] },
  kubelet: { commonName: 'system:node:node', organizations: ['system:nodes'] },
  'controller-manager': { commonName: 'system:kube-controller-manager' },
};
type CertificateUser = 'developer' | 'mallory' | 'admin' | 'breakglass' | 'kubelet' | 'controller-manager';
export type Kubeconfig = CertificateUser | 'developer-token' | 'mallory-token';

export type ClusterFiles = {
  /** kubeadm's `/etc/kubernetes/pki`. */
  readonly pki: string;
  /** CSV as `--token-auth-file` wants it. */
  readonly tokens: string;
  readonly kubeconfigs: Readonly<Record<Kubeconfig, string>>;
};

/** Writes everything under `dir`. `server` is the address in the kubeconfigs, `names` the API server's further names. */
export async function createClusterFiles(options: {
  dir: string;
  server: string;
  names: readonly string[];
  kubeletNames: readonly string[];
  aggregatedNames: readonly string[];
}): Promise<ClusterFiles> {
  const pki = join(options.dir, 'pki');
  const write = (name: string, pair: KeyPair) => {
    writeWhole(join(pki, `${name}.crt`), pair.certificate, 0o644);
    writeWhole(join(pki, `${name}.key`), pair.key);
  };
  const [ca, frontProxyCa, strangerCa] = await Promise.all([
    createAuthority('kubernetes', 30),
    createAuthority('front-proxy-ca', 30),
    createAuthority('stranger', 30),
  ]);
  write('ca', ca);
  write('front-proxy-ca', frontProxyCa);
  const leaf = async (
    name: string,
    authority: KeyPair,
    use: 'server' | 'client',
    subject: Subject,
    names: readonly string[] = [],
  ) => write(name, await issue(authority, { subject, use: [use], names, days: 30 }));
  await Promise.all([
    leaf('apiserver', ca, 'server', { commonName: 'kube-apiserver' }, options.names),
    leaf('kubelet-server', ca, 'server', { commonName: 'system:node:node' }, options.kubeletNames),
    leaf('metrics-server', ca, 'server', { commonName: 'metrics-server' }, options.aggregatedNames),
    leaf('apiserver-kubelet-client', ca, 'client', {
      commonName: 'kube-apiserver-kubelet-client',
      organizations: ['system:masters'],
    }),
    leaf('portcullis-gate', ca, 'client', { commonName: 'portcullis-gate' }),
    leaf('front-proxy-client', frontProxyCa, 'client', { commonName: 'front-proxy-client' }),
    // Signed by nobody the cluster knows: for tests of what must be refused.
    leaf('stranger', strangerCa, 'client', {
      commonName: 'kubernetes-admin',
      organizations: ['system:masters'],
    }),
    ...Object.entries(users).map(([name, subject]) => leaf(name, ca, 'client', subject)),
  ]);

  const tokensFile = join(options.dir, 'tokens.csv');
  writeWhole(
    tokensFile,
    Object.values(tokens)
      .map((token) => `${token.value},${token.user},${token.user},"${token.groups.join(',')}"\n`)
      .join(''),
  );

  const credentials: readonly (readonly [Kubeconfig, Record<string, string>])[] = [
    ...(Object.keys(users) as CertificateUser[]).map(
      (name) =>
        [
          name,
          { 'client-certificate': join(pki, `${name}.crt`), 'client-key': join(pki, `${name}.key`) },
        ] as const,
    ),
    ['developer-token', { token: tokens['dev-token'].value }],
    ['mallory-token', { token: tokens.mallory.value }],
  ];
  const kubeconfigs = Object.fromEntries(
    credentials.map(([name, user]) => {
      const path = join(options.dir, `${name}.kubeconfig`);
      writeWhole(path, kubeconfig(options.server, join(pki, 'ca.crt'), name, user));
      return [name, path];
    }),
  ) as Record<Kubeconfig, string>;
  return { pki, tokens: tokensFile, kubeconfigs };
}

function kubeconfig(server: string, ca: string, name: string, user: Record<string, string>): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'lab', cluster: { server, 'certificate-authority': ca } }],
    users: [{ name, user }],
    contexts: [{ name: 'lab', context: { cluster: 'lab', user: name, namespace: 'lab' } }],
    'current-context': 'lab',
  });
}
