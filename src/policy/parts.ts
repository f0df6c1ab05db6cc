// The parts of a cluster beside its API servers: what tags they have.
import type { Inventory } from '../model/inventory.ts';
import type { Tag } from '../model/tag.ts';
import type { PartName } from './part-name.ts';
import { clusterLayers, effectiveTags, hostLayers } from './tags.ts';

/** Those of its host or cluster, by which policy speaks of it. */
export function partTags(part: PartName, inventory: Inventory): Tag[] {
  if (part.kind === 'host') {
    const host = inventory.hosts.find(({ name }) => name === part.of);
    return host ? effectiveTags(hostLayers(host, inventory)) : [];
  }
  return effectiveTags((clusterLayers(inventory).get(part.of) ?? []).map(({ tags }) => tags));
}
