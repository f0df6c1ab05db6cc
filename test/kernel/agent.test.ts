// The whole agent as a process on a host of its own: plans, receipts, restarts, deaths, drift, lock-outs, records.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, afterEach, before, test } from 'node:test';
import { readTable, removeTable } from '../../src/agent/kernel-table.ts';
import { removeEverything } from '../../src/agent/remove.ts';
import { HealthReport } from '../../src/model/api.ts';
import { type AgentPlan, type ProtectedService, Receipt } from '../../src/model/plan.ts';
import { SessionRecord } from '../../src/model/record.ts';
import { exampleService, planOf, ruleOf } from '../../src/nft/example-plan.ts';
import { makeWorld, type World } from './world.ts';

/** Everything that an agent process said, and a way to wait for more. */
type Agent = {
  readonly process: ChildProcess;
  plan(plan: AgentPlan): void;
  /** The first thing said, already or from now on, that `pick` takes. */
  said<T>(pick: (said: Said) => T | undefined, from?: number): Promise<T>;
  /** How much was said so far: where a later look begins. */
  mark(): number;
  stop(how: NodeJS.Signals): Promise<number | null>;
};
type Said = {
  receipt?: Receipt;
  health?: HealthReport;
  sessions?: SessionRecord[];
  failed?: string;
  log?: { event: string; generation?: number };
};

const controller = { address: '10.2.0.1', port: 7443 };
let world: World;
let folder = '';
const running = new Set<Agent>();
before(async () => {
  world = await makeWorld();
  folder = mkdtempSync(join(tmpdir(), 'pck-agent-'));
  await world.host.listen(6443);
  await world.host.listen(16443);
  await world.back.listen(controller.port);
  await world.back.listen(6443);
});
afterEach(async () => {
  for (const agent of running) await agent.stop('SIGKILL');
  await removeTable(world.run);
  rmSync(join(folder, 'plan.json'), { force: true });
});
after(async () => {
  await world?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** `by` is a program that starts it. */
function startAgent(env: NodeJS.ProcessEnv = {}, by: readonly string[] = []): Agent {
  const child = spawn(
    'ip',
    [
      'netns',
      'exec',
      world.hostNamespace,
      ...by,
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      new URL('./agent-process.ts', import.meta.url).pathname,
      folder,
      controller.address,
      String(controller.port),
    ],
    { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } },
  );
  const all: Said[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (process.env['AGENT_LOG']) console.log(line);
    all.push(JSON.parse(line) as Said);
    for (const look of [...waiting]) look();
  });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const agent: Agent = {
    process: child,
    plan: (plan) => void child.stdin.write(`${JSON.stringify(plan)}\n`),
    mark: () => all.length,
    said(pick, from = 0) {
      return new Promise((resolve, reject) => {
        let next = from;
        const timer = setTimeout(() => {
          waiting.delete(look);
          reject(new Error(`not said: ${pick}; last: ${JSON.stringify(all.slice(-5))}`));
        }, 120_000);
        const look = () => {
          for (; next < all.length; next++) {
            const found = pick(all[next] as Said);
            if (found === undefined) continue;
            clearTimeout(timer);
            waiting.delete(look);
            return resolve(found);
          }
        };
        waiting.add(look);
        look();
      });
    },
    async stop(how) {
      running.delete(agent);
      child.kill(how);
      return (await exited)[0];
    },
  };
  running.add(agent);
  return agent;
}

function plan(
  generation: number,
  verdict: ProtectedService['default'],
  more: Partial<AgentPlan> = {},
): AgentPlan {
  const service = { ...exampleService, rules: exampleService.rules.slice(0, 1), default: verdict };
  return { ...planOf([service], generation), ...more };
}
const receiptFor = (generation: number) => (said: Said) =>
  said.receipt?.generation === generation ? Receipt.parse(said.receipt) : undefined;
const outsider = async () => (await world.caller.connect('192.0.2.1', '10.0.0.1', 6443)).said;

