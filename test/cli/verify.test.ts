// `verify` on the range, from a developer's host: the gate and its shields stand, then somebody opens a way around them.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Range, startRange } from '../../range/range.ts';
import type { HostName } from '../../range/topology.ts';
import { SignedVerification } from '../../src/model/verification.ts';
import { assertFailure, cli, inspected, type Place, type Running, scratch, start } from './kit.ts';

const own = scratch('verify');
const data = own.path('data');
let range: Range;
let running: Running;

before(async () => {
  if (process.getuid?.() !== 0) throw new Error('the range makes network namespaces: run this as root');
  range = await startRange({ dir: own.path('range'), prefix: 'pcvf', version: 'v1.12.2' });
  const { ipv4 } = range.topology.hosts.cp;
  const args = ['protect', '--kubeconfig', range.files.kubeconfigs.admin, '--pki', range.files.pki];
  const more = ['--data-dir', data, '--listen', `${ipv4}:7443`, '--break-glass', '198.51.100.0/24'];
  more.push('--break-glass', '2001:db8:0:100::/64');
  running = start([...args, ...more], on('cp'));
  await running.said('running; Ctrl-C stops');
  await inspected(data, on('cp'));
});
after(async () => {
  await running?.end();
  await range?.[Symbol.asyncDispose]();
  own.remove();
});

const on = (host: HostName): Place => ({
  before: ['ip', 'netns', 'exec', range.topology.hosts[host].namespace],
});
type Report = {
  readonly id?: string;
  readonly report: SignedVerification['report'];
  readonly changes: readonly { id: string; before?: string; now?: string }[];
};
const words = (...more: readonly string[]) => ['verify', ...more, '--identity', `${data}/controller`];
const from = (kubeconfig: 'developer' | 'breakglass', ...more: readonly string[]) =>
  cli(words('lab', '--kubeconfig', range.files.kubeconfigs[kubeconfig], ...more), on(kubeconfig));
async function report(
  kubeconfig: 'developer' | 'breakglass' = 'developer',
): Promise<Report & { code: number }> {
  const { code, stdout, stderr } = await from(kubeconfig, '--json');
  assert.ok(code === 0 || code === 3, `${stdout}${stderr}`);
  return { code, ...(JSON.parse(stdout) as Report) };
}
const found = ({ report: { checks } }: Report, part: string) => checks.filter(({ id }) => id.includes(part));

describe('a shielded server', () => {
  let first: Report;

  test('every way leads to the gate, the shields refuse their probes, work passes', async () => {
    const seen = await report();
    first = seen;
    assert.deepEqual(
      seen.report.checks.filter(({ result }) => result === 'fail'),
      [],
    );
    assert.equal(seen.code, 0);
    const ways = found(seen, '/way/');
    assert.ok(ways.length >= 2, JSON.stringify(ways));
    assert.ok(ways.every(({ result, detail }) => result === 'skipped' || detail === 'the gate answers'));
    assert.deepEqual(
      found(seen, 'CVE-2018-1002105/upgrade').map(({ result }) => result),
      ['pass'],
    );
    assert.ok(found(seen, 'CVE-2018-1002105/kubelet-path').length > 0);
    assert.deepEqual(
      found(seen, '/work/').map(({ id, result }) => [id.split('/work/')[1], result]),
      ['get', 'discovery', 'list', 'watch', 'exec, dry'].map((id) => [id, 'pass']),
    );
    assert.ok(seen.report.from.every(({ verdict }) => verdict === 'steer'));
    assert.ok(found(seen, 'beside/kubelet/').some(({ result }) => result === 'open'));
  });

  test('the report is kept, signed, and shown again; nothing has changed since', async () => {
    const second = await report();
    assert.deepEqual(second.changes, []);
    const list = await cli(words('list').concat('--json'), on('cp'));
    const { verifications } = JSON.parse(list.stdout) as { verifications: { id: string; by: string }[] };
    assert.deepEqual(
      verifications.map(({ id }) => id),
      [second.id, first.id],
    );
    const shown = await cli(words('show', second.id ?? '', first.id ?? ''), on('cp'));
    assert.equal(shown.code, 0, shown.stderr);
    assert.match(shown.stdout, /nothing changed since .*\n.*the signature is good/s);
  });

  test('a probe is an incident, told by the verdict id of the report', async () => {
    const detail = found(first, 'CVE-2018-1002105/kubelet-path')[0]?.detail ?? '';
    const id = /verdict ([0-9a-z-]+)/.exec(detail)?.[1] ?? '';
    const why = await cli(['why', id, '--data-dir', data], on('cp'));
    assert.equal(why.code, 0, why.stderr);
    assert.match(why.stdout, /kubelet-path/);
  });

  test('from where nothing is steered it says so, and judges no shield', async () => {
    const seen = await report('breakglass');
    assert.equal(seen.code, 0);
    assert.deepEqual(seen.changes, [], 'what was seen from elsewhere is no measure');
    assert.ok(seen.report.from.every(({ verdict }) => verdict === 'pass'));
    assert.ok(found(seen, '/shield/').every(({ result }) => result === 'skipped' || result === 'open'));
  });
});

test('a way around the gate is found, and shown as what changed', async () => {
  // The first NAT that meets a connection decides: this one leaves it as it is, and so unsteered.
  const table = `table inet around { chain pre { type nat hook prerouting priority -150; tcp dport 6443 redirect to :6443; }; }`;
  const added = await range.topology.runIn('cp', ['nft', '-f', '-'], { input: table });
  assert.equal(added.code, 0, added.stderr);
  try {
    const seen = await report();
    assert.equal(seen.code, 3);
    assert.ok(seen.changes.some(({ id, now }) => id.includes('/way/') && now === 'fail'));
  } finally {
    await range.topology.runIn('cp', ['nft', 'delete table inet around']);
  }
});

test('wrong words and wrong signatures', async () => {
  assertFailure(await cli(words('lab'), on('developer')), 2, ['--kubeconfig', '[usage]']);
  assertFailure(
    await cli(words('none', '--kubeconfig', range.files.kubeconfigs.developer), on('developer')),
    1,
    ["no cluster 'none'", 'it has: lab', '[unknown-cluster]'],
  );
  assertFailure(await cli(words('show', 'abc'), on('cp')), 1, ['verify list', '[unknown-id]']);
  const list = await cli(words('list').concat('--json'), on('cp'));
  const [{ id }] = (JSON.parse(list.stdout) as { verifications: { id: string }[] }).verifications as [
    { id: string },
  ];
  const shown = await cli(words('show', id).concat('--json'), on('cp'));
  const { signed, ...kept } = JSON.parse(shown.stdout) as { signed: boolean };
  assert.equal(signed, true);
  const { isSigned } = await import('../../src/platform/report-signature.ts');
  const whole = SignedVerification.parse(kept);
  assert.equal(isSigned(whole), true);
  assert.equal(isSigned({ ...whole, report: { ...whole.report, cluster: 'other' } }), false);
});
