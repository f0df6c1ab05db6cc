import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { digestOf } from './plan-digest.ts';

const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
const numbers = (length: number) => Array.from({ length }, (_, n) => n);

test('equal values have equal digests, in whatever order their members were made', () => {
  assert.equal(digestOf({ a: 1, b: [2] }), digestOf({ b: [2], a: 1, c: undefined }));
  assert.equal(digestOf({ list: numbers(1_000) }), digestOf({ list: numbers(1_000) }));
});

test('values that differ anywhere have different ones', () => {
  const value = { services: [{ id: 'x', rules: [{ id: 'r', from: numbers(600) }] }], tags: numbers(20) };
  const others = [16, 17, 256, 599].map((at) => {
    const other = copy(value);
    other.services[0]?.rules[0]?.from.splice(at, 1);
    return other;
  });
  others.push({ ...copy(value), tags: numbers(21) }, { ...copy(value), tags: numbers(16) });
  const digests = new Set([value, ...others].map((each) => digestOf(each)));
  assert.equal(digests.size, others.length + 1);
});

test('a list is told from the text of its digest', () => {
  const list = numbers(17);
  assert.notEqual(digestOf(list), digestOf(`#${digestOf(list)}`));
});

test('made from one before it, it is what it would be without', () => {
  const edit = fc.record({ at: fc.nat(700), gone: fc.nat(2), come: fc.array(fc.nat(9), { maxLength: 2 }) });
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 5 }), (edits) => {
      let former = { inner: [{ list: numbers(700) }, numbers(40)], name: 'a' };
      digestOf(former);
      for (const { at, gone, come } of edits) {
        const [first, second] = former.inner as [{ list: number[] }, number[]];
        const list = [...first.list];
        list.splice(at, gone, ...come);
        const next = { ...former, inner: [{ list }, second] };
        assert.equal(digestOf(next, former), digestOf(copy(next)));
        former = next;
      }
    }),
  );
});
