// Room for bodies that rules wait for, when their callers stall: it is taken, refused to others, and given back by the timer.
import assert from 'node:assert/strict';
import { after, afterEach, before, type TestContext, test } from 'node:test';
import type { GateShield } from '../model/plan.ts';
import { ask, openSession, startHttp2Server } from './http2-test-kit.ts';
import {
  call,
  freePort,
  gatePlan,
  type Keys,
  makeKeys,
  makeLink,
  type RawCaller,
  removeKeys,
  startGate,
} from './test-kit.ts';

let keys: Keys;
before(async () => {
  keys = await makeKeys();
});
after(() => removeKeys(keys));

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const shield: GateShield = {
  id: 'CVE-2099-0002',
  rules: [
    {
      id: 'no-secrets-in-maps',
      phase: 'body',
      when: "object.values('secret').size() > 0",
      action: 'deny',
      severity: 'major',
      message: 'No.',
    },
  ],
};
/** Two of them are more than there is room for. */
const content = Buffer.from(`{"data":"${'x'.repeat(40_000)}"}`);
const path = '/api/v1/namespaces/lab/configmaps';
const head = `POST ${path} HTTP/1.1\r\nHost: k\r\nContent-Type: application/json\r\nContent-Length: ${content.length}\r\nExpect: 100-continue\r\n\r\n`;

/** A gate with room for one such body, and a way to let minutes pass for its timers. */
async function stand(t: TestContext) {
  const now = performance.now.bind(performance);
  let ahead = 0;
  t.mock.method(performance, 'now', () => now() + ahead);
  const server = await startHttp2Server(keys, (stream, headers) => {
    stream.respond({ ':status': 200 });
    stream.resume();
    if (!headers[':path']?.includes('watch')) stream.end('ok');
  });
  cleanups.push(server.stop);
  const link = makeLink();
  const gate = startGate(keys, link, { limits: { sweepMs: 20 } });
  cleanups.push(() => gate.stop());
  const port = await freePort();
  const limits = { heldBodyBytes: 65_536 };
  const { error } = await link.plan(
    gatePlan(1, [{ port, upstreamPort: server.port, shields: [shield], limits }]),
  );
  assert.equal(error, undefined);
  await link.reached(1);
  const last = (counter: string) => link.reports.at(-1)?.counters[counter];
  return {
    port,
    minutePasses: () => {
      ahead += 60_001;
    },
    /** The slow one, and the gate has forgotten the minutes, which are pauses of its own to it. */
    counted: () =>
      link.when(
        () => last('timeouts_total{what="body"}') === 1 && Number(last('event_loop_lag_seconds')) < 60,
      ),
  };
}

async function caller(port: number): Promise<RawCaller> {
  const one = await call(keys, port, keys.user, { ALPNProtocols: ['http/1.1'] });
  cleanups.push(() => one.socket.destroy());
  one.send(head);
  await one.until('100 Continue');
  return one;
}

test('a caller who stalls is cut at the end of its minute, and others have the room that it took', async (t) => {
  const { port, minutePasses, counted } = await stand(t);
  const pair = [await caller(port), await caller(port)] as const;
  const most = content.subarray(0, -1).toString();
  for (const one of pair) one.send(most);
  // Whichever the gate read last.
  const refused = await Promise.race(pair.map((one) => one.until('[held-bodies-full]').then(() => one)));
  assert.match(refused.text(), /HTTP\/1\.1 429 .*\r\nRetry-After: \d/s);
  const stalled = pair[0] === refused ? pair[1] : pair[0];
  let ended = false;
  const end = stalled.ended().then((text) => {
    ended = true;
    return text;
  });
  // The minute begins at the first look at its body.
  while (!ended) {
    minutePasses();
    await Promise.race([end, new Promise((resolve) => setTimeout(resolve, 20))]);
  }
  assert.equal(await end, 'HTTP/1.1 100 Continue\r\n\r\n');
  await counted();
  const next = await caller(port);
  next.send(content.toString());
  assert.match(await next.until('over HTTP/1.1'), /200 OK/);
});

test('over HTTP/2 the stream that stalls ends alone, and others have the room that it took', async (t) => {
  const { port, minutePasses, counted } = await stand(t);
  const session = await openSession(keys, port, keys.user);
  cleanups.push(() => session.destroy());
  const post = { ':method': 'POST', ':path': path, 'content-type': 'application/json' };
  const watch = session.request({ ':path': `${path}?watch=true` });
  await new Promise((resolve) => watch.once('response', resolve));
  const stalled = session.request({ ...post, 'content-length': content.length });
  const status = new Promise((resolve) => stalled.once('response', (fields) => resolve(fields[':status'])));
  stalled.on('error', () => {});
  stalled.resume();
  stalled.write(content.subarray(0, -1));
  // What was sent before a PING was read before its answer.
  await new Promise<void>((resolve, reject) => {
    session.ping((error) => (error ? reject(error) : resolve()));
  });
  assert.equal((await ask(session, post, content)).status, 429);
  let ended = false;
  void status.then(() => {
    ended = true;
  });
  while (!ended) {
    minutePasses();
    await Promise.race([status, new Promise((resolve) => setTimeout(resolve, 20))]);
  }
  assert.equal(await status, 408);
  await counted();
  assert.equal((await ask(session, post, content)).status, 200);
  assert.equal(watch.closed, false);
});
