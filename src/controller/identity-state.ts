// Whose certificates are let in, as the entries `enrolled` and `renewed` say.
import { z } from 'zod';
import { Role } from '../model/api.ts';
import { Sha256, Timestamp } from '../model/common.ts';

/** Older versions logged no end: it was `formerLifeMs` after the entry. */
export const EnrolledData = z.object({
  role: Role,
  name: z.string(),
  certificate: Sha256,
  expires: Timestamp.optional(),
  token: z.string().optional(),
});
/** A worker's own: `issued` while it may still come with the one before, `used` once it came with this one. */
export const RenewedData = z.object({
  what: z.enum(['issued', 'used']),
  role: Role,
  name: z.string(),
  certificate: Sha256,
  expires: Timestamp,
});

/** A certificate that is accepted: its sha256, and when it ends, ms since the epoch. */
type Accepted = { readonly certificate: string; readonly expires: number };
/** `next` was issued to the one who has this, and takes its place when it is used. */
export type IdentityState = Accepted & { readonly next?: Accepted };
/** By `workerKey`. */
type Identities = Map<string, IdentityState>;

const formerLifeMs = 365 * 86_400_000;

export function applyEnrolled(
  identities: Identities,
  key: string,
  { certificate, expires }: z.infer<typeof EnrolledData>,
  at: number,
): void {
  const ends = expires === undefined ? at + formerLifeMs : Date.parse(expires);
  identities.set(key, { certificate, expires: ends });
}

export function applyRenewed(
  identities: Identities,
  key: string,
  { what, certificate, expires }: z.infer<typeof RenewedData>,
): void {
  const issued = { certificate, expires: Date.parse(expires) };
  const known = identities.get(key);
  if (what === 'used') identities.set(key, issued);
  else if (known) identities.set(key, { ...known, next: issued });
}
