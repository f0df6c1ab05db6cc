// What no exchange may ever do, whatever is sent in whatever pieces: the two promises that the gate stands on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createConnection } from './connection.ts';
import { defaultConnectionLimits, defaultIdentityFields } from './connection-types.ts';
import { createRecordingSink } from './recording-sink.ts';
import { noRules } from './rules.ts';

/** Marks bytes that only a tunnel may carry. */
const evil = 'EVIL';
const connections = ['Upgrade', 'keep-alive, uPGRADE', 'x-upgrade', '"upgrade"', 'close', 'keep-alive', ''];
const protocols = ['websocket', 'SPDY/3.1', 'foo, WebSocket', 'h2c', ''];
const spoofs = [
  'X-Remote-User',
  'x-remote-GROUP',
  'X_Remote_User',
  'X-Remote-Extra-evil',
  'x-remote_uid',
  'X-Remote-Anything',
];

const field = (name: string, value: string) => (value === '' ? '' : `${name}: ${value}\r\n`);
const request = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'HEAD'),
    path: fc.constantFrom(
      '/api/v1/pods',
      '/api/v1/namespaces/n/pods/p/exec',
      '/apis/g/v1',
      '/api/v1/pods?watch=1',
    ),
    connection: fc.constantFrom(...connections),
    upgrade: fc.constantFrom(...protocols),
    spoof: fc.constantFrom('', ...spoofs),
    body: fc.constantFrom('', 'length', 'chunked'),
  })
  .map(({ method, path, connection, upgrade, spoof, body }) => ({
    asks: /(?:^|, )upgrade$/i.test(connection),
    upgrades: /upgrade/i.test(connection) || upgrade !== '',
    offered: upgrade.toLowerCase().split(', '),
    text:
      `${method} ${path} HTTP/1.1\r\nHost: k\r\n${field('Connection', connection)}${field('Upgrade', upgrade)}` +
      `${spoof === '' ? '' : field(spoof, evil)}` +
      {
        '': '\r\n',
        length: 'Content-Length: 4\r\n\r\nbody',
        chunked: 'Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n',
      }[body],
  }));
const answer = fc.constantFrom(
  'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n',
  'HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nhalf',
  'HTTP/1.1 403 Forbidden\r\n\r\nuntil the end',
  'HTTP/1.1 204 No Content\r\n\r\n',
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\n\r\n',
  'nonsense\r\n\r\n',
);
type Step =
  | { readonly side: 'client' | 'server'; readonly text: string }
  | { readonly end: 'client' | 'server' };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: request.map(({ text }) => ({ side: 'client' as const, text })) },
  { weight: 5, arbitrary: answer.map((text) => ({ side: 'server' as const, text })) },
  {
    weight: 3,
    arbitrary: fc.constant({ side: 'client' as const, text: `GET /${evil} HTTP/1.1\r\nHost: k\r\n\r\n` }),
  },
  { weight: 1, arbitrary: fc.constantFrom({ end: 'client' as const }, { end: 'server' as const }) },
);

/** Feeds the steps in pieces of the given sizes, over and over, and watches after each piece. */
function run(steps: readonly Step[], sizes: readonly number[]): ReturnType<typeof createRecordingSink> {
  const sink = createRecordingSink();
  const judge = createConnection(
    {
      identity: { method: 'certificate', user: 'someone', groups: [] },
      identityFields: defaultIdentityFields,
      sourceAddress: '192.0.2.1',
      rules: noRules,
      limits: defaultConnectionLimits,
    },
    sink,
  );
  let turn = 0;
  for (const one of steps) {
    if ('end' in one) {
      if (one.end === 'client') judge.clientEnd();
      else judge.serverEnd();
      continue;
    }
    const bytes = Buffer.from(one.text, 'latin1');
    for (let at = 0; at < bytes.length; ) {
      const size = sizes[turn++ % sizes.length] ?? 1;
      const tunnel = judge.state === 'tunnel';
      const upgrading = judge.state === 'upgrade';
      const before = sink.server.length;
      const piece = bytes.subarray(at, at + size);
      if (one.side === 'client') judge.clientData(piece);
      else judge.serverData(piece);
      at += size;
      const sent = sink.server.slice(before);
      if (tunnel) continue;
      // The caller's identity fields, in any spelling, never pass outside a tunnel.
      assert.ok(!sent.includes(`: ${evil}`), 'an identity of the caller reached the server');
      assert.ok(
        !/x[-_]remote[-_](?!user: someone\r\n)/i.test(sent),
        `an identity field reached the server: ${sent}`,
      );
      // Only the request's own body may follow an upgrade request.
      if (upgrading)
        assert.ok(!sent.includes(evil) && !/HTTP\/1/.test(sent), `past an upgrade request: ${sent}`);
    }
  }
  return sink;
}

const sizes = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 5 });

test('no byte after an upgrade request passes before a verified 101; no identity field ever', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), sizes, (steps, pieces) => {
      run(steps, pieces);
    }),
    { numRuns: 4000 },
  );
});

test('an upgrade request and what follows: nothing follows to the server, in any pieces, for any answer', () => {
  fc.assert(
    fc.property(
      request.filter((one) => one.upgrades),
      fc.array(answer, { minLength: 1, maxLength: 3 }),
      fc.boolean(),
      sizes,
      (first, answers, early, pieces) => {
        const attack: Step = { side: 'client', text: `GET /${evil} HTTP/1.1\r\nHost: k\r\n\r\n` };
        const replies = answers.map((text): Step => ({ side: 'server', text }));
        const sink = run(
          [{ side: 'client', text: first.text }, ...(early ? [attack, ...replies] : [...replies, attack])],
          pieces,
        );
        const granted = sink.responses.includes(101);
        assert.equal(sink.server.includes(`/${evil}`), granted && !early);
        // A twin that knows only what was offered says which 101 is one.
        const final = answers.find((text) => !/^HTTP\/1\.1 10[03]/.test(text)) ?? '';
        const chosen = /^HTTP\/1\.1 101[\s\S]*Upgrade: (\S+)\r\n\r\n/.exec(final)?.[1]?.toLowerCase();
        const real = first.asks && chosen !== undefined && chosen !== 'h2c' && first.offered.includes(chosen);
        assert.equal(granted, real && !early);
      },
    ),
    { numRuns: 3000 },
  );
});

test('the pieces make no difference', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 6 }), sizes, (steps, pieces) => {
      const whole = run(steps, [1_000_000]);
      // Bytes beyond an answer (a body after HEAD) are cut at once when they come with it; when they come later, a
      // request that waited has been forwarded by then, and they are read as its answer, as any HTTP/1.1 reader must.
      fc.pre(!whole.findings.some((one) => one.rule === 'unsolicited-response'));
      const split = run(steps, pieces);
      assert.equal(split.server, whole.server);
      assert.deepEqual(
        split.findings.map((one) => one.rule),
        whole.findings.map((one) => one.rule),
      );
      assert.deepEqual(split.responses, whole.responses);
    }),
    { numRuns: 3000 },
  );
});