test('a plan is applied with a receipt; health tells the generation; the plan is stored for the owner only', async () => {
  const agent = startAgent();
  const open = await world.caller.connect('192.0.2.1', '10.0.0.1', 6443);
  agent.plan(plan(3, 'deny'));
  const receipt = await agent.said(receiptFor(3));
  assert.deepEqual(
    [receipt.ok, receipt.connectionsCut, receipt.kind, receipt.target],
    [true, 1, 'agent', 'cp-1'],
  );
  assert.deepEqual(receipt.cut, [{ from: '192.0.2.1', server: 'prod/api', rule: 'default', connections: 1 }]);
  assert.equal((await open.closed()).why, 'ECONNRESET');
  assert.equal(await outsider(), 'ECONNREFUSED');
  const health = await agent.said((said) => (said.health?.generation === 3 ? said.health : undefined));
  assert.ok(HealthReport.parse(health).ok, health.detail);
  assert.equal(statSync(join(folder, 'plan.json')).mode & 0o777, 0o600);
  const counted = (said: Said) =>
    (said.health?.counters['rule prod/api default'] ?? 0) > 0 ? true : undefined;
  await agent.said(counted);
  agent.plan(plan(4, 'pass'));
  assert.equal((await agent.said(receiptFor(4))).ok, true);
  assert.equal(await outsider(), '6443 192.0.2.1');
});

for (const [what, by, idleEnd] of [
  ['at once', [], true],
  [
    'at the next packet without CAP_NET_RAW, and health says so',
    ['setpriv', '--bounding-set', '-net_raw'],
    false,
  ],
] as const) {
  test(`an idle connection that the host forwards ends ${what}`, async () => {
    const agent = startAgent({}, by);
    const service = { ...exampleService, endpoints: [{ address: '10.2.0.1', port: 6443 }], rules: [] };
    agent.plan(planOf([{ ...service, default: 'pass' }], 3));
    assert.equal((await agent.said(receiptFor(3))).ok, true);
    const idle = await world.caller.connect('192.0.2.1', '10.2.0.1', 6443);
    assert.equal(idle.said, '6443 192.0.2.1');
    agent.plan(planOf([{ ...service, default: 'deny' }], 4));
    const receipt = await agent.said(receiptFor(4));
    assert.deepEqual([receipt.ok, receipt.error, receipt.connectionsCut], [true, undefined, 1]);
    const { detail } = await agent.said(({ health }) => (health?.generation === 4 ? health : undefined));
    const problem = /idle connections .* at their next packet only: raw socket: operation not permitted/;
    if (idleEnd) assert.doesNotMatch(detail, /idle connections/);
    else assert.match(detail, problem);
    assert.equal(await (idleEnd ? idle.closed().then(({ why }) => why) : idle.echo()), 'ECONNRESET');
  });
}

test('kill -9 leaves the table; a restart resumes the stored plan without its controller and cuts nothing allowed', async () => {
  const first = startAgent();
  first.plan(plan(1, 'deny'));
  await first.said(receiptFor(1));
  await first.stop('SIGKILL');
  assert.equal((await readTable(world.run))?.generation, 1);
  assert.equal(await outsider(), 'ECONNREFUSED');
  const allowed = await world.caller.connect('10.9.0.7', '10.0.0.1', 6443);
  await removeTable(world.run);
  await world.back.closeListener(controller.port);
  const second = startAgent();
  await second.said((said) => (said.log?.event === 'plan-resumed' ? true : undefined));
  assert.equal(await outsider(), 'ECONNREFUSED');
  assert.equal(await allowed.echo(), 'hello');
  await world.back.listen(controller.port);
  second.plan(plan(2, 'pass'));
  assert.equal((await second.said(receiptFor(2))).ok, true);
  assert.equal(await second.stop('SIGTERM'), 0);
  assert.equal((await readTable(world.run))?.generation, 2);
  await allowed.end();
});

