// The kubectl of callers, as gates counted it, and the flaws that it has.
import { exposureOf } from '../intel/match.ts';
import { parseServerVersion } from '../intel/version.ts';
import type { Advisory } from '../model/advisory.ts';
import type { Status, WorkerStatus } from '../model/api.ts';

const counted = /^kubectl_connections_total\{version="(\d+\.\d+\.\d+)"\}$/;

/** Over all gates, the most used first. What a gate couldn't tell apart any more is left out. */
export function kubectlUse(
  workers: readonly Pick<WorkerStatus, 'kind' | 'counters'>[],
  advisories: readonly Advisory[],
): Status['kubectl'] {
  const sums = new Map<string, number>();
  for (const { kind, counters } of workers) {
    if (kind !== 'gate') continue;
    for (const [sample, count] of Object.entries(counters)) {
      const version = counted.exec(sample)?.[1];
      if (version !== undefined && count > 0) sums.set(version, (sums.get(version) ?? 0) + count);
    }
  }
  const about = advisories.filter(({ affected }) =>
    affected.some(({ component }) => component === 'kubectl'),
  );
  return [...sums]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([version, connections]) => ({
      version: `v${version}`,
      connections,
      advisories: about
        .filter(
          (advisory) => exposureOf(advisory, 'kubectl', parseServerVersion(version)).status === 'vulnerable',
        )
        .map(({ id }) => id),
    }));
}
