import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sha256 } from '../log/chain.ts';
import type { Plan } from '../model/plan.ts';
import { PlanAnswer } from '../model/plan-change.ts';
import { createHeldPlan } from '../platform/held-plan.ts';
import type { AgentPlanBody } from '../policy/compile.ts';
import { createPlanShelf, type NewPlan, type PlanShelf } from './plan-shelf.ts';
import { entryData, type PlanState } from './state.ts';

const address = (n: number) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
const entries = Array.from({ length: 2_000 }, (_, n) => ({
  address: address(n),
  name: 'a',
  tags: ['site=a'],
}));

/** Large, so that the log keeps changes; `edits` moves addresses to another site. */
function bodyOf(edits: readonly number[], length = entries.length): AgentPlanBody {
  const addressTags = entries.slice(0, length);
  for (const at of edits)
    if (at < length) addressTags[at] = { address: address(at), name: 'a', tags: ['site=b'] };
  return { kind: 'agent', target: 'cp-1', services: [], keepOpen: [], addressTags };
}

/** A log of plans, as far as the shelf needs one. */
function createLog() {
  const documents = new Map<string, string>();
  const states: PlanState[] = [];
  return {
    documents,
    states,
    put(shelf: PlanShelf, plan: NewPlan) {
      documents.set(sha256(plan.text), plan.text);
      states.push({ ...entryData.plan.parse(plan.entry.data), target: plan.entry.subject });
      for (const hash of shelf.put([plan])) documents.delete(hash);
    },
    replay(): PlanShelf {
      const shelf = createPlanShelf();
      for (const state of states) shelf.replayed(state);
      const last = states.at(-1);
      shelf.restore(new Map(last ? [['agent:cp-1', last]] : []), (hash) => documents.get(hash));
      return shelf;
    },
  };
}

const decided = (shelf: PlanShelf, body: AgentPlanBody): NewPlan =>
  shelf.next(body, 0) ?? assert.fail('no plan');
const current = (shelf: PlanShelf) => shelf.get('agent:cp-1') ?? assert.fail('no plan');

test('whatever follows whatever: a worker that has an earlier plan gets the present one, and so does a restart', () => {
  const step = fc.record({
    edits: fc.array(fc.nat(1_999), { maxLength: 3 }),
    length: fc.integer({ min: 1_500, max: 2_000 }),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), fc.nat(), (steps, lag) => {
      let shelf = createPlanShelf();
      const log = createLog();
      const held = createHeldPlan();
      for (const [at, { edits, length }] of steps.entries()) {
        const plan = shelf.next(bodyOf(edits, length), at);
        if (plan) log.put(shelf, plan);
        const whole = JSON.parse(current(shelf).text()) as Plan;
        assert.deepEqual(current(shelf).plan, whole);
        if (lag % (at + 2) === 0) {
          const have = held.digest();
          const text = (have && current(shelf).changeFrom(have)) ?? current(shelf).text();
          assert.deepEqual(held.take(PlanAnswer.parse(JSON.parse(text))), whole);
        }
        const again = log.replay();
        assert.equal(current(again).text(), current(shelf).text());
        assert.equal(again.next(bodyOf(edits, length), at), undefined, 'the same body is no new plan');
        if (lag % 3 === 0) shelf = again;
      }
    }),
    { numRuns: 8 },
  );
});

test('the log keeps a large plan whole once and then its changes; superseded ones go', () => {
  const shelf = createPlanShelf();
  const log = createLog();
  log.put(shelf, decided(shelf, bodyOf([])));
  const whole = [...log.documents.values()].join('').length;
  for (let n = 0; n < 250; n += 1) log.put(shelf, decided(shelf, bodyOf([n])));
  const lengths = [...log.documents.values()].map((text) => text.length);
  assert.ok(lengths.length <= 105, `${lengths.length} documents`);
  assert.equal(lengths.filter((length) => length > whole / 2).length, 1);
  assert.equal(current(log.replay()).generation, 251);
});

test('a small plan is kept whole each time, four of them', () => {
  const shelf = createPlanShelf();
  const log = createLog();
  for (let n = 1; n <= 10; n += 1) log.put(shelf, decided(shelf, bodyOf([], n)));
  assert.equal(log.documents.size, 4);
  const again = log.replay();
  for (let n = 11; n <= 20; n += 1) log.put(again, decided(again, bodyOf([], n)));
  assert.equal(log.documents.size, 4);
});

test('who is too far behind gets the whole', () => {
  const shelf = createPlanShelf();
  const log = createLog();
  const held = createHeldPlan();
  log.put(shelf, decided(shelf, bodyOf([])));
  held.take(current(shelf).plan);
  const have = held.digest() ?? '';
  assert.notEqual(current(shelf).changeFrom(have), undefined, 'what it has is what there is');
  for (let n = 0; n < 16; n += 1) log.put(shelf, decided(shelf, bodyOf([n])));
  assert.notEqual(current(shelf).changeFrom(have), undefined);
  log.put(shelf, decided(shelf, bodyOf([17])));
  assert.equal(current(shelf).changeFrom(have), undefined);
});

test('documents that are not what was logged are not put in force', () => {
  const shelf = createPlanShelf();
  const log = createLog();
  for (const edits of [[], [1], [2]]) log.put(shelf, decided(shelf, bodyOf(edits)));
  const [whole = '', , last = ''] = [...log.documents.keys()];
  const text = log.documents.get(last) ?? '';
  log.documents.set(last, text.replace('site=b', 'site=c'));
  assert.throws(() => log.replay(), { code: 'bad-log' });
  log.documents.set(last, text);
  log.documents.delete(whole);
  assert.throws(() => log.replay(), { code: 'bad-log' });
});
