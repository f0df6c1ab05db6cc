// One service's part of the table: its address maps, and a chain and counter for each of its rules.
import type { AgentPlan, ProtectedService } from '../model/plan.ts';
import type { Verdict } from '../model/policy.ts';
import { type GateAt, hasLocalGate } from './gate-of.ts';
import {
  type Family,
  families,
  type Range,
  type ResolvedService,
  type RuleRange,
  ruleOf,
} from './intervals.ts';
import {
  type Chain,
  type Counter,
  type Entries,
  entriesOf,
  type Match,
  type Rule,
  type Statement,
  type Store,
} from './table.ts';

/** Notes who was refused; one chain for all rules, because a rule that fills a set is slow to load. */
export const recordChain: Chain = {
  name: 'record',
  rules: families.map((family) => ({ when: [], act: [{ do: 'record', family }] })),
};

/**
 * The name of each rule's counter and chain, by index. It comes from the rule's id, so that a rule which stays keeps its
 * chain and its count when others come and go around it.
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
  { service, ranges, change }: ResolvedService,
  gateAt: (family: Family) => GateAt | undefined,
): {
  stores: Store[];
  chains: Chain[];
  counters: Counter[];
} {
  const stores: Store[] = [];
  const counters: Counter[] = [];
  const chains: Chain[] = [];
  const names = ruleNames(service);
  const verdictChain = (index: number) => names[index] ?? `d_${service.id}`;
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
    /** A store of the ranges that are `wanted`; undefined when there are none. */
    const addressed = <Entry extends Range>(
      wanted: (range: RuleRange) => boolean,
      entry: (range: RuleRange) => Entry,
    ): Entries<Entry> | undefined => {
      if (!ranges[family].some(wanted)) return undefined;
      const all = (from: readonly RuleRange[]): Entry[] => from.filter(wanted).map(entry);
      const changed = change?.[family];
      return entriesOf(ranges[family], all, changed);
    };
    for (const single of [true, false]) {
      const entries = addressed(
        (range) => range.rule !== -1 && (range.first === range.last) === single,
        ({ first, last, rule }) => ({ first, last, chain: verdictChain(rule) }),
      );
      if (!entries) continue;
      const name = `${single ? 'a' : 'v'}_${service.id}_${family}`;
      const capacity = single ? { capacity: capacityFor(ranges[family].length) } : {};
      stores.push({ kind: 'ranges', name, family, single, ...capacity, entries });
      const ask = (key: 'caller-source' | 'caller-destination'): Rule => ({
        when: [],
        act: [{ do: 'lookup', key: { key, family, single }, map: name }],
      });
      toRules.push(ask('caller-source'));
      fromRules.push(ask('caller-destination'));
    }
    const addresses = (kind: 's' | 'c', wanted: (index: number) => boolean): string | undefined => {
      // Asked of the rules once, and not of every one of a hundred thousand ranges.
      const rules = new Set([...service.rules.keys(), -1].filter(wanted));
      const entries =
        rules.size === 0
          ? undefined
          : addressed(
              ({ rule }) => rules.has(rule),
              ({ first, last }) => ({ first, last }),
            );
      if (!entries) return undefined;
      const name = `${kind}_${service.id}_${family}`;
      stores.push({ kind: 'addresses', name, family, entries });
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

/**
 * Room for as many single addresses as there are ranges, and for more to come: a change within it is a few elements, one
 * beyond it another map.
 */
function capacityFor(ranges: number): number {
  return Math.max(1_024, 2 ** Math.ceil(Math.log2(ranges)));
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
