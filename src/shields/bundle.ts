// Signed bundles of shields: built, and taken apart again only after the signature is known to be good.
import { createHash } from 'node:crypto';
import { canonicalJson } from '../base/canonical-json.ts';
import { Failure } from '../base/failure.ts';
import { compareVersions, parseVersion } from '../base/version.ts';
import { type BundleFile, maxBundleBytes, ShieldBundle, type ShieldChange } from '../model/bundle.ts';
import type { Shield } from '../model/shield.ts';
import { loadShield, parseShield } from './load.ts';
import { type PublicKey, readSignature, verifySignature } from './minisign.ts';

const maxShieldBytes = 2 * 1024 * 1024;

/** Whose signatures count. */
export type TrustedKeys = {
  readonly trusted: ReadonlyMap<string, PublicKey>;
  readonly revoked: ReadonlySet<string>;
};

export type OpenedBundle = {
  readonly bundle: ShieldBundle;
  /** Id of the key that signed it. */
  readonly key: string;
  readonly trustedComment: string;
  /** Sha-256 of its text. */
  readonly digest: string;
};

/**
 * Verifies a bundle and reads it; its shields are not loaded yet. In this order, the first that fails being told: its size,
 * the form of the signature, its key, the signature, and only then the text, which must be the canonical JSON of what the
 * schema says, with every shield as its hash says.
 * @param place the file's or URL's name, for messages
 * @throws Failure `bundle-too-large`, `bad-signature`, `unknown-key`, `revoked-key`, `bad-bundle`
 */
export function openBundle(
  text: Buffer,
  signatureText: string,
  keys: TrustedKeys,
  place: string,
): OpenedBundle {
  if (text.length > maxBundleBytes)
    throw new Failure('bundle-too-large', `the bundle is larger than ${maxBundleBytes / 1024 / 1024} MiB`, {
      place,
    });
  const signature = readSignature(signatureText, `${place}.minisig`);
  const id = signature.key;
  if (keys.revoked.has(id))
    throw new Failure('revoked-key', `it is signed by key ${id}, which was revoked`, {
      place,
      hint: 'get a bundle that is signed by another key',
    });
  const key = keys.trusted.get(id);
  if (!key)
    throw new Failure('unknown-key', `it is signed by key ${id}, which is not trusted`, {
      place,
      hint: 'compare that id with its publisher by another way; then: portcullis bundle trust KEY.pub',
    });
  if (!verifySignature(text, signature, key))
    throw new Failure(
      'bad-signature',
      `the signature of key ${id} does not fit: bundle or signature was changed`,
      {
        place,
        hint: 'fetch both anew; if it stays so, do not use it and tell its publisher',
      },
    );
  const bundle = readBundle(text, place);
  if (bundle.revokes?.keys?.includes(id))
    throw new Failure('bad-bundle', 'it revokes the key that it is signed with', { place });
  return { bundle, key: id, trustedComment: signature.trustedComment, digest: sha256(text) };
}

/** The text of a bundle whose signature is good, or that is about to get one. @throws Failure `bad-bundle` */
export function readBundle(text: Buffer, place: string): ShieldBundle {
  const refuse = (message: string) => new Failure('bad-bundle', message, { place });
  const written = text.toString();
  let value: unknown;
  try {
    value = JSON.parse(written);
  } catch {
    throw refuse('it is not JSON');
  }
  const parsed = ShieldBundle.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw refuse(`${issue?.path.join('.') || '(document)'}: ${issue?.message}`);
  }
  // One value has one text: nothing hides in doubled members, in bytes that are no UTF-8, or in order and white space.
  if (!Buffer.from(bundleText(parsed.data)).equals(text))
    throw refuse('it is not canonical JSON; build it anew');
  const { shields, revokes, version } = parsed.data;
  const names = new Set<string>();
  for (const [index, { file, sha256: digest, text: shield }] of shields.entries()) {
    // Compared as a file system might that knows no capitals.
    if (names.has(file.toLowerCase())) throw refuse(`shields.${index}.file: a second '${file}'`);
    names.add(file.toLowerCase());
    if (Buffer.byteLength(shield) > maxShieldBytes)
      throw refuse(`shields.${index}: '${file}' is larger than ${maxShieldBytes / 1024 / 1024} MiB`);
    if (sha256(shield) !== digest) throw refuse(`shields.${index}.sha256: it is not the hash of '${file}'`);
  }
  if (revokes?.versions?.some((item) => item >= version))
    throw refuse('revokes.versions: a bundle revokes only versions before its own');
  return parsed.data;
}

