// The inventory: what exists and where, as people declare it (YAML) or as a kubeconfig says.
import { z } from 'zod';
import { Address, CidrText, Endpoint, Name, Port } from './common.ts';
import { ServerIdentity } from './identity.ts';
import { DeclaredTag } from './tag.ts';

/** A machine. `tier=control-plane` and `tier=node` decide what counts as the cluster's own traffic. */
export const Host = z.strictObject({
  name: Name,
  addresses: z.array(Address).min(1),
  cluster: Name.optional(),
  tags: z.array(DeclaredTag).default([]),
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
  tags: z.array(DeclaredTag).default([]),
  probe: Probe.default({}),
  /** How callers' identity gets through its gate. Left out: front-proxy, with kubeadm's names. */
  identity: ServerIdentity.optional(),
});
export type ApiServer = z.infer<typeof ApiServer>;

/** Named addresses outside the clusters: developers' networks, break-glass hosts. */
export const AddressGroup = z.strictObject({
  name: Name,
  addresses: z.array(CidrText).min(1),
  tags: z.array(DeclaredTag).default([]),
});
export type AddressGroup = z.infer<typeof AddressGroup>;

export const Inventory = z.strictObject({
  apiVersion: z.literal('portcullis/v1'),
  clusters: z.array(z.strictObject({ name: Name, tags: z.array(DeclaredTag).default([]) })).min(1),
  hosts: z.array(Host).default([]),
  servers: z.array(ApiServer).min(1),
  groups: z.array(AddressGroup).default([]),
});
export type Inventory = z.infer<typeof Inventory>;
