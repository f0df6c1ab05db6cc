// Reads the versions of a cluster's kubelets, runtimes and drivers from its API, again and again, where the controller was
// given a kubeconfig for that.
import { describeFailure, Failure } from '../base/failure.ts';
import { partFacts } from '../intel/part-facts.ts';
import type { Inventory } from '../model/inventory.ts';
import { type ClusterLists, readClusterParts } from '../platform/kube-import.ts';
import { nodeInfos, podInfo } from '../platform/kube-parts.ts';
import type { Core } from './core.ts';
import type { PartWatch } from './part-watch.ts';
import type { Reconciler } from './reconcile.ts';

/** A cluster of the inventory, and the kubeconfig by which its nodes are listed. */
export type NodeSource = { readonly cluster: string; readonly kubeconfig: string };

export type NodeReader = {
  /** Reads every source once; resolves when what follows is decided. Never throws: what fails is told, once. */
  read(): Promise<void>;
};

export function createNodeReader(
  core: Core,
  parts: Pick<PartWatch, 'observe'>,
  reconciler: Pick<Reconciler, 'run'>,
  sources: readonly NodeSource[],
  note: (line: string) => void,
): NodeReader {
  const told = new Map<string, string>();
  const tell = (cluster: string, line: string) => {
    if (told.get(cluster) === line) return;
    told.set(cluster, line);
    if (line !== '') note(line);
  };
  return {
    async read() {
      for (const { cluster, kubeconfig } of sources) {
        try {
          const lists = await readClusterParts(kubeconfig);
          const inventory = core.inventory();
          if (!inventory?.clusters.some(({ name }) => name === cluster)) {
            tell(cluster, `warning: nodes are read for cluster '${cluster}', which the inventory lacks`);
            continue;
          }
          const hosts = hostsOfNodes(lists.nodes, inventory, cluster);
          const { facts, notes } = partFacts(
            nodeInfos(lists, hosts),
            lists.pods?.map((pod) => podInfo(pod, hosts)),
          );
          const strangers = lists.nodes.length - hosts.size;
          const lines = [
            ...notes,
            ...(strangers > 0 ? [`${strangers} nodes are no hosts of the inventory: import them`] : []),
          ];
          parts.observe(cluster, facts, 'cluster');
          reconciler.run();
          tell(cluster, lines.map((line) => `nodes of ${cluster}: ${line}`).join('; '));
        } catch (error) {
          if (!(error instanceof Failure)) throw error;
          tell(cluster, `the nodes of ${cluster} can't be read: ${describeFailure(error)}`);
        }
      }
    },
  };
}

/** The inventory's host of each node: the one with an address of the node's, else the one of its name. */
function hostsOfNodes(
  nodes: ClusterLists['nodes'],
  inventory: Inventory,
  cluster: string,
): ReadonlyMap<string, string> {
  const own = inventory.hosts.filter(
    (host) =>
      host.cluster === cluster ||
      inventory.servers.some((server) => server.host === host.name && server.cluster === cluster),
  );
  const byAddress = new Map(own.flatMap(({ name, addresses }) => addresses.map((one) => [one, name])));
  const names = new Set(own.map(({ name }) => name));
  return new Map(
    nodes.flatMap(({ metadata, status }): [string, string][] => {
      const owner = (status.addresses ?? []).flatMap(({ address }) => byAddress.get(address) ?? [])[0];
      const host = owner ?? (names.has(metadata.name) ? metadata.name : undefined);
      return host === undefined ? [] : [[metadata.name, host]];
    }),
  );
}
