import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sketchPatch } from './patch-sketch.ts';
import { BodyError, type BodyProblem } from './problems.ts';
import { defaultBodyLimits, type JsonValue } from './types.ts';

type Op = { op: string; path: string; from?: string; value?: JsonValue };

const limits = { ...defaultBodyLimits, maxPatchOperations: 50, maxDepth: 10, maxValues: 1000 };
const sketch = (...ops: Op[]) => sketchPatch(ops as unknown as JsonValue, limits);
const add = (path: string, value: JsonValue): Op => ({ op: 'add', path, value });

const sketches: readonly [string, Op[], JsonValue][] = [
  ['nothing', [], {}],
  ['a field', [add('/spec/replicas', 2)], { spec: { replicas: 2 } }],
  ['the root', [add('', { spec: {} })], { spec: {} }],
  [
    'a replaced parent',
    [{ op: 'replace', path: '/spec', value: { volumes: [{ gitRepo: {} }] } }],
    { spec: { volumes: [{ gitRepo: {} }] } },
  ],
  [
    'into a replaced parent',
    [add('/spec', { a: [{ b: 1 }] }), add('/spec/a/0/c', 2)],
    { spec: { a: [{ b: 1, c: 2 }] } },
  ],
  ['an appended item', [add('/spec/volumes/-', { name: 'a' })], { spec: { volumes: [{ name: 'a' }] } }],
  ['a field of an item', [add('/spec/volumes/3/gitRepo', {})], { spec: { volumes: [{ gitRepo: {} }] } }],
  [
    'two fields of one item',
    [add('/a/3/x', 1), add('/a/3/y', 2), add('/a/4/x', 3)],
    { a: [{ x: 1, y: 2 }, { x: 3 }] },
  ],
  [
    'items inserted before',
    [add('/a/0', { x: 1 }), add('/a/0', { x: 2 }), add('/a/1/y', 3)],
    { a: [{ x: 2 }, { x: 1, y: 3 }] },
  ],
  [
    'an item removed before',
    [add('/a', [{ x: 1 }, { x: 2 }]), { op: 'remove', path: '/a/0' }, add('/a/0/y', 3)],
    { a: [{ x: 2, y: 3 }] },
  ],
  [
    'an index from the end: what others wrote stays',
    [add('/a/1', { x: 'evil' }), add('/a/-3', 1), { op: 'remove', path: '/a/1' }, add('/a/1/x', 'ok')],
    { a: [{ x: 'ok' }, { x: 'evil' }, 1] },
  ],
  [
    'a removed item of a list that is not known whole stays',
    [add('/a/1', 'evil'), { op: 'remove', path: '/a/1' }],
    { a: ['evil'] },
  ],
  [
    'an escaped key',
    [add('/metadata/annotations/a~1b~0c', 'v')],
    { metadata: { annotations: { 'a/b~c': 'v' } } },
  ],
  ['a numeric key of a map', [add('/metadata/labels/0', 'v')], { metadata: { labels: { 0: 'v' } } }],
  ['a map that looked like a list', [add('/x/0', 1), add('/x/y', 2)], { x: { 0: 1, y: 2 } }],
  ['__proto__', [add('/__proto__/x', 1)], JSON.parse('{"__proto__":{"x":1}}')],
  ['a test', [{ op: 'test', path: '/spec', value: 1 }], {}],
  ['a copy of what is not known', [{ op: 'copy', from: '/a', path: '/b/c' }], { b: { c: {} } }],
  [
    'a copy of what was written',
    [add('/a', { x: [1] }), { op: 'copy', from: '/a/x', path: '/b' }, add('/b/-', 2)],
    { a: { x: [1] }, b: [1, 2] },
  ],
  ['a move', [add('/a', 1), { op: 'move', from: '/a', path: '/b' }], { b: 1 }],
  ['a value over a value', [add('/a', 1), add('/a/b', 2)], { a: { b: 2 } }],
  ['an add without value', [{ op: 'add', path: '/a' }], { a: null }],
  [
    'a copy of what was appended to a list that is known whole',
    [add('/x', ['a']), add('/x/-', 'b'), { op: 'copy', from: '/x/1', path: '/spec/y' }],
    { x: ['a', 'b'], spec: { y: 'b' } },
  ],
];
for (const [name, ops, expected] of sketches) {
  test(`sketch: ${name}`, () => {
    const made = sketch(...ops);
    assert.deepEqual(made.value, expected);
    assert.equal(
      made.copies,
      ops.some(({ op }) => op === 'copy' || op === 'move'),
    );
    assert.equal(made.operations.length, ops.length);
  });
}

