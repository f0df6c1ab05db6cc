// What else a cluster's hosts serve, and who may call it: kubelets, etcd, the components' own ports, admission webhooks.
// Reached by the wrong caller each of them is a way around the API server. The cluster says which are protected.
//
//   1 break-glass          people's rules, as written
//   2 portcullis/api-servers    pass, the hosts that run the cluster's API servers
//   3 portcullis/control-plane  etcd between its members: pass, hosts of tier control-plane
//   4 people's rules that name the service
//   5 while shields close it: callers that all of them pass, then everybody else is refused, in the shield's name
//   6 the service's default: everybody else is refused
//
// What a cluster doesn't protect is protected all the same while a shield for one of its parts stands at block.
import { parseCidr } from '../base/cidr.ts';
import { Failure } from '../base/failure.ts';
import type { Endpoint } from '../model/common.ts';
import type { Cluster, Host, Inventory } from '../model/inventory.ts';
import type { KeepOpen, ProtectedService } from '../model/plan.ts';
import type { Verdict } from '../model/policy.ts';
import type { Shield } from '../model/shield.ts';
import { type Tag, tagType, tagValue } from '../model/tag.ts';
import type { AddressBook } from './address-book.ts';
import { type AddressSet, addressSet, everybody, isEmpty } from './address-set.ts';
import type { ClosedServices } from './closed-services.ts';
import { requirePass, show } from './invariants.ts';
import type { ServiceGroups } from './rule-ends.ts';
import {
  fromPeople,
  own,
  passedByAll,
  passText,
  peopleRules,
  planRule,
  type Rule,
  shieldNames,
  shieldRule,
} from './rules.ts';
import { serviceIds } from './service-id.ts';
import { effectiveTags, hostLayers } from './tags.ts';
import type { WrittenRule } from './written-rules.ts';

type Kind = {
  /** As rules name it, and before the host's name in records: `kubelet/node-1`. */
  readonly name: string;
  readonly ports: readonly number[];
  /** On control-plane hosts alone. */
  readonly controlPlane: boolean;
  /** Who may call it: API servers, members of the control plane too, or nobody. */
  readonly callers: 'api-servers' | 'members' | 'nobody';
  readonly default: Verdict;
};

const kinds = {
  kubelet: { name: 'kubelet', ports: [10250], controlPlane: false, callers: 'api-servers', default: 'deny' },
  // It asks nobody who they are: not even API servers need it.
  readOnly: {
    name: 'kubelet-read-only',
    ports: [10255],
    controlPlane: false,
    callers: 'nobody',
    default: 'drop',
  },
  // For the kubelet's own host. Shields close it alone; a cluster protects it with the other components.
  health: { name: 'kubelet-health', ports: [10248], controlPlane: false, callers: 'nobody', default: 'deny' },
  etcd: { name: 'etcd', ports: [2379, 2380], controlPlane: true, callers: 'members', default: 'deny' },
  // Health and metrics of kubelet, kube-proxy, controller manager and scheduler.
  components: {
    name: 'components',
    ports: [10248, 10249, 10257, 10259],
    controlPlane: false,
    callers: 'api-servers',
    default: 'deny',
  },
} as const satisfies Readonly<Record<string, Kind>>;
const allKinds: readonly Kind[] = Object.values(kinds);

/** By what a cluster's `protect` says. */
const protectedKinds: Readonly<Record<string, readonly Kind[]>> = {
  kubelet: [kinds.kubelet, kinds.readOnly],
  etcd: [kinds.etcd],
  components: [kinds.components],
};

/** The services of this file, as rules name them. */
export const hostServiceNames: ReadonlySet<string> = new Set([
  'webhook',
  ...allKinds.map(({ name }) => name),
]);

export type HostServices = {
  /** By host: what it serves itself. */
  readonly own: ReadonlyMap<string, readonly ProtectedService[]>;
  /** By cluster: what its hosts forward to, wherever that is. */
  readonly forwarded: ReadonlyMap<string, readonly ProtectedService[]>;
  /** Paths into those that must stay open. */
  keepOpen(services: readonly ProtectedService[]): KeepOpen[];
};

