// Connections that the host only forwards and on which nobody talks: a plan that refuses them ends both ends at once.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Applied, applyPlan } from '../../src/agent/apply.ts';
import { emptySegment } from '../../src/base/tcp-segment.ts';
import type { ProtectedService } from '../../src/model/plan.ts';
import { exampleService, planOf } from '../../src/nft/example-plan.ts';
import { challengeMark } from '../../src/nft/table.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { run } from '../../src/platform/run.ts';
import { makeWorld, type World } from './world.ts';

let world: World;
let generation = 0;
let former: Applied | undefined;
before(async () => {
  world = await makeWorld();
  await world.back.listen(6443);
  await world.back.listen(16443);
  await world.host.listen(16443);
  const nat = `table ip kube {
    chain services {
      type nat hook prerouting priority dstnat; policy accept;
      ip daddr { 10.96.0.9, 10.96.0.10 } tcp dport 443 dnat to 10.2.0.1:6443
    }
    chain masquerading {
      type nat hook postrouting priority srcnat; policy accept;
      ct original ip daddr 10.96.0.10 masquerade
    }
  }\n`;
  assert.equal((await world.run('nft', ['-f', '-'], { input: nat })).stderr, '');
});
after(() => world?.[Symbol.asyncDispose]());

const server = { address: '10.2.0.1', port: 6443 };
const everywhere = [
  server,
  { address: '2001:db8:2::1', port: 6443 },
  { address: '10.96.0.9', port: 443 },
  { address: '10.96.0.10', port: 443 },
];

/** Break-glass callers pass; everybody else meets the verdict. */
async function apply(
  verdict: ProtectedService['default'],
  endpoints = everywhere,
  gate: Partial<ProtectedService> = {},
) {
  generation += 1;
  const rules = exampleService.rules.slice(0, 1);
  const service = { ...exampleService, endpoints, rules, default: verdict, ...gate };
  const before = former ? { former } : {};
  const kernel = { run: world.run, clock: systemClock, openSockets: world.openSockets };
  former = await applyPlan(kernel, planOf([service], generation), before);
  return former;
}

/** What conntrack holds of connections from or to the address, with states. */
async function tracked(address: string): Promise<string[]> {
  const family = address.includes(':') ? 'ipv6' : 'ipv4';
  const { stdout } = await world.run('conntrack', ['-L', '-f', family, '-p', 'tcp']);
  return stdout.split('\n').filter((line) => line.includes(`=${address} `));
}

const ways = [
  { name: 'straight', from: '192.0.2.1', to: '10.2.0.1', port: 6443, seen: '192.0.2.1' },
  { name: 'IPv6', from: '2001:db8:8::5', to: '2001:db8:2::1', port: 6443, seen: '2001:db8:8::5' },
  { name: 'by a service address', from: '192.0.2.1', to: '10.96.0.9', port: 443, seen: '192.0.2.1' },
  { name: 'masqueraded', from: '192.0.2.1', to: '10.96.0.10', port: 443, seen: '10.2.0.254' },
] as const;

for (const verdict of ['deny', 'steer'] as const) {
  for (const { name, from, to, port, seen } of ways) {
    test(`${verdict}: both ends of an idle connection are reset, ${name}`, async () => {
      await apply('pass');
      await world.back.ended(0);
      const open = await world.caller.connect(from, to, port);
      const kept = await world.caller.connect('10.9.0.7', '10.2.0.1', 6443);
      assert.equal(open.said, `6443 ${seen}`);
      const applied = await apply(verdict);
      assert.equal(applied.connectionsCut, 1);
      assert.equal((await open.closed()).why, 'ECONNRESET');
      assert.deepEqual(await world.back.ended(1), ['ECONNRESET']);
      assert.equal(await kept.echo(), 'hello');
      // Nothing is left that anybody's packets could pass by. What was on its way to a gate has been answered there.
      const left = (await tracked(from)).filter((line) => !/ (CLOSE|TIME_WAIT) /.test(line));
      assert.deepEqual(left, []);
      const again = await world.caller.connect(from, to, port);
      assert.equal(again.said, verdict === 'deny' ? 'ECONNREFUSED' : `16443 ${from}`);
      await again.end();
      await kept.end();
    });
  }
}

