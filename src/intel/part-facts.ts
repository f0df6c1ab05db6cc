// From what a cluster says of its nodes and pods to versions of its parts. All of it may be hostile: what doesn't fit is left
// out and told.
import { compareVersions } from '../base/version.ts';
import type { Component } from '../model/advisory.ts';
import { Endpoint, Name } from '../model/common.ts';
import { PartFact } from '../model/part.ts';
import { parseComponentVersion, parseImage, parseRuntime } from './component-version.ts';
import { printable } from './record.ts';

/** Of `nodes[].status.nodeInfo`. */
export type NodeInfo = {
  /** The host's name in the inventory. */
  readonly host: string;
  readonly kubeletVersion?: string | undefined;
  readonly kubeProxyVersion?: string | undefined;
  readonly containerRuntimeVersion?: string | undefined;
  readonly operatingSystem?: string | undefined;
};

export type PodInfo = {
  /** Of its node, in the inventory; undefined where that has none. */
  readonly host?: string | undefined;
  readonly phase: string | undefined;
  readonly images: readonly string[];
  readonly args: readonly string[];
  readonly addresses: readonly string[];
};

export type PartFacts = { readonly facts: readonly PartFact[]; readonly notes: readonly string[] };

/** What runs in pods and is of a host. A kube-proxy's version is its node's word. */
const ofHosts: ReadonlySet<Component> = new Set<Component>(['etcd', 'kube-proxy']);

/** Told at most so often; the rest is counted. */
const maxNotes = 20;

export function partFacts(nodes: readonly NodeInfo[], pods: readonly PodInfo[] | undefined): PartFacts {
  const notes: string[] = [];
  let untold = 0;
  const note = (line: string): void => {
    if (notes.length < maxNotes) notes.push(line);
    else untold++;
  };
  const facts = [
    ...nodes.flatMap((node) => nodeFacts(node, note)),
    ...(pods === undefined ? [] : podFacts(pods, note)),
  ];
  if (pods === undefined)
    note(
      'pods may not be listed: nothing is known of ingress-nginx, the NFS and SMB drivers, etcd, controller manager and scheduler',
    );
  if (untold > 0) notes.push(`and ${untold} more like these`);
  return { facts, notes };
}

type Note = (line: string) => void;

function nodeFacts(node: NodeInfo, note: Note): PartFact[] {
  const host = Name.safeParse(node.host);
  if (!host.success) return [];
  const os = node.operatingSystem?.toLowerCase();
  const runtime = parseRuntime(node.containerRuntimeVersion ?? '');
  const said: [Component, string | undefined][] = [
    ['kubelet', node.kubeletVersion],
    ['kube-proxy', node.kubeProxyVersion],
    ...(runtime ? [[runtime.component, runtime.version] as [Component, string]] : []),
  ];
  return said.flatMap(([component, version]) => {
    // 1.33 and later leave kube-proxy's version empty: it was the kubelet's anyhow.
    if (version === undefined || version === '') return [];
    if (!readable(component, version, `the ${component} of node '${host.data}'`, note)) return [];
    const known = os === 'linux' || os === 'windows' ? { os } : {};
    return [PartFact.parse({ component, host: host.data, version, ...known })];
  });
}

/** A part is as old as the oldest of its pods: of the cluster, or of the host for what hosts have. Ended pods say nothing. */
function podFacts(pods: readonly PodInfo[], note: Note): PartFact[] {
  const oldest = new Map<string, { component: Component; host: string | undefined; version: string }>();
  const endpoints = new Map<string, Endpoint>();
  for (const { host, phase, images, args, addresses } of pods) {
    if (phase === 'Succeeded' || phase === 'Failed') continue;
    for (const image of images) {
      const found = parseImage(image);
      if (!found) continue;
      const { component, version } = found;
      const place = ofHosts.has(component) ? Name.safeParse(host).data : undefined;
      if (ofHosts.has(component) && place === undefined) continue;
      if (component === 'ingress-nginx')
        for (const endpoint of admissionEndpoints(args, addresses))
          endpoints.set(`${endpoint.address} ${endpoint.port}`, endpoint);
      if (version === undefined) {
        note(
          `the image '${printable(image)}' of ${component} has no version in its tag: say it in the inventory`,
        );
      } else if (readable(component, version, `${component}'s image`, note)) {
        const key = `${component} ${place ?? ''}`;
        const former = oldest.get(key);
        if (former === undefined || older(component, version, former.version))
          oldest.set(key, { component, host: place, version });
      }
    }
  }
  return [...oldest.values()].map(({ component, host, version }) => {
    const where = component === 'ingress-nginx' && endpoints.size > 0;
    return PartFact.parse({
      component,
      ...(host === undefined ? {} : { host }),
      version,
      ...(where ? { endpoints: [...endpoints.values()].slice(0, 1024) } : {}),
    });
  });
}

function older(component: Component, a: string, b: string): boolean {
  return compareVersions(parseComponentVersion(component, a), parseComponentVersion(component, b)) < 0;
}

function readable(component: Component, version: string, whose: string, note: Note): boolean {
  try {
    parseComponentVersion(component, version);
    return true;
  } catch {
    note(`the version '${printable(version)}' of ${whose} is left out: it is none that can be read`);
    return false;
  }
}

/** `--validating-webhook=:8443`; without it there is no webhook. */
function admissionEndpoints(args: readonly string[], addresses: readonly string[]): Endpoint[] {
  const given = args.flatMap((arg) => /^--validating-webhook=[^:]*:(\d{1,5})$/.exec(arg)?.[1] ?? [])[0];
  if (given === undefined) return [];
  return addresses.flatMap((address) => {
    const endpoint = Endpoint.safeParse({ address, port: Number(given) });
    return endpoint.success ? [endpoint.data] : [];
  });
}
