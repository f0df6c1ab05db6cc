// Version numbers, `major.minor.patch` with an optional pre-release, ordered as SemVer 2.0.0 §11 orders them.

export type Version = {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  /** Dot-separated identifiers after `-`: `beta.1`. Left out for a release. */
  readonly prerelease?: string;
};

const form =
  /^v?(0|[1-9]\d{0,8})(?:\.(0|[1-9]\d{0,8}))?(?:\.(0|[1-9]\d{0,8}))?(?:-([0-9A-Za-z-]{1,40}(?:\.[0-9A-Za-z-]{1,40}){0,8}))?$/;

/**
 * Reads `1.12.2`, `v1.13.0-beta.1`, and short forms (`1.12`, `0`), whose missing parts are 0. Undefined for anything
 * else, build metadata (`+…`) included.
 */
export function parseVersion(text: string): Version | undefined {
  const found = form.exec(text);
  if (!found) return undefined;
  const [, major = '0', minor = '0', patch = '0', prerelease] = found;
  return {
    major: Number(major),
    minor: Number(minor),
    patch: Number(patch),
    ...(prerelease === undefined ? {} : { prerelease }),
  };
}

/**
 * Reads what a vendor's build calls itself: `v1.10.3-gke.1`, `1.26.8+k3s1`, `1.29.0-rc.1`. Its version is upstream's: what
 * a vendor adds has no order, with `-` as little as with `+`, and never makes it a pre-release. Only alpha, beta and rc
 * do. Undefined for what begins with no version.
 */
export function parseBuild(text: string): { readonly version: Version; readonly suffix: string } | undefined {
  const found = /^(v?[0-9.]+)(?:-(alpha|beta|rc)\.?(\d+(?:\.\d+)*)?(?![0-9A-Za-z_.]))?(.*)$/s.exec(text);
  if (!found) return undefined;
  const [, numbers = '', stage, count, suffix = ''] = found;
  if (!/^([-+][0-9A-Za-z.+_-]{1,128})?$/.test(suffix)) return undefined;
  const prerelease = stage === undefined ? '' : `-${stage}${count === undefined ? '' : `.${count}`}`;
  const version = parseVersion(numbers + prerelease);
  return version && { version, suffix };
}

/** Negative, 0 or positive as `a` is below, equal to or above `b`. A pre-release is below its release. */
export function compareVersions(a: Version, b: Version): number {
  return (
    a.major - b.major ||
    a.minor - b.minor ||
    a.patch - b.patch ||
    comparePrereleases(a.prerelease, b.prerelease)
  );
}

/** `1.13.0-beta.1`, without a leading `v`. */
export function versionText(version: Version): string {
  const release = `${version.major}.${version.minor}.${version.patch}`;
  return version.prerelease === undefined ? release : `${release}-${version.prerelease}`;
}

function comparePrereleases(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return (a === undefined ? 1 : 0) - (b === undefined ? 1 : 0);
  const left = a.split('.');
  const right = b.split('.');
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const order = compareIdentifiers(left[i] ?? '', right[i] ?? '');
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/** Numbers compare as numbers and come before words, which compare by code point. */
function compareIdentifiers(a: string, b: string): number {
  const [aNumber, bNumber] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (aNumber && bNumber) return Number(a) - Number(b);
  if (aNumber !== bNumber) return aNumber ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
