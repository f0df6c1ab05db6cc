// Which hosts count as a cluster's own.
import type { Host, Inventory } from '../model/inventory.ts';
import { tagType, tagValue } from '../model/tag.ts';
import { effectiveTags, hostLayers } from './tags.ts';

/** Nodes and control-plane hosts: those with such a tier, and those that run a server of the cluster. */
export function hostsOfCluster(inventory: Inventory, cluster: string): Host[] {
  return inventory.hosts.filter((host) => {
    if (inventory.servers.some((server) => server.host === host.name)) {
      return inventory.servers.some((server) => server.host === host.name && server.cluster === cluster);
    }
    const tiers = effectiveTags(hostLayers(host, inventory)).filter((tag) => tagType(tag) === 'tier');
    return host.cluster === cluster && tiers.some((tag) => clusterTiers.has(tagValue(tag)));
  });
}

const clusterTiers: ReadonlySet<string> = new Set(['node', 'control-plane']);
