import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diff } from '../base/patch.ts';
import type { AgentPlan } from '../model/plan.ts';
import { PlanChange } from '../model/plan-change.ts';
import { digestOf } from '../model/plan-digest.ts';
import { createHeldPlan } from './held-plan.ts';

const address = (n: number) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;

function planOf(generation: number, from: readonly string[]): AgentPlan {
  return {
    kind: 'agent',
    target: 'cp-1',
    generation,
    issuedAt: '2024-01-01T00:00:00.000Z',
    services: [
      {
        id: 'api',
        server: 'api-1',
        stage: 'observe',
        endpoints: [{ address: '10.0.0.1', port: 6443 }],
        rules: [{ id: 'r', tier: 'security', from: [...from], because: 'any', verdict: 'deny', log: true }],
        default: 'pass',
      },
    ],
    keepOpen: [],
    addressTags: from.map((each) => ({ address: each, name: 'a', tags: ['site=a'] })),
  };
}

const body = ({ generation: _, issuedAt: __, ...rest }: AgentPlan) => rest;

/** As the controller sends it. */
function change(former: AgentPlan, next: AgentPlan, more: Partial<PlanChange> = {}): PlanChange {
  const { generation, issuedAt } = next;
  const patch = diff(body(former), body(next)) ?? { members: {} };
  const said = { from: digestOf(body(former)), digest: digestOf(body(next)), generation, issuedAt, patch };
  return PlanChange.parse(JSON.parse(JSON.stringify({ kind: 'change', ...said, ...more })));
}

const many = Array.from({ length: 1_000 }, (_, n) => address(n));
const former = planOf(1, many);
const next = planOf(2, many.toSpliced(500, 1, '10.9.9.9'));

test('a change comes to the plan, and shares with the one before what it leaves alone', () => {
  const held = createHeldPlan();
  assert.equal(held.digest(), undefined);
  assert.equal(held.take(former), former);
  const sent = change(former, next);
  assert.ok(JSON.stringify(sent).length < 1_000);
  const taken = held.take(sent);
  assert.deepEqual(taken, next);
  assert.equal(taken?.addressTags[9], former.addressTags[9]);
  assert.equal(held.digest(), digestOf(body(next)));
  const same = held.take(change(next, { ...next, generation: 3 }));
  assert.deepEqual(same, { ...next, generation: 3 });
});

for (const [what, sent] of [
  ['of a plan that is not held', change(next, former)],
  ['that comes to something else', change(former, next, { digest: digestOf('something else') })],
  [
    'that goes past the end',
    change(former, next, { patch: { members: { addressTags: { list: [{ keep: 1_001 }] } } } }),
  ],
  ['that brings what no plan holds', change(former, planOf(2, [...many, 'not an address']))],
  [
    'that empties what must not be empty',
    change(former, { ...next, services: [{ ...next.services[0], endpoints: [] }] } as unknown as AgentPlan),
  ],
  ['that adds a member that no plan has', change(former, { ...next, evil: true } as unknown as AgentPlan)],
  ['that takes away what it must have', change(former, next, { patch: { members: { keepOpen: null } } })],
] as const) {
  test(`a change ${what} is not taken, and nothing is held after it`, () => {
    const held = createHeldPlan();
    held.take(former);
    assert.equal(held.take(sent), undefined);
    assert.equal(held.digest(), undefined);
    assert.equal(held.take(change(former, next)), undefined, 'nothing is held');
    assert.deepEqual(held.take(next), next, 'the whole is taken');
  });
}
