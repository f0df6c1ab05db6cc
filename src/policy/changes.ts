// What a draft changes in a policy, one by one, and a policy with some of those changes made.
//
// A change is of one rule (by its id, which stays the same across edits), of what a set says about its rules, of the
// order of sets and policies, or of one setting. Sets and policies without rules say nothing and are not looked at.
import { canonicalJson } from '../base/canonical-json.ts';
import type { Policy, PolicyRule } from '../model/policy.ts';
import { mergeOrder, unmoved } from './merge-order.ts';
import { mainName } from './written-rules.ts';

export type Change = {
  /** Names it: `rule/no-lab`, `set/base`, `order`, `default`, `approval`, `response`, `shields`. */
  readonly key: string;
  readonly kind: 'added' | 'removed' | 'changed' | 'moved';
  /** The rule stands elsewhere: before or after other rules than it did, or in another policy. */
  readonly moves: boolean;
  /** For people: `adds rule 'no-lab': deny site=lab > any`. */
  readonly words: string;
  /** What is there before and after, for a diff. */
  readonly before?: unknown;
  readonly after?: unknown;
};

const settings = ['default', 'approval', 'response', 'shields'] as const;

export function changesOf(base: Policy, draft: Policy): Change[] {
  const [before, after] = [sectioned(base), sectioned(draft)];
  return [...ruleChanges(before, after), ...setChanges(before, after), ...settingChanges(base, draft)];
}

/** `onto` with these changes made, as they are in `draft`. What `onto` has beside them stays. */
export function withChanges(onto: Policy, draft: Policy, changes: readonly Change[]): Policy {
  const [before, after] = [sectioned(onto), sectioned(draft)];
  const byKey = new Map(changes.map((change) => [change.key, change]));
  const ruleIs = (id: string) => byKey.get(ruleKey(id));
  const labels = mergeOrder([...before.keys()], [...after.keys()], (label) =>
    before.has(label) ? byKey.has('order') : true,
  );
  const policy: Policy = { ...onto, rules: [], sets: [] };
  for (const label of labels) {
    const rules = mergeRules(before, after, label, ruleIs);
    const section = byKey.has(`set/${setOf(label)}`)
      ? (after.get(label) ?? before.get(label))
      : (before.get(label) ?? after.get(label));
    if (rules.length > 0 && section) append(policy, { ...section, rules });
  }
  for (const key of settings) if (byKey.has(key)) Object.assign(policy, { [key]: draft[key] });
  return plain(policy);
}

type Meta = { readonly owner?: string | undefined };
type Section = {
  readonly set: Meta & { readonly name: string; readonly servers?: string | undefined };
  readonly list: Meta & { readonly name: string; readonly reason?: string | undefined };
  readonly rules: readonly PolicyRule[];
};
/** By a label that is unique: both names. */
type Sections = ReadonlyMap<string, Section>;

const ruleKey = (id: string): string => `rule/${id}`;
const labelOf = (set: string, list: string): string => `${set} ${list}`;
const setOf = (label: string): string => label.slice(0, label.indexOf(' '));

function sectioned(policy: Policy): Sections {
  const sections = new Map<string, Section>();
  const add = (section: Section) => {
    if (section.rules.length > 0) sections.set(labelOf(section.set.name, section.list.name), section);
  };
  add({ set: { name: mainName }, list: { name: mainName }, rules: policy.rules });
  for (const { policies, ...set } of policy.sets)
    for (const { rules, ...list } of policies) add({ set, list, rules });
  return sections;
}

function append(policy: Policy, { set, list, rules }: Section): void {
  const last = policy.sets.at(-1);
  const into = last?.name === set.name ? last : { ...set, policies: [] };
  if (into !== last) policy.sets.push(into);
  into.policies.push({ ...list, rules: [...rules] });
}

/** One set with one policy that say nothing of themselves are written as rules alone. */
function plain(policy: Policy): Policy {
  const [set, ...more] = policy.sets;
  const [list, ...others] = set?.policies ?? [];
  if (!set || !list || more.length + others.length > 0) return policy;
  const bare = Object.keys(set).length === 2 && Object.keys(list).length === 2;
  if (!bare || set.name !== mainName || list.name !== mainName) return policy;
  return { ...policy, rules: list.rules, sets: [] };
}

function mergeRules(
  before: Sections,
  after: Sections,
  label: string,
  change: (id: string) => Change | undefined,
): PolicyRule[] {
  const theirs = new Map(
    [...after].flatMap(([at, { rules }]) => rules.map((rule) => [rule.id, { at, rule }])),
  );
  const own = before.get(label)?.rules ?? [];
  const stay = own.filter(({ id }) => {
    const made = change(id);
    return !made || (theirs.has(id) && !made.moves);
  });
  const staying = new Set(stay.map(({ id }) => id));
  const known = new Set([...before.values()].flatMap(({ rules }) => rules.map(({ id }) => id)));
  const placed = new Set(
    (after.get(label)?.rules ?? [])
      .map(({ id }) => id)
      .filter((id) => {
        const made = change(id);
        return made !== undefined && (made.moves || !known.has(id));
      }),
  );
  const wanted = after.get(label)?.rules.map(({ id }) => id) ?? [];
  const order = mergeOrder(
    stay.map(({ id }) => id),
    wanted.filter((id) => placed.has(id) || staying.has(id)),
    (id) => placed.has(id),
  );
  const mine = new Map(own.map((rule) => [rule.id, rule]));
  return order.flatMap((id) => (change(id) ? theirs.get(id)?.rule : mine.get(id)) ?? []);
}

