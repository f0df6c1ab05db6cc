// Other people's rules and networks beside ours: iptables' legacy tables, Docker, firewalld, bridges. kube-proxy is in
// enforce.test.ts. What isn't installed, or isn't in the kernel, is skipped with the reason.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { after, afterEach, before, test } from 'node:test';
import { applyPlan } from '../../src/agent/apply.ts';
import { readTable, removeTable } from '../../src/agent/kernel-table.ts';
import type { Endpoint } from '../../src/model/common.ts';
import type { ProtectedService } from '../../src/model/plan.ts';
import { exampleService, planOf, ruleOf } from '../../src/nft/example-plan.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { run } from '../../src/platform/run.ts';
import { makeWorld, patienceFor, type World } from './world.ts';

let world: World;
let generation = 0;
before(async () => {
  world = await makeWorld();
  for (const port of [6443, 16443, 8080, 8081]) await world.host.listen(port);
  await world.pod.listen(6443);
});
after(() => world?.[Symbol.asyncDispose]());
afterEach(() => removeTable(world.run));

async function apply(change: Partial<ProtectedService> = {}) {
  generation += 1;
  const plan = planOf([{ ...exampleService, ...change }], generation);
  await applyPlan({ run: world.run, clock: systemClock }, plan);
}

async function meet(cases: readonly (readonly [from: string, to: string, port: number, want: string])[]) {
  for (const [from, to, port, want] of cases) {
    const connection = await world.caller.connect(from, to, port, patienceFor(want));
    assert.equal(connection.said, want, `${from} → ${to} port ${port}`);
    if (want.includes(' ')) await connection.end();
  }
}

async function load(program: string, input: string, ...args: string[]) {
  const ran = await world.run(program, args, { input });
  assert.equal(ran.code, 0, ran.stderr);
}

/** As long as somebody else's rules of iptables stand, those of the kind are listed; then they go. */
async function withoutIptables(kind: 'nft' | 'legacy') {
  const saved = await world.run(`iptables-${kind}-save`, []);
  for (const table of ['nat', 'filter']) {
    await world.run(`iptables-${kind}`, [
      '-t',
      table,
      '-P',
      table === 'nat' ? 'PREROUTING' : 'FORWARD',
      'ACCEPT',
    ]);
    await world.run(`iptables-${kind}`, ['-t', table, '-F']);
    await world.run(`iptables-${kind}`, ['-t', table, '-X']);
  }
  return saved.stdout;
}

const serviceNat = `*nat
:PREROUTING ACCEPT [0:0]
:KUBE-SERVICES - [0:0]
-A PREROUTING -j KUBE-SERVICES
-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp --dport 443 -j DNAT --to-destination 10.0.0.1:6443
-A KUBE-SERVICES -p tcp --dport 30443 -j DNAT --to-destination 10.0.0.1:6443
COMMIT
*filter
:INPUT ACCEPT [0:0]
-A INPUT -p tcp --dport 8081 -j REJECT --reject-with tcp-reset
-A INPUT -p tcp -j ACCEPT
COMMIT
`;

const noIptables = existsSync('/usr/sbin/iptables-legacy-restore') ? false : 'iptables is not installed';

test("iptables' legacy tables, with kube-proxy's NAT and a firewall, open no way", {
  skip: noIptables,
}, async (t) => {
  const tried = await world.run('iptables-legacy', ['-t', 'nat', '-S']);
  if (tried.code !== 0) return t.skip('the kernel has no legacy tables');
  await load('iptables-legacy-restore', serviceNat);
  await apply();
  await meet([
    ['10.9.0.7', '10.96.0.1', 443, '6443 10.9.0.7'],
    ['10.9.0.8', '10.96.0.1', 443, 'ECONNREFUSED'],
    ['192.0.2.1', '10.96.0.1', 443, '16443 192.0.2.1'],
    ['10.9.0.7', '10.0.0.1', 30443, '6443 10.9.0.7'],
    ['10.9.0.8', '10.0.0.1', 30443, 'ECONNREFUSED'],
    ['192.0.2.1', '10.0.0.1', 30443, 'ECONNREFUSED'],
    ['10.9.0.8', '10.0.0.1', 6443, 'ECONNREFUSED'],
    ['10.9.0.7', '10.0.0.1', 8081, 'ECONNREFUSED'],
    ['10.9.0.8', '10.0.0.1', 8080, '8080 10.9.0.8'],
  ]);
  await removeTable(world.run);
  assert.match(
    await withoutIptables('legacy'),
    /8081[\s\S]*10\.96\.0\.1/,
    'theirs is untouched when ours goes',
  );
});

