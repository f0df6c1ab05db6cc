// Uses bundles, trusts and revokes keys, and tells what of all that stands.
import { timestamp } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
import { sha256 } from '../log/chain.ts';
import type { Status } from '../model/api.ts';
import type {
  BundleAnswer,
  BundleKey,
  BundleRequest,
  KeyAnswer,
  RevokeRequest,
  TrustRequest,
  UsedBundle,
} from '../model/bundle.ts';
import type { NewEntry } from '../model/entry.ts';
import type { Shield } from '../model/shield.ts';
import { programVersion } from '../platform/program-version.ts';
import { gateShield } from '../policy/gate-shield.ts';
import {
  bundleShields,
  type OpenedBundle,
  openBundle,
  requireProgram,
  shieldChanges,
  type TrustedKeys,
} from '../shields/bundle.ts';
import { checkCatalogueCost } from '../shields/cost.ts';
import { readPublicKey } from '../shields/minisign.ts';
import { type BundleData, type BundleUse, highestVersion } from './bundle-state.ts';
import type { Core } from './core.ts';
import { createStanding } from './shield-standing.ts';
import { checkSiteValues } from './site-values.ts';
import { pairKey } from './state.ts';
import { opensAlone, requireTwoForBundle } from './two-people.ts';

/**
 * Verifies a bundle and puts its shields in force, or says what that would change. The one that is in force already changes
 * nothing. @throws Failure as openBundle and bundleShields; `bundle-needs-newer`, `bundle-rollback`,
 * `shield-in-two-bundles`, `catalogue-too-costly`, `approval-required`, or the compiler's; nothing is changed then
 */
export function useBundle(core: Core, request: BundleRequest, actor: string): BundleAnswer {
  const { place, text, signature, shadow, dryRun } = request;
  const opened = openBundle(Buffer.from(text), signature, trustedKeys(core), place);
  const { bundle, key, digest } = opened;
  const { name, version } = bundle;
  const warnings = expiryWarning(bundle.expires, core.clock.now(), name, version);
  if (core.bundles.inForce.some((use) => use.document === digest))
    return { outcome: 'unchanged', name, version, key, changes: [], shadowed: [], warnings };
  requireNewer(core, opened, place);
  requireProgram(bundle, programVersion, place);
  const shields = bundleShields(bundle, place, 'proven');
  requireOwn(
    core,
    name,
    shields.map(({ id }) => id),
    place,
  );
  const make = (changes: BundleAnswer['changes'], first?: string): NewEntry => ({
    kind: 'bundle',
    actor,
    subject: name,
    data: {
      what: 'used',
      version,
      ...(bundle.label === undefined ? {} : { label: bundle.label }),
      key,
      document: digest,
      signature: sha256(signature),
      createdAt: bundle.createdAt,
      ...(bundle.expires === undefined ? {} : { expires: bundle.expires }),
      place,
      shields: shields.map(({ id }) => id),
      revokes: {
        keys: bundle.revokes?.keys ?? [],
        versions: bundle.revokes?.versions ?? [],
        shields: bundle.revokes?.shields ?? [],
      },
      changes,
      ...(shadow ? { shadow } : {}),
      ...(first === undefined ? {} : { first }),
    } satisfies BundleData,
  });
  const documents = [text, signature];
  const after = core.preview([make([])], documents);
  checkCatalogueCost(
    after.knowledge.shields.map((shield) => gateShield(shield)),
    place,
  );
  checkSiteValues(core.policy(), after.knowledge.shields);
  const changes = shieldChanges(core.knowledge.shields, after.knowledge.shields);
  const looksOn = shadow ? shadowEntries(core, changes, shields, `bundle ${name} ${version}`, actor) : [];
  const shadowed = looksOn.map(({ shadowed: one }) => one);
  warnings.push(...weakerWarnings(core, changes, shields, shadowed));
  const answer = { name, version, key, changes, shadowed, warnings };
  if (dryRun) return { outcome: 'dry-run', ...answer };
  const first =
    actor !== 'controller' && changesWhatStands(changes)
      ? requireTwoForBundle(
          core,
          { subject: name, what: `bundle ${digest}`, why: `version ${version}, from ${place}` },
          actor,
          `portcullis bundle use ${place}`,
        )
      : undefined;
  inPlainWords(() => core.decide([make(changes, first), ...looksOn.map(({ entry }) => entry)], documents));
  return { outcome: 'used', ...answer };
}

