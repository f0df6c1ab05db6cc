// One handler behind HTTP/1.1 and HTTP/2: the same answers, and what HTTP/2 refuses.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import type { Server } from 'node:tls';
import { createAuthority, issue } from '../src/platform/pki.ts';
import { type Exchange, serveTls } from './http-server.ts';

const authority = await createAuthority('range', 1);
const serving = await issue(authority, {
  subject: { commonName: 'server' },
  use: ['server'],
  names: ['localhost'],
  days: 1,
});
const tls = { cert: serving.certificate, key: serving.key };
const ca = authority.certificate;
const sessions = new Set<ClientHttp2Session>();
const servers: Server[] = [];
let plain: string;

async function start(goawayChance: number): Promise<string> {
  const server = await serveTls(tls, 0, handle, { goawayChance });
  servers.push(server);
  return `https://localhost:${(server.address() as AddressInfo).port}`;
}
before(async () => {
  plain = await start(0);
});
after(() => {
  for (const session of sessions) session.destroy();
  for (const server of servers) server.close();
});

async function handle(exchange: Exchange): Promise<void> {
  const { target, method } = exchange;
  if (target === '/204') return exchange.send(204, 'text/plain', '');
  if (target === '/stream') {
    const out = exchange.stream(200, [
      ['Content-Type', 'text/plain'],
      ['X-Two', 'a'],
      ['X-Two', 'b'],
    ]);
    for (let number = 0; number < 3; number += 1) out.write(`${number}`);
    return out.end();
  }
  if (target === '/abort') {
    exchange.stream(200, []).write('part');
    setImmediate(() => exchange.abort());
    return;
  }
  const body = await exchange.body();
  const text = body === undefined ? 'too long' : `${method} ${exchange.header('host') !== undefined} ${body}`;
  exchange.send(body === undefined ? 413 : 200, 'text/plain', text);
}

function open(url: string): ClientHttp2Session {
  const session = connect(url, { ca });
  session.on('error', () => {});
  sessions.add(session);
  return session;
}

async function read(stream: ClientHttp2Stream): Promise<string> {
  let text = '';
  for await (const part of stream.setEncoding('utf8')) text += part;
  return text;
}

async function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string,
): Promise<readonly [status: number, text: string]> {
  const stream = session.request(headers, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  const [[answer], text] = await Promise.all([once(stream, 'response'), read(stream)]);
  return [Number(answer[':status']), text];
}

function ask1(method: string, path: string, body: string): Promise<readonly [status: number, text: string]> {
  return new Promise((resolve, reject) => {
    const outgoing = request(`${plain}${path}`, { ca, method, agent: false }, async (answer) => {
      let text = '';
      for await (const part of answer.setEncoding('utf8')) text += part;
      resolve([answer.statusCode ?? 0, text]);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

test('both protocols give the same answers', async () => {
  const session = open(plain);
  const table: readonly (readonly [method: string, path: string, body: string, expected: unknown])[] = [
    ['GET', '/', '', [200, 'GET true ']],
    ['POST', '/', 'hello', [200, 'POST true hello']],
    ['HEAD', '/', '', [200, '']],
    ['GET', '/204', '', [204, '']],
    ['GET', '/stream', '', [200, '012']],
    ['HEAD', '/stream', '', [200, '']],
    ['PUT', '/', 'x'.repeat((3 << 20) + 1), [413, 'too long']],
  ];
  for (const [method, path, body, expected] of table) {
    const named = `${method} ${path}`;
    assert.deepEqual(await ask1(method, path, body), expected, `HTTP/1.1 ${named}`);
    const headers = { ':method': method, ':path': path };
    assert.deepEqual(await ask(session, headers, body || undefined), expected, `HTTP/2 ${named}`);
  }
  session.close();
});

test('an expected 100 comes before the body is sent', async () => {
  const session = open(plain);
  const stream = session.request({ ':method': 'POST', expect: '100-continue' });
  const answer = read(stream);
  await once(stream, 'continue');
  stream.end('late');
  assert.equal(await answer, 'POST true late');
  session.close();
});

test('a broken-off answer resets its stream and no other', async () => {
  const session = open(plain);
  const stream = session.request({ ':path': '/abort' });
  await assert.rejects(read(stream));
  assert.equal(stream.rstCode, constants.NGHTTP2_INTERNAL_ERROR);
  assert.deepEqual(await ask(session, { ':path': '/' }), [200, 'GET true ']);
  session.close();
});

test('extended CONNECT is refused', async () => {
  const session = open(plain);
  await once(session, 'remoteSettings');
  assert.notEqual(session.remoteSettings.enableConnectProtocol, true);
  const stream = session.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/' });
  const [error] = await once(stream, 'error').catch((cause: unknown) => [cause]);
  assert.match(String(error), /PROTOCOL_ERROR|REFUSED/);
  session.destroy();
});

test('with --goaway-chance every caller is asked to go, and has its answer first', async () => {
  const session = open(await start(1));
  const gone = once(session, 'goaway');
  const closed = once(session, 'close');
  const headers = { ':method': 'POST', ':path': '/' };
  assert.deepEqual(await ask(session, headers, 'first'), [200, 'POST true first']);
  assert.equal((await gone)[0], constants.NGHTTP2_NO_ERROR);
  await closed;
});
