import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { applyPatch, diff, type Patch } from './patch.ts';

const list = (length: number) =>
  Array.from({ length }, (_, n) => ({ address: `10.0.0.${n}`, tags: ['a=b'] }));

describe('diff', () => {
  for (const [what, former, next, patch] of [
    ['nothing', { a: [1, 2] }, { a: [1, 2] }, undefined],
    ['undefined counts as absent', { a: 1, b: undefined }, { a: 1 }, undefined],
    ['a member', { a: 1, b: 2 }, { a: 1, b: 3 }, { members: { b: { value: 3 } } }],
    ['a member gone', { a: 1, b: 2 }, { a: 1 }, { members: { b: null } }],
    ['a member that is null', { a: 1 }, { a: null }, { members: { a: { value: null } } }],
    ['an element in the middle', [1, 2, 4], [1, 2, 3, 4], { list: [{ keep: 2 }, { add: [3] }] }],
    ['an element gone', [1, 2, 3], [1, 3], { list: [{ keep: 1 }, { drop: 1 }] }],
    ['at the end', [1], [1, 2], { list: [{ keep: 1 }, { add: [2] }] }],
    ['of another kind', [1], { a: 1 }, { value: { a: 1 } }],
    [
      'an element edited',
      [{ id: 'a' }, { id: 'b', n: 1 }],
      [{ id: 'a' }, { id: 'b', n: 2 }],
      { list: [{ keep: 1 }, { edit: { members: { n: { value: 2 } } } }] },
    ],
  ] as const) {
    test(what, () => {
      assert.deepEqual(diff(former, next), patch);
      if (patch) assert.deepEqual(applyPatch(former, patch as Patch).value, next);
    });
  }

  test('two changes far apart in a long list cost two elements', () => {
    const former = { entries: list(10_000) };
    const entries = [...former.entries];
    entries[3] = { address: '10.0.0.3', tags: ['c=d'] };
    entries.splice(9_000, 1);
    const patch = diff(former, { entries });
    assert.ok(patch && JSON.stringify(patch).length < 200, JSON.stringify(patch));
    const patched = applyPatch(former, patch).value as typeof former;
    assert.deepEqual(patched.entries, entries);
    assert.equal(patched.entries[5_000], former.entries[5_000], 'what is left alone is shared');
  });
});

describe('applyPatch', () => {
  for (const [what, former, patch] of [
    ['a list that is shorter', [1], { list: [{ keep: 2 }] }],
    ['a step of nothing', [1], { list: [{ keep: 0 }] }],
    ['a step backwards', [1, 2], { list: [{ keep: 2 }, { drop: -1 }] }],
    ['no list', { a: 1 }, { list: [{ keep: 1 }] }],
    ['no object', [1], { members: {} }],
    ['an edit past the end', [], { list: [{ edit: { value: 1 } }] }],
  ] as const) {
    test(`refuses ${what}`, () => {
      assert.throws(() => applyPatch(former, patch), RangeError);
    });
  }

  test('a name of the prototype is a member like another', () => {
    const patch = JSON.parse('{"members":{"__proto__":{"value":{"evil":true}}}}') as Patch;
    const { value } = applyPatch({}, patch);
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
    assert.equal(({} as { evil?: boolean }).evil, undefined);
    assert.deepEqual(Object.keys(value as object), ['__proto__']);
  });

  test('fresh holds what is new and one of what is not', () => {
    const former = {
      rules: [
        { id: 'a', from: ['1', '2'] },
        { id: 'b', from: ['3'] },
      ],
      names: ['x', 'y'],
    };
    const patch = diff(former, { ...former, rules: [...former.rules, { id: 'c', from: ['4', '5'] }] });
    assert.ok(patch);
    assert.deepEqual(applyPatch(former, patch).fresh, {
      rules: [{ id: 'c', from: ['4', '5'] }],
      names: ['x'],
    });
  });
});

/** Values of few shapes, so that two of them have parts in common. */
const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.integer({ min: 0, max: 3 }),
    fc.constantFrom('a', 'b', null),
    fc.array(tie('value'), { maxLength: 8 }),
    fc.dictionary(fc.constantFrom('id', 'from', 'b'), tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;

test('the difference leads from any value to any other, over the wire', () => {
  fc.assert(
    fc.property(value, value, (former, next) => {
      const patch = diff(former, next);
      if (!patch) return assert.deepEqual(former, next);
      const sent = JSON.parse(JSON.stringify(patch)) as Patch;
      const before = JSON.stringify(former);
      assert.deepEqual(applyPatch(former, sent).value, next);
      assert.equal(JSON.stringify(former), before, 'nothing is changed in place');
    }),
  );
});

test('and from a long list to one made of it by edits', () => {
  const edit = fc.record({ at: fc.nat(400), how: fc.constantFrom('drop', 'add', 'edit'), n: fc.nat(3) });
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 12 }), (edits) => {
      const former = list(400);
      const next = [...former];
      for (const { at, how, n } of edits) {
        if (how === 'drop') next.splice(at, n);
        else if (how === 'add') next.splice(at, 0, ...list(n));
        else if (at < next.length) next[at] = { address: `10.9.9.${n}`, tags: [] };
      }
      const patch = diff(former, next);
      assert.deepEqual(patch ? applyPatch(former, patch).value : former, next);
    }),
  );
});
