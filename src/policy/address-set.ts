// Sets of IP addresses as sorted, disjoint, non-touching intervals, with the algebra that the compiler needs.
import type { Cidr } from '../base/cidr.ts';
import { prefixesOf } from '../base/prefixes.ts';

type Interval = { readonly first: bigint; readonly last: bigint };
type Family = 4 | 6;

/** Any set of IPv4 and IPv6 addresses. Immutable. */
export type AddressSet = { readonly 4: readonly Interval[]; readonly 6: readonly Interval[] };

const top = { 4: (1n << 32n) - 1n, 6: (1n << 128n) - 1n } as const;

export const nobody: AddressSet = { 4: [], 6: [] };
export const everybody: AddressSet = { 4: [{ first: 0n, last: top[4] }], 6: [{ first: 0n, last: top[6] }] };

/** The addresses of intervals in any order, overlapping or not. */
export function addressSet(parts: readonly Pick<Cidr, 'family' | 'first' | 'last'>[]): AddressSet {
  return {
    4: merge(parts.filter(({ family }) => family === 4)),
    6: merge(parts.filter(({ family }) => family === 6)),
  };
}

export function union(sets: readonly AddressSet[]): AddressSet {
  return { 4: merge(sets.flatMap((set) => set[4])), 6: merge(sets.flatMap((set) => set[6])) };
}

export function complement(set: AddressSet): AddressSet {
  return { 4: invert(set[4], top[4]), 6: invert(set[6], top[6]) };
}

export function intersect(a: AddressSet, b: AddressSet): AddressSet {
  return { 4: overlap(a[4], b[4]), 6: overlap(a[6], b[6]) };
}

export function subtract(a: AddressSet, b: AddressSet): AddressSet {
  return intersect(a, complement(b));
}

export function isEmpty(set: AddressSet): boolean {
  return set[4].length === 0 && set[6].length === 0;
}

/**
 * The fewest prefixes that hold exactly these addresses, IPv4 first, ascending; single addresses without a length. Asked
 * twice, the same list, which is frozen: plans that follow one another are compared by what they share.
 */
export function toCidrTexts(set: AddressSet): string[] {
  const known = texts.get(set) ?? [...prefixes(set, 4), ...prefixes(set, 6)];
  texts.set(set, known);
  Object.freeze(known);
  return known;
}

/** Compiles that follow one another ask for the same sets: what an address book selected for an expression. */
const texts = new WeakMap<AddressSet, string[]>();

function merge(intervals: readonly Interval[]): Interval[] {
  const sorted = [...intervals].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const merged: { first: bigint; last: bigint }[] = [];
  for (const { first, last } of sorted) {
    const previous = merged.at(-1);
    if (previous && first <= previous.last + 1n) {
      if (last > previous.last) previous.last = last;
    } else {
      merged.push({ first, last });
    }
  }
  return merged;
}

function invert(intervals: readonly Interval[], end: bigint): Interval[] {
  const gaps: Interval[] = [];
  let next = 0n;
  for (const { first, last } of intervals) {
    if (first > next) gaps.push({ first: next, last: first - 1n });
    next = last + 1n;
  }
  if (next <= end) gaps.push({ first: next, last: end });
  return gaps;
}

function overlap(a: readonly Interval[], b: readonly Interval[]): Interval[] {
  const common: Interval[] = [];
  let i = 0;
  let j = 0;
  for (;;) {
    const x = a[i];
    const y = b[j];
    if (!x || !y) return common;
    const first = x.first > y.first ? x.first : y.first;
    const last = x.last < y.last ? x.last : y.last;
    if (first <= last) common.push({ first, last });
    if (x.last < y.last) i++;
    else j++;
  }
}

function prefixes(set: AddressSet, family: Family): string[] {
  return set[family].flatMap(({ first, last }) => [...prefixesOf(first, last, family)]);
}
