// Who is let in: whom the authority's certificates stand for, until when, and how a worker's is renewed.
import { timestamp } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
import type { Role } from '../model/api.ts';
import type { NewEntry } from '../model/entry.ts';
import { validityOf } from '../platform/identity.ts';
import { fingerprint } from '../platform/pki.ts';
import type { Core } from './core.ts';
import { workerKey } from './state.ts';

/** What entries say of a certificate that was issued. */
export function issued(
  role: Role,
  name: string,
  certificate: string,
): { role: Role; name: string; certificate: string; expires: string } {
  const expires = timestamp(validityOf(certificate).until);
  return { role, name, certificate: fingerprint(certificate), expires };
}

/**
 * Lets in who comes with the one certificate that counts for role and name; or with the one that it was renewed to, which is
 * the one that counts from then on.
 * @throws Failure `bad-client-certificate`
 */
export function admit(
  core: Core,
  { role, name, certificate }: { readonly role: Role; readonly name: string; readonly certificate: string },
): void {
  const key = workerKey(role, name);
  const known = core.state.identities.get(key);
  const next = known?.next?.certificate === certificate ? known.next : undefined;
  const own = next ?? (known?.certificate === certificate ? known : undefined);
  if (!own) throw refused('was not issued by this controller, or another one was since');
  if (own.expires <= core.clock.now()) throw refused(`ended at ${timestamp(own.expires)}`);
  if (!next) return;
  const data = { what: 'used', role, name, certificate, expires: timestamp(next.expires) };
  core.record([{ kind: 'renewed', actor: key, subject: name, data } satisfies NewEntry]);
}

/** Of a client certificate: `why` says what of it. */
export function refused(why: string): Failure {
  return new Failure('bad-client-certificate', `the client certificate ${why}`, { hint: 'enrol again' });
}