export type HostServicesInput = {
  readonly inventory: Inventory;
  /** Hosts of each cluster that count as its own: nodes, control plane, hosts of API servers. */
  readonly members: ReadonlyMap<string, readonly Host[]>;
  readonly written: readonly WrittenRule[];
  readonly book: AddressBook;
  readonly groups: ServiceGroups;
  readonly controllers: readonly Endpoint[];
  readonly closed: ClosedServices;
};

/** @throws Failure `plan-locks-out` when an API server could not reach what it lives by */
export function hostServices(input: HostServicesInput): HostServices {
  const { inventory, members } = input;
  const ownByHost = new Map<string, ProtectedService[]>();
  const forwarded = new Map<string, ProtectedService[]>();
  for (const cluster of inventory.clusters) {
    const hosts = members.get(cluster.name) ?? [];
    const serving = new Set(
      inventory.servers.filter((server) => server.cluster === cluster.name).map(({ host }) => host),
    );
    const callers: Callers = {
      apiServers: addressesOf(hosts.filter(({ name }) => serving.has(name))),
      controlPlane: addressesOf(
        hosts.filter((host) => serving.has(host.name) || isControlPlane(host, inventory)),
      ),
    };
    for (const host of hosts) {
      const tags = effectiveTags(hostLayers(host, inventory));
      const services = kindsAt(host, cluster, input.closed)
        .filter((kind) => !kind.controlPlane || serving.has(host.name) || isControlPlane(host, inventory))
        .map((kind) => {
          const endpoints = host.addresses.flatMap((address) =>
            kind.ports.map((port) => ({ address, port })),
          );
          return serviceOf(input, callers, { kind, name: `${kind.name}/${host.name}`, tags, endpoints });
        });
      if (services.length > 0) ownByHost.set(host.name, services);
    }
    const webhooks = webhooksOf(input, cluster, callers);
    if (webhooks.length > 0) forwarded.set(cluster.name, webhooks);
  }
  return { own: ownByHost, forwarded, keepOpen };
}

/** What the cluster protects, and what shields close on this host. No port is of two services: the narrower has it. */
function kindsAt(host: Host, cluster: Cluster, closed: ClosedServices): Kind[] {
  const wanted = new Set((cluster.protect ?? []).flatMap((what) => protectedKinds[what] ?? []));
  for (const kind of allKinds) if (closed.has(`${kind.name}/${host.name}`)) wanted.add(kind);
  const taken: ReadonlySet<number> = new Set(wanted.has(kinds.health) ? kinds.health.ports : []);
  return [...wanted].map((kind) =>
    kind === kinds.components ? { ...kind, ports: kind.ports.filter((port) => !taken.has(port)) } : kind,
  );
}

type Callers = { readonly apiServers: AddressSet; readonly controlPlane: AddressSet };
type Wanted = {
  readonly kind: Kind;
  readonly name: string;
  readonly tags: readonly Tag[];
  readonly endpoints: readonly Endpoint[];
};

function webhooksOf(input: HostServicesInput, cluster: Cluster, callers: Callers): ProtectedService[] {
  const webhooks = cluster.webhooks ?? [];
  const admission = cluster.ingressAdmission ?? [];
  if (webhooks.length + admission.length === 0) return [];
  requireFree(input, cluster, 'webhooks', webhooks);
  requireFree(input, cluster, 'ingressAdmission', admission);
  const closed = input.closed.has(`webhook/${cluster.name}`);
  const all = closed ? [...webhooks, ...admission] : webhooks;
  const endpoints = [...new Map(all.map((endpoint) => [show(endpoint), endpoint])).values()];
  if (endpoints.length === 0) return [];
  const kind: Kind = {
    name: 'webhook',
    ports: [],
    controlPlane: false,
    callers: 'api-servers',
    default: 'deny',
  };
  const service = serviceOf(input, callers, {
    kind,
    name: `webhook/${cluster.name}`,
    tags: effectiveTags([cluster.tags]),
    endpoints,
  });
  // It is wherever its pods are: of no host, and without a gate.
  return [{ ...service, gateAddresses: [] }];
}

