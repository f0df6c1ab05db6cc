// How a relay ends: one side before the other, a server that is lost, callers who take their time.
import assert from 'node:assert/strict';
import { type AddressInfo, createServer as createTcpServer, type OnReadOpts, type Socket } from 'node:net';
import { after, before, type TestContext, test } from 'node:test';
import { type ConnectionOptions, connect, createServer, type TLSSocket } from 'node:tls';
import type { Connection, ConnectionSink } from '../inspect/connection-types.ts';
import { defaultGateLimits } from './limits.ts';
import { type Relay, startRelay } from './relay.ts';
import { call, type Keys, makeKeys, type RawCaller, removeKeys, type Seen, startServer } from './test-kit.ts';

let keys: Keys;
before(async () => {
  keys = await makeKeys();
});
after(() => removeKeys(keys));

type Stage = {
  readonly caller: RawCaller;
  /** The gate's ends. */
  readonly client: TLSSocket;
  readonly relay: Relay;
  readonly clock: { now: number };
  readonly sink: ConnectionSink;
  readonly told: string[];
};

/** One relay of a judge that lets everything through towards the server, and does else what `judge` says. */
async function relayTo(
  t: TestContext,
  upstreamPort: number,
  judge: (sink: ConnectionSink) => Partial<Connection> = () => ({}),
): Promise<Stage> {
  const told: string[] = [];
  const begun = Promise.withResolvers<Omit<Stage, 'caller' | 'told'>>();
  const makeJudge =
    (client: TLSSocket) =>
    (sink: ConnectionSink): Connection => {
      setImmediate(() => begun.resolve({ client, sink, relay, clock }));
      return {
        clientData: (bytes) => sink.toServer(bytes),
        clientEnd() {},
        serverData: (bytes) => sink.toClient(bytes),
        serverEnd: () => void told.push('server ended'),
        serverFailed: (reason) => void told.push(`server failed: ${reason}`),
        drain() {},
        state: 'tunnel',
        idle: false,
        readingHead: false,
        readingBody: false,
        ...judge(sink),
      };
    };
  let relay: Relay;
  const clock = { now: 1 };
  const events = {
    request() {},
    response() {},
    finding() {},
    repeated() {},
    begun: () => undefined,
    upstreamFailed: (code: string) => void told.push(code),
    timedOut: (what: string) => void told.push(`timed out: ${what}`),
    crashed: (error: unknown) => assert.fail(String(error)),
    closed() {},
  };
  const gate = createServer(
    { cert: keys.serving.certificate, key: keys.serving.key, ALPNProtocols: ['http/1.1'] },
    (client) => {
      client.allowHalfOpen = true;
      relay = startRelay(
        client,
        makeJudge(client),
        (received) => openServer(upstreamPort, received),
        clock,
        defaultGateLimits,
        events,
      );
    },
  );
  await new Promise<void>((resolve) => gate.listen(0, '127.0.0.1', resolve));
  const caller = await call(keys, (gate.address() as AddressInfo).port, undefined, { allowHalfOpen: true });
  t.after(() => {
    caller.socket.destroy();
    gate.close();
  });
  return { caller, told, ...(await begun.promise) };
}

function openServer(port: number, received: (bytes: Buffer) => void): TLSSocket {
  const onread = {
    buffer: Buffer.alloc(16_384),
    callback(length: number, buffer: Uint8Array) {
      received(Buffer.from(buffer.subarray(0, length)));
      return true;
    },
  };
  // Documented for tls.connect and missing in its types.
  const options: ConnectionOptions & { allowHalfOpen: boolean; onread: OnReadOpts } = {
    ...{ port, host: '127.0.0.1', rejectUnauthorized: false, allowHalfOpen: true, onread },
  };
  return connect(options);
}

/** Resolves with the bytes that it took. */
async function sendUntilHeld(caller: RawCaller, client: TLSSocket): Promise<number> {
  const piece = Buffer.alloc(1 << 18);
  let sent = 0;
  while (!client.isPaused()) {
    if (!caller.socket.writableNeedDrain) {
      caller.socket.write(piece);
      sent += piece.length;
    }
    await new Promise(setImmediate);
  }
  return sent;
}

test('a tunnel whose server has ended and reads no more holds its caller', async (t) => {
  const served = Promise.withResolvers<Seen>();
  const upstream = await startServer(keys, (seen) => served.resolve(seen), false);
  t.after(() => upstream.close());
  const { caller, client, sink } = await relayTo(t, upstream.port, (sink) => ({
    clientEnd: () => sink.closeServer(),
  }));
  caller.send('hello');
  const server = await served.promise;
  server.socket.pause();
  const sent = 5 + (await sendUntilHeld(caller, client));
  sink.endClient(60_000);
  assert.equal(client.isPaused(), true);
  caller.socket.end();
  await caller.ended();
  const all = new Promise<void>((resolve) => server.socket.once('end', resolve));
  server.socket.resume();
  await all;
  assert.equal(server.received(), sent);
});

