// Flaws of other parts that an API server's gate can stop: they are the server's too, as long as its cluster has them.
import type { Exposure } from '../model/advisory.ts';
import { looksAtRequests, type Shield } from '../model/shield.ts';
import { isExposed, type State } from './state.ts';

/** By cluster: the gravest exposure of its parts to each flaw of another part that has rules for a gate. */
export function carriedExposures(
  state: Pick<State, 'servers'>,
  shields: readonly Shield[],
): ReadonlyMap<string, readonly Exposure[]> {
  const wanted = new Set(
    shields
      .filter((shield) => shield.component !== 'kube-apiserver' && looksAtRequests(shield))
      .map(({ id }) => id),
  );
  const found = new Map<string, Map<string, Exposure>>();
  if (wanted.size === 0) return new Map();
  for (const [name, { observation }] of state.servers) {
    const cluster = observation?.cluster;
    if (cluster === undefined) continue;
    for (const exposure of observation?.exposures ?? []) {
      if (!wanted.has(exposure.advisory)) continue;
      const own = found.get(cluster) ?? new Map<string, Exposure>();
      const known = own.get(exposure.advisory);
      if (!known || rank(exposure) > rank(known))
        own.set(exposure.advisory, { ...exposure, reason: `${name}: ${exposure.reason}` });
      found.set(cluster, own);
    }
  }
  return new Map([...found].map(([cluster, own]) => [cluster, [...own.values()]]));
}

function rank({ status }: Exposure): number {
  return status === 'vulnerable' ? 2 : isExposed(status) ? 1 : 0;
}
