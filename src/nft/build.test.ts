import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCidr } from '../base/cidr.ts';
import type { ProtectedService } from '../model/plan.ts';
import { buildTable } from './build.ts';
import { exampleService, planOf, ruleOf } from './example-plan.ts';
import { traceConnection, traceOpenConnection, tracePacket } from './trace.ts';

const host = { localAddresses: ['10.0.0.1', '2001:db8::1', '172.17.0.1'] };
const table = buildTable(planOf([exampleService]), host);
const rulesOf = (counters: readonly string[]) =>
  counters.map((name) => table.counters.find((counter) => counter.name === name)?.comment);
const service4 = { to: '10.0.0.1', port: 6443 };

test('new connections: each caller meets its verdict, at every address of the service', () => {
  const cases: [string, string, number, 'direct' | 'steered' | 'reset' | 'drop', string][] = [
    ['10.9.0.7', '10.0.0.1', 6443, 'direct', 'accept'],
    ['10.9.0.8', '10.0.0.1', 6443, 'reset', 'drop'],
    ['10.7.1.1', '10.0.0.1', 6443, 'drop', 'drop'],
    ['192.0.2.1', '10.0.0.1', 6443, 'steered', 'accept'],
    ['2001:db8:9::5', '2001:db8::1', 6443, 'direct', 'accept'],
    ['2001:db8:8::5', '2001:db8::1', 6443, 'steered', 'accept'],
    // An address of the host that the inventory doesn't name.
    ['192.0.2.1', '172.17.0.1', 6443, 'steered', 'accept'],
    ['10.9.0.8', '172.17.0.1', 6443, 'reset', 'drop'],
    // Straight to the gate, whoever it is.
    ['192.0.2.1', '10.0.0.1', 16443, 'reset', 'drop'],
    ['10.9.0.7', '10.0.0.1', 16443, 'reset', 'drop'],
    // Not protected.
    ['10.9.0.8', '10.0.0.1', 22, 'direct', 'accept'],
    ['10.9.0.8', '172.17.0.1', 443, 'direct', 'accept'],
  ];
  for (const [from, to, port, request, reply] of cases) {
    const traced = traceConnection(table, { from, to, port });
    assert.deepEqual([traced.request, traced.reply], [request, reply], `${from} → ${to} port ${port}`);
  }
});

test('the service address is steered and refused though it is not an address of this host', () => {
  const to = { to: '10.96.0.1', port: 443, local: false };
  assert.equal(traceConnection(table, { from: '192.0.2.1', ...to }).request, 'steered');
  assert.equal(traceConnection(table, { from: '10.9.0.8', ...to }).request, 'reset');
  assert.equal(traceConnection(table, { from: '10.9.0.7', ...to }).request, 'direct');
  assert.equal(
    traceConnection(table, { from: '10.9.0.8', to: '10.96.0.2', port: 443, local: false }).request,
    'direct',
  );
});

test('open connections follow a changed policy at their next packet', () => {
  const at = (verdict: ProtectedService['default'], gatePort: number | undefined = 16443) => {
    const { gatePort: _, ...rest } = exampleService;
    return buildTable(
      planOf([{ ...rest, ...(gatePort ? { gatePort } : {}), rules: [], default: verdict }]),
      host,
    );
  };
  const from = { from: '192.0.2.1', ...service4 };
  const outcome = (verdict: ProtectedService['default'], through?: number, gatePort?: number) => {
    const { request, reply } = traceOpenConnection(at(verdict, gatePort), from, through);
    return [request, reply];
  };
  // Open directly.
  assert.deepEqual(outcome('pass'), ['direct', 'accept']);
  assert.deepEqual(outcome('deny'), ['reset', 'drop']);
  assert.deepEqual(outcome('drop'), ['drop', 'drop']);
  assert.deepEqual(outcome('steer'), ['reset', 'drop']);
  // Open through the gate: finishes undisturbed when lifted, cut when blocked.
  assert.deepEqual(outcome('steer', 16443), ['steered', 'accept']);
  assert.deepEqual(outcome('pass', 16443), ['steered', 'accept']);
  assert.deepEqual(outcome('deny', 16443), ['reset', 'drop']);
  assert.deepEqual(outcome('drop', 16443), ['drop', 'drop']);
});

