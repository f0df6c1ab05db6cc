// Changes of a policy: told one by one, and made one by one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Policy } from '../model/policy.ts';
import { changesOf, withChanges } from './changes.ts';
import { writtenRules } from './written-rules.ts';

const rule = (id: string, more: object = {}) => ({ id, from: 'any', to: 'any', action: 'pass', ...more });
const flat = (...rules: object[]) => Policy.parse({ apiVersion: 'portcullis/v1', rules });

const told: readonly [string, Policy, Policy, readonly string[]][] = [
  ['nothing', flat(rule('a')), flat(rule('a')), []],
  [
    'a new rule',
    flat(rule('a')),
    flat(rule('a'), rule('b', { action: 'deny', from: 'site=lab' })),
    ["adds rule 'b': deny site=lab > any (tier security)"],
  ],
  [
    'a new rule that leaves no records',
    flat(),
    flat(rule('b', { log: false })),
    ["adds rule 'b': pass any > any, recording nothing (tier security)"],
  ],
  [
    'a rule that goes',
    flat(rule('a'), rule('b')),
    flat(rule('b')),
    ["removes rule 'a': pass any > any (tier security)"],
  ],
  [
    'fields',
    flat(rule('a')),
    flat(rule('a', { action: 'drop', expires: '2026-12-01T00:00:00Z' })),
    ["changes rule 'a': action pass → drop, expires none → 2026-12-01T00:00:00Z"],
  ],
  [
    'one rule to the front',
    flat(rule('a'), rule('b'), rule('c')),
    flat(rule('c'), rule('a'), rule('b')),
    ["moves rule 'c' to the front"],
  ],
  ['a setting', flat(), { ...flat(), default: 'deny' }, ['changes default: pass → deny']],
  [
    'another form of the same',
    flat(rule('a')),
    Policy.parse({
      apiVersion: 'portcullis/v1',
      sets: [{ name: 'main', policies: [{ name: 'main', rules: [rule('a')] }] }],
    }),
    [],
  ],
  [
    'a rule into a set',
    flat(rule('a')),
    Policy.parse({
      apiVersion: 'portcullis/v1',
      sets: [{ name: 'lab', servers: 'site=lab', policies: [{ name: 'p', rules: [rule('a')] }] }],
    }),
    ["moves rule 'a' to the front of lab: p"],
  ],
];
for (const [name, before, after, words] of told) {
  test(`told: ${name}`, () => {
    assert.deepEqual(
      changesOf(before, after).map((change) => change.words),
      words,
    );
  });
}

/** Few ids, so that two policies share most of them, here and there. */
const policies = fc
  .record({
    sections: fc.array(
      fc.record({
        set: fc.constantFrom('x', 'y', 'main'),
        list: fc.constantFrom('p', 'q', 'main'),
        owner: fc.constantFrom(undefined, 'one', 'two'),
        servers: fc.constantFrom(undefined, 'site=a'),
        ids: fc.uniqueArray(fc.integer({ min: 0, max: 7 }), { maxLength: 6 }),
      }),
      { maxLength: 4 },
    ),
    actions: fc.array(fc.constantFrom('pass', 'deny'), { minLength: 8, maxLength: 8 }),
    default: fc.constantFrom('pass', 'deny'),
    approval: fc.constantFrom('none', 'required'),
  })
  .map(({ sections, actions, ...rest }) => {
    const used = new Set<number>();
    const sets = new Map<
      string,
      { name: string; owner?: string; servers?: string; policies: Map<string, object> }
    >();
    for (const { set, list, owner, servers, ids } of sections) {
      const own = ids.filter((id) => !used.has(id));
      if (own.length === 0) continue;
      const into = sets.get(set) ?? { name: set, ...(servers ? { servers } : {}), policies: new Map() };
      if (into.policies.has(list)) continue;
      for (const id of own) used.add(id);
      const rules = own.map((id) => rule(`r${id}`, { action: actions[id] }));
      into.policies.set(list, { name: list, ...(owner ? { owner } : {}), rules });
      sets.set(set, into);
    }
    const listed = [...sets.values()].map((set) => ({ ...set, policies: [...set.policies.values()] }));
    return Policy.parse({ apiVersion: 'portcullis/v1', ...rest, sets: listed });
  });

/** What counts of a policy, whatever form it is written in. */
function meaning(policy: Policy) {
  const { default: otherwise, approval, response } = policy;
  return {
    otherwise,
    approval,
    response,
    rules: writtenRules(policy).map(({ rule: one, set, policy: list, servers, owner }) => ({
      one,
      set,
      list,
      servers: servers?.text,
      owner,
    })),
  };
}

test('all changes make the draft, none leave the base, some make just those', () => {
  fc.assert(
    fc.property(
      policies,
      policies,
      fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }),
      (base, draft, coins) => {
        const changes = changesOf(base, draft);
        assert.deepEqual(meaning(withChanges(base, draft, changes)), meaning(draft));
        assert.deepEqual(meaning(withChanges(base, draft, [])), meaning(base));
        assert.equal(new Set(changes.map(({ key }) => key)).size, changes.length);
        const some = changes.filter((_, i) => coins[i]);
        const mixed = withChanges(base, draft, some);
        const rules = (policy: Policy) => new Map(writtenRules(policy).map((one) => [one.rule.id, one.rule]));
        const [was, now, is] = [rules(base), rules(draft), rules(mixed)];
        for (const id of new Set([...was.keys(), ...now.keys()])) {
          const from = some.some(({ key }) => key === `rule/${id}`) ? now : was;
          assert.deepEqual(is.get(id), from.get(id), id);
        }
        assert.deepEqual(meaning(withChanges(mixed, draft, changesOf(mixed, draft))), meaning(draft));
        assert.doesNotThrow(() => Policy.parse(mixed));
      },
    ),
    { numRuns: 400 },
  );
});
