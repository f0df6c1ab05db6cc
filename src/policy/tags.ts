// Which tags a thing has in the end: its own, and those it inherits.
//
// Layers, nearest first: of a server, what was observed, its names, itself, its host, its cluster, the site; of a host
// itself, its cluster, the site. A layer is what people declared on one thing, or what an import found there, the first
// before the second.
import type { Host, Inventory } from '../model/inventory.ts';
import { multiValuedTagTypes, type Tag, tagType } from '../model/tag.ts';

export function isMultiValued(type: string): boolean {
  return (multiValuedTagTypes as readonly string[]).includes(type);
}

/** Where tags stand: on one thing, put there by people, by an import, by observation, or by the thing's own name. */
export type Layer = {
  /** `server/prod/cp-1`, `cluster/prod`: a kind and a name. */
  readonly object: string;
  readonly kind: 'observed' | 'declared' | 'imported' | 'implicit';
  /** The import. */
  readonly source?: string;
  readonly tags: readonly Tag[];
};

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

type Tagged = { readonly name: string; readonly tags: readonly Tag[] } & {
  readonly imported?: readonly Tag[] | undefined;
  readonly source?: string | undefined;
};

/** What stands on one thing itself. */
export function ownLayers(kind: string, thing: Tagged): Layer[] {
  const object = `${kind}/${thing.name}`;
  const layers: Layer[] = [{ object, kind: 'declared', tags: thing.tags }];
  if (thing.imported !== undefined && thing.imported.length > 0) {
    const source = thing.source === undefined ? {} : { source: thing.source };
    layers.push({ object, kind: 'imported', ...source, tags: thing.imported });
  }
  return layers;
}

/** The layers of a host: its own tags, then its cluster's, then the site's. */
export function hostLayers(host: Host, inventory: Inventory): (readonly Tag[])[] {
  const own: (readonly Tag[])[] = host.imported === undefined ? [host.tags] : [host.tags, host.imported];
  return [...own, ...aboveHost(host, inventory).map(({ tags }) => tags)];
}

/** What a host inherits: from its cluster and its site. */
export function aboveHost(host: Pick<Host, 'cluster' | 'site'>, inventory: Inventory): readonly Layer[] {
  const cluster = clusterLayers(inventory).get(host.cluster ?? '');
  return cluster ?? siteLayers(host.site, inventory);
}

/** By cluster, its layers and those of its site. An inventory is not changed once it has been asked about. */
const known = new WeakMap<Inventory, ReadonlyMap<string, readonly Layer[]>>();

export function clusterLayers(inventory: Inventory): ReadonlyMap<string, readonly Layer[]> {
  const layers =
    known.get(inventory) ??
    new Map(
      inventory.clusters.map((cluster) => [
        cluster.name,
        [...ownLayers('cluster', cluster), ...siteLayers(cluster.site, inventory)],
      ]),
    );
  known.set(inventory, layers);
  return layers;
}

export function siteLayers(name: string | undefined, inventory: Inventory): Layer[] {
  const site = inventory.sites?.find((one) => one.name === name);
  if (!site) return [];
  return [
    ...ownLayers('site', site),
    { object: `site/${site.name}`, kind: 'implicit', tags: [`site=${site.name}`] },
  ];
}

/** The hosts that servers run on, by name: few, among what may be a hundred thousand. */
export function serverHosts(inventory: Inventory): Map<string, Host> {
  const names = new Set(inventory.servers.map(({ host }) => host));
  return new Map(inventory.hosts.filter(({ name }) => names.has(name)).map((host) => [host.name, host]));
}

/** The layers of every server, by its name. */
export function serverLayers(
  inventory: Inventory,
  observed: ReadonlyMap<string, readonly Tag[]>,
): Map<string, Layer[]> {
  const hosts = serverHosts(inventory);
  return new Map(
    inventory.servers.map((server) => {
      const object = `server/${server.name}`;
      const host = hosts.get(server.host);
      const names = [`cluster=${server.cluster}`, `host=${server.host}`, `server=${server.name}`];
      const layers: Layer[] = [
        { object, kind: 'observed', tags: observed.get(server.name) ?? [] },
        { object, kind: 'implicit', tags: names },
        ...ownLayers('server', server),
        ...(host ? ownLayers('host', host) : []),
        ...(clusterLayers(inventory).get(server.cluster) ?? []),
      ];
      return [server.name, layers];
    }),
  );
}

/** Tags by server name, with those that its names give: `cluster=`, `host=`, `server=`. */
export function serverTags(
  inventory: Inventory,
  observed: ReadonlyMap<string, readonly Tag[]>,
): Map<string, Tag[]> {
  const layers = serverLayers(inventory, observed);
  return new Map([...layers].map(([name, own]) => [name, effectiveTags(own.map(({ tags }) => tags))]));
}
