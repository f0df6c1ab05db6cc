// Sets of IP addresses as sorted, disjoint, non-touching intervals, with the algebra that the compiler needs.
import ipaddr from 'ipaddr.js';
import type { Cidr } from '../base/cidr.ts';

type Interval = { readonly first: bigint; readonly last: bigint };
type Family = 4 | 6;

/** Any set of IPv4 and IPv6 addresses. Immutable. */
export type AddressSet = { readonly 4: readonly Interval[]; readonly 6: readonly Interval[] };

const top = { 4: (1n << 32n) - 1n, 6: (1n << 128n) - 1n } as const;
const width = { 4: 32, 6: 128 } as const;

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

/** The fewest prefixes that hold exactly these addresses, IPv4 first, ascending; single addresses without a length. */
export function toCidrTexts(set: AddressSet): string[] {
  const known = texts.get(set) ?? [...prefixes(set[4], 4), ...prefixes(set[6], 6)];
  texts.set(set, known);
  return [...known];
}

/** Compiles that follow one another ask for the same sets: what an address book selected for an expression. */
const texts = new WeakMap<AddressSet, readonly string[]>();

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

function* prefixes(intervals: readonly Interval[], family: Family): Generator<string> {
  for (const { first, last } of intervals) {
    let at = first;
    while (at <= last) {
      // The widest prefix that starts here: as far as its alignment and what is left allow.
      let hostBits = 0;
      while (
        hostBits < width[family] &&
        ((at >> BigInt(hostBits)) & 1n) === 0n &&
        at + (1n << BigInt(hostBits + 1)) - 1n <= last
      ) {
        hostBits++;
      }
      if (!isMapped(at, hostBits, family)) yield prefixText(at, width[family] - hostBits, family);
      at += 1n << BigInt(hostBits);
    }
  }
}

/**
 * IPv4-mapped addresses (::ffff:0:0/96) are left out of IPv6: no packet carries one (RFC 4291 §2.5.5.2 keeps them off
 * the wire), and as text they would be read back as IPv4, `::ffff:0:0/96` as all of it.
 */
function isMapped(first: bigint, hostBits: number, family: Family): boolean {
  return family === 6 && hostBits <= 32 && first >> 32n === 0xffffn;
}

function prefixText(first: bigint, bits: number, family: Family): string {
  const bytes: number[] = [];
  for (let shift = width[family] - 8; shift >= 0; shift -= 8) {
    bytes.push(Number((first >> BigInt(shift)) & 0xffn));
  }
  const address = ipaddr.fromByteArray(bytes).toString();
  return bits === width[family] ? address : `${address}/${bits}`;
}
