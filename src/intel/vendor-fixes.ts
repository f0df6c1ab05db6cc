// Vendors' own builds that carry a fix their base version doesn't show, where the vendor has said so.
import { compareVersions, parseVersion, versionText } from '../base/version.ts';
import type { ServerVersion } from './version.ts';

type VendorFix = {
  readonly advisory: string;
  readonly distribution: string;
  /** Upstream version that the builds are of. */
  readonly base: string;
  /** First build with the fix: 5 for `-gke.5`. */
  readonly build: number;
};

/** GKE security bulletin of 3 December 2018. */
const vendorFixes: readonly VendorFix[] = (
  [
    ['1.9.7', 11],
    ['1.10.6', 11],
    ['1.10.7', 11],
    ['1.10.9', 5],
    ['1.11.2', 18],
  ] as const
).map(([base, build]) => ({ advisory: 'CVE-2018-1002105', distribution: 'gke', base, build }));

/** Whether a vendor's build has the fix, by the vendor's word; undefined where the table doesn't know. */
export function vendorFix(
  advisory: string,
  version: ServerVersion,
): { readonly fixed: boolean; readonly why: string } | undefined {
  const build = Number(/^-gke\.(\d{1,9})$/.exec(version.suffix)?.[1] ?? Number.NaN);
  const row = vendorFixes.find((fix) => {
    const base = parseVersion(fix.base);
    return (
      fix.advisory === advisory &&
      fix.distribution === version.distribution &&
      base !== undefined &&
      compareVersions(base, version) === 0
    );
  });
  if (!row || Number.isNaN(build)) return undefined;
  const fixed = build >= row.build;
  const why = `the ${row.distribution} build ${versionText(version)}${version.suffix} ${fixed ? 'has' : 'is older than'} the vendor's fix, which came with build ${row.build}`;
  return { fixed, why };
}
