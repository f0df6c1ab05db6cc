// HTTP/2 through the whole gate: node:http2 before it and behind it, over real TLS on loopback.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { ClientHttp2Session, ServerHttp2Stream } from 'node:http2';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import type { KeyPair } from '../platform/pki.ts';
import { ask, type Handler, type Http2Server, openSession, startHttp2Server } from './http2-test-kit.ts';
import {
  answerOk,
  call,
  freePort,
  gatePlan,
  type Keys,
  makeKeys,
  makeLink,
  removeKeys,
  startGate,
  startServer,
  stopClock,
  type TestLink,
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

type Stage = {
  readonly port: number;
  readonly link: TestLink;
  readonly upstreamPort: number;
  readonly sessions: Http2Server['sessions'];
  stopServer(): Promise<void>;
};

async function stand(handler: Handler, more: Parameters<typeof startGate>[2] = {}): Promise<Stage> {
  const server = await startHttp2Server(keys, handler);
  cleanups.push(server.stop);
  const link = makeLink();
  const gate = startGate(keys, link, more);
  cleanups.push(() => gate.stop());
  const port = await freePort();
  const receipt = await link.plan(gatePlan(1, [{ port, upstreamPort: server.port }]));
  assert.equal(receipt.error, undefined);
  await link.reached(1);
  return { port, link, upstreamPort: server.port, sessions: server.sessions, stopServer: server.stop };
}

async function session(port: number, as?: KeyPair): Promise<ClientHttp2Session> {
  const client = await openSession(keys, port, as);
  cleanups.push(() => client.destroy());
  return client;
}

const echo: Handler = (stream, headers) => {
  const socket = stream.session?.socket as TLSSocket | undefined;
  const peer = socket?.getPeerCertificate();
  stream.respond({ ':status': 200, 'content-type': 'application/json' });
  stream.end(JSON.stringify({ ...headers, certificate: peer?.subject?.CN ?? null }));
};

test('HTTP/2 is offered when the server offers it: identity goes on, many requests share one connection', async () => {
  const { port, sessions } = await stand(echo);
  const developer = await session(port, keys.user);
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      ask(developer, { 'x-remote-user': 'root', 'x-index': String(index) }),
    ),
  );
  for (const [index, { status, body }] of answers.entries()) {
    assert.equal(status, 200);
    const seen = JSON.parse(body);
    assert.equal(seen.certificate, 'front-proxy-client');
    assert.equal(seen['x-remote-user'], 'developer');
    assert.equal(seen['x-remote-group'], 'dev, lab users');
    assert.equal(seen['x-forwarded-for'], '127.0.0.1');
    assert.equal(seen['x-index'], String(index));
    assert.match(seen['audit-id'], /^[0-9a-f-]{36}$/);
  }
  assert.equal(sessions.size, 1);
  const nobody = JSON.parse((await ask(await session(port), { authorization: 'Bearer t' })).body);
  assert.deepEqual(
    [nobody.certificate, nobody['x-remote-user'], nobody.authorization],
    [null, undefined, 'Bearer t'],
  );
});

test('HTTP/1.1 alone where the caller, or the server, speaks nothing else', async () => {
  const { port, link } = await stand(echo);
  const old = await call(keys, port, keys.user, { ALPNProtocols: ['http/1.1'] });
  cleanups.push(() => old.socket.destroy());
  old.send('GET /api HTTP/1.1\r\nHost: k\r\n\r\n');
  await old.until('over HTTP/1.1');
  const old11 = await startServer(keys, answerOk);
  cleanups.push(() => old11.close());
  const receipt = await link.plan(gatePlan(2, [{ port, upstreamPort: old11.port }]));
  assert.equal(receipt.error, undefined);
  await link.reached(2);
  const newer = await call(keys, port, keys.user);
  cleanups.push(() => newer.socket.destroy());
  assert.equal(newer.socket.alpnProtocol, 'http/1.1');
  newer.send('GET /api HTTP/1.1\r\nHost: k\r\n\r\n');
  await newer.until('ok');
});

