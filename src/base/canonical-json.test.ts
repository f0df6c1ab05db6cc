import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalJson } from './canonical-json.ts';

test('equal values have equal text whatever the order of their keys, and the text reads back as the value', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const shuffled = Object.fromEntries(Object.entries(value).reverse());
      assert.equal(canonicalJson(shuffled), canonicalJson(value));
      assert.deepEqual(JSON.parse(canonicalJson(value)), JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('what JSON can not hold is refused, not guessed', () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 1n, () => 0, Symbol('x'), undefined]) {
    assert.throws(() => canonicalJson(value), TypeError);
  }
  assert.equal(canonicalJson({ b: undefined, a: [undefined, 1] }), '{"a":[null,1]}');
});

test('what is frozen has the same text, and only what can not change is remembered', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.array(fc.string()))), (value) => {
      const text = canonicalJson(structuredClone(value));
      for (const member of Object.values(value)) Object.freeze(member);
      Object.freeze(value);
      assert.equal(canonicalJson(value), text);
      assert.equal(canonicalJson([value]), `[${text}]`);
    }),
  );
  for (const inside of [['a'], Object.freeze([{ b: 1 }]), { b: 1 }]) {
    const value = Object.freeze({ inside });
    const before = canonicalJson(value);
    if (Array.isArray(inside) && !Object.isFrozen(inside)) inside.push('c');
    else Object.assign((Array.isArray(inside) ? inside[0] : inside) as object, { c: 2 });
    assert.notEqual(canonicalJson(value), before, before);
  }
});
