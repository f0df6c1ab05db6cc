// Does this version have that flaw? Four answers, and a reason each: vulnerable, patched, vendor-unknown, not-applicable.
import { versionText } from '../base/version.ts';
import type { Advisory, Component, Exposure } from '../model/advisory.ts';
import type { Tag } from '../model/tag.ts';
import { type Surroundings, underConditions } from './conditions.ts';
import { standing } from './ranges.ts';
import { vendorFix } from './vendor-fixes.ts';
import type { ServerVersion } from './version.ts';

/** What a version and what is known of its surroundings say of one flaw. */
export function exposureOf(
  advisory: Advisory,
  component: Component,
  version: ServerVersion,
  surroundings: Surroundings = {},
): Exposure {
  const exposure = exposureByVersion(advisory, component, version);
  return underConditions(withBuildDate(exposure, advisory, surroundings), version, surroundings);
}

/**
 * A vendor's build that is older than the news of the flaw will hardly have the fix: said, and not relied on, for vendors
 * hear of flaws before everybody.
 */
function withBuildDate(exposure: Exposure, { published }: Advisory, { buildDate }: Surroundings): Exposure {
  if (exposure.status !== 'vendor-unknown' || published === undefined || buildDate === undefined)
    return exposure;
  const [built, known] = [Date.parse(buildDate), Date.parse(published)];
  if (Number.isNaN(built) || Number.isNaN(known)) return exposure;
  const day = (text: string) => text.slice(0, 10);
  const hint =
    built < known
      ? `it was built on ${day(buildDate)}, before the flaw was published (${day(published)}), and hardly has the fix`
      : `it was built on ${day(buildDate)}, after the flaw was published (${day(published)}), and may well have the fix`;
  return { ...exposure, reason: `${exposure.reason}; ${hint}` };
}

/**
 * A base version with the fix is patched whoever built it. One without it is vulnerable if it is upstream's, and
 * vendor-unknown if it is a vendor's, who may have brought the fix back without a new base version; unless the vendor
 * has said which builds have it.
 */
function exposureByVersion(advisory: Advisory, component: Component, version: ServerVersion): Exposure {
  const entries = advisory.affected.filter((entry) => entry.component === component);
  const answer = (status: Exposure['status'], reason: string): Exposure => ({
    advisory: advisory.id,
    status,
    reason,
  });
  if (advisory.affected.length === 0) return answer('not-applicable', 'its source names no versions');
  if (entries.length === 0 && advisory.affected.some((entry) => entry.component === 'kubernetes')) {
    return exposureOfAnyPart(advisory, component, version);
  }
  if (entries.length === 0) {
    const others = [...new Set(advisory.affected.map((entry) => entry.component))].join(', ');
    return answer('not-applicable', `it is about ${others || 'no component'}, not ${component}`);
  }
  // Each package of a component is judged by its own ranges: one that is affected is enough.
  const standings = entries.map(({ ranges }) => standing(ranges, version));
  const worst =
    standings.find(({ affected }) => affected === true) ??
    standings.find(({ affected }) => affected === undefined) ??
    standings[0];
  if (!worst || worst.affected === undefined) return answer('vendor-unknown', worst?.why ?? '');
  if (!worst.affected) return answer('patched', worst.why);
  if (!version.vendor) return answer('vulnerable', worst.why);
  const vendor = vendorFix(advisory.id, version);
  if (vendor) return answer(vendor.fixed ? 'patched' : 'vulnerable', vendor.why);
  return answer(
    'vendor-unknown',
    `the base version ${worst.why}; the ${version.distribution} build ${versionText(version)}${version.suffix} may carry the fix without showing it`,
  );
}

/** A record that is about Kubernetes and doesn't say which part can rule a component out, but not in. */
function exposureOfAnyPart(advisory: Advisory, component: Component, version: ServerVersion): Exposure {
  const named = advisory.affected.map((entry) =>
    entry.component === 'kubernetes' ? { ...entry, component } : entry,
  );
  const found = exposureByVersion({ ...advisory, affected: named }, component, version);
  if (found.status !== 'vulnerable') return found;
  const reason = `${found.reason}; the record is about Kubernetes and doesn't say whether ${component} has the flaw`;
  return { ...found, status: 'vendor-unknown', reason };
}

/**
 * The observed tags of a server: its version and distribution; `cve=` for every flaw it has or may have; `patch=missing`
 * when it has one, `unknown` when it may have one, `present` when it has none of those that concern it; and the highest
 * CVSS score of those flaws. Flaws that no version is without say nothing of patches; nor does anything where no advisory
 * with an end concerns it.
 */
export function tagsFor(
  version: ServerVersion,
  exposures: readonly Exposure[],
  advisories: readonly Advisory[],
): Tag[] {
  const relevant = exposures.filter(({ status }) => status !== 'not-applicable');
  const open = relevant.filter(({ status }) => status !== 'patched');
  const tags: Tag[] = [`k8s-version=${versionText(version)}`, `distribution=${version.distribution}`];
  tags.push(...new Set(open.map(({ advisory }) => `cve=${advisory}`)));
  const endless = new Set(advisories.filter(hasNoEnd).map(({ id }) => id));
  const patchable = relevant.filter(({ advisory }) => !endless.has(advisory));
  if (patchable.length > 0) tags.push(`patch=${patchState(patchable)}`);
  const ids = new Set(open.map(({ advisory }) => advisory));
  const scores = advisories.filter(({ id }) => ids.has(id)).flatMap(({ cvss }) => cvss ?? []);
  if (scores.length > 0) tags.push(`cvss=${Math.max(...scores)}`);
  return tags.sort();
}

function patchState(exposures: readonly Exposure[]): string {
  if (exposures.some(({ status }) => status === 'vulnerable')) return 'missing';
  return exposures.some(({ status }) => status === 'vendor-unknown') ? 'unknown' : 'present';
}

/** Is every version affected, now and to come? */
export function hasNoEnd({ affected }: Pick<Advisory, 'affected'>): boolean {
  return affected.every(({ ranges }) =>
    ranges.every(({ fixed, lastAffected }) => fixed === undefined && lastAffected === undefined),
  );
}
