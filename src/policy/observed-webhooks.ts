// An inventory with the admission webhooks that were found in its clusters.
import type { Endpoint } from '../model/common.ts';
import type { Inventory } from '../model/inventory.ts';
import { show } from './invariants.ts';

/**
 * What people say and what was found, together. The same inventory where nothing was found. Found endpoints are the
 * cluster's word, so one that is an address of a host or server of the inventory is left out: it is not its to close.
 */
export function withWebhooks(
  inventory: Inventory,
  found: ReadonlyMap<string, readonly Endpoint[]>,
): Inventory {
  if ([...found.values()].every((endpoints) => endpoints.length === 0)) return inventory;
  const own = new Set([
    ...inventory.hosts.flatMap(({ addresses }) => addresses),
    ...inventory.servers.flatMap(({ address, also }) => [address, ...also.map((way) => way.address)]),
  ]);
  return {
    ...inventory,
    clusters: inventory.clusters.map((cluster) => {
      const more = (found.get(cluster.name) ?? []).filter(({ address }) => !own.has(address));
      if (more.length === 0) return cluster;
      const all = [...(cluster.ingressAdmission ?? []), ...more];
      const distinct = [...new Map(all.map((endpoint) => [show(endpoint), endpoint])).values()];
      return { ...cluster, ingressAdmission: distinct };
    }),
  };
}