/** As Docker 24 writes it, for a container that is published at port 8443. */
const docker = `*nat
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 10.244.0.0/24 ! -o cali0 -j MASQUERADE
-A POSTROUTING -s 10.244.0.5/32 -d 10.244.0.5/32 -p tcp --dport 6443 -j MASQUERADE
-A DOCKER -i cali0 -j RETURN
-A DOCKER ! -i cali0 -p tcp --dport 8443 -j DNAT --to-destination 10.244.0.5:6443
COMMIT
*filter
:FORWARD DROP [0:0]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o cali0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o cali0 -j DOCKER
-A FORWARD -i cali0 ! -o cali0 -j ACCEPT
-A FORWARD -i cali0 -o cali0 -j ACCEPT
-A DOCKER -d 10.244.0.5/32 ! -i cali0 -o cali0 -p tcp --dport 6443 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i cali0 ! -o cali0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o cali0 -j DROP
-A DOCKER-ISOLATION-STAGE-2 -j RETURN
-A DOCKER-USER -j RETURN
COMMIT
`;

test('a server in a container that Docker publishes is judged by the published port and by its own', {
  skip: noIptables,
}, async () => {
  await load('iptables-nft-restore', docker);
  const endpoints: Endpoint[] = [
    { address: '10.0.0.1', port: 8443 },
    { address: '10.244.0.5', port: 6443 },
  ];
  await apply({ endpoints });
  await meet([
    ['10.9.0.7', '10.0.0.1', 8443, '6443 10.9.0.7'],
    ['10.9.0.8', '10.0.0.1', 8443, 'ECONNREFUSED'],
    ['10.7.0.1', '10.0.0.1', 8443, 'timeout'],
    ['192.0.2.1', '10.0.0.1', 8443, '16443 192.0.2.1'],
  ]);
  const open = await world.caller.connect('10.9.0.7', '10.0.0.1', 8443);
  await apply({ endpoints, rules: [], default: 'deny' });
  assert.equal(await open.echo(), 'ECONNRESET');
  await removeTable(world.run);
  await meet([['10.9.0.8', '10.0.0.1', 8443, '6443 10.9.0.8']]);
  assert.match(await withoutIptables('nft'), /DOCKER-USER/);
});

test('firewalld goes on refusing what we pass, and opens nothing that we refuse', async () => {
  await load('nft', readFileSync(new URL('./firewalld.nft', import.meta.url), 'utf8'), '-f', '-');
  await apply();
  await meet([
    ['10.9.0.7', '10.0.0.1', 6443, '6443 10.9.0.7'],
    ['10.9.0.8', '10.0.0.1', 6443, 'ECONNREFUSED'],
    // Its zone has not opened the gate's port. What is steered there was translated, and that it lets in.
    ['192.0.2.1', '10.0.0.1', 6443, '16443 192.0.2.1'],
    ['192.0.2.1', '10.0.0.1', 16443, 'ECONNREFUSED'],
    ['10.9.0.8', '10.0.0.1', 8080, 'EHOSTUNREACH'],
  ]);
  // It lets in whatever was translated: whom we steer comes to the gate by a port that its zone has not opened as well.
  await apply({ endpoints: [{ address: '10.0.0.1', port: 8081 }] });
  await meet([
    ['192.0.2.1', '10.0.0.1', 8081, '16443 192.0.2.1'],
    ['10.9.0.7', '10.0.0.1', 8081, 'EHOSTUNREACH'],
    ['10.9.0.8', '10.0.0.1', 8081, 'ECONNREFUSED'],
  ]);
  // A reload of its rules deletes its own table, and no other.
  await load('nft', 'delete table inet firewalld\n', '-f', '-');
  assert.equal((await readTable(world.run))?.generation, generation);
});