/** More shields open nothing. */
function changesWhatStands(changes: BundleAnswer['changes']): boolean {
  return changes.some(({ change }) => change !== 'added');
}

/**
 * Entries that put every shield that is new or changed in shadow at every server, but where a person had switched it off.
 * @throws Failure `approval-required`: where the policy asks two people for what opens, one that is enforced is not weakened so
 */
function shadowEntries(
  core: Core,
  changes: BundleAnswer['changes'],
  shields: readonly Shield[],
  source: string,
  actor: string,
): { readonly entry: NewEntry; readonly shadowed: BundleAnswer['shadowed'][number] }[] {
  const standing = createStanding(core);
  const why = `${source}: at first in shadow`;
  return changes.flatMap(({ shield: id, change }) => {
    const shield = shields.find((one) => one.id === id);
    if (!shield) return [];
    return (core.inventory()?.servers ?? []).flatMap(({ name: server }) => {
      const former = core.knowledge.shields.find((one) => one.id === id) ?? shield;
      const from = standing.settings(server, former).mode;
      const held = core.state.modes.get(pairKey(server, id))?.mode;
      if (from === 'off' || held === 'shadow') return [];
      if (change === 'changed' && from === 'enforce' && opensAlone(core))
        throw new Failure(
          'approval-required',
          `shadow opens what ${id} closes at ${server}: it needs two people`,
          {
            hint: `two people: portcullis mode ${server} ${id} shadow --why "…"; a bundle leaves that as it is`,
          },
        );
      const data = { shield: id, mode: 'shadow', from, why };
      return [
        {
          entry: { kind: 'mode' as const, actor, subject: server, data },
          shadowed: { shield: id, server, from },
        },
      ];
    });
  });
}

/** What of a bundle does less than before, in sentences: it may be meant, and must not go by unseen. */
function weakerWarnings(
  core: Core,
  changes: BundleAnswer['changes'],
  shields: readonly Shield[],
  shadowed: BundleAnswer['shadowed'],
): string[] {
  return changes.flatMap(({ shield: id, change }) => {
    const [former, now] = [core.knowledge.shields, shields].map((all) => all.find((one) => one.id === id));
    if (change === 'removed') return [`${id} is no shield any more`];
    if (!former || !now) return [];
    const open = shadowed
      .filter((one) => one.shield === id && one.from === 'enforce')
      .map((one) => one.server);
    return [
      ...(open.length > 0 ? [`${id} was enforced at ${open.join(', ')}, and only looks on from now on`] : []),
      ...(former.tier < 2 && now.tier >= 2
        ? [
            `${id} goes from tier ${former.tier} to ${now.tier}: where neither policy nor a person says else, it only looks on`,
          ]
        : []),
    ];
  });
}

/** @throws Failure `bad-signing-key`, `revoked-key`, `approval-required` */
export function trustKey(core: Core, { place, key: text }: TrustRequest, actor: string): KeyAnswer {
  const key = readPublicKey(text, place);
  const known = core.state.bundles.keys.get(key.id);
  const revocation = core.bundles.revokedKeys.get(key.id);
  if (revocation)
    throw new Failure('revoked-key', `key ${key.id} was revoked: ${revocation.why}`, {
      place,
      hint: 'a key that was revoked stays so; make a new one: portcullis bundle keygen',
    });
  if (known && known.text !== key.text)
    throw new Failure('bad-signing-key', `another key is trusted under the id ${key.id}`, {
      place,
      hint: 'compare it with its publisher; one of the two is forged',
    });
  if (known) return { outcome: 'unchanged', key: key.id, consequences: [], changes: [] };
  const first = requireTwoForBundle(
    core,
    { subject: key.id, what: 'trust', why: place },
    actor,
    `portcullis bundle trust ${place}`,
  );
  const data = {
    what: 'trusted',
    key: key.text,
    place,
    ...(first === undefined ? {} : { first }),
  } satisfies BundleData;
  core.record([{ kind: 'bundle', actor, subject: key.id, data }]);
  return { outcome: 'trusted', key: key.id, consequences: [], changes: [] };
}

