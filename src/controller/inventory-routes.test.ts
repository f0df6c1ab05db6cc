// Tags and imports as the command line meets them, over real mTLS.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ImportDocument } from '../model/import.ts';
import { Policy } from '../model/policy.ts';
import { type Ground, ground, type Started } from './testing/ground.ts';

let place: Ground;
let controller: Started;
before(async () => {
  place = await ground();
  controller = await place.start();
  await controller.entry((entry) => entry.kind === 'tags');
});
after(() => place[Symbol.asyncDispose]());

const found = (groups: object[]) => ImportDocument.parse({ apiVersion: 'portcullis/v1', groups });
const send = (groups: object[], more: object = {}) =>
  controller.admin.importInventory({
    source: 'cmdb',
    found: found(groups),
    prune: false,
    dryRun: false,
    ...more,
  });
const tagsOf = async (object: string) => {
  const [one] = (await controller.admin.tags(object)).objects;
  return new Map((one?.tags ?? []).map((tag) => [tag.tag, tag]));
};

test('every tag says where it comes from, and since when', async () => {
  const tags = await tagsOf('server/api-1');
  const { since, ...tier } = tags.get('tier=control-plane') ?? assert.fail('no tier');
  assert.deepEqual(tier, { tag: 'tier=control-plane', kind: 'declared', from: 'host/cp-1', inherited: true });
  assert.ok(since !== undefined && Date.parse(since) <= Date.now());
  const observed = [...tags.values()].find(({ kind }) => kind === 'observed');
  assert.ok(observed?.since !== undefined && !observed.inherited);
  assert.deepEqual(tags.get('cluster=lab'), {
    tag: 'cluster=lab',
    kind: 'implicit',
    from: 'server/api-1',
    inherited: false,
  });
  assert.equal((await tagsOf('10.9.3.4')).get('label=office')?.from, 'group/office');
  assert.equal((await tagsOf('10.9.3.4')).get('group=office')?.kind, 'implicit');
  assert.equal((await tagsOf('203.0.113.1')).size, 0);
  await assert.rejects(controller.admin.tags('nothing'), { code: 'unknown-name' });
  const all = await controller.admin.tags();
  assert.deepEqual(
    all.objects.map(({ object }) => object),
    ['server/api-1', 'host/cp-1', 'cluster/lab', 'group/office'],
  );
  assert.equal(all.total, 4);
});

test('tags of one thing are set and removed without a new inventory, are dated, and outlive a restart', async () => {
  const office = await controller.admin.inventory();
  assert.deepEqual(await controller.admin.tag({ object: 'group/office', set: ['team=x', 'label=y'] }), {
    tags: ['label=office', 'team=x', 'label=y'],
    added: ['team=x', 'label=y'],
    removed: [],
  });
  await controller.admin.tag({ object: 'group/office', set: ['team=z'], remove: ['label=office'] });
  const check = async () => {
    const tags = await tagsOf('10.9.3.4');
    assert.deepEqual([...tags.keys()].sort(), ['group=office', 'label=y', 'team=z']);
    assert.ok(tags.get('team=z')?.since !== undefined);
    assert.deepEqual((await controller.admin.inventory()).groups[0]?.tags, ['label=y', 'team=z']);
  };
  await check();
  await assert.rejects(controller.admin.tag({ object: 'group/nothing', set: ['a=b'] }), {
    code: 'unknown-name',
  });
  await assert.rejects(controller.admin.tag({ object: 'group/office', set: ['cve=x'] }), {
    code: 'bad-request',
  });
  await assert.rejects(controller.admin.tag({ object: 'group/office', set: ['team=a', 'team=b'] }), {
    code: 'bad-inventory',
  });
  await controller.stop();
  controller = await place.start();
  await check();
  // Who applies an inventory means what it says.
  await controller.admin.putInventory(office);
  assert.deepEqual((await controller.admin.inventory()).groups[0]?.tags, ['label=office']);
});

test('an import owns what it brings, survives what people apply, and is dated', async () => {
  const ops = { name: 'ops', addresses: ['10.8.0.0/24'], tags: ['team=ops'] };
  const dry = await send([ops], { dryRun: true });
  assert.deepEqual(
    dry.changes.map(({ object, change }) => [object, change]),
    [['group/ops', 'added']],
  );
  assert.equal((await controller.admin.inventory()).groups.length, 1);
  await send([ops]);
  const first = (await tagsOf('group/ops')).get('team=ops');
  assert.deepEqual([first?.kind, first?.source], ['imported', 'cmdb']);
  assert.deepEqual(await send([ops]), { changes: [], unchanged: 1 });

  const declared = await controller.admin.inventory();
  await controller.admin.putInventory({
    ...declared,
    groups: declared.groups.filter(({ name }) => name !== 'ops'),
  });
  assert.equal((await tagsOf('group/ops')).get('team=ops')?.since, first?.since);

  await send([{ ...ops, tags: ['team=ops', 'label=night'] }]);
  const tags = await tagsOf('group/ops');
  assert.equal(tags.get('team=ops')?.since, first?.since);
  assert.ok((tags.get('label=night')?.since ?? '') >= (first?.since ?? ''));
  const entry = await controller.entry(({ kind, data }) => kind === 'inventory' && data['source'] === 'cmdb');
  assert.equal(entry.actor, 'user:admin');
});

test('what a rule names is neither pruned nor taken out, and says who names it', async () => {
  await send([{ name: 'ops', addresses: ['10.8.0.0/24'] }]);
  const policy = Policy.parse({
    apiVersion: 'portcullis/v1',
    response: { first: 'none' },
    rules: [
      { id: 'ops', from: 'group=ops', to: 'any', action: 'pass' },
      { id: 'office', from: 'group=office', to: 'any', action: 'pass' },
    ],
  });
  await controller.admin.putPolicy(policy);
  await assert.rejects(send([], { prune: true }), {
    code: 'unknown-name',
    message: /no group 'ops'.*rule 'ops'/,
  });
  const inventory = await controller.admin.inventory();
  const without = inventory.groups.filter(({ name }) => name !== 'office');
  await assert.rejects(controller.admin.putInventory({ ...inventory, groups: without }), {
    code: 'unknown-name',
    message: /rule 'office'/,
    place: 'rules[1].from',
  });
  await controller.admin.putPolicy({ ...policy, rules: [] });
  assert.deepEqual((await send([], { prune: true })).changes, [
    { object: 'group/ops', change: 'removed', details: [] },
  ]);
});

test('a broken expression is pointed at over the wire', async () => {
  const policy = Policy.parse({
    apiVersion: 'portcullis/v1',
    rules: [{ id: 'x', from: 'tier=a && site=b', to: 'any', action: 'deny' }],
  });
  await assert.rejects(controller.admin.putPolicy(policy), {
    code: 'bad-expression',
    place: 'rules[0].from, character 8',
    pointer: 'tier=a && site=b\n       ^',
  });
});

test('times and imports outlive the controller', async () => {
  await send([{ name: 'ops', addresses: ['10.8.0.0/24'], tags: ['team=ops'] }]);
  const before = (await tagsOf('group/ops')).get('team=ops');
  const tier = (await tagsOf('host/cp-1')).get('tier=control-plane');
  await controller.stop();
  controller = await place.start();
  assert.deepEqual((await tagsOf('group/ops')).get('team=ops'), before);
  assert.deepEqual((await tagsOf('host/cp-1')).get('tier=control-plane'), tier);
});
