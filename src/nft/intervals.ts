// Ordered prefix rules → disjoint address ranges, so that first-match order costs one lookup instead of one per rule.
import { parseCidr } from '../base/cidr.ts';
import type { ProtectedService } from '../model/plan.ts';
import type { Verdict } from '../model/policy.ts';

export type Family = 4 | 6;
export const families: readonly Family[] = [4, 6];

/** Addresses `first` to `last`, both included, as unsigned integers of 32 or 128 bits. */
export type Range = { readonly first: bigint; readonly last: bigint };
/** A range and the index of the rule that decides for it; -1 is the service's default. */
export type RuleRange = Range & { readonly rule: number };

export type PerFamily<T> = { readonly 4: T; readonly 6: T };

/** A service's rules resolved. */
export type ResolvedService = {
  readonly service: ProtectedService;
  /** Per family the whole address space, in order and without gaps; neighbours are of different rules. */
  readonly ranges: PerFamily<readonly RuleRange[]>;
  /** What the ranges were made from, in the order of `comparePrefixes`. */
  readonly prefixes: PerFamily<readonly RuleRange[]>;
  /** How the ranges differ from those that they were made from (resolve-change.ts). */
  readonly change?: PerFamily<RangeChange>;
};
export type RangeChange = {
  readonly since: readonly RuleRange[];
  readonly removed: readonly RuleRange[];
  readonly added: readonly RuleRange[];
};

export const lastAddress: Readonly<Record<Family, bigint>> = { 4: (1n << 32n) - 1n, 6: (1n << 128n) - 1n };

/** Resolves first-match order. Time n log n in the prefixes. @throws Failure `bad-address` */
export function resolveService(service: ProtectedService): ResolvedService {
  const prefixes: Record<Family, RuleRange[]> = { 4: [], 6: [] };
  service.rules.forEach((rule, index) => {
    for (const text of new Set(rule.from)) {
      const cidr = parseCidr(text);
      prefixes[cidr.family].push({ first: cidr.first, last: cidr.last, rule: index });
    }
  });
  const whole = (family: Family): RuleRange[] =>
    flatten(prefixes[family].sort(comparePrefixes), { first: 0n, last: lastAddress[family], rule: -1 });
  return { service, ranges: { 4: whole(4), 6: whole(6) }, prefixes };
}

/** Ascending; of prefixes that begin at one address the widest first. */
export function comparePrefixes(a: RuleRange, b: RuleRange): number {
  if (a.first !== b.first) return a.first < b.first ? -1 : 1;
  if (a.last !== b.last) return a.last > b.last ? -1 : 1;
  return a.rule - b.rule;
}

/** The verdict for one caller, by binary search: the fast twin of policy's reference evaluator. @throws Failure `bad-address` */
export function judge(resolved: ResolvedService, from: string): { verdict: Verdict; rule: string } {
  const address = parseCidr(from);
  return ruleOf(resolved.service, rangeAt(resolved.ranges[address.family], address.first).rule);
}

/** Verdict and id of the rule with that index; -1 is the default. */
export function ruleOf(service: ProtectedService, index: number): { verdict: Verdict; rule: string } {
  const rule = service.rules[index];
  return rule ? { verdict: rule.verdict, rule: rule.id } : { verdict: service.default, rule: 'default' };
}

/** The ranges that share an address with `want`. */
export function overlapping(ranges: readonly RuleRange[], want: Range): readonly RuleRange[] {
  return ranges.slice(indexAt(ranges, want.first), indexAt(ranges, want.last) + 1);
}

/** The range that holds an address. `ranges` cover the whole space in order. */
function rangeAt(ranges: readonly RuleRange[], address: bigint): RuleRange {
  return ranges[indexAt(ranges, address)] as RuleRange;
}

export function indexAt(ranges: readonly Range[], address: bigint): number {
  let low = 0;
  let high = ranges.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[middle] as Range).last < address) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The ranges of one stretch of addresses, whose own rule is that of the prefixes around it. Prefixes, in order and inside
 * the stretch, either nest or are disjoint, so one pass with a stack of those around the current address finds the lowest
 * rule index for every address.
 */
export function flatten(prefixes: readonly RuleRange[], stretch: RuleRange): RuleRange[] {
  const out: { first: bigint; last: bigint; rule: number }[] = [];
  let next = stretch.first;
  const emit = (last: bigint, rule: number) => {
    if (last < next) return;
    const previous = out.at(-1);
    if (previous?.rule === rule) previous.last = last;
    else out.push({ first: next, last, rule });
    next = last + 1n;
  };
  const around: { last: bigint; rule: number }[] = [{ last: stretch.last, rule: stretch.rule }];
  const top = () => around.at(-1) as { last: bigint; rule: number };
  for (const prefix of prefixes) {
    while (top().last < prefix.first) {
      emit(top().last, top().rule);
      around.pop();
    }
    emit(prefix.first - 1n, top().rule);
    around.push({ last: prefix.last, rule: lower(top().rule, prefix.rule) });
  }
  while (around.length > 0) {
    emit(top().last, top().rule);
    around.pop();
  }
  return out;
}

/** The rule that decides of two; -1, the default, comes after all others. */
export function lower(a: number, b: number): number {
  return a === -1 ? b : b === -1 ? a : Math.min(a, b);
}

/** An address as text that nft and people read: dotted, or eight groups of hex. */
export function addressText(family: Family, value: bigint): string {
  if (family === 4) {
    return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join('.');
  }
  const groups: string[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(((value >> shift) & 0xffffn).toString(16));
  return groups.join(':');
}

/** `a`, or `a-b` for more than one address. */
export function rangeText(family: Family, range: Range): string {
  const first = addressText(family, range.first);
  return range.first === range.last ? first : `${first}-${addressText(family, range.last)}`;
}
