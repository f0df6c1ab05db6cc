// Bundles: shields that travel together, signed (docs/bundles.md).
import { z } from 'zod';
import { AdvisoryId } from './advisory.ts';
import { Name, Sha256, Timestamp } from './common.ts';
import { ShieldMode } from './mode.ts';

/** Bytes of a bundle. The shields that come with Portcullis are a few hundred KB. */
export const maxBundleBytes: number = 16 * 1024 * 1024;

/** Of a minisign key: 16 upper-case hex digits. */
export const KeyId = z.string().regex(/^[0-9A-F]{16}$/, 'the id of a key has 16 upper-case hex digits');
export type KeyId = z.infer<typeof KeyId>;
/** As people type it: minisign prints no leading zeros. */
const TypedKeyId = z
  .string()
  .regex(/^[0-9A-Fa-f]{1,16}$/, 'the id of a key has up to 16 hex digits')
  .transform((text) => text.toUpperCase().padStart(16, '0'));

/** Counts up; what it may be ends before numbers stop being exact. */
export const BundleVersion = z.int().min(1).max(1_000_000_000_000);

export const BundleFile = z.strictObject({
  /** A name, never a path. */
  file: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,100}\.ya?ml$/, 'the name of a YAML file, without a path'),
  sha256: Sha256,
  text: z.string(),
});
export type BundleFile = z.infer<typeof BundleFile>;

export const ShieldBundle = z.strictObject({
  apiVersion: z.literal('portcullis/v1'),
  kind: z.literal('ShieldBundle'),
  /** Versions count for each name by itself. */
  name: Name.max(60),
  version: BundleVersion,
  /** The version as people call it. */
  label: z
    .string()
    .regex(/^[\x20-\x7e]{1,60}$/)
    .optional(),
  createdAt: Timestamp,
  /** From then on its use is warned of; it stays in force. */
  expires: Timestamp.optional(),
  /** The oldest Portcullis that understands it. */
  minPortcullis: z
    .string()
    .regex(/^\d{1,5}\.\d{1,5}\.\d{1,5}$/)
    .optional(),
  shields: z.array(BundleFile).max(1000),
  /** What is no longer good from now on: keys, versions of this bundle, shields (those that came with Portcullis too). */
  revokes: z
    .strictObject({
      keys: z.array(KeyId).max(100).optional(),
      versions: z.array(BundleVersion).max(1000).optional(),
      shields: z.array(AdvisoryId).max(1000).optional(),
    })
    .optional(),
});
export type ShieldBundle = z.infer<typeof ShieldBundle>;

/** What a bundle changes in one shield, by the ids of its rules. */
export const ShieldChange = z.strictObject({
  shield: z.string(),
  change: z.enum(['added', 'changed', 'removed']),
  rules: z.strictObject({
    added: z.array(z.string()),
    changed: z.array(z.string()),
    removed: z.array(z.string()),
  }),
  /** What else of a changed shield differs: `tier`, `firstResponse`, `tests` … */
  fields: z.array(z.string()).default([]),
});
export type ShieldChange = z.infer<typeof ShieldChange>;

/**
 * POST /v1/bundles (admin): uses a bundle. `place` is where it was found, for messages. Answer: BundleAnswer.
 * `shadow`: shields that are new or changed judge and count at first, and act on nothing.
 * `dryRun`: everything is checked, and nothing changed.
 */
export const BundleRequest = z.strictObject({
  place: z.string().max(4096),
  text: z.string(),
  signature: z.string().max(16_384),
  shadow: z.boolean(),
  dryRun: z.boolean(),
});
export type BundleRequest = z.infer<typeof BundleRequest>;

/** A bundle that was used. */
export const UsedBundle = z.strictObject({
  name: Name,
  version: BundleVersion,
  label: z.string().optional(),
  key: KeyId,
  /** Sha-256 of its text. */
  digest: Sha256,
  createdAt: Timestamp,
  expires: Timestamp.optional(),
  expired: z.boolean(),
  usedAt: Timestamp,
  by: z.string(),
  /** Ids of its shields. */
  shields: z.array(z.string()),
  changes: z.array(ShieldChange),
  /** `void`: it was in force, or could be again, but for `why`. */
  state: z.enum(['in-force', 'superseded', 'void']),
  why: z.string().optional(),
});
export type UsedBundle = z.infer<typeof UsedBundle>;

export const BundleAnswer = z.strictObject({
  outcome: z.enum(['used', 'unchanged', 'dry-run']),
  name: Name,
  version: BundleVersion,
  key: KeyId,
  changes: z.array(ShieldChange),
  /** Shields that only look on at a server from now on, and their mode before. */
  shadowed: z.array(z.strictObject({ shield: z.string(), server: Name, from: ShieldMode })),
  /** Sentences: that it has expired, say. */
  warnings: z.array(z.string()),
});
export type BundleAnswer = z.infer<typeof BundleAnswer>;

export const BundleKey = z.strictObject({
  id: KeyId,
  /** The line of base64 that holds it; left out of a key that was revoked before it was ever trusted. */
  text: z.string().optional(),
  state: z.enum(['trusted', 'revoked']),
  by: z.string(),
  at: Timestamp,
  /** Why it was revoked, or where it was read. */
  why: z.string(),
});
export type BundleKey = z.infer<typeof BundleKey>;

/** The place that is looked at again and again. */
export const BundleSource = z.strictObject({
  url: z.string(),
  checkedAt: Timestamp.optional(),
  error: z.string().optional(),
});
export type BundleSource = z.infer<typeof BundleSource>;

/** GET /v1/bundles (people): newest use first. */
export const BundlesAnswer = z.strictObject({
  bundles: z.array(UsedBundle),
  keys: z.array(BundleKey),
  source: BundleSource.optional(),
});
export type BundlesAnswer = z.infer<typeof BundlesAnswer>;

/** POST /v1/bundles/trust (admin). */
export const TrustRequest = z.strictObject({ place: z.string().max(4096), key: z.string().max(16_384) });
export type TrustRequest = z.infer<typeof TrustRequest>;
/** POST /v1/bundles/revoke (admin). */
export const RevokeRequest = z.strictObject({ key: TypedKeyId, why: z.string().min(1).max(1000) });
export type RevokeRequest = z.infer<typeof RevokeRequest>;
/** Of both. */
export const KeyAnswer = z.strictObject({
  outcome: z.enum(['trusted', 'revoked', 'unchanged']),
  key: KeyId,
  /** Bundles that are void by it, and what is in force instead; sentences. */
  consequences: z.array(z.string()),
  changes: z.array(ShieldChange),
});
export type KeyAnswer = z.infer<typeof KeyAnswer>;
