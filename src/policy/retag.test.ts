import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Inventory } from '../model/inventory.ts';
import { retag, withTags } from './retag.ts';

const inventory = Inventory.parse({
  apiVersion: 'portcullis/v1',
  clusters: [{ name: 'lab' }],
  hosts: [
    {
      name: 'cp',
      cluster: 'lab',
      addresses: ['10.0.0.1'],
      tags: ['tier=control-plane', 'label=a', 'label=b'],
    },
  ],
  servers: [{ name: 'lab/api', cluster: 'lab', host: 'cp', address: '10.0.0.1' }],
  groups: [{ name: 'office', addresses: ['192.0.2.0/24'] }],
});

describe('retag', () => {
  const before = ['tier=control-plane', 'label=a', 'label=b'];
  for (const [what, set, remove, after, added, removed] of [
    ['sets a new type', ['team=x'], [], [...before, 'team=x'], ['team=x'], []],
    [
      'replaces the value of a type',
      ['tier=node'],
      [],
      ['label=a', 'label=b', 'tier=node'],
      ['tier=node'],
      ['tier=control-plane'],
    ],
    ['adds to a type of several', ['label=c'], [], [...before, 'label=c'], ['label=c'], []],
    ['removes one of several', [], ['label=a'], ['tier=control-plane', 'label=b'], [], ['label=a']],
    ['removes a type', [], ['label'], ['tier=control-plane'], [], ['label=a', 'label=b']],
    ['leaves what is so already', ['label=a'], ['team'], before, [], []],
  ] as const) {
    test(what, () => {
      assert.deepEqual(retag(inventory, 'host/cp', set, remove), { tags: after, added, removed });
    });
  }
  for (const object of ['host/nobody', 'cp', 'label/a', 'group/', 'constructor/x', '']) {
    test(`knows no '${object}'`, () => {
      assert.throws(() => retag(inventory, object, ['a=b'], []), { code: 'unknown-name' });
    });
  }
});

test('withTags changes what is named and shares the rest', () => {
  const retagged = new Map([
    ['group/office', ['site=berlin']],
    ['server/lab/api', ['team=x']],
  ]);
  const whole = withTags(inventory, retagged);
  assert.deepEqual(whole.groups[0]?.tags, ['site=berlin']);
  assert.deepEqual(whole.servers[0]?.tags, ['team=x']);
  assert.equal(whole.hosts, inventory.hosts);
  assert.equal(whole.groups[0]?.addresses, inventory.groups[0]?.addresses);
  assert.equal(withTags(inventory, retagged), whole);
  assert.equal(withTags(inventory, new Map()), inventory);
  assert.deepEqual(inventory.groups[0]?.tags, []);
});
