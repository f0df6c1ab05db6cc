import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ImportDocument } from '../model/import.ts';
import { Inventory } from '../model/inventory.ts';
import { keepImported, mergeImport } from './import-merge.ts';

const declared = () =>
  Inventory.parse({
    apiVersion: 'portcullis/v1',
    clusters: [{ name: 'prod', tags: ['deployment=prod'] }],
    hosts: [{ name: 'cp-1', cluster: 'prod', addresses: ['10.0.0.1'], tags: ['tier=control-plane'] }],
    servers: [
      { name: 'api', cluster: 'prod', host: 'cp-1', address: '10.0.0.1', probe: { caFile: '/etc/ca.crt' } },
    ],
  });
const found = (more: object = {}) =>
  ImportDocument.parse({
    apiVersion: 'portcullis/v1',
    clusters: [{ name: 'lab' }],
    hosts: [
      { name: 'lab-1', cluster: 'lab', addresses: ['10.1.0.1'], tags: ['tier=control-plane'] },
      {
        name: 'lab-2',
        cluster: 'lab',
        addresses: ['10.1.0.2', '2001:db8::2'],
        tags: ['tier=node', 'zone=a'],
      },
    ],
    servers: [{ name: 'lab/lab-1', cluster: 'lab', host: 'lab-1', address: '10.1.0.1' }],
    ...more,
  });
const summary = ({ changes }: ReturnType<typeof mergeImport>) =>
  changes.map(({ object, change }) => `${change} ${object}`);

test('what is new is added, and the same import again changes nothing', () => {
  const first = mergeImport(declared(), 'kubernetes/lab', found(), false);
  assert.deepEqual(summary(first), [
    'added cluster/lab',
    'added host/lab-1',
    'added host/lab-2',
    'added server/lab/lab-1',
  ]);
  const inventory = Inventory.parse(first.inventory);
  const host = inventory.hosts.find(({ name }) => name === 'lab-2');
  assert.deepEqual(host?.tags, []);
  assert.deepEqual(host?.imported, ['tier=node', 'zone=a']);
  assert.equal(host?.source, 'kubernetes/lab');
  const again = mergeImport(inventory, 'kubernetes/lab', found(), true);
  assert.deepEqual(again.changes, []);
  assert.equal(again.unchanged, 4);
  assert.deepEqual(again.inventory, inventory);
});

test('into nothing, an import makes the first inventory', () => {
  const { inventory } = mergeImport(undefined, 'kubernetes/lab', found(), false);
  assert.equal(Inventory.parse(inventory).servers.length, 1);
});

test('an import changes what it owns, and what people added there stays', () => {
  const before = Inventory.parse(mergeImport(declared(), 'k', found(), false).inventory);
  const edited = structuredClone(before);
  const [, , host] = edited.hosts;
  const [, server] = edited.servers;
  if (host) host.tags = ['label=mine'];
  if (server) server.probe = { caFile: '/etc/lab-ca.crt' };
  const next = mergeImport(
    edited,
    'k',
    found({
      hosts: [
        { name: 'lab-1', cluster: 'lab', addresses: ['10.1.0.1'], tags: ['tier=control-plane'] },
        { name: 'lab-2', cluster: 'lab', addresses: ['10.1.0.3'], tags: ['tier=node', 'zone=b'] },
      ],
      servers: [
        {
          name: 'lab/lab-1',
          cluster: 'lab',
          host: 'lab-1',
          address: '10.1.0.1',
          also: [{ address: '10.96.0.1', port: 443 }],
        },
      ],
    }),
    false,
  );
  assert.deepEqual(next.changes, [
    {
      object: 'host/lab-2',
      change: 'changed',
      details: ['addresses: 10.1.0.2, 2001:db8::2 → 10.1.0.3', '- zone=a', '+ zone=b'],
    },
    { object: 'server/lab/lab-1', change: 'changed', details: ['also: none → 10.96.0.1 port 443'] },
  ]);
  const after = Inventory.parse(next.inventory);
  assert.deepEqual(after.hosts[2]?.tags, ['label=mine']);
  assert.equal(after.servers[1]?.probe.caFile, '/etc/lab-ca.crt');
});

