// The parts of a cluster beside its API servers: which there are, of what version, and what tags they have.
import type { Component } from '../model/advisory.ts';
import type { Host, Inventory } from '../model/inventory.ts';
import { type Tag, tagType, tagValue } from '../model/tag.ts';
import { hostsOfClusters } from './cluster-hosts.ts';
import { type PartName, partName } from './part-name.ts';
import { clusterLayers, effectiveTags, hostLayers } from './tags.ts';

/** A part as the inventory knows it. */
export type Part = {
  /** `kubelet/node-1`. */
  readonly name: string;
  readonly component: Component;
  readonly cluster: string;
  /** The host that it runs on; undefined for a part of the cluster as a whole. */
  readonly host: string | undefined;
  /** What people or the inventory's import say; undefined where they say nothing. */
  readonly declared: string | undefined;
  readonly os: string | undefined;
};

const everyHost = ['kubelet', 'kube-proxy', 'containerd', 'cri-o', 'runc'] as const;
const everyCluster = [
  'kube-controller-manager',
  'kube-scheduler',
  'ingress-nginx',
  'csi-driver-nfs',
  'csi-driver-smb',
] as const;

/** Inventories are not changed, and asked about again and again. */
const known = new WeakMap<Inventory, readonly Part[]>();

/** Every part that there may be; most of them have no version that anybody knows. */
export function partsOf(inventory: Inventory): readonly Part[] {
  const parts = known.get(inventory) ?? readParts(inventory);
  known.set(inventory, parts);
  return parts;
}

function readParts(inventory: Inventory): Part[] {
  const serving = new Set(inventory.servers.map(({ host }) => host));
  const hosts = hostsOfClusters(inventory);
  return inventory.clusters.flatMap((cluster) => {
    const ofHosts = (hosts.get(cluster.name) ?? []).flatMap((host): Part[] => {
      const part = (component: Component, declared: string | undefined): Part => ({
        ...{ name: partName(component, host.name), component, cluster: cluster.name, host: host.name },
        ...{ declared, os: host.os },
      });
      const all = everyHost.map((component) => part(component, host.versions?.[component]));
      if (serving.has(host.name) || isControlPlane(host, inventory))
        all.push(part('etcd', host.versions?.etcd ?? cluster.versions?.etcd));
      return all;
    });
    const ofCluster = everyCluster.map(
      (component): Part => ({
        ...{ name: partName(component, cluster.name), component, cluster: cluster.name, host: undefined },
        ...{ declared: cluster.versions?.[component], os: undefined },
      }),
    );
    return [...ofHosts, ...ofCluster];
  });
}

function isControlPlane(host: Host, inventory: Inventory): boolean {
  return effectiveTags(hostLayers(host, inventory)).some(
    (tag) => tagType(tag) === 'tier' && tagValue(tag) === 'control-plane',
  );
}

/** Those of its host or cluster, by which policy speaks of it. */
export function partTags(part: PartName, inventory: Inventory): Tag[] {
  if (part.kind === 'host') {
    const host = inventory.hosts.find(({ name }) => name === part.of);
    return host ? effectiveTags(hostLayers(host, inventory)) : [];
  }
  return effectiveTags((clusterLayers(inventory).get(part.of) ?? []).map(({ tags }) => tags));
}
