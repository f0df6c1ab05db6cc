import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compilePath, PathError } from './path.ts';

const pod = {
  metadata: { annotations: { 'a.b/c': '1', x: '2', X: '3' }, labels: {} },
  spec: {
    volumes: [{ name: 'a', gitRepo: { repository: 'r' } }, { name: 'b', gitRepo: null }, 'odd', null],
    rules: { 0: { host: 'h0' }, 1: { host: 'h1' } },
    empty: '',
    no: false,
  },
};
const found: readonly [string, unknown[]][] = [
  ['spec.volumes[*].gitRepo', [{ repository: 'r' }]],
  ['spec.volumes[*].gitRepo.repository', ['r']],
  ['spec.volumes.*.name', ['a', 'b']],
  ['spec.volumes[1].name', ['b']],
  ['spec.volumes[9].name', []],
  ['spec.volumes[*].name.x', []],
  ['spec.volumes.name', []],
  ['spec.empty', ['']],
  ['spec.no', [false]],
  ["metadata.annotations['a.b/c']", ['1']],
  ['metadata.annotations["a.b/c"]', ['1']],
  ["metadata.annotations['a.b/'*]", ['1']],
  ["metadata.annotations['a.b/'*].x", []],
  ["metadata.annotations[''*]", ['1', '2', '3']],
  ["metadata.annotations['b'*]", []],
  ["spec.volumes['a'*]", []],
  ['metadata.annotations.x', ['2']],
  ['metadata.annotations.*', ['1', '2', '3']],
  ['metadata.annotations.keys()', ['a.b/c', 'x', 'X']],
  ['spec.volumes.keys()', []],
  ['metadata.labels.*', []],
  ['metadata.nothing', []],
  // What a sketch of a patch could not tell from a list, and other letter case, as old servers read.
  ['spec.rules[*].host', ['h0', 'h1']],
  ['SPEC.Volumes[0].NAME', ['a']],
  ["['SPEC']", []],
  ['spec.toString', []],
  ['spec.__proto__', []],
  ['constructor', []],
];
for (const [path, expected] of found) {
  test(`path ${path}`, () => assert.deepEqual(compilePath(path)(pod), expected));
}

test('a field in any letter case is found, a key of a map only as written', () => {
  assert.deepEqual(compilePath('spec.volumes')({ Spec: { VOLUMES: 1 } }), [1]);
  assert.deepEqual(compilePath('metadata.labels.app')({ metadata: { labels: { App: 1 } } }), []);
});

for (const path of [
  '',
  '.a',
  'a.',
  'a..b',
  'a[',
  "a['x",
  'a[-1]',
  '[*',
  'a b',
  'a.keys().b',
  "a['\\']",
  'ab[*]c',
  'a.[0]',
]) {
  test(`no path: ${path || 'nothing'}`, () => assert.throws(() => compilePath(path), PathError));
}

test('no value makes a path throw', () => {
  const path = fc.constantFrom('a.b[*].c', "a['b'].*", 'a.b.keys()', '[0].a', '*.*.*');
  fc.assert(fc.property(path, fc.anything(), (text, value) => Array.isArray(compilePath(text)(value))));
});
