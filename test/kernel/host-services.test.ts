// Kubelets, etcd, the components' ports, webhooks and loopback in a real kernel: those who need them get through, attackers
// next to them don't.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Applied, applyPlan } from '../../src/agent/apply.ts';
import { Inventory } from '../../src/model/inventory.ts';
import { Policy } from '../../src/model/policy.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { type CompileInput, compile } from '../../src/policy/compile.ts';
import { loadShield } from '../../src/shields/load.ts';
import { makeWorld, patienceFor, type World } from './world.ts';

const ports = [10248, 10250, 10255, 10259, 2379, 2380, 8443, 9000];
const shields = ['K8S-KUBELET-PORT', 'CVE-2025-0426', 'CVE-2019-11248'].map((id) => {
  const file = join(import.meta.dirname, `../../shields/${id}.yaml`);
  return loadShield(readFileSync(file, 'utf8'), file);
});
let world: World;
let generation = 0;
let former: Applied | undefined;
before(async () => {
  world = await makeWorld();
  for (const port of ports) await world.host.listen(port);
  await world.back.listen(8443);
  await world.back.listen(8080);
});
after(() => world?.[Symbol.asyncDispose]());

/** The host is a control-plane member and node; its API server runs elsewhere, at 10.9.0.7. */
async function apply(
  protect: readonly string[],
  rules: readonly object[] = [],
  stages: CompileInput['stages'] = [],
) {
  generation += 1;
  const inventory = Inventory.parse({
    apiVersion: 'portcullis/v1',
    clusters: [{ name: 'lab', protect, webhooks: [{ address: '10.2.0.1', port: 8443 }] }],
    hosts: [
      { name: 'cp', cluster: 'lab', addresses: ['10.9.0.7', '2001:db8:9::5'], tags: ['tier=control-plane'] },
      { name: 'here', cluster: 'lab', addresses: ['10.0.0.1', '2001:db8::1'], tags: ['tier=control-plane'] },
      { name: 'node', cluster: 'lab', addresses: ['10.1.0.9'], tags: ['tier=node'] },
    ],
    servers: [{ name: 'lab/api', cluster: 'lab', host: 'cp', address: '10.9.0.7' }],
    groups: [{ name: 'prometheus', addresses: ['10.7.0.7'], tags: ['application=prometheus'] }],
  });
  const { agents } = compile({
    inventory,
    policy: Policy.parse({ apiVersion: 'portcullis/v1', rules }),
    shields,
    observed: new Map(),
    stages,
    controllers: [],
    probers: [],
    enrolled: ['here'],
  });
  const body = agents.get('here');
  assert.ok(body);
  const plan = { ...body, generation, issuedAt: '2024-01-01T00:00:00.000Z' };
  former = await applyPlan({ run: world.run, clock: systemClock }, plan, former ? { former } : {});
  return former;
}
const scrape = {
  id: 'scrape',
  tier: 'platform',
  from: 'application=prometheus',
  to: 'any',
  service: 'kubelet',
  action: 'pass',
};

test('who needs a host service reaches it, their neighbours and pods do not', async () => {
  await apply([]);
  const before = await world.caller.connect('192.0.2.1', '10.0.0.1', 10250);
  assert.equal(before.said, '10250 192.0.2.1', 'nothing is protected that nobody asked for');
  const { cut } = await apply(['kubelet', 'etcd', 'components'], [scrape]);
  assert.equal((await before.closed()).why, 'ECONNRESET');
  assert.deepEqual(cut, [{ from: '192.0.2.1', server: 'kubelet/here', rule: 'default', connections: 1 }]);
  const apiServer = '10.9.0.7';
  const open = '';
  const cases: [string, string, number, string][] = [
    [apiServer, '10.0.0.1', 10250, open],
    ['2001:db8:9::5', '2001:db8::1', 10250, open],
    ['10.7.0.7', '10.0.0.1', 10250, open],
    ['10.7.0.8', '10.0.0.1', 10250, 'ECONNREFUSED'],
    ['192.0.2.1', '10.0.0.1', 10250, 'ECONNREFUSED'],
    ['2001:db8:8::5', '2001:db8::1', 10250, 'ECONNREFUSED'],
    // A node is no API server; nor is the address that the inventory forgot another way in.
    ['10.1.0.9', '10.0.0.1', 10250, 'ECONNREFUSED'],
    ['192.0.2.1', '172.17.0.1', 10250, 'ECONNREFUSED'],
    [apiServer, '172.17.0.1', 10250, open],
    ['192.0.2.1', '10.0.0.1', 10255, 'timeout'],
    ['10.7.0.7', '10.0.0.1', 10255, 'timeout'],
    [apiServer, '10.0.0.1', 2379, open],
    [apiServer, '10.0.0.1', 2380, open],
    ['10.1.0.9', '10.0.0.1', 2379, 'ECONNREFUSED'],
    ['10.7.0.7', '10.0.0.1', 2380, 'ECONNREFUSED'],
    ['192.0.2.1', '10.0.0.1', 10259, 'ECONNREFUSED'],
    // Not protected: a neighbour's port, and a pod's other port.
    ['192.0.2.1', '10.0.0.1', 9000, open],
    ['192.0.2.1', '10.2.0.1', 8080, open],
    // A webhook's pod behind this host.
    [apiServer, '10.2.0.1', 8443, open],
    ['192.0.2.1', '10.2.0.1', 8443, 'ECONNREFUSED'],
  ];
  await Promise.all(
    cases.map(async ([from, to, port, refused]) => {
      const { said } = await world.caller.connect(from, to, port, patienceFor(refused));
      assert.equal(said, refused || `${port} ${from}`, `${from} → ${to} port ${port}`);
    }),
  );
  const pod = await world.pod.connect('10.244.0.5', '10.0.0.1', 10250);
  assert.equal(pod.said, 'ECONNREFUSED');
  assert.equal((await world.host.connect('10.0.0.1', '10.0.0.1', 2379)).said, '2379 10.0.0.1');
});

