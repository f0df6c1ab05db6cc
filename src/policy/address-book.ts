// The address book: who is at an address, by the inventory, and which addresses a tag expression selects.
//
// An address has the tags of the longest prefix that holds it. A host's address has its host's tags, then its cluster's
// and the site's; then, for it and for every named group, come the tags of the groups that hold it, the longest prefix
// first. Nearest wins per type (tags.ts). Addresses that the inventory doesn't name have no tags.
//
// Names select too: `host=`, and `cluster=` for its hosts, and `group=` for what a group holds or takes as its members.
import type { Inventory } from '../model/inventory.ts';
import type { AddressTags } from '../model/plan.ts';
import { type Tag, tagType } from '../model/tag.ts';
import { type AddressClasses, addressClasses, type Owner } from './address-classes.ts';
import { type AddressSet, everybody, nobody } from './address-set.ts';
import { type Expression, matches, parseCallers } from './expression.ts';
import { groupMembers } from './groups.ts';
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

type Layers = readonly (readonly Tag[])[];
type Kind = 'h' | 'g';

/** What a book knows of its tags: the next one, made when some tags were changed, takes over the rest. */
type Pages = {
  readonly classes: AddressClasses;
  /** Of each thing, by its place. */
  readonly layers: Readonly<Record<Kind, readonly Layers[]>>;
  /** Tags of each class. */
  readonly tags: readonly (readonly Tag[])[];
  /** Places of the classes that have a tag, ascending; by type, its tags. */
  readonly having: ReadonlyMap<Tag, readonly number[]>;
  readonly entries: readonly AddressTags[];
};

/** Books by inventory: between two changes of it there are many of stages and observed tags. */
const books = new WeakMap<Inventory, AddressBook>();
let last: Pages | undefined;

/** An inventory is not changed once it has been asked about: its book is kept. */
export function addressBook(inventory: Inventory): AddressBook {
  const known = books.get(inventory) ?? makeBook(inventory);
  books.set(inventory, known);
  return known;
}

function makeBook(inventory: Inventory): AddressBook {
  const classes = addressClasses(inventory);
  const pages = makePages(inventory, classes, last?.classes === classes ? last : undefined);
  last = pages;
  const select = selector(inventory, pages);
  const cache = new Map<string, AddressSet>();
  return {
    entries: pages.entries,
    select(text, place) {
      const known = cache.get(text);
      if (known) return known;
      const selected = select(parseCallers(text, place));
      if (cache.size >= maxSelections) cache.clear();
      cache.set(text, selected);
      return selected;
    },
  };
}

function makePages(inventory: Inventory, classes: AddressClasses, former: Pages | undefined): Pages {
  const layers: Record<Kind, Layers[]> = { h: [], g: [] };
  const changed = new Set<number>();
  const put = (kind: Kind, place: number, own: Layers): void => {
    const before = former?.layers[kind][place];
    const same = before !== undefined && sameLayers(before, own);
    layers[kind].push(same ? before : own);
    if (!same) for (const at of classes.heldBy.get(`${kind}${place}`) ?? []) changed.add(at);
  };
  inventory.hosts.forEach((host, i) => {
    put('h', i, hostLayers(host, inventory));
  });
  inventory.groups.forEach(({ tags, imported }, i) => {
    put('g', i, imported === undefined ? [tags] : [tags, imported]);
  });
  const tags = [...(former?.tags ?? [])];
  const entries = [...(former?.entries ?? [])];
  const having = new Map(former?.having);
  const added = new Map<Tag, number[]>();
  const removed = new Map<Tag, Set<number>>();
  for (const at of changed) {
    const one = classes.classes[at];
    if (!one) continue;
    const own = frozenTags(
      one.owners.flatMap((owner) => layers[owner[0] as Kind][Number(owner.slice(1))] ?? []),
    );
    for (const tag of tags[at] ?? []) removed.set(tag, (removed.get(tag) ?? new Set()).add(at));
    for (const tag of own) {
      const places = added.get(tag);
      if (places) places.push(at);
      else added.set(tag, [at]);
    }
    tags[at] = own;
    for (const p of one.prefixes) {
      const { address = '', name = '' } = classes.prefixes[p] ?? {};
      entries[p] = Object.freeze({ address, name, tags: own });
    }
  }
  for (const tag of new Set([...removed.keys(), ...added.keys()])) {
    const gone = removed.get(tag);
    const kept = (having.get(tag) ?? []).filter((at) => !gone?.has(at));
    const places = [...kept, ...(added.get(tag) ?? [])].sort((a, b) => a - b);
    if (places.length > 0) having.set(tag, places);
    else having.delete(tag);
  }
  return { classes, layers, tags, having, entries };
}

/** Frozen, as are the entries that hold them: what is written from them is kept (canonical-json.ts). */
function frozenTags(layers: Layers): Tag[] {
  const tags = effectiveTags(layers);
  Object.freeze(tags);
  return tags;
}

function sameLayers(a: Layers, b: Layers): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    const [x = [], y = []] = [a[i], b[i]];
    if (x === y) continue;
    if (x.length !== y.length) return false;
    for (let j = 0; j < x.length; j++) if (x[j] !== y[j]) return false;
  }
  return true;
}

