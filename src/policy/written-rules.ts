// The rules of a policy as they are judged: out of their sets and policies, in order, each with where it was written.
//
// Order: by tier, then as written: set by set, policy by policy, rule by rule. A rule that has expired is as if it
// weren't there; which have is told, for nothing here knows the time.
import { Failure } from '../base/failure.ts';
import type { Policy, PolicyRule, Tier } from '../model/policy.ts';

export type WrittenRule = {
  readonly rule: PolicyRule;
  /** Where it stands in the document: `rules[3]`, `sets[0].policies[1].rules[3]`. */
  readonly place: string;
  /** Names of its set and policy; `main` and `main` in a document that has rules alone. */
  readonly set: string;
  readonly policy: string;
  /** The nearest that is written: the rule's, the policy's, the set's. */
  readonly owner: string | undefined;
  /** The servers that its set is for, and where that is written. */
  readonly servers: { readonly text: string; readonly place: string } | undefined;
};

/** Name of the set, and of the policy in it, that a document with rules alone is. */
export const mainName = 'main';

const order: readonly Tier[] = ['break-glass', 'security', 'platform', 'default'];

/** In the order of judgement. @param expired keys (`expiryKey`) of the rules that have expired */
export function rulesInForce(policy: Policy, expired: ReadonlySet<string> = new Set()): WrittenRule[] {
  return writtenRules(policy)
    .filter(({ rule }) => !expired.has(expiryKey(rule) ?? ''))
    .sort((a, b) => order.indexOf(a.rule.tier) - order.indexOf(b.rule.tier));
}

/** Every rule in the order of the document. */
export function writtenRules(policy: Policy): WrittenRule[] {
  const flat = policy.rules.map((rule, i): WrittenRule => {
    const [set, name] = [mainName, mainName];
    return { rule, place: `rules[${i}]`, set, policy: name, owner: rule.owner, servers: undefined };
  });
  const inSets = policy.sets.flatMap((set, s) => {
    const servers =
      set.servers === undefined ? undefined : { text: set.servers, place: `sets[${s}].servers` };
    return set.policies.flatMap((list, p) =>
      list.rules.map((rule, r): WrittenRule => {
        const place = `sets[${s}].policies[${p}].rules[${r}]`;
        const owner = rule.owner ?? list.owner ?? set.owner;
        return { rule, place, set: set.name, policy: list.name, owner, servers };
      }),
    );
  });
  return [...flat, ...inSets];
}

/** Names an expiry: a rule whose time is changed expires anew. Undefined for a rule without one. */
export function expiryKey({ id, expires }: PolicyRule): string | undefined {
  return expires === undefined ? undefined : `${id} ${expires}`;
}

/** @throws Failure `bad-policy` for names that are there twice */
export function checkNames(policy: Policy): void {
  const unique = (what: string) => {
    const seen = new Map<string, string>();
    return (name: string, place: string, field: string) => {
      const other = seen.get(name);
      if (other === undefined) return void seen.set(name, place);
      throw new Failure('bad-policy', `'${name}' is already the ${what} of ${other}`, {
        place: `${place}.${field}`,
      });
    };
  };
  const sets = unique('name');
  policy.sets.forEach((set, s) => {
    sets(set.name, `sets[${s}]`, 'name');
    const lists = unique('name');
    set.policies.forEach((list, p) => {
      lists(list.name, `sets[${s}].policies[${p}]`, 'name');
    });
  });
  const ids = unique('id');
  for (const { rule, place } of writtenRules(policy)) ids(rule.id, place, 'id');
}
