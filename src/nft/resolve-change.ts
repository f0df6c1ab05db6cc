// A service resolved anew from what it was before: a changed tag moves a few addresses among a hundred thousand, and only
// the ranges around those are worked out again. Clever where resolveService is plain; tested against it.
import { parseCidr } from '../base/cidr.ts';
import type { ProtectedService } from '../model/plan.ts';
import {
  comparePrefixes,
  type Family,
  flatten,
  indexAt,
  lower,
  type Range,
  type RangeChange,
  type ResolvedService,
  type RuleRange,
  resolveService,
} from './intervals.ts';

/** Prefixes that may differ; with more of them everything is resolved. */
const maxChanges = 2_000;

/** As resolveService, with `change` when little differs from `former`. @throws Failure `bad-address` */
export function resolveAfter(
  service: ProtectedService,
  former: ResolvedService | undefined,
): ResolvedService {
  const changes = former && changedPrefixes(former.service, service);
  if (!former || !changes) return resolveService(service);
  const edited = { 4: edit(former, changes, 4), 6: edit(former, changes, 6) };
  return {
    service,
    ranges: { 4: edited[4].ranges, 6: edited[6].ranges },
    prefixes: { 4: edited[4].prefixes, 6: edited[6].prefixes },
    change: { 4: edited[4].change, 6: edited[6].change },
  };
}

type Changes = Record<Family, { gone: RuleRange[]; come: RuleRange[] }>;

/** Undefined when more differs than callers of rules, or too many of those. */
function changedPrefixes(former: ProtectedService, next: ProtectedService): Changes | undefined {
  if (former.rules.length !== next.rules.length || former.default !== next.default) return undefined;
  const changes: Changes = { 4: { gone: [], come: [] }, 6: { gone: [], come: [] } };
  let count = 0;
  for (const [index, rule] of next.rules.entries()) {
    const before = former.rules[index];
    if (rule.id !== before?.id || rule.verdict !== before.verdict || rule.tier !== before.tier)
      return undefined;
    if (same(before.from, rule.from)) continue;
    const was = new Set(before.from);
    const is = new Set(rule.from);
    for (const [texts, others, kind] of [
      [was, is, 'gone'],
      [is, was, 'come'],
    ] as const) {
      for (const text of texts) {
        if (others.has(text)) continue;
        count += 1;
        if (count > maxChanges) return undefined;
        const { family, first, last } = parseCidr(text);
        changes[family][kind].push({ first, last, rule: index });
      }
    }
  }
  return changes;
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((text, i) => text === b[i]));
}

function edit(
  former: ResolvedService,
  changes: Changes,
  family: Family,
): { ranges: readonly RuleRange[]; prefixes: readonly RuleRange[]; change: RangeChange } {
  const since = former.ranges[family];
  const { gone, come } = changes[family];
  if (gone.length + come.length === 0) {
    return { ranges: since, prefixes: former.prefixes[family], change: { since, removed: [], added: [] } };
  }
  const prefixes = [...former.prefixes[family]];
  for (const prefix of gone) prefixes.splice(place(prefixes, prefix), 1);
  for (const prefix of come) prefixes.splice(place(prefixes, prefix), 0, prefix);
  const ranges = [...since];
  const net = new Map<string, { range: RuleRange; added: number }>();
  const note = (range: RuleRange, added: number) => {
    const key = `${range.first}-${range.last} ${range.rule}`;
    net.set(key, { range, added: (net.get(key)?.added ?? 0) + added });
  };
  for (const stretch of stretches([...gone, ...come])) {
    const inside = prefixes.slice(
      place(prefixes, { ...stretch, rule: -1 }),
      place(prefixes, { first: stretch.last + 1n, last: stretch.last + 1n, rule: -1 }, true),
    );
    const local = flatten(inside, { ...stretch, rule: ruleAround(prefixes, stretch, family) });
    const { removed, added } = replace(ranges, stretch, local);
    for (const range of removed) note(range, -1);
    for (const range of added) note(range, 1);
  }
  const changed = [...net.values()];
  return {
    ranges,
    prefixes,
    change: {
      since,
      removed: changed.filter(({ added }) => added < 0).map(({ range }) => range),
      added: changed.filter(({ added }) => added > 0).map(({ range }) => range),
    },
  };
}

/** Prefixes nest or are disjoint, and so does what is left of them: the outermost of each nest. */
function stretches(prefixes: readonly RuleRange[]): Range[] {
  const out: Range[] = [];
  for (const { first, last } of [...prefixes].sort(comparePrefixes)) {
    const previous = out.at(-1);
    if (!previous || previous.last < first) out.push({ first, last });
  }
  return out;
}

/** Where a prefix is in the list, or would be; `byFirst` looks at where it begins alone. */
function place(prefixes: readonly RuleRange[], wanted: RuleRange, byFirst = false): number {
  let low = 0;
  let high = prefixes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const each = prefixes[middle] as RuleRange;
    const before = byFirst ? each.first < wanted.first : comparePrefixes(each, wanted) < 0;
    if (before) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The rule of the prefixes that hold a stretch and more. */
function ruleAround(prefixes: readonly RuleRange[], stretch: Range, family: Family): number {
  let rule = -1;
  const width = family === 4 ? 32n : 128n;
  for (let host = 1n; host <= width; host += 1n) {
    const first = (stretch.first >> host) << host;
    const last = first | ((1n << host) - 1n);
    if (last <= stretch.last && first >= stretch.first) continue;
    for (let at = place(prefixes, { first, last, rule: -1 }); ; at += 1) {
      const each = prefixes[at];
      if (each?.first !== first || each.last !== last) break;
      rule = lower(rule, each.rule);
    }
  }
  return rule;
}

/** Puts the ranges of a stretch in the place of those that were there, joined with neighbours of the same rule. */
function replace(
  ranges: RuleRange[],
  stretch: Range,
  local: readonly RuleRange[],
): { removed: readonly RuleRange[]; added: readonly RuleRange[] } {
  let begin = indexAt(ranges, stretch.first);
  let end = indexAt(ranges, stretch.last);
  const pieces = [...local];
  const left = ranges[begin] as RuleRange;
  const right = ranges[end] as RuleRange;
  if (left.first < stretch.first) pieces.unshift({ ...left, last: stretch.first - 1n });
  else if (begin > 0) pieces.unshift(ranges[--begin] as RuleRange);
  if (right.last > stretch.last) pieces.push({ ...right, first: stretch.last + 1n });
  else if (end < ranges.length - 1) pieces.push(ranges[++end] as RuleRange);
  const added: { first: bigint; last: bigint; rule: number }[] = [];
  for (const piece of pieces) {
    const previous = added.at(-1);
    if (previous?.rule === piece.rule) previous.last = piece.last;
    else added.push({ ...piece });
  }
  const removed = ranges.splice(begin, end - begin + 1, ...added);
  return { removed, added };
}
