import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../base/failure.ts';
import type { ShieldRule } from '../model/shield.ts';
import { catalogueCost, checkCatalogueCost, checkCost, costBudgets, ruleCosts } from './cost.ts';

const shield = (...predicates: string[]) => ({
  id: 'CVE-1-1',
  rules: predicates.map(
    (when, index): ShieldRule => ({
      id: `rule-${index}`,
      phase: 'request',
      when,
      action: 'deny',
      severity: 'major',
      message: 'No.',
    }),
  ),
});
const cheap = 'request.verb == "get"';
const dear = 'request.groups.exists(group, request.queryNames.exists(name, name == group))';

function failure(action: () => void): Failure | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    assert.ok(error instanceof Failure);
    return error;
  }
}

test('a shield over its budget is refused with the numbers and its dearest rule', () => {
  assert.equal(
    failure(() => checkCost(shield(cheap), 's.yaml')),
    undefined,
  );
  const refused = failure(() => checkCost(shield(cheap, dear), 's.yaml'));
  assert.equal(refused?.code, 'shield-too-costly');
  assert.equal(refused?.place, 's.yaml');
  assert.match(refused?.message ?? '', /[\d,]{9,} steps .* 250,000 .* rule rule-1 alone/);
});

test('rules over bodies have a budget of their own', () => {
  const over = (when: string) => {
    const one = shield(when);
    return { ...one, rules: one.rules.map((rule) => ({ ...rule, phase: 'body' as const })) };
  };
  const images = 'pods.exists(p, p.strings("spec.containers[*].image").exists(i, i.matches("^evil/")))';
  assert.equal(
    failure(() => checkCost(over(images), 's.yaml')),
    undefined,
  );
  assert.equal(catalogueCost([over(images)], 'head'), 0);
  assert.ok(catalogueCost([over(images)], 'body') > costBudgets.shield.head);
  const pairs = 'pods.exists(p, pods.exists(q, p.strings("a").exists(a, q.strings("b").exists(b, a == b))))';
  assert.match(
    failure(() => checkCost(over(pairs), 's.yaml'))?.message ?? '',
    /steps for the body .* 25,000,000 /,
  );
});

test('rules count together', () => {
  const one = shield('"a" in request.queryNames');
  const [cost] = ruleCosts(one);
  assert.ok(cost && cost.steps < costBudgets.shield.head);
  const many = shield(...Array.from({ length: 4 }, (_, n) => `"a${n}" in request.queryNames`));
  assert.equal(failure(() => checkCost(many, 's.yaml'))?.code, 'shield-too-costly');
});

test('of a catalogue those rules count that one request can meet', () => {
  const on = (resource: string) => shield(`request.resource == "${resource}" && "a" in request.queryNames`);
  const one = catalogueCost([on('pods')], 'head');
  assert.equal(catalogueCost([on('pods'), on('nodes')], 'head'), one);
  // The names of the query are read once.
  const both = catalogueCost([on('pods'), on('pods')], 'head');
  assert.ok(both > 1.1 * one && both < 1.5 * one, `${one} and ${both}`);
  const everywhere = catalogueCost([shield(cheap)], 'head');
  assert.equal(catalogueCost([on('pods'), on('nodes'), shield(cheap)], 'head'), one + everywhere);
  assert.equal(
    failure(() => checkCatalogueCost([on('pods'), on('pods')], 'shields', { head: one, body: 0 }))?.code,
    'catalogue-too-costly',
  );
  assert.equal(
    failure(() => checkCatalogueCost([on('pods'), on('nodes')], 'shields', { head: one, body: 0 })),
    undefined,
  );
});
