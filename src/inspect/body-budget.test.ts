import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBodyBudget } from './body-budget.ts';

test('one source has a quarter, all of those without a certificate half, the others what is left', () => {
  const budget = createBodyBudget();
  const one = budget.account('192.0.2.1', 400);
  const again = budget.account('192.0.2.1', 400);
  assert.equal(one.take(60), true);
  assert.equal(again.take(41), false);
  assert.equal(again.take(40), true);
  assert.equal(budget.account('192.0.2.2', 400).take(100), true);
  const third = budget.account('192.0.2.3', 400);
  assert.equal(third.take(1), false);
  const proven = budget.account(undefined, 400);
  assert.equal(proven.take(201), false);
  assert.equal(proven.take(200), true);
  assert.equal(budget.held, 400);
  one.give(60);
  assert.equal(third.take(60), true);
  again.close();
  proven.close();
  assert.equal(budget.held, 160);
});

test('an account that is closed gives back what it took, once', () => {
  const budget = createBodyBudget();
  const account = budget.account('192.0.2.1', 400);
  account.take(30);
  account.take(20);
  account.give(30);
  account.close();
  account.close();
  assert.equal(budget.held, 0);
});
