import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ShieldRule } from '../model/shield.ts';
import { createConnection } from './connection.ts';
import {
  type Connection,
  type ConnectionSettings,
  defaultConnectionLimits,
  defaultIdentityFields,
} from './connection-types.ts';
import { createRecordingSink, type RecordingSink } from './recording-sink.ts';
import { compileRules, noRules } from './rules.ts';

type Setup = Partial<ConnectionSettings> & { shieldRules?: Partial<ShieldRule>[] };
type Rig = { judge: Connection; sink: RecordingSink; client(text: string): void; server(text: string): void };

function rig(setup: Setup = {}): Rig {
  const rules = (setup.shieldRules ?? []).map((over) => ({
    id: 'a-rule',
    phase: 'request' as const,
    when: 'true',
    action: 'deny' as const,
    severity: 'major' as const,
    message: 'Not now.',
    ...over,
  }));
  const sink = createRecordingSink();
  const judge = createConnection(
    {
      identity: setup.identity ?? { method: 'none' },
      identityFields: setup.identityFields ?? defaultIdentityFields,
      sourceAddress: '192.0.2.7',
      rules: rules.length > 0 ? compileRules([{ id: 'CVE-1-1', rules }]) : noRules,
      limits: setup.limits ?? defaultConnectionLimits,
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

const get = 'GET /api/v1/pods HTTP/1.1\r\nHost: k\r\n\r\n';
const getForwarded = 'GET /api/v1/pods HTTP/1.1\r\nHost: k\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n';
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const lastOk = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok';
const upgrade =
  'GET /api/v1/namespaces/lab/pods/web/exec HTTP/1.1\r\nHost: k\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
const switched = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
const refusedUpgrade = 'HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\nnope';
const ruleIds = (sink: RecordingSink) => sink.findings.map((finding) => finding.rule);

describe('plain exchanges', () => {
  test('a request goes on with the source address, its answer comes back as it was', () => {
    const { judge, sink, client, server } = rig();
    assert.equal(judge.idle, true);
    client(get);
    assert.equal(judge.idle, false);
    server(ok);
    assert.equal(sink.server, getForwarded);
    assert.equal(sink.serverWrites, 1);
    assert.equal(sink.client, ok);
    assert.equal(judge.idle, true);
    assert.deepEqual([sink.requests, sink.responses], [['GET /api/v1/pods'], [200]]);
    client(get);
    server(ok);
    assert.equal(sink.server, getForwarded + getForwarded);
    assert.deepEqual(sink.findings, []);
  });

  test('byte by byte in both directions', () => {
    const { judge, sink, client, server } = rig();
    for (const byte of get) client(byte);
    for (const byte of `HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n${ok}`) server(byte);
    assert.equal(sink.server, getForwarded);
    assert.equal(sink.client, `HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n${ok}`);
    assert.equal(judge.idle, true);
  });

  test('pipelined requests wait for the answer of the one before', () => {
    const { judge, sink, client, server } = rig();
    client(get + get + get.slice(0, 20));
    assert.equal(sink.server, getForwarded);
    assert.equal(sink.holding, true);
    server(ok);
    assert.equal(sink.server, getForwarded + getForwarded);
    assert.equal(sink.holding, true);
    server(ok);
    assert.equal(sink.holding, false);
    client(get.slice(20));
    assert.equal(sink.server, getForwarded.repeat(3));
    server(ok);
    assert.equal(judge.idle, true);
  });

  test('drained: ends at once between exchanges, else with the answer, and nothing sent ahead goes on', () => {
    const quiet = rig();
    quiet.judge.drain();
    assert.deepEqual([quiet.judge.state, quiet.sink.clientEnded], ['closing', 0]);
    const busy = rig();
    busy.client(get + get);
    busy.judge.drain();
    assert.equal(busy.judge.state, 'http');
    busy.server(ok);
    assert.deepEqual([busy.judge.state, busy.sink.serverClosed], ['closing', true]);
    assert.equal(busy.sink.server, getForwarded);
    assert.equal(busy.sink.client, lastOk);
    const begun = rig();
    begun.client(get.slice(0, 9));
    begun.judge.drain();
    begun.client(get.slice(9));
    begun.server(ok);
    assert.deepEqual([begun.sink.client, begun.judge.state], [lastOk, 'closing']);
  });

  test('drained: the last answer says that it is, unless the server has said so or its head has gone', () => {
    const piecemeal = rig();
    piecemeal.client(get);
    piecemeal.judge.drain();
    for (const byte of `HTTP/1.1 103 Early Hints\r\n\r\n${ok}`) piecemeal.server(byte);
    assert.equal(piecemeal.sink.client, `HTTP/1.1 103 Early Hints\r\n\r\n${lastOk}`);
    const said = rig();
    said.client(get);
    said.judge.drain();
    said.server(lastOk);
    assert.equal(said.sink.client, lastOk);
    const gone = rig();
    gone.client(get);
    gone.server(ok.slice(0, -1));
    gone.judge.drain();
    gone.server(ok.slice(-1));
    assert.deepEqual([gone.sink.client, gone.judge.state], [ok, 'closing']);
  });

  test('what is sent ahead beyond all bounds cuts the connection', () => {
    const { sink, client } = rig();
    client(get);
    for (let i = 0; i < 300; i++) client('x'.repeat(1024));
    assert.deepEqual(ruleIds(sink), ['pipeline-over-limit']);
    assert.equal(sink.aborted, true);
  });

  const bodies: readonly [string, string][] = [
    ['with length', 'POST /api/v1/pods HTTP/1.1\r\nHost: k\r\nContent-Length: 3\r\n\r\nabc'],
    [
      'chunked',
      'POST /api/v1/pods HTTP/1.1\r\nHost: k\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    ],
    ['empty', 'POST /api/v1/pods HTTP/1.1\r\nHost: k\r\nContent-Length: 0\r\n\r\n'],
  ];
  for (const [name, request] of bodies) {
    test(`request body ${name}, whole and byte by byte`, () => {
      for (const split of [false, true]) {
        const { judge, sink, client, server } = rig();
        if (split) for (const byte of request) client(byte);
        else client(request);
        assert.equal(sink.server, request.replace('\r\n\r\n', '\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n'));
        server(ok);
        assert.equal(judge.idle, true);
      }
    });
  }

  test('Expect: 100-continue: the interim answer passes, then the body, then the answer', () => {
    const { judge, sink, client, server } = rig();
    client('POST /api/v1/pods HTTP/1.1\r\nHost: k\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n');
    server('HTTP/1.1 100 Continue\r\n\r\n');
    assert.equal(sink.client, 'HTTP/1.1 100 Continue\r\n\r\n');
    client('abc');
    assert.ok(sink.server.endsWith('\r\n\r\nabc'));
    server(ok);
    assert.equal(judge.idle, true);
  });

  test('an answer before the end of the request body ends the connection', () => {
    const { judge, sink, client, server } = rig();
    client('POST /api/v1/pods HTTP/1.1\r\nHost: k\r\nContent-Length: 9\r\n\r\nabc');
    server('HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n');
    assert.equal(judge.state, 'closing');
    assert.equal(sink.serverClosed, true);
    client('defghi');
    assert.ok(!sink.server.includes('def'));
    assert.deepEqual(sink.findings, []);
  });

  const finals: readonly [string, string, string, 'http' | 'closing'][] = [
    ['HEAD', 'HEAD /api/v1/pods', 'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n', 'http'],
    ['204', 'DELETE /api/v1/pods', 'HTTP/1.1 204 No Content\r\n\r\n', 'http'],
    ['304', 'GET /api/v1/pods', 'HTTP/1.1 304 Not Modified\r\n\r\n', 'http'],
    [
      'chunked',
      'GET /a',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
      'http',
    ],
    ['close', 'GET /a', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n', 'closing'],
  ];
  for (const [name, line, answer, state] of finals) {
    test(`answer: ${name}`, () => {
      const { judge, sink, client, server } = rig();
      client(`${line} HTTP/1.1\r\nHost: k\r\n\r\n`);
      server(answer);
      assert.equal(sink.client, answer);
      assert.equal(judge.state, state);
    });
  }

  test('an answer without length ends with the connection', () => {
    const { judge, sink, client, server } = rig();
    client(get);
    server('HTTP/1.1 200 OK\r\n\r\nfor');
    server('ever');
    assert.equal(judge.state, 'http');
    judge.serverEnd();
    assert.equal(sink.client, 'HTTP/1.1 200 OK\r\n\r\nforever');
    assert.deepEqual([sink.serverClosed, sink.clientEnded !== undefined], [true, true]);
  });

  test('bytes that answer nothing cut the connection, before and after an answer', () => {
    for (const before of [false, true]) {
      const { sink, client, server } = rig();
      if (before) {
        client(get);
        server(`${ok}HTTP/1.1 200 OK\r\n`);
      } else server('HTTP/1.1 408 Request Timeout\r\n\r\n');
      assert.deepEqual(ruleIds(sink), ['unsolicited-response']);
      assert.equal(sink.aborted, true);
    }
  });

  test('a caller who ends while waiting still gets the answer', () => {
    const { judge, sink, client, server } = rig();
    client(get);
    judge.clientEnd();
    assert.equal(judge.state, 'http');
    server(ok);
    assert.equal(sink.client, ok);
    assert.equal(judge.state, 'closing');
  });

  test('a caller who ends during a watch has left: the server is told', () => {
    const { judge, sink, client, server } = rig();
    client('GET /api/v1/pods?watch=1 HTTP/1.1\r\nHost: k\r\n\r\n');
    server('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n');
    server('2\r\n{}\r\n');
    assert.equal(judge.state, 'http');
    judge.clientEnd();
    assert.equal(sink.aborted, true);
  });

  test('no upstream: the pending request is answered 503, as is one that comes later', () => {
    for (const before of [false, true]) {
      const { judge, sink, client } = rig();
      if (before) judge.serverFailed('it refuses connections');
      client(get);
      if (!before) judge.serverFailed('it refuses connections');
      assert.match(sink.client, /^HTTP\/1\.1 503 .*"reason":"ServiceUnavailable"/s);
      assert.equal(judge.state, 'closing');
    }
  });

  test('a server that ends without an answer: 502', () => {
    const { judge, sink, client, server } = rig();
    client(get);
    server('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 2');
    judge.serverEnd();
    assert.match(sink.client, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 502 /);
  });

  const post = 'POST /api/v1/pods HTTP/1.1\r\nHost: k\r\nContent-Length: 0\r\n\r\n';
  for (const [what, request, begun, silent] of [
    ['a question that callers ask again', get, '', true],
    ['what may have changed something', post, '', false],
    ['what got the beginning of an answer', get, 'HTTP/1.1 2', false],
  ] as const) {
    test(`an idle server that ends as the next request comes, ${what}: ${silent ? 'no answer' : '502'}`, () => {
      const { judge, sink, client, server } = rig();
      client(get);
      server(ok);
      client(request);
      if (begun) server(begun);
      judge.serverEnd();
      assert.match(sink.client.slice(ok.length), silent ? /^$/ : /^HTTP\/1\.1 502 /);
      assert.deepEqual([sink.serverClosed, sink.clientEnded !== undefined], [true, true]);
    });
  }
});

describe('refusals', () => {
  const refused: readonly [string, string, number][] = [
    ['path-dot-segment', 'GET /api/v1/../x HTTP/1.1\r\nHost: k\r\n\r\n', 400],
    ['path-dot-segment', 'GET /api/v1/%2e%2E/x HTTP/1.1\r\nHost: k\r\n\r\n', 400],
    ['path-percent', 'GET /api/%zz HTTP/1.1\r\nHost: k\r\n\r\n', 400],
    ['connection-option', 'GET / HTTP/1.1\r\nHost: k\r\nConnection: close, X-Remote-User\r\n\r\n', 400],
    ['connection-option', 'GET / HTTP/1.1\r\nHost: k\r\nConnection: Authorization\r\n\r\n', 400],
    ['connection-option', 'GET / HTTP/1.1\r\nHost: k\r\nConnection: x_forwarded_for\r\n\r\n', 400],
    // Go's strings.TrimSpace, by which reverse proxies of the server's age read the list, trims U+00A0 too.
    ['connection-option', 'GET / HTTP/1.1\r\nHost: k\r\nConnection: \xc2\xa0X-Remote-User\r\n\r\n', 400],
    ['repeated-length', 'POST / HTTP/1.1\r\nHost: k\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n', 400],
    [
      'request-trailers',
      'POST / HTTP/1.1\r\nHost: k\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Remote-User: a\r\n\r\n',
      400,
    ],
  ];
  for (const [code, request, status] of refused) {
    test(`${code}: ${JSON.stringify(request.slice(0, 60))}`, () => {
      const { judge, sink, client } = rig();
      client(request);
      assert.equal(sink.server, '');
      const [head = '', body = ''] = sink.client.split('\r\n\r\n');
      assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.match(head, /^Connection: close$/m);
      assert.match(head, new RegExp(`^Content-Length: ${body.length}$`, 'm'));
      const answer = JSON.parse(body) as Record<string, unknown>;
      assert.deepEqual(
        [answer['kind'], answer['apiVersion'], answer['status'], answer['code']],
        ['Status', 'v1', 'Failure', status],
      );
      assert.deepEqual(
        sink.findings.map((one) => [one.shield, one.rule]),
        [['portcullis', code]],
      );
      assert.equal(judge.state, 'closing');
    });
  }

  test('trailers of a request that was begun go no further', () => {
    const { sink, client } = rig();
    client('POST / HTTP/1.1\r\nHost: k\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n');
    for (const byte of 'X-Remote-User: admin\r\n\r\n') client(byte);
    assert.ok(!sink.server.includes('X-Remote'));
    assert.ok(sink.server.endsWith('0\r\n'));
    assert.deepEqual(ruleIds(sink), ['request-trailers']);
  });

  test('an answer that can be read in two ways: 502, nothing of it delivered', () => {
    const { sink, client, server } = rig();
    client(get);
    server('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok');
    assert.match(sink.client, /^HTTP\/1\.1 502 /);
    assert.deepEqual(ruleIds(sink), ['length-and-encoding']);
  });

  test('the answer to a refused HEAD has no body', () => {
    const { sink, client } = rig();
    client('HEAD /a/../b HTTP/1.1\r\nHost: k\r\n\r\n');
    assert.match(sink.client, /^HTTP\/1\.1 400 .*Content-Length: [1-9][0-9]*\r\n\r\n$/s);
  });
});

describe('the body of an upgrade request', () => {
  const head = `${upgrade.slice(0, -2)}Content-Length: 9\r\n\r\n`;

  test('what is left of it when the upgrade has been refused goes no further', () => {
    for (const answer of ['HTTP/1.1 400 Bad Request\r\nContent-Length: 9\r\n\r\nno', refusedUpgrade]) {
      const { sink, client, server } = rig();
      client(`${head}1234`);
      server(answer);
      const before = sink.server;
      client('5678');
      assert.equal(sink.server, before);
      assert.ok(sink.client.startsWith(answer));
      assert.deepEqual(ruleIds(sink), []);
      client('9EVIL');
      assert.equal(sink.server, before);
      assert.deepEqual(ruleIds(sink), ['late-bytes']);
    }
  });

  test('after an interim answer it goes on', () => {
    const { sink, client, server } = rig();
    client(`${head}1234`);
    server('HTTP/1.1 100 Continue\r\n\r\n');
    client('56789');
    assert.ok(sink.server.endsWith('123456789'));
    server(switched);
    assert.deepEqual(sink.responses, [101]);
  });
});

describe('identity', () => {
  const developer = { method: 'certificate', user: 'développeur', groups: ['lab', 'system:nodes'] } as const;

  test('a certificate is carried in the head, one line per group, as UTF-8', () => {
    const { sink, client } = rig({ identity: developer });
    client(get);
    assert.equal(
      Buffer.from(sink.server, 'latin1').toString(),
      'GET /api/v1/pods HTTP/1.1\r\nHost: k\r\nX-Forwarded-For: 192.0.2.7\r\nx-remote-user: développeur\r\n' +
        'x-remote-group: lab\r\nx-remote-group: system:nodes\r\n\r\n',
    );
  });

  test('configured names are used, and theirs and the usual ones are taken from callers', () => {
    const identityFields = { user: 'remote_user', group: 'x-team', extraPrefix: 'x-more-' };
    const { sink, client } = rig({ identity: { ...developer, user: 'dev' }, identityFields });
    client(
      'GET / HTTP/1.1\r\nHost: k\r\nRemote-User: a\r\nREMOTE_USER: b\r\nX-Team: c\r\nX_More-scope: d\r\n' +
        'X-Remote-User: e\r\nAccept: f\r\n\r\n',
    );
    assert.equal(
      sink.server,
      'GET / HTTP/1.1\r\nHost: k\r\nAccept: f\r\nX-Forwarded-For: 192.0.2.7\r\nremote_user: dev\r\n' +
        'x-team: lab\r\nx-team: system:nodes\r\n\r\n',
    );
  });

  test('spoofed fields are taken out of every request and told of once, so that they bury no other finding', () => {
    const { sink, client, server } = rig();
    for (let i = 0; i < 3; i++) {
      client('GET / HTTP/1.1\r\nHost: k\r\nX-Remote-User: a\r\n\r\n');
      server(ok);
    }
    assert.ok(!sink.server.includes('Remote'));
    assert.deepEqual([sink.requests.length, ruleIds(sink)], [3, ['identity-header-stripped']]);
  });

  test('spoofed fields are taken out in any spelling, with a finding that names them but not their values', () => {
    const { sink, client } = rig();
    client(
      'GET / HTTP/1.1\r\nX-REMOTE-USER: admin\r\nHost: k\r\nx_remote_group: system:masters\r\nX-Remote-Extra-scopes: s\r\n' +
        'x-Remote_Uid: 1\r\nAccept: a\r\nX-Forwarded-For: 1.1.1.1\r\nForwarded: for=1\r\nX_Real_Ip: 1\r\n\r\n',
    );
    assert.equal(sink.server, 'GET / HTTP/1.1\r\nHost: k\r\nAccept: a\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n');
    assert.deepEqual(
      sink.findings.map((one) => [one.rule, one.action]),
      [['identity-header-stripped', 'log']],
    );
    assert.ok(sink.findings[0]?.headerNames.includes('X-REMOTE-USER'));
    assert.ok(!JSON.stringify(sink.findings).includes('masters'));
  });

  test('source fields alone are replaced without a finding', () => {
    const { sink, client } = rig();
    client('GET / HTTP/1.1\r\nHost: k\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n');
    assert.ok(!sink.server.includes('1.1.1.1'));
    assert.deepEqual(sink.findings, []);
  });

  for (const user of ['', ' admin', 'admin ', 'a\r\nX-Remote-Group: system:masters', 'a\u0000', '\ud800']) {
    test(`a subject that can't be carried is refused: ${JSON.stringify(user)}`, () => {
      for (const identity of [
        { method: 'certificate', user, groups: [] } as const,
        { method: 'certificate', user: 'fine', groups: [user] } as const,
      ]) {
        const { sink, client } = rig({ identity });
        client(get);
        assert.equal(sink.server, '');
        assert.match(sink.client, /^HTTP\/1\.1 403 /);
        assert.deepEqual(ruleIds(sink), ['bad-identity']);
      }
    });
  }

  test('a bearer token passes and is told of, not shown', () => {
    const { sink, client } = rig();
    client('GET /a/./b HTTP/1.1\r\nHost: k\r\nAuthorization: Bearer abc\r\n\r\n');
    assert.equal(sink.findings[0]?.bearer, true);
    const other = rig();
    other.client('GET / HTTP/1.1\r\nHost: k\r\nAuthorization: Bearer abc\r\n\r\n');
    assert.ok(other.sink.server.includes('Authorization: Bearer abc\r\n'));
  });
});

describe('upgrades', () => {
  test('a verified 101 opens the tunnel, both ways, with half-close', () => {
    const { judge, sink, client, server } = rig();
    client(upgrade);
    assert.equal(judge.state, 'upgrade');
    server(`${switched}hello`);
    assert.equal(judge.state, 'tunnel');
    assert.equal(sink.client, `${switched}hello`);
    client('GET / HTTP/1.1\n\nanything');
    server('\u0000\u0001');
    assert.ok(sink.server.endsWith('GET / HTTP/1.1\n\nanything'));
    judge.clientEnd();
    assert.equal(sink.serverEnded, true);
    server('rest');
    assert.ok(sink.client.endsWith('rest'));
    judge.serverEnd();
    assert.equal(sink.serverClosed, true);
    assert.deepEqual(sink.findings, []);
  });

  test('the server may end a tunnel first', () => {
    const { judge, sink, client, server } = rig();
    client(upgrade);
    server(switched);
    judge.serverEnd();
    assert.ok(sink.clientEnded);
    client('late input');
    assert.ok(sink.server.endsWith('late input'));
    judge.clientEnd();
    assert.deepEqual([judge.state, sink.serverClosed], ['closed', true]);
  });

  test('a refusal is delivered whole, both sides are closed, and nothing is alarmed', () => {
    const { judge, sink, client, server } = rig();
    client(upgrade);
    server(`${refusedUpgrade}trailing noise`);
    assert.equal(sink.client, refusedUpgrade);
    assert.deepEqual([judge.state, sink.serverClosed, (sink.clientEnded ?? 0) > 0], ['closing', true, true]);
    judge.clientEnd();
    assert.deepEqual(sink.findings, []);
  });

  const next = 'GET /runningpods/ HTTP/1.1\r\nHost: k\r\nAuthorization: Bearer secret-of-mine\r\n\r\n';
  test('bytes after a refusal are evidence, never forwarded', () => {
    const { judge, sink, client, server } = rig();
    client(upgrade);
    server(refusedUpgrade);
    client(next);
    client(next);
    assert.ok(!sink.server.includes('runningpods'));
    assert.equal(judge.state, 'closed');
    assert.equal(sink.findings.length, 1);
    const finding = sink.findings[0];
    assert.deepEqual(
      [finding?.shield, finding?.rule, finding?.severity, finding?.action, finding?.responseStatus],
      ['portcullis', 'late-bytes', 'critical', 'close-client-and-server', 400],
    );
    assert.equal(finding?.requestLine, 'GET /api/v1/namespaces/lab/pods/web/exec');
    assert.deepEqual([finding?.connection, finding?.upgrade], ['Upgrade', 'websocket']);
    assert.deepEqual(finding?.headerNames, ['Host', 'Connection', 'Upgrade']);
    assert.equal(finding?.heldLength, next.length);
    assert.ok(
      finding?.held.toString().startsWith('GET /runningpods/ HTTP/1.1\r\nHost: k\r\nAuthorization:***'),
    );
    assert.ok(!finding?.held.toString().includes('secret-of-mine'));
  });

  test('bytes before the answer are held; the answer brings the alarm and the cut, whatever it is', () => {
    for (const answer of [refusedUpgrade, switched, ok]) {
      const { judge, sink, client, server } = rig();
      client(upgrade + next.slice(0, 7));
      client(next.slice(7));
      assert.equal(judge.state, 'upgrade');
      server(answer);
      assert.deepEqual(ruleIds(sink), ['early-bytes']);
      assert.equal(sink.findings[0]?.heldLength, next.length);
      assert.ok(!sink.server.includes('running'));
      assert.equal(sink.client, '');
      assert.equal(sink.aborted, true);
    }
  });

  test('early bytes are alarmed too when no answer comes', () => {
    for (const end of ['clientEnd', 'serverEnd', 'serverFailed'] as const) {
      const { judge, sink, client } = rig();
      client(upgrade + next);
      judge[end]('gone');
      assert.deepEqual(ruleIds(sink), ['early-bytes'], end);
    }
    const { sink, client } = rig();
    client(upgrade);
    for (let i = 0; i < 70; i++) client('x'.repeat(1000));
    assert.deepEqual(ruleIds(sink), ['early-bytes']);
    assert.equal(sink.aborted, true);
    assert.equal(sink.findings[0]?.held.length, defaultConnectionLimits.evidenceBytes);
  });

  test('bytes during the delivery of the answer cut it', () => {
    const { sink, client, server } = rig();
    client(upgrade);
    server('HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\npart');
    client(next);
    assert.deepEqual(ruleIds(sink), ['late-bytes']);
    assert.equal(sink.aborted, true);
  });

  test("the request's own body goes on, what follows it does not", () => {
    const { sink, client, server } = rig();
    client(
      'POST /x HTTP/1.1\r\nHost: k\r\nConnection: upgrade\r\nUpgrade: SPDY/3.1\r\nContent-Length: 4\r\n\r\nbo',
    );
    client('dyEVIL');
    assert.ok(sink.server.endsWith('body'));
    server(refusedUpgrade);
    assert.deepEqual(ruleIds(sink), ['early-bytes']);
  });

  const unsolicited: readonly [string, string, string][] = [
    ['nobody asked', get, switched],
    ['another protocol', upgrade, switched.replace('websocket', 'foo')],
    ['one protocol too many', upgrade, switched.replace('websocket', 'websocket, foo')],
    ['no Upgrade field', upgrade, 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n'],
    ['no Connection field', upgrade, 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n'],
    ['nothing was offered', 'GET / HTTP/1.1\r\nHost: k\r\nConnection: upgrade\r\n\r\n', switched],
    ['Upgrade without Connection', upgrade.replace('Connection: Upgrade\r\n', ''), switched],
    ['Connection only sounds like it', upgrade.replace(': Upgrade', ': x-upgrade'), switched],
    ['asked in HTTP/1.0', upgrade.replace('1.1', '1.0'), switched],
    ['HTTP again', upgrade.replace('websocket', 'h2c'), switched.replace('websocket', 'h2c')],
    ['before the body', upgrade.replace('\r\n\r\n', '\r\nContent-Length: 5\r\n\r\n'), switched],
  ];
  for (const [name, request, answer] of unsolicited) {
    test(`a 101 that is none: ${name}`, () => {
      const { sink, client, server } = rig();
      client(request);
      server(answer);
      assert.deepEqual(ruleIds(sink), ['unsolicited-switch']);
      assert.deepEqual([sink.aborted, sink.client], [true, '']);
    });
  }

  test('interim answers change nothing', () => {
    const { judge, sink, client, server } = rig();
    client(upgrade);
    server('HTTP/1.1 100 Continue\r\n\r\n');
    server(`HTTP/1.1 103 Early Hints\r\n\r\n${switched}`);
    assert.equal(judge.state, 'tunnel');
    assert.ok(sink.client.endsWith(switched));
    const other = rig();
    other.client(upgrade);
    for (let i = 0; i < 17; i++) other.server('HTTP/1.1 100 Continue\r\n\r\n');
    assert.deepEqual(ruleIds(other.sink), ['too-many-interim']);
  });
});

describe('rules', () => {
  test("deny answers in the server's place, with the rule's message", () => {
    const { sink, client } = rig({ shieldRules: [{ when: 'request.resource == "pods"', status: 409 }] });
    client(get);
    assert.equal(sink.server, '');
    assert.match(sink.client, /^HTTP\/1\.1 409 .*"message":"Not now\."/s);
    assert.deepEqual(
      sink.findings.map((one) => [one.shield, one.rule, one.action, one.requestLine]),
      [['CVE-1-1', 'a-rule', 'deny', 'GET /api/v1/pods']],
    );
  });

  test('log lets the request through', () => {
    const { sink, client, server } = rig({ shieldRules: [{ action: 'log' }] });
    client(get);
    server(ok);
    assert.equal(sink.client, ok);
    assert.deepEqual(ruleIds(sink), ['a-rule']);
  });

  test('a response rule replaces an answer of which nothing was sent', () => {
    const shieldRules = [
      {
        phase: 'response',
        when: 'response.status >= 300 && response.status < 400 && has(response.headers.location) && "k" in request.headers.host',
        status: 502,
      },
    ] as const;
    const { sink, client, server } = rig({ shieldRules: [...shieldRules] });
    client(get);
    server('HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://evil/\r\n\r\n');
    assert.match(sink.client, /^HTTP\/1\.1 502 /);
    assert.ok(!sink.client.includes('evil'));
    const other = rig({ shieldRules: [...shieldRules] });
    other.client(get);
    other.server('HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n');
    assert.match(other.sink.client, /^HTTP\/1\.1 302 /);
  });

  test("a shield's rule names the upgrade machine's alarm; it can't weaken it", () => {
    const { sink, client, server } = rig({
      shieldRules: [
        {
          id: 'talks-on',
          phase: 'upgrade',
          when: 'upgrade.event in ["late-bytes"]',
          action: 'log',
          severity: 'minor',
        },
        { id: 'not-this', phase: 'upgrade', when: 'upgrade.event == "early-bytes"' },
      ],
    });
    client(upgrade);
    server(refusedUpgrade);
    client('x');
    assert.deepEqual(
      sink.findings.map((one) => [one.shield, one.rule, one.severity, one.action]),
      [['CVE-1-1', 'talks-on', 'minor', 'close-client-and-server']],
    );
    assert.equal(sink.aborted, true);
  });

  test('a rule may refuse a switch, or replace a refusal', () => {
    for (const [event, answer] of [
      ['switched', switched],
      ['not-switched', refusedUpgrade],
    ] as const) {
      const { judge, sink, client, server } = rig({
        shieldRules: [{ phase: 'upgrade', when: `upgrade.event == "${event}"` }],
      });
      client(upgrade);
      server(answer);
      assert.match(sink.client, /^HTTP\/1\.1 403 /);
      assert.equal(judge.state, 'closing');
    }
  });

  test('a rule that can not be evaluated closes', () => {
    const { sink, client } = rig({
      shieldRules: [{ when: 'request.headers["x"][0] == "y"', action: 'log' }],
    });
    client(get);
    assert.deepEqual(ruleIds(sink), ['rule-error']);
    assert.deepEqual([sink.aborted, sink.server], [true, '']);
  });
});
