// Limits and overload over real TLS: who is refused, and that what is in hand goes on.
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import type { LimitSettings } from '../model/limits.ts';
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
  /** A number of /metrics. */
  counted(name: string): Promise<number>;
  limit(limits: LimitSettings): Promise<void>;
};
const ends: (() => Promise<void>)[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const end of ends.splice(0)) await end();
});

async function stand(limits: LimitSettings, script: (seen: Seen) => void = answerOk): Promise<Stage> {
  const server = await startServer(keys, script);
  const link = makeLink();
  const metricsPort = await freePort();
  const gate = startGate(keys, link, { metricsPort, limits: { sweepMs: 20 } });
  const port = await freePort();
  let generation = 0;
  const limit = async (wanted: LimitSettings) => {
    generation += 1;
    const receipt = await link.plan(
      gatePlan(generation, [{ port, upstreamPort: server.port, limits: wanted }]),
    );
    assert.equal(receipt.error, undefined);
  };
  await limit(limits);
  ends.push(async () => {
    await gate.stop();
    await server.close();
  });
  return {
    server,
    link,
    gate,
    port,
    limit,
    async counted(name) {
      const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
      const line = text.split('\n').find((one) => one.startsWith(`portcullis_gate_${name} `));
      return Number(line?.split(' ').at(-1) ?? 0);
    },
  };
}

async function caller(...args: Parameters<typeof call>): Promise<RawCaller> {
  const one = await call(...args);
  sockets.push(one.socket);
  return one;
}

