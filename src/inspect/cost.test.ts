import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { attributeTable } from './attributes.ts';
import { predicateCost } from './cost.ts';
import { regexCost } from './linear-regex.ts';

/** Predicate, and bounds of its steps: of the right size, not exact to the last. */
const costs: readonly [string, number, number][] = [
  ['request.verb == "get"', 1, 200],
  ['request.verb in ["get", "list"]', 1, 200],
  ['response.status >= 300', 1, 50],
  ['request.groups.exists(group, group == "a")', 20_000, 100_000],
  ['"a" in request.queryNames', 50_000, 100_000],
  ['request.queryNames.exists(name, name == "a")', 150_000, 250_000],
  // Values of fields hold 64 KiB together, however many there are.
  ['request.headers["x"].exists(value, value.matches("a"))', 6_000, 20_000],
  ['request.path.matches("^/api")', 5_000, 15_000],
  ['request.path.matches("(a|b)*a(a|b){14}c")', 100_000, 1_000_000],
  ['request.headers.exists(name, request.headers[name].exists(value, value == "a"))', 1_000, 2_000_000],
  ['pods.exists(p, p.values("spec.hostPID").exists(v, v == true))', 5_000, 100_000],
  ['pods.exists(p, p.values("spec.containers[*].image").exists(v, v == true))', 1e6, 5e6],
  ['pods.exists(p, p.values("spec").exists(s, s.values("a[*]").exists(v, v == true)))', 1e6, 5e6],
  ['object.strings("metadata.annotations.*").exists(v, v.matches("x$"))', 1e6, 5e6],
  ['patch.operations.exists(o, o.path.startsWith("/spec/"))', 30_000, 200_000],
  // Lists that have nothing in common: one inside the other is their product.
  ['request.groups.exists(group, request.queryNames.exists(name, name == group))', 1e8, 1e12],
  ['request.queryNames.map(name, request.queryNames.map(other, name + other)).size() > 0', 1e9, 1e15],
  ['cel.bind(a, request.path + request.path, cel.bind(b, a + a, size(b + b) > 9))', 10_000, 1e6],
];
for (const [predicate, least, most] of costs) {
  test(`${predicate}: ${least} to ${most}`, () => {
    const cost = predicateCost(predicate);
    assert.ok(cost >= least && cost <= most, String(cost));
  });
}

for (const { name, type } of attributeTable) {
  test(`${name} has a bound`, () => {
    const cost = predicateCost(type === 'bool' ? name : `${name} == ${name}`);
    assert.ok(cost > 0 && cost < 1e7, String(cost));
  });
}

test('a part never costs more than the whole', () => {
  const leaf = fc.constantFrom(...costs.map(([predicate]) => `(${predicate})`));
  fc.assert(
    fc.property(leaf, leaf, fc.constantFrom('&&', '||'), (left, right, operator) => {
      const whole = predicateCost(`${left} ${operator} ${right}`);
      assert.ok(whole >= predicateCost(left) && whole >= predicateCost(right));
    }),
  );
});

const patterns: readonly [string, boolean][] = [
  ['^/api/(a|b)', true],
  ['(?i)^/(exec|run|attach|portforward)(/|$)', true],
  ['(a|b)*a(a|b){6}c', true],
  ['(a|b)*a(a|b){14}c', false],
  ['[ab]*a[ab]{100}c', false],
];
for (const [pattern, settles] of patterns) {
  test(`${pattern} settles: ${settles}`, () => assert.equal(regexCost(pattern).settles, settles));
}