test('a plan that nobody confirms in time is taken back, also by an agent that was killed meanwhile', async () => {
  const trial = (generation: number, ms: number): AgentPlan => {
    const { services, keepOpen, issuedAt } = plan(generation, 'pass');
    const before = new Date(Date.parse(issuedAt) + ms).toISOString();
    return plan(generation, 'deny', { confirm: { before, otherwise: { services, keepOpen } } });
  };
  const first = startAgent();
  first.plan(plan(1, 'pass'));
  await first.said(receiptFor(1));
  first.plan(trial(2, 1_500));
  // Its receipt may come too late for its time.
  await first.said(({ log }) => (log?.event === 'plan-applied' && log.generation === 2 ? true : undefined));
  await first.said((said) => (said.log?.event === 'plan-not-confirmed' ? true : undefined));
  assert.equal(await outsider(), '6443 192.0.2.1');
  first.plan(trial(3, 3_600_000));
  assert.equal((await first.said(receiptFor(3))).ok, true);
  assert.equal(await outsider(), 'ECONNREFUSED');
  await first.stop('SIGKILL');
  const stored = JSON.parse(readFileSync(join(folder, 'plan.json'), 'utf8'));
  assert.ok(Date.parse(stored.confirmBy) > Date.now());
  writeFileSync(
    join(folder, 'plan.json'),
    JSON.stringify({ ...stored, confirmBy: '2024-01-01T00:00:00.000Z' }),
  );
  const second = startAgent();
  await second.said((said) => (said.log?.event === 'plan-not-confirmed' ? true : undefined));
  assert.equal(await outsider(), '6443 192.0.2.1');
});

test('a plan that closes a path which must stay open is refused by name, and nothing changes', async () => {
  const agent = startAgent();
  agent.plan(plan(1, 'pass'));
  await agent.said(receiptFor(1));
  const paths = [
    { name: 'break-glass/ops', from: ['192.0.2.0/30'], to: { address: '10.0.0.1', port: 6443 } },
  ];
  agent.plan(plan(2, 'deny', { keepOpen: paths }));
  const receipt = await agent.said(receiptFor(2));
  assert.equal(receipt.ok, false);
  assert.match(
    receipt.error ?? '',
    /'break-glass\/ops' for 192\.0\.2\.0: rule 'default'.*\[plan-locks-out\]/,
  );
  assert.equal((await readTable(world.run))?.generation, 1);
  assert.equal(await outsider(), '6443 192.0.2.1');
});

test('a plan that cuts the agent off its controller is taken back, with a receipt, and not tried again', async () => {
  const agent = startAgent();
  agent.plan(plan(1, 'deny'));
  await agent.said(receiptFor(1));
  const trap = plan(2, 'deny');
  trap.services.push({ ...exampleService, id: 'trap', endpoints: [controller], rules: [], default: 'drop' });
  const { gatePort: _, ...noGate } = trap.services[1] as ProtectedService;
  trap.services[1] = noGate;
  agent.plan(trap);
  const receipt = await agent.said(receiptFor(2));
  assert.equal(receipt.ok, false);
  assert.match(receipt.error ?? '', /\[rolled-back\]/);
  assert.equal((await readTable(world.run))?.generation, 1);
  const mark = agent.mark();
  await agent.stop('SIGKILL');
  const again = startAgent();
  again.plan(trap);
  await again.said(
    (said) =>
      said.health?.generation === 1 && said.health.counters['sessions_denied'] !== undefined
        ? said.health
        : undefined,
    0,
  );
  again.plan(plan(3, 'pass'));
  assert.equal((await again.said(receiptFor(3))).ok, true);
  assert.ok(mark > 0);
});

test('a controller that dies right after a plan does not undo it, not for a moment', async () => {
  const agent = startAgent();
  agent.plan(plan(1, 'pass'));
  await agent.said(receiptFor(1));
  const mark = agent.mark();
  agent.plan(plan(2, 'deny'));
  await agent.said((said) => (said.log?.event === 'plan-applied' ? true : undefined), mark);
  await world.back.closeListener(controller.port);
  // Longer than the agent waits for the controller before it suspects a plan.
  const until = Date.now() + 3_000;
  while (Date.now() < until) assert.equal(await outsider(), 'ECONNREFUSED');
  await world.back.listen(controller.port);
  assert.equal((await agent.said(receiptFor(2))).ok, true);
});

