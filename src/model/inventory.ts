// The inventory: what exists and where, as people declare it (YAML) or as a kubeconfig says.
import { z } from 'zod';
import { Address, Addresses, DnsName, Endpoint, Name, Port } from './common.ts';
import { ServerIdentity } from './identity.ts';
import { LimitSettings } from './limits.ts';
import { DeclaredTag } from './tag.ts';

/** What everything in the inventory has. */
const tagged = {
  /** What people declare. */
  tags: z.array(DeclaredTag).default([]),
  /** The import that keeps this thing up to date, and the tags that it found. Left out for what people declare. */
  source: Name.optional(),
  imported: z.array(DeclaredTag).optional(),
};

/** A place. What is of it inherits `site=<name>` and its tags, unless something nearer says otherwise. */
export const Site = z.strictObject({ name: Name, ...tagged });
export type Site = z.infer<typeof Site>;

/** What else a cluster's hosts serve: `loopback` is what listens on 127.0.0.0/8, which others may reach (CVE-2020-8558). */
export const HostProtection = z.enum(['kubelet', 'etcd', 'components', 'loopback']);
export type HostProtection = z.infer<typeof HostProtection>;

const PartVersion = z.string().min(1).max(200);

/** Versions of a cluster's parts, for those that can't be read. `etcd` is that of every control-plane host. */
export const ClusterVersions = z.strictObject({
  'kube-controller-manager': PartVersion.optional(),
  'kube-scheduler': PartVersion.optional(),
  etcd: PartVersion.optional(),
  'ingress-nginx': PartVersion.optional(),
  'csi-driver-nfs': PartVersion.optional(),
  'csi-driver-smb': PartVersion.optional(),
});

/** Versions of a host's parts: as imports find them, or as people say where they can't be read. */
export const HostVersions = z.strictObject({
  kubelet: PartVersion.optional(),
  'kube-proxy': PartVersion.optional(),
  etcd: PartVersion.optional(),
  containerd: PartVersion.optional(),
  'cri-o': PartVersion.optional(),
  runc: PartVersion.optional(),
});
export type HostVersions = z.infer<typeof HostVersions>;

export const Cluster = z.strictObject({
  name: Name,
  site: Name.optional(),
  /** Protected on every host of the cluster that has an agent; nothing when left out. */
  protect: z.array(HostProtection).optional(),
  /** Where admission webhooks listen, for API servers alone: addresses of pods or hosts, not of services. */
  webhooks: z.array(Endpoint).max(1024).optional(),
  /** Where ingress-nginx's admission webhook listens. Closed to all but API servers while a shield for it stands at block. */
  ingressAdmission: z.array(Endpoint).max(1024).optional(),
  versions: ClusterVersions.optional(),
  ...tagged,
});
export type Cluster = z.infer<typeof Cluster>;

/** A machine. `tier=control-plane` and `tier=node` decide what counts as the cluster's own traffic. */
export const Host = z.strictObject({
  name: Name,
  addresses: z.array(Address).min(1),
  cluster: Name.optional(),
  /** For a host of no cluster. */
  site: Name.optional(),
  os: z.enum(['linux', 'windows']).optional(),
  versions: HostVersions.optional(),
  ...tagged,
});
export type Host = z.infer<typeof Host>;

/** How the controller reads a server's version. Files are on the controller's host. */
export const Probe = z.strictObject({
  /** PEM file of the CA that signed the server's certificate. */
  caFile: z.string().optional(),
  /** Name to verify in the server's certificate, when it is not the address. */
  serverName: z.string().optional(),
  /** Credentials, only where `/version` is not open to anonymous callers. */
  tokenFile: z.string().optional(),
  certFile: z.string().optional(),
  keyFile: z.string().optional(),
  /** Path of an aggregated API (`/apis/<group>/<version>`) for the safe probe; found by discovery when left out. */
  upgradePath: z.string().startsWith('/').optional(),
});
export type Probe = z.infer<typeof Probe>;

/** One kube-apiserver. */
export const ApiServer = z.strictObject({
  name: Name,
  cluster: Name,
  /** Host that it runs on: where its agent and gate are. */
  host: Name,
  address: Address,
  port: Port.default(6443),
  /** Every other way to it: further addresses, load balancers, the cluster's service address (ClusterIP). */
  also: z.array(Endpoint).default([]),
  /** Port on the same host where its gate listens. */
  gatePort: Port.default(16443),
  /** Names by which callers ask for it: servers of one host that all have such may share a gatePort. */
  gateNames: z.array(DnsName).min(1).optional(),
  ...tagged,
  probe: Probe.default({}),
  /** How callers' identity gets through its gate. Left out: front-proxy, with kubeadm's names. */
  identity: ServerIdentity.optional(),
  /**
   * What stands in for what fails. `gateDown`: while the gate of its host is dead or hangs, callers that would be steered
   * to it are refused (`closed`), or pass to the server uninspected (`open`).
   */
  failure: z.strictObject({ gateDown: z.enum(['closed', 'open']).default('closed') }).optional(),
  /** Limits of its gate that differ from the defaults (docs/reference/limits.md). */
  limits: LimitSettings.optional(),
});
export type ApiServer = z.infer<typeof ApiServer>;

/**
 * Named addresses: developers' networks, break-glass hosts. Expressions name them `group=<name>`. One that holds nothing
 * matches nothing.
 */
export const AddressGroup = z.strictObject({
  name: Name,
  /** Addresses, prefixes and ranges; a range is kept as the prefixes that it is. */
  addresses: z
    .array(Addresses)
    .default([])
    .transform((all) => all.flat()),
  /** DNS names, whose addresses are looked up again and again. */
  names: z.array(DnsName).max(256).optional(),
  /** A tag expression: addresses that the inventory names and that match are of the group too, without getting its tags. */
  members: z.string().optional(),
  ...tagged,
});
export type AddressGroup = z.infer<typeof AddressGroup>;

/** Named TCP ports, for the `service` of rules. */
export const ServiceGroup = z.strictObject({ name: Name, ports: z.array(Port).min(1).max(1024) });
export type ServiceGroup = z.infer<typeof ServiceGroup>;

export const Inventory = z.strictObject({
  apiVersion: z.literal('portcullis/v1'),
  sites: z.array(Site).optional(),
  clusters: z.array(Cluster).min(1),
  hosts: z.array(Host).default([]),
  servers: z.array(ApiServer).min(1),
  groups: z.array(AddressGroup).default([]),
  serviceGroups: z.array(ServiceGroup).optional(),
});
export type Inventory = z.infer<typeof Inventory>;