test('operations are left as they were written', () => {
  const value = { a: 1 };
  const made = sketch(add('/spec', value), add('/spec/b', 2));
  assert.deepEqual(made.operations[0], { op: 'add', path: '/spec', value: { a: 1 } });
});

const refused: readonly [string, JsonValue, BodyProblem][] = [
  ['an object', {}, 'body-syntax'],
  ['an operation that is none', ['x'], 'body-syntax'],
  ['an unknown operation', [{ op: 'Add', path: '/a', value: 1 }], 'body-syntax'],
  ['no path', [{ op: 'add', value: 1 }], 'body-syntax'],
  ['no from', [{ op: 'copy', path: '/a' }], 'body-syntax'],
  [
    'a copy counted from the end',
    [add('/x', ['a']), { op: 'copy', from: '/x/-1', path: '/a' }],
    'body-ambiguous',
  ],
  [
    'a move of what was appended to a list that the server alone knows',
    [add('/x/-', ['a']), { op: 'move', from: '/x/3', path: '/a' }],
    'body-ambiguous',
  ],
  ['text before the slash', [{ op: 'add', path: 'x/spec', value: 1 }], 'body-ambiguous'],
  ['a wrong escape', [{ op: 'add', path: '/a~2', value: 1 }], 'body-ambiguous'],
  ['a wrong escape at the end', [{ op: 'copy', path: '/a', from: '/b~' }], 'body-ambiguous'],
  ['a root that is no object', [{ op: 'add', path: '', value: [] }], 'body-syntax'],
  ['a path too deep', [{ op: 'remove', path: '/a'.repeat(11) }], 'body-too-deep'],
  ['a path of a million steps', [{ op: 'add', path: '/'.repeat(1e6), value: 1 }], 'body-too-deep'],
  ['too many operations', Array(51).fill({ op: 'remove', path: '/a' }), 'body-too-large-decoded'],
  [
    'copies that double',
    [
      { op: 'add', path: '/a', value: {} },
      ...Array.from({ length: 49 }, (_, i) => ({
        op: 'copy',
        from: '/a',
        path: `/a/${String.fromCharCode(97 + i)}`,
      })),
    ],
    'body-too-large-decoded',
  ],
];
for (const [name, body, code] of refused) {
  test(`sketch refused: ${name}`, () => {
    assert.throws(
      () => sketchPatch(body, limits),
      (error) => error instanceof BodyError && error.code === code,
    );
  });
}

test('insertions at the front of a long list end', () => {
  const ops = [add('/a', Array(100_000).fill(0)), ...Array.from({ length: 9_000 }, () => add('/a/0', 1))];
  assert.throws(() => sketchPatch(ops as unknown as JsonValue, defaultBodyLimits), BodyError);
});

type Holder = { [name: string]: JsonValue };

