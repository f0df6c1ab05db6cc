// What the relay does when the judge fails it, which the real judge is not known to do.
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createServer, type TLSSocket } from 'node:tls';
import type { Connection, ConnectionSink } from '../inspect/connection-types.ts';
import { defaultGateLimits } from './limits.ts';
import { type Relay, startRelay } from './relay.ts';
import { call, makeKeys, removeKeys } from './test-kit.ts';

test('a judge that throws costs its own connection only, and is counted', async () => {
  const keys = await makeKeys();
  const seen: string[] = [];
  const judge: Connection = {
    clientData(bytes) {
      if (bytes.includes('boom')) throw new TypeError('defect');
      seen.push(bytes.toString());
    },
    clientEnd() {},
    serverData() {},
    serverEnd() {},
    serverFailed() {},
    drain() {},
    state: 'http',
    idle: false,
    readingHead: false,
    readingBody: false,
  };
  let relays = 0;
  let crashes = 0;
  const events = {
    request() {},
    response() {},
    finding() {},
    repeated() {},
    begun: () => undefined,
    upstreamFailed() {},
    timedOut() {},
    crashed(error: unknown) {
      assert.ok(error instanceof TypeError);
      crashes += 1;
    },
    closed() {
      relays -= 1;
    },
  };
  const server = createServer(
    { cert: keys.serving.certificate, key: keys.serving.key, ALPNProtocols: ['http/1.1'] },
    (socket) => {
      relays += 1;
      startRelay(
        socket,
        () => judge,
        () => assert.fail('nothing was let through to the server'),
        { now: 0 },
        defaultGateLimits,
        events,
      );
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const quiet = await call(keys, port);
  const loud = await call(keys, port);
  loud.send('boom');
  await loud.ended();
  quiet.send('still here');
  while (seen.length === 0) await new Promise(setImmediate);
  assert.deepEqual(seen, ['still here']);
  assert.deepEqual({ relays, crashes }, { relays: 1, crashes: 1 });
  quiet.socket.destroy();
  server.close();
  removeKeys(keys);
});

test('a body that trickles is cut at the end of its minute; one that is waited for, or fast enough, is not', async () => {
  const keys = await makeKeys();
  const clock = { now: 1 };
  const state = { reading: true };
  const judge: Connection = {
    clientData() {},
    clientEnd() {},
    serverData() {},
    serverEnd() {},
    serverFailed() {},
    drain() {},
    state: 'http',
    idle: false,
    readingHead: false,
    get readingBody() {
      return state.reading;
    },
  };
  const timeouts: string[] = [];
  const started = Promise.withResolvers<[Relay, TLSSocket, ConnectionSink]>();
  const events = {
    request() {},
    response() {},
    finding() {},
    repeated() {},
    begun: () => undefined,
    upstreamFailed() {},
    timedOut: (what: string) => void timeouts.push(what),
    crashed: (error: unknown) => assert.fail(String(error)),
    closed() {},
  };
  const server = createServer(
    { cert: keys.serving.certificate, key: keys.serving.key, ALPNProtocols: ['http/1.1'] },
    (socket) => {
      const makeJudge = (sink: ConnectionSink) => {
        setImmediate(() => started.resolve([relay, socket, sink]));
        return judge;
      };
      const nobody = () => assert.fail('nothing was let through to the server');
      const relay = startRelay(
        socket,
        makeJudge,
        nobody,
        clock,
        { ...defaultGateLimits, bodyBytesPerMinute: 10 },
        events,
      );
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const caller = await call(keys, (server.address() as AddressInfo).port);
  const [relay, socket, sink] = await started.promise;
  const received = (bytes: number) =>
    new Promise<void>((resolve) => {
      let count = 0;
      socket.on('data', (chunk: Buffer) => {
        count += chunk.length;
        if (count >= bytes) resolve();
      });
    });
  const minute = () => {
    clock.now += 60_000;
    relay.sweep();
  };
  relay.sweep();
  const enough = received(10);
  caller.send('0123456789');
  await enough;
  minute();
  assert.deepEqual(timeouts, [], 'ten bytes came');
  state.reading = false;
  minute();
  state.reading = true;
  minute();
  assert.deepEqual(timeouts, [], 'between bodies nothing counts');
  sink.holdClient(true);
  minute();
  minute();
  assert.deepEqual(timeouts, [], 'the gate itself held the caller');
  sink.holdClient(false);
  relay.sweep();
  const some = received(9);
  caller.send('012345678');
  await some;
  minute();
  assert.deepEqual(timeouts, ['body']);
  await caller.ended();
  server.close();
  removeKeys(keys);
});

test('over HTTP/2 the judge ends slow bodies by the gate’s clock, each counted; the connection goes on', async () => {
  const keys = await makeKeys();
  const clock = { now: 1_000 };
  const asked: [now: number, least: number, ready: boolean][] = [];
  const timeouts: string[] = [];
  const judge: Connection = {
    clientData() {},
    clientEnd() {},
    serverData() {},
    serverEnd() {},
    serverFailed() {},
    drain() {},
    endSlowBodies(now, least, ready) {
      asked.push([now, least, ready]);
      return 2;
    },
    state: 'http',
    idle: false,
    readingHead: false,
    readingBody: false,
  };
  const events = {
    request() {},
    response() {},
    finding() {},
    repeated() {},
    begun: () => undefined,
    upstreamFailed() {},
    timedOut: (what: string) => void timeouts.push(what),
    crashed: (error: unknown) => assert.fail(String(error)),
    closed() {},
  };
  const started = Promise.withResolvers<[Relay, ConnectionSink]>();
  const server = createServer(
    { cert: keys.serving.certificate, key: keys.serving.key, ALPNProtocols: ['h2'] },
    (socket) => {
      const makeJudge = (sink: ConnectionSink) => {
        setImmediate(() => started.resolve([relay, sink]));
        return judge;
      };
      const nobody = () => assert.fail('nothing was let through to the server');
      const relay = startRelay(socket, makeJudge, nobody, clock, defaultGateLimits, events);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const caller = await call(keys, (server.address() as AddressInfo).port);
  const [relay, sink] = await started.promise;
  relay.sweep();
  sink.holdClient(true);
  clock.now += 1_000;
  relay.sweep();
  assert.deepEqual(asked, [
    [1_000, defaultGateLimits.bodyBytesPerMinute, true],
    [2_000, defaultGateLimits.bodyBytesPerMinute, false],
  ]);
  assert.deepEqual(timeouts, ['body', 'body', 'body', 'body']);
  assert.equal(caller.socket.closed, false);
  caller.socket.destroy();
  server.close();
  removeKeys(keys);
});
