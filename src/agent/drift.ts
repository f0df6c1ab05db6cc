// Is the table that stands the one that was put there? Compared part by part with how each read back first, so that a
// delta changes what is expected of the parts that it touches and nothing else.
import { parseCidr } from '../base/cidr.ts';
import type { Delta } from '../nft/delta.ts';
import { type Element, elementText, storeKind } from '../nft/render.ts';
import { generationChain, type Table } from '../nft/table.ts';

/** The parts that a table should have, by kind and name: their fingerprint, or undefined until they are first read. */
export type Standing = ReadonlyMap<string, string | undefined>;

/** What is expected of a table that has just been put in the place of another. */
export function standingOf(table: Table): Standing {
  const names = [
    ...table.counters.map(({ name }) => `counter ${name}`),
    ...table.chains.map(({ name }) => `chain ${name}`),
    // Those are filled by packets.
    ...table.stores
      .filter(({ kind }) => kind !== 'records')
      .map((store) => `${storeKind(store)} ${store.name}`),
  ];
  return new Map(names.map((name) => [name, undefined]));
}

/** What is expected after a delta: parts that it doesn't touch are as they were. */
export function standingAfter(former: Standing, delta: Delta, table: Table): Standing {
  const changed = new Set(delta.chains.map((name) => `chain ${name}`));
  const edited = new Map(delta.elements.map((each) => [each.store, each]));
  return new Map(
    [...standingOf(table).keys()].map((name) => {
      // The new generation's chain, which is empty.
      if (name === `chain ${generationChain}${table.generation}`) return [name, `${hash('')} 0`];
      const before = former.get(name);
      const edit = edited.get(name.replace(/^(?:map|set) /, ''));
      if (before === undefined || changed.has(name)) return [name, undefined];
      if (!edit) return [name, before];
      const [head = '', sum = ''] = before.split(' ');
      const after = edit.added.reduce(
        (total, each) => add(total, hash(listed(each))),
        edit.removed.reduce((total, each) => add(total, -hash(listed(each))), Number(sum)),
      );
      return [name, `${head} ${after}`];
    }),
  );
}

/**
 * Compares what is expected with `nft -s list table`. Answers what differs, in words, or what is expected from now on:
 * parts that were read for the first time are taken as they are.
 */
export function compare(
  standing: Standing,
  listing: string,
): { readonly drift: string } | { readonly standing: Standing } {
  const found = partsOf(listing);
  for (const name of found.keys()) if (!standing.has(name)) return { drift: `'${name}' had been added` };
  const next = new Map<string, string | undefined>();
  for (const [name, expected] of standing) {
    const now = found.get(name);
    if (now === undefined) return { drift: `'${name}' was gone` };
    if (expected !== undefined && expected !== now) return { drift: `'${name}' had been changed` };
    next.set(name, now);
  }
  return { standing: next };
}

/** Fingerprints by name. Of elements in any order the same: a hash of everything else and the sum of theirs. */
function partsOf(listing: string): Map<string, string> {
  const parts = new Map<string, string>();
  for (const [, name = '', body = ''] of listing.matchAll(/^\t(\S+ \S+) \{\n([\s\S]*?)^\t\}/gm)) {
    if (/^set denied[46]$/.test(name)) continue;
    const begin = body.indexOf('elements = { ');
    const end = body.lastIndexOf('}');
    const elements = begin === -1 ? [] : body.slice(begin + 13, end).split(',');
    const rest = begin === -1 ? body : body.slice(0, begin);
    let sum = 0;
    for (const element of elements) sum = add(sum, hash(element.trim()));
    parts.set(name, `${hash(rest.trim())} ${sum}`);
  }
  return parts;
}

/** An element as nft lists it: ranges that are prefixes as such, IPv6 addresses in their short form. */
function listed({ key, value }: Element): string {
  const fields = key.split(' . ').map((field) => {
    const [first = '', last] = field.split('-');
    if (!/[.:]/.test(first)) return field;
    const from = parseCidr(first);
    if (last === undefined) return from.text;
    const to = parseCidr(last);
    const size = to.first - from.first + 1n;
    if ((size & (size - 1n)) !== 0n || from.first % size !== 0n) return `${from.text}-${to.text}`;
    return `${from.text}/${from.bits - size.toString(2).length + 1}`;
  });
  return elementText({ key: fields.join(' . '), ...(value === undefined ? {} : { value }) });
}

const modulus = 2 ** 48;

function add(a: number, b: number): number {
  return (a + b + modulus) % modulus;
}

/** 48 bits, to notice what was changed by mistake or by other programs; who means harm has the kernel already. */
function hash(text: string): number {
  let a = 0x811c9dc5;
  let b = 0x9e3779b9;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b + code, 0x85ebca6b) ^ (b >>> 13);
  }
  return (a >>> 0) * 65536 + ((b >>> 8) & 0xffff);
}
