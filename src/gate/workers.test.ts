// The gate as processes: a parent and its workers, over real TLS on loopback.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, afterEach, before, test } from 'node:test';
import { issue } from '../platform/pki.ts';
import {
  answerOk,
  call,
  freePort,
  gatePlan,
  type Keys,
  makeKeys,
  makeLink,
  type RawCaller,
  type RunningGate,
  removeKeys,
  type ScriptedServer,
  type Seen,
  startGate,
  startServer,
  type TestLink,
} from './test-kit.ts';

const get = 'GET /api/v1/pods HTTP/1.1\r\nHost: kubernetes\r\n\r\n';
const watch = 'GET /api/v1/pods?watch=true HTTP/1.1\r\nHost: kubernetes\r\n\r\n';
const isRoot = process.getuid?.() === 0;

let keys: Keys;
before(async () => {
  keys = await makeKeys();
});
after(() => removeKeys(keys));

type Stage = {
  readonly server: ScriptedServer;
  readonly link: TestLink;
  readonly gate: RunningGate;
  readonly port: number;
  /** Waits for a line of the gate's log. */
  line(event: string): Promise<Record<string, unknown>>;
};
const stages: Stage[] = [];
const callers: RawCaller[] = [];
afterEach(async () => {
  for (const caller of callers.splice(0)) caller.socket.destroy();
  for (const stage of stages.splice(0)) {
    await stage.gate.stop();
    await stage.server.close();
  }
});

async function stand(
  more: Parameters<typeof startGate>[2] = {},
  script: (seen: Seen, chunk: Buffer) => void = answerOk,
): Promise<Stage> {
  const server = await startServer(keys, script);
  const link = makeLink();
  const lines: string[] = [];
  const watchers = new Set<() => void>();
  const writeLog = (line: string) => {
    lines.push(line);
    for (const watcher of watchers) watcher();
  };
  const gate = startGate(keys, link, { workers: 2, writeLog, ...more });
  const port = await freePort();
  const line = (event: string) =>
    new Promise<Record<string, unknown>>((resolve) => {
      const look = () => {
        const found = lines.map((text) => JSON.parse(text)).find((entry) => entry.event === event);
        if (!found) return;
        watchers.delete(look);
        resolve(found);
      };
      watchers.add(look);
      look();
    });
  const stage = { server, link, gate, port, line };
  stages.push(stage);
  const receipt = await link.plan(gatePlan(1, [{ port, upstreamPort: server.port }]));
  assert.equal(receipt.error, undefined);
  return stage;
}

async function caller(...args: Parameters<typeof call>): Promise<RawCaller> {
  const one = await call(...args);
  callers.push(one);
  return one;
}

async function ask(one: RawCaller): Promise<void> {
  const had = one.text().length;
  one.send(get);
  await one.until(new RegExp(`^[^]{${had + 1},}ok$`));
}

/** Processes of this one's that run worker-process.ts. */
function workers(): number[] {
  return readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .map(Number)
    .filter((pid) => read(pid, 'cmdline').includes('worker-process.ts'));
}

function read(pid: number, what: string): string {
  try {
    return readFileSync(`/proc/${pid}/${what}`, 'utf8');
  } catch {
    return '';
  }
}

/** A connection that this worker accepts, because no other can. */
async function callerOf(worker: number, port: number): Promise<RawCaller> {
  const others = workers().filter((pid) => pid !== worker);
  for (const pid of others) process.kill(pid, 'SIGSTOP');
  try {
    const one = await caller(keys, port, keys.user);
    await ask(one);
    return one;
  } finally {
    for (const pid of others) process.kill(pid, 'SIGCONT');
  }
}

test('a worker that dies is replaced; its connections are lost, nobody else’s', async () => {
  const { port, link, line } = await stand();
  const [first, second] = workers();
  assert.ok(first && second);
  const lost = await callerOf(first, port);
  const kept = await callerOf(second, port);
  process.kill(first, 'SIGKILL');
  await lost.ended();
  await ask(kept);
  const died = await line('worker-died');
  assert.equal(died['pid'], first);
  assert.equal(died['why'], 'SIGKILL');
  await line('worker-replaced');
  const [, replacement] = workers();
  assert.ok(replacement && replacement !== first);
  await ask(await callerOf(replacement, port));
  await ask(kept);
  await link.plan(gatePlan(2, []));
  await link.when(() => link.reports.at(-1)?.generation === 2);
  const counted = link.reports.at(-1)?.counters ?? {};
  assert.equal(counted['worker_deaths_total'], 1);
  assert.equal(counted['workers'], 2);
});

test('callers who come while no worker runs wait, and are served', async () => {
  const { port, line } = await stand({ workers: 1 });
  const [only] = workers();
  assert.ok(only);
  process.kill(only, 'SIGKILL');
  await line('worker-died');
  await ask(await caller(keys, port, keys.user));
});

