// What is meant to last outlives every timer of the gate: a watch of each protocol and a tunnel, silent meanwhile, beside
// callers who are ended by each of them.
import assert from 'node:assert/strict';
import type { ServerHttp2Stream } from 'node:http2';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import { openSession, startHttp2Server } from './http2-test-kit.ts';
import {
  answerOk,
  call,
  freePort,
  gatePlan,
  makeKeys,
  makeLink,
  type RawCaller,
  removeKeys,
  type Seen,
  startGate,
  startServer,
  stopClock,
} from './test-kit.ts';

const keys = await makeKeys();
after(() => removeKeys(keys));

const watch = 'GET /api/v1/pods?watch=true HTTP/1.1\r\nHost: kubernetes\r\n\r\n';
const exec =
  'POST /api/v1/namespaces/a/pods/b/exec?command=sh HTTP/1.1\r\nHost: kubernetes\r\n' +
  'Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n';
const get = 'GET /api/v1/pods HTTP/1.1\r\nHost: kubernetes\r\n\r\n';

const limits = {
  handshakeMs: 4_000,
  connectMs: 4_000,
  firstRequestMs: 2_000,
  headMs: 100,
  keepAliveMs: 100,
  closeMs: 100,
  tcpKeepAliveMs: 1_000,
  sweepMs: 20,
};

test('watches and tunnels outlive every timer', async (t) => {
  const clock = stopClock(t);
  const feeds: Record<string, Seen> = {};
  const old = await startServer(keys, (seen) => {
    const text = seen.text();
    if (text.includes('watch=true')) {
      feeds['watch'] ??= seen;
      if (text.endsWith('\r\n\r\n'))
        seen.socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    } else if (text.includes('/exec')) {
      feeds['tunnel'] ??= seen;
      if (text.endsWith('\r\n\r\n')) {
        seen.socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n',
        );
      }
    } else answerOk(seen);
  });
  const streams: ServerHttp2Stream[] = [];
  const newer = await startHttp2Server(keys, (stream) => {
    stream.respond({ ':status': 200 });
    streams.push(stream);
  });
  const link = makeLink();
  const gate = startGate(keys, link, { limits });
  const [port, port2] = [await freePort(), await freePort()];
  const sockets: { destroy(): void }[] = [];
  const caller = async (): Promise<RawCaller> => {
    const one = await call(keys, port, keys.user);
    sockets.push(one.socket);
    return one;
  };
  try {
    const receipt = await link.plan(
      gatePlan(1, [
        { port, upstreamPort: old.port },
        { port: port2, upstreamPort: newer.port },
      ]),
    );
    assert.equal(receipt.error, undefined);
    await link.reached(1);
    const watcher = await caller();
    watcher.send(watch);
    await watcher.until('chunked');
    const tunnel = await caller();
    tunnel.send(exec);
    await tunnel.until('101 Switching Protocols');
    const session = await openSession(keys, port2, keys.user);
    sockets.push(session);
    const stream = session.request({ ':path': '/api/v1/pods?watch=true' });
    let events = '';
    stream.on('data', (part: Buffer) => {
      events += part.toString();
    });
    await new Promise((resolve) => stream.once('response', resolve));

    for (const round of ['first', 'second']) {
      await everyTimer();
      feeds['watch']?.socket.write(`${round.length.toString(16)}\r\n${round}\r\n`);
      feeds['tunnel']?.socket.write(round);
      streams[0]?.write(round);
      await watcher.until(round);
      await tunnel.until(round);
      while (!events.includes(round)) await new Promise((resolve) => stream.once('data', resolve));
      tunnel.send(`caller ${round}`);
      while (!feeds['tunnel']?.text().includes(`caller ${round}`)) await new Promise(setImmediate);
    }
    await link.plan(gatePlan(2, []));
    await link.when(() => link.reports.at(-1)?.generation === 2);
    const counted = link.reports.at(-1)?.counters ?? {};
    for (const what of ['handshake', 'head', 'keep-alive']) {
      assert.ok((counted[`timeouts_total{what="${what}"}`] ?? 0) > 0, what);
    }
  } finally {
    for (const socket of sockets) socket.destroy();
    await gate.stop();
    await old.close();
    await newer.stop();
  }

  /** Resolves when each of them has ended somebody who came after this call. */
  async function everyTimer(): Promise<void> {
    const silent = connect(port, '127.0.0.1');
    silent.on('error', () => {});
    silent.resume();
    sockets.push(silent);
    const handshake = new Promise((resolve) => silent.on('close', resolve));
    const [said, half, idle] = [await caller(), await caller(), await caller()];
    half.send('GET / HTTP/1.1\r\nHo');
    idle.send(get);
    await idle.until('ok');
    await clock.until(Promise.all([handshake, said.ended(), half.ended(), idle.ended()]));
  }
});

test('told to stop, the gate lets a watch go on until the time is over, and ends it in order', async (t) => {
  const clock = stopClock(t);
  let feed: Seen | undefined;
  const server = await startServer(keys, (seen) => {
    if (!seen.text().includes('watch=true')) return answerOk(seen);
    feed = seen;
    seen.socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
  });
  const link = makeLink();
  const gate = startGate(keys, link, { drainSeconds: 30 });
  const port = await freePort();
  assert.equal((await link.plan(gatePlan(1, [{ port, upstreamPort: server.port }]))).error, undefined);
  const idle = await call(keys, port, keys.user);
  const watcher = await call(keys, port, keys.user);
  t.after(async () => {
    for (const { socket } of [idle, watcher]) socket.destroy();
    await gate.stop();
    await server.close();
  });
  idle.send(get);
  await idle.until('ok');
  watcher.send(watch);
  await watcher.until('chunked');
  const ended = new Promise<string>((resolve) => {
    watcher.socket.once('error', (error) => resolve(error.message));
    watcher.socket.once('end', () => resolve('in order'));
  });
  const stopped = gate.stop();
  // Who is between two exchanges is ended when the time begins.
  await idle.ended();
  clock.pass(29_999);
  feed?.socket.write('5\r\nstill\r\n');
  await watcher.until('still');
  clock.pass(1);
  assert.equal(await ended, 'in order');
  await stopped;
  assert.match(gate.lines.join(''), /"event":"drained","ended":1/);
});
