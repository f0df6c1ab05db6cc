// What the judge tells of each request for records, and how it sheds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createConnection } from './connection.ts';
import {
  type Connection,
  type ConnectionSettings,
  defaultConnectionLimits,
  defaultIdentityFields,
  type ExchangeWatch,
} from './connection-types.ts';
import { createRecordingSink, type RecordingSink } from './recording-sink.ts';
import { compileRules } from './rules.ts';

type Told = {
  readonly line: string;
  readonly id: string;
  up: number;
  down: number;
  refusal: string | undefined;
  status: number;
  ends: number;
};
type Rig = {
  judge: Connection;
  sink: RecordingSink;
  told: Told[];
  client(text: string): void;
  server(text: string): void;
};

const deny = {
  id: 'no-secrets',
  phase: 'request' as const,
  when: 'request.resource == "secrets"',
  action: 'deny' as const,
  severity: 'major' as const,
  message: 'Not now.',
};

function rig(more: Partial<ConnectionSettings> = {}): Rig {
  const told: Told[] = [];
  let ids = 0;
  const sink = Object.assign(createRecordingSink(), {
    begun(
      info: { method: string; path: string },
      _head: unknown,
      verdict: { readonly id: string },
    ): ExchangeWatch {
      const one: Told & ExchangeWatch = {
        line: `${info.method} ${info.path}`,
        id: verdict.id,
        up: 0,
        down: 0,
        refusal: undefined,
        status: 0,
        ends: 0,
        answered(status) {
          assert.equal(one.status, 0, 'answered once');
          one.status = status;
        },
        ended() {
          one.ends += 1;
        },
      };
      told.push(one);
      return one;
    },
  });
  const judge = createConnection(
    {
      identity: { method: 'none' },
      identityFields: defaultIdentityFields,
      sourceAddress: '192.0.2.7',
      rules: compileRules([{ id: 'CVE-1-1', rules: [deny] }]),
      limits: defaultConnectionLimits,
      newId: () => `verdict-${++ids}`,
      ...more,
    },
    sink,
  );
  return {
    judge,
    sink,
    told,
    client: (text) => judge.clientData(Buffer.from(text, 'latin1')),
    server: (text) => judge.serverData(Buffer.from(text, 'latin1')),
  };
}

const row = ({ line, id, status, refusal, ends }: Told) => [line, id, status, refusal, ends];
const get = 'GET /api/v1/pods HTTP/1.1\r\nHost: k\r\n\r\n';
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const upgrade =
  'GET /api/v1/namespaces/lab/pods/web/exec HTTP/1.1\r\nHost: k\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
const switched = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

test('each request is told once, with its bytes, its status and its end', () => {
  const { client, server, told, sink } = rig();
  client('POST /api/v1/pods HTTP/1.1\r\nHost: k\r\nContent-Length: 4\r\n\r\nab');
  const head = sink.server.length - 2;
  client(`cd${get}`);
  server('HTTP/1.1 100 Continue\r\n\r\n');
  server(`${ok}`);
  assert.deepEqual(told.map(row), [
    ['POST /api/v1/pods', 'verdict-1', 200, undefined, 1],
    ['GET /api/v1/pods', 'verdict-2', 0, undefined, 0],
  ]);
  assert.equal(told[0]?.up, head + 4);
  assert.ok((told[0]?.down ?? 0) >= ok.length);
  server(ok);
  assert.deepEqual(
    told.map(({ ends }) => ends),
    [1, 1],
  );
  assert.equal(told[1]?.down, ok.length);
});

test('a tunnel is told at its end, with what went through it', () => {
  const { client, server, told, judge } = rig();
  client(upgrade);
  server(`${switched}abc`);
  client('12345');
  server('de');
  assert.deepEqual(told.map(row), [
    ['GET /api/v1/namespaces/lab/pods/web/exec', 'verdict-1', 101, undefined, 0],
  ]);
  judge.clientEnd();
  judge.serverEnd();
  assert.deepEqual([told[0]?.ends, told[0]?.down], [1, switched.length + 5]);
});