test('a reset of the server reaches a refused caller, and nothing else of it does', () => {
  const base = {
    family: 4,
    source: 0x0a000001n,
    sourcePort: 6443,
    destination: 0x0a090008n,
    destinationPort: 40000,
    loopback: false,
    local: false,
    fromLocal: true,
    direction: 'reply',
  } as const;
  assert.equal(tracePacket(table, 'output', { ...base, reset: true }).outcome, 'accept');
  assert.equal(tracePacket(table, 'output', { ...base, reset: false }).outcome, 'drop');
  // What is only forwarded is answered to whoever sent it.
  assert.equal(tracePacket(table, 'forward', { ...base, fromLocal: false, reset: false }).outcome, 'reset');
  assert.equal(tracePacket(table, 'output', { ...base, reset: false, loopback: true }).outcome, 'accept');
});

test('steering without a gate port is refused, not let through', () => {
  const { gatePort: _, ...rest } = exampleService;
  const closed = buildTable(planOf([rest]), host);
  assert.equal(traceConnection(closed, { from: '192.0.2.1', ...service4 }).request, 'reset');
});

test('refused callers are recorded and counted under their rule, others are not', () => {
  const denied = traceConnection(table, { from: '10.9.0.8', ...service4 });
  assert.deepEqual([rulesOf(denied.counters), denied.recorded], [['policy/lab'], true]);
  const passed = traceConnection(table, { from: '10.9.0.7', ...service4 });
  assert.deepEqual([rulesOf(passed.counters), passed.recorded], [['policy/break-glass'], false]);
  assert.equal(traceConnection(table, { from: '192.0.2.1', to: '10.0.0.1', port: 16443 }).recorded, true);
});

test('two services that claim one endpoint are refused by name', () => {
  assert.throws(
    () => buildTable(planOf([exampleService, { ...exampleService, id: 'other' }]), host),
    (error: Error) => /'prod_api' and 'other' both claim 10.0.0.1 port 6443/.test(error.message),
  );
});

test('two services of one id are refused: the second would be judged by the rules of the first', () => {
  const twin = { ...exampleService, endpoints: [{ address: '10.0.0.9', port: 6443 }] };
  assert.throws(
    () => buildTable(planOf([exampleService, twin]), host),
    /two services have the id 'prod_api'/,
  );
});

test("another host's service: what is forwarded is judged by its own address and steered to the gate there", () => {
  const remote: ProtectedService = {
    ...exampleService,
    gateAddresses: ['10.0.0.1'],
    rules: [{ ...ruleOf('portcullis/control-plane', ['10.0.0.2'], 'pass'), tier: 'control-plane' }],
  };
  const onNode = buildTable(planOf([remote]), { localAddresses: ['10.0.0.2'] });
  const forwarded = (from: string, to = '10.96.0.1', port = 443) => {
    const { request, reply } = traceConnection(onNode, { from, to, port, local: false });
    return [request, reply];
  };
  assert.deepEqual(forwarded('10.244.1.5'), ['steered', 'accept']);
  assert.deepEqual(forwarded('192.0.2.1', '10.0.0.1', 6443), ['steered', 'accept']);
  assert.deepEqual(forwarded('10.0.0.2'), ['direct', 'accept']);
  // No gate at an address of that family.
  assert.deepEqual(forwarded('2001:db8:8::5', '2001:db8::1', 6443), ['reset', 'reset']);
  const blocked = buildTable(planOf([{ ...remote, default: 'deny' }]), { localAddresses: ['10.0.0.2'] });
  assert.equal(
    traceConnection(blocked, { from: '10.244.1.5', to: '10.0.0.1', port: 6443, local: false }).request,
    'reset',
  );
  // The node's own ports are its own.
  assert.equal(
    traceConnection(blocked, { from: '192.0.2.1', to: '10.0.0.2', port: 16443 }).request,
    'direct',
  );
});

test('hosts of the cluster may come to the gate by themselves: with what they forward, under their address', () => {
  const service: ProtectedService = {
    ...exampleService,
    rules: [
      ruleOf('policy/node-2', ['10.0.0.3'], 'deny'),
      { ...ruleOf('portcullis/control-plane', ['10.0.0.2', '10.0.0.3'], 'pass'), tier: 'control-plane' },
    ],
  };
  const built = buildTable(planOf([service]), host);
  const toGate = (from: string) => traceConnection(built, { from, to: '10.0.0.1', port: 16443 }).request;
  assert.deepEqual(['10.0.0.2', '10.0.0.3', '192.0.2.1'].map(toGate), ['direct', 'reset', 'reset']);
});

