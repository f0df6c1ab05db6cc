// What the controller knows of flaws: shields and advisories, from folders at start and as they are published.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../base/failure.ts';
import { exposureOf, tagsFor } from '../intel/match.ts';
import { readAdvisory } from '../intel/read.ts';
import { parseServerVersion } from '../intel/version.ts';
import type { Advisory, Exposure } from '../model/advisory.ts';
import type { Shield } from '../model/shield.ts';
import type { Tag } from '../model/tag.ts';
import { readText } from '../platform/files.ts';
import { gateShield } from '../policy/gate-shield.ts';
import { checkCatalogueCost } from '../shields/cost.ts';
import { asWritten } from '../shields/exchange-ways.ts';
import { loadShield } from '../shields/load.ts';

/** What GET /version says: `major` and `minor` may be empty. */
export type ReadVersion = {
  readonly gitVersion: string;
  readonly major?: string | undefined;
  readonly minor?: string | undefined;
  /** When the server was built, as it says: a hint of what a vendor's build may hold. */
  readonly buildDate?: string | undefined;
  /** Feature gates, as its metrics say, where they may be read. */
  readonly gates?: Readonly<Record<string, boolean>> | undefined;
};

export type Knowledge = {
  readonly shields: readonly Shield[];
  readonly advisories: readonly Advisory[];
  /**
   * What a kube-apiserver of this version is exposed to (advisories about other components left out), and the tags that
   * say so. @throws Failure `bad-version`
   */
  assess(version: ReadVersion): { readonly exposures: readonly Exposure[]; readonly tags: readonly Tag[] };
};

/**
 * Reads shields (`*.yaml`), running the tests of each as they are written (`portcullis shields test` runs them in every way), and
 * advisories (`*.json`).
 * @throws Failure of the first file that can't be used; one bad file refuses all, for what is left out would not shield
 */
export function loadKnowledge(shieldsFolder: string, advisoriesFolder: string | undefined): Knowledge {
  const shields = filesIn(shieldsFolder, /\.ya?ml$/).map((file) =>
    loadShield(readText(file), file, asWritten),
  );
  const advisories = (advisoriesFolder === undefined ? [] : filesIn(advisoriesFolder, /\.json$/)).map(
    (file) => readAdvisory(readText(file), file),
  );
  refuseTwice(
    shields.map(({ id }) => id),
    'shield',
    shieldsFolder,
  );
  refuseTwice(
    advisories.map(({ id }) => id),
    'advisory',
    advisoriesFolder ?? '',
  );
  checkCatalogueCost(
    shields.map((shield) => gateShield(shield)),
    shieldsFolder,
  );
  return know(shields, advisories);
}

/** With these advisories too, each in the place of one with the same id. */
export function withPublished(knowledge: Knowledge, published: readonly Advisory[]): Knowledge {
  const ids = new Set(published.map(({ id }) => id));
  return know(knowledge.shields, [...knowledge.advisories.filter(({ id }) => !ids.has(id)), ...published]);
}

/** With the shields of bundles, each in the place of one with the same id, and without those that were revoked. */
export function withShields(
  knowledge: Knowledge,
  added: readonly Shield[],
  revoked: ReadonlySet<string>,
): Knowledge {
  const shields = new Map([...knowledge.shields, ...added].map((shield) => [shield.id, shield]));
  for (const id of revoked) shields.delete(id);
  const inOrder = [...shields.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  return { ...knowledge, shields: inOrder };
}

function know(shields: readonly Shield[], advisories: readonly Advisory[]): Knowledge {
  return {
    shields,
    advisories,
    assess({ gitVersion, major = '', minor = '', buildDate, gates }) {
      const version = parseServerVersion(gitVersion, { major, minor });
      const surroundings = { buildDate, gates: gates && new Map(Object.entries(gates)) };
      const exposures = advisories
        .map((advisory) => exposureOf(advisory, 'kube-apiserver', version, surroundings))
        .filter(({ status }) => status !== 'not-applicable');
      return { exposures, tags: tagsFor(version, exposures, advisories) };
    },
  };
}

function filesIn(folder: string, pattern: RegExp): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => pattern.test(name))
      .sort()
      .map((name) => join(folder, name));
  } catch (cause) {
    throw new Failure('unreadable', "can't be read: there is no such folder", { place: folder, cause });
  }
}

function refuseTwice(ids: readonly string[], what: 'shield' | 'advisory', folder: string): void {
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined)
    throw new Failure(`bad-${what}`, `two files are about ${twice}`, { place: folder });
}
