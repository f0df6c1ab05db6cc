// `protect` on the range: from a kubeconfig to a shielded server, and back. The range's hosts are network namespaces with
// a vulnerable API server; kubectl is real.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { type Range, startRange } from '../../range/range.ts';
import type { HostName } from '../../range/topology.ts';
import type { Status } from '../../src/model/api.ts';
import type { Entry } from '../../src/model/entry.ts';
import type { Inventory } from '../../src/model/inventory.ts';
import type { Policy } from '../../src/model/policy.ts';
import { run } from '../../src/platform/run.ts';
import {
  assertClean,
  assertFailure,
  cli,
  contents,
  inspected,
  type Place,
  type Running,
  scratch,
  start,
} from './kit.ts';

const own = scratch('protect');
const data = own.path('data');
const attacks = ['exec-websocket', 'aggregated-websocket'];
let range: Range;

before(async () => {
  if (process.getuid?.() !== 0) throw new Error('the range makes network namespaces: run this as root');
  range = await startRange({ dir: own.path('range'), prefix: 'pcbr', version: 'v1.12.2' });
});
after(async () => {
  await range?.[Symbol.asyncDispose]();
  own.remove();
});

const on = (host: HostName): Place => ({
  before: ['ip', 'netns', 'exec', range.topology.hosts[host].namespace],
});
const protect = (more: readonly string[] = [], kubeconfig = range.files.kubeconfigs.admin) => [
  'protect',
  '--kubeconfig',
  kubeconfig,
  '--pki',
  range.files.pki,
  '--data-dir',
  data,
  ...more,
];
async function ask<T>(...args: string[]): Promise<T> {
  const answer = await cli([...args, '--data-dir', data, '--json'], on('cp'));
  assert.equal(answer.code, 0, answer.stderr);
  return JSON.parse(answer.stdout) as T;
}
async function table(): Promise<string> {
  const ran = await range.topology.runIn('cp', ['nft', 'list', 'tables']);
  return ran.stdout;
}
async function getPods(host: 'developer' | 'breakglass') {
  const args = ['get', 'pods', '-o', 'name'];
  return range.kubectl(host, host, args);
}
async function stolen(): Promise<string[]> {
  const results = await range.exploit(attacks);
  assert.equal(results.length, attacks.length);
  return results.filter(({ succeeded }) => succeeded).map(({ variant }) => variant);
}
/** Process ids of the services under a running `protect`, by name. */
function services(running: Running): ReadonlyMap<string, number> {
  const pid = running.process.pid ?? 0;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
  return new Map(
    children.map((child) => {
      const words = readFileSync(`/proc/${child}/cmdline`, 'utf8').split('\0');
      return [words[words.findIndex((word) => word.endsWith('main.ts')) + 1] ?? '', child];
    }),
  );
}
async function gone(pids: Iterable<number>): Promise<void> {
  const until = performance.now() + 240_000;
  const left = () => [...pids].filter((pid) => isRunning(pid));
  while (left().length > 0) {
    assert.ok(performance.now() < until, `still running: ${left()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe('before anything is started', () => {
  test('--dry-run shows what it would protect, and starts and writes nothing', async () => {
    const answer = await cli(protect(['--dry-run', '--break-glass', '198.51.100.0/24', '--json']), on('cp'));
    assert.equal(answer.code, 0, answer.stderr);
    const { inventory, policy } = JSON.parse(answer.stdout) as { inventory: Inventory; policy: Policy };
    const { cp, node } = range.topology.hosts;
    const [server] = inventory.servers;
    assert.deepEqual(server && { address: server.address, port: server.port, also: server.also }, {
      address: cp.ipv4,
      port: 6443,
      also: [{ address: cp.ipv6, port: 6443 }, range.topology.service],
    });
    assert.deepEqual(
      inventory.hosts.map(({ name, addresses, tags }) => ({ name, addresses, tags })),
      [
        { name: 'cp', addresses: [cp.ipv4, cp.ipv6], tags: ['tier=control-plane'] },
        { name: 'node', addresses: [node.ipv4], tags: ['tier=node'] },
      ],
    );
    assert.deepEqual(inventory.groups[0]?.addresses, ['198.51.100.0/24']);
    assert.equal(policy.rules[0]?.tier, 'break-glass');
    assert.equal(policy.response.first, 'block');
    assert.deepEqual(contents(data), {});
    assert.doesNotMatch(await table(), /portcullis/);
  });

  const file = (name: string, change: (text: string) => string): string => {
    const path = own.path('range', name);
    writeFileSync(path, change(readFileSync(range.files.kubeconfigs.admin, 'utf8')));
    return path;
  };
  const rows: readonly [what: string, host: HostName, kubeconfig: () => string, says: (string | RegExp)[]][] =
    [
      ['there is no kubeconfig', 'cp', () => own.path('none'), ['none', 'no such file', '[unreadable]']],
      [
        'the kubeconfig is no YAML',
        'cp',
        () => file('torn', () => 'clusters: ['),
        [/torn:1:\d+/, '[bad-yaml]'],
      ],
      [
        'the server does not answer',
        'cp',
        () => file('silent', (text) => text.replace(':6443', ':6444')),
        ['silent', ':6444', 'ECONNREFUSED', '[server-unreachable]'],
      ],
      [
        "the kubeconfig's CA is another's",
        'cp',
        () => file('stranger', (text) => text.replace('ca.crt', 'front-proxy-ca.crt')),
        ['stranger', 'match its certificate', '[server-unreachable]'],
      ],
      [
        'the server must not be verified',
        'cp',
        () =>
          file('blind', (text) =>
            text.replace(/certificate-authority: .*/, 'insecure-skip-tls-verify: true'),
          ),
        ['blind: clusters[lab].cluster.insecure-skip-tls-verify', '[bad-kubeconfig]'],
      ],
      [
        'the caller may not list nodes',
        'cp',
        () => range.files.kubeconfigs['mallory-token'],
        ['mallory-token.kubeconfig', '403', 'allowed to list nodes', '[server-refused]'],
      ],
      [
        "this is not the server's host",
        'security',
        () => range.files.kubeconfigs.admin,
        [
          '10.70.0.10 is not on this host',
          '10.70.0.12',
          "run this on the API server's own host",
          '[not-this-host]',
        ],
      ],
    ];
  for (const [what, host, kubeconfig, says] of rows) {
    test(what, async () => {
      const answer = await cli(protect([], kubeconfig()), on(host));
      assertFailure(answer, 1, says);
      assert.deepEqual(contents(data), {});
      assert.doesNotMatch(await table(), /portcullis/);
    });
  }
});

describe('protect, from the first start to remove', () => {
  let running: Running;
  let entries = 0;
  const begin = (...more: string[]) =>
    start(protect(['--break-glass', range.topology.hosts.breakglass.ipv4, ...more]), on('cp'));

  test('it goes from block to inspect by itself, and tells so', async () => {
    assert.deepEqual(await stolen(), attacks);
    running = begin();
    await running.said('running; Ctrl-C stops');
    await inspected(data, on('cp'));
    const events = await ask<{ entries: Entry[] }>('events', '--kind', 'stage');
    const stages = events.entries
      .filter(({ data: entry }) => entry['shield'] === 'CVE-2018-1002105')
      .map(({ data: entry }) => `${entry['from']} → ${entry['stage']} by ${entry['by']}`);
    assert.deepEqual(stages, ['observe → block by policy', 'block → inspect by policy']);
    await running.said(/stage +lab\/cp +CVE-2018-1002105 block → inspect/);
  });

  test('the developer works through the gate as themselves, the attacks are cut, break-glass goes direct', async () => {
    const developer = await getPods('developer');
    assert.match(developer.stdout, /pod\/web/, developer.stderr);
    const [last] = range
      .audit()
      .filter(({ path, user }) => path.endsWith('/pods') && user === 'developer')
      .slice(-1);
    assert.equal(last?.method, 'front-proxy');
    assert.deepEqual(await stolen(), []);
    assert.match((await getPods('breakglass')).stdout, /pod\/web/);
    const [direct] = range
      .audit()
      .filter(({ user }) => user === 'breakglass')
      .slice(-1);
    assert.equal(direct?.method, 'certificate');
    await running.said(/incident +lab\/cp +critical talks-after-refusal, cut/);
  });

  test('what is there already is not disturbed by a second start, or by remove', async () => {
    const was = contents(data)['inventory.yaml'];
    assertFailure(await cli(protect(), on('cp')), 1, [data, '[data-folder-in-use]']);
    assertFailure(await cli(['remove', '--data-dir', data], on('cp')), 1, [
      'put the table back',
      '[agent-running]',
    ]);
    assert.equal(contents(data)['inventory.yaml'], was);
    assert.match(await table(), /inet portcullis/);
  });

  test('a service that dies is started again', async () => {
    const agent = services(running).get('agent') ?? 0;
    process.kill(agent, 'SIGKILL');
    await running.said(/agent +it ended with SIGKILL.*starting again/);
    await running.said(/agent +plan-resumed/);
    assert.match((await getPods('developer')).stdout, /pod\/web/);
  });

  test('Ctrl-C ends the services and leaves the table: callers are refused, not let through', async () => {
    const pids = [...services(running).values()];
    assert.equal(pids.length, 3);
    entries = (await ask<Status>('status')).log.entries;
    const ended = await running.end();
    assert.equal(ended.code, 0, ended.stderr);
    assertClean(ended);
    await gone(pids);
    assert.match(await table(), /inet portcullis/);
    const developer = await getPods('developer');
    assert.notEqual(developer.code, 0);
    assert.match((await getPods('breakglass')).stdout, /pod\/web/);
  });

  test('a second start goes on where the first stopped', async () => {
    const was = contents(data);
    running = begin();
    await running.said('running; Ctrl-C stops');
    await inspected(data, on('cp'));
    const status = await ask<Status>('status');
    assert.ok(status.log.entries >= entries);
    const stage = status.servers[0]?.stages.find(({ shield }) => shield === 'CVE-2018-1002105');
    assert.equal(stage?.stage, 'inspect');
    for (const name of [
      'agent/identity/client.pem',
      'gate/identity/client.pem',
      'controller/pki/ca.key',
      'inventory.yaml',
    ])
      assert.equal(contents(data)[name], was[name], name);
    assert.match((await getPods('developer')).stdout, /pod\/web/);
    assert.deepEqual(await stolen(), []);
  });

  test('killed with no time for anything, it takes its services along', async () => {
    const pids = [...services(running).values()];
    assert.equal(pids.length, 3);
    await running.end('SIGKILL');
    await gone(pids);
    assert.match(await table(), /inet portcullis/);
    const verify = await ask<{ ok: boolean }>('log', 'verify');
    assert.equal(verify.ok, true);
  });

  test('agent and gate on their own enforce without a controller, and end by Ctrl-C', async () => {
    const gate = start(['gate', '--data-dir', data, '--pki', range.files.pki], on('cp'));
    await gate.said('plan-restored');
    const agent = start(['agent', '--data-dir', data], on('cp'));
    await agent.said('controller-away');
    assert.match((await getPods('developer')).stdout, /pod\/web/);
    assert.deepEqual(await stolen(), []);
    for (const [name, running] of [
      ['gate', gate],
      ['agent', agent],
    ] as const) {
      const ended = await running.end();
      assert.equal(ended.code, 0, `${name}: ${ended.stderr}`);
      assertClean(ended);
    }
    assert.match(await table(), /inet portcullis/);
  });

  test('remove takes the table away, once and again', async () => {
    assert.deepEqual(await ask('remove'), { ok: true });
    assert.doesNotMatch(await table(), /portcullis/);
    assert.match((await getPods('developer')).stdout, /pod\/web/);
    const again = await cli(['remove', '--data-dir', data], on('cp'));
    assert.equal(again.code, 0, again.stderr);
    assert.equal(again.stdout, 'the table inet portcullis is gone from this host\n');
  });

  test('--observe tags and reports, and keeps a policy that was edited by hand', async () => {
    running = begin('--observe', '--json');
    await running.said('"ok":true');
    const { status } = JSON.parse(running.output.stdout) as { status: Status };
    assert.ok(status.servers[0]?.tags.includes('cve=CVE-2018-1002105'));
    assert.deepEqual(status.servers[0]?.tags.includes('patch=missing'), true);
    assert.equal((await running.end()).code, 0);
    const file = own.path('data', 'policy.yaml');
    const edited = readFileSync(file, 'utf8').replace('first: none', 'first: none # ours');
    writeFileSync(file, edited);
    running = begin();
    await running.said('running; Ctrl-C stops');
    assert.ok(running.output.stderr.includes(`kept ${file}, which was edited by hand`));
    assert.equal((await running.end()).code, 0);
    assert.equal(readFileSync(file, 'utf8'), edited);
  });
});

test('--observe on a server that nothing was done about blocks nobody, and cuts nothing', async () => {
  const folder = own.path('observed');
  const args = protect(['--observe', '--json']).map((word) => (word === data ? folder : word));
  const running = start(args, on('cp'));
  await running.said('"ok":true');
  const { status } = JSON.parse(running.output.stdout) as { status: Status };
  const stages = status.servers[0]?.stages ?? [];
  assert.ok(stages.some(({ shield }) => shield === 'CVE-2018-1002105'));
  assert.deepEqual([...new Set(stages.map(({ stage }) => stage))], ['observe']);
  assert.match((await getPods('developer')).stdout, /pod\/web/);
  assert.deepEqual(await stolen(), attacks);
  assert.equal((await running.end()).code, 0);
  const removed = await cli(['remove', '--data-dir', folder], on('cp'));
  assert.equal(removed.code, 0, removed.stderr);
});

test('a demo that is interrupted takes everything down, and says that it proved nothing more', async () => {
  const demo = start(['demo', '--json']);
  await demo.said('1. ');
  const folder = /\((\/\S+)\)/.exec(demo.output.stderr)?.[1] ?? '';
  assert.ok(existsSync(folder));
  const { code, stdout } = await demo.end();
  assert.equal(code, 3);
  const { ok, steps } = JSON.parse(stdout) as { ok: boolean; steps: { name: string; ok: boolean }[] };
  assert.equal(ok, false);
  assert.deepEqual([steps[0]?.name, steps[0]?.ok], ['exposed', false]);
  assert.ok(!existsSync(folder));
  const { stdout: namespaces } = await run('ip', ['netns', 'list']);
  assert.ok(!namespaces.includes(`pcd-${demo.process.pid}-`), namespaces);
});
