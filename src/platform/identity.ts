// The mTLS identity of a client of the controller: a folder with its key, certificate, the controller's CA and address.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { parseCidr } from '../base/cidr.ts';
import { Failure } from '../base/failure.ts';
import { Role } from '../model/api.ts';
import { readText, syncFolder, writeWhole } from './files.ts';

/** The key, then its certificate. */
const pairFile = 'client.pem';
const formerFiles = ['key.pem', 'cert.pem'] as const;

const About = z.strictObject({ controller: z.string(), role: Role, name: z.string() });

/** Who we are to the controller, and where it is. PEM texts. */
export type ClientIdentity = {
  /** `address:port` of the controller, IPv6 in brackets. */
  readonly controller: string;
  readonly role: Role;
  readonly name: string;
  readonly key: string;
  readonly certificate: string;
  readonly ca: string;
};

/**
 * Reads the identity in a folder.
 * @throws Failure `not-enrolled` when there is none, `unreadable` or `bad-identity` when it is damaged
 */
export function readIdentity(folder: string): ClientIdentity {
  if (!existsSync(join(folder, 'identity.json'))) {
    throw new Failure('not-enrolled', 'there is no identity for the controller here', {
      place: folder,
      hint: '`portcullis token` on the controller’s host prints the command that enrols; or name another --data-dir',
    });
  }
  const place = join(folder, 'identity.json');
  let about: z.infer<typeof About>;
  try {
    about = About.parse(JSON.parse(readText(place)));
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw new Failure('bad-identity', 'the identity file is damaged', { place, cause, hint: 'enrol again' });
  }
  return { ...about, ...readPair(folder), ca: readText(join(folder, 'ca.pem')) };
}

/** Older versions wrote two files. @throws Failure `unreadable`, `bad-identity` */
function readPair(folder: string): { key: string; certificate: string } {
  const place = join(folder, pairFile);
  const [keyPlace, certificatePlace] = formerFiles.map((name) => join(folder, name)) as [string, string];
  if (!existsSync(place) && existsSync(keyPlace))
    return { key: readText(keyPlace), certificate: readText(certificatePlace) };
  const [key, certificate] = readText(place).match(/-----BEGIN [\s\S]*?-----END [A-Z ]+-----\n?/g) ?? [];
  if (key === undefined || certificate === undefined)
    throw new Failure('bad-identity', 'the identity file is damaged', { place, hint: 'enrol again' });
  return { key, certificate };
}

/**
 * Writes an identity, every file owner-only. Key and certificate are one file, so that a crash leaves the former pair or
 * the new one; where there was no identity, `identity.json` comes last, so that a torn write reads as not enrolled.
 */
export function writeIdentity(folder: string, identity: ClientIdentity): void {
  const { controller, role, name } = identity;
  writeWhole(join(folder, 'ca.pem'), identity.ca);
  writeWhole(join(folder, pairFile), `${identity.key.trimEnd()}\n${identity.certificate}`);
  writeWhole(join(folder, 'identity.json'), `${JSON.stringify({ controller, role, name })}\n`);
  for (const former of formerFiles) rmSync(join(folder, former), { force: true });
  // Once the new pair is used, the controller takes the former no more: it may not come back after a loss of power.
  syncFolder(folder);
}

/** From and until when a certificate is valid, milliseconds since the epoch. */
export type Validity = { readonly from: number; readonly until: number };

export function validityOf(certificate: string): Validity {
  const { validFromDate, validToDate } = new X509Certificate(certificate);
  return { from: validFromDate.getTime(), until: validToDate.getTime() };
}

/** True while the identity's certificate is valid, at `now` in milliseconds since the epoch. */
export function identityValid(identity: ClientIdentity, now: number): boolean {
  const { from, until } = validityOf(identity.certificate);
  return from <= now && now < until;
}

/** True when the certificate is what the controller issues to this one: for its key, its role and name, by its CA. */
export function isOwnCertificate({ key, certificate, ca, role, name }: ClientIdentity): boolean {
  try {
    const read = new X509Certificate(certificate);
    const issuer = new X509Certificate(ca);
    return (
      read.checkPrivateKey(createPrivateKey(key)) &&
      read.checkIssued(issuer) &&
      read.verify(issuer.publicKey) &&
      read.subject === `O=portcullis:${role}\nCN=${name}`
    );
  } catch {
    return false;
  }
}

/**
 * Splits `host:port` or `[address]:port`.
 * @throws Failure `bad-address`
 */
export function parseHostPort(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port < 1 || port > 65_535) {
    throw new Failure('bad-address', `'${text}' is not host:port (IPv6 addresses in brackets)`);
  }
  if (match[1] !== undefined) parseCidr(match[1]);
  return { host: match[1] ?? match[2] ?? '', port };
}
