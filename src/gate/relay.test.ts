// What the relay does when the judge fails it, which the real judge is not known to do.
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createServer } from 'node:tls';
import type { Connection } from '../inspect/connection-types.ts';
import { defaultGateLimits } from './limits.ts';
import { startRelay } from './relay.ts';
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
  };
  let relays = 0;
  let crashes = 0;
  const events = {
    request() {},
    response() {},
    finding() {},
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