test('drift is repaired: a table deleted, a rule taken out, an element taken out, all rules flushed', async () => {
  const agent = startAgent();
  agent.plan(plan(1, 'deny'));
  await agent.said(receiptFor(1));
  for (const damage of [
    ['delete', 'table', 'inet', 'portcullis'],
    ['flush', 'chain', 'inet', 'portcullis', 'judge'],
    ['delete', 'element', 'inet', 'portcullis', 'to4', '{ 10.0.0.1 . 6443 }'],
    ['flush', 'ruleset'],
  ]) {
    const mark = agent.mark();
    assert.equal((await world.run('nft', damage)).code, 0, damage.join(' '));
    await agent.said((said) => (/^the table /.test(said.health?.repaired ?? '') ? true : undefined), mark);
    assert.equal(await outsider(), 'ECONNREFUSED', damage.join(' '));
  }
});

test('a table that goes with somebody else\'s "flush ruleset" is back at once', async () => {
  const agent = startAgent({ REPAIR_SECONDS: '60' });
  agent.plan(plan(1, 'deny'));
  await agent.said(receiptFor(1));
  for (let round = 0; round < 3; round++) {
    const mark = agent.mark();
    const began = Date.now();
    assert.equal((await world.run('nft', ['flush', 'ruleset'])).code, 0);
    await agent.said((said) => (said.log?.event === 'drift-repaired' ? true : undefined), mark);
    console.log(`repaired ${Date.now() - began} ms after the flush`);
    assert.equal(await outsider(), 'ECONNREFUSED');
  }
});

test('a plan that was not stored is not undone by a restart: the newer table stands', async () => {
  const first = startAgent();
  first.plan(plan(1, 'pass'));
  await first.said(receiptFor(1));
  const older = readFileSync(join(folder, 'plan.json'), 'utf8');
  first.plan(plan(2, 'deny'));
  await first.said(receiptFor(2));
  await first.stop('SIGKILL');
  writeFileSync(join(folder, 'plan.json'), older);
  const second = startAgent();
  const health = await second.said((said) => said.health);
  assert.equal(health.ok, false);
  assert.match(health.detail, /generation 2 stands.*stored plan is 1/);
  assert.equal(await outsider(), 'ECONNREFUSED');
  second.plan(plan(2, 'deny'));
  await second.said(receiptFor(2));
  await second.said((said) => (said.health?.ok ? true : undefined));
});