test('a server that ends in its handshake can not be had, and is told of as such', async (t) => {
  const upstream = createTcpServer((socket: Socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end());
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  t.after(() => upstream.close());
  const answered = Promise.withResolvers<void>();
  const { caller, told } = await relayTo(t, (upstream.address() as AddressInfo).port, () => ({
    serverEnd: () => assert.fail('there was no server'),
    serverFailed(reason) {
      told.push(reason);
      answered.resolve();
    },
  }));
  caller.send('hello');
  await answered.promise;
  assert.deepEqual(told, ['ECONNRESET', 'the API server ended the connection']);
});

test('a connection that was ended stays as long as the caller says now and then how far it has read', async (t) => {
  const heard: number[] = [];
  const { caller, client, sink } = await relayTo(t, 0, () => ({
    clientData: (bytes) => void heard.push(bytes.length),
  }));
  const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
  t.mock.timers.enable({ apis: ['setTimeout'] });
  sink.endClient(1_000);
  await caller.ended();
  while (!client.writableFinished) await new Promise(setImmediate);
  for (let count = 1; count <= 3; count++) {
    t.mock.timers.tick(999);
    assert.equal(client.destroyed, false);
    caller.send('a window');
    while (heard.length < count) await new Promise(setImmediate);
  }
  t.mock.timers.tick(1_000);
  await closed;
});

test('a connection that was ended does not stay for a caller who goes on sending', async (t) => {
  let heard = 0;
  const { caller, client, sink } = await relayTo(t, 0, () => ({
    clientData(bytes) {
      heard += bytes.length;
    },
  }));
  const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
  t.mock.timers.enable({ apis: ['setTimeout'] });
  sink.endClient(1_000);
  await caller.ended();
  while (!client.writableFinished) await new Promise(setImmediate);
  caller.send('x'.repeat(256 * 1024));
  while (heard < 256 * 1024) await new Promise(setImmediate);
  t.mock.timers.tick(999);
  assert.equal(client.destroyed, false);
  caller.send('more');
  while (heard < 256 * 1024 + 4) await new Promise(setImmediate);
  t.mock.timers.tick(1);
  await closed;
});

test('a head whose rest is not read, for the server is full, has all of its time afterwards', async (t) => {
  const served = Promise.withResolvers<Seen>();
  const upstream = await startServer(keys, (seen) => served.resolve(seen), false);
  t.after(() => upstream.close());
  const { caller, client, clock, relay, told } = await relayTo(t, upstream.port, () => ({
    readingHead: true,
  }));
  caller.send('hello');
  const server = await served.promise;
  server.socket.pause();
  const sent = 5 + (await sendUntilHeld(caller, client));
  clock.now += 2 * defaultGateLimits.headMs;
  relay.sweep();
  assert.deepEqual([told, client.destroyed], [[], false]);
  server.socket.resume();
  while (server.received() < sent || client.isPaused()) await new Promise(setImmediate);
  relay.sweep();
  assert.deepEqual([told, client.destroyed], [[], false]);
  clock.now += defaultGateLimits.headMs + 1;
  relay.sweep();
  assert.deepEqual([told, client.destroyed], [['timed out: head'], true]);
});

test('what a caller said before it ended reaches the server, though the caller takes no more answers', async (t) => {
  const served = Promise.withResolvers<Seen>();
  const upstream = await startServer(keys, (seen) => served.resolve(seen), false);
  t.after(() => upstream.close());
  const ended = Promise.withResolvers<void>();
  let heard = 0;
  const { caller, client } = await relayTo(t, upstream.port, (sink) => ({
    clientData(bytes) {
      heard += bytes.length;
      sink.toServer(bytes);
    },
    clientEnd() {
      sink.endServer?.();
      ended.resolve();
    },
  }));
  caller.send('hello');
  const server = await served.promise;
  server.socket.pause();
  // Until the gate has some left that the server has no room for, and has read all the same.
  let sent = 5;
  const piece = Buffer.alloc(16_384);
  while (!client.isPaused()) {
    caller.socket.write(piece);
    sent += piece.length;
    while (heard < sent && !client.isPaused()) await new Promise(setImmediate);
  }
  const all = new Promise<void>((resolve) => server.socket.once('end', resolve));
  caller.socket.end();
  server.socket.resume();
  await ended.promise;
  server.socket.pause();
  caller.socket.destroy();
  while (!client.closed) {
    server.socket.write('an answer');
    await new Promise(setImmediate);
  }
  server.socket.resume();
  await all;
  assert.equal(server.received(), sent);
});

// A server that has closed resets whoever still writes to it. What it said before is in the gate's socket by then.
const goodbyes: readonly { what: string; reset: boolean; failures: string[] }[] = [
  { what: 'has ended in order', reset: false, failures: [] },
  { what: 'has reset the connection', reset: true, failures: ['ECONNRESET'] },
];
for (const { what, reset, failures } of goodbyes) {
  test(`writing to a server that ${what} loses nothing of what it said`, async (t) => {
    const served = Promise.withResolvers<Seen>();
    const upstream = await startServer(keys, (seen) => served.resolve(seen));
    t.after(() => upstream.close());
    let raw: Socket | undefined;
    upstream.server.once('connection', (socket) => {
      raw = socket;
    });
    const said: string[] = [];
    const asked: string[] = [];
    const serverOver = Promise.withResolvers<void>();
    const { caller, sink, told } = await relayTo(t, upstream.port, (sink) => ({
      clientData(bytes) {
        asked.push(bytes.toString());
        sink.toServer(bytes);
      },
      serverData: (bytes) => void said.push(bytes.toString()),
      serverEnd: serverOver.resolve,
    }));
    const relayed = async (text: string) => {
      caller.send(text);
      while (!asked.includes(text)) await new Promise(setImmediate);
    };
    await relayed('hello');
    const { socket } = await served.promise;
    sink.holdServer?.(true);
    await new Promise<void>((resolve) => {
      socket.on('close', () => resolve());
      socket.write('the last word', () => (reset ? raw?.resetAndDestroy() : socket.destroySoon()));
    });
    await relayed('answered by a reset');
    await relayed('fails');
    sink.holdServer?.(false);
    await serverOver.promise;
    assert.deepEqual(said, ['the last word']);
    assert.deepEqual(told, failures);
  });
}
