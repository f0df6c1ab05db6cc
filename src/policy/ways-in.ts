// Every way to a server that the inventory knows, and the check that no agent's plan leaves one of them unjudged.
//
// A way is an address and port: each address of the server's host, IPv4 and IPv6, with each port that the server has there;
// the service address, load balancers and node ports under `also`. At its own host a server is judged on its port at every
// address that the host has, link-local ones and those that no inventory names among them (nft/build.ts); so the addresses
// have to be named where other hosts forward to them.
import { Failure } from '../base/failure.ts';
import type { Endpoint } from '../model/common.ts';
import type { ApiServer, Host, Inventory } from '../model/inventory.ts';
import type { ProtectedService } from '../model/plan.ts';
import { hostsOfClusters } from './cluster-hosts.ts';
import { show } from './invariants.ts';

/** Endpoints that servers name, as text: each belongs to who names it. */
export function namedEndpoints(servers: readonly ApiServer[]): Set<string> {
  return new Set(
    servers.flatMap(({ address, port, also }) =>
      [{ address, port }, ...also].map((endpoint) => show(endpoint)),
    ),
  );
}

/**
 * Its own endpoint first, then those under `also`, then the same ports at its host's other addresses, unless another server
 * is named there; each once.
 */
export function waysIn(
  server: ApiServer,
  hostAddresses: readonly string[],
  taken: ReadonlySet<string>,
): Endpoint[] {
  const named = [{ address: server.address, port: server.port }, ...server.also];
  const ports = named.filter(({ address }) => hostAddresses.includes(address)).map(({ port }) => port);
  const twins = hostAddresses
    .flatMap((address) => ports.map((port) => ({ address, port })))
    .filter((endpoint) => !taken.has(show(endpoint)));
  return [
    ...new Map(
      [...named, ...twins].map(({ address, port }) => [show({ address, port }), { address, port }]),
    ).values(),
  ];
}

/** Which services an agent judges, and whose host it is on. */
export type JudgingAgent = {
  /** Undefined for hosts without servers, which are all told the same. */
  readonly host: string | undefined;
  readonly services: readonly Pick<ProtectedService, 'server' | 'endpoints'>[];
};

/**
 * Each of the servers must be judged by the agent at every way in: by its own service, or, where a load balancer or service
 * address leads to several servers of a cluster, by that of one of them.
 * @throws Failure `plan-bypassed` naming the way and the agent
 */
export function requireNoBypass(
  { host, services }: JudgingAgent,
  judgedServers: readonly { readonly server: ApiServer }[],
  hosts: ReadonlyMap<string, Pick<Host, 'addresses'>>,
): void {
  const servers = judgedServers.map(({ server }) => server);
  const judged = new Map(
    services.flatMap(({ server, endpoints }) => endpoints.map((one) => [show(one), server])),
  );
  /** Ports of services at any address of this host. */
  const local = (host === undefined ? undefined : hosts.get(host)?.addresses) ?? [];
  const localPorts = new Set(
    services.flatMap(({ endpoints }) =>
      endpoints.filter(({ address }) => local.includes(address)).map(({ port }) => port),
    ),
  );
  const taken = namedEndpoints(servers);
  const clusterOf = new Map(servers.map(({ name, cluster }) => [name, cluster]));
  for (const server of servers) {
    for (const way of waysIn(server, hosts.get(server.host)?.addresses ?? [], taken)) {
      const by = judged.get(show(way));
      if (by !== undefined && clusterOf.get(by) === server.cluster) continue;
      if (by === undefined && server.host === host && local.includes(way.address) && localPorts.has(way.port))
        continue;
      const instead =
        by === undefined ? 'nothing judges it' : `'${by}' judges it, which is of another cluster`;
      throw new Failure(
        'plan-bypassed',
        `${show(way)} leads to server '${server.name}', and at ${host === undefined ? 'the agents of its nodes' : `the agent of host '${host}'`} ${instead}`,
        {
          place: `server ${server.name}`,
          hint: 'no two servers of different clusters may be reached at one address and port',
        },
      );
    }
  }
}

/** Ways that no plan can judge, by server: a clause each, with the reason. Servers without any are left out. */
export function uncoveredWays(inventory: Inventory, enrolled: ReadonlySet<string>): Map<string, string[]> {
  const serving = new Set(inventory.servers.map(({ host }) => host));
  const blind = new Map(
    [...hostsOfClusters(inventory)].map(([cluster, hosts]) => [
      cluster,
      hosts.map(({ name }) => name).filter((name) => !serving.has(name) && !enrolled.has(name)),
    ]),
  );
  const gaps = proxiedWays(inventory, enrolled);
  for (const { name, cluster } of inventory.servers) {
    const without = blind.get(cluster) ?? [];
    if (without.length === 0) continue;
    const gap = `${someOf(without)} of its cluster without an agent: what they forward under their own address, as masqueraded pods or node ports, arrives as if they had sent it`;
    gaps.set(name, [gap, ...(gaps.get(name) ?? [])]);
  }
  return gaps;
}

/** Load balancers at a host of the inventory that has no agent: their callers arrive under that host's address. */
export function proxiedWays(inventory: Inventory, enrolled: ReadonlySet<string>): Map<string, string[]> {
  const serving = new Set(inventory.servers.map(({ host }) => host));
  const others = new Set(inventory.servers.flatMap(({ also }) => also.map(({ address }) => address)));
  const owners = ownersOf(inventory, others);
  const gaps = new Map<string, string[]>();
  for (const { name, host, also } of inventory.servers) {
    for (const way of also) {
      const owner = owners.get(way.address);
      if (owner === undefined || owner === host || serving.has(owner) || enrolled.has(owner)) continue;
      const gap = `${show(way)} is at host '${owner}', which has no agent: who comes that way is judged as '${owner}', not as themselves`;
      gaps.set(name, [...(gaps.get(name) ?? []), gap]);
    }
  }
  return gaps;
}

/** The hosts that those addresses are of: a few among what may be a hundred thousand. */
function ownersOf(inventory: Inventory, wanted: ReadonlySet<string>): Map<string, string> {
  const owners = new Map<string, string>();
  for (const { name, addresses } of inventory.hosts)
    for (const address of addresses) if (wanted.has(address)) owners.set(address, name);
  return owners;
}

function someOf(hosts: readonly string[]): string {
  const some = hosts.slice(0, 3).join(', ');
  const noun = hosts.length === 1 ? 'host' : 'hosts';
  return `${noun} ${some}${hosts.length > 3 ? ` and ${hosts.length - 3} more` : ''}`;
}
