// What a gate is told of one server: where it listens, whom it reaches, by which names, and the shields that it judges by.
import type { Endpoint } from '../model/common.ts';
import type { GateExemption } from '../model/exemption.ts';
import type { ApiServer } from '../model/inventory.ts';
import type { GateListener, ProtectedService } from '../model/plan.ts';
import type { Shield } from '../model/shield.ts';
import type { Tag } from '../model/tag.ts';
import { type AddressSet, everybody, intersect, subtract, toCidrTexts, union } from './address-set.ts';
import { gateShield } from './gate-shield.ts';
import { show } from './invariants.ts';
import type { Rule } from './rules.ts';
import type { EffectiveSettings } from './shield-settings.ts';
import type { ServerStages } from './stages.ts';

/** What a listener's shields are given. */
type Judgement = {
  readonly settings: ReadonlyMap<string, EffectiveSettings>;
  readonly exemptions: (shield: Shield) => readonly GateExemption[];
  readonly cut: number | undefined;
};

/**
 * The gate listens on every address of its host (IPv4 alone where the server has no IPv6 endpoint, for a kernel may be
 * without IPv6) and reaches the server by the address in its certificate: from the same host that is local traffic,
 * which is never steered.
 */
export function listenerOf(
  server: ApiServer,
  stages: ServerStages,
  tags: readonly Tag[],
  shared: GateListener['shared'],
  { settings, exemptions, cut }: Judgement,
): GateListener {
  const six = endpointsOf(server).some(({ address }) => address.includes(':'));
  const shields = [...stages.blocking, ...stages.inspecting, ...stages.riding].sort((a, b) =>
    a.id < b.id ? -1 : 1,
  );
  return {
    server: server.name,
    stage: stages.stage,
    listen: { address: six ? '::' : '0.0.0.0', port: server.gatePort },
    upstream: {
      address: server.address,
      port: server.port,
      serverName: server.probe.serverName ?? server.address,
    },
    shields: shields.map((shield) =>
      gateShield(shield, {
        shadow: stages.shadow.has(shield.id),
        parameters: settings.get(shield.id)?.parameters ?? {},
        exemptions: exemptions(shield),
      }),
    ),
    serverTags: [...tags],
    names: namesOf(server),
    ...(shared ? { shared } : {}),
    ...(server.identity ? { identity: server.identity } : {}),
    ...(server.limits ? { limits: server.limits } : {}),
    ...(cut === undefined ? {} : { cut }),
  };
}

/** Who may come to a server whose gate port others may share: whom its own rules steer or pass. */
export function sharedOf(
  server: ApiServer,
  judged: { readonly rules: readonly Rule[]; readonly default: ProtectedService['default'] },
): GateListener['shared'] {
  if (!server.gateNames) return undefined;
  let rest: AddressSet = everybody;
  const callers: AddressSet[] = [];
  for (const { from, verdict } of [...judged.rules, { from: everybody, verdict: judged.default }]) {
    if (verdict === 'steer' || verdict === 'pass') callers.push(intersect(from, rest));
    rest = subtract(rest, from);
  }
  return { names: server.gateNames, callers: toCidrTexts(union(callers)) };
}

/** Every way to a server that is named, its own first, each once. */
export function endpointsOf(server: ApiServer): Endpoint[] {
  const all = [{ address: server.address, port: server.port }, ...server.also];
  return [...new Map(all.map(({ address, port }) => [show({ address, port }), { address, port }])).values()];
}

/** As callers verify it: outside the cluster by its name or an address, inside by the service's names. */
function namesOf(server: ApiServer): string[] {
  const own = [
    server.probe.serverName ?? server.address,
    ...endpointsOf(server).map(({ address }) => address),
    ...(server.gateNames ?? []),
  ];
  const service = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];
  return [...new Set([...own, ...service, 'kubernetes.default.svc.cluster.local'])];
}
