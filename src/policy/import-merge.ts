// Brings what an import found into an inventory. An import owns what carries its name as `source`, and there only what it
// says: tags that people add to an imported thing, and its probe, stay theirs. What people declared stays as it is.
import { Failure } from '../base/failure.ts';
import type { ImportAnswer, ImportChange, ImportDocument } from '../model/import.ts';
import type { Inventory } from '../model/inventory.ts';
import type { Tag } from '../model/tag.ts';

type Kind = 'sites' | 'clusters' | 'hosts' | 'servers' | 'groups';
type Fields = Record<string, unknown>;
type Thing = Fields & {
  readonly name: string;
  readonly tags: readonly Tag[];
  readonly source?: string | undefined;
  readonly imported?: readonly Tag[] | undefined;
};

/** In the order in which they refer to each other. Beside the fields that an import owns where it owns the thing. */
const owned: Readonly<Record<Kind, readonly string[]>> = {
  sites: [],
  clusters: ['site'],
  hosts: ['addresses', 'cluster', 'site'],
  servers: ['cluster', 'host', 'address', 'port', 'also'],
  groups: ['addresses', 'names', 'members'],
};
const kinds = Object.keys(owned) as Kind[];

export type Merged = ImportAnswer & { readonly inventory: Inventory };

/**
 * The result is not checked yet. The same import twice changes nothing the second time.
 * @throws Failure `bad-inventory` for a name that is found twice
 */
export function mergeImport(
  inventory: Inventory | undefined,
  source: string,
  found: ImportDocument,
  prune: boolean,
): Merged {
  const changes: ImportChange[] = [];
  let unchanged = 0;
  const merged: Fields = { ...(inventory ?? { apiVersion: 'portcullis/v1', hosts: [], groups: [] }) };
  /** Hosts of the import that are known under another name, by the address they share. */
  const otherNames = new Map<string, string>();
  for (const kind of kinds) {
    const present = ((inventory as Fields | undefined)?.[kind] ?? []) as readonly Thing[];
    const byName = new Map(present.map((thing) => [thing.name, thing]));
    const taken = ownersOf(kind, present, source);
    const wanted = new Map<string, Thing>();
    for (const thing of found[kind] as readonly Thing[]) {
      if (wanted.has(thing.name)) {
        throw new Failure('bad-inventory', `'${thing.name}' is there twice`, { place: `found.${kind}` });
      }
      const object = `${kind.slice(0, -1)}/${thing.name}`;
      const host = kind === 'servers' ? otherNames.get(String(thing['host'])) : undefined;
      const mine = host === undefined ? thing : { ...thing, host };
      const owner = addressesOf(kind, mine).flatMap((key) => taken.get(key) ?? [])[0];
      const former = byName.get(thing.name);
      if (former && former.source !== source) {
        changes.push({ object, change: 'kept', details: [whose(former)] });
      } else if (owner !== undefined) {
        if (kind === 'hosts') otherNames.set(thing.name, owner.name);
        const details = [`its address belongs to '${owner.name}': ${whose(owner)}`];
        changes.push({ object, change: 'kept', details });
      } else {
        const next = stamp(kind, former, mine, source);
        wanted.set(thing.name, next);
        const details = former ? differences(kind, former, next) : describe(kind, next);
        if (!former) changes.push({ object, change: 'added', details });
        else if (details.length > 0) changes.push({ object, change: 'changed', details });
        else unchanged++;
      }
    }
    const rest = present.flatMap((thing) => {
      const next = wanted.get(thing.name);
      wanted.delete(thing.name);
      if (next) return [next];
      if (thing.source !== source || found[kind].some(({ name }) => name === thing.name)) return [thing];
      const object = `${kind.slice(0, -1)}/${thing.name}`;
      changes.push({ object, change: prune ? 'removed' : 'gone', details: [] });
      return prune ? [] : [thing];
    });
    const all = [...rest, ...wanted.values()];
    if (all.length > 0 || merged[kind] !== undefined) merged[kind] = all;
  }
  return { changes, unchanged, inventory: merged as Inventory };
}

/**
 * A whole inventory that people put in force, with what imports own beside it: that is not theirs to leave out. What
 * people declare by the same name, or with one of its addresses, takes its place.
 */
export function keepImported(former: Inventory | undefined, next: Inventory): Inventory {
  if (!former) return next;
  const kept: Fields = { ...next };
  for (const kind of kinds) {
    const declared = ((next as Fields)[kind] ?? []) as readonly Thing[];
    const names = new Set(declared.map(({ name }) => name));
    const addresses = new Set(declared.flatMap((thing) => addressesOf(kind, thing)));
    const imported = (((former as Fields)[kind] ?? []) as readonly Thing[]).filter(
      (thing) =>
        thing.source !== undefined &&
        !names.has(thing.name) &&
        !addressesOf(kind, thing).some((key) => addresses.has(key)),
    );
    if (imported.length > 0) kept[kind] = [...declared, ...imported];
  }
  return kept as Inventory;
}

/** What only one thing of a kind may have: a host its addresses, a server its endpoint. */
function addressesOf(kind: Kind, thing: Thing): string[] {
  if (kind === 'hosts') return thing['addresses'] as string[];
  return kind === 'servers' ? [`${thing['address']} ${thing['port']}`] : [];
}

function ownersOf(kind: Kind, present: readonly Thing[], source: string): Map<string, Thing> {
  return new Map(
    present
      .filter((thing) => thing.source !== source)
      .flatMap((thing) => addressesOf(kind, thing).map((key) => [key, thing] as const)),
  );
}

function whose({ source }: Thing): string {
  return source === undefined ? 'people declared it' : `the import '${source}' owns it`;
}

function stamp(kind: Kind, former: Thing | undefined, found: Thing, source: string): Thing {
  const { tags, ...rest } = found;
  const imported = [...new Set(tags)].sort();
  if (!former) return { ...rest, tags: [], source, imported };
  const next: Fields = { ...former, imported };
  for (const field of owned[kind]) {
    if (found[field] === undefined) delete next[field];
    else next[field] = found[field];
  }
  return next as Thing;
}

function describe(kind: Kind, thing: Thing): string[] {
  const fields = owned[kind].filter((field) => thing[field] !== undefined);
  return [
    ...fields.map((field) => `${field}: ${text(thing[field])}`),
    ...(thing.imported ?? []).map((tag) => `+ ${tag}`),
  ];
}

function differences(kind: Kind, former: Thing, next: Thing): string[] {
  const [before, after] = [former.imported ?? [], next.imported ?? []];
  return [
    ...owned[kind]
      .filter((field) => text(former[field]) !== text(next[field]))
      .map((field) => `${field}: ${text(former[field])} → ${text(next[field])}`),
    ...before.filter((tag) => !after.includes(tag)).map((tag) => `- ${tag}`),
    ...after.filter((tag) => !before.includes(tag)).map((tag) => `+ ${tag}`),
  ];
}

function text(value: unknown): string {
  if (value === undefined) return 'none';
  if (!Array.isArray(value)) return String(value);
  const one = (item: unknown) =>
    typeof item === 'object' && item !== null && 'address' in item && 'port' in item
      ? `${item.address} port ${item.port}`
      : String(item);
  return value.length === 0 ? 'none' : value.map(one).join(', ');
}
