// What the table costs packets, and how fast it cuts: two namespaces with a wire between them.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { applyPlan } from '../../src/agent/apply.ts';
import { removeTable } from '../../src/agent/kernel-table.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { run } from '../../src/platform/run.ts';
import { makeWorld, type World } from '../../test/kernel/world.ts';
import { bodyOf, inventoryOf, planOf, policyOf } from './policy-scale.ts';
import { lines, median, start, stop } from './processes.ts';
import { type Row, row } from './rows.ts';

const caller = '10.9.0.7';
const port = 6443;
const ways = ['no table', 'portcullis', 'iptables'] as const;
type Way = (typeof ways)[number];

export async function traffic(quick: boolean): Promise<Row[]> {
  const rows: Row[] = [];
  const rounds = quick ? 2 : 5;
  await using world = await makeWorld();
  const rules = 1_000;
  for (const [name, unit, measure] of [
    ['throughput', 'Gbit/s', (seconds: number) => throughput(world, seconds)],
    ['new connections', '1/s', (seconds: number) => connections(world, seconds)],
  ] as const) {
    if (name === 'throughput' && !existsSync('/usr/bin/iperf3')) continue;
    const seen = new Map<Way, number[]>(ways.map((way) => [way, []]));
    for (let round = 0; round < rounds; round += 1) {
      for (const way of ways) {
        if (way === 'iptables' && !existsSync('/usr/sbin/iptables-nft')) continue;
        await setUp(world, way, rules);
        seen.get(way)?.push(await measure(quick ? 2 : 5));
        await takeDown(world, way);
      }
    }
    const [none, ours, chain] = ways.map((way) => median(seen.get(way) ?? []));
    if (none !== undefined && ours !== undefined)
      rows.push(row(`${name}, beside no table`, `${rules} rules`, unit, ours, none));
    if (ours !== undefined && chain)
      rows.push(row(`${name}, beside a linear iptables chain`, `${rules} rules`, unit, ours, chain));
  }
  for (const count of quick ? [1_000] : [1_000, 10_000]) {
    const times: number[] = [];
    const forwarded: number[] = [];
    for (let round = 0; round < (quick ? 2 : 3); round += 1) {
      times.push(await cut(world, count));
      forwarded.push(await cutForwarded(world, count));
    }
    rows.push(row('cut connections, as their callers see the last one', `${count}`, 'ms', median(times)));
    const both = 'cut idle forwarded connections, as the last of both ends sees it';
    rows.push(row(both, `${count}`, 'ms', median(forwarded)));
  }
  return rows;
}

/** The caller matches the last rule; everybody in the rules before it is somebody else. */
async function setUp(world: World, way: Way, rules: number): Promise<void> {
  if (way === 'portcullis') {
    const inventory = inventoryOf({ addresses: rules * 10, rules }, rules - 1);
    const last = { name: 'moving', addresses: [caller], tags: [`label=g${rules - 1}`] };
    const groups = [...inventory.groups.slice(0, -1), last];
    const policy = policyOf(rules, (rule) => (rule === rules - 1 ? 'pass' : 'deny'));
    await applyPlan(
      { run: world.run, clock: systemClock },
      planOf(bodyOf({ ...inventory, groups }, policy), 1),
    );
  }
  if (way === 'iptables') {
    const lines = Array.from({ length: rules }, (_, rule) =>
      rule === rules - 1
        ? `-A INPUT -p tcp --dport ${port} -s ${caller} -j ACCEPT`
        : `-A INPUT -p tcp --dport ${port} -s 20.${rule >> 8}.${rule & 255}.0/24 -j REJECT`,
    );
    const input = ['*filter', ':INPUT ACCEPT [0:0]', ...lines, 'COMMIT', ''].join('\n');
    const ran = await world.run('iptables-nft-restore', [], { input });
    if (ran.code !== 0) throw new Error(ran.stderr);
  }
}

async function takeDown(world: World, way: Way): Promise<void> {
  if (way === 'portcullis') await removeTable(world.run);
  if (way === 'iptables') await world.run('nft', ['delete', 'table', 'ip', 'filter']);
}

