// What refers to what: expressions of rules, groups, exemptions and shields' settings name groups, clusters, hosts and
// servers of the inventory, rules name service groups. A name that nothing has is refused, so that a slip of the pen is not
// a rule for nobody, and what is in use can't be taken away.
import { Failure } from '../base/failure.ts';
import type { Inventory } from '../model/inventory.ts';
import { implicitTagTypes } from '../model/tag.ts';
import { type Expression, namesOf, parseExpression } from './expression.ts';
import { groupMembers } from './groups.ts';
import type { WrittenRule } from './written-rules.ts';

/** Who names something, and where that is written. */
type User = { readonly by: string; readonly place: string };
type Use = User & { readonly type: string; readonly name: string };
/** An expression beside those of rules: of an exemption, of a shield's settings. */
export type OtherExpression = User & { readonly text: string };

const kinds = { cluster: 'clusters', host: 'hosts', server: 'servers', group: 'groups' } as const;

/** @throws Failure `unknown-name` naming everything that refers to what isn't there; `bad-expression` */
export function requireReferences(
  inventory: Inventory,
  rules: readonly WrittenRule[],
  others: readonly OtherExpression[] = [],
): void {
  const missing = usesOf(inventory, rules, others).filter(
    ({ type, name }) => !names(inventory, type).has(name),
  );
  const [first] = missing;
  if (!first) return;
  const { type, name, place } = first;
  const by = missing.filter((use) => use.type === type && use.name === name).map((use) => use.by);
  const some = `${by.slice(0, 3).join(', ')}${by.length > 3 ? ` and ${by.length - 3} more` : ''}`;
  throw new Failure('unknown-name', `there is no ${type} '${name}' in the inventory, and ${some} names it`, {
    place,
    hint: `add the ${type} to the inventory, or change what names it first`,
  });
}

function usesOf(
  inventory: Inventory,
  rules: readonly WrittenRule[],
  others: readonly OtherExpression[],
): Use[] {
  const uses: Use[] = [];
  const take = (expression: Expression, by: string, place: string): void => {
    for (const [type, name] of namesOf(expression)) {
      if ((implicitTagTypes as readonly string[]).includes(type)) uses.push({ type, name, by, place });
    }
  };
  for (const [name, expression] of groupMembers(inventory)) {
    const at = inventory.groups.findIndex((group) => group.name === name);
    take(expression, `group '${name}'`, `groups[${at}].members`);
  }
  const sets = new Set<string>();
  for (const { rule, place, servers, set } of rules) {
    for (const end of ['from', 'to'] as const)
      take(parseExpression(rule[end], `${place}.${end}`), `rule '${rule.id}'`, `${place}.${end}`);
    if (!servers || sets.has(set)) continue;
    sets.add(set);
    take(parseExpression(servers.text, servers.place), `policy set '${set}'`, servers.place);
  }
  for (const { text, by, place } of others) take(parseExpression(text, place), by, place);
  return uses;
}

const known = new WeakMap<Inventory, Map<string, ReadonlySet<string>>>();

function names(inventory: Inventory, type: string): ReadonlySet<string> {
  const tables = known.get(inventory) ?? new Map<string, ReadonlySet<string>>();
  known.set(inventory, tables);
  const things = inventory[kinds[type as keyof typeof kinds]];
  const table = tables.get(type) ?? new Set(things.map(({ name }) => name));
  tables.set(type, table);
  return table;
}
