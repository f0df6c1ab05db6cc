// The benchmark's files, made anew for each run.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAuthority, issue } from '../../src/platform/pki.ts';

/** Keys as kubeadm lays them out, PEM bundles for HAProxy, ECDSA P-256 everywhere; and what the server serves as /bulk. */
export async function writeKeys(folder: string): Promise<void> {
  const authority = await createAuthority('bench ca', 1);
  const names = ['kubernetes', '127.0.0.1'];
  const pairs = {
    apiserver: await issue(authority, {
      subject: { commonName: 'kube-apiserver' },
      use: ['server'],
      names,
      days: 1,
    }),
    'front-proxy-client': await issue(authority, {
      subject: { commonName: 'front-proxy-client' },
      use: ['client'],
      days: 1,
    }),
    user: await issue(authority, {
      subject: { commonName: 'bench-user', organizations: ['bench-group'] },
      use: ['client'],
      days: 1,
    }),
  };
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text, { mode: 0o600 });
  mkdirSync(join(folder, 'www'));
  write('www/bulk', 'x'.repeat(2_500_000));
  write('ca.crt', authority.certificate);
  for (const [name, pair] of Object.entries(pairs)) {
    write(`${name}.crt`, pair.certificate);
    write(`${name}.key`, pair.key);
  }
  write('apiserver.pem', pairs.apiserver.certificate + pairs.apiserver.key);
  write('front-proxy.pem', pairs['front-proxy-client'].certificate + pairs['front-proxy-client'].key);
}
