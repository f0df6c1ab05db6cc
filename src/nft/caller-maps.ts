// A service's callers by what becomes of them: an address is in one map, which names the counter of the rule that decides.
import type { Verdict } from '../model/policy.ts';
import type { Family, Range, ResolvedService, RuleRange } from './intervals.ts';
import {
  type AddressSet,
  type Caller,
  type CallerMap,
  type Entries,
  entriesOf,
  type Match,
} from './table.ts';

export type VerdictMap = { readonly verdict: Verdict; readonly map: CallerMap };

/** Most packets are of those who may pass. */
const order: readonly Verdict[] = ['pass', 'steer', 'deny', 'drop'];

/**
 * Maps of the callers that rules decide about, in the order in which to ask; who is in none is the default's. `counters`
 * are the rules'. Single addresses, which are looked up soonest, come first.
 */
export function callerMaps(
  resolved: ResolvedService,
  family: Family,
  counters: readonly string[],
): VerdictMap[] {
  const { service, ranges } = resolved;
  const verdicts = service.rules.map(({ verdict }) => verdict);
  const counts = { at: new Map<Verdict, number>(), in: new Map<Verdict, number>() };
  // Once over all ranges, of which there may be a hundred thousand.
  for (const { first, last, rule } of ranges[family]) {
    const verdict = verdicts[rule];
    if (verdict === undefined) continue;
    const count = counts[first === last ? 'at' : 'in'];
    count.set(verdict, (count.get(verdict) ?? 0) + 1);
  }
  return (['at', 'in'] as const).flatMap((where) =>
    order.flatMap((verdict): VerdictMap[] => {
      const count = counts[where].get(verdict);
      if (count === undefined) return [];
      const single = where === 'at';
      const entries = entriesWhere(
        resolved,
        family,
        ({ first, last, rule }) => verdicts[rule] === verdict && (first === last) === single,
        ({ first, last, rule }) => ({ first, last, counter: counters[rule] as string }),
      );
      const name = `${verdict}_${where}_${service.id}_${family}`;
      const capacity = single ? { capacity: capacityFor(count) } : {};
      return [{ verdict, map: { kind: 'callers', name, family, single, ...capacity, entries } }];
    }),
  );
}

/** Room for as many again: a change within it is a few elements, one beyond it another table. */
function capacityFor(count: number): number {
  return Math.max(1_024, 2 ** Math.ceil(Math.log2(2 * count)));
}

/** The addresses of the cluster's own hosts that may reach the server; undefined when there are none. */
export function clusterHosts(resolved: ResolvedService, family: Family): AddressSet | undefined {
  const { service, ranges } = resolved;
  const rules = new Set(
    service.rules.flatMap(({ tier, verdict }, i) =>
      tier === 'control-plane' && verdict === 'pass' ? [i] : [],
    ),
  );
  const wanted = ({ rule }: RuleRange) => rules.has(rule);
  if (rules.size === 0 || !ranges[family].some(wanted)) return undefined;
  const entries = entriesWhere(resolved, family, wanted, ({ first, last }) => ({ first, last }));
  return { kind: 'addresses', name: `cluster_${service.id}_${family}`, family, entries };
}

export function callerIn({ name, family, single }: CallerMap, side: Caller['side']): Match {
  return { match: 'caller', in: name, side, family, single };
}

function entriesWhere<Entry extends Range>(
  { ranges, change }: ResolvedService,
  family: Family,
  wanted: (range: RuleRange) => boolean,
  entry: (range: RuleRange) => Entry,
): Entries<Entry> {
  const make = (from: readonly RuleRange[]): Entry[] => from.filter(wanted).map(entry);
  return entriesOf(ranges[family], make, change?.[family]);
}
