// The addresses that an inventory names, cut into classes: of one class are those that the same things hold in the same
// order, the nearest first. Tags play no part, so that the classes outlive every change of tags: finding them costs a
// second for 100,000 addresses, a change of tags must not.
import { type Cidr, contains, parseCidr } from '../base/cidr.ts';
import type { Inventory } from '../model/inventory.ts';
import { type AddressSet, addressSet, complement, union } from './address-set.ts';

/** A host (`h`) or a group (`g`) by its place in the inventory. */
export type Owner = `${'h' | 'g'}${number}`;

export type AddressClass = {
  /** Nearest first. */
  readonly owners: readonly Owner[];
  readonly set: AddressSet;
  /** Places of its prefixes among `prefixes`. */
  readonly prefixes: readonly number[];
};

export type AddressClasses = {
  /** Every prefix that the inventory names, ascending, wider before narrower, with the thing that named it first. */
  readonly prefixes: readonly { readonly address: string; readonly name: string }[];
  readonly classes: readonly AddressClass[];
  /** Places of the classes that a thing holds. */
  readonly heldBy: ReadonlyMap<Owner, readonly number[]>;
  /** Addresses that the inventory doesn't name. */
  readonly unnamed: AddressSet;
  /** The addresses of classes, by their places ascending, and of all that is unnamed. Asked twice, the same set. */
  setOf(classes: readonly number[], unnamed: boolean): AddressSet;
};

/** Lengths of all keys of sets that are remembered, in characters. */
const maxRemembered = 20_000_000;

/** Those of the inventory before, which most changes leave as they are. */
let last: { readonly named: Named; readonly classes: AddressClasses } | undefined;

export function addressClasses(inventory: Inventory): AddressClasses {
  if (last && sameNames(last.named, inventory)) return last.classes;
  const classes = makeClasses(inventory);
  last = { named: { hosts: inventory.hosts, groups: inventory.groups }, classes };
  return classes;
}

type Named = {
  readonly hosts: readonly { readonly name: string; readonly addresses: readonly string[] }[];
  readonly groups: readonly { readonly name: string; readonly addresses: readonly string[] }[];
};

/** Do both name the same addresses by the same names in the same places? */
export function sameNames(a: Named, b: Named): boolean {
  for (const kind of ['hosts', 'groups'] as const) {
    const [left, right] = [a[kind], b[kind]];
    if (left.length !== right.length) return false;
    for (let i = 0; i < left.length; i++) {
      const [x, y] = [left[i], right[i]];
      if (!x || !y || x.name !== y.name || x.addresses.length !== y.addresses.length) return false;
      for (let j = 0; j < x.addresses.length; j++) if (x.addresses[j] !== y.addresses[j]) return false;
    }
  }
  return true;
}

type Node = { readonly cidr: Cidr; readonly name: string; readonly owners: Owner[] };
type Piece = Pick<Cidr, 'family' | 'first' | 'last'>;

function makeClasses(inventory: Inventory): AddressClasses {
  const nodes = collectNodes(inventory);
  const found = new Map<string, { owners: readonly Owner[]; pieces: Piece[]; prefixes: number[] }>();
  resolve(nodes, (at, owners, pieces) => {
    const key = owners.join(' ');
    const one = found.get(key);
    if (!one) found.set(key, { owners, pieces: [...pieces], prefixes: [at] });
    else {
      one.pieces.push(...pieces);
      one.prefixes.push(at);
    }
  });
  const classes = [...found.values()].map(({ owners, pieces, prefixes }) => ({
    owners,
    set: addressSet(pieces),
    prefixes,
  }));
  const heldBy = new Map<Owner, number[]>();
  classes.forEach(({ owners }, at) => {
    for (const owner of owners) {
      const held = heldBy.get(owner);
      if (held) held.push(at);
      else heldBy.set(owner, [at]);
    }
  });
  const unnamed = complement(union(classes.map(({ set }) => set)));
  const sets = new Map<string, AddressSet>();
  let remembered = 0;
  return {
    prefixes: nodes.map(({ cidr, name }) => ({ address: cidr.text, name })),
    classes,
    heldBy,
    unnamed,
    setOf(chosen, withUnnamed) {
      const key = `${withUnnamed ? 'u' : ''}${chosen.join(' ')}`;
      const known = sets.get(key);
      if (known) return known;
      const parts = chosen.flatMap((at) => classes[at]?.set ?? []);
      const [only] = parts;
      const set =
        parts.length === 1 && only && !withUnnamed ? only : union(withUnnamed ? [...parts, unnamed] : parts);
      remembered += key.length;
      if (remembered > maxRemembered) {
        sets.clear();
        remembered = key.length;
      }
      sets.set(key, set);
      return set;
    },
  };
}

/** Hosts come before groups, where both name one prefix; the name is that of the first. */
function collectNodes(inventory: Inventory): Node[] {
  const nodes = new Map<string, Node>();
  const add = (kind: 'h' | 'g', things: Named['hosts']): void => {
    const inOrder = things.map(({ name, addresses }, at) => ({ name, addresses, at }));
    inOrder.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const { name, addresses, at } of inOrder) {
      const owner: Owner = `${kind}${at}`;
      for (const address of addresses) {
        const node = nodes.get(address);
        if (!node) nodes.set(address, { cidr: parseCidr(address), name, owners: [owner] });
        else if (!node.owners.includes(owner)) node.owners.push(owner);
      }
    }
  };
  add('h', inventory.hosts);
  add('g', inventory.groups);
  return [...nodes.values()].sort(
    ({ cidr: a }, { cidr: b }) =>
      a.family - b.family || (a.first < b.first ? -1 : a.first > b.first ? 1 : 0) || a.bits - b.bits,
  );
}

/** For each prefix who holds it, and what is left of it without the longer prefixes inside it. */
function resolve(
  nodes: readonly Node[],
  take: (at: number, owners: readonly Owner[], pieces: readonly Piece[]) => void,
): void {
  const open: { at: number; cidr: Cidr; owners: readonly Owner[]; pieces: Piece[]; next: bigint }[] = [];
  const close = (): void => {
    const done = open.pop();
    if (!done) return;
    const { at, cidr, owners, pieces, next } = done;
    if (next <= cidr.last) pieces.push({ family: cidr.family, first: next, last: cidr.last });
    take(at, owners, pieces);
  };
  nodes.forEach(({ cidr, owners }, at) => {
    for (let top = open.at(-1); top && !contains(top.cidr, cidr); top = open.at(-1)) close();
    const outer = open.at(-1);
    if (outer) {
      if (outer.next < cidr.first)
        outer.pieces.push({ family: cidr.family, first: outer.next, last: cidr.first - 1n });
      outer.next = cidr.last + 1n;
    }
    const all = outer ? [...new Set([...owners, ...outer.owners])] : owners;
    open.push({ at, cidr, owners: all, pieces: [], next: cidr.first });
  });
  while (open.length > 0) close();
}
