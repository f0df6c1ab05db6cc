import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { GateShield } from '../model/plan.ts';
import type { ShieldRule } from '../model/shield.ts';
import { createBodyBudget } from './body-budget.ts';
import { createConnection } from './connection.ts';
import {
  type Connection,
  type ConnectionSettings,
  defaultConnectionLimits,
  defaultIdentityFields,
} from './connection-types.ts';
import { createRecordingSink, type RecordingSink } from './recording-sink.ts';
import { compileRules } from './rules.ts';

const gitRepo: ShieldRule = {
  id: 'git-repo',
  phase: 'body',
  when: "request.verb in ['create', 'update', 'patch'] && request.resource == 'pods' && object.values('spec.volumes[*].gitRepo').size() > 0",
  action: 'deny',
  severity: 'major',
  message: 'A volume of type gitRepo runs code of the repository on the node.',
};

type Setup = Partial<ConnectionSettings> & {
  readonly rule?: Partial<ShieldRule>;
  readonly shield?: Partial<GateShield>;
};
type Rig = { judge: Connection; sink: RecordingSink; client(text: string): void; server(text: string): void };

function rig({ rule, shield, ...setup }: Setup = {}): Rig {
  const rules = [{ ...gitRepo, ...rule }];
  const sink = createRecordingSink();
  const judge = createConnection(
    {
      identity: { method: 'none' },
      identityFields: defaultIdentityFields,
      sourceAddress: '192.0.2.7',
      rules: compileRules([{ id: 'CVE-1-1', rules, ...shield }]),
      limits: defaultConnectionLimits,
      newId: () => '00000000-id',
      ...setup,
    },
    sink,
  );
  return {
    judge,
    sink,
    client: (text) => judge.clientData(Buffer.from(text, 'latin1')),
    server: (text) => judge.serverData(Buffer.from(text, 'latin1')),
  };
}

const evil = JSON.stringify({ kind: 'Pod', spec: { volumes: [{ gitRepo: { repository: 'x' } }] } });
const good = JSON.stringify({ kind: 'Pod', spec: { volumes: [{ emptyDir: {} }] } });
const pods = '/api/v1/namespaces/lab/pods';
const head = (more: string, path = pods) =>
  `POST ${path} HTTP/1.1\r\nHost: k\r\nContent-Type: application/json\r\n${more}\r\n`;
const forwarded = (more: string, path = pods) =>
  `POST ${path} HTTP/1.1\r\nHost: k\r\nContent-Type: application/json\r\n${more}X-Forwarded-For: 192.0.2.7\r\n\r\n`;
const length = (body: string) => `Content-Length: ${body.length}\r\n`;
const chunked = 'Transfer-Encoding: chunked\r\n';
function chunks(body: string, size: number): string {
  let text = '';
  for (let at = 0; at < body.length; at += size) {
    const piece = body.slice(at, at + size);
    text += `${piece.length.toString(16)}\r\n${piece}\r\n`;
  }
  return `${text}0\r\n\r\n`;
}
const ok = 'HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok';
const told = (sink: RecordingSink) => sink.findings.map(({ rule, action }) => `${rule} ${action}`);

/** What can be done with one request: all at once, byte by byte. */
const splits: readonly (readonly [how: string, size: number])[] = [
  ['whole', 1_000_000],
  ['in pieces of 40 bytes', 40],
  ['byte by byte', 1],
];