test('what people declared, and what another import owns, stays as it is', () => {
  const other = Inventory.parse(mergeImport(declared(), 'other', found(), false).inventory);
  const next = mergeImport(
    other,
    'k',
    found({
      hosts: [
        { name: 'cp-1', cluster: 'lab', addresses: ['10.9.9.9'] }, // declared by name
        { name: 'master', cluster: 'prod', addresses: ['10.0.0.1'] }, // declared by address
        { name: 'lab-2', cluster: 'lab', addresses: ['10.1.0.2'] }, // another import's
      ],
      servers: [{ name: 'prod/master', cluster: 'prod', host: 'master', address: '10.0.0.1' }],
    }),
    true,
  );
  assert.deepEqual(
    next.changes.map(({ object, change, details }) => [object, change, details[0]]),
    [
      ['cluster/lab', 'kept', "the import 'other' owns it"],
      ['host/cp-1', 'kept', 'people declared it'],
      ['host/master', 'kept', "its address belongs to 'cp-1': people declared it"],
      ['host/lab-2', 'kept', "the import 'other' owns it"],
      ['server/prod/master', 'kept', "its address belongs to 'api': people declared it"],
    ],
  );
  assert.deepEqual(next.inventory, other);
});

test('a server on a node that people declared under another name is on that host', () => {
  const next = mergeImport(
    declared(),
    'k',
    found({
      clusters: [],
      hosts: [{ name: 'master', cluster: 'prod', addresses: ['10.0.0.1'] }],
      servers: [{ name: 'prod/second', cluster: 'prod', host: 'master', address: '10.0.0.1', port: 7443 }],
    }),
    false,
  );
  assert.equal(next.inventory.servers[1]?.host, 'cp-1');
});

test('what the source no longer has stays until it is pruned', () => {
  const before = Inventory.parse(mergeImport(declared(), 'k', found(), false).inventory);
  const less = found({
    hosts: [{ name: 'lab-1', cluster: 'lab', addresses: ['10.1.0.1'], tags: ['tier=control-plane'] }],
  });
  const gone = mergeImport(before, 'k', less, false);
  assert.deepEqual(summary(gone), ['gone host/lab-2']);
  assert.deepEqual(gone.inventory, before);
  const pruned = mergeImport(before, 'k', less, true);
  assert.deepEqual(summary(pruned), ['removed host/lab-2']);
  assert.deepEqual(
    pruned.inventory.hosts.map(({ name }) => name),
    ['cp-1', 'lab-1'],
  );
  const all = mergeImport(before, 'k', ImportDocument.parse({ apiVersion: 'portcullis/v1' }), true);
  assert.deepEqual(Inventory.parse(all.inventory), declared());
});

test('a name that is found twice is refused', () => {
  const twice = found({ groups: [{ name: 'a' }, { name: 'a' }] });
  assert.throws(() => mergeImport(declared(), 'k', twice, false), { code: 'bad-inventory' });
});

test("a whole inventory of people's leaves out nothing that imports own", () => {
  const before = Inventory.parse(mergeImport(declared(), 'k', found(), false).inventory);
  const kept = keepImported(before, declared());
  assert.deepEqual(kept, before);
  // Declared by the same name, or with one of its addresses: then it is people's.
  const taken = declared();
  taken.clusters.push({ name: 'lab', tags: [] });
  taken.hosts.push({ name: 'mine', cluster: 'lab', addresses: ['10.1.0.2'], tags: ['tier=node'] });
  assert.deepEqual(
    keepImported(before, taken).hosts.map(({ name, source }) => [name, source]),
    [
      ['cp-1', undefined],
      ['mine', undefined],
      ['lab-1', 'k'],
    ],
  );
  assert.equal(keepImported(undefined, taken), taken);
});
