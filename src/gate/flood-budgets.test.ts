// Budgets of callers, over connections and over workers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Identity } from '../inspect/connection-types.ts';
import { defaultLimits } from '../model/limits.ts';
import { createFloodBudgets } from './flood-budgets.ts';

const user = (name: string): Identity => ({ method: 'certificate', user: name, groups: [] });
const nobody: Identity = { method: 'none' };
const limits = { ...defaultLimits, streamResets: 1_600, pingFrames: 160 };

test('a budget is of a user wherever it comes from, and of a source for those without a certificate', () => {
  const budgets = createFloodBudgets({ now: 0 });
  const of = (identity: Identity, address: string) => budgets.of(identity, address, limits);
  assert.equal(of(user('a'), '192.0.2.1'), of(user('a'), '192.0.2.2'));
  assert.notEqual(of(user('a'), '192.0.2.1'), of(user('b'), '192.0.2.1'));
  assert.equal(of(nobody, '2001:db8::1'), of(nobody, '2001:db8::2'));
  assert.notEqual(of(nobody, '192.0.2.1'), of(nobody, '192.0.2.2'));
  assert.notEqual(
    of(user('a'), '192.0.2.1'),
    budgets.of(user('a'), '192.0.2.1', { ...limits }),
    'new limits',
  );
});

test('what workers spend is one budget, give or take a sixteenth; refilled once, not by each', () => {
  const clock = { now: 0 };
  const workers = [0, 1, 2, 3].map(() => createFloodBudgets(clock, 4));
  const tell = () => {
    const all = workers.map((one) => one.spent());
    for (const [index, worker] of workers.entries()) {
      for (const [other, spent] of all.entries()) if (other !== index) worker.heard(spent, limits);
    }
  };
  /** Each spends until it may no more, a few at a time. */
  const spendAll = () => {
    let spent = 0;
    for (let before = -1; before < spent; ) {
      before = spent;
      for (const worker of workers) {
        const budget = worker.of(user('a'), '192.0.2.1', limits);
        for (let turn = 0; turn < 5; turn += 1) if (budget.spend('reset')) spent += 1;
      }
      tell();
    }
    return spent;
  };
  const first = spendAll();
  assert.ok(first >= 1_600 && first <= 1_700, `${first} of 1,600`);
  for (const worker of workers)
    assert.equal(worker.of(user('a'), '', limits).spend('ping'), true, 'kinds apart');
  clock.now += 10_000;
  const second = spendAll();
  assert.ok(second >= 1_500 && second <= 1_700, `${second} after ten seconds, which bring 1,600`);
  assert.equal(workers[0]?.of(user('b'), '', limits).spend('reset'), true, 'callers apart');
});
