// The safe probe against every way in which a server may answer.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { ApiServer } from '../model/inventory.ts';
import { createAuthority, issue } from '../platform/pki.ts';
import { type SafeProbeResult, safeProbe, type Waits } from './safe-probe.ts';

const never = new AbortController().signal;
/** For what comes. */
const waits = { answer: 60_000, silence: 60_000, plain: 60_000 };
/** Where nothing comes: on loopback a backend that would answer has done so long before. */
const silence = { ...waits, silence: 400 };
const noAnswer = { ...silence, plain: 400 };
const folder = mkdtempSync(join(tmpdir(), 'portcullis-probe-'));
let server: Server;
let target: ApiServer;
/** What the server does with the first and the second thing it is told on the upgrade's connection, and on others. */
type Script = {
  first(socket: TLSSocket): void;
  second?(socket: TLSSocket): void;
  plain?(socket: TLSSocket): void;
};
let script: Script;
const seen: string[] = [];
const sockets = new Set<TLSSocket>();

before(async () => {
  const ca = await createAuthority('cluster', 1);
  const { key, certificate } = await issue(ca, {
    subject: { commonName: 'kube-apiserver' },
    use: ['server'],
    names: ['127.0.0.1'],
    days: 1,
  });
  writeFileSync(join(folder, 'ca.pem'), ca.certificate);
  writeFileSync(join(folder, 'token'), 'secret-token\n');
  server = createServer({ key, cert: certificate }, (socket) => {
    let told = 0;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.setEncoding('latin1').on('data', (text: string) => {
      seen.push(text);
      if (told > 0) script.second?.(socket);
      else if (!/^Upgrade: /m.test(text)) script.plain?.(socket);
      else {
        told++;
        script.first(socket);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  target = ApiServer.parse({
    name: 'api-1',
    cluster: 'lab',
    host: 'cp-1',
    address: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    probe: {
      caFile: join(folder, 'ca.pem'),
      tokenFile: join(folder, 'token'),
      upgradePath: '/apis/metrics.k8s.io/v1beta1',
    },
  });
});
after(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
  rmSync(folder, { recursive: true });
});

const answer = (status: number, body = 'no', more = '') =>
  `HTTP/1.1 ${status} X\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`;
const write = (text: string) => (socket: TLSSocket) => void socket.write(text);
const end = (text: string) => (socket: TLSSocket) => void socket.end(text);
const second = write(answer(200));
const plain = second;
const silent = (status: number, more?: string) => ({ first: write(answer(status, 'no', more)) });
const chunked = 'HTTP/1.1 400 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n';
const closing = 'Connection: keep-alive, Close\r\n';

type Row = readonly [string, Script, SafeProbeResult['result'], RegExp, Waits?];
const table: readonly Row[] = [
  // The connection is closed, though the backend kept it.
  ['closed after the answer', { first: end(answer(400)) }, 'proven', /closed after answering 400/],
  ['closed after a chunked answer', { first: end(chunked) }, 'proven', /400/],
  ['closed after an answer without a body', { first: end('HTTP/1.1 204 X\r\n\r\n') }, 'proven', /204/],
  ['closed at the second request', { first: write(answer(404)), second: end('') }, 'proven', /404/],
  [
    'reset at the second request',
    { first: write(answer(500)), second: (socket) => void socket.destroy() },
    'proven',
    /500/,
  ],
  // The backend itself ended it: a flawed server, where the backend's end is the end of the tunnel, looks the same.
  [
    'an announced close, closed',
    { first: end(answer(400, 'no', closing)), plain },
    'unproven',
    /another path/,
  ],
  [
    'an announced close, closed at the second request',
    { first: write(answer(400, 'no', closing)), second: end(''), plain },
    'unproven',
    /another path/,
  ],
  ['an announced close, silent', { ...silent(400, closing), plain }, 'unproven', /another path/, silence],
  [
    'HTTP/1.0, closed',
    { first: end('HTTP/1.0 400 X\r\nContent-Length: 2\r\n\r\nno'), plain },
    'unproven',
    /another path/,
  ],
  [
    'no length, closed',
    { first: write('HTTP/1.1 403 Forbidden\r\n\r\nno'), second: end(''), plain },
    'unproven',
    /another path/,
  ],
  [
    'shorter than announced, closed',
    { first: write('HTTP/1.1 400 X\r\nContent-Length: 9\r\n\r\nno'), second: end(''), plain },
    'unproven',
    /another path/,
  ],
  [
    'two lengths, closed',
    { first: end(chunked.replace('\r\n', '\r\nContent-Length: 2\r\n')), plain },
    'unproven',
    /another path/,
  ],
  // The flaw: the second request is answered.
  [
    'the second request answered',
    { first: write(answer(400)), second, plain },
    'vulnerable',
    /still open after answering 400/,
  ],
  ['a 200 tunnels as well', { first: write(answer(200)), second, plain }, 'vulnerable', /200/],
  ['chunked answer', { first: write(chunked), second, plain }, 'vulnerable', /400/],
  [
    'a backend that lies about closing',
    { first: write(answer(400, 'no', closing)), second, plain },
    'vulnerable',
    /400/,
  ],
  [
    'answer in pieces',
    {
      first: (socket) => {
        socket.write('HTTP/1.1 400 X\r\nContent-Le');
        setImmediate(() => socket.write('ngth: 2\r\n\r\nno'));
      },
      second,
      plain,
    },
    'vulnerable',
    /400/,
  ],
  [
    'an interim answer first',
    { first: write(`HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n${answer(404)}`), second, plain },
    'vulnerable',
    /answering 404/,
  ],
  [
    'answered only after the plain request was',
    {
      first: (socket) => {
        socket.write(answer(400));
        script = {
          ...script,
          plain: (other) => void socket.write('late', () => setTimeout(() => other.write(answer(200)), 20)),
        };
      },
    },
    'vulnerable',
    /400/,
    silence,
  ],
  // Silence: what a real v1.12.3 does until the backend closes. It counts when the backend is shown to be alive.
  ...([200, 203] as const).map(
    (status): Row => [
      `silent, and the backend answers plainly with ${status}`,
      { ...silent(400), plain: write(answer(status)) },
      'proven',
      new RegExp(`nothing was passed on after answering 400 .* \\(${status}\\)`),
      silence,
    ],
  ),
  ...([301, 400, 401, 403, 404, 429, 500, 503, 504] as const).map(
    (status): Row => [
      `silent, and ${status} when asked plainly, which may be the server’s own`,
      { ...silent(400), plain: write(answer(status)) },
      'unproven',
      new RegExp(`silent but open .* was answered ${status}`),
      silence,
    ],
  ),
  [
    'silent, and silent when asked plainly',
    silent(400),
    'unproven',
    /silent but open .* no answer in/,
    noAnswer,
  ],
  [
    'silent, and half an answer when asked plainly',
    { ...silent(400), plain: write('HTTP/1.1 200 X\r\nContent-Length: 5\r\n\r\nno') },
    'unproven',
    /no answer in/,
    noAnswer,
  ],
  [
    'silent, and closed when asked plainly',
    { ...silent(400), plain: end('') },
    'unproven',
    /no answer in/,
    silence,
  ],
  // What shows nothing.
  ['a refusal of the server’s own', { first: write(answer(403)), second, plain }, 'unproven', /credentials/],
  ['unauthorized', { first: write(answer(401)), second, plain }, 'unproven', /credentials/],
  ['a real upgrade', { first: write('HTTP/1.1 101 Switching Protocols\r\n\r\n') }, 'unproven', /did upgrade/],
  ['no HTTP', { first: end('SSH-2.0-x\r\n') }, 'unproven', /no HTTP answer/],
  ['closed without an answer', { first: end('') }, 'unproven', /no HTTP answer/],
];
describe('safe probe', () => {
  for (const [name, does, result, detail, wait = waits] of table) {
    test(name, async () => {
      script = does;
      const got = await safeProbe(target, never, wait);
      assert.equal(got.result, result, got.detail);
      assert.match(got.detail, detail);
    });
  }

  test('it sends an upgrade with credentials, the same without, and plainly with them elsewhere', async () => {
    seen.length = 0;
    script = { first: write(answer(400)), plain };
    await safeProbe(target, never, silence);
    assert.match(seen[0] ?? '', /^GET \/apis\/metrics\.k8s\.io\/v1beta1 HTTP\/1\.1\r\n/);
    assert.match(
      seen[0] ?? '',
      /\r\nAuthorization: Bearer secret-token\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n/,
    );
    assert.match(seen[1] ?? '', /^GET \/apis\/metrics\.k8s\.io\/v1beta1 HTTP\/1\.1\r\nHost: [^\r]+\r\n\r\n$/);
    assert.match(seen[2] ?? '', /^GET \/apis\/metrics\.k8s\.io\/v1beta1 HTTP\/1\.1\r\n/);
    assert.match(seen[2] ?? '', /\r\nauthorization: Bearer secret-token\r\n/i);
    assert.equal(seen.length, 3);
  });

  test('a server that can’t be verified or reached proves nothing', async () => {
    script = { first: end(answer(400)) };
    const unverified = { ...target, probe: { ...target.probe, serverName: 'other.invalid' } };
    assert.equal((await safeProbe(unverified, never)).result, 'unproven');
    const gone = { ...target, port: 1 };
    assert.equal((await safeProbe(gone, never)).result, 'unproven');
    const fileless = { ...target, probe: { ...target.probe, caFile: join(folder, 'none.pem') } };
    assert.equal((await safeProbe(fileless, never)).result, 'unproven');
    assert.equal((await safeProbe(target, AbortSignal.abort())).result, 'unproven');
  });

  // 500 for a pod's or service's proxy, 503 for an aggregated API: seen on v1.20.2.
  for (const own of [500, 503])
    describe(`a server that answers upgrades below 400 with a ${own} of its own`, () => {
      /** `below` is what it does with an upgrade of a resource that isn't there. */
      const discovered = (below: (socket: TLSSocket) => void) => {
        seen.length = 0;
        const groups = { groups: [{ name: 'x.io', preferredVersion: { groupVersion: 'x.io/v1' } }] };
        script = {
          first: (socket) =>
            seen.at(-1)?.includes('/portcullis-safe-probe ') ? below(socket) : void socket.write(answer(own)),
          second,
          plain: write(answer(200, JSON.stringify(groups))),
        };
        const { upgradePath: _, ...probe } = target.probe;
        return safeProbe({ ...target, probe }, never, waits);
      };

      test('is proven by one that the backend refuses', async () => {
        const got = await discovered(end(answer(404)));
        assert.equal(got.result, 'proven', got.detail);
        assert.match(got.detail, /answering 404 to the upgrade of \/apis\/x\.io\/v1\/portcullis-safe-probe/);
      });
      test('and is vulnerable where that one is still open', async () => {
        assert.equal((await discovered(write(answer(404)))).result, 'vulnerable');
      });
      test('and shows nothing where that one is answered so too: ordinary HTTP goes on after it', async () => {
        const got = await discovered(write(answer(own)));
        assert.equal(got.result, 'unproven');
        assert.match(got.detail, new RegExp(`${own} may be the server's own answer.*probe.upgradePath`));
      });
      test('a path that was named is the only one asked', async () => {
        seen.length = 0;
        script = { first: write(answer(own)), second };
        assert.equal((await safeProbe(target, never, waits)).result, 'unproven');
        assert.equal(seen.length, 2);
      });
    });
});