test('a server that only its service address names', async () => {
  const service = [{ address: '10.96.0.9', port: 443 }];
  await apply('pass', service);
  await world.back.ended(0);
  const open = await world.caller.connect('192.0.2.1', '10.96.0.9', 443);
  assert.equal((await apply('deny', service)).connectionsCut, 1);
  assert.equal((await open.closed()).why, 'ECONNRESET');
  assert.deepEqual(await world.back.ended(1), ['ECONNRESET']);
});

test('who is sent to a gate elsewhere has both ends of the idle connection past it reset', async () => {
  const elsewhere = { gateAddresses: ['10.2.0.1'] };
  await apply('pass', everywhere, elsewhere);
  await world.back.ended(0);
  const open = await world.caller.connect('192.0.2.1', '10.2.0.1', 6443);
  assert.equal((await apply('steer', everywhere, elsewhere)).connectionsCut, 1);
  assert.equal((await open.closed()).why, 'ECONNRESET');
  assert.deepEqual(await world.back.ended(1), ['ECONNRESET']);
  const again = await world.caller.connect('192.0.2.1', '10.2.0.1', 6443);
  assert.equal(again.said, '16443 10.2.0.254');
  await again.end();
});

/** Runs a command at both ends of the wires. */
async function atBothEnds(...command: string[]): Promise<string[]> {
  const printed: string[] = [];
  for (const namespace of [world.callerNamespace, world.backNamespace]) {
    const ran = await run('ip', ['netns', 'exec', namespace, ...command]);
    assert.equal(ran.code, 0, ran.stderr);
    printed.push(ran.stdout);
  }
  return printed;
}

async function idle(count: number) {
  await apply('pass');
  await world.back.ended(0);
  return Promise.all(
    Array.from({ length: count }, () => world.caller.connect('192.0.2.1', '10.2.0.1', 6443)),
  );
}

test('firewalls at both ends that drop what is out of step', async () => {
  const drop = 'type filter hook input priority 0; ct state invalid counter name lost drop;';
  await atBothEnds('nft', `table inet fw { counter lost { }; chain in { ${drop} }; }`);
  const open = await idle(5);
  await apply('deny');
  for (const each of open) assert.equal((await each.closed()).why, 'ECONNRESET');
  assert.deepEqual(await world.back.ended(5), Array(5).fill('ECONNRESET'));
  for (const lost of await atBothEnds('nft', 'list counter inet fw lost'))
    assert.match(lost, /packets [1-9]/);
  await atBothEnds('nft', 'delete table inet fw');
});

test('ends that hardly ever challenge a SYN, as kernels before 6.1 under load', async () => {
  const open = await idle(50);
  await atBothEnds('sysctl', '-qw', 'net.ipv4.tcp_challenge_ack_limit=1');
  await apply('deny');
  for (const each of open) assert.equal((await each.closed()).why, 'ECONNRESET');
  assert.deepEqual(await world.back.ended(50), Array(50).fill('ECONNRESET'));
  await atBothEnds('sysctl', '-qw', 'net.ipv4.tcp_challenge_ack_limit=2147483647');
});

test('connections that are over are forgotten, and not said to have been cut', async () => {
  await apply('pass');
  const over = await world.caller.connect('192.0.2.9', '10.2.0.1', 6443);
  await over.end();
  // The last acknowledgment goes through the host after the caller has seen the end.
  for (let looks = 0; !/ TIME_WAIT /.test((await tracked('192.0.2.9')).join()); looks++)
    assert.ok(looks < 5_000, 'the connection does not end');
  const applied = await apply('deny');
  assert.deepEqual([applied.connectionsCut, applied.cut], [0, []]);
  assert.deepEqual(await tracked('192.0.2.9'), []);
});

test('the mark lets nothing through but segments without data, and conntrack hears of none', async () => {
  await apply('deny');
  const segment = emptySegment({
    from: { address: '192.0.2.77', port: 7777 },
    to: { address: '10.2.0.1', port: 6443 },
    flags: 'syn',
    sequence: 1,
    acknowledgment: 0,
  });
  const withData = new Uint8Array([...segment, 0]);
  withData[3] = withData.length;
  const rows = [
    [challengeMark, segment, undefined],
    [challengeMark, withData, 'operation not permitted'],
    [challengeMark + 1, segment, 'operation not permitted'],
  ] as const;
  for (const [mark, packet, want] of rows) {
    using sockets = world.openSockets(mark);
    assert.equal(sockets.send(packet), want);
    assert.deepEqual(await tracked('192.0.2.77'), []);
  }
});