const echo = `require('node:net').createServer((socket) => socket.on('error', () => {}).write('there')).listen(8443, () => console.log('up'));`;
const connect = `const socket = require('node:net').connect({ host: '10.50.0.11', port: 8443 });
const end = (said) => { console.log(said); process.exit(); };
setTimeout(() => end('timeout'), 60_000);
socket.on('error', (error) => end(error.code)).on('data', (chunk) => end(String(chunk)));`;

test('pods on a bridge are judged where bridged packets meet netfilter, and only there', async (t) => {
  const pods = ['a', 'b'].map((part) => `${world.hostNamespace}-${part}`);
  const node = (name: string, script: string) =>
    spawn('ip', ['netns', 'exec', name, process.execPath, '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  let server: ReturnType<typeof node> | undefined;
  try {
    const must = async (...args: string[]) => {
      const ran = await run('ip', args);
      assert.equal(ran.code, 0, `ip ${args.join(' ')}: ${ran.stderr}`);
    };
    const host = world.hostNamespace;
    await must('-n', host, 'link', 'add', 'br0', 'type', 'bridge');
    await must('-n', host, 'address', 'add', '10.50.0.1/24', 'dev', 'br0');
    await must('-n', host, 'link', 'set', 'br0', 'up');
    for (const [i, pod] of pods.entries()) {
      await must('netns', 'add', pod);
      await must(
        'link',
        'add',
        `port${i}`,
        'netns',
        host,
        'type',
        'veth',
        'peer',
        'name',
        'eth0',
        'netns',
        pod,
      );
      await must('-n', host, 'link', 'set', `port${i}`, 'master', 'br0', 'up');
      await must('-n', pod, 'address', 'add', `10.50.0.${11 + i}/24`, 'dev', 'eth0');
      await must('-n', pod, 'link', 'set', 'eth0', 'up');
    }
    server = node(pods[0] ?? '', echo);
    await once(server.stdout ?? assert.fail(), 'data');
    const said = async () => {
      const caller = node(pods[1] ?? '', connect);
      return String((await once(caller.stdout ?? assert.fail(), 'data'))[0]).trim();
    };
    const bridged = '/proc/sys/net/bridge/bridge-nf-call-iptables';
    const set = (value: string) => world.run('tee', [bridged], { input: value });
    if ((await set('1')).code !== 0) return t.skip('the kernel has no br_netfilter');
    const { gatePort: _, ...rest } = exampleService;
    const webhook = {
      ...rest,
      endpoints: [{ address: '10.50.0.11', port: 8443 }],
      gateAddresses: [],
      rules: [ruleOf('policy/pods', ['10.50.0.12'], 'deny')],
      default: 'pass' as const,
    };
    const judged = planOf([webhook], 1);
    assert.equal(await said(), 'there');
    await applyPlan({ run: world.run, clock: systemClock }, judged);
    assert.equal(await said(), 'ECONNREFUSED');
    // Without it the bridge is a switch: its packets pass below everything that speaks of addresses.
    await set('0');
    assert.equal(await said(), 'there');
    await set('1');
    assert.equal(await said(), 'ECONNREFUSED');
  } finally {
    server?.kill('SIGKILL');
    for (const pod of pods) await run('ip', ['netns', 'delete', pod]);
    await world.run('ip', ['link', 'delete', 'br0']);
  }
});
