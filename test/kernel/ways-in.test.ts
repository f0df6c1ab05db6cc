// Ways to a server that are easily forgotten: pods, what a node forwards under its own address, link-local addresses.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { createTopology, type HostName, type Topology } from '../../range/topology.ts';
import { applyPlan } from '../../src/agent/apply.ts';
import type { Runner } from '../../src/agent/host.ts';
import { Inventory } from '../../src/model/inventory.ts';
import type { AgentPlan } from '../../src/model/plan.ts';
import { Policy } from '../../src/model/policy.ts';
import { exampleService, planOf } from '../../src/nft/example-plan.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { compile } from '../../src/policy/compile.ts';
import { makeWorld } from './world.ts';

test('a pod whose interface has no address on the host is steered, refused and let through as others are', async () => {
  await using world = await makeWorld();
  await world.host.listen(6443);
  await world.host.listen(16443);
  const said = { pass: '6443', steer: '16443', deny: 'ECONNREFUSED' } as const;
  for (const [index, verdict] of (['steer', 'pass', 'deny'] as const).entries()) {
    const plan = planOf([{ ...exampleService, rules: [], default: verdict }], index + 1);
    await applyPlan({ run: world.run, clock: systemClock }, plan);
    const connection = await world.pod.connect('10.244.0.5', '10.0.0.1', 6443);
    assert.equal(connection.said.split(' ')[0], said[verdict], verdict);
    if (verdict !== 'pass') {
      const service = await world.pod.connect('10.244.0.5', '10.96.0.1', 443);
      assert.equal(service.said.split(' ')[0], said[verdict], `${verdict}, by the service address`);
    }
  }
});

const listen = `for (const port of [6443, 16443]) require('node:net').createServer((socket) => {
  socket.on('error', () => {});
  socket.on('data', (chunk) => socket.write(chunk));
  socket.write(port + ' ' + socket.remoteAddress.replace('::ffff:', '') + '\\n');
}).listen(port, '::', () => console.log('up'));`;
/** Connects, prints what the server says first, then echoes every line of standard input. */
const caller = `const [address, port] = process.argv.slice(1);
const socket = require('node:net').connect({ host: address, port: Number(port) });
const timer = setTimeout(() => { console.log('timeout'); process.exit(); }, 60_000);
socket.on('error', (error) => { console.log(error.code); process.exit(); });
socket.on('data', (chunk) => { clearTimeout(timer); console.log(String(chunk).trim()); });
process.stdin.on('data', (chunk) => socket.write(chunk));
process.stdin.on('end', () => process.exit());`;

