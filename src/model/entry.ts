// Entries of the one log. Every change of state is one; each holds the hash of the one before.
import { z } from 'zod';
import { Sha256, Timestamp } from './common.ts';

export const EntryKind = z.enum([
  'genesis',
  'enrolled',
  'renewed',
  'inventory',
  'policy',
  'shield',
  'advisory',
  'probe',
  'tags',
  'tagged',
  'stage',
  'mode',
  'exemption',
  'plan',
  'receipt',
  'health',
  'incident',
  'safe-probe',
  'drift',
  'token',
  'denied',
  'draft',
  'approval',
  'confirmed',
  'expired',
  'resolved',
  'bundle',
  'verification',
]);
export type EntryKind = z.infer<typeof EntryKind>;

/** An entry before it is chained. */
export const NewEntry = z.strictObject({
  kind: EntryKind,
  /** Who did it: `controller`, `agent:cp-1`, `gate:cp-1`, `user:admin`, `viewer:ann`. */
  actor: z.string(),
  /** What it is about: a server, a host, a shield. */
  subject: z.string(),
  /** JSON; secrets never. */
  data: z.record(z.string(), z.json()),
});
export type NewEntry = z.infer<typeof NewEntry>;

export const Entry = NewEntry.extend({
  /** From 1, without gaps. */
  seq: z.int().min(1),
  at: Timestamp,
  /** Hash of entry seq-1; 64 zeros for the first. */
  prev: Sha256,
  /** sha256 of the canonical JSON of everything above. */
  hash: Sha256,
});
export type Entry = z.infer<typeof Entry>;
