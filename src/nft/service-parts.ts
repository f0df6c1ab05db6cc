// One service's part of the table: its address maps, and a chain and counter for each of its rules.
import type { AgentPlan, ProtectedService } from '../model/plan.ts';
import type { Verdict } from '../model/policy.ts';
import { type GateAt, hasLocalGate } from './gate-of.ts';
import { type Family, families, type Range, type ResolvedService, ruleOf } from './intervals.ts';
import type { Chain, Counter, Match, RangeMap, Rule, Statement, Store } from './table.ts';

/** Notes who was refused; one chain for all rules, because a rule that fills a set is slow to load. */
export const recordChain: Chain = {
  name: 'record',
  rules: families.map((family) => ({ when: [], act: [{ do: 'record', family }] })),
};
/** The name of a rule's counter, and of its chain; -1 is the default. */
function counterName(service: string, index: number): string {
  return index === -1 ? `d_${service}` : `r_${service}_${index}`;
}

/** Counter name → verdict, for every rule of a plan. */
export function ruleCounters(plan: AgentPlan): Map<string, Verdict> {
  return new Map(
    plan.services.flatMap((service) =>
      [...service.rules.keys(), -1].map((index): [string, Verdict] => [
        counterName(service.id, index),
        ruleOf(service, index).verdict,
      ]),
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
  { service, ranges }: ResolvedService,
  gateAt: (family: Family) => GateAt | undefined,
): {
  stores: Store[];
  chains: Chain[];
  counters: Counter[];
} {
  const stores: Store[] = [];
  const counters: Counter[] = [];
  const chains: Chain[] = [];
  const verdictChain = (index: number) => counterName(service.id, index);
  for (const index of [...service.rules.keys(), -1]) {
    const { verdict, rule } = ruleOf(service, index);
    const name = verdictChain(index);
    counters.push({ name, comment: rule });
    chains.push({ name, rules: verdictRules(verdict, name, rule, service.gatePort) });
  }
  const toRules: Rule[] = [];
  const fromRules: Rule[] = [];
  const steerRules: Rule[] = [];
  const gateTo: Rule[] = [];
  const gateFrom: Rule[] = [];
  for (const family of families) {
    for (const single of [true, false]) {
      const decided = ranges[family].filter(
        (range) => range.rule !== -1 && (range.first === range.last) === single,
      );
      if (decided.length === 0) continue;
      const map: RangeMap = {
        kind: 'ranges',
        name: `${single ? 'a' : 'v'}_${service.id}_${family}`,
        family,
        single,
        entries: decided.map(({ first, last, rule }) => ({ first, last, chain: verdictChain(rule) })),
      };
      stores.push(map);
      const ask = (key: 'caller-source' | 'caller-destination'): Rule => ({
        when: [],
        act: [{ do: 'lookup', key: { key, family }, map: map.name }],
      });
      toRules.push(ask('caller-source'));
      fromRules.push(ask('caller-destination'));
    }
    const addresses = (kind: 's' | 'c', wanted: (index: number) => boolean): string | undefined => {
      const chosen = merge(ranges[family].filter(({ rule }) => wanted(rule)));
      if (chosen.length === 0) return undefined;
      const name = `${kind}_${service.id}_${family}`;
      stores.push({ kind: 'addresses', name, family, ranges: chosen });
      return name;
    };
    const gate = gateAt(family);
    const steered = gate && addresses('s', (rule) => ruleOf(service, rule).verdict === 'steer');
    if (gate && steered !== undefined) {
      steerRules.push({
        when: [{ match: 'addresses', family, set: steered, side: 'source' }],
        act: [{ do: 'redirect', ...gate }],
      });
    }
    // Hosts of the cluster send here what they forward, under their own address. They may reach the server itself.
    const cluster = hasLocalGate(service)
      ? addresses('c', (rule) => isClusterHost(service, rule))
      : undefined;
    if (cluster !== undefined) {
      const accept: Statement[] = [{ do: 'accept' }];
      gateTo.push({ when: [{ match: 'addresses', family, set: cluster, side: 'source' }], act: accept });
      gateFrom.push({
        when: [{ match: 'addresses', family, set: cluster, side: 'destination' }],
        act: accept,
      });
    }
  }
  const otherwise: Rule = { when: [], act: [{ do: 'goto', chain: verdictChain(-1) }] };
  chains.push({ name: `to_${service.id}`, rules: [...toRules, otherwise] });
  chains.push({ name: `from_${service.id}`, rules: [...fromRules, otherwise] });
  if (steers(service)) chains.push({ name: `steer_${service.id}`, rules: steerRules });
  if (hasLocalGate(service)) {
    const bypass: Statement = { do: 'count', counter: 'gate_bypass' };
    const comment = 'gate ports take steered callers only';
    const record: Rule = { when: [], act: [{ do: 'jump', chain: recordChain.name }] };
    gateTo.push(record, { when: [], act: [bypass, { do: 'reset' }], comment });
    gateFrom.push({ when: [{ match: 'reset' }], act: [{ do: 'accept' }] });
    gateFrom.push({ when: [], act: [bypass, { do: 'drop' }], comment });
    chains.push({ name: `gate_to_${service.id}`, rules: gateTo });
    chains.push({ name: `gate_from_${service.id}`, rules: gateFrom });
  }
  return { stores, chains, counters };
}

/** The rules that carry out a verdict, for packets of either direction. */
function verdictRules(verdict: Verdict, counter: string, comment: string, gate: number | undefined): Rule[] {
  const count: Statement = { do: 'count', counter };
  if (verdict === 'pass') return [{ when: [], act: [count, { do: 'accept' }], comment }];
  const record: Rule = { when: [], act: [{ do: 'jump', chain: recordChain.name }] };
  if (verdict === 'drop') return [record, { when: [], act: [count, { do: 'drop' }], comment }];
  // A reset carries no data, and lets both ends of a connection that is being cut learn of it.
  const resets: Rule = { when: [{ match: 'reset' }], act: [{ do: 'accept' }] };
  // A reset answers who sent the packet. For what this host's own server sends that would be the server, whose end would
  // close with the caller none the wiser: it is lost instead, and the caller hears of it from the socket's destruction.
  const answers: Rule = { when: [{ match: 'from-local' }], act: [count, { do: 'drop' }], comment };
  const refuse: Rule = { when: [], act: [count, { do: 'reset' }], comment };
  if (verdict === 'deny') return [resets, record, answers, refuse];
  // Steered callers get through where NAT has sent them to the gate, and nowhere else.
  const ways: readonly Match[][] =
    gate === undefined
      ? []
      : [
          [
            { match: 'port', side: 'destination', port: gate },
            { match: 'translated', direction: 'original' },
          ],
          [
            { match: 'port', side: 'source', port: gate },
            { match: 'translated', direction: 'reply' },
          ],
        ];
  return [
    resets,
    ...ways.map((when): Rule => ({ when, act: [count, { do: 'accept' }], comment })),
    { when: [{ match: 'from-local' }], act: [{ do: 'drop' }], comment: `${comment}: not through the gate` },
    { when: [], act: [{ do: 'reset' }], comment: `${comment}: not through the gate` },
  ];
}

function isClusterHost(service: ProtectedService, index: number): boolean {
  const rule = service.rules[index];
  return rule?.tier === 'control-plane' && rule.verdict === 'pass';
}

/** Ranges in order, those that touch as one. */
function merge(ranges: readonly Range[]): Range[] {
  const out: { first: bigint; last: bigint }[] = [];
  for (const range of ranges) {
    const previous = out.at(-1);
    if (previous && previous.last + 1n === range.first) previous.last = range.last;
    else out.push({ first: range.first, last: range.last });
  }
  return out;
}
