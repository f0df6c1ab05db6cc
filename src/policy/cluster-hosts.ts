// Which hosts count as a cluster's own.
import type { Host, Inventory } from '../model/inventory.ts';
import { tagType, tagValue } from '../model/tag.ts';
import { effectiveTags, hostLayers } from './tags.ts';

const made = new WeakMap<Inventory, ReadonlyMap<string, readonly Host[]>>();

/**
 * Of each cluster its nodes and control-plane hosts, in the inventory's order: those with such a tier, and those that run a
 * server of the cluster.
 */
export function hostsOfClusters(inventory: Inventory): ReadonlyMap<string, readonly Host[]> {
  const members = made.get(inventory) ?? findHosts(inventory);
  made.set(inventory, members);
  return members;
}

/** One pass over the hosts: there may be a thousand clusters. */
function findHosts(inventory: Inventory): Map<string, Host[]> {
  const members = new Map<string, Host[]>(inventory.clusters.map(({ name }) => [name, []]));
  const serving = new Map<string, Set<string>>();
  for (const { host, cluster } of inventory.servers)
    serving.set(host, (serving.get(host) ?? new Set<string>()).add(cluster));
  for (const host of inventory.hosts) {
    const clusters = serving.get(host.name);
    for (const name of clusters ?? []) members.get(name)?.push(host);
    if (clusters || host.cluster === undefined) continue;
    const tiers = effectiveTags(hostLayers(host, inventory)).filter((tag) => tagType(tag) === 'tier');
    if (tiers.some((tag) => clusterTiers.has(tagValue(tag)))) members.get(host.cluster)?.push(host);
  }
  return members;
}

const clusterTiers: ReadonlySet<string> = new Set(['node', 'control-plane']);
