// Version ranges: from the events and bounds that sources write to the sorted, disjoint ranges of an Advisory.
import { compareVersions, parseVersion, type Version, versionText } from '../base/version.ts';
import type { VersionRange } from '../model/advisory.ts';

/** Where every version begins. */
export const firstVersion: Version = { major: 0, minor: 0, patch: 0 };

/** A point on the line of versions where something begins or ends. */
export type RangeEvent = {
  readonly kind: 'introduced' | 'fixed' | 'lastAffected';
  readonly version: Version;
};

/**
 * Ranges from events in any order. A fix that no `introduced` precedes, because several branches were written with one
 * beginning, speaks of its own branch: `0, fixed 1.13.8, fixed 1.14.4` affects 1.13.7 and 1.14.3, not 1.13.9.
 */
export function rangesFromEvents(events: readonly RangeEvent[]): VersionRange[] {
  const rank = { fixed: 0, introduced: 1, lastAffected: 2 } as const;
  const sorted = [...events].sort(
    (a, b) => compareVersions(a.version, b.version) || rank[a.kind] - rank[b.kind],
  );
  const ranges: VersionRange[] = [];
  let open: Version | undefined;
  let closedAt: Version | undefined;
  for (const { kind, version } of sorted) {
    if (kind === 'introduced') {
      open ??= version;
      continue;
    }
    const introduced = open ?? branchStart(version);
    const sameBranch = closedAt?.major === version.major && closedAt.minor === version.minor;
    const last = ranges.at(-1);
    if (open === undefined && sameBranch && last) {
      // Two ends of one branch: the later one holds, for a record that says a fix was incomplete is believed.
      ranges[ranges.length - 1] = { introduced: last.introduced, [kind]: versionText(version) };
    } else {
      ranges.push({ introduced: versionText(introduced), [kind]: versionText(version) });
    }
    open = undefined;
    closedAt = version;
  }
  if (open) ranges.push({ introduced: versionText(open) });
  return ranges;
}

function branchStart({ major, minor }: Version): Version {
  return { major, minor, patch: 0 };
}

/** A range of an Advisory with its bounds read. Ranges come from rangesFromEvents, so that they can be read. */
type Bounds = { readonly introduced: Version; readonly fixed?: Version; readonly lastAffected?: Version };

export type Standing =
  | { readonly affected: true; readonly why: string; readonly fix: string | undefined }
  | { readonly affected: false; readonly why: string; readonly fix: string | undefined }
  /** The ranges can't tell. */
  | { readonly affected: undefined; readonly why: string; readonly fix: string | undefined };

/**
 * Where a base version stands. Branches below the lowest listed are affected: they were past their end when the record
 * was written, and nobody looked. A pre-release counts from the beginning of its release's range, and below its fix; of
 * the two branches after the newest fix it can't be told, for they were cut before or after it.
 */
export function standing(ranges: readonly VersionRange[], version: Version): Standing {
  const text = versionText(version);
  const release: Version = { major: version.major, minor: version.minor, patch: version.patch };
  const bounds = ranges.map(readBounds);
  const lowest = bounds.map(({ introduced }) => introduced).sort(compareVersions)[0];
  if (!lowest) return { affected: undefined, why: 'the record names no versions', fix: undefined };
  const fixes = bounds.flatMap(({ fixed }) => fixed ?? []).sort(compareVersions);
  const hit = bounds.find((range) => holds(range, version, release));
  if (hit) {
    const fix = hit.fixed && versionText(hit.fixed);
    const end = fix
      ? `the fix is ${fix}`
      : hit.lastAffected
        ? `affected up to ${versionText(hit.lastAffected)}`
        : 'no fix is known';
    return { affected: true, why: `${text} is affected from ${versionText(hit.introduced)} on; ${end}`, fix };
  }
  if (compareVersions(release, lowest) < 0) {
    const why = `${text} is older than every branch that the record lists (from ${versionText(lowest)}), and taken as affected`;
    return { affected: true, why, fix: fixes[0] && versionText(fixes[0]) };
  }
  const newest = fixes.at(-1);
  const branchesAfter = newest?.major === version.major ? version.minor - newest.minor : 0;
  if (
    version.prerelease !== undefined &&
    version.patch === 0 &&
    newest &&
    (branchesAfter === 1 || branchesAfter === 2)
  ) {
    const why = `${text} is a pre-release from about the time of the fix (${versionText(newest)}), and may be without it`;
    return { affected: undefined, why, fix: versionText(newest) };
  }
  const fix = fixes.filter((candidate) => compareVersions(candidate, version) <= 0).at(-1);
  const why = fix
    ? `${text} has the fix, which came with ${versionText(fix)}`
    : `${text} is in no affected range`;
  return { affected: false, why, fix: fix && versionText(fix) };
}

function holds({ introduced, fixed, lastAffected }: Bounds, version: Version, release: Version): boolean {
  if (compareVersions(release, introduced) < 0) return false;
  if (fixed && compareVersions(version, fixed) >= 0) return false;
  return !lastAffected || compareVersions(release, lastAffected) <= 0;
}

function readBounds({ introduced, fixed, lastAffected }: VersionRange): Bounds {
  const read = (text: string): Version => {
    const version = parseVersion(text);
    if (!version) throw new TypeError(`an advisory's range holds '${text}', which is no version`);
    return version;
  };
  return {
    introduced: read(introduced),
    ...(fixed === undefined ? {} : { fixed: read(fixed) }),
    ...(lastAffected === undefined ? {} : { lastAffected: read(lastAffected) }),
  };
}
