// DNS names of groups, as the addresses that they were last resolved to.
import type { Inventory } from '../model/inventory.ts';

/** Every DNS name that a group holds. */
export function namesIn(inventory: Inventory): ReadonlySet<string> {
  return new Set(inventory.groups.flatMap(({ names = [] }) => names));
}

/** The inventory made last from each, and what of. */
const made = new WeakMap<Inventory, { readonly key: string; readonly whole: Inventory }>();

/**
 * The inventory with the addresses of names among those of their groups. A name that was not resolved yet, or to nothing,
 * adds none. Asked again with equal addresses, the same inventory: what was worked out from it holds.
 */
export function withNames(
  inventory: Inventory,
  addresses: ReadonlyMap<string, readonly string[]>,
): Inventory {
  const names = [...namesIn(inventory)].sort();
  if (names.length === 0) return inventory;
  const key = names.map((name) => `${name} ${(addresses.get(name) ?? []).join(' ')}`).join('\n');
  const known = made.get(inventory);
  if (known?.key === key) return known.whole;
  const groups = inventory.groups.map((group) => {
    const found = (group.names ?? []).flatMap((name) => addresses.get(name) ?? []);
    if (found.length === 0) return group;
    return { ...group, addresses: [...new Set([...group.addresses, ...found])] };
  });
  const whole = { ...inventory, groups };
  made.set(inventory, { key, whole });
  return whole;
}
