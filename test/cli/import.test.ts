// `import` on the range: what a real kubeconfig shows of the cluster comes into a running controller's inventory.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { type Range, startRange } from '../../range/range.ts';
import type { TagsAnswer } from '../../src/model/api.ts';
import type { ImportAnswer } from '../../src/model/import.ts';
import { assertFailure, cli, type Place, scratch, start } from './kit.ts';

const own = scratch('import');
let range: Range;
let place: Place;

before(async () => {
  if (process.getuid?.() !== 0) throw new Error('the range makes network namespaces: run this as root');
  const prefix = `pci${process.pid.toString(36)}`;
  range = await startRange({ dir: own.path('range'), prefix, version: 'v1.12.2' });
  place = { before: ['ip', 'netns', 'exec', range.topology.hosts.cp.namespace] };
  const controller = start(
    ['controller', '--listen', '127.0.0.1:7443', '--data-dir', own.path('data')],
    place,
  );
  await controller.said(/7443/);
});
after(async () => {
  own.remove();
  await range?.[Symbol.asyncDispose]();
});

async function ask<T>(...args: string[]): Promise<T> {
  const answer = await cli([...args, '--data-dir', own.path('data'), '-o', 'json'], place);
  assert.equal(answer.code, 0, answer.stderr);
  return JSON.parse(answer.stdout) as T;
}
const kubernetes = () => [
  'import',
  'kubernetes',
  '--kubeconfig',
  range.files.kubeconfigs.admin,
  '--cluster',
  'lab',
];

test('a cluster comes into an empty inventory, and again without a change', async () => {
  const dry = await ask<ImportAnswer & { dryRun: boolean }>(...kubernetes(), '--dry-run');
  assert.deepEqual(
    dry.changes.map(({ object, change }) => `${change} ${object}`),
    ['added cluster/lab', 'added host/cp', 'added host/node', 'added server/lab/cp'],
  );
  assert.equal(dry.dryRun, true);
  const refused = await cli(['tags', '--data-dir', own.path('data')], place);
  assertFailure(refused, 1, ['[no-inventory]']);
  await ask(...kubernetes());
  const tags = await ask<TagsAnswer>('tags', 'server/lab/cp');
  const [server] = tags.objects;
  assert.ok(
    server?.tags.some(({ tag, source }) => tag === 'tier=control-plane' && source === 'kubernetes/lab'),
  );
  assert.ok(server?.tags.some(({ tag }) => tag === 'cluster=lab'));
  assert.deepEqual((await ask<ImportAnswer>(...kubernetes())).changes, []);
  const shown = await cli(['inventory', 'show', '--data-dir', own.path('data')], place);
  assert.match(shown.stdout, /^apiVersion: portcullis\/v1\n/);
  assert.match(shown.stdout, /source: kubernetes\/lab/);
  assert.doesNotMatch(shown.stdout, /[&*]a\d/);
});

test('a file comes in beside it, and leaves when it is pruned', async () => {
  const file = own.path('cmdb.yaml');
  writeFileSync(
    file,
    'apiVersion: portcullis/v1\ngroups: [{name: office, addresses: [10.80.0.0-10.80.0.9], tags: [Team=ops]}]\n',
  );
  const shown = await cli(
    ['import', 'file', file, '--source', 'cmdb', '--data-dir', own.path('data')],
    place,
  );
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(
    shown.stdout,
    /^\+ group\/office added\n {4}addresses: 10\.80\.0\.0\/29, 10\.80\.0\.8\/31\n {4}\+ team=ops\n1 added/,
  );
  writeFileSync(file, 'apiVersion: portcullis/v1\n');
  const pruned = await ask<ImportAnswer>('import', 'file', file, '--source', 'cmdb', '--prune');
  assert.deepEqual(pruned.changes, [{ object: 'group/office', change: 'removed', details: [] }]);
});

test('what is wrong is refused, and pointed at', async () => {
  const policy = own.path('policy.yaml');
  writeFileSync(
    policy,
    'apiVersion: portcullis/v1\nrules: [{id: a, from: "group=gone", to: any, action: deny}]\n',
  );
  const gone = await cli(['policy', 'apply', policy, '--data-dir', own.path('data')], place);
  assertFailure(gone, 1, ["rule 'a' names it", '[unknown-name]']);
  writeFileSync(
    policy,
    'apiVersion: portcullis/v1\nrules: [{id: a, from: "tier=node && x", to: any, action: deny}]\n',
  );
  const broken = await cli(['policy', 'apply', policy, '--data-dir', own.path('data')], place);
  assert.equal(broken.code, 1);
  assert.match(broken.stderr, /\[bad-expression\]\n {2}tier=node && x\n {12}\^\n$/);
  const usage = await cli([...kubernetes(), '--label', 'zone', '--data-dir', own.path('data')], place);
  assert.equal(usage.code, 2);
  const rights = await cli(['import', 'kubernetes', '--rights'], place);
  assert.match(rights.stdout, /kind: ClusterRole/);
});

test('the rules are exported for other networks, with what is lost', async () => {
  const shown = await cli(
    ['policy', 'export', '--to', 'calico', 'lab/cp', '--data-dir', own.path('data')],
    place,
  );
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /^# Not expressed by calico:\n# - tags, groups/);
  assert.match(shown.stdout, /kind: GlobalNetworkPolicy/);
  assert.doesNotMatch(shown.stdout, /[&*]a1/);
  const wrong = await cli(['policy', 'export', '--to', 'iptables', '--data-dir', own.path('data')], place);
  assert.equal(wrong.code, 2);
  const unknown = await cli(
    ['policy', 'export', '--to', 'cilium', 'x', '--data-dir', own.path('data')],
    place,
  );
  assertFailure(unknown, 1, ['[unknown-server]']);
});
