// Which tags a thing has in the end: its own, and those it inherits.
import type { Host, Inventory } from '../model/inventory.ts';
import { type Tag, tagType } from '../model/tag.ts';

/** Types of which a thing may have several values. Of every other type the nearest value wins. */
const multiValued: ReadonlySet<string> = new Set(['label', 'cve']);

export function isMultiValued(type: string): boolean {
  return multiValued.has(type);
}

/**
 * Tags of a thing from its layers, nearest first: of each type the values of the nearest layer that has any, and of
 * label and cve the values of all layers. Sorted, without repeats.
 */
export function effectiveTags(layers: readonly (readonly Tag[])[]): Tag[] {
  const tags = new Set<Tag>();
  const settled = new Set<string>();
  for (const layer of layers) {
    for (const tag of layer) {
      if (isMultiValued(tagType(tag)) || !settled.has(tagType(tag))) tags.add(tag);
    }
    for (const tag of layer) settled.add(tagType(tag));
  }
  return [...tags].sort();
}

/** The layers of a host: its own tags, then its cluster's. */
export function hostLayers(host: Host, inventory: Inventory): (readonly Tag[])[] {
  const cluster = inventory.clusters.find(({ name }) => name === host.cluster);
  return cluster ? [host.tags, cluster.tags] : [host.tags];
}

/** Tags by server name, declared and observed: its own, then its host's, then its cluster's. */
export function serverTags(
  inventory: Inventory,
  observed: ReadonlyMap<string, readonly Tag[]>,
): Map<string, Tag[]> {
  return new Map(
    inventory.servers.map((server) => {
      const host = inventory.hosts.find(({ name }) => name === server.host);
      const cluster = inventory.clusters.find(({ name }) => name === server.cluster);
      const layers = [observed.get(server.name) ?? [], server.tags, host?.tags ?? [], cluster?.tags ?? []];
      return [server.name, effectiveTags(layers)];
    }),
  );
}