/** Classes, by their places ascending, and perhaps all that the inventory doesn't name. */
type Chosen = { readonly places: readonly number[]; readonly unnamed: boolean };

function selector(inventory: Inventory, pages: Pages): (expression: Expression) => AddressSet {
  const { classes, having } = pages;
  const names = named(inventory, classes, (members) => choose(members).places);
  let types: Map<string, Tag[]> | undefined;
  return (expression) => {
    if (expression.op === 'any') return everybody;
    const { places, unnamed } = choose(expression);
    return places.length === 0 && !unnamed ? nobody : classes.setOf(places, unnamed);
  };

  function choose(expression: Expression): Chosen {
    switch (expression.op) {
      case 'any':
        return { places: classes.classes.map((_, at) => at), unnamed: true };
      case 'and': {
        const [a, b] = [choose(expression.left), choose(expression.right)];
        const right = new Set(b.places);
        return { places: a.places.filter((at) => right.has(at)), unnamed: a.unnamed && b.unnamed };
      }
      case 'or': {
        const [a, b] = [choose(expression.left), choose(expression.right)];
        return { places: merged([a.places, b.places]), unnamed: a.unnamed || b.unnamed };
      }
      case 'not': {
        const { places, unnamed } = choose(expression.operand);
        const without = new Set(places);
        const rest = classes.classes.flatMap((_, at) => (without.has(at) ? [] : [at]));
        return { places: rest, unnamed: !unnamed };
      }
      case 'in': {
        const one = names.get(expression.type);
        return {
          places: merged(
            expression.values.map(
              (value) => (one ? one(value) : having.get(`${expression.type}=${value}`)) ?? [],
            ),
          ),
          unnamed: false,
        };
      }
      case 'exists':
      case 'compare': {
        const one = names.get(expression.type);
        if (one) return { places: expression.op === 'exists' ? one(undefined) : [], unnamed: false };
        types ??= tagsByType();
        const fitting = (types.get(expression.type) ?? []).filter((tag) => matches(expression, [tag]));
        return { places: merged(fitting.map((tag) => having.get(tag) ?? [])), unnamed: false };
      }
    }
  }

  function tagsByType(): Map<string, Tag[]> {
    const found = new Map<string, Tag[]>();
    for (const tag of having.keys()) found.set(tagType(tag), [...(found.get(tagType(tag)) ?? []), tag]);
    return found;
  }
}

/** For each implicit type, the classes that a name means; of undefined, those that any name does. */
type Names = ReadonlyMap<string, (name: string | undefined) => readonly number[]>;

function named(
  inventory: Inventory,
  { heldBy }: AddressClasses,
  membersOf: (expression: Expression) => readonly number[],
): Names {
  const of = (owner: Owner): readonly number[] => heldBy.get(owner) ?? [];
  const table = (lookup: () => ReadonlyMap<string, readonly number[]>) => {
    let known: ReadonlyMap<string, readonly number[]> | undefined;
    return (name: string | undefined) => {
      known ??= lookup();
      return name === undefined ? merged([...known.values()]) : (known.get(name) ?? []);
    };
  };
  const places = new Map(inventory.groups.map(({ name }, i) => [name, of(`g${i}`)]));
  const whole = new Map<string, readonly number[]>();
  /** One by one, for a group may take the members of another. */
  const groups = (name: string | undefined): readonly number[] => {
    if (name === undefined) return merged(inventory.groups.map((group) => groups(group.name)));
    const expression = groupMembers(inventory).get(name);
    const all = whole.get(name) ?? merged([places.get(name) ?? [], expression ? membersOf(expression) : []]);
    whole.set(name, all);
    return all;
  };
  return new Map([
    ['host', table(() => new Map(inventory.hosts.map(({ name }, i) => [name, of(`h${i}`)])))],
    [
      'cluster',
      table(() => {
        const running = new Map(inventory.servers.map((server) => [server.host, server.cluster]));
        const found = new Map<string, number[]>();
        inventory.hosts.forEach((host, i) => {
          const cluster = host.cluster ?? running.get(host.name);
          if (cluster === undefined) return;
          const held = found.get(cluster) ?? [];
          for (const at of of(`h${i}`)) held.push(at);
          found.set(cluster, held);
        });
        return new Map([...found].map(([name, places]) => [name, merged([places])]));
      }),
    ],
    [
      'server',
      table(() => {
        const hosts = new Map(inventory.hosts.map(({ name }, i) => [name, of(`h${i}`)]));
        return new Map(inventory.servers.map(({ name, host }) => [name, hosts.get(host) ?? []]));
      }),
    ],
    ['group', groups],
  ]);
}

function merged(lists: readonly (readonly number[])[]): readonly number[] {
  const [only] = lists;
  if (lists.length === 1 && only && isAscending(only)) return only;
  return [...new Set(lists.flat())].sort((a, b) => a - b);
}

function isAscending(places: readonly number[]): boolean {
  for (let i = 1; i < places.length; i++) if ((places[i - 1] ?? 0) >= (places[i] ?? 0)) return false;
  return true;
}
