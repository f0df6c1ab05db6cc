// The address book: who is at an address, by the inventory, and which addresses a tag expression selects.
//
// An address has the tags of the longest prefix that holds it. A host's address has its host's tags, then its cluster's;
// then, for it and for every named group, come the tags of the groups that hold it, the longest prefix first. Nearest
// wins per type (tags.ts). Addresses that the inventory doesn't name have no tags.
import { type Cidr, contains, parseCidr } from '../base/cidr.ts';
import type { Inventory } from '../model/inventory.ts';
import type { AddressTags } from '../model/plan.ts';
import type { Tag } from '../model/tag.ts';
import { type AddressSet, addressSet, complement, everybody, nobody, union } from './address-set.ts';
import { type Expression, matches, parseCallers } from './expression.ts';
import { effectiveTags, hostLayers } from './tags.ts';

export type AddressBook = {
  /** One entry for each prefix that the inventory names, ascending, for records: longest prefix wins. */
  readonly entries: readonly AddressTags[];
  /**
   * The addresses that an expression selects among those the inventory names; with `any` in it, among all addresses.
   * @throws Failure `bad-expression`, as parseCallers
   */
  select(text: string, place: string): AddressSet;
};

/** Expressions whose addresses a book remembers. Policies come and go while an inventory stays. */
const maxSelections = 10_000;

/** One prefix that the inventory names, with the layers of tags put on it, nearest first. */
type Node = { readonly cidr: Cidr; readonly name: string; readonly layers: (readonly Tag[])[] };

/** Addresses with one and the same tags: expressions are judged once for each such group. */
type Profile = { readonly tags: readonly Tag[]; readonly set: AddressSet };

/** Books by inventory: between two changes of it there are many of stages and tags, and a book costs a second. */
const books = new WeakMap<Inventory, AddressBook>();

/** An inventory is not changed once it has been asked about: its book is kept. */
export function addressBook(inventory: Inventory): AddressBook {
  const known = books.get(inventory) ?? makeBook(inventory);
  books.set(inventory, known);
  return known;
}

function makeBook(inventory: Inventory): AddressBook {
  const nodes = collectNodes(inventory);
  const entries: AddressTags[] = [];
  const pieces = new Map<string, { tags: readonly Tag[]; parts: Piece[] }>();
  for (const { node, tags, parts } of resolve(nodes)) {
    entries.push({ address: node.cidr.text, name: node.name, tags: [...tags] });
    const key = tags.join('\n');
    const profile = pieces.get(key);
    if (profile) profile.parts.push(...parts);
    else pieces.set(key, { tags, parts: [...parts] });
  }
  const profiles: Profile[] = [...pieces.values()].map(({ tags, parts }) => ({
    tags,
    set: addressSet(parts),
  }));
  const unnamed: Profile = { tags: [], set: complement(union(profiles.map(({ set }) => set))) };
  const cache = new Map<string, AddressSet>();
  return {
    entries,
    select(text, place) {
      const known = cache.get(text);
      if (known) return known;
      const selected = selectFrom(parseCallers(text, place), profiles, unnamed);
      if (cache.size >= maxSelections) cache.clear();
      cache.set(text, selected);
      return selected;
    },
  };
}

function selectFrom(expression: Expression, profiles: readonly Profile[], unnamed: Profile): AddressSet {
  if (expression.op === 'any') return everybody;
  const chosen = profiles.filter(({ tags }) => matches(expression, tags));
  if (matches(expression, unnamed.tags)) chosen.push(unnamed);
  return chosen.length === 0 ? nobody : union(chosen.map(({ set }) => set));
}

/** Every prefix that the inventory names, ascending, wider before narrower. Layers of hosts come before those of groups. */
function collectNodes(inventory: Inventory): Node[] {
  const nodes = new Map<string, Node>();
  const add = (address: string, name: string, layers: readonly (readonly Tag[])[]): void => {
    const node = nodes.get(address);
    if (node) node.layers.push(...layers);
    else nodes.set(address, { cidr: parseCidr(address), name, layers: [...layers] });
  };
  const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
  for (const host of [...inventory.hosts].sort(byName)) {
    for (const address of host.addresses) add(address, host.name, hostLayers(host, inventory));
  }
  for (const group of [...inventory.groups].sort(byName)) {
    for (const address of group.addresses) add(address, group.name, [group.tags]);
  }
  return [...nodes.values()].sort(
    ({ cidr: a }, { cidr: b }) =>
      a.family - b.family || (a.first < b.first ? -1 : a.first > b.first ? 1 : 0) || a.bits - b.bits,
  );
}

type Piece = Pick<Cidr, 'family' | 'first' | 'last'>;
type Resolved = { readonly node: Node; readonly tags: readonly Tag[]; readonly parts: readonly Piece[] };

/** For each prefix its tags in the end, and what is left of it without the longer prefixes inside it. */
function resolve(nodes: readonly Node[]): Resolved[] {
  const resolved: Resolved[] = [];
  // Groups put one and the same list on each of their addresses: worked out once.
  const known = new Map<readonly Tag[], Tag[]>();
  const tagsOf = (layers: readonly (readonly Tag[])[]): Tag[] => {
    const [only] = layers;
    if (!only || layers.length > 1) return effectiveTags(layers);
    const tags = known.get(only) ?? effectiveTags(layers);
    known.set(only, tags);
    return tags;
  };
  const open: { node: Node; layers: (readonly Tag[])[]; parts: Piece[]; next: bigint }[] = [];
  const close = (): void => {
    const done = open.pop();
    if (!done) return;
    const { node, layers, parts, next } = done;
    const { family, last } = node.cidr;
    if (next <= last) parts.push({ family, first: next, last });
    resolved.push({ node, tags: tagsOf(layers), parts });
  };
  for (const node of nodes) {
    for (let top = open.at(-1); top && !contains(top.node.cidr, node.cidr); top = open.at(-1)) close();
    const { family, first, last } = node.cidr;
    const outer = open.at(-1);
    if (outer) {
      if (outer.next < first) outer.parts.push({ family, first: outer.next, last: first - 1n });
      outer.next = last + 1n;
    }
    open.push({ node, layers: [...node.layers, ...(outer?.layers ?? [])], parts: [], next: first });
  }
  while (open.length > 0) close();
  // Closed from the inside out; the book is in ascending order.
  const order = new Map(nodes.map((node, i) => [node, i]));
  return resolved.sort((a, b) => (order.get(a.node) ?? 0) - (order.get(b.node) ?? 0));
}
