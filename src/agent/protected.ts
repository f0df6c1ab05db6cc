// A plan made ready for questions: which service an address and port belong to, and what it says of a caller.
import type { AgentPlan } from '../model/plan.ts';
import { hasLocalGate } from '../nft/gate-of.ts';
import type { ResolvedService } from '../nft/intervals.ts';
import { resolveAfter } from '../nft/resolve-change.ts';

export type Protected = {
  readonly plan: AgentPlan;
  readonly localAddresses: ReadonlySet<string>;
  readonly services: readonly ResolvedService[];
  /** The service behind an address and port: the endpoint that is named, else the port at any address of this host. */
  at(address: string, port: number): ResolvedService | undefined;
  /** The services whose gate listens on this port of this host. */
  behindGate(port: number): readonly ResolvedService[];
  /** Ports of this host where protected services are, without gates. */
  readonly localPorts: readonly number[];
  readonly gatePorts: readonly number[];
};

/** `former` is what was resolved before: most of it stays when little has changed. @throws Failure `bad-address` */
export function resolvePlan(
  plan: AgentPlan,
  localAddresses: readonly string[],
  former?: Protected,
): Protected {
  const known = new Map(former?.services.map((each) => [each.service.id, each]));
  const services = plan.services.map((service) => resolveAfter(service, known.get(service.id)));
  const local = new Set(localAddresses);
  const byEndpoint = new Map<string, ResolvedService>();
  const byLocalPort = new Map<number, ResolvedService>();
  for (const resolved of services) {
    for (const { address, port } of resolved.service.endpoints) {
      byEndpoint.set(`${address} ${port}`, resolved);
      if (local.has(address) && !byLocalPort.has(port)) byLocalPort.set(port, resolved);
    }
  }
  const withGates = services.filter(({ service }) => hasLocalGate(service));
  return {
    plan,
    localAddresses: local,
    services,
    at(address, port) {
      const named = byEndpoint.get(`${address} ${port}`);
      return named ?? (local.has(address) ? byLocalPort.get(port) : undefined);
    },
    behindGate: (port) => withGates.filter(({ service }) => service.gatePort === port),
    localPorts: [...byLocalPort.keys()],
    gatePorts: [...new Set(withGates.flatMap(({ service }) => service.gatePort ?? []))],
  };
}
