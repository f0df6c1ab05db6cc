// One service's part of the table: its callers by verdict, a counter for each of its rules, and the chains that ask.
import type { AgentPlan, ProtectedService } from '../model/plan.ts';
import type { Verdict } from '../model/policy.ts';
import { callerIn, callerMaps, clusterHosts, type VerdictMap } from './caller-maps.ts';
import { type GateAt, hasLocalGate } from './gate-of.ts';
import { type Family, families, type ResolvedService, ruleOf } from './intervals.ts';
import type { Caller, Chain, Counter, Match, Rule, Statement, Store } from './table.ts';
import { gatedChain, passResets, recordChain, verdictStatement } from './verdict-chains.ts';

/**
 * The name of each rule's counter, by index. It comes from the rule's id, so that a rule which stays keeps its count when
 * others come and go around it.
 */
function ruleNames({ id, rules }: ProtectedService): string[] {
  const taken = new Set<string>();
  return rules.map((rule) => {
    const plain = `r_${id}_${hash(rule.id)}`;
    let name = plain;
    for (let more = 2; taken.has(name); more += 1) name = `${plain}_${more}`;
    taken.add(name);
    return name;
  });
}

/** Spreads ids over 53 bits (cyrb53); nothing rests on it being hard to invert. */
function hash(text: string): string {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 2654435761);
    b = Math.imul(b ^ code, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return (4294967296 * (2097151 & b) + (a >>> 0)).toString(36);
}

/** What a counter of the table counts. */
export type CountedRule = { readonly server: string; readonly rule: string; readonly verdict: Verdict };

/** Counter name → rule, for every rule of a plan. */
export function ruleCounters(plan: AgentPlan): Map<string, CountedRule> {
  return new Map(
    plan.services.flatMap((service) =>
      [...ruleNames(service), `d_${service.id}`].map((name, index): [string, CountedRule] => {
        const { verdict, rule } = ruleOf(service, index);
        return [name, { server: service.server, rule, verdict }];
      }),
    ),
  );
}

/** Are any callers of this service sent to its gate? */
export function steers(service: ProtectedService): boolean {
  return (
    service.gatePort !== undefined &&
    (service.default === 'steer' || service.rules.some((rule) => rule.verdict === 'steer'))
  );
}

/**
 * Chains `to_`, `from_` and `steer_<service>` judge requests, answers and new connections; `gate_to_` and `gate_from_`
 * those that come to this host's gate from elsewhere.
 */
export function serviceParts(
  resolved: ResolvedService,
  gateAt: (family: Family) => GateAt | undefined,
): {
  stores: Store[];
  chains: Chain[];
  counters: Counter[];
} {
  const { service } = resolved;
  const names = ruleNames(service);
  const byDefault = `d_${service.id}`;
  const stores: Store[] = [];
  const judging: Record<Caller['side'], Rule[]> = { source: [], destination: [] };
  const steerRules: Rule[] = [];
  const clusterMay: Record<Caller['side'], Rule[]> = { source: [], destination: [] };
  for (const family of families) {
    const maps = callerMaps(resolved, family, names);
    stores.push(...maps.map(({ map }) => map));
    const gate = gateAt(family);
    if (gate) steerRules.push(...steering(maps, family, service.default, { do: 'redirect', ...gate }));
    // Hosts of the cluster send here what they forward, under their own address. They may reach the server itself.
    const cluster = hasLocalGate(service) ? clusterHosts(resolved, family) : undefined;
    if (cluster) stores.push(cluster);
    for (const side of ['source', 'destination'] as const) {
      for (const { map, verdict } of maps) {
        const count: Statement = { do: 'count-caller', map: map.name, side, family, single: map.single };
        judging[side].push({ when: [], act: [count, verdictStatement(verdict, service)] });
      }
      if (!cluster) continue;
      const inside: Match = { match: 'caller', in: cluster.name, side, family, single: false };
      clusterMay[side].push({ when: [inside], act: [{ do: 'accept' }] });
    }
  }
  const otherwise: Rule = {
    when: [],
    act: [{ do: 'count', counter: byDefault }, verdictStatement(service.default, service)],
  };
  const chains: Chain[] = [
    gatedChain(service),
    { name: `to_${service.id}`, rules: [...judging.source, otherwise] },
    { name: `from_${service.id}`, rules: [...judging.destination, otherwise] },
  ];
  if (steers(service)) chains.push({ name: `steer_${service.id}`, rules: steerRules });
  if (hasLocalGate(service)) {
    const bypass: Statement = { do: 'count', counter: 'gate_bypass' };
    const comment = 'gate ports take steered callers only';
    const record: Rule = { when: [], act: [{ do: 'jump', chain: recordChain.name }] };
    chains.push({
      name: `gate_to_${service.id}`,
      rules: [...clusterMay.source, record, { when: [], act: [bypass, { do: 'reset' }], comment }],
    });
    chains.push({
      name: `gate_from_${service.id}`,
      rules: [...clusterMay.destination, passResets, { when: [], act: [bypass, { do: 'drop' }], comment }],
    });
  }
  const counters = [...names, byDefault].map((name, i) => ({ name, comment: ruleOf(service, i).rule }));
  return { stores, chains, counters };
}

/** Sends new connections of steered callers to the gate: those of steering maps, or all but those of the others. */
function steering(
  maps: readonly VerdictMap[],
  family: Family,
  otherwise: Verdict,
  redirect: Statement,
): Rule[] {
  const exceptions = otherwise === 'steer';
  const rules = maps
    .filter(({ verdict }) => (verdict === 'steer') !== exceptions)
    .map(({ map }): Rule => {
      const act: Statement = exceptions ? { do: 'accept' } : redirect;
      return { when: [callerIn(map, 'source')], act: [act] };
    });
  return exceptions ? [...rules, { when: [{ match: 'family', family }], act: [redirect] }] : rules;
}