for (const [name, bytes, answer, line, status, refusal] of [
  ['by a rule', get.replace('pods', 'secrets'), '', 'GET /api/v1/secrets', 403, 'CVE-1-1/no-secrets'],
  [
    'for its trailers',
    'POST /api/v1/pods HTTP/1.1\r\nHost: k\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na: b\r\n\r\n',
    '',
    'POST /api/v1/pods',
    400,
    'request-trailers',
  ],
  ['for early bytes', `${upgrade}early`, ok, 'GET /api/v1/namespaces/lab/pods/web/exec', 0, 'early-bytes'],
  [
    'for the answer',
    get,
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    'GET /api/v1/pods',
    502,
    'repeated-length',
  ],
] as const) {
  test(`a request that is refused ${name} says by what`, () => {
    const { client, server, told } = rig();
    client(bytes);
    if (answer !== '') server(answer);
    assert.equal(told.length, 1);
    const [one] = told;
    assert.ok(one);
    assert.equal(one.line, line);
    assert.equal(one.status, status);
    assert.equal(one.ends, 1);
    assert.match(one.refusal ?? '', new RegExp(`^${refusal}`));
  });
}

test('a shed request costs the server nothing, and its connection goes on', () => {
  let busy = true;
  const { client, server, told, sink, judge } = rig({ shed: () => (busy ? 2 : undefined) });
  client(get + get);
  assert.equal(sink.server, '');
  assert.equal(sink.client.match(/HTTP\/1\.1 429 Too Many Requests\r\n/g)?.length, 2);
  assert.match(sink.client, /\r\nRetry-After: 2\r\n/);
  assert.match(sink.client, /"reason":"TooManyRequests","details":\{"retryAfterSeconds":2\},"code":429/);
  assert.doesNotMatch(sink.client, /Connection: close/);
  assert.equal(judge.idle, true);
  assert.deepEqual(sink.findings, []);
  busy = false;
  client(get);
  server(ok);
  assert.deepEqual(
    told.map(({ status, refusal, ends }) => [status, refusal, ends]),
    [
      [429, 'overloaded', 1],
      [429, 'overloaded', 1],
      [200, undefined, 1],
    ],
  );
});

for (const [name, bytes] of [
  ['an upgrade', `${upgrade}GET / HTTP/1.1\r\n`],
  ['a request with a body', 'POST /api/v1/pods HTTP/1.1\r\nHost: k\r\nContent-Length: 4\r\n\r\nabcd'],
  ['the last request', get.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')],
] as const) {
  test(`${name} that is shed ends its connection`, () => {
    const { client, sink, judge } = rig({ shed: () => 1 });
    client(bytes);
    assert.equal(sink.server, '');
    assert.match(sink.client, /^HTTP\/1\.1 429 .*\r\nConnection: close\r\n/s);
    assert.equal(judge.state, 'closing');
  });
}

test('however it is split, every request is ended once when the connection is over', () => {
  const text = `${get}${get.replace('pods', 'secrets')}${get}`;
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 12 }),
      fc.boolean(),
      (sizes, early) => {
        const { judge, told, sink, server } = rig();
        let at = 0;
        for (const size of [...sizes, text.length]) {
          judge.clientData(Buffer.from(text.slice(at, at + size), 'latin1'));
          at += size;
          if (early && sink.requests.length > 0 && told.at(-1)?.ends === 0) server(ok);
        }
        if (told.at(-1)?.ends === 0) server(ok);
        judge.clientEnd();
        judge.serverEnd();
        assert.deepEqual(
          told.map(({ ends }) => ends),
          told.map(() => 1),
        );
        assert.ok(told.length >= 2 && told[1]?.refusal === 'CVE-1-1/no-secrets');
      },
    ),
  );
});
