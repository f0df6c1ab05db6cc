// What a flaw needs beside its version: Windows, or a feature gate. Records say it in prose only.
import type { Exposure } from '../model/advisory.ts';
import type { ServerVersion } from './version.ts';

/** What is known of the place where a component runs. Left out: not known. */
export type Surroundings = {
  /** `linux` or `windows`, as nodeInfo says. */
  readonly os?: string | undefined;
  /** Feature gates that the component said are on or off. */
  readonly gates?: ReadonlyMap<string, boolean> | undefined;
  /** When the build was made (RFC 3339), as /version says. */
  readonly buildDate?: string | undefined;
};

type Condition =
  | { readonly os: 'windows' }
  /** `born`: the first minor that has it, off; `on`: the first minor where it is on by itself; undefined: never yet. */
  | { readonly gate: string; readonly born: number; readonly on: number | undefined };

/** Kubernetes issues 119339, 119595, 121879, 129654; 130016; 132151. */
const conditions: ReadonlyMap<string, Condition> = new Map<string, Condition>([
  ['CVE-2023-3676', { os: 'windows' }],
  ['CVE-2023-3955', { os: 'windows' }],
  ['CVE-2023-3893', { os: 'windows' }],
  ['CVE-2023-5528', { os: 'windows' }],
  ['CVE-2024-9042', { os: 'windows' }],
  ['CVE-2025-0426', { gate: 'ContainerCheckpoint', born: 25, on: 30 }],
  ['CVE-2025-4563', { gate: 'DynamicResourceAllocation', born: 26, on: 34 }],
]);

/** Feature gates by which these exposures could be judged better; none for most versions. */
export function gatesThatMatter(exposures: readonly Exposure[]): readonly string[] {
  const names = exposures
    .filter(({ status }) => status === 'vulnerable' || status === 'vendor-unknown')
    .flatMap(({ advisory }) => {
      const condition = conditions.get(advisory);
      return condition && 'gate' in condition ? [condition.gate] : [];
    });
  return [...new Set(names)];
}

/**
 * What becomes of an exposure where the flaw needs more than the version: `not-applicable` where that is missing,
 * `vendor-unknown` where it can't be told and is not there by itself.
 */
export function underConditions(
  exposure: Exposure,
  version: ServerVersion,
  surroundings: Surroundings,
): Exposure {
  const condition = conditions.get(exposure.advisory);
  if (!condition || (exposure.status !== 'vulnerable' && exposure.status !== 'vendor-unknown'))
    return exposure;
  const { reason } = exposure;
  if ('os' in condition) {
    if (surroundings.os === 'windows') return { ...exposure, reason: `${reason}; the node runs Windows` };
    if (surroundings.os !== undefined)
      return {
        ...exposure,
        status: 'not-applicable',
        reason: `only Windows nodes have it, and this one runs ${surroundings.os}`,
      };
    return {
      ...exposure,
      status: 'vendor-unknown',
      reason: `${reason}; only Windows nodes have it, and what this one runs is not known`,
    };
  }
  const { gate, born, on } = condition;
  if (version.major === 1 && version.minor < born)
    return {
      ...exposure,
      status: 'not-applicable',
      reason: `it needs the feature gate ${gate}, which came with 1.${born}`,
    };
  const set = surroundings.gates?.get(gate);
  if (set === false)
    return {
      ...exposure,
      status: 'not-applicable',
      reason: `it needs the feature gate ${gate}, which is off`,
    };
  if (set === true) return { ...exposure, reason: `${reason}; the feature gate ${gate} is on` };
  if (on !== undefined && version.minor >= on) return exposure;
  return {
    ...exposure,
    status: 'vendor-unknown',
    reason: `${reason}; it needs the feature gate ${gate}, which is off unless somebody set it`,
  };
}
