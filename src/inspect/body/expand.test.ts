import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExpansionTooLong, expanded } from './expand.ts';
import type { JsonObject } from './types.ts';

const pod = (container: JsonObject, metadata: JsonObject = {}, spec: JsonObject = {}) =>
  expanded(metadata, { ...spec, containers: [container] }, { left: 1_000 });
const env = [
  { name: 'A', value: 'a' },
  { name: 'B', value: '$(A)b' },
];

const texts: readonly (readonly [text: string, comesTo: string])[] = [
  ['plain', 'plain'],
  ['$(A)/x', 'a/x'],
  ['$(B)$(B)', 'abab'],
  ['$$(A)', '$(A)'],
  ['$$$(A)', '$a'],
  ['$A $ $', '$A $ $'],
  ['$(A', '$(A'],
  ['$(NONE)', '$(NONE)'],
  ['$()', '$()'],
  ['$($(A))', '$($(A))'],
];
for (const [text, comesTo] of texts) {
  test(`${text} comes to ${comesTo}`, () => {
    const mount = { subPathExpr: text };
    const { words, subPaths } = pod({ env, command: [`/${text}`], args: [text], volumeMounts: [mount] });
    assert.deepEqual([words, subPaths], [[`/${comesTo}`, comesTo], [comesTo]]);
  });
}

test('only subPathExpr has variables, not subPath', () => {
  assert.deepEqual(pod({ env, volumeMounts: [{ subPath: '$(A)' }] }).subPaths, ['$(A)']);
});

test('a variable knows those before it, and the last of a name counts', () => {
  const twice = [
    { name: 'B', value: '$(A)' },
    { name: 'A', value: 'a' },
    { name: 'A', value: '$(A)c' },
  ];
  assert.deepEqual(pod({ env: twice, args: ['/$(A)$(B)'] }), {
    words: ['/ac$(A)'],
    variables: ['$(A)', 'a', 'ac'],
    subPaths: [],
  });
});

const sources: readonly (readonly [name: string, valueFrom: JsonObject, comesTo: string])[] = [
  ['the name', { fieldRef: { fieldPath: 'metadata.name' } }, '8'],
  ['a label', { fieldRef: { fieldPath: "metadata.labels['a.b/c']" } }, 'l'],
  ['an annotation', { fieldRef: { fieldPath: "metadata.annotations['x']" } }, '$(calc)'],
  ['an annotation that is elsewhere', { fieldRef: { fieldPath: "metadata.annotations['y']" } }, '$(V)'],
  ['the service account', { fieldRef: { fieldPath: 'spec.serviceAccountName' } }, 'robot'],
  ['the address of the node', { fieldRef: { fieldPath: 'status.hostIP' } }, ''],
  ['a number', { resourceFieldRef: { resource: 'limits.cpu' } }, '0'],
  ['a config map', { configMapKeyRef: { name: 'c', key: 'k' } }, '$(V)'],
  ['a secret', { secretKeyRef: { name: 'c', key: 'k' } }, '$(V)'],
];
for (const [name, valueFrom, comesTo] of sources) {
  test(`a variable from ${name}`, () => {
    const metadata = { name: '8', labels: { 'a.b/c': 'l' }, annotations: { x: '$(calc)' } };
    const container = { env: [{ name: 'V', valueFrom }], args: ['/$(V)'] };
    assert.deepEqual(pod(container, metadata, { serviceAccountName: 'robot' }).words, [`/${comesTo}`]);
  });
}

test('a program that is named from the working folder', () => {
  const words = (container: JsonObject) => pod(container).words;
  assert.deepEqual(words({ command: ['fd/8/sh', 'a/b'], workingDir: '/proc/self' }), [
    'fd/8/sh',
    'a/b',
    '/proc/self/fd/8/sh',
  ]);
  assert.deepEqual(words({ args: ['../sh'] }), ['../sh', '/../sh']);
  assert.deepEqual(words({ command: ['sh'], args: ['a/b'] }), ['sh', 'a/b']);
});

test('every list of containers, probes and hooks', () => {
  const spec = {
    initContainers: [{ command: ['1'] }],
    ephemeralContainers: [{ args: ['2'] }],
    containers: [
      {
        env,
        livenessProbe: { exec: { command: ['$(A)'] } },
        readinessProbe: { exec: { command: ['4'] } },
        startupProbe: { exec: { command: ['5'] } },
        lifecycle: { preStop: { exec: { command: ['6'] } }, postStart: { exec: { command: ['7'] } } },
      },
    ],
  };
  assert.deepEqual([...expanded({}, spec, { left: 100 }).words].sort(), ['1', '2', '4', '5', '6', '7', 'a']);
});

test('values of any type stand nowhere, and a sketch of a list may be an object', () => {
  for (const value of [null, 3, 'x', [], {}, [[]], [null]]) {
    assert.deepEqual(pod({ env: value, volumeMounts: value, lifecycle: value }).words, []);
    assert.deepEqual(expanded({}, { containers: value } as never, { left: 1 }).words, []);
  }
  assert.deepEqual(pod({ command: { 3: '/x' } }).words, ['/x']);
});

test('what doubles again and again is refused', () => {
  const doubling = Array.from({ length: 40 }, (_, at) => ({
    name: `V${at}`,
    value: at === 0 ? 'xx' : `$(V${at - 1})$(V${at - 1})`,
  }));
  assert.throws(() => expanded({}, { containers: [{ env: doubling }] }, { left: 1_000 }), ExpansionTooLong);
  const args = Array.from({ length: 20 }, () => '$(A)');
  const spec = { containers: [{ env: [{ name: 'A', value: 'x'.repeat(100) }], args }] };
  assert.throws(() => expanded({}, spec, { left: 1_000 }), ExpansionTooLong);
  assert.equal(expanded({}, spec, { left: 2_000 }).words.length, 20);
});
