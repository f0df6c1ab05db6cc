import assert from 'node:assert/strict';
import { test } from 'node:test';
import { objectsOf, podsOf } from './pods.ts';

const spec = { containers: [{ name: 'c' }] };
const meta = { labels: { app: 'web' } };
const template = { metadata: meta, spec };

const holders: readonly [string, unknown, number][] = [
  ['a pod', { kind: 'Pod', metadata: meta, spec }, 1],
  ['a pod without kind', { metadata: meta, spec }, 1],
  ['a deployment', { kind: 'Deployment', metadata: {}, spec: { replicas: 1, template } }, 1],
  ['a cron job', { kind: 'CronJob', spec: { jobTemplate: { spec: { template } } } }, 1],
  ['a pod template', { kind: 'PodTemplate', template }, 1],
  ['a job template', { kind: 'JobTemplate', template: { spec: { template } } }, 2],
  ['a list of pods', { kind: 'PodList', items: [template, template] }, 2],
  ['a list of deployments', { kind: 'List', items: [{ kind: 'Deployment', spec: { template } }] }, 1],
  ['a list without kind', { items: [{ kind: 'Deployment', spec: { template } }] }, 1],
  ['a pod without kind that has items', { items: [], spec, metadata: meta }, 1],
  ['a pod that says it is a list', { kind: 'PodList', items: null, metadata: meta, spec }, 1],
  ['a deployment without kind that has items', { items: {}, spec: { template } }, 2],
  ['in capitals', { Kind: 'Pod', Metadata: meta, SPEC: spec }, 1],
  ['the kind of another object, for a pod', { kind: 'Service', metadata: meta, spec }, 1],
];
for (const [name, value, count] of holders) {
  test(`pods of ${name}`, () => {
    const pods = podsOf(value).filter((pod) => pod.spec === spec);
    assert.deepEqual(pods[0], {
      metadata: meta,
      spec: name === 'in capitals' ? pods[0]?.spec : spec,
      ...(pods[0]?.metadata === meta ? {} : { metadata: {} }),
    });
    assert.equal(podsOf(value).length, count);
  });
}

test('ephemeral containers as a kind of their own, and as a patch of the subresource', () => {
  const ephemeralContainers = [{ name: 'debug' }];
  assert.deepEqual(podsOf({ kind: 'EphemeralContainers', ephemeralContainers }), [
    { metadata: {}, spec: { ephemeralContainers } },
  ]);
  assert.deepEqual(podsOf({ spec: { ephemeralContainers } }), [
    { metadata: {}, spec: { ephemeralContainers } },
  ]);
});

test('metadata alone, as a patch writes it, of a pod and of a template', () => {
  for (const value of [
    { metadata: meta },
    { kind: 'Pod', metadata: meta },
    { kind: 'Binding', metadata: meta, target: { kind: 'Node', name: 'node-1' } },
    { metadata: meta, spec: null },
    { spec: { template: { metadata: meta } } },
    { spec: { jobTemplate: { spec: { template: { metadata: meta } } } } },
  ]) {
    assert.deepEqual(
      podsOf(value).filter(({ metadata }) => metadata === meta),
      [{ metadata: meta, spec: {} }],
      JSON.stringify(value),
    );
  }
  assert.deepEqual(podsOf({ kind: 'Service', metadata: meta }), []);
});

test('a service that has items, which mean nothing to the server, is still an object', () => {
  for (const items of [[], {}, null, 'x', 3, [{ kind: 'Pod' }]]) {
    const service = { items, spec: { externalIPs: ['192.0.2.1'] } };
    assert.equal(objectsOf(service)[0], service);
  }
});

test('a patch of a pod may say any kind', () => {
  const patch = { kind: 'Foo', metadata: meta };
  assert.deepEqual(podsOf(patch), []);
  assert.deepEqual(podsOf(patch, false), [{ metadata: meta, spec: {} }]);
});

test('what holds no pod', () => {
  for (const value of [
    null,
    'x',
    3,
    [],
    {},
    { kind: 'Service', spec: { ports: [] } },
    { spec: null },
    { spec: [] },
    { kind: 'Pod' },
  ]) {
    assert.deepEqual(podsOf(value), []);
  }
});

test('objects of a list, of lists, and of none', () => {
  const a = { kind: 'Pod' };
  assert.deepEqual(objectsOf(a), [a]);
  const inner = { kind: 'PodList', items: [a] };
  const list = { kind: 'List', items: [a, inner, null, 'x'] };
  assert.deepEqual(objectsOf(list), [list, a, inner, a]);
  assert.deepEqual(objectsOf({ kind: 'Thing', items: [a] }), [{ kind: 'Thing', items: [a] }]);
  assert.deepEqual(objectsOf([a]), []);
});
