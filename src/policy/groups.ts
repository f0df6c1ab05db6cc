// Address groups that take members by their tags, and service groups.
import { Failure } from '../base/failure.ts';
import type { Inventory } from '../model/inventory.ts';
import { type Expression, matches, namesOf, parseExpression } from './expression.ts';

/**
 * The expressions by which groups take members, by the group's name.
 * @throws Failure `bad-expression`, and `bad-inventory` for one that would take addresses that the inventory doesn't
 *   name, or for groups that take each other's members
 */
export function groupMembers(inventory: Inventory): ReadonlyMap<string, Expression> {
  const known = parsed.get(inventory);
  if (known) return known;
  const members = new Map<string, Expression>();
  const places = new Map<string, string>();
  inventory.groups.forEach((group, i) => {
    if (group.members === undefined) return;
    const place = `groups[${i}].members`;
    const expression = parseExpression(group.members, place);
    if (matches(expression, [])) {
      throw new Failure('bad-inventory', `'${group.members}' also fits addresses that have no tags`, {
        place,
        hint: `members are addresses that the inventory names: ask for a tag, e.g. 'exists tier AND (${group.members})'`,
      });
    }
    members.set(group.name, expression);
    places.set(group.name, place);
  });
  for (const name of members.keys()) refuseCircle(name, [], members, places);
  parsed.set(inventory, members);
  return members;
}

const parsed = new WeakMap<Inventory, ReadonlyMap<string, Expression>>();

function refuseCircle(
  name: string,
  way: readonly string[],
  members: ReadonlyMap<string, Expression>,
  places: ReadonlyMap<string, string>,
): void {
  const expression = members.get(name);
  if (!expression) return;
  if (way.includes(name)) {
    const place = places.get(name);
    const circle = [...way.slice(way.indexOf(name)), name].join(' → ');
    throw new Failure('bad-inventory', `groups take each other's members: ${circle}`, {
      ...(place === undefined ? {} : { place }),
    });
  }
  for (const [type, value] of namesOf(expression)) {
    if (type === 'group') refuseCircle(value, [...way, name], members, places);
  }
}

/** Ports by the name of a service group. */
export function serviceGroups(inventory: Inventory): ReadonlyMap<string, readonly number[]> {
  return new Map((inventory.serviceGroups ?? []).map(({ name, ports }) => [name, ports]));
}