test('large bodies both ways at once, and a watcher who does not read', async () => {
  const size = 8 << 20;
  const { port } = await stand((stream, headers) => {
    if (headers[':path'] === '/watch') {
      stream.respond({ ':status': 200 });
      stream.write(Buffer.alloc(4 << 20));
      return;
    }
    let received = 0;
    stream.on('data', (part: Buffer) => {
      received += part.length;
    });
    stream.on('end', () => {
      stream.respond({ ':status': received === size ? 200 : 500, 'content-length': String(size) });
      stream.end(Buffer.alloc(size, 'r'));
    });
  });
  const developer = await session(port, keys.user);
  developer.setLocalWindowSize(1 << 24);
  const watch = developer.request({ ':path': '/watch' });
  await new Promise((resolve) => watch.once('response', resolve));
  const answers = await Promise.all(
    [1, 2, 3].map(() => ask(developer, { ':method': 'POST' }, Buffer.alloc(size, 'q'))),
  );
  for (const answer of answers) {
    assert.deepEqual([answer.status, answer.bytes, answer.code], [200, size, 0]);
    assert.ok(/^r+$/.test(answer.body));
  }
  assert.equal(watch.closed, false);
});

test('refused requests are Status objects; the connection and its other streams go on', async () => {
  const { port, link } = await stand(echo);
  const developer = await session(port, keys.user);
  const [bad, good] = await Promise.all([ask(developer, { ':path': '/api/../x' }), ask(developer, {})]);
  assert.equal(bad.status, 400);
  const status = JSON.parse(bad.body);
  assert.equal(status.kind, 'Status');
  assert.match(status.message, /path-dot-segment.*verdict [0-9a-f-]{36}/);
  assert.equal(good.status, 200);
  await link.when(() => link.incidents.length > 0);
  assert.equal(link.incidents[0]?.rule, 'path-dot-segment');
});

test('a refused client certificate is told why over HTTP/2 too', async () => {
  const { port, link } = await stand(() => assert.fail('it reached the server'));
  const other = await makeKeys();
  cleanups.push(() => removeKeys(other));
  const stranger = await session(port, other.user);
  const answers = await Promise.all([ask(stranger, {}), ask(stranger, { ':path': '/api/../x' })]);
  assert.equal(answers[0].status, 401);
  assert.match(JSON.parse(answers[0].body).message, /the client certificate is refused/);
  await link.when(() => link.incidents.length > 0);
  await link.when(() => link.reports.at(-1)?.counters['responses_total{class="4xx"}'] === 1);
  assert.deepEqual(
    link.incidents.map(({ rule }) => rule),
    ['client-certificate'],
  );
});

test('a refused client certificate with a malformed first request is told of all the same', async () => {
  const { port, link } = await stand(echo);
  const other = await makeKeys();
  cleanups.push(() => removeKeys(other));
  const answer = await ask(await session(port, other.user), { ':path': '/api/../x' });
  assert.equal(answer.status, 400);
  await link.when(() => link.incidents.length > 0);
  assert.equal(link.incidents[0]?.rule, 'client-certificate');
});

test('a server that goes away: what was asked is answered, and the connection ends', async () => {
  let asked: () => void = () => {};
  const waiting = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const { port, stopServer } = await stand(() => asked());
  const developer = await session(port, keys.user);
  const answer = ask(developer, {});
  await waiting;
  await stopServer();
  const { status, body } = await answer;
  assert.equal(status, 502);
  assert.equal(JSON.parse(body).kind, 'Status');
  const again = await session(port, keys.user);
  const refused = await ask(again, {});
  assert.equal(refused.status, 503);
  assert.match(JSON.parse(refused.body).message, /refuses connections/);
});

test('idle connections are ended with GOAWAY, those with a watch are not', async () => {
  const { port, sessions } = await stand(
    (stream, headers) => {
      stream.respond({ ':status': 200 });
      if (headers[':path'] !== '/watch') stream.end();
    },
    { limits: { keepAliveMs: 100, sweepMs: 20 } },
  );
  const idle = await session(port, keys.user);
  const told = new Promise<number>((resolve) => idle.once('goaway', resolve));
  const closed = new Promise<void>((resolve) => idle.once('close', () => resolve()));
  const watching = await session(port, keys.user);
  const watch = watching.request({ ':path': '/watch' });
  await new Promise((resolve) => watch.once('response', resolve));
  await ask(idle, {});
  assert.equal(await told, 0);
  await closed;
  assert.equal(watching.closed, false);
  assert.equal(watch.closed, false);
  while (sessions.size > 1) await new Promise(setImmediate);
});

test('a caller who resets streams without end is ended, and its next connection has no more to spend', async (t) => {
  // Nothing is earned meanwhile.
  stopClock(t);
  const { port } = await stand(() => {}, { limits: { streamResets: 20 } });
  const attack = async () => {
    const attacker = await session(port, keys.user);
    const told = new Promise<number>((resolve) => attacker.once('goaway', resolve));
    let resets = 0;
    while (!attacker.closed && !attacker.destroyed && resets < 100) {
      const stream = attacker.request({ ':path': '/api' });
      stream.on('error', () => {});
      await new Promise(setImmediate);
      stream.close(8);
      resets += 1;
      await new Promise(setImmediate);
    }
    return { code: await told, resets };
  };
  const first = await attack();
  assert.equal(first.code, 11);
  const second = await attack();
  assert.equal(second.code, 11);
});