/** @throws Failure `bad-inventory` for a webhook where something else is */
function requireFree(
  { inventory, controllers }: HostServicesInput,
  cluster: Cluster,
  field: 'webhooks' | 'ingressAdmission',
  endpoints: readonly Endpoint[],
): void {
  const at = inventory.clusters.indexOf(cluster);
  const servers = inventory.servers.flatMap(({ name, address, port, also }) =>
    [{ address, port }, ...also].map((endpoint) => [show(endpoint), `server '${name}'`] as const),
  );
  const hosts = new Map(
    inventory.hosts.flatMap(({ name, addresses }) => addresses.map((each) => [each, name])),
  );
  const taken = new Map<string, string>([
    ...servers,
    ...controllers.map((endpoint) => [show(endpoint), 'the controller, which agents must reach'] as const),
  ]);
  endpoints.forEach((endpoint, i) => {
    const host = hosts.get(endpoint.address);
    const known = host !== undefined && reserved.has(endpoint.port);
    const owner = taken.get(show(endpoint)) ?? (known ? `a service of host '${host}'` : undefined);
    if (owner === undefined) return;
    throw new Failure('bad-inventory', `${show(endpoint)} is ${owner}, and no webhook`, {
      place: `clusters[${at}].${field}[${i}]`,
    });
  });
}

/** SSH, and the ports of the kinds above. */
const reserved: ReadonlySet<number> = new Set([22, ...allKinds.flatMap(({ ports }) => ports)]);

function serviceOf(
  { written, book, groups, closed }: HostServicesInput,
  callers: Callers,
  { kind, name, tags, endpoints }: Wanted,
): ProtectedService {
  const [first] = endpoints;
  const people = peopleRules(written, book, groups, {
    name,
    tags,
    service: kind.name,
    port: first?.port ?? 0,
  });
  const open =
    kind.callers === 'nobody'
      ? []
      : [own('portcullis/api-servers', callers.apiServers, 'hosts of the API servers')];
  if (kind.callers === 'members')
    open.push(own('portcullis/control-plane', callers.controlPlane, 'hosts of its control plane'));
  const rules: Rule[] = [
    ...people.filter(({ rule }) => rule.tier === 'break-glass'),
    ...open,
    ...people.filter(({ rule }) => rule.tier !== 'break-glass'),
    ...closingRules(closed.get(name) ?? [], book),
  ].map((one) => ('rule' in one ? fromPeople(one, one.from, one.rule.action) : one));
  // Steering is refused by the table: none of these has a gate.
  const judged = { server: { name }, rules, default: kind.default, people };
  for (const { from } of open) {
    if (isEmpty(from)) continue;
    requirePass(judged, {
      who: 'API servers of its cluster',
      from,
      hint: "narrow the rule's from, e.g. with AND NOT tier=control-plane",
    });
  }
  return {
    id: serviceIds([name]).get(name) ?? '',
    server: name,
    stage: 'block',
    endpoints: [...endpoints],
    rules: rules.map(planRule),
    default: kind.default,
  };
}

/** What is closed stays so for everybody but whom all of the shields let pass; a shield never opens what is protected. */
function closingRules(shields: readonly Shield[], book: AddressBook): Rule[] {
  const [first] = shields;
  if (!first) return [];
  const because = passText(shields);
  const silent = shields.every(({ firstResponse }) => firstResponse.action === 'drop');
  const all = `any (${shieldNames(shields)})`;
  return [
    ...(because === undefined
      ? []
      : [shieldRule(`shield/${first.id}/pass`, passedByAll(shields, book), because, 'pass')]),
    shieldRule(`shield/${first.id}/deny`, everybody, all, silent ? 'drop' : 'deny'),
  ];
}

function keepOpen(services: readonly ProtectedService[]): KeepOpen[] {
  return services.flatMap(({ server, rules, endpoints }) =>
    rules
      .filter(({ tier, from }) => tier === 'control-plane' && from.length > 0)
      .flatMap(({ from }) => endpoints.map((to): KeepOpen => ({ name: server, from: [...from], to }))),
  );
}

function isControlPlane(host: Host, inventory: Inventory): boolean {
  return effectiveTags(hostLayers(host, inventory)).some(
    (tag) => tagType(tag) === 'tier' && tagValue(tag) === 'control-plane',
  );
}

function addressesOf(hosts: readonly Host[]): AddressSet {
  return addressSet(hosts.flatMap(({ addresses }) => addresses).map((text) => parseCidr(text)));
}
