// Declared tags of one thing changed by themselves, without a new inventory: what people do most often, and what must not
// cost what a hundred thousand addresses cost.
import { Failure } from '../base/failure.ts';
import type { Inventory } from '../model/inventory.ts';
import { type Tag, tagType } from '../model/tag.ts';
import { isMultiValued } from './tags.ts';

/** Declared tags by object (`host/node-1`), in the place of those that the inventory says. */
export type Retagged = ReadonlyMap<string, readonly Tag[]>;

const kinds = {
  site: 'sites',
  cluster: 'clusters',
  host: 'hosts',
  server: 'servers',
  group: 'groups',
} as const;
type Kind = keyof typeof kinds;

export type TagChange = { readonly tags: readonly Tag[]; readonly added: Tag[]; readonly removed: Tag[] };

/**
 * The declared tags of a thing after some were set and some removed. A tag that is set takes the place of the others of its
 * type, unless its type may have several. `remove` names tags, or types of which all are removed.
 * @throws Failure `unknown-name` for an object that isn't there
 */
export function retag(
  inventory: Inventory,
  object: string,
  set: readonly Tag[],
  remove: readonly string[],
): TagChange {
  const before = declared(inventory, object);
  const replaced = new Set(set.map(tagType).filter((type) => !isMultiValued(type)));
  const kept = before.filter(
    (tag) => !remove.includes(tag) && !remove.includes(tagType(tag)) && !replaced.has(tagType(tag)),
  );
  const tags = [...new Set([...kept, ...set])];
  return {
    tags,
    added: tags.filter((tag) => !before.includes(tag)),
    removed: before.filter((tag) => !tags.includes(tag)),
  };
}

/** The inventory made last from each, and what of. */
const made = new WeakMap<Inventory, { readonly retagged: Retagged; readonly whole: Inventory }>();

/** The inventory with those tags. Asked again for the same, the same inventory: what was worked out from it holds. */
export function withTags(inventory: Inventory, retagged: Retagged): Inventory {
  if (retagged.size === 0) return inventory;
  const known = made.get(inventory);
  if (known?.retagged === retagged) return known.whole;
  const changed = new Set([...retagged.keys()].map((object) => object.slice(0, object.indexOf('/'))));
  const whole = { ...inventory };
  const put = <K extends Kind>(kind: K) => {
    const things = inventory[kinds[kind]];
    if (!changed.has(kind) || !things) return;
    Object.assign(whole, {
      [kinds[kind]]: things.map((thing) => {
        const tags = retagged.get(`${kind}/${thing.name}`);
        return tags ? { ...thing, tags: [...tags] } : thing;
      }),
    });
  };
  for (const kind of Object.keys(kinds) as Kind[]) put(kind);
  made.set(inventory, { retagged, whole });
  return whole;
}

function declared(inventory: Inventory, object: string): readonly Tag[] {
  const [, kind, name] = /^(site|cluster|host|server|group)\/(.+)$/.exec(object) ?? [];
  const things = kind === undefined ? undefined : inventory[kinds[kind as Kind]];
  const thing = things?.find((each) => each.name === name);
  if (thing) return thing.tags;
  throw new Failure('unknown-name', `the inventory has no '${object}'`, {
    hint: 'give a kind and a name: host/node-1, group/developers, server/prod/cp-1, cluster/prod, site/berlin',
  });
}