test("a server at none of the host's addresses is told of: nobody who comes to it would be judged", async () => {
  const agent = startAgent();
  const [service] = plan(1, 'deny').services;
  assert.ok(service);
  const floating = { ...service, endpoints: [{ address: '198.51.100.7', port: 6443 }] };
  agent.plan({ ...plan(1, 'deny'), services: [floating] });
  const health = await agent.said((said) => (said.health?.generation === 1 ? said.health : undefined));
  assert.equal(health.ok, false);
  assert.match(health.detail, /'prod\/api' is at none of this host's addresses/);
});

test('sessions: accepted, steered and denied, with bytes both ways, rule and tags', async () => {
  const agent = startAgent();
  const tags = [
    { address: '192.0.0.0/8', name: 'far', tags: ['zone=far'] },
    { address: '192.0.2.0/24', name: 'offices', tags: ['site=berlin'] },
  ];
  const mixed = plan(1, 'steer', { addressTags: tags });
  mixed.services[0]?.rules.push(ruleOf('policy/lab', ['10.9.0.8', '2001:db8:8::5'], 'deny'));
  agent.plan(mixed);
  await agent.said(receiptFor(1));
  const find = (verdict: SessionRecord['verdict'], address: string) =>
    agent.said((said) =>
      said.sessions
        ?.map((each) => SessionRecord.parse(each))
        .find((each) => each.verdict === verdict && each.from.address === address),
    );
  for (const from of ['10.9.0.7', '192.0.2.9']) {
    const connection = await world.caller.connect(from, '10.0.0.1', 6443);
    assert.equal(await connection.echo(), 'hello');
    await connection.end();
  }
  for (let attempt = 0; attempt < 3; attempt++) await world.caller.connect('10.9.0.8', '10.0.0.1', 6443);
  await world.caller.connect('2001:db8:8::5', '2001:db8::1', 6443);
  await world.caller.connect('192.0.2.9', '10.0.0.1', 16443);

  const accepted = await find('accepted', '10.9.0.7');
  assert.deepEqual(
    [accepted.rule, accepted.server, accepted.generation],
    ['policy/break-glass', 'prod/api', 1],
  );
  assert.ok(accepted.bytesOut > 200 && accepted.bytesIn > 200 && accepted.packetsOut >= 4);
  assert.ok(Date.parse(accepted.endedAt) >= Date.parse(accepted.startedAt));
  const steered = await find('steered', '192.0.2.9');
  assert.deepEqual(
    [steered.rule, steered.from.name, steered.from.tags],
    ['default', 'offices', ['site=berlin']],
  );
  assert.deepEqual(steered.to, { address: '10.0.0.1', port: 6443 });
  const denied = await find('denied', '10.9.0.8');
  assert.deepEqual([denied.rule, denied.to.port, denied.from.name], ['policy/lab', 6443, 'unknown']);
  assert.ok(denied.attempts >= 1 && denied.attempts <= 3);
  assert.equal((await find('denied', '2001:db8:8::5')).to.address, '2001:db8::1');
  assert.equal((await find('denied', '192.0.2.9')).rule, 'portcullis/gate-port');
  // The last connection of all was to the gate's port.
  const health = await agent.said((said) =>
    (said.health?.counters['packets_gate_bypass'] ?? 0) > 0 ? said.health : undefined,
  );
  for (const met of ['packets_pass', 'packets_steer', 'packets_deny'])
    assert.ok((health.counters[met] ?? 0) > 0, met);
  assert.equal(health.counters['packets_gate_bypass'], 1);
});

test('a second agent on the same folder is refused; a damaged stored plan leaves the standing table alone', async () => {
  const first = startAgent();
  first.plan(plan(5, 'deny'));
  await first.said(receiptFor(5));
  const second = startAgent();
  assert.match(await second.said((said) => said.failed), /\[data-folder-in-use\]/);
  running.delete(second);
  await first.stop('SIGKILL');
  const stored = readFileSync(join(folder, 'plan.json'), 'utf8');
  writeFileSync(join(folder, 'plan.json'), stored.slice(0, -20));
  const third = startAgent();
  const health = await third.said((said) => (said.health?.generation === 5 ? said.health : undefined));
  assert.match(health.detail, /stored plan was not applied.*\[bad-plan\]/);
  assert.equal(await outsider(), 'ECONNREFUSED');
});

test('removal: steered connections end, direct ones go on, no table is left', async () => {
  const agent = startAgent();
  agent.plan(plan(1, 'steer'));
  await agent.said(receiptFor(1));
  const steered = await world.caller.connect('192.0.2.1', '10.0.0.1', 6443);
  const direct = await world.caller.connect('10.9.0.7', '10.0.0.1', 6443);
  assert.equal(steered.said, '16443 192.0.2.1');
  await agent.stop('SIGTERM');
  await removeEverything(world.run);
  assert.equal((await steered.closed()).why, 'ECONNRESET');
  assert.equal(await direct.echo(), 'hello');
  assert.equal((await world.run('nft', ['list', 'ruleset'])).stdout, '');
  assert.equal(await outsider(), '6443 192.0.2.1');
  await removeEverything(world.run);
});

test('a gate that is down: callers are refused, or pass where that is written down, until it is back', async () => {
  const agent = startAgent();
  const { services, ...rest } = plan(1, 'steer');
  const opened = {
    ...rest,
    generation: 2,
    services: services.map((one) => ({ ...one, gateDown: 'open' as const })),
  };
  agent.plan(plan(1, 'steer'));
  await agent.said(receiptFor(1));
  assert.equal(await outsider(), '16443 192.0.2.1');
  await world.host.closeListener(16443);
  assert.equal(await outsider(), 'ECONNREFUSED');
  agent.plan(opened);
  await agent.said(receiptFor(2));
  const passes = (said: Said) =>
    /pass uninspected/.test(said.health?.detail ?? '') ? said.health : undefined;
  const health = await agent.said(passes);
  assert.equal(health.ok, false);
  assert.equal(health.counters['gate_bypasses'], 1);
  assert.equal(health.generation, 2);
  assert.equal(await outsider(), '6443 192.0.2.1');
  await world.host.listen(16443);
  await agent.said((said) => (said.health?.ok ? true : undefined), agent.mark());
  assert.equal(await outsider(), '16443 192.0.2.1');
  assert.equal(await agent.stop('SIGTERM'), 0);
});
