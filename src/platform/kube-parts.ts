// Lists of a cluster as part-facts.ts reads them.
import type { ClusterLists } from './kube-import.ts';

type Nodes = Pick<ClusterLists, 'nodes'>;
type Pod = NonNullable<ClusterLists['pods']>[number];

/** @param hosts the inventory's name of each node; a node that has none is left out */
export function nodeInfos({ nodes }: Nodes, hosts: ReadonlyMap<string, string>) {
  return nodes.flatMap(({ metadata, status }) => {
    const host = hosts.get(metadata.name);
    return host === undefined ? [] : [{ host, ...status.nodeInfo }];
  });
}

/** @param hosts the inventory's name of each node */
export function podInfo({ spec, status }: Pod, hosts: ReadonlyMap<string, string>) {
  return {
    host: spec.nodeName === undefined ? undefined : hosts.get(spec.nodeName),
    phase: status.phase,
    images: spec.containers.flatMap(({ image }) => image ?? []),
    args: spec.containers.flatMap(({ args }) => args ?? []),
    addresses: [
      ...(status.podIP === undefined ? [] : [status.podIP]),
      ...(status.podIPs ?? []).map(({ ip }) => ip),
    ],
  };
}
