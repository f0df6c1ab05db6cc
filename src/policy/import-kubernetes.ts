// What a Kubernetes cluster says of itself, as a part of an inventory: nodes are hosts, the endpoints of
// default/kubernetes are servers, and every service that leads to them is one more way to each.
//
// Names, labels and addresses come from a cluster that may be hostile: what doesn't fit is left out and told, and no label
// can become a tag that decides whom the cluster's own traffic is from.
import { canonicalAddress } from '../base/cidr.ts';
import type { Endpoint } from '../model/common.ts';
import { ImportDocument } from '../model/import.ts';
import { DeclaredTag, tagType } from '../model/tag.ts';

export type KubeNode = {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly kubeletVersion: string | undefined;
};

export type KubeService = {
  readonly name: string;
  readonly ports: readonly { readonly port: number; readonly nodePort?: number | undefined }[];
  /** Its own, and those by which it is reached from outside. */
  readonly clusterIps: readonly string[];
  readonly externalIps: readonly string[];
};

export type KubeFacts = {
  readonly cluster: string;
  /** The server as the kubeconfig names it. */
  readonly server: Endpoint;
  readonly nodes: readonly KubeNode[];
  /** Of default/kubernetes. */
  readonly endpoints: readonly { readonly address: string; readonly port: number }[];
  /** default/kubernetes, and services of type LoadBalancer that lead to the same endpoints. */
  readonly services: readonly KubeService[];
};

/** Which labels become tags. */
export type LabelRules = {
  /** Tag type by label. */
  readonly types: ReadonlyMap<string, string>;
  /** A label that begins so becomes a tag; its type is the rest of the label. */
  readonly prefixes: readonly string[];
};

const controlPlaneLabels = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'];

/** Told at most so often; the rest is counted. */
const maxNotes = 20;

export function fromKubernetes(
  facts: KubeFacts,
  rules: LabelRules,
): {
  readonly found: ImportDocument;
  readonly notes: readonly string[];
  /** The host that each node became, by the node's name. */
  readonly hosts: ReadonlyMap<string, string>;
} {
  const notes: string[] = [];
  let untold = 0;
  const note = (line: string): void => {
    if (notes.length < maxNotes) notes.push(line);
    else untold++;
  };
  const cluster = slug(facts.cluster) ?? 'cluster';
  const endpoints = distinct(facts.endpoints, note);
  const ways = new Set(endpoints.map(({ address }) => address));
  const hosts = new Map<string, { name: string; addresses: string[]; cluster: string; tags: string[] }>();
  const owner = new Map<string, string>();
  const named = new Map<string, string>();
  for (const node of facts.nodes) {
    const name = slug(node.name);
    if (name === undefined || hosts.has(name)) {
      note(
        `node '${shown(node.name)}' is left out: ${name === undefined ? 'it has no usable name' : 'another has its name'}`,
      );
      continue;
    }
    const addresses = usable(node.addresses, `node '${name}'`, note).filter((address) => {
      const other = owner.get(address);
      if (other !== undefined && other !== name)
        note(`${address} of node '${name}' is left out: node '${other}' has it`);
      return other === undefined;
    });
    if (addresses.length === 0) {
      note(`node '${name}' is left out: it has no usable address`);
      continue;
    }
    for (const address of addresses) owner.set(address, name);
    const master =
      addresses.some((address) => ways.has(address)) ||
      controlPlaneLabels.some((label) => label in node.labels);
    const tags = [master ? 'tier=control-plane' : 'tier=node', ...labelTags(node, rules, name, note)];
    hosts.set(name, { name, addresses, cluster, tags });
    named.set(node.name, name);
  }
  for (const { address } of endpoints) {
    if (owner.has(address)) continue;
    const name = `apiserver-${address.replace(/[^0-9a-f]+/g, '-').replace(/^-|-$/g, '')}`;
    note(`${address}, where default/kubernetes leads, is no node's: it becomes the host '${name}'`);
    owner.set(address, name);
    hosts.set(name, { name, addresses: [address], cluster, tags: ['tier=control-plane'] });
  }
  const also = waysIn(facts, endpoints, note);
  const servers = endpoints.map(({ address, port }) => {
    const host = owner.get(address) ?? '';
    return { name: `${cluster}/${host}`, cluster, host, address, port, also };
  });
  // A host with two endpoints, of two families: one server, and one more way to it.
  const merged = new Map<string, (typeof servers)[number]>();
  for (const server of servers) {
    const known = merged.get(server.name);
    const way = { address: server.address, port: server.port };
    merged.set(server.name, known ? { ...known, also: [way, ...known.also] } : server);
  }
  if (untold > 0) notes.push(`and ${untold} more like these`);
  const found = ImportDocument.parse({
    apiVersion: 'portcullis/v1',
    clusters: [{ name: cluster }],
    hosts: [...hosts.values()],
    servers: [...merged.values()],
  });
  return { found, notes, hosts: named };
}

