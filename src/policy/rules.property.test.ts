// Sets, order, direction, matching and expiry of rules against a dumb twin that judges one caller at one server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Failure } from '../base/failure.ts';
import { Policy, type PolicyRule, type Verdict } from '../model/policy.ts';
import { compile } from './compile.ts';
import { evaluate } from './evaluate.ts';
import { address, combinations, inventory, policies } from './testing/random-policies.ts';
import { expiryKey, writtenRules } from './written-rules.ts';

/** What the expressions above mean, in JavaScript. */
const meaning: Readonly<Record<string, (tags: readonly string[]) => boolean>> = {
  any: () => true,
  'site=a': (tags) => tags.includes('site=a'),
  'site=b': (tags) => tags.includes('site=b'),
  'label=x': (tags) => tags.includes('label=x'),
  'exists site': (tags) => tags.some((tag) => tag.startsWith('site=')),
  'label=x AND site=b': (tags) => tags.includes('label=x') && tags.includes('site=b'),
};
const means = (text: string, tags: readonly string[]) => meaning[text]?.(tags) ?? assert.fail(text);

function fits(one: PolicyRule, caller: readonly string[], server: readonly string[]): boolean {
  if ((one.service ?? 'api') !== 'api') return false;
  const forward = means(one.from, caller) && means(one.to, server);
  const back = means(one.to, caller) && means(one.from, server);
  const direction = one.direction ?? '>';
  if (!((direction !== '<' && forward) || (direction !== '>' && back))) return false;
  return (one.match ?? []).every((type) =>
    server.some((tag) => tag.startsWith(`${type}=`) && caller.includes(tag)),
  );
}

function twin(policy: Policy, now: number, caller: readonly string[], server: readonly string[]) {
  const scoped = [
    ...policy.rules,
    ...policy.sets
      .filter((set) => means(set.servers ?? 'any', server))
      .flatMap((set) => set.policies.flatMap((list) => list.rules)),
  ];
  for (const tier of ['break-glass', 'security', 'platform', 'default']) {
    for (const one of scoped) {
      if (one.tier !== tier || (one.expires && Date.parse(one.expires) <= now)) continue;
      if (fits(one, caller, server)) return { verdict: one.action as Verdict, rule: `policy/${one.id}` };
    }
  }
  return { verdict: policy.default as Verdict, rule: 'default' };
}

test('rules mean what the twin says, caller by caller and server by server', () => {
  const met = new Set<string>();
  let lockedOut = 0;
  fc.assert(
    fc.property(policies, fc.constantFrom(2025, 2026.5, 2028), (policy, year) => {
      const now = Date.parse('2026-01-01T00:00:00Z') + (year - 2026) * 365 * 86_400_000;
      const expired = new Set(
        writtenRules(policy).flatMap(({ rule: one }) =>
          one.expires && Date.parse(one.expires) <= now ? (expiryKey(one) ?? []) : [],
        ),
      );
      const input = { inventory, policy, expired, shields: [], observed: new Map(), stages: [] };
      try {
        const plans = compile({ ...input, controllers: [], probers: [] });
        combinations.forEach((server, s) => {
          const service = plans.agents.get(`h${s}`)?.services[0] ?? assert.fail();
          combinations.forEach((caller, c) => {
            const want = twin(policy, now, caller, server);
            const found = evaluate(service, address(c));
            assert.deepEqual({ verdict: found.verdict, rule: found.rule }, want);
            met.add(want.verdict);
          });
        });
      } catch (error) {
        // A break-glass rule may refuse the cluster's own hosts.
        if (!(error instanceof Failure) || error.code !== 'plan-locks-out') throw error;
        lockedOut++;
      }
    }),
    { numRuns: 150 },
  );
  assert.equal(met.size, 4);
  assert.ok(lockedOut < 75, `${lockedOut} of 150 were refused`);
});

const one = { id: 'r', from: 'any', to: 'any', action: 'pass' };
const document = { apiVersion: 'portcullis/v1' };
const at = (policy: object) =>
  compile({
    inventory,
    policy: Policy.parse({ ...document, ...policy }),
    shields: [],
    observed: new Map(),
    stages: [],
    controllers: [],
    probers: [],
  });

const refused: readonly [string, object, RegExp, string][] = [
  ['an id twice', { rules: [one, one] }, /already the id of rules\[0\]/, 'rules[1].id'],
  [
    'an id twice in two sets',
    {
      sets: ['x', 'y'].map((name) => ({ name, policies: [{ name: 'p', rules: [one] }] })),
    },
    /already the id of sets\[0\]\.policies\[0\]\.rules\[0\]/,
    'sets[1].policies[0].rules[0].id',
  ],
  ['a set twice', { sets: [{ name: 'x' }, { name: 'x' }] }, /already the name/, 'sets[1].name'],
  ['an unknown service', { rules: [{ ...one, service: 'ssh' }] }, /no service 'ssh'/, 'rules[0].service'],
  [
    'a broken expression in a set for no server',
    { sets: [{ name: 'x', servers: 'site=', policies: [{ name: 'p', rules: [one] }] }] },
    /expected a tag value/,
    'sets[0].servers, character 6',
  ],
];
for (const [name, policy, message, place] of refused) {
  test(`refused: ${name}`, () => {
    assert.throws(
      () => at(policy),
      (error) => {
        assert.ok(error instanceof Failure);
        assert.match(error.message, message);
        assert.equal(error.place, place);
        return true;
      },
    );
  });
}

test('refused by the schema: rules beside sets, and what no rule can be', () => {
  for (const policy of [
    { rules: [one], sets: [{ name: 'x' }] },
    { rules: [{ ...one, direction: '=>' }] },
    { rules: [{ ...one, match: [] }] },
    { rules: [{ ...one, match: ['Site'] }] },
    { rules: [{ ...one, sample: 1 }] },
    { rules: [{ ...one, expires: 'tomorrow' }] },
    { rules: [{ ...one, tier: 'shields' }] },
  ]) {
    assert.equal(Policy.safeParse({ ...document, ...policy }).success, false, JSON.stringify(policy));
  }
  assert.ok(Policy.safeParse({ ...document, rules: [one] }).success);
});

test('too many values to match are refused, and say how many', () => {
  const tags = Array.from({ length: 65 }, (_, i) => `label=v${i}`);
  const many = {
    ...inventory,
    servers: inventory.servers.slice(0, 1).map((server) => ({ ...server, tags })),
  };
  const policy = Policy.parse({ ...document, rules: [{ ...one, match: ['label'] }] });
  const input = { shields: [], observed: new Map(), stages: [], controllers: [], probers: [] };
  assert.throws(() => compile({ ...input, inventory: many, policy }), /has 65 values of 'label'/);
});
