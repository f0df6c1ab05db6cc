// What a component says it is: the gitVersion of /version (or of a node's kubelet), read into a base version and the
// vendor's additions.
import { Failure } from '../base/failure.ts';
import type { Version } from '../base/version.ts';

/**
 * The base version is upstream's. Vendors add to it with `-` as often as with `+`, so SemVer's order is wrong for the
 * whole text: it ranks 1.10.3-gke.1 below 1.10.3. Only alpha, beta and rc are pre-releases, which do rank below.
 */
export type ServerVersion = Version & {
  /** Does it say anything but an upstream version? Then it may carry fixes that the base version doesn't show. */
  readonly vendor: boolean;
  /** What follows the base version and pre-release: `-gke.1`, `+k3s1`. Empty for upstream. */
  readonly suffix: string;
  /** `upstream`, `gke`, `eks`, `k3s`, `openshift`, …; `custom` for a build of somebody's own. */
  readonly distribution: string;
};

/**
 * Reads `v1.10.3-gke.1`, `v1.21.14-eks-fb459a0`, `v1.26.8+k3s1`, `v1.11.0+d4cacc0` (OpenShift), `v1.13.0-beta.1`, ….
 * `major` and `minor` are those of /version, where they are known: empty, or with a `+` after them, as builds have them.
 * @throws Failure `bad-version` for what is no version, and where major or minor say another
 */
export function parseServerVersion(
  gitVersion: string,
  { major = '', minor = '' }: { readonly major?: string; readonly minor?: string } = {},
): ServerVersion {
  const found = /^v?(\d{1,4})\.(\d{1,4})\.(\d{1,6})([-+][0-9A-Za-z.+_-]{1,128})?$/.exec(gitVersion);
  if (!found) throw refuse(gitVersion, 'is not a Kubernetes version');
  const numbers = { major: Number(found[1]), minor: Number(found[2]), patch: Number(found[3]) };
  if (numbers.major === 0 && numbers.minor === 0) throw refuse(gitVersion, 'is a build without a version');
  checkPart(gitVersion, 'major', major, numbers.major);
  checkPart(gitVersion, 'minor', minor, numbers.minor);
  const rest = found[4] ?? '';
  const stage = /^-(alpha|beta|rc)\.?(\d+(?:\.\d+)*)?(?![0-9A-Za-z_.])/.exec(rest);
  const suffix = stage ? rest.slice(stage[0].length) : rest;
  return {
    ...numbers,
    ...(stage ? { prerelease: stage[2] === undefined ? `${stage[1]}` : `${stage[1]}.${stage[2]}` } : {}),
    vendor: suffix !== '',
    suffix,
    distribution: suffix === '' ? 'upstream' : distributionOf(suffix, stage !== null),
  };
}

/** Suffixes by which builds are told apart; the first that fits. Anything else is named by its own first word. */
const distributions: readonly (readonly [RegExp, string])[] = [
  [/^[-+]gke\./, 'gke'],
  [/^[-+]eks-/, 'eks'],
  [/^[-+]k3s/, 'k3s'],
  [/^[-+]rke2/, 'rke2'],
  [/^[-+]rancher/, 'rancher'],
  [/^[-+]k0s/, 'k0s'],
  [/^[-+]hotfix\./, 'aks'],
  [/^[-+]iks/i, 'iks'],
  // Commits since a tag, or a changed tree, by upstream's own build script.
  [/^-\d+\+[0-9a-f]+|^[-+]dirty|-dirty$/, 'custom'],
];

function distributionOf(suffix: string, prerelease: boolean): string {
  // OpenShift's build script adds nothing but the commit to a release; to a pre-release, upstream's own does.
  if (/^\+[0-9a-f]{7,40}$/.test(suffix)) return prerelease ? 'custom' : 'openshift';
  const known = distributions.find(([pattern]) => pattern.test(suffix));
  if (known) return known[1];
  const word = /^[-+]([A-Za-z]{2,30})/.exec(suffix)?.[1];
  return word === undefined ? 'custom' : word.toLowerCase();
}

function checkPart(gitVersion: string, name: string, text: string, expected: number): void {
  if (text === '') return;
  if (!/^\d{1,4}\+?$/.test(text) || Number.parseInt(text, 10) !== expected) {
    throw refuse(gitVersion, `comes with ${name} '${printable(text)}', which contradicts it`);
  }
}

function refuse(gitVersion: string, why: string): Failure {
  return new Failure('bad-version', `'${printable(gitVersion)}' ${why}`);
}

/** The text came from a server that may be hostile: short, and without control characters. */
function printable(text: string): string {
  return text.slice(0, 80).replace(/[^\x20-\x7e]/g, '?');
}