for (const [how, size] of splits) {
  for (const [framing, wire] of [
    ['by length', (body: string) => [length(body), body]],
    ['in chunks', (body: string) => [chunked, chunks(body, 7)]],
  ] as const) {
    test(`a body ${framing}, ${how}: refused or forwarded as it came`, () => {
      const bad = rig();
      const [fields = '', sent = ''] = wire(evil);
      feed(bad, head(fields) + sent, size);
      assert.equal(bad.sink.server, '');
      assert.match(bad.sink.client, /^HTTP\/1\.1 403 Forbidden\r\n.*"message":"A volume of type gitRepo/s);
      assert.match(bad.sink.client, /verdict 00000000-id/);
      assert.deepEqual(told(bad.sink), ['git-repo deny']);
      assert.equal(bad.judge.state, 'closing');

      const fine = rig();
      const [same = '', passed = ''] = wire(good);
      for (let round = 1; round <= 2; round++) {
        feed(fine, head(same) + passed, size);
        assert.equal(fine.sink.server, (forwarded(same) + passed).repeat(round));
        fine.server(ok);
        assert.equal(fine.sink.client, ok.repeat(round));
        assert.equal(fine.judge.idle, true);
      }
      assert.deepEqual(told(fine.sink), []);
    });
  }
}

function feed({ client }: Rig, text: string, size: number): void {
  for (let at = 0; at < text.length; at += size) client(text.slice(at, at + size));
}

describe('what is held', () => {
  test('nothing goes on before the last byte, and the connection is not idle meanwhile', () => {
    const { judge, sink, client } = rig();
    client(head(length(good)));
    client(good.slice(0, -1));
    assert.deepEqual([sink.server, judge.idle, judge.readingBody, judge.state], ['', false, true, 'http']);
    client(good.slice(-1));
    assert.equal(sink.server, forwarded(length(good)) + good);
    assert.equal(judge.readingBody, false);
  });

  test('other resources stream as they come', () => {
    const { sink, client } = rig();
    const path = '/api/v1/namespaces/lab/configmaps';
    client(head(length(evil), path));
    assert.equal(sink.server, forwarded(length(evil), path));
    client(evil.slice(0, 9));
    assert.equal(sink.server, forwarded(length(evil), path) + evil.slice(0, 9));
  });

  test('what is proxied has a body of its own, in whatever form', () => {
    for (const path of [
      '/api/v1/namespaces/lab/pods/web/proxy/form',
      '/api/v1/namespaces/lab/services/web/proxy/',
      '/api/v1/nodes/n1/proxy/run',
      '/api/v1/proxy/namespaces/lab/pods/web/form',
    ]) {
      const { sink, client } = rig({ rule: { when: 'true' } });
      client(head(length('a=b'), path));
      assert.equal(sink.server, forwarded(length('a=b'), path));
      client('a=b');
      assert.deepEqual(told(sink), []);
    }
    const { sink, client } = rig({ rule: { when: 'true' } });
    client(head(length('{}'), '/apis/example.org/v1/namespaces/lab/pods/web/proxy'));
    client('{}');
    assert.deepEqual(told(sink), ['git-repo deny']);
  });

  test('a request without a body has nothing to judge', () => {
    for (const fields of ['', 'Content-Length: 0\r\n']) {
      const { sink, client } = rig({ rule: { when: 'true' } });
      client(head(fields));
      assert.equal(sink.server, forwarded(fields));
      assert.deepEqual(told(sink), []);
    }
  });

  test('requests sent ahead wait for it', () => {
    const { sink, client, server } = rig();
    const get = 'GET /api/v1/pods HTTP/1.1\r\nHost: k\r\n\r\n';
    client(head(length(good)) + good.slice(0, 5));
    client(good.slice(5) + get);
    assert.equal(sink.server, forwarded(length(good)) + good);
    server(ok);
    assert.match(sink.server, /GET \/api\/v1\/pods/);
  });

  test('a refused one takes what was sent ahead with it', () => {
    const { sink, client } = rig();
    client(`${head(length(evil))}${evil}GET /api/v1/pods HTTP/1.1\r\nHost: k\r\n\r\n`);
    assert.equal(sink.server, '');
    assert.deepEqual(sink.responses, [403]);
  });

  test('the caller ends in the middle of it: nothing goes on', () => {
    const { judge, sink, client } = rig();
    client(head(length(good)) + good.slice(0, 5));
    judge.clientEnd();
    assert.deepEqual([sink.server, sink.client, judge.state], ['', '', 'closing']);
  });

  test('the server ends meanwhile, which got nothing of it: the caller is told to try again', () => {
    const { judge, sink, client } = rig();
    client(head(length(good)) + good.slice(0, 5));
    judge.serverEnd();
    assert.match(sink.client, /^HTTP\/1\.1 503 .*\r\nRetry-After: 1\r\n/s);
    assert.deepEqual([sink.server, judge.state], ['', 'closing']);
  });

  test('no server can be had meanwhile: the caller is told', () => {
    const { judge, sink, client } = rig();
    client(head(length(good)) + good.slice(0, 5));
    judge.serverFailed('refused');
    client(good.slice(5));
    assert.match(sink.client, /^HTTP\/1\.1 503/);
    assert.equal(sink.server, '');
  });

  test('bytes of the server meanwhile answer nothing', () => {
    const { sink, client, server } = rig();
    client(head(length(good)) + good.slice(0, 5));
    server(ok);
    assert.equal(sink.aborted, true);
    assert.deepEqual(told(sink), ['unsolicited-response deny']);
  });

  test('drained: it is finished first', () => {
    const { judge, sink, client, server } = rig();
    client(head(length(good)) + good.slice(0, 5));
    judge.drain();
    client(good.slice(5));
    server(ok);
    const last = ok.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n');
    assert.deepEqual([sink.client, judge.state], [last, 'closing']);
  });

  test('broken chunks are refused, and nothing goes on', () => {
    const { sink, client } = rig();
    client(head(chunked));
    client('5\r\n{"a":');
    client('zz\r\n');
    assert.equal(sink.server, '');
    assert.match(sink.client, /^HTTP\/1\.1 400/);
  });

  test('an upgrade request is held too, and then waits for its answer', () => {
    const { judge, sink, client, server } = rig({ rule: { when: "object.values('bad').size() > 0" } });
    const upgrade = `Connection: Upgrade\r\nUpgrade: websocket\r\n${length('{"a":1}')}`;
    client(head(upgrade));
    assert.deepEqual([judge.state, sink.server], ['http', '']);
    client('{"a":1}');
    assert.equal(judge.state, 'upgrade');
    client('early');
    assert.equal(sink.server, `${forwarded(upgrade)}{"a":1}`);
    server('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    assert.deepEqual(told(sink), ['early-bytes close-client-and-server']);
  });
});

describe('Expect: 100-continue', () => {
  const expect = 'Expect: 100-continue\r\n';

  test('the gate says go on, once, and the server is not asked', () => {
    const { sink, client, server } = rig();
    client(head(expect + length(good)));
    assert.equal(sink.client, 'HTTP/1.1 100 Continue\r\n\r\n');
    client(good.slice(0, 5));
    client(good.slice(5));
    assert.equal(sink.server, forwarded(length(good)) + good);
    server(ok);
    assert.equal(sink.client, `HTTP/1.1 100 Continue\r\n\r\n${ok}`);
  });

  test('a body that is already there needs no word', () => {
    const { sink, client } = rig();
    client(head(expect + length(good)) + good);
    assert.equal(sink.client, '');
    assert.equal(sink.server, forwarded(expect + length(good)) + good);
  });

  test('a request that is not held goes on as before', () => {
    const { sink, client } = rig();
    client(head(expect + length(good), '/api/v1/namespaces/lab/secrets'));
    assert.equal(sink.client, '');
    assert.match(sink.server, /Expect: 100-continue/);
  });
});

describe('what can not be judged', () => {
  const limits = { ...defaultConnectionLimits, bodyBytes: 1_024 };
  const large = JSON.stringify({ kind: 'Pod', more: 'x'.repeat(2_000) });

  test('a body announced too long is refused before it is read, one in chunks when it is', () => {
    const announced = rig({ limits });
    announced.client(head(length(large)));
    assert.match(announced.sink.client, /^HTTP\/1\.1 413 .*.*\[body-over-budget\]/s);
    assert.deepEqual(told(announced.sink), ['body-over-budget deny']);
    const inChunks = rig({ limits });
    inChunks.client(head(chunked));
    inChunks.client(chunks(large, 500).slice(0, 900));
    assert.equal(inChunks.sink.client, '');
    inChunks.client(chunks(large, 500).slice(900));
    assert.match(inChunks.sink.client, /^HTTP\/1\.1 413 /);
    assert.equal(inChunks.sink.server, '');
  });

  test('where the shield lets it pass it goes on whole, and is told of', () => {
    for (const [fields, body] of [
      [length(large), large],
      [chunked, chunks(large, 500)],
    ] as const) {
      const { sink, client, server } = rig({ limits, shield: { onBody: { overBudget: 'pass' } } });
      client(head(fields));
      for (const piece of body.match(/.{1,100}/gs) ?? []) client(piece);
      assert.equal(sink.server, forwarded(fields) + body);
      server(ok);
      assert.equal(sink.client, ok);
      assert.deepEqual(told(sink), ['body-over-budget log']);
    }
  });

  test('a chunked body just within the limit is judged, its framing not counted', () => {
    const { sink, client } = rig({ limits, rule: { when: 'body.bytes == 1024' } });
    client(head(chunked) + chunks(JSON.stringify({ more: 'x'.repeat(1_013) }), 1));
    assert.deepEqual(told(sink), ['git-repo deny']);
  });

  test('what is not the announced type is refused with 415', () => {
    const { sink, client } = rig();
    client(`${head(length('{"a":'))}{"a":`);
    assert.equal(sink.server, '');
    assert.match(sink.client, /^HTTP\/1\.1 415 Unsupported Media Type\r\n.*\[body-syntax\]/s);
    assert.deepEqual(told(sink), ['body-syntax deny']);
  });

  test('unless the shield lets it pass', () => {
    const { sink, client } = rig({ shield: { onBody: { undecodable: 'pass' } } });
    client(`${head(length('{"a":'))}{"a":`);
    assert.equal(sink.server, `${forwarded(length('{"a":'))}{"a":`);
    assert.deepEqual(told(sink), ['body-syntax log']);
  });

  test('a rule that only tells refuses nothing that it can not judge, beside one that denies or not', () => {
    const alert = rig({ rule: { action: 'log' } });
    alert.client(`${head(length('{"a":'))}{"a":`);
    assert.equal(alert.sink.server, `${forwarded(length('{"a":'))}{"a":`);
    assert.deepEqual(told(alert.sink), ['body-syntax log']);
    const shadow = rig({ rule: { action: 'log' }, shield: { mode: 'shadow' } });
    shadow.client(`${head(length('{"a":'))}{"a":`);
    assert.deepEqual(told(shadow.sink), ['body-syntax log']);
    const beside = rig({ shield: { rules: [{ ...gitRepo, action: 'log' }, gitRepo] } });
    beside.client(`${head(length('{"a":'))}{"a":`);
    assert.equal(beside.sink.server, '');
    assert.deepEqual(told(beside.sink), ['body-syntax deny']);
  });

  test('more than the gate may hold is refused with 429, and what was held is given back', () => {
    const budget = createBodyBudget();
    const slow = rig({ bodyAccount: budget.account('192.0.2.7', 240) });
    slow.client(head(length(good)) + good.slice(0, 50));
    assert.equal(budget.held, 50);
    const other = rig({ bodyAccount: budget.account('192.0.2.7', 240) });
    other.client(head(length(good)));
    other.client(good.slice(0, -1));
    assert.match(other.sink.client, /^HTTP\/1\.1 429 .*\r\nRetry-After: 1\r\n/s);
    assert.deepEqual(told(other.sink), ['held-bodies-full deny']);
    const elsewhere = rig({ bodyAccount: budget.account('192.0.2.8', 240) });
    elsewhere.client(head(length(good)));
    elsewhere.client(good);
    assert.equal(elsewhere.sink.server, forwarded(length(good)) + good);
    assert.equal(budget.held, 50);
    slow.judge.clientEnd();
    assert.equal(budget.held, 0);
  });
});

describe('a shield in shadow, or an exemption', () => {
  const exemption = {
    id: 'ex-1',
    users: ['someone'],
    expires: '2100-01-01T00:00:00Z',
  };
  const someone = { method: 'certificate', user: 'someone', groups: [] } as const;
  const cases: readonly (readonly [what: string, setup: Setup])[] = [
    ['in shadow', { shield: { mode: 'shadow' } }],
    ['exempt', { shield: { exemptions: [exemption] as GateShield['exemptions'] }, identity: someone }],
  ];
  const limits = { ...defaultConnectionLimits, bodyBytes: 100 };
  for (const [what, setup] of cases) {
    test(`${what}: what fires and what can't be judged is told of, and goes on`, () => {
      for (const [body, more, rule] of [
        [evil, {}, 'git-repo'],
        ['{"a":', {}, 'body-syntax'],
        [JSON.stringify({ more: 'x'.repeat(100) }), { limits }, 'body-over-budget'],
        [good, { bodyAccount: createBodyBudget().account('192.0.2.7', 40) }, 'held-bodies-full'],
      ] as const) {
        const { sink, client } = rig({ ...setup, ...more });
        client(head(length(body)) + body.slice(0, -1));
        client(body.slice(-1));
        assert.deepEqual(told(sink), [`${rule} log`]);
        const [finding] = sink.findings;
        assert.deepEqual([finding?.shield, finding?.would], ['CVE-1-1', 'deny']);
        assert.ok(finding?.shadow || finding?.exemption === 'ex-1');
        assert.ok(sink.server.endsWith(body));
      }
    });
  }
});

test('any split of any requests: what passes is what came, and nothing of a refused one does', () => {
  const body = fc.constantFrom(good, evil, '{}', '', '{"kind":"Pod"}');
  const request = fc.record({
    body,
    chunk: fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined }),
    path: fc.constantFrom(pods, '/api/v1/namespaces/lab/configmaps'),
    expects: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(request, { minLength: 1, maxLength: 4 }),
      fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 1, maxLength: 5 }),
      (requests, sizes) => {
        const it = rig();
        let expected = '';
        let turn = 0;
        for (const { body: content, chunk, path, expects } of requests) {
          const fields = chunk === undefined ? length(content) : chunked;
          const sent = chunk === undefined ? content : chunks(content, chunk);
          const wire = head((expects ? 'Expect: 100-continue\r\n' : '') + fields, path) + sent;
          for (let at = 0; at < wire.length; ) {
            const size = sizes[turn++ % sizes.length] ?? 1;
            it.client(wire.slice(at, at + size));
            at += size;
          }
          if (path === pods && content === evil) {
            assert.equal(it.sink.server.replaceAll('Expect: 100-continue\r\n', ''), expected);
            assert.equal(it.judge.state, 'closing');
            return;
          }
          expected += forwarded(fields, path) + sent;
          assert.equal(it.sink.server.replaceAll('Expect: 100-continue\r\n', ''), expected);
          it.server(ok);
          assert.equal(it.judge.idle, true);
        }
      },
    ),
    { numRuns: 300 },
  );
});