function start(topology: Topology, host: HostName, script: string, ...args: string[]) {
  const child = topology.spawnIn(host, [process.execPath, '-e', script, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  if (!child.stdout || !child.stdin) throw new Error('no pipes');
  const { stdout, stdin } = child;
  const line = async () => String((await once(stdout, 'data'))[0]).trim();
  return {
    line,
    async echo() {
      const back = line();
      stdin.write('hello\n');
      return back;
    },
    end: () => child.kill('SIGKILL'),
  };
}

async function reach(topology: Topology, host: HostName, address: string, port: number): Promise<string> {
  const connection = start(topology, host, caller, address, String(port));
  const said = await connection.line();
  connection.end();
  return said;
}

test('what a node forwards under its own address is refused or inspected by the agent of the node', async () => {
  await using topology = await createTopology({ prefix: 'pckw', serviceRouted: true });
  const { cp, node, developer, attacker } = topology.hosts;
  const server = start(topology, 'cp', listen);
  await server.line();
  const inventory = Inventory.parse({
    apiVersion: 'portcullis/v1',
    clusters: [{ name: 'lab' }],
    hosts: [
      { name: 'cp', cluster: 'lab', addresses: [cp.ipv4, cp.ipv6], tags: ['tier=control-plane'] },
      { name: 'node', cluster: 'lab', addresses: [node.ipv4, node.ipv6], tags: ['tier=node'] },
    ],
    servers: [
      {
        name: 'lab/api',
        cluster: 'lab',
        host: 'cp',
        address: cp.ipv4,
        also: [
          { address: cp.ipv6, port: 6443 },
          { address: '10.96.0.1', port: 443 },
        ],
      },
    ],
  });
  let generation = 0;
  const apply = async (verdict: 'pass' | 'deny' | 'steer') => {
    generation += 1;
    const rules = [{ id: 'all', tier: 'security', from: 'any', to: 'any', action: verdict }];
    const { agents } = compile({
      inventory,
      policy: Policy.parse({ apiVersion: 'portcullis/v1', rules, default: 'deny' }),
      shields: [],
      observed: new Map(),
      stages: [],
      controllers: [],
      probers: [],
      enrolled: ['cp', 'node'],
    });
    for (const host of ['cp', 'node'] as const) {
      const body = agents.get(host);
      assert.ok(body, host);
      const run: Runner = (file, args, options) => topology.runIn(host, [file, ...args], options);
      const plan: AgentPlan = { ...body, generation, issuedAt: '2024-01-01T00:00:00.000Z' };
      await applyPlan({ run, clock: systemClock }, plan);
    }
  };
  const service = ['10.96.0.1', 443] as const;
  await apply('pass');
  assert.equal(await reach(topology, 'attacker', ...service), `6443 ${node.ipv4}`);
  const open = start(topology, 'attacker', caller, '10.96.0.1', '443');
  assert.equal(await open.line(), `6443 ${node.ipv4}`);
  const own = start(topology, 'node', caller, '10.96.0.1', '443');
  assert.equal(await own.line(), `6443 ${node.ipv4}`);

  await apply('deny');
  assert.equal(await open.echo(), 'ECONNRESET');
  for (const [address, port] of [service, [cp.ipv4, 6443], [cp.ipv6, 6443]] as const) {
    assert.equal(await reach(topology, 'attacker', address, port), 'ECONNREFUSED', address);
  }
  assert.equal(await own.echo(), 'hello', 'the node itself is the control plane');

  await apply('steer');
  assert.equal(await reach(topology, 'developer', ...service), `16443 ${node.ipv4}`);
  assert.equal(await reach(topology, 'attacker', cp.ipv4, 6443), `16443 ${attacker.ipv4}`);
  assert.equal(await reach(topology, 'developer', cp.ipv6, 6443), `16443 ${developer.ipv6}`);
  assert.equal(await reach(topology, 'attacker', cp.ipv4, 16443), 'ECONNREFUSED');
  const steered = start(topology, 'developer', caller, '10.96.0.1', '443');
  assert.equal(await steered.line(), `16443 ${node.ipv4}`);
  await apply('steer');
  assert.equal(await steered.echo(), 'hello', 'a connection through the gate stays');
  assert.equal(await own.echo(), 'hello');
  await apply('pass');
  assert.equal(await steered.echo(), 'hello', 'and finishes when the shield is lifted');
  await apply('deny');
  assert.equal(await steered.echo(), 'ECONNRESET');
  for (const each of [own, server]) each.end();
});

test("whoever took over the gate's worker reaches its servers, and nothing else", async () => {
  await using world = await makeWorld();
  await world.host.listen(6443);
  await world.host.listen(9000);
  await world.caller.listen(443);
  const gateUser = 61_443;
  const plan = planOf([exampleService]);
  await applyPlan({ run: world.run, clock: systemClock, gateUser }, plan);
  const connect = (uid: number, to: string, port: number) =>
    world.run('setpriv', [
      ...['--reuid', `${uid}`, '--regid', `${uid}`, '--clear-groups'],
      ...['timeout', '60', 'bash', '-c', `exec 3<>/dev/tcp/${to}/${port}`],
    ]);
  const rows = [
    [gateUser, '10.0.0.1', 6443, true],
    [gateUser, '10.0.0.1', 9000, false],
    [gateUser, '127.0.0.1', 9000, false],
    [gateUser, '10.0.0.2', 443, false],
    [gateUser + 1, '10.0.0.2', 443, true],
    [gateUser + 1, '127.0.0.1', 9000, true],
  ] as const;
  for (const [uid, to, port, reached] of rows) {
    assert.equal((await connect(uid, to, port)).code === 0, reached, `${uid} to ${to}:${port}`);
  }
  const datagram = (uid: number) =>
    world.run('setpriv', [
      ...['--reuid', `${uid}`, '--regid', `${uid}`, '--clear-groups'],
      ...['bash', '-c', 'echo x > /dev/udp/10.0.0.2/53'],
    ]);
  assert.notEqual((await datagram(gateUser)).code, 0);
  assert.equal((await datagram(gateUser + 1)).code, 0);
  const { stdout } = await world.run('nft', ['list', 'counter', 'inet', 'portcullis', 'gate_stray']);
  assert.match(stdout, /packets [4-9]/);
});