function ruleChanges(before: Sections, after: Sections): Change[] {
  const located = (sections: Sections) =>
    new Map(
      [...sections].flatMap(([at, { rules }]) => rules.map((rule) => [rule.id, { at, rule }] as const)),
    );
  const [old, fresh] = [located(before), located(after)];
  const still = new Set<string>();
  for (const [label, { rules }] of after) {
    const common = (list: readonly PolicyRule[] = []) =>
      list.map(({ id }) => id).filter((id) => old.get(id)?.at === label && fresh.get(id)?.at === label);
    for (const id of unmoved(common(before.get(label)?.rules), common(rules))) still.add(id);
  }
  const removed = [...old].flatMap(([id, { rule }]): Change[] =>
    fresh.has(id)
      ? []
      : [
          {
            key: ruleKey(id),
            kind: 'removed',
            moves: false,
            words: `removes rule '${id}': ${ruleWords(rule)}`,
            before: rule,
          },
        ],
  );
  const rest = [...fresh].flatMap(([id, { at, rule }]): Change[] => {
    const was = old.get(id);
    const key = ruleKey(id);
    if (!was)
      return [
        { key, kind: 'added', moves: true, words: `adds rule '${id}': ${ruleWords(rule)}`, after: rule },
      ];
    const moves = !still.has(id);
    const fields = fieldWords(was.rule, rule);
    if (!moves && fields === '') return [];
    const where = moves ? `moves rule '${id}' ${whereWords(after, at, id)}` : '';
    const what = fields === '' ? '' : `changes rule '${id}': ${fields}`;
    return [
      {
        key,
        kind: fields === '' ? 'moved' : 'changed',
        moves,
        words: [what, where].filter(Boolean).join('; '),
        before: was.rule,
        after: rule,
      },
    ];
  });
  return [...removed, ...rest];
}

function whereWords(after: Sections, label: string, id: string): string {
  const rules = after.get(label)?.rules ?? [];
  const previous = rules[rules.findIndex((rule) => rule.id === id) - 1];
  const place = label === labelOf(mainName, mainName) ? '' : ` of ${label.replace(' ', ': ')}`;
  return previous ? `behind '${previous.id}'${place}` : `to the front${place}`;
}

function setChanges(before: Sections, after: Sections): Change[] {
  const about = (sections: Sections) => {
    const sets = new Map<string, unknown[]>();
    // Only of what is on both sides: of a new policy its rules are the change.
    for (const [label, { set, list }] of sections) {
      if (!before.has(label) || !after.has(label)) continue;
      sets.set(set.name, [...(sets.get(set.name) ?? [set]), list]);
    }
    return sets;
  };
  const [old, fresh] = [about(before), about(after)];
  const changed = [...fresh].flatMap(([name, now]): Change[] => {
    const was = old.get(name);
    if (was === undefined || canonicalJson(was) === canonicalJson(now)) return [];
    const words = `changes what set '${name}' says of its rules`;
    return [{ key: `set/${name}`, kind: 'changed', moves: false, words, before: was, after: now }];
  });
  const common = (own: Sections, other: Sections) => [...own.keys()].filter((label) => other.has(label));
  const [was, now] = [common(before, after), common(after, before)];
  if (was.join('\n') === now.join('\n')) return changed;
  const words = 'changes the order of sets and policies';
  return [...changed, { key: 'order', kind: 'moved', moves: true, words, before: was, after: now }];
}

function settingChanges(base: Policy, draft: Policy): Change[] {
  return settings.flatMap((key): Change[] => {
    const [before, after] = [base[key], draft[key]];
    if (canonicalJson(before) === canonicalJson(after)) return [];
    const words = `changes ${key}: ${show(before)} → ${show(after)}`;
    return [{ key, kind: 'changed', moves: false, words, before, after }];
  });
}

/** `deny site=lab > deployment=prod, until 2026-12-01T00:00:00Z (tier platform)`. */
export function ruleWords(rule: PolicyRule): string {
  const { action, from, to, service, match, log, sample, expires, tier, direction = '>' } = rule;
  return [
    `${action} ${from} ${direction} ${to}`,
    service === undefined ? '' : ` on ${service}`,
    match === undefined ? '' : ` with equal ${match.join(' and ')}`,
    log ? '' : ', recording nothing',
    sample === undefined ? '' : `, recording 1 in ${sample}`,
    expires === undefined ? '' : `, until ${expires}`,
    ` (tier ${tier})`,
  ].join('');
}

function fieldWords(before: PolicyRule, after: PolicyRule): string {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])] as (keyof PolicyRule)[];
  return keys
    .filter((key) => show(before[key]) !== show(after[key]))
    .map((key) => `${key} ${show(before[key])} → ${show(after[key])}`)
    .join(', ');
}

function show(value: unknown): string {
  if (value === undefined) return 'none';
  return typeof value === 'string' ? value : canonicalJson(value);
}
