// The controller's own certificate authority: who may talk to it. Not related to any cluster's.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../base/failure.ts';
import type { Role } from '../model/api.ts';
import { readText, writeWhole } from '../platform/files.ts';
import { controllerServerName } from '../platform/https-json.ts';
import { validityOf, writeIdentity } from '../platform/identity.ts';
import { createAuthority, fingerprint, issue, type KeyPair, signRequest } from '../platform/pki.ts';

const authorityDays = 3650;
const workerDays = 365;
/** A new one is made at every start, and in time while it runs (own-certificates.ts). */
const serverDays = 397;

export type Authority = {
  readonly certificate: string;
  /** Sha-256 of the certificate, hex: what tokens pin. */
  readonly pin: string;
  /** When it ends, ms since the epoch. Nothing that it issues lasts longer. */
  readonly ends: number;
  /** A fresh server key with its chain, the CA included so that enrolment can pin it. */
  serverIdentity(names: readonly string[]): Promise<KeyPair>;
  /** Signs a request of a worker, or of a person who becomes admin. @throws Failure `bad-csr` */
  signWorker(request: string, role: Role, name: string): Promise<string>;
  /** Writes a fresh admin identity to `<dataDir>/admin/` and returns its certificate. */
  writeAdmin(dataDir: string, controller: string): Promise<string>;
};

/**
 * Opens the authority in `<dataDir>/pki/`, or makes it when `create` is given.
 * @throws Failure `bad-authority` when it is missing, expired, or its key isn't the certificate's
 */
export async function openAuthority(dataDir: string, create: boolean, now: number): Promise<Authority> {
  const keyFile = join(dataDir, 'pki', 'ca.key');
  const certificateFile = join(dataDir, 'pki', 'ca.pem');
  if (!existsSync(certificateFile)) {
    if (!create) {
      throw new Failure('bad-authority', 'the certificate authority of this data folder is missing', {
        place: certificateFile,
        hint: 'restore it: every agent and gate trusts only this one',
      });
    }
    const fresh = await createAuthority('portcullis', authorityDays);
    writeWhole(keyFile, fresh.key);
    writeWhole(certificateFile, fresh.certificate);
  }
  const pair: KeyPair = { key: readText(keyFile), certificate: readText(certificateFile) };
  checkPair(pair, certificateFile, now);
  const ends = validityOf(pair.certificate).until;
  const atMost = (days: number) => Math.min(days, (ends - Date.now()) / 86_400_000);
  const sign = (role: Role, name: string) => ({
    subject: { commonName: name, organizations: [`portcullis:${role}`] },
    use: ['client'] as const,
    days: atMost(workerDays),
  });
  return {
    certificate: pair.certificate,
    pin: fingerprint(pair.certificate),
    ends,
    async serverIdentity(names) {
      const server = await issue(pair, {
        subject: { commonName: controllerServerName },
        use: ['server'],
        names: [controllerServerName, ...names],
        days: atMost(serverDays),
      });
      return { key: server.key, certificate: `${server.certificate}${pair.certificate}` };
    },
    signWorker: (request, role, name) => signRequest(pair, request, sign(role, name)),
    async writeAdmin(folder, controller) {
      const admin = await issue(pair, sign('admin', 'admin'));
      writeIdentity(join(folder, 'admin'), {
        controller,
        role: 'admin',
        name: 'admin',
        key: admin.key,
        certificate: admin.certificate,
        ca: pair.certificate,
      });
      return admin.certificate;
    },
  };
}

function checkPair(pair: KeyPair, place: string, now: number): void {
  let why: string | undefined;
  try {
    const certificate = new X509Certificate(pair.certificate);
    if (!certificate.checkPrivateKey(createPrivateKey(pair.key))) why = 'its key is not its own';
    else if (certificate.validToDate.getTime() <= now) why = `it expired at ${certificate.validTo}`;
  } catch {
    why = 'its files are damaged';
  }
  if (why) throw new Failure('bad-authority', `the certificate authority can't be used: ${why}`, { place });
}
