// The client against servers that are not what they should be. Against the real one: controller/controller.test.ts.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, createServer as createPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openAdmin, openLink } from './controller-client.ts';
import { controllerServerName, openJsonClient } from './https-json.ts';
import { parseHostPort, readIdentity, writeIdentity } from './identity.ts';
import { createAuthority, issue, type KeyPair, signRequest } from './pki.ts';

const never = new AbortController().signal;
const folder = mkdtempSync(join(tmpdir(), 'portcullis-client-'));
let ca: KeyPair;
let server: Server;
let controller: string;
let answer: (request: IncomingMessage, response: ServerResponse) => void;

async function listen(identity: KeyPair): Promise<Server> {
  const fresh = createServer({ key: identity.key, cert: identity.certificate }, (request, response) =>
    answer(request, response),
  );
  fresh.listen(0, '127.0.0.1');
  await once(fresh, 'listening');
  return fresh;
}
const addressOf = (of: { address(): unknown }) => `127.0.0.1:${(of.address() as AddressInfo).port}`;

before(async () => {
  ca = await createAuthority('portcullis', 1);
  const subject = { commonName: controllerServerName };
  server = await listen(
    await issue(ca, { subject, use: ['server'], names: [controllerServerName], days: 1 }),
  );
  controller = addressOf(server);
  const client = await issue(ca, { subject: { commonName: 'cp-1' }, use: ['client'], days: 1 });
  for (const [role, name] of [
    ['agent', 'identity'],
    ['admin', 'admin'],
  ] as const) {
    writeIdentity(join(folder, name), { controller, role, name: 'cp-1', ...client, ca: ca.certificate });
  }
});
after(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

describe('controller client', () => {
  const bad: readonly [string, typeof answer, string][] = [
    ['not JSON', (_, response) => void response.end('<html>'), 'controller-answer'],
    ['another shape', (_, response) => void response.end('{"kind":"agent"}'), 'controller-answer'],
    [
      'an error without a Problem',
      (_, response) => void response.writeHead(500).end('{}'),
      'controller-answer',
    ],
    [
      'a redirect',
      (_, response) => void response.writeHead(302, { location: 'https://127.0.0.1:1/' }).end(),
      'controller-answer',
    ],
    [
      'a Problem',
      (_, response) => void response.writeHead(403).end('{"code":"not-your-name","message":"no"}'),
      'not-your-name',
    ],
    ['a connection that breaks', (request) => void request.socket.destroy(), 'controller-unreachable'],
    [
      'an answer that breaks off',
      (_, response) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('{', () => response.destroy());
      },
      'controller-unreachable',
    ],
  ];
  for (const [name, does, code] of bad) {
    test(`a plan is refused when the answer is ${name}`, async () => {
      answer = does;
      const link = openLink(folder);
      await assert.rejects(link.nextPlan(0, 0, never), { code });
      link.close();
      const admin = openAdmin(folder);
      await assert.rejects(admin.status(), { code });
      admin.close();
    });
  }

  test('no plan is no error', async () => {
    answer = (_, response) => void response.writeHead(204).end();
    const link = openLink(folder);
    assert.equal(link.name, 'cp-1');
    assert.equal(await link.nextPlan(0, 0, never), undefined);
    link.close();
  });

  test('an answer may take only so long, and aborting ends the wait', async () => {
    answer = () => {};
    const client = openJsonClient(readIdentity(join(folder, 'identity')));
    await assert.rejects(
      client.call({ method: 'GET', path: '/', timeoutMs: 50 }),
      (error: Error & { code: string }) => {
        assert.equal(error.code, 'controller-unreachable');
        assert.match(error.message, /no answer in time/);
        return true;
      },
    );
    const stop = new AbortController();
    const call = client.call({ method: 'GET', path: '/', signal: stop.signal });
    stop.abort();
    await assert.rejects(call, { name: 'AbortError' });
    await assert.rejects(client.call({ method: 'GET', path: '/', signal: stop.signal }), {
      name: 'AbortError',
    });
    client.close();
  });

  test('a server with another name, another authority, no TLS or nobody there is unreachable', async () => {
    answer = (_, response) => void response.end('{}');
    const elsewhere = await createAuthority('portcullis', 1);
    const server = (name: string, by: KeyPair) =>
      issue(by, { subject: { commonName: name }, use: ['server'], names: [name], days: 1 }).then(listen);
    const wrongName = await server('other', ca);
    const wrongAuthority = await server(controllerServerName, elsewhere);
    const client = await listen(
      await issue(ca, {
        subject: { commonName: 'x' },
        use: ['client'],
        names: [controllerServerName],
        days: 1,
      }),
    );
    const plain = createPlain((socket) => void socket.end('HTTP/1.1 200 OK\r\n\r\n'));
    plain.listen(0, '127.0.0.1');
    await once(plain, 'listening');
    for (const target of [wrongName, wrongAuthority, client, plain].map(addressOf).concat('127.0.0.1:1')) {
      const json = openJsonClient({ controller: target, ca: ca.certificate });
      await assert.rejects(
        json.call({ method: 'GET', path: '/' }),
        { code: 'controller-unreachable' },
        target,
      );
      json.close();
    }
    for (const item of [wrongName, wrongAuthority, client, plain]) item.close();
  });

  test('a link renews its identity when that is due, goes on with it and counts it', async (t) => {
    const subject = { commonName: 'cp-1', organizations: ['portcullis:agent'] };
    // Valid since five minutes ago, and for another ten seconds.
    const due = await issue(ca, { subject, use: ['client'], days: 10 / 86_400 });
    const data = join(folder, 'due');
    const identity = { controller, role: 'agent', name: 'cp-1', ca: ca.certificate } as const;
    writeIdentity(join(data, 'identity'), { ...identity, ...due });
    const bodies: [string | undefined, Record<string, unknown>][] = [];
    answer = async (request, response) => {
      const body = JSON.parse(Buffer.concat(await request.toArray()).toString());
      bodies.push([request.url, body]);
      if (request.url !== '/v1/renew') return void response.writeHead(204).end();
      const first = bodies.length === 1;
      const wanted = { subject: first ? { commonName: 'cp-2' } : subject, use: ['client'] as const, days: 1 };
      response.end(JSON.stringify({ certificate: await signRequest(ca, body.csr, wanted) }));
    };
    const stop = new AbortController();
    const link = openLink(data);
    t.after(() => {
      stop.abort();
      link.close();
    });
    const said = (wanted: string) =>
      new Promise<Record<string, unknown>>((resolve) => {
        const log = (event: string, fields: Record<string, unknown>) => event === wanted && resolve(fields);
        void link.keepIdentity(log, stop.signal);
      });
    // A certificate in another name is not taken; what was there stays.
    const refused = await said('identity-not-renewed');
    assert.equal(refused['code'], 'controller-answer');
    assert.equal(readIdentity(join(data, 'identity')).key, due.key);
    await said('identity-renewed');
    const renewed = readIdentity(join(data, 'identity'));
    assert.notEqual(renewed.key, due.key);
    assert.deepEqual(
      bodies.map(([path, { role, name }]) => [path, role, name]),
      Array(2).fill(['/v1/renew', 'agent', 'cp-1']),
    );
    await link.sendHealth({
      ...{ kind: 'agent', name: 'cp-1', generation: 0, ok: true, detail: '', listening: [] },
      counters: { drifts: 2 },
    });
    assert.deepEqual(bodies.at(-1)?.[1]['counters'], {
      drifts: 2,
      identity_renewals: 1,
      identity_renewals_failed: 1,
    });
  });

  test('who is not enrolled is told so', () => {
    assert.throws(() => openLink(join(folder, 'nowhere')), {
      code: 'not-enrolled',
      hint: /`portcullis token`/,
    });
    assert.throws(() => openAdmin(join(folder, 'nowhere')), { code: 'not-enrolled' });
  });
});

test('host:port is read strictly', () => {
  assert.deepEqual(parseHostPort('10.0.0.1:7443'), { host: '10.0.0.1', port: 7443 });
  assert.deepEqual(parseHostPort('[fd00::1]:7443'), { host: 'fd00::1', port: 7443 });
  assert.deepEqual(parseHostPort('controller.lab:1'), { host: 'controller.lab', port: 1 });
  for (const text of [
    '10.0.0.1',
    'fd00::1:7443',
    ':7443',
    'a:0',
    'a:65536',
    'a:1x',
    'a b:1',
    '[::g]:1',
    'https://a:1',
  ])
    assert.throws(() => parseHostPort(text), { code: 'bad-address' }, text);
});
