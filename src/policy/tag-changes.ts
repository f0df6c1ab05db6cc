// What a new inventory changes in the tags that stand on things themselves, declared or imported.
import { z } from 'zod';
import type { Inventory } from '../model/inventory.ts';
import type { Tag } from '../model/tag.ts';
import { ownLayers } from './tags.ts';

/** By object (`host/node-1`), the tags that it got and lost. */
export const TagChanges = z.object({
  added: z.record(z.string(), z.array(z.string())),
  removed: z.record(z.string(), z.array(z.string())),
});
export type TagChanges = z.infer<typeof TagChanges>;

export function tagChanges(before: Inventory | undefined, after: Inventory): TagChanges {
  const changes: TagChanges = { added: {}, removed: {} };
  const former = before ? ownTags(before) : new Map<string, readonly Tag[]>();
  const current = ownTags(after);
  const note = (
    into: Record<string, string[]>,
    object: string,
    tags: readonly Tag[],
    others: readonly Tag[],
  ) => {
    const only = tags.filter((tag) => !others.includes(tag));
    if (only.length > 0) into[object] = [...new Set(only)].sort();
  };
  for (const [object, tags] of current) note(changes.added, object, tags, former.get(object) ?? []);
  for (const [object, tags] of former) note(changes.removed, object, tags, current.get(object) ?? []);
  return changes;
}

function ownTags(inventory: Inventory): Map<string, readonly Tag[]> {
  const found = new Map<string, readonly Tag[]>();
  for (const [kind, things] of [
    ['site', inventory.sites ?? []],
    ['cluster', inventory.clusters],
    ['host', inventory.hosts],
    ['server', inventory.servers],
    ['group', inventory.groups],
  ] as const) {
    for (const thing of things) {
      const tags = ownLayers(kind, thing).flatMap((layer) => layer.tags);
      if (tags.length > 0) found.set(`${kind}/${thing.name}`, tags);
    }
  }
  return found;
}