/**
 * Revokes a key for good: what it signed is void, and for each name the newest bundle of another key, or the shields that
 * came with Portcullis, stand instead. @throws Failure `unknown-key`, `approval-required`, or the compiler's; nothing is
 * changed then
 */
export function revokeKey(core: Core, { key, why }: RevokeRequest, actor: string): KeyAnswer {
  const { keys, revoked } = core.state.bundles;
  if (revoked.has(key)) return { outcome: 'unchanged', key, consequences: [], changes: [] };
  if (!keys.has(key))
    throw new Failure('unknown-key', `no key is known by the id ${key}`, {
      hint: 'portcullis bundle list shows the keys',
    });
  const data = { what: 'revoked', why } satisfies BundleData;
  const entry: NewEntry = { kind: 'bundle', actor, subject: key, data };
  const after = core.preview([entry]);
  const changes = shieldChanges(core.knowledge.shields, after.knowledge.shields);
  const consequences = core.bundles.inForce
    .filter((use) => after.bundles.voided.has(use.document))
    .map((use) => {
      const instead = after.bundles.inForce.find((other) => other.name === use.name);
      const stands = instead ? `version ${instead.version}` : 'the shields that came with Portcullis';
      return `bundle ${use.name} ${use.version} is void; in force instead: ${stands}`;
    });
  const first = changesWhatStands(changes)
    ? requireTwoForBundle(
        core,
        { subject: key, what: 'revoke', why },
        actor,
        `portcullis bundle revoke ${key} --why "…"`,
      )
    : undefined;
  const full = {
    ...entry,
    data: { ...data, consequences, changes, ...(first === undefined ? {} : { first }) },
  };
  inPlainWords(() => core.decide([full]));
  return { outcome: 'revoked', key, consequences, changes };
}

/** Every bundle that was used, newest use first. */
export function listBundles(core: Core): UsedBundle[] {
  return core.state.bundles.used.map((use) => describe(core, use)).reverse();
}

/** What counts now: bundles in force, and those that are void with nothing newer of their name in force. */
export function bundleStatus(core: Core): Status['bundles'] {
  const newest = new Map(core.bundles.inForce.map((use) => [use.name, use.version]));
  return listBundles(core)
    .filter(({ state, name, version }) =>
      state === 'void' ? version > (newest.get(name) ?? 0) : state === 'in-force',
    )
    .map(({ changes: _, shields: __, ...rest }) => rest);
}

export function listKeys(core: Core): BundleKey[] {
  const { keys } = core.state.bundles;
  const { revokedKeys } = core.bundles;
  return [...new Set([...keys.keys(), ...revokedKeys.keys()])].sort().flatMap((id): BundleKey[] => {
    const trusted = keys.get(id);
    const revoked = revokedKeys.get(id);
    const text = trusted ? { text: trusted.text } : {};
    if (revoked)
      return [{ id, ...text, state: 'revoked', by: revoked.by, at: timestamp(revoked.at), why: revoked.why }];
    if (!trusted) return [];
    return [{ id, ...text, state: 'trusted', by: trusted.by, at: timestamp(trusted.at), why: trusted.place }];
  });
}