/** The dumb twin: applies the operation to a whole document, as RFC 6902 says. False if it does not apply. */
function apply(holder: { root: JsonValue }, op: Op): boolean {
  const tokens = (path: string) => path.split('/').slice(1);
  const parent = (path: string): [Holder, string] | undefined => {
    let at = holder.root as Holder;
    const list = tokens(path);
    for (const token of list.slice(0, -1)) {
      if (typeof at !== 'object' || at === null || !Object.hasOwn(at, token)) return undefined;
      at = at[token] as Holder;
    }
    return typeof at === 'object' && at !== null ? [at, list.at(-1) as string] : undefined;
  };
  const put = (path: string, value: JsonValue, inserts: boolean): boolean => {
    const place = parent(path);
    if (!place) return false;
    const [at, token] = place;
    const items: unknown = at;
    if (!Array.isArray(items)) {
      if (!inserts && !Object.hasOwn(at, token)) return false;
      at[token] = value;
      return true;
    }
    const index = token === '-' ? items.length : /^\d+$/.test(token) ? Number(token) : Number.NaN;
    if (!(index <= (inserts ? items.length : items.length - 1))) return false;
    items.splice(index, inserts ? 0 : 1, value);
    return true;
  };
  const take = (path: string, removes: boolean): JsonValue | undefined => {
    const place = parent(path);
    if (!place || !Object.hasOwn(place[0], place[1]) || place[1] === 'length') return undefined;
    const value = structuredClone(place[0][place[1]]);
    if (removes && Array.isArray(place[0])) place[0].splice(Number(place[1]), 1);
    else if (removes) delete place[0][place[1]];
    return value;
  };
  if (op.op === 'add' || op.op === 'replace')
    return put(op.path, structuredClone(op.value ?? null), op.op === 'add');
  if (op.op === 'remove') return take(op.path, true) !== undefined;
  const value = take(op.from ?? '', op.op === 'move');
  return value !== undefined && put(op.path, value, true);
}

/** Each scalar with its path, list positions and keys like them left out: what a path-based rule sees (`[*]` is of both). */
function leaves(value: JsonValue, path = '', out = new Map<string, number>()): Map<string, number> {
  if (typeof value !== 'object' || value === null) {
    const key = `${path}=${String(value)}`;
    out.set(key, (out.get(key) ?? 0) + 1);
  } else {
    for (const [key, inner] of Object.entries(value))
      leaves(
        inner as JsonValue,
        `${path}/${Array.isArray(value) || /^(-.*|\d+)$/.test(key) ? '*' : key}`,
        out,
      );
  }
  return out;
}

test('sketch: every value that the applied document gained stands in the sketch, at its path', () => {
  const base = {
    spec: {
      list: [
        { a: 'base', b: 'base' },
        { a: 'base', b: 'base' },
      ],
      a: 'base',
    },
    labels: { 0: 'base', x: 'base' },
  };
  const path = fc.constantFrom(
    '/spec',
    '/spec/list',
    '/spec/list/0',
    '/spec/list/1',
    '/spec/list/-',
    '/spec/list/0/a',
    '/spec/list/1/b',
    '/spec/list/2/b',
    '/spec/a',
    '/labels',
    '/labels/0',
    '/labels/x',
    '/labels/y',
    '/spec/list/0/a/0',
  );
  const value = fc.constantFrom<JsonValue>(
    'new1',
    'new2',
    { a: 'new3' },
    { list: [{ a: 'new4' }], a: 'new5' },
    [{ a: 'new6' }, { b: 'new7' }],
    [],
  );
  const op = fc.oneof(
    { weight: 20, arbitrary: fc.record({ op: fc.constantFrom('add', 'replace'), path, value }) },
    fc.record({ op: fc.constant('remove'), path }),
    { weight: 5, arbitrary: fc.record({ op: fc.constantFrom('copy', 'move'), path, from: path }) },
  );
  let applied = 0;
  fc.assert(
    fc.property(fc.array(op, { maxLength: 12 }), (tried) => {
      const holder: { root: JsonValue } = { root: structuredClone(base) };
      const ops = tried.filter((one) => {
        // The server refuses the whole patch if one operation does not apply.
        const before = structuredClone(holder.root);
        if (!(one.op === 'move' && one.path.startsWith(`${(one as Op).from}/`)) && apply(holder, one as Op)) {
          // Of Kubernetes' types none has a list where others have a map of the caller's keys.
          if (!Array.isArray((holder.root as { labels?: JsonValue } | null)?.labels)) return true;
        }
        holder.root = before;
        return false;
      });
      let made: JsonValue;
      try {
        made = sketch(...(ops as Op[])).value;
      } catch (error) {
        assert.ok(error instanceof BodyError && error.code === 'body-ambiguous');
        return;
      }
      applied += ops.length;
      const seen = leaves(made);
      for (const leaf of leaves(holder.root).keys()) {
        if (!leaf.endsWith('=base'))
          assert.ok(seen.has(leaf), `${leaf} is missing in ${JSON.stringify([...seen])}`);
      }
    }),
    { numRuns: 4000 },
  );
  assert.ok(applied > 4000);
});