test('numbers of the workers are summed', async () => {
  const { port, link } = await stand();
  const [first, second] = workers();
  assert.ok(first && second);
  for (const pid of [first, second, first]) await callerOf(pid, port);
  await link.plan(gatePlan(2, []));
  // A worker that is too busy to answer is counted as it was, so not every report has all of it.
  const counted = () => link.reports.at(-1)?.counters ?? {};
  await link.when(() => (counted()['requests_total'] ?? 0) >= 3 && (counted()['connections_open'] ?? 0) >= 3);
  assert.equal(counted()['requests_total'], 3);
  assert.equal(counted()['connections_open'], 3);
});

test('limits are of the gate, not of each worker', { timeout: 120_000 }, async () => {
  const { port } = await stand({ limits: { connectionsPerSource: 4 } });
  const [first, second] = workers();
  assert.ok(first && second);
  const there: RawCaller[] = [];
  for (let count = 0; count < 4; count += 1) there.push(await callerOf(first, port));
  // The other has heard of them when it refuses a fifth.
  const refusedBy = async (worker: number) => {
    const one = await callerOf(worker, port).catch(() => undefined);
    one?.socket.destroy();
    return one === undefined;
  };
  while (!(await refusedBy(second)));
  for (const one of there.splice(0)) one.socket.destroy();
  while (await refusedBy(second));
});

test('a plan that one worker can not apply stands in none', async () => {
  const { port, link, server } = await stand();
  const bad = {
    id: 'CVE-2099-0001',
    rules: [
      {
        id: 'broken',
        phase: 'request' as const,
        when: 'request.nonsense ==',
        action: 'deny' as const,
        severity: 'major' as const,
        message: 'no',
      },
    ],
  };
  const other = await freePort();
  const receipt = await link.plan(
    gatePlan(2, [
      { port: other, upstreamPort: server.port },
      { port, upstreamPort: server.port, shields: [bad] },
    ]),
  );
  assert.match(receipt.error ?? '', /bad-predicate/);
  await assert.rejects(call(keys, other), { code: 'ECONNREFUSED' });
  for (const pid of workers()) await callerOf(pid, port);
  const good = await link.plan(gatePlan(3, [{ port: other, upstreamPort: server.port }]));
  assert.equal(good.error, undefined);
  for (const pid of workers()) await callerOf(pid, other);
});

test('workers belong to their user, may do little, and get renewed keys that they can’t read', {
  skip: !isRoot && 'needs root',
}, async () => {
  const { server, port } = await stand({ user: { uid: 61443, gid: 61443 }, limits: { filesMs: 20 } });
  for (const pid of workers()) {
    assert.match(read(pid, 'status'), /^Uid:\t61443\t61443\t61443\t61443$/m);
    assert.match(read(pid, 'status'), /^Gid:\t61443\t61443\t61443\t61443$/m);
    assert.match(read(pid, 'status'), /^Groups:\t61443 ?$/m);
    assert.match(read(pid, 'cmdline'), /--permission/);
    assert.doesNotMatch(read(pid, 'cmdline'), /--allow-(fs-write|child-process|worker|addons)/);
    assert.equal(read(pid, 'environ').includes('PATH='), false);
  }
  const renewed = await issue(keys.authority, {
    subject: { commonName: 'front-proxy-renewed' },
    use: ['client'],
    days: 1,
  });
  // Owner-only, and root's.
  keys.write('front-proxy-client.crt', renewed.certificate);
  keys.write('front-proxy-client.key', renewed.key);
  for (let attempt = 0; ; attempt += 1) {
    await ask(await caller(keys, port, keys.user));
    const used = server.connections.findLast((seen) => seen.received() > 0);
    if (used?.certificate === 'front-proxy-renewed') break;
    assert.ok(attempt < 500, 'the renewed certificate was not used');
  }
});

test('told to stop, the gate takes no new connection, and ends when a watch that goes on is over', async () => {
  let feed: Seen | undefined;
  const script = (seen: Seen) => {
    if (!seen.text().includes('watch=true')) return answerOk(seen);
    feed = seen;
    seen.socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
  };
  const { port, gate, line } = await stand({ drainSeconds: 600 }, script);
  const idle = await caller(keys, port, keys.user);
  await ask(idle);
  const watcher = await caller(keys, port, keys.user);
  watcher.send(watch);
  await watcher.until('chunked');
  const stopped = gate.stop();
  await idle.ended();
  feed?.socket.write('5\r\nstill\r\n');
  await watcher.until('still');
  // One that comes while the ports are being closed is reset; then there is nobody.
  const attempt = () =>
    call(keys, port).then(
      ({ socket }) => socket.destroy(),
      (error: NodeJS.ErrnoException) => error.code,
    );
  while ((await attempt()) !== 'ECONNREFUSED');
  feed?.socket.write('0\r\n\r\n');
  assert.match(await watcher.ended(), /still\r\n0\r\n\r\n$/);
  await stopped;
  assert.equal((await line('drained'))['ended'], 0);
  assert.deepEqual(workers(), []);
});