function describe(core: Core, use: BundleUse): UsedBundle {
  const { name, version, label, key, document, createdAt, expires, at, by, shields, changes } = use;
  const { inForce, voided } = core.bundles;
  const why = voided.get(document);
  return {
    name,
    version,
    ...(label === undefined ? {} : { label }),
    key,
    digest: document,
    createdAt,
    ...(expires === undefined ? {} : { expires }),
    expired: hasExpired(expires, core.clock.now()),
    usedAt: timestamp(at),
    by,
    shields,
    changes,
    state: why !== undefined ? 'void' : inForce.includes(use) ? 'in-force' : 'superseded',
    ...(why === undefined ? {} : { why }),
  };
}

/** Logs once what became of bundles without anybody's doing: they expired, or this program can't read them. */
export function noticeBundles(core: Core, note: (line: string) => void): void {
  const { bundles } = core.state;
  const entries: NewEntry[] = [];
  for (const { document, name, version, expires } of core.bundles.inForce) {
    if (!hasExpired(expires, core.clock.now()) || bundles.expired.has(document)) continue;
    const data = { what: 'expired', document, version };
    entries.push({ kind: 'bundle', actor: 'controller', subject: name, data });
    note(`warning: bundle ${name} ${version} expired at ${expires}; it stays in force, use a newer one`);
  }
  for (const { document, name, version } of bundles.used) {
    const why = core.bundles.unusable.get(document);
    if (why === bundles.unusable.get(document)) continue;
    const data = { what: 'unusable', document, version, ...(why === undefined ? {} : { why }) };
    entries.push({ kind: 'bundle', actor: 'controller', subject: name, data });
    if (why !== undefined)
      note(`warning: bundle ${name} ${version} is void: this program can't use it: ${why}`);
  }
  core.record(entries);
}

/** Keys whose signature counts now. */
function trustedKeys(core: Core): TrustedKeys {
  const { keys } = core.state.bundles;
  const trusted = new Map([...keys].map(([id, { text }]) => [id, readPublicKey(text, `key ${id}`)]));
  return { trusted, revoked: new Set(core.bundles.revokedKeys.keys()) };
}

function requireNewer(core: Core, { bundle, digest }: OpenedBundle, place: string): void {
  const { name, version } = bundle;
  const highest = highestVersion(core.state.bundles, name);
  if (version > highest) return;
  const same = core.state.bundles.used.find((use) => use.name === name && use.version === version);
  const message =
    same && same.document !== digest && version === highest
      ? `version ${version} of ${name} was used already, with other contents`
      : `version ${version} of ${name} is not newer than ${highest}, which was used`;
  throw new Failure('bundle-rollback', message, {
    place,
    hint: 'the publisher builds what is to replace it with a higher version',
  });
}

/** @throws Failure `shield-in-two-bundles`: two publishers who don't know of each other would undo each other's work */
function requireOwn(core: Core, name: string, ids: readonly string[], place: string): void {
  for (const other of core.bundles.inForce) {
    const id = other.name === name ? undefined : ids.find((item) => other.shields.includes(item));
    if (id === undefined) continue;
    throw new Failure(
      'shield-in-two-bundles',
      `shield ${id} is in bundle ${other.name} ${other.version} too`,
      {
        place,
        hint: `leave it out of one of the two`,
      },
    );
  }
}

function inPlainWords(decide: () => void): void {
  try {
    decide();
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'unknown-shield') throw error;
    throw new Failure('unknown-shield', `${error.message} then`, {
      ...(error.place === undefined ? {} : { place: error.place }),
      hint: 'lift it first (portcullis stage SERVER SHIELD lifted --why "…"), or use another bundle that holds it',
      cause: error,
    });
  }
}

function hasExpired(expires: string | undefined, now: number): boolean {
  return expires !== undefined && Date.parse(expires) <= now;
}

function expiryWarning(expires: string | undefined, now: number, name: string, version: number): string[] {
  if (!hasExpired(expires, now)) return [];
  return [`bundle ${name} ${version} expired at ${expires}: its publisher should have a newer one`];
}