test("a flawed kubelet's ports are closed to others while its shields block, and open when they are lifted", async () => {
  const at = (stage: 'block' | 'lifted') =>
    shields.map(({ id }) => ({ server: 'kubelet/here', shield: id, stage }));
  await apply([], [scrape]);
  const before = await world.caller.connect('192.0.2.1', '10.0.0.1', 10250);
  assert.equal(before.said, '10250 192.0.2.1');
  const { cut } = await apply([], [scrape], at('block'));
  assert.equal((await before.closed()).why, 'ECONNRESET');
  assert.deepEqual(cut, [
    { from: '192.0.2.1', server: 'kubelet/here', rule: 'shield/K8S-KUBELET-PORT/deny', connections: 1 },
  ]);
  const reached = async (rows: readonly (readonly [string, number, string])[]) => {
    await Promise.all(
      rows.map(async ([from, port, refused]) => {
        const { said } = await world.caller.connect(from, '10.0.0.1', port, patienceFor(refused));
        assert.equal(said, refused || `${port} ${from}`, `${from} → port ${port}`);
      }),
    );
  };
  await reached([
    ['10.9.0.7', 10250, ''],
    ['10.7.0.7', 10250, ''],
    ['192.0.2.1', 10250, 'ECONNREFUSED'],
    ['10.1.0.9', 10250, 'ECONNREFUSED'],
    ['192.0.2.1', 10255, 'timeout'],
    ['10.9.0.7', 10255, 'timeout'],
    ['192.0.2.1', 10248, 'ECONNREFUSED'],
    ['10.9.0.7', 10248, 'ECONNREFUSED'],
    // Nobody asked for these.
    ['192.0.2.1', 10259, ''],
    ['192.0.2.1', 9000, ''],
  ]);
  assert.equal((await world.host.connect('10.0.0.1', '10.0.0.1', 10250)).said, '10250 10.0.0.1');
  await apply([], [scrape], at('lifted'));
  await reached([
    ['192.0.2.1', 10250, ''],
    ['192.0.2.1', 10255, ''],
    ['192.0.2.1', 10248, ''],
    ['10.9.0.7', 10250, ''],
  ]);
});

test('what others send to a loopback address is lost, and the host itself goes on (CVE-2020-8558)', async () => {
  await world.host.listen(9001, '127.0.0.1');
  // As kube-proxy sets it; and an attacker on the link who sends there.
  await world.run('tee', ['/proc/sys/net/ipv4/conf/all/route_localnet'], { input: '1' });
  await world.run('tee', ['/proc/sys/net/ipv4/conf/front/route_localnet'], { input: '1' });
  await world.inCaller([
    ['ip', 'route', 'flush', 'table', 'local', '127.0.0.0/8'],
    ['ip', 'route', 'del', 'local', '127.0.0.0/8', 'dev', 'lo', 'table', 'local'],
    ['ip', 'route', 'del', 'local', '127.0.0.1', 'dev', 'lo', 'table', 'local'],
    ['ip', 'route', 'add', '127.0.0.1/32', 'via', '10.0.0.1'],
    ['sysctl', '-qw', 'net.ipv4.conf.all.route_localnet=1', 'net.ipv4.conf.eth0.route_localnet=1'],
  ]);
  await apply(['kubelet']);
  assert.equal((await world.caller.connect('192.0.2.1', '127.0.0.1', 9001)).said, '9001 192.0.2.1');
  await apply(['kubelet', 'loopback']);
  assert.equal((await world.caller.connect('192.0.2.1', '127.0.0.1', 9001, 700)).said, 'timeout');
  assert.equal((await world.host.connect('127.0.0.1', '127.0.0.1', 9001)).said, '9001 127.0.0.1');
  assert.equal((await world.caller.connect('192.0.2.1', '10.0.0.1', 9000)).said, '9000 192.0.2.1');
});
