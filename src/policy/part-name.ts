// Parts of a cluster beside its API servers, by name: `kubelet/node-1` is of a host, `ingress-nginx/prod` of a cluster.
import { Component } from '../model/advisory.ts';

/** Components that a host has one of, and those of a cluster as a whole. */
const hostComponents: ReadonlySet<Component> = new Set([
  'kubelet',
  'kube-proxy',
  'etcd',
  'containerd',
  'cri-o',
  'runc',
]);
const clusterComponents: ReadonlySet<Component> = new Set([
  'kube-controller-manager',
  'kube-scheduler',
  'ingress-nginx',
  'csi-driver-nfs',
  'csi-driver-smb',
]);

export type PartName = {
  readonly component: Component;
  /** The host or cluster that it is of. */
  readonly of: string;
  readonly kind: 'host' | 'cluster';
};

/** Undefined for what is no part's name. Whether there is such a host or cluster is not asked. */
export function parsePart(name: string): PartName | undefined {
  const at = name.indexOf('/');
  const parsed = Component.safeParse(name.slice(0, Math.max(at, 0)));
  if (!parsed.success) return undefined;
  const component = parsed.data;
  const of = name.slice(at + 1);
  if (hostComponents.has(component)) return { component, of, kind: 'host' };
  return clusterComponents.has(component) ? { component, of, kind: 'cluster' } : undefined;
}

export function partName(component: Component, of: string): string {
  return `${component}/${of}`;
}