/** Every way to the servers beside their own endpoints. */
function waysIn(
  { server, services }: KubeFacts,
  endpoints: readonly Endpoint[],
  note: (line: string) => void,
): Endpoint[] {
  const ways: Endpoint[] = services.flatMap(({ name, ports, clusterIps, externalIps }) =>
    usable([...clusterIps, ...externalIps], `service '${shown(name)}'`, note).flatMap((address) =>
      ports.map(({ port }) => ({ address, port })),
    ),
  );
  // The kubeconfig may name a load balancer that no service stands for.
  if (!/^127\.|^::1$/.test(server.address)) ways.push(server);
  const own = new Set(endpoints.map(({ address, port }) => `${address} ${port}`));
  const known = new Map(ways.map((way) => [`${way.address} ${way.port}`, way]));
  return [...known].filter(([key]) => !own.has(key)).map(([, way]) => way);
}

function labelTags(node: KubeNode, rules: LabelRules, name: string, note: (line: string) => void): string[] {
  const tags = new Map<string, string>();
  if (node.kubeletVersion !== undefined) put('kubelet-version', node.kubeletVersion);
  for (const [label, value] of Object.entries(node.labels)) {
    const prefix = rules.prefixes.find((one) => label.startsWith(one) && label.length > one.length);
    const type = rules.types.get(label) ?? (prefix === undefined ? undefined : label.slice(prefix.length));
    if (type !== undefined && value !== '') put(type, value);
  }
  return [...tags.values()];

  function put(type: string, value: string): void {
    const parsed = DeclaredTag.safeParse(`${type.replace(/[._]/g, '-')}=${value}`);
    if (!parsed.success) {
      note(`label '${shown(type)}' of node '${name}' is left out: ${parsed.error.issues[0]?.message}`);
    } else if (tagType(parsed.data) === 'tier') {
      note(`label '${shown(type)}' of node '${name}' is left out: the tier comes from the node's role`);
    } else if (tags.has(tagType(parsed.data))) {
      note(
        `label '${shown(type)}' of node '${name}' is left out: another one sets '${tagType(parsed.data)}'`,
      );
    } else tags.set(tagType(parsed.data), parsed.data);
  }
}

function distinct(endpoints: KubeFacts['endpoints'], note: (line: string) => void): Endpoint[] {
  const found = new Map<string, Endpoint>();
  for (const { address, port } of endpoints) {
    for (const one of usable([address], 'default/kubernetes', note))
      found.set(`${one} ${port}`, { address: one, port });
  }
  return [...found.values()];
}

/** Canonical, without those that are no machine's. Link-local ones are in every network: they name nobody. */
function usable(addresses: readonly string[], whose: string, note: (line: string) => void): string[] {
  return [
    ...new Set(
      addresses.flatMap((text) => {
        let address: string;
        try {
          address = canonicalAddress(text);
        } catch {
          note(`'${shown(text)}' of ${whose} is left out: it is no address`);
          return [];
        }
        if (!/^(127\.|0\.|169\.254\.|22[4-9]\.|23\d\.|255\.|fe[89ab]|ff|::1?$)/.test(address))
          return [address];
        note(`${address} of ${whose} is left out: it can't be the address of a machine`);
        return [];
      }),
    ),
  ];
}

/** A name of ours from one of theirs: what Name doesn't hold becomes `-`. */
function slug(text: string): string | undefined {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, '-')
    .slice(0, 63)
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '');
  return name === '' ? undefined : name;
}

function shown(text: string): string {
  return text.slice(0, 80).replace(/[^\x20-\x7e]/g, '?');
}