test('a plan that changes no limit gives nobody back what it has spent', async (t) => {
  stopClock(t);
  const { port, link, upstreamPort } = await stand((stream) => stream.respond({ ':status': 200 }), {
    limits: { streamResets: 10 },
  });
  const resetting = async (count: number): Promise<number> => {
    const attacker = await session(port, keys.user);
    const told = new Promise<number>((resolve) => attacker.once('goaway', resolve));
    for (let n = 0; n < count; n++) {
      const stream = attacker.request({ ':path': '/api' });
      stream.on('error', () => {});
      stream.once('response', () => stream.close(8));
    }
    return told;
  };
  assert.equal(await resetting(11), 11);
  assert.equal((await link.plan(gatePlan(2, [{ port, upstreamPort }]))).error, undefined);
  assert.equal(await resetting(1), 11);
});

test('records, verdict ids and shedding are those of HTTP/1.1', { timeout: 120_000 }, async () => {
  const waiting: ServerHttp2Stream[] = [];
  const path = join(keys.folder, 'h2-access.log');
  const { port, link } = await stand(
    (stream, headers) => {
      if (headers[':path'] === '/hang') waiting.push(stream);
      else echo(stream, headers);
    },
    { accessLog: { path, every: 1 }, limits: { openRequests: 1 } },
  );
  const developer = await session(port, keys.user);
  const hanging = ask(developer, { ':path': '/hang' });
  while (waiting.length === 0) await new Promise(setImmediate);
  const shed = await ask(developer, { ':path': '/version?token=hunter2' });
  assert.deepEqual([shed.status, shed.headers['retry-after']], [429, '1']);
  assert.equal((await ask(developer, { ':path': '/readyz' })).status, 200);
  const refused = await ask(developer, { ':path': '/api/../x' });
  const verdict = /\(verdict ([0-9a-f-]{36})\)/.exec(refused.body)?.[1];
  assert.deepEqual([refused.status, verdict !== undefined], [400, true]);
  await link.when(() => link.incidents.length > 0);
  assert.equal(link.incidents[0]?.verdict, verdict);
  waiting[0]?.respond({ ':status': 200 });
  waiting[0]?.end();
  assert.equal((await hanging).status, 200);
  assert.equal((await ask(developer, { ':path': '/version' })).status, 200);
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  const text = readFileSync(path, 'utf8');
  assert.doesNotMatch(text, /hunter2/);
  const records = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    records.map(({ path: asked, protocol, status, refusal }) => [asked, protocol, status, refusal]),
    [
      ['/version', 'HTTP/2', 429, 'overloaded'],
      ['/readyz', 'HTTP/2', 200, undefined],
      ['/hang', 'HTTP/2', 200, undefined],
      ['/version', 'HTTP/2', 200, undefined],
    ],
  );
});

test('a server’s GOAWAY in the middle: what it took is answered, what it did not take is asked again elsewhere', async () => {
  const held: ServerHttp2Stream[] = [];
  const { port, sessions } = await stand((stream, headers) => {
    if (headers[':path'] === '/hold') held.push(stream);
    else echo(stream, headers);
  });
  const developer = await session(port, keys.user);
  const gone = new Promise<number>((resolve) => developer.once('goaway', resolve));
  const closed = new Promise<void>((resolve) => developer.once('close', () => resolve()));
  const waiting = [1, 2, 3].map(() => ask(developer, { ':path': '/hold' }));
  while (held.length < 3) await new Promise(setImmediate);
  const [atServer] = sessions;
  // As a server with --goaway-chance: no more streams, those that it has go on.
  atServer?.close();
  assert.equal(await gone, 0);
  const again = await session(port, keys.user);
  assert.equal((await ask(again, {})).status, 200);
  assert.equal(developer.destroyed, false, 'the answers are still to come');
  for (const stream of held) stream.respond({ ':status': 200 });
  for (const stream of held) stream.end('whole');
  for (const { status, body, code } of await Promise.all(waiting)) {
    assert.deepEqual([status, body, code], [200, 'whole', 0]);
  }
  await closed;
  assert.equal((await ask(again, {})).status, 200);
});
