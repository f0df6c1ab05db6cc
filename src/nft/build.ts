// Plan → table. Every packet of a protected service is judged in both directions: a changed policy reaches open
// connections at their next packet, so nothing here accepts by connection state.
import { parseCidr } from '../base/cidr.ts';
import { Failure } from '../base/failure.ts';
import type { AgentPlan, ProtectedService } from '../model/plan.ts';
import { type GateAt, gateOf, hasLocalGate } from './gate-of.ts';
import {
  baseChains,
  challengeChain,
  gateGuard,
  gateMay,
  judgeChain,
  loopbackCounter,
  loopbackGuard,
  masqueradeChain,
  strayCounter,
} from './hook-chains.ts';
import { type Family, families, type ResolvedService, resolveService } from './intervals.ts';
import { serviceParts, steers } from './service-parts.ts';
import {
  type Chain,
  type Counter,
  type EndpointMap,
  gatePortSet,
  generationChain,
  type PortMap,
  type Store,
  type Table,
} from './table.ts';
import { refusalChains } from './verdict-chains.ts';

/** What the table needs to know of the host it is for. */
export type HostFacts = {
  /** Its own addresses. A service on one of them is protected on its port at every address of the host. */
  readonly localAddresses: readonly string[];
  /** Whom the gate's workers belong to: they may connect to the servers of this host's gate and nowhere else. */
  readonly gateUser?: number;
};

/**
 * `services` are the plan's, where they are resolved already.
 * @throws Failure `bad-plan` (two services claim one endpoint or one id), `bad-address`
 */
export function buildTable(
  plan: AgentPlan,
  host: HostFacts,
  services: readonly ResolvedService[] = plan.services.map(resolveService),
): Table {
  const stores: Store[] = families.map((family) => ({ kind: 'records', name: `denied${family}`, family }));
  const chains: Chain[] = [{ name: `${generationChain}${plan.generation}`, rules: [] }, ...refusalChains];
  const counters: Counter[] = [];
  checkIds(plan);
  for (const resolved of services) {
    const parts = serviceParts(resolved, (family) => gateOf(resolved.service, family, host));
    stores.push(...parts.stores);
    chains.push(...parts.chains);
    counters.push(...parts.counters);
  }
  const local = plan.services.filter(hasLocalGate);
  const gates = [...new Set(local.flatMap((service) => service.gatePort ?? []))];
  if (gates.length > 0) {
    stores.push({ kind: 'ports', name: gatePortSet, ports: gates });
    counters.push({ name: 'gate_bypass', comment: 'refused: straight to the gate port' });
  }
  const steered = plan.services.filter(steers);
  stores.push(
    ...endpointMaps('to', plan.services),
    ...endpointMaps('from', plan.services),
    ...endpointMaps('steer', steered),
    localMap('to', plan.services, host),
    localMap('from', plan.services, host),
    localMap('steer', steered, host),
    ...remoteGates(steered, host),
  );
  if (gates.length > 0) stores.push(gateMap('to', local), gateMap('from', local));
  if (plan.guardLoopback) {
    counters.push(loopbackCounter);
    chains.push(loopbackGuard);
  }
  if (gates.length > 0 && host.gateUser !== undefined) {
    counters.push(strayCounter);
    stores.push(...upstreamMaps(local));
    chains.push(gateMay, gateGuard(host.gateUser));
  }
  chains.push(judgeChain(), masqueradeChain, challengeChain, ...baseChains(gates.length > 0));
  return { generation: plan.generation, counters, stores, chains };
}

/** Chains are named for services: two of one id would be judged by the rules of the first. */
function checkIds({ services }: AgentPlan): void {
  const seen = new Set<string>();
  for (const { id } of services) {
    if (seen.has(id)) throw new Failure('bad-plan', `two services have the id '${id}'`);
    seen.add(id);
  }
}

/** The servers behind the gate of this host, at every address that they have. */
function upstreamMaps(services: readonly ProtectedService[]): EndpointMap[] {
  return endpointMaps('to', services).map((map) => ({
    ...map,
    name: `upstreams${map.family}`,
    entries: map.entries.map((entry) => ({ ...entry, chain: gateMay.name })),
  }));
}

/** Gate port → the chain that judges who comes to the gate of this host other than by its steering. */
function gateMap(kind: 'to' | 'from', services: readonly ProtectedService[]): PortMap {
  const ports = new Map<number, string>();
  for (const { id, gatePort } of services) {
    if (gatePort !== undefined && !ports.has(gatePort)) ports.set(gatePort, `gate_${kind}_${id}`);
  }
  return {
    kind: 'port-chains',
    name: `gate_${kind}`,
    entries: [...ports].map(([port, chain]) => ({ port, chain })),
  };
}

/** Gates of other hosts, to which connections are sent under this host's address: so the answers come back through it. */
function remoteGates(services: readonly ProtectedService[], host: HostFacts): EndpointMap[] {
  const remote = services.filter((service) => !hasLocalGate(service));
  return families.map((family) => {
    const gates = new Map<string, GateAt>();
    for (const service of remote) {
      const gate = gateOf(service, family, host);
      if (gate?.to) gates.set(`${gate.to.address} ${gate.port}`, gate);
    }
    return {
      kind: 'endpoints',
      name: `gates${family}`,
      family,
      entries: [...gates.values()].map(({ to, port }) => ({
        address: to?.address ?? 0n,
        port,
        chain: masqueradeChain.name,
      })),
    };
  });
}

function endpointMaps(kind: 'to' | 'from' | 'steer', services: readonly ProtectedService[]): EndpointMap[] {
  const owners = new Map<string, string>();
  const entries: Record<Family, { address: bigint; port: number; chain: string }[]> = { 4: [], 6: [] };
  for (const service of services) {
    for (const { address, port } of service.endpoints) {
      const key = `${address} port ${port}`;
      const owner = owners.get(key);
      if (owner === service.id) continue;
      if (owner !== undefined) {
        throw new Failure('bad-plan', `services '${owner}' and '${service.id}' both claim ${key}`);
      }
      owners.set(key, service.id);
      const cidr = parseCidr(address);
      entries[cidr.family].push({ address: cidr.first, port, chain: `${kind}_${service.id}` });
    }
  }
  return families.map((family) => ({
    kind: 'endpoints',
    name: `${kind}${family}`,
    family,
    entries: entries[family],
  }));
}

/**
 * Port → service for the services of this host. A server that listens on every address is reached at addresses that
 * no inventory names (a bridge, a second network): they are judged too. Of two services on one port the first counts.
 */
function localMap(
  kind: 'to' | 'from' | 'steer',
  services: readonly ProtectedService[],
  host: HostFacts,
): PortMap {
  const ports = new Map<number, string>();
  for (const service of services) {
    for (const { address, port } of service.endpoints) {
      if (host.localAddresses.includes(address) && !ports.has(port)) ports.set(port, `${kind}_${service.id}`);
    }
  }
  return {
    kind: 'port-chains',
    name: `local_${kind}`,
    entries: [...ports].map(([port, chain]) => ({ port, chain })),
  };
}