/** A TCP connection that says nothing. Resolves when it is closed. */
function silent(port: number): { readonly socket: Socket; readonly closed: Promise<void> } {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => {});
  socket.resume();
  return { socket, closed: new Promise((resolve) => socket.on('close', () => resolve())) };
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: kubernetes\r\n\r\n`;
const watch = '/api/v1/pods?watch=1';
/** Answers, but what is asked to `hang`; a watch begins and stays. */
function script(seen: Seen): void {
  if (seen.text().includes('/hang')) return;
  if (seen.text().includes('watch=1')) {
    if (seen.text().endsWith('\r\n\r\n'))
      seen.socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n');
  } else answerOk(seen);
}

test('one source has its share of connections; a plan changes it, and nobody is cut', async () => {
  const stage = await stand({ connectionsPerSource: 2 });
  const first = await caller(keys, stage.port, keys.user);
  const second = await caller(keys, stage.port, keys.user);
  await silent(stage.port).closed;
  await stage.limit({ connectionsPerSource: 3 });
  const third = await caller(keys, stage.port, keys.user);
  for (const one of [first, second, third]) {
    one.send(get('/version'));
    await one.until('ok');
  }
  assert.ok((await stage.counted('refusals_total{code="too-many-from-source"}')) >= 1);
});

test('who shows no credential makes room for others, who shows one does not', async () => {
  const stage = await stand({ unauthenticated: 2 });
  const certified = await caller(keys, stage.port, keys.user);
  const bearer = await caller(keys, stage.port);
  bearer.send('GET /version HTTP/1.1\r\nHost: kubernetes\r\nAuthorization: Bearer x\r\n\r\n');
  await bearer.until('ok');
  const idle = [
    await caller(keys, stage.port),
    await caller(keys, stage.port),
    await caller(keys, stage.port),
  ];
  await idle[0]?.ended();
  for (const one of [certified, bearer, idle[1], idle[2]]) {
    assert.ok(one);
    const before = one.text().length;
    one.send(get('/version'));
    await one.untilLength(before + 10);
  }
  assert.equal(await stage.counted('refusals_total{code="unauthenticated-over-limit"}'), 1);
});

test('a handshake that is never made is ended, by the limit of the plan in force', async () => {
  const stage = await stand({ handshakeMs: 100 });
  await silent(stage.port).closed;
  assert.ok((await stage.counted('timeouts_total{what="handshake"}')) >= 1);
});

test('time in which the gate itself stood still is held against nobody', async (t) => {
  const now = performance.now.bind(performance);
  let stood = 0;
  let looks = 0;
  t.mock.method(performance, 'now', () => {
    looks += 1;
    return now() + stood;
  });
  const stage = await stand({ handshakeMs: 120_000, headMs: 120_000, firstRequestMs: 120_000 });
  const { socket, closed } = silent(stage.port);
  const half = await caller(keys, stage.port, keys.user);
  half.send('GET /version HTTP/1.1\r\n');
  const unasked = await caller(keys, stage.port, keys.user);
  stood = 150_000;
  // Longer than any sweep is late: all limits have been looked at since.
  for (const before = looks; looks < before + 20; ) await new Promise(setImmediate);
  half.send('Host: kubernetes\r\n\r\n');
  unasked.send(get('/version'));
  const slow = await Promise.race([caller(keys, stage.port, keys.user, { socket }), closed]);
  assert.ok(slow, 'it was closed in its handshake');
  slow.send(get('/version'));
  for (const one of [half, unasked, slow]) await one.until('ok');
});

test('who gives up in mid-handshake is gone at once, and the limit is not waited for', async () => {
  const stage = await stand({ handshakeMs: 120_000 });
  for (const said of [Buffer.alloc(0), Buffer.from('16030102000100', 'hex')]) {
    const quitter = silent(stage.port);
    quitter.socket.end(said);
    await quitter.closed;
  }
  assert.equal(await stage.counted('timeouts_total{what="handshake"}'), 0);
});

test('too many open requests: new ones are answered 429 and asked to wait, those in hand go on', async () => {
  const stage = await stand({ openRequests: 1 }, script);
  const watcher = await caller(keys, stage.port, keys.user);
  watcher.send(get(watch));
  await watcher.until('first');
  const hanging = await caller(keys, stage.port, keys.user);
  hanging.send(get('/hang'));
  const hung = () => stage.server.connections.find((seen) => seen.text().includes('/hang'));
  while (!hung()) await new Promise(setImmediate);
  const shed = await caller(keys, stage.port, keys.user);
  shed.send(get('/version'));
  const answer = await shed.until('"code":429');
  assert.match(answer, /^HTTP\/1\.1 429 Too Many Requests\r\n/);
  assert.match(answer, /\r\nRetry-After: 1\r\n/);
  assert.match(answer, /"reason":"TooManyRequests"/);
  shed.send(get('/readyz'));
  await shed.until('ok');
  hung()?.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone');
  await hanging.until('done');
  shed.send(get('/version'));
  await shed.until(/ok.*ok/s);
  stage.server.connections.find((seen) => seen.text().includes('watch=1'))?.socket.write('6\r\nsecond\r\n');
  await watcher.until('second');
  assert.equal(await stage.counted('requests_shed_total'), 1);
});

test('a caller who breaks off before the answer takes up no room', { timeout: 60_000 }, async () => {
  const stage = await stand({ openRequests: 1 }, script);
  for (let count = 0; count < 3; count += 1) {
    const socket = connect(stage.port, '127.0.0.1');
    sockets.push(socket);
    const hanging = await caller(keys, stage.port, keys.user, { socket });
    hanging.send(get(`/hang/${count}`));
    while (!stage.server.connections.some((seen) => seen.text().includes(`/hang/${count}`)))
      await new Promise(setImmediate);
    socket.resetAndDestroy();
    while ((await stage.counted('requests_open')) > 0) await new Promise(setImmediate);
  }
});

test('a loop that is behind: new connections are closed, and come in again when it has caught up', {
  timeout: 120_000,
}, async () => {
  const stage = await stand({}, script);
  const watcher = await caller(keys, stage.port, keys.user);
  watcher.send(get(watch));
  await watcher.until('first');
  await stage.limit({ refuseLagMs: 50, handshakeMs: 300 });
  // The gate runs in this process: what blocks it here blocks it as a flood would.
  const busy = setInterval(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100), 1);
  try {
    while ((await stage.counted('refusals_total{code="overloaded"}')) === 0) {
      await silent(stage.port).closed;
    }
  } finally {
    clearInterval(busy);
  }
  stage.server.connections.find((seen) => seen.text().includes('watch=1'))?.socket.write('6\r\nsecond\r\n');
  await watcher.until('second');
  await stage.limit({});
  const later = await caller(keys, stage.port, keys.user);
  later.send(get('/version'));
  await later.until('ok');
});
