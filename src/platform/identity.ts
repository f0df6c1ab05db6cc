// The mTLS identity of a client of the controller: a folder with its key, certificate, the controller's CA and address.
import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { parseCidr } from '../base/cidr.ts';
import { Failure } from '../base/failure.ts';
import { Role } from '../model/api.ts';
import { readText, writeWhole } from './files.ts';

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
  return {
    ...about,
    key: readText(join(folder, 'key.pem')),
    certificate: readText(join(folder, 'cert.pem')),
    ca: readText(join(folder, 'ca.pem')),
  };
}

/** Writes an identity, every file owner-only; `identity.json` last, so that a torn write reads as not enrolled. */
export function writeIdentity(folder: string, identity: ClientIdentity): void {
  const { controller, role, name } = identity;
  writeWhole(join(folder, 'key.pem'), identity.key);
  writeWhole(join(folder, 'cert.pem'), identity.certificate);
  writeWhole(join(folder, 'ca.pem'), identity.ca);
  writeWhole(join(folder, 'identity.json'), `${JSON.stringify({ controller, role, name })}\n`);
}

/** True while the identity's certificate is valid, at `now` in milliseconds since the epoch. */
export function identityValid(identity: ClientIdentity, now: number): boolean {
  const certificate = new X509Certificate(identity.certificate);
  return certificate.validFromDate.getTime() <= now && now < certificate.validToDate.getTime();
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