test('no way around a server that names one IPv4 address alone: all others of its host are judged the same', () => {
  const { gatePort: _, ...rest } = exampleService;
  const own = ['10.0.0.1', '172.17.0.1', '169.254.7.7', 'fe80::1', '2001:db8::1'];
  const service: ProtectedService = {
    ...rest,
    endpoints: [{ address: '10.0.0.1', port: 6443 }],
    rules: [ruleOf('policy/ops', ['10.9.0.7', '2001:db8:9::7'], 'pass')],
    default: 'deny',
  };
  const built = buildTable(planOf([service]), { localAddresses: own });
  for (const to of own) {
    const six = to.includes(':');
    const ask = (from: string) => traceConnection(built, { from, to, port: 6443 }).request;
    // Pods, hosts on the link, and everybody else.
    for (const from of six ? ['fe80::9', '2001:db8:8::5'] : ['169.254.7.9', '10.244.0.5', '192.0.2.1']) {
      assert.equal(ask(from), 'reset', `${from} → ${to}`);
    }
    assert.equal(ask(six ? '2001:db8:9::7' : '10.9.0.7'), 'direct', to);
  }
  // A node port: somebody else's NAT sends what was for another port to the server.
  const server = { source: 0xc0000201n, sourcePort: 40_000, destination: 0x0a000001n, destinationPort: 6443 };
  const packet = {
    family: 4,
    reset: false,
    loopback: false,
    local: true,
    fromLocal: false,
    direction: 'original',
  } as const;
  const translatedFrom = { address: 0x0a000001n, port: 30_443 };
  assert.equal(tracePacket(built, 'input', { ...server, ...packet, translatedFrom }).outcome, 'reset');
});

test('the gate may open connections to its servers, others to anywhere', () => {
  const guarded = buildTable(planOf([exampleService]), { ...host, gateUser: 61_443 });
  const [endpoint] = exampleService.endpoints;
  assert.ok(endpoint);
  const server = parseCidr(endpoint.address).first;
  const packet = {
    family: 4,
    source: server,
    sourcePort: 40_000,
    reset: false,
    loopback: true,
    local: true,
    fromLocal: true,
    direction: 'original',
  } as const;
  const rows = [
    [61_443, server, endpoint.port, 'accept'],
    [61_443, server, 22, 'reset'],
    [61_443, 0x7f000001n, endpoint.port, 'reset'],
    [61_443, 0x08080808n, 443, 'reset'],
    [1_000, 0x08080808n, 443, 'accept'],
    // An answer, or a packet of what is open.
    [undefined, 0x08080808n, 443, 'accept'],
  ] as const;
  for (const [opener, destination, destinationPort, outcome] of rows) {
    const each = { ...packet, destination, destinationPort, ...(opener === undefined ? {} : { opener }) };
    assert.equal(tracePacket(guarded, 'output', each).outcome, outcome, `${opener} ${destinationPort}`);
  }
  assert.ok(!buildTable(planOf([exampleService]), host).chains.some(({ name }) => name === 'gate_guard'));
});

test('what comes from elsewhere for a loopback address is lost where that is asked for', () => {
  const plan = planOf([exampleService]);
  const guarded = buildTable({ ...plan, guardLoopback: true }, host);
  const packet = {
    source: 0xc0000201n,
    sourcePort: 40_000,
    destinationPort: 9_000,
    reset: false,
    local: true,
    fromLocal: false,
    direction: 'original',
  } as const;
  const four = { ...packet, family: 4, destination: 0x7f000101n } as const;
  const six = { ...packet, family: 6, source: 9n, destination: 1n } as const;
  for (const each of [four, six]) {
    assert.equal(tracePacket(guarded, 'prerouting', { ...each, loopback: false }).outcome, 'drop');
    assert.equal(tracePacket(guarded, 'prerouting', { ...each, loopback: true }).outcome, 'accept');
    assert.equal(
      tracePacket(buildTable(plan, host), 'prerouting', { ...each, loopback: false }).outcome,
      'accept',
    );
  }
  const neighbour = { ...four, destination: 0x80000001n, loopback: false };
  assert.equal(tracePacket(guarded, 'prerouting', neighbour).outcome, 'accept');
});