/** The one text of a bundle: canonical JSON and a line end. */
export function bundleText(bundle: ShieldBundle): string {
  return `${canonicalJson(bundle)}\n`;
}

export function bundleFile(file: string, text: string): BundleFile {
  return { file, sha256: sha256(text), text };
}

/**
 * Its shields, in the order of their ids. One that can't be used refuses the whole.
 * @param how `proven`: each passes its own tests; `parsed`: they did before, when the bundle was taken up
 * @throws Failure of the first shield at fault, whose place names the file in the bundle; `bad-bundle` for a second
 *   shield of one id
 */
export function bundleShields(bundle: ShieldBundle, place: string, how: 'proven' | 'parsed'): Shield[] {
  const load = how === 'proven' ? loadShield : parseShield;
  const shields = new Map<string, Shield>();
  for (const { file, text } of bundle.shields) {
    const shield = load(text, `${place}: ${file}`);
    if (shields.has(shield.id))
      throw new Failure('bad-bundle', `two of its files are about ${shield.id}`, {
        place: `${place}: ${file}`,
      });
    if (bundle.revokes?.shields?.includes(shield.id))
      throw new Failure('bad-bundle', `it holds ${shield.id} and revokes it`, { place: `${place}: ${file}` });
    shields.set(shield.id, shield);
  }
  return [...shields.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** @param current the version of this program. @throws Failure `bundle-needs-newer` */
export function requireProgram(bundle: ShieldBundle, current: string, place: string): void {
  const [needed, present] = [parseVersion(bundle.minPortcullis ?? '0'), parseVersion(current)];
  if (!needed || !present || compareVersions(present, needed) >= 0) return;
  throw new Failure(
    'bundle-needs-newer',
    `it needs Portcullis ${bundle.minPortcullis} or later; this is ${current}`,
    { place, hint: 'update Portcullis first' },
  );
}

/** What differs between two sets of shields, by id. */
export function shieldChanges(before: readonly Shield[], after: readonly Shield[]): ShieldChange[] {
  const former = new Map(before.map((shield) => [shield.id, shield]));
  const next = new Map(after.map((shield) => [shield.id, shield]));
  return [...new Set([...former.keys(), ...next.keys()])].sort().flatMap((id) => {
    const [old, now] = [former.get(id), next.get(id)];
    if (old && now && canonicalJson(old) === canonicalJson(now)) return [];
    const change = !old ? 'added' : now ? 'changed' : 'removed';
    return [{ shield: id, change, rules: ruleChanges(old, now), fields: otherFields(old, now) }];
  });
}

/** Names of members that differ, but for the rules. */
function otherFields(before: Shield | undefined, after: Shield | undefined): string[] {
  if (!before || !after) return [];
  const texts = ({ deeperDefense: { rules: _, ...defense }, ...rest }: Shield) =>
    new Map(Object.entries({ ...rest, ...defense }).map(([name, value]) => [name, canonicalJson(value)]));
  const [old, now] = [texts(before), texts(after)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((name) => old.get(name) !== now.get(name))
    .sort();
}

function ruleChanges(before: Shield | undefined, after: Shield | undefined): ShieldChange['rules'] {
  const texts = (shield: Shield | undefined) =>
    new Map((shield?.deeperDefense.rules ?? []).map((rule) => [rule.id, canonicalJson(rule)]));
  const [old, now] = [texts(before), texts(after)];
  return {
    added: [...now.keys()].filter((id) => !old.has(id)),
    changed: [...now].filter(([id, text]) => old.has(id) && old.get(id) !== text).map(([id]) => id),
    removed: [...old.keys()].filter((id) => !now.has(id)),
  };
}

function sha256(data: Buffer | string): string {
  return createHash('sha256').update(data).digest('hex');
}
