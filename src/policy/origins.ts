// Where the tags of a thing stand: on itself, or on what it inherits them from.
import { contains, parseCidr } from '../base/cidr.ts';
import type { TagOrigin } from '../model/explain.ts';
import type { Inventory } from '../model/inventory.ts';
import { tagType } from '../model/tag.ts';
import { aboveHost, isMultiValued, type Layer, ownLayers } from './tags.ts';

/** Each tag that a thing has in the end, with the nearest layer that gives it. */
export function originsOf(layers: readonly Layer[]): TagOrigin[] {
  const origins = new Map<string, TagOrigin>();
  const settled = new Set<string>();
  for (const { object, kind, tags } of layers) {
    for (const tag of tags) {
      if (settled.has(tagType(tag)) && !isMultiValued(tagType(tag))) continue;
      if (!origins.has(tag)) origins.set(tag, { tag, object, kind });
    }
    for (const tag of tags) settled.add(tagType(tag));
  }
  return [...origins.values()].sort((a, b) => (a.tag < b.tag ? -1 : 1));
}

/** The layers of an address: its host's, what that inherits, then the groups that hold it, the longest prefix first. */
export function addressLayers(inventory: Inventory, address: string): Layer[] {
  const caller = parseCidr(address);
  const hosts = inventory.hosts.filter(({ addresses }) => addresses.includes(caller.text));
  const groups = inventory.groups
    .flatMap((group) =>
      group.addresses
        .map((text) => parseCidr(text))
        .filter((prefix) => contains(prefix, caller))
        .map(({ bits }) => ({ group, bits })),
    )
    .sort((a, b) => b.bits - a.bits);
  const above = hosts.flatMap((host) => [...ownLayers('host', host), ...aboveHost(host, inventory)]);
  return [...above, ...new Set(groups.map(({ group }) => group))].flatMap((one) =>
    'object' in one ? [one] : ownLayers('group', one),
  );
}
