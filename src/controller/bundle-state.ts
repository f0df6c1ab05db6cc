// Which bundles were used and which keys count, as the log has it, and what of that stands.
import { z } from 'zod';
import { BundleVersion, KeyId, ShieldChange } from '../model/bundle.ts';
import { Sha256, Timestamp } from '../model/common.ts';

/** The `data` of an entry of kind `bundle`. The subject is the bundle's name, the key's id, or the URL. */
export const BundleData = z.discriminatedUnion('what', [
  z.object({ what: z.literal('trusted'), key: z.string(), place: z.string(), first: z.string().optional() }),
  z.object({ what: z.literal('revoked'), why: z.string(), first: z.string().optional() }),
  z.object({
    what: z.literal('used'),
    version: BundleVersion,
    label: z.string().optional(),
    key: KeyId,
    /** Its text and its signature are documents of the log. */
    document: Sha256,
    signature: Sha256,
    createdAt: Timestamp,
    expires: Timestamp.optional(),
    place: z.string(),
    shields: z.array(z.string()),
    revokes: z.object({
      keys: z.array(KeyId).default([]),
      versions: z.array(BundleVersion).default([]),
      shields: z.array(z.string()).default([]),
    }),
    changes: z.array(ShieldChange),
    /** Shields that are new or changed went to shadow with it. */
    shadow: z.boolean().optional(),
    /** Who asked for it first, where it needed two people. */
    first: z.string().optional(),
  }),
  /** It stands, but can't be used as it is; `why` is left out when it can be again. */
  z.object({ what: z.literal('unusable'), document: Sha256, why: z.string().optional() }),
  z.object({ what: z.literal('expired'), document: Sha256 }),
  z.object({ what: z.literal('fetch'), error: z.string().optional() }),
]);
export type BundleData = z.infer<typeof BundleData>;
type UseData = Extract<BundleData, { what: 'used' }>;

export type BundleUse = UseData & { readonly name: string; readonly by: string; readonly at: number };
type KeyState = { readonly by: string; readonly at: number; readonly text: string; readonly place: string };
type Revocation = { readonly by: string; readonly at: number; readonly why: string };

/** Replaced, never changed in place. */
export type BundleState = {
  readonly keys: ReadonlyMap<string, KeyState>;
  /** By people. Bundles revoke too: see `standing`. */
  readonly revoked: ReadonlyMap<string, Revocation>;
  /** Oldest first. */
  readonly used: readonly BundleUse[];
  /** By document: what the last entry said of it. */
  readonly unusable: ReadonlyMap<string, string>;
  /** Documents of which the log says already that they have expired. */
  readonly expired: ReadonlySet<string>;
  /** Why the last fetch failed. */
  readonly fetchError?: string;
};

export const noBundles: BundleState = {
  keys: new Map(),
  revoked: new Map(),
  used: [],
  unusable: new Map(),
  expired: new Set(),
};

export function applyBundle(
  state: BundleState,
  data: BundleData,
  { subject, actor: by, at }: { readonly subject: string; readonly actor: string; readonly at: number },
): BundleState {
  switch (data.what) {
    case 'trusted': {
      const { key: text, place } = data;
      return { ...state, keys: new Map(state.keys).set(subject, { text, place, by, at }) };
    }
    case 'revoked':
      return { ...state, revoked: new Map(state.revoked).set(subject, { why: data.why, by, at }) };
    case 'used':
      return { ...state, used: [...state.used, { ...data, name: subject, by, at }] };
    case 'unusable': {
      const unusable = new Map(state.unusable);
      if (data.why === undefined) unusable.delete(data.document);
      else unusable.set(data.document, data.why);
      return { ...state, unusable };
    }
    case 'expired':
      return { ...state, expired: new Set(state.expired).add(data.document) };
    case 'fetch': {
      const { fetchError: _, ...rest } = state;
      return data.error === undefined ? rest : { ...rest, fetchError: data.error };
    }
  }
}

export type Standing = {
  /** One for each name at most, in the order of their use. */
  readonly inForce: readonly BundleUse[];
  /** Why a bundle can't be in force, by document. */
  readonly voided: ReadonlyMap<string, string>;
  /** Those of them that this program can't read, by document. */
  readonly unusable: ReadonlyMap<string, string>;
  /** By id: by whom and why. */
  readonly revokedKeys: ReadonlyMap<string, Revocation>;
  readonly revokedShields: ReadonlySet<string>;
};

/**
 * What of the bundles stands. A key that a person revoked takes with it all that it signed, and what that revoked; of the
 * rest, a later bundle's word counts before an earlier one's. For each name the last one used that is not void is in force.
 * @param unusable documents that this program can't read, with the reason
 */
export function standing(state: BundleState, unusable: ReadonlyMap<string, string> = new Map()): Standing {
  const revokedKeys = new Map(state.revoked);
  const voided = new Map<string, string>();
  const revokedVersions = new Set<string>();
  for (const use of state.used.toReversed()) {
    const { document, key, name, version, revokes } = use;
    const revocation = revokedKeys.get(key);
    if (revocation) {
      voided.set(document, `its key ${key} was revoked: ${revocation.why}`);
      continue;
    }
    for (const id of revokes.keys) {
      const why = `by bundle ${name} ${version}`;
      if (!revokedKeys.has(id)) revokedKeys.set(id, { why, by: use.by, at: use.at });
    }
    for (const item of revokes.versions) revokedVersions.add(`${name} ${item}`);
    const broken = unusable.get(document);
    if (revokedVersions.has(`${name} ${version}`)) voided.set(document, 'a later version revoked it');
    else if (broken !== undefined) voided.set(document, `this program can't use it: ${broken}`);
  }
  const revokedShields = new Set<string>();
  const last = new Map<string, BundleUse>();
  for (const use of state.used) {
    if (voided.has(use.document)) continue;
    for (const id of use.shields) revokedShields.delete(id);
    for (const id of use.revokes.shields) revokedShields.add(id);
    last.delete(use.name);
    last.set(use.name, use);
  }
  return { inForce: [...last.values()], voided, unusable, revokedKeys, revokedShields };
}

/**
 * The version that the next one of a name must be above: the highest that was used, void or not, but for what a revoked
 * key signed, which can't come back and must not hold up what follows. 0 where there is none.
 */
export function highestVersion(state: BundleState, name: string): number {
  const { revokedKeys } = standing(state);
  return Math.max(
    0,
    ...state.used.filter((use) => use.name === name && !revokedKeys.has(use.key)).map((use) => use.version),
  );
}