/** Gbit/s of one TCP stream from the caller. */
async function throughput(world: World, seconds: number): Promise<number> {
  const server = start('ip', [
    'netns',
    'exec',
    world.hostNamespace,
    'iperf3',
    '-s',
    '-1',
    '-p',
    String(port),
  ]);
  try {
    await listening(world);
    const args = ['-c', '10.0.0.1', '-B', caller, '-p', String(port), '-t', String(seconds), '-J'];
    const ran = await run('ip', ['netns', 'exec', world.callerNamespace, 'iperf3', ...args]);
    const { end } = JSON.parse(ran.stdout) as { end: { sum_received: { bits_per_second: number } } };
    return end.sum_received.bits_per_second / 1e9;
  } finally {
    await stop(server, 'signals');
  }
}

async function connections(world: World, seconds: number): Promise<number> {
  const server = program(world.hostNamespace, 'serve', port);
  try {
    await lines(server)();
    const load = program(world.callerNamespace, 'short', port, caller, seconds);
    const { perSecond } = (await lines(load)()) as { perSecond: number };
    await stop(load);
    return perSecond;
  } finally {
    await stop(server);
  }
}

/** From the decision to the last of `count` callers told, ms. */
async function cut(world: World, count: number): Promise<number> {
  const kernel = { run: world.run, clock: systemClock };
  const inventory = inventoryOf({ addresses: 1_000, rules: 100 });
  const body = (verdict: string) =>
    bodyOf(inventory, { ...policyOf(100, () => 'pass'), default: verdict as 'pass' });
  const server = program(world.hostNamespace, 'serve', port);
  try {
    await lines(server)();
    const open = await applyPlan(kernel, planOf(body('pass'), 1));
    const holder = program(world.callerNamespace, 'hold', port, '10.0.0.1', count);
    const next = lines(holder);
    await next();
    const began = Date.now();
    await applyPlan(kernel, planOf(body('deny'), 2), { former: open });
    const { lastAt } = (await next()) as { lastAt: number };
    await stop(holder);
    return lastAt - began;
  } finally {
    await stop(server);
    await removeTable(world.run);
  }
}

/** The same where the host only forwards: nobody sends anything, and neither end is a socket of the host's. */
async function cutForwarded(world: World, count: number): Promise<number> {
  const kernel = { run: world.run, clock: systemClock, openSockets: world.openSockets };
  const { services, ...body } = bodyOf(
    inventoryOf({ addresses: 1_000, rules: 100 }),
    policyOf(100, () => 'pass'),
  );
  const plan = (verdict: 'pass' | 'deny') => ({
    ...body,
    services: services.map((each) => ({
      ...each,
      endpoints: [{ address: '10.2.0.1', port }],
      default: verdict,
    })),
  });
  const server = program(world.backNamespace, 'serve', port, count);
  const ended = lines(server);
  try {
    await ended();
    const open = await applyPlan(kernel, planOf(plan('pass'), 1));
    const holder = program(world.callerNamespace, 'hold', port, '10.2.0.1', count);
    const next = lines(holder);
    await next();
    const began = Date.now();
    const { connectionsCut } = await applyPlan(kernel, planOf(plan('deny'), 2), { former: open });
    if (connectionsCut !== count) throw new Error(`${connectionsCut} of ${count} connections were cut`);
    const last = ((await Promise.all([next(), ended()])) as { lastAt: number }[]).map(({ lastAt }) => lastAt);
    await stop(holder);
    return Math.max(...last) - began;
  } finally {
    await stop(server);
    await removeTable(world.run);
  }
}

const script = fileURLToPath(import.meta.resolve('./policy-load.ts'));

function program(namespace: string, ...args: (string | number)[]) {
  return start('ip', ['netns', 'exec', namespace, process.execPath, script, ...args.map(String)]);
}

async function listening(world: World): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const { stdout } = await world.run('ss', ['-tlnH', `sport = :${port}`]);
    if (stdout.trim() !== '') return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('iperf3 does not listen');
}
