import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  ACK,
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  frame,
  GOAWAY,
  goawayFrame,
  HEADERS,
  numberFrame,
  PADDED,
  PING,
  PRIORITY,
  PRIORITY_FLAG,
  PUSH_PROMISE,
  preface,
  RST_STREAM,
  SETTINGS,
  settingsAck,
  settingsFrame,
  WINDOW_UPDATE,
} from '../../http/h2/frames.ts';
import type { HpackTwin, TwinField } from '../../http/h2/testing/hpack-twin.ts';
import type { ShieldRule } from '../../model/shield.ts';
import { defaultConnectionLimits } from '../connection-types.ts';
import { compileRules } from '../rules.ts';
import { createFloodBudget } from './flood-budget.ts';
import { get, headers, rawRig, readFrames, told } from './testing/raw.ts';

const ok: readonly TwinField[] = [
  [':status', '200'],
  ['content-type', 'application/json'],
];
const data = (stream: number, text: string, end = false) =>
  frame(DATA, end ? END_STREAM : 0, stream, Buffer.from(text));
const ping = (text = '12345678', flags = 0) => frame(PING, flags, 0, Buffer.from(text));
const without = (name: string) => get.filter(([known]) => known !== name);
const withPath = (path: string): TwinField[] => [...without(':path'), [':path', path]];
const codes = (rig: ReturnType<typeof rawRig>) => rig.sink.findings.map(({ rule }) => rule);

function rulesOf(over: Partial<ShieldRule>) {
  const rule = {
    id: 'a-rule',
    phase: 'request' as const,
    when: 'true',
    action: 'deny' as const,
    severity: 'major' as const,
    message: 'Not now.',
  };
  return compileRules([{ id: 'CVE-1-1', rules: [{ ...rule, ...over }] }]);
}

describe('opening', () => {
  test('the caller learns the server’s settings less what the gate does not do', () => {
    const rig = rawRig({}, false);
    rig.caller(preface.subarray(0, 5));
    assert.equal(rig.judge.readingHead, true);
    rig.caller(
      preface.subarray(5),
      settingsFrame([
        [1, 65_536],
        [2, 1],
        [3, 100],
        [4, 1 << 20],
        [8, 1],
        [99, 7],
      ]),
    );
    assert.ok(rig.sink.server.startsWith(preface.toString('latin1')));
    assert.deepEqual(
      readFrames(rig.sink.server)[0]?.payload,
      settingsFrame([
        [2, 0],
        [1, 4_096],
        [4, 1 << 20],
      ]).subarray(9),
    );
    rig.server(
      settingsFrame([
        [1, 0],
        [3, 1_000],
        [5, 1 << 20],
        [6, 1 << 30],
        [8, 1],
        [99, 7],
      ]),
    );
    assert.deepEqual(
      readFrames(rig.sink.client)[0]?.payload,
      settingsFrame([
        [3, 250],
        [5, 1 << 20],
        [6, 65_536],
      ]).subarray(9),
    );
  });

  test('a setting that the server leaves out is told all the same', () => {
    const rig = rawRig({}, false);
    rig.caller(preface, settingsFrame([]));
    rig.server(settingsFrame([[3, 10]]));
    assert.deepEqual(
      readFrames(rig.sink.client)[0]?.payload,
      settingsFrame([
        [3, 10],
        [6, 65_536],
      ]).subarray(9),
    );
    rig.server(settingsFrame([[3, 20]]));
    assert.deepEqual(readFrames(rig.sink.client)[1]?.payload, settingsFrame([[3, 20]]).subarray(9));
  });

  test('a refusal waits for the server’s settings, which come first', () => {
    const rig = rawRig({}, false);
    rig.caller(preface, settingsFrame([]), headers(rig.requests, 1, withPath('/../x')));
    assert.equal(rig.sink.client, '');
    rig.server(settingsFrame([]));
    assert.deepEqual(told(rig.sink.client), ['SETTINGS', 'HEADERS 1', 'DATA 1 end']);
  });

  test('not HTTP/2 at all', () => {
    const rig = rawRig({}, false);
    rig.caller(Buffer.from('GET / HTTP/1.1\r\n'));
    assert.deepEqual(codes(rig), ['h2-preface']);
    assert.equal(rig.sink.server, '');
    assert.deepEqual(told(rig.sink.client), ['SETTINGS', 'GOAWAY 0 1']);
    assert.equal(rig.judge.state, 'closing');
  });

  test('a server that can not be had: the gate opens in its place and answers', () => {
    const rig = rawRig({}, false);
    rig.caller(preface, settingsFrame([]));
    rig.judge.serverFailed('it is down');
    rig.caller(settingsAck, ping(), settingsFrame([]));
    rig.caller(headers(rig.requests, 1, get));
    assert.deepEqual(told(rig.sink.client), [
      'SETTINGS',
      'ACK',
      'PONG',
      'ACK',
      'HEADERS 1',
      'DATA 1 end',
      'GOAWAY 1 0',
    ]);
    assert.ok(rig.sink.client.includes('it is down'));
    assert.deepEqual(rig.sink.responses, [503]);
    assert.equal(rig.judge.state, 'closing');
  });
});

describe('exchanges', () => {
  test('a request goes on with the source address, its answer comes back as it was', () => {
    const rig = rawRig();
    assert.equal(rig.judge.idle, true);
    rig.caller(headers(rig.requests, 1, [...get, ['accept', '*/*']]));
    assert.equal(rig.judge.idle, false);
    assert.deepEqual(rig.forwarded(), [
      [...get.map(([n, v]) => `${n}: ${v}`), 'accept: */*', 'x-forwarded-for: 192.0.2.7'],
    ]);
    const answer = Buffer.concat([headers(rig.answers, 1, ok, false), data(1, 'hello', true)]);
    rig.server(answer);
    assert.ok(rig.sink.client.endsWith(answer.toString('latin1')));
    assert.equal(rig.judge.idle, true);
    assert.deepEqual([rig.sink.requests, rig.sink.responses], [['GET /api/v1/pods'], [200]]);
    assert.equal(rig.sink.findings.length, 0);
  });

  test('identity is the gate’s to say: spoofed fields go, the caller’s own are added, told once', () => {
    const rig = rawRig({ identity: { method: 'certificate', user: 'caf\u00e9', groups: ['a', 'b'] } });
    const spoof: TwinField[] = [
      ...get,
      ['x-remote-user', 'root'],
      ['x_remote_group', 'system:masters'],
      ['x-forwarded-for', '9.9.9.9'],
      ['x-remote-extra-a', 'b'],
    ];
    for (const stream of [1, 3, 5]) rig.caller(headers(rig.requests, stream, spoof));
    for (const fields of rig.forwarded()) {
      assert.deepEqual(fields.slice(4), [
        'x-forwarded-for: 192.0.2.7',
        `x-remote-user: ${Buffer.from('caf\u00e9').toString('latin1')}`,
        'x-remote-group: a',
        'x-remote-group: b',
      ]);
    }
    assert.equal(rig.forwarded().length, 3);
    assert.deepEqual(codes(rig), ['identity-header-stripped']);
  });

  test('the caller’s Audit-ID goes on where it is valid, else one of the gate’s', () => {
    const rig = rawRig({ auditStem: '0b2f3c1e-8b0e-4a52-9d5b-' });
    rig.caller(headers(rig.requests, 1, [...get, ['audit-id', 'mine']]));
    rig.caller(headers(rig.requests, 3, [...get, ['audit-id', 'one'], ['audit-id', 'two']]));
    rig.caller(headers(rig.requests, 5, [...get, ['audit_id', 'mine']]));
    const ids = rig.forwarded().map((fields) => fields.filter((field) => /^audit/.test(field)));
    assert.deepEqual(ids, [
      ['audit-id: mine'],
      ['audit-id: 0b2f3c1e-8b0e-4a52-9d5b-000000000001'],
      ['audit-id: 0b2f3c1e-8b0e-4a52-9d5b-000000000002'],
    ]);
  });

  test('interim answers, trailers and several streams at once', () => {
    const rig = rawRig();
    rig.caller(headers(rig.requests, 1, get), headers(rig.requests, 3, get));
    rig.toServer();
    rig.server(
      headers(
        rig.answers,
        3,
        [
          [':status', '103'],
          ['link', 'a'],
        ],
        false,
      ),
      headers(rig.answers, 1, ok, false),
      headers(rig.answers, 3, ok, false),
      data(3, 'x'),
      data(1, 'y', true),
      headers(rig.answers, 3, [['grpc-status', '0']]),
    );
    assert.deepEqual(rig.toCaller(), [
      'HEADERS 3',
      'HEADERS 1',
      'HEADERS 3',
      'DATA 3',
      'DATA 1 end',
      'HEADERS 3 end',
    ]);
    assert.equal(rig.judge.idle, true);
    assert.deepEqual(rig.sink.responses, [200, 200]);
  });

  test('a request’s trailers are refused, as over HTTP/1.1; an empty block of them only ends it', () => {
    const rig = rawRig();
    rig.caller(headers(rig.requests, 1, get, false), data(1, 'x'), headers(rig.requests, 1, []));
    assert.deepEqual(rig.toServer(), ['HEADERS 1', 'DATA 1', 'DATA 1 end']);
    rig.caller(
      headers(rig.requests, 3, get, false),
      data(3, 'x'),
      headers(rig.requests, 3, [['x-sum', '1']]),
    );
    assert.deepEqual(rig.toServer(), ['HEADERS 3', 'DATA 3', 'RST 3 8']);
    assert.match(rig.sink.client, /\[request-trailers\]/);
    assert.deepEqual(codes(rig), ['request-trailers']);
    for (const [index, name] of [
      'x-remote-user',
      'authorization',
      'content-length',
      'host',
      'x-forwarded-for',
    ].entries()) {
      const stream = 5 + 2 * index;
      rig.caller(headers(rig.requests, stream, get, false), headers(rig.requests, stream, [[name, '1']]));
      assert.deepEqual(rig.toServer(), [`HEADERS ${stream}`, `RST ${stream} 8`], name);
    }
    assert.equal(rig.judge.state, 'http');
  });

  test('padding and priority: read past in header blocks, kept on content', () => {
    const rig = rawRig();
    const block = headers(rig.requests, 1, get).subarray(9);
    const padded = Buffer.concat([Buffer.from([3, 0, 0, 0, 0, 9]), block, Buffer.alloc(3)]);
    rig.caller(
      frame(HEADERS, END_HEADERS | PADDED | PRIORITY_FLAG, 1, padded),
      frame(PRIORITY, 0, 7, Buffer.alloc(5)),
    );
    const content = frame(DATA, PADDED | END_STREAM, 1, Buffer.from([2, 0x61, 0x62, 0, 0]));
    rig.caller(content);
    assert.deepEqual(rig.toServer(), ['HEADERS 1', 'DATA 1 end']);
    assert.ok(rig.sink.server.endsWith(content.toString('latin1')));
  });

  test('a header block in CONTINUATION frames, both ways', () => {
    const rig = rawRig();
    const block = headers(rig.requests, 1, get).subarray(9);
    rig.caller(
      frame(HEADERS, END_STREAM, 1, block.subarray(0, 3)),
      frame(CONTINUATION, 0, 1, block.subarray(3, 9)),
    );
    assert.equal(rig.judge.readingHead, true);
    rig.caller(frame(CONTINUATION, END_HEADERS, 1, block.subarray(9)));
    assert.deepEqual(rig.toServer(), ['HEADERS 1 end']);
    const answer = headers(rig.answers, 1, [...ok, ['x-long', 'y'.repeat(40_000)]]).subarray(9);
    rig.server(
      frame(HEADERS, END_STREAM, 1, answer.subarray(0, 10)),
      frame(CONTINUATION, 0, 1, answer.subarray(10, 16_000)),
      frame(CONTINUATION, 0, 1, answer.subarray(16_000, 32_000)),
      frame(CONTINUATION, END_HEADERS, 1, answer.subarray(32_000)),
    );
    const passed = readFrames(rig.sink.client).slice(-3);
    assert.deepEqual(rig.toCaller(), ['HEADERS 1 end', 'CONT 1', 'CONT 1']);
    assert.deepEqual(Buffer.concat(passed.map(({ payload }) => payload)), answer);
  });

  test('PING, RST_STREAM and windows are relayed; what belongs to no stream is not', () => {
    const rig = rawRig();
    rig.caller(headers(rig.requests, 1, get), headers(rig.requests, 3, get, false), ping());
    assert.deepEqual(rig.toServer(), ['HEADERS 1 end', 'HEADERS 3', 'PING']);
    rig.server(
      ping('12345678', ACK),
      numberFrame(WINDOW_UPDATE, 3, 5),
      numberFrame(WINDOW_UPDATE, 0, 5),
      ping('87654321'),
    );
    assert.deepEqual(rig.toCaller(), ['PONG', 'WINDOW 3 +5', 'WINDOW 0 +5', 'PING']);
    rig.caller(numberFrame(RST_STREAM, 1, 8), numberFrame(WINDOW_UPDATE, 1, 9), ping('87654321', ACK));
    assert.deepEqual(rig.toServer(), ['RST 1 8', 'PONG']);
    // On its way when the caller gave up: its window is given back, and the caller's table is not left behind.
    rig.server(headers(rig.answers, 1, ok, false), data(1, 'late'));
    assert.deepEqual([rig.toCaller(), rig.toServer()], [[], ['WINDOW 0 +4']]);
    rig.server(headers(rig.answers, 3, ok, true));
    assert.deepEqual(rig.toCaller(), ['HEADERS 3 end']);
    const last = readFrames(rig.sink.client).at(-1)?.payload;
    assert.equal(last?.[0], 0x20, 'the caller’s table is emptied, and blocks need none from now on');
    assert.ok(last?.includes('application/json'));
  });

  test('an answer to no PING goes nowhere', () => {
    const rig = rawRig();
    rig.caller(ping('12345678', ACK));
    rig.server(ping('12345678', ACK));
    assert.deepEqual([rig.toServer(), rig.toCaller(), rig.judge.state], [[], [], 'http']);
  });

  test('the server’s GOAWAY: what it took goes on, what it did not is refused for another try', () => {
    const rig = rawRig();
    rig.caller(headers(rig.requests, 1, get), headers(rig.requests, 3, get));
    rig.toServer();
    rig.server(goawayFrame(1, 0, Buffer.from('bye')));
    rig.caller(headers(rig.requests, 5, get));
    assert.deepEqual(rig.toServer(), []);
    rig.server(headers(rig.answers, 1, ok));
    assert.deepEqual(rig.toCaller(), ['GOAWAY 1 0', 'RST 5 7', 'HEADERS 1 end']);
    rig.judge.serverEnd();
    assert.equal(rig.judge.state, 'closing');
  });

  test('drained: told with GOAWAY, later streams refused, ended when the last is answered', () => {
    const rig = rawRig();
    rig.caller(headers(rig.requests, 1, get));
    rig.toServer();
    rig.judge.drain();
    rig.caller(headers(rig.requests, 3, get));
    assert.deepEqual([rig.toServer(), rig.toCaller()], [[], ['GOAWAY 1 0', 'RST 3 7']]);
    rig.server(headers(rig.answers, 1, ok));
    assert.deepEqual(rig.toCaller(), ['HEADERS 1 end']);
    assert.deepEqual([rig.judge.state, rig.sink.serverClosed], ['closing', true]);
    const quiet = rawRig();
    quiet.judge.drain();
    assert.deepEqual([quiet.toCaller(), quiet.judge.state], [['GOAWAY 0 0'], 'closing']);
  });

  test('the server ends in the middle: 502 where nothing was answered, else the stream is reset', () => {
    const rig = rawRig();
    rig.caller(headers(rig.requests, 1, get), headers(rig.requests, 3, get));
    rig.server(headers(rig.answers, 1, ok, false), data(1, 'half'));
    rig.toCaller();
    rig.judge.serverEnd();
    assert.deepEqual(rig.toCaller(), ['RST 1 2', 'HEADERS 3', 'DATA 3 end', 'GOAWAY 3 0']);
    assert.deepEqual(rig.sink.responses, [200, 502]);
  });

  test('a caller that has ended still gets its answers, but no watch is kept for it', () => {
    const rig = rawRig();
    rig.caller(headers(rig.requests, 1, get), headers(rig.requests, 3, withPath('/api/v1/pods?watch=1')));
    rig.toServer();
    rig.judge.clientEnd();
    assert.deepEqual(rig.toServer(), ['RST 3 8']);
    rig.server(headers(rig.answers, 1, ok));
    assert.deepEqual([rig.toCaller(), rig.judge.state], [['HEADERS 1 end'], 'closing']);
  });
});

describe('windows', () => {
  test('content of a refused request gives its window back, and is forwarded nowhere', () => {
    const rig = rawRig();
    rig.caller(
      headers(rig.requests, 1, withPath('/a//b'), false),
      data(1, 'x'.repeat(100)),
      data(1, 'y'.repeat(11), true),
    );
    assert.deepEqual(
      [rig.toServer(), rig.toCaller()],
      [[], ['HEADERS 1', 'DATA 1 end', 'RST 1 0', 'WINDOW 0 +111']],
    );
  });

  test('what the gate’s own answers took of the caller’s window is not given to the server', () => {
    const rig = rawRig();
    rig.caller(headers(rig.requests, 1, withPath('/a//b')));
    const body = readFrames(rig.sink.client).at(-1)?.payload.length ?? 0;
    rig.caller(numberFrame(WINDOW_UPDATE, 0, body - 1), numberFrame(WINDOW_UPDATE, 0, 11));
    assert.deepEqual(rig.toServer(), ['WINDOW 0 +10']);
  });

  test('the server is held where the gate’s answer used up the room, until there is some again', () => {
    const rig = rawRig();
    rig.caller(headers(rig.requests, 1, get), headers(rig.requests, 3, withPath('/a//b')));
    rig.toCaller();
    rig.server(headers(rig.answers, 1, ok, false));
    for (let sent = 0; sent < 48_000; sent += 16_000) rig.server(data(1, 'x'.repeat(16_000)));
    const late = data(1, 'y'.repeat(16_384));
    rig.server(late, data(1, 'z'.repeat(1_151), true));
    assert.deepEqual(rig.toCaller().length, 5, 'one too many is held');
    rig.caller(numberFrame(WINDOW_UPDATE, 0, 30_000));
    assert.deepEqual(rig.toCaller(), ['DATA 1 end']);
    assert.equal(rig.judge.idle, true);
  });

  test('what waits for room is delivered though the server has ended behind it', () => {
    const rig = rawRig();
    rig.caller(headers(rig.requests, 1, get), headers(rig.requests, 3, withPath('/a//b')));
    rig.server(headers(rig.answers, 1, ok, false));
    for (let sent = 0; sent < 48_000; sent += 16_000) rig.server(data(1, 'x'.repeat(16_000)));
    rig.server(data(1, 'y'.repeat(16_384)), data(1, 'z'.repeat(1_151), true));
    rig.toCaller();
    rig.judge.serverEnd();
    assert.deepEqual([rig.toCaller(), rig.judge.state], [[], 'http']);
    rig.caller(numberFrame(WINDOW_UPDATE, 0, 30_000));
    assert.deepEqual([rig.toCaller(), rig.judge.state], [['DATA 1 end', 'GOAWAY 3 0'], 'closing']);
  });

  test('a caller whose window is shut learns the status alone', () => {
    const rig = rawRig({}, false);
    rig.caller(preface, settingsFrame([[4, 10]]));
    rig.server(settingsFrame([]), settingsAck);
    rig.caller(headers(rig.requests, 1, withPath('/a//b')));
    assert.deepEqual(told(rig.sink.client).at(-1), 'HEADERS 1 end');
  });

  test('frames of the gate’s own never cut one that is being passed', () => {
    const rig = rawRig();
    rig.caller(headers(rig.requests, 1, get));
    rig.server(headers(rig.answers, 1, ok, false));
    const content = data(1, 'x'.repeat(1_000), true);
    rig.judge.serverData(content.subarray(0, 500));
    rig.caller(headers(rig.requests, 3, withPath('/a//b')));
    rig.judge.serverData(content.subarray(500));
    assert.deepEqual(rig.toCaller(), ['HEADERS 1', 'DATA 1 end', 'HEADERS 3', 'DATA 3 end']);
  });
});

describe('answers of the gate’s own that can’t go out yet', () => {
  const denied = rulesOf({ when: '"x-bad" in request.headers' });
  /** Asks, up to a limit that nobody needs, what is denied until the caller is held. @returns how often */
  function askUntilHeld(rig: ReturnType<typeof rawRig>, first: number): number {
    let asked = 0;
    while (!rig.sink.holding && asked < 10_000)
      rig.caller(headers(rig.requests, first + 2 * asked++, [...get, ['x-bad', '1']]));
    return asked;
  }

  test('behind a frame of the server’s that has not ended, hold the caller until it has', () => {
    const rig = rawRig({ rules: denied });
    rig.caller(headers(rig.requests, 1, get));
    const content = data(1, 'x'.repeat(1_000), true);
    rig.server(headers(rig.answers, 1, ok, false), content.subarray(0, 500));
    const asked = askUntilHeld(rig, 3);
    assert.ok(asked < 1_000, `${asked} answers wait`);
    rig.server(content.subarray(500));
    assert.equal(rig.sink.holding, false);
    assert.equal(rig.toCaller().filter((name) => name.startsWith('HEADERS')).length, 1 + asked);
  });

  test('before the server has said anything, hold the caller until it has, or is lost', () => {
    for (const lost of [false, true]) {
      const rig = rawRig({ rules: denied }, false);
      rig.caller(preface, settingsFrame([]));
      const asked = askUntilHeld(rig, 1);
      assert.ok(asked < 1_000, `${asked} answers wait`);
      if (lost) rig.judge.serverEnd();
      else rig.server(settingsFrame([]));
      assert.equal(rig.sink.holding, false);
      assert.equal(rig.toCaller().filter((name) => name.startsWith('HEADERS')).length, asked);
    }
  });
});

describe('rules', () => {
  test('deny answers in the server’s place; the connection goes on', () => {
    const rig = rawRig({
      rules: rulesOf({ when: '"x-bad" in request.headers' }),
      newId: () => 'verdict-1',
    });
    rig.caller(headers(rig.requests, 1, [...get, ['x-bad', '1']]), headers(rig.requests, 3, get));
    assert.deepEqual(rig.toServer(), ['HEADERS 3 end']);
    assert.deepEqual(rig.toCaller(), ['HEADERS 1', 'DATA 1 end']);
    assert.match(rig.sink.client, /"message":"Not now\. \(verdict verdict-1\)"/);
    assert.deepEqual([codes(rig), rig.sink.findings[0]?.id], [['a-rule'], 'verdict-1']);
  });

  test('a response rule replaces an answer, whose fields the caller then does not know', () => {
    const rig = rawRig({ rules: rulesOf({ phase: 'response', when: 'response.status == 302' }) });
    rig.caller(headers(rig.requests, 1, get), headers(rig.requests, 3, get));
    rig.toServer();
    rig.server(
      headers(
        rig.answers,
        1,
        [
          [':status', '302'],
          ['location', '/x'],
        ],
        false,
      ),
      data(1, 'moved', true),
    );
    assert.deepEqual(
      [rig.toCaller(), rig.toServer()],
      [
        ['HEADERS 1', 'DATA 1 end'],
        ['RST 1 8', 'WINDOW 0 +5'],
      ],
    );
    assert.match(rig.sink.client, /Not now/);
    rig.server(
      headers(rig.answers, 3, [
        [':status', '200'],
        ['location', '/x'],
      ]),
    );
    assert.match(rig.sink.client, /\/x$/);
  });

  test('close-client-and-server cuts', () => {
    const rig = rawRig({ rules: rulesOf({ action: 'close-client-and-server' }) });
    rig.caller(headers(rig.requests, 1, get));
    assert.deepEqual([rig.sink.aborted, rig.judge.state], [true, 'closed']);
  });

  test('rules see host, user and content type as over HTTP/1.1', () => {
    const when =
      'request.headers["host"] == ["k"] && request.user == "dev" && request.contentType == "application/json" && !request.upgrade && request.authMethod == "certificate"';
    const rig = rawRig({
      rules: rulesOf({ when }),
      identity: { method: 'certificate', user: 'dev', groups: [] },
    });
    rig.caller(headers(rig.requests, 1, [...get, ['content-type', 'Application/JSON; a=b']]));
    assert.deepEqual(codes(rig), ['a-rule']);
  });

  test('a gate that sheds answers 429 with the seconds to wait', () => {
    const rig = rawRig({ shed: () => 3 });
    rig.caller(headers(rig.requests, 1, get));
    assert.deepEqual([rig.toServer(), rig.sink.responses], [[], [429]]);
    assert.match(rig.sink.client, /"retryAfterSeconds":3/);
  });
});

const malformed: readonly [name: string, fields: readonly TwinField[], code: string][] = [
  ['no method', without(':method'), 'h2-pseudo-field'],
  ['no scheme', without(':scheme'), 'h2-pseudo-field'],
  ['no path', without(':path'), 'h2-pseudo-field'],
  ['an empty path', withPath(''), 'request-line-space'],
  ['two methods', [...get, [':method', 'GET']], 'h2-pseudo-field'],
  ['a pseudo-header after a field', [...without(':path'), ['a', 'b'], [':path', '/']], 'h2-pseudo-field'],
  ['an unknown pseudo-header', [...get, [':what', 'x']], 'h2-pseudo-field'],
  ['a status', [...get, [':status', '200']], 'h2-pseudo-field'],
  [
    'extended CONNECT',
    [[':method', 'CONNECT'], [':protocol', 'websocket'], ...get.slice(1)],
    'h2-extended-connect',
  ],
  [
    'CONNECT',
    [
      [':method', 'CONNECT'],
      [':authority', 'k:1'],
    ],
    'connect-refused',
  ],
  ['http', [...without(':scheme'), [':scheme', 'http']], 'h2-scheme'],
  ['no authority', without(':authority'), 'host-missing'],
  ['another host', [...get, ['host', 'other']], 'h2-authority'],
  ['a host that is none', [...without(':authority'), [':authority', 'user@k']], 'bad-host'],
  ['capitals in a name', [...get, ['Accept', 'x']], 'h2-field-name'],
  ['a space in a name', [...get, ['a b', 'x']], 'h2-field-name'],
  ['a colon in a name', [...get, ['a:b', 'x']], 'h2-field-name'],
  ['no name', [...get, ['', 'x']], 'h2-field-name'],
  ['CR LF in a value', [...get, ['a', 'x\r\nx-remote-user: root']], 'h2-field-value'],
  ['NUL in a value', [...get, ['a', '\0']], 'h2-field-value'],
  ['LF in the path', withPath('/a\nb'), 'h2-field-value'],
  ['a space in the path', withPath('/a b'), 'request-line-space'],
  ['a path that is a URL', withPath('https://k/'), 'absolute-form'],
  ['a fragment', withPath('/a#b'), 'target-fragment'],
  ['* without OPTIONS', withPath('*'), 'asterisk-form'],
  ['a method that is none', [...without(':method'), [':method', 'G T']], 'request-line-space'],
  ['white space around a value', [...get, ['a', ' x']], 'h2-field-value'],
  ['connection', [...get, ['connection', 'upgrade']], 'h2-connection-field'],
  ['upgrade', [...get, ['upgrade', 'websocket']], 'h2-connection-field'],
  ['keep-alive', [...get, ['keep-alive', '1']], 'h2-connection-field'],
  ['proxy-connection', [...get, ['proxy-connection', 'x']], 'h2-connection-field'],
  ['transfer-encoding', [...get, ['transfer-encoding', 'chunked']], 'h2-connection-field'],
  ['te: gzip', [...get, ['te', 'gzip']], 'h2-connection-field'],
  ['two lengths', [...get, ['content-length', '0'], ['content-length', '0']], 'repeated-length'],
  ['a length that is none', [...get, ['content-length', '+1']], 'bad-length'],
  ['a length and no content', [...get, ['content-length', '1']], 'h2-length'],
  ['an expectation', [...get, ['expect', 'magic']], 'unknown-expectation'],
  [
    'too many fields',
    [...get, ...Array.from({ length: 200 }, (): TwinField => ['a', 'b'])],
    'too-many-fields',
  ],
  [
    'a list that is too large',
    [...get, ...Array.from({ length: 40 }, (): TwinField => ['a', 'b'.repeat(2_000)])],
    'head-too-large',
  ],
  ['a dot segment', withPath('/api/../x'), 'path-dot-segment'],
];
describe('refused requests', () => {
  for (const [name, fields, code] of malformed) {
    test(name, () => {
      const rig = rawRig();
      rig.caller(headers(rig.requests, 1, fields), headers(rig.requests, 3, get));
      assert.deepEqual(codes(rig), [code]);
      assert.deepEqual(rig.toServer(), ['HEADERS 3 end'], 'the tables are in step still');
      assert.deepEqual(rig.toCaller(), ['HEADERS 1', 'DATA 1 end']);
    });
  }
  const innocent: readonly [name: string, fields: readonly TwinField[]][] = [
    ['te: trailers', [...get, ['te', 'trailers']]],
    ['host alone', [...without(':authority'), ['host', 'k:6443']]],
    ['host and the same authority', [...get, ['host', 'k']]],
    ['OPTIONS *', [[':method', 'OPTIONS'], [':path', '*'], ...get.filter(([n]) => !/method|path/.test(n))]],
    ['obs-text', [...get, ['user-agent', 'caf\xe9']]],
    ['an empty value', [...get, ['accept', '']]],
    ['expect', [...get, ['expect', '100-continue']]],
    ['several cookies', [...get, ['cookie', 'a=b'], ['cookie', 'c=d']]],
  ];
  for (const [name, fields] of innocent) {
    test(`not refused: ${name}`, () => {
      const rig = rawRig();
      rig.caller(headers(rig.requests, 1, fields));
      assert.deepEqual([codes(rig), rig.toServer()], [[], ['HEADERS 1 end']]);
      const host = rig.forwarded()[0]?.filter((field) => /^(?::authority|host):/.test(field));
      assert.equal(host?.length, 1);
    });
  }

  test('content that is longer or shorter than its length', () => {
    const length: TwinField[] = [...get, ['content-length', '3']];
    const rig = rawRig();
    rig.caller(headers(rig.requests, 1, length, false), data(1, 'ab'), data(1, 'cd'));
    assert.deepEqual(rig.toServer(), ['HEADERS 1', 'DATA 1', 'RST 1 8']);
    assert.deepEqual(rig.toCaller(), ['HEADERS 1', 'DATA 1 end', 'RST 1 1', 'WINDOW 0 +2']);
    rig.caller(headers(rig.requests, 3, length, false), data(3, 'ab', true));
    assert.deepEqual(rig.toServer(), ['HEADERS 3', 'RST 3 8']);
    rig.caller(headers(rig.requests, 5, length, false), data(5, 'abc', true));
    assert.deepEqual(rig.toServer(), ['HEADERS 5', 'DATA 5 end']);
    assert.deepEqual(codes(rig), ['h2-length', 'h2-length']);
  });

  test('more streams than the limit are refused for another try, and told once', () => {
    const rig = rawRig({ limits: { ...defaultConnectionLimits, streams: 2 } });
    for (const stream of [1, 3, 5, 7]) rig.caller(headers(rig.requests, stream, get));
    assert.deepEqual(rig.toServer(), ['HEADERS 1 end', 'HEADERS 3 end']);
    assert.deepEqual(rig.toCaller(), ['RST 5 7', 'RST 7 7']);
    assert.deepEqual(codes(rig), ['h2-stream-limit']);
  });
});

const faults: readonly [name: string, frames: (twin: HpackTwin) => Buffer[], code: string, error: number][] =
  [
    ['an even stream', (twin) => [headers(twin, 2, get)], 'h2-frame-order', 1],
    [
      'a block that can not be read',
      () => [frame(HEADERS, END_HEADERS, 1, Buffer.from([0xff]))],
      'h2-compression',
      9,
    ],
    ['HEADERS on stream 0', (twin) => [headers(twin, 0, get)], 'h2-frame-order', 1],
    ['DATA on stream 0', () => [data(0, 'x')], 'h2-frame-order', 1],
    ['DATA of a stream that was not opened', () => [data(1, 'x')], 'h2-frame-order', 1],
    [
      'RST_STREAM of a stream that was not opened',
      () => [numberFrame(RST_STREAM, 1, 8)],
      'h2-frame-order',
      1,
    ],
    [
      'a window of a stream that was not opened',
      () => [numberFrame(WINDOW_UPDATE, 1, 8)],
      'h2-frame-order',
      1,
    ],
    ['a window moved by nothing', () => [numberFrame(WINDOW_UPDATE, 0, 0)], 'h2-window', 1],
    ['a window beyond its size', () => [numberFrame(WINDOW_UPDATE, 0, 0x7fff_ffff)], 'h2-window', 3],
    ['DATA after the end', (twin) => [headers(twin, 1, get), data(1, 'x')], 'h2-stream-closed', 5],
    [
      'HEADERS after the end',
      (twin) => [headers(twin, 1, get), headers(twin, 1, [['a', 'b']])],
      'h2-stream-closed',
      5,
    ],
    ['a frame that is too long', () => [Buffer.from([0, 0x40, 1, 0, 0, 0, 0, 0, 1])], 'h2-frame-size', 6],
    ['a short PING', () => [frame(PING, 0, 0, Buffer.alloc(7))], 'h2-frame-size', 6],
    ['PING on a stream', () => [frame(PING, 0, 1, Buffer.alloc(8))], 'h2-frame-order', 1],
    ['a short RST_STREAM', () => [frame(RST_STREAM, 0, 1, Buffer.alloc(3))], 'h2-frame-size', 6],
    ['SETTINGS of no whole number', () => [frame(SETTINGS, 0, 0, Buffer.alloc(5))], 'h2-frame-size', 6],
    ['an ACK with settings', () => [frame(SETTINGS, ACK, 0, Buffer.alloc(6))], 'h2-frame-size', 6],
    ['an ACK of nothing', () => [settingsAck], 'h2-frame-order', 1],
    ['a frame size that may not be', () => [settingsFrame([[5, 100]])], 'h2-settings', 1],
    ['a window that may not be', () => [settingsFrame([[4, 0x8000_0000]])], 'h2-settings', 3],
    ['a push setting that may not be', () => [settingsFrame([[2, 2]])], 'h2-settings', 1],
    [
      'a push from a caller',
      () => [frame(PUSH_PROMISE, END_HEADERS, 1, Buffer.alloc(4))],
      'h2-frame-order',
      1,
    ],
    [
      'CONTINUATION of nothing',
      () => [frame(CONTINUATION, END_HEADERS, 1, Buffer.alloc(0))],
      'h2-frame-order',
      1,
    ],
    [
      'another frame in a header block',
      () => [frame(HEADERS, 0, 1, Buffer.from([0x82])), ping()],
      'h2-frame-order',
      1,
    ],
    [
      'a header block that goes on with another stream',
      () => [
        frame(HEADERS, 0, 1, Buffer.from([0x82])),
        frame(CONTINUATION, END_HEADERS, 3, Buffer.from([0x86])),
      ],
      'h2-frame-order',
      1,
    ],
    [
      'padding of more than there is',
      () => [frame(HEADERS, END_HEADERS | PADDED, 1, Buffer.from([9, 0x82]))],
      'h2-padding',
      1,
    ],
    [
      'padding of more than the content',
      (twin) => [headers(twin, 1, get, false), frame(DATA, PADDED, 1, Buffer.from([5, 1, 1]))],
      'h2-padding',
      1,
    ],
    ['a short GOAWAY', () => [frame(GOAWAY, 0, 0, Buffer.alloc(7))], 'h2-frame-size', 6],
    [
      'CONTINUATION without end (CVE-2024-27316)',
      () => [
        frame(HEADERS, 0, 1, Buffer.from([0x82])),
        ...Array.from({ length: 17 }, () => frame(CONTINUATION, 0, 1, Buffer.alloc(0))),
      ],
      'h2-block-too-large',
      11,
    ],
    [
      'a header block of too many bytes (CVE-2023-45288)',
      () => [
        frame(HEADERS, 0, 1, Buffer.alloc(16_384)),
        ...Array.from({ length: 4 }, () => frame(CONTINUATION, 0, 1, Buffer.alloc(16_384))),
      ],
      'h2-block-too-large',
      11,
    ],
    [
      'rapid reset (CVE-2023-44487)',
      (twin) =>
        Array.from({ length: 1_001 }, (_, index) => [
          headers(twin, 1 + 2 * index, get),
          numberFrame(RST_STREAM, 1 + 2 * index, 8),
        ]).flat(),
      'h2-reset-flood',
      11,
    ],
    ['PING flood (CVE-2019-9512)', () => Array.from({ length: 1_001 }, () => ping()), 'h2-ping-flood', 11],
    [
      'SETTINGS flood (CVE-2019-9515)',
      () => Array.from({ length: 40 }, () => settingsFrame([])),
      'h2-settings-flood',
      11,
    ],
    [
      'empty frames (CVE-2019-9518)',
      (twin) => [headers(twin, 1, get, false), ...Array.from({ length: 1_001 }, () => data(1, ''))],
      'h2-idle-flood',
      11,
    ],
    [
      'PRIORITY flood',
      () => Array.from({ length: 1_001 }, () => frame(PRIORITY, 0, 1, Buffer.alloc(5))),
      'h2-idle-flood',
      11,
    ],
    [
      'refused requests without end',
      (twin) => Array.from({ length: 1_001 }, (_, index) => headers(twin, 1 + 2 * index, withPath('/a//b'))),
      'h2-reset-flood',
      11,
    ],
  ];
describe('faults of the caller end the connection', () => {
  for (const [name, frames, code, error] of faults) {
    test(name, () => {
      const rig = rawRig();
      rig.caller(...frames(rig.requests));
      assert.equal(codes(rig).at(-1), code);
      assert.match(rig.toCaller().at(-1) ?? '', new RegExp(`^GOAWAY \\d+ ${error}$`));
      assert.deepEqual([rig.judge.state, rig.sink.serverClosed], ['closing', true]);
      const sent = rig.sink.server.length;
      rig.caller(headers(rig.requests, 2_001, get));
      assert.equal(rig.sink.server.length, sent, 'nothing goes on after the end');
    });
  }
});

test('connections cost a caller nothing of its budget: each begins with SETTINGS', () => {
  const floodBudget = createFloodBudget(defaultConnectionLimits, { now: 0 });
  for (let opened = 0; opened < 150; opened += 1) {
    const rig = rawRig({ floodBudget });
    rig.caller(headers(rig.requests, 1, get));
    assert.deepEqual([rig.toServer(), codes(rig)], [['HEADERS 1 end'], []]);
  }
});

const serverFaults: readonly [name: string, frames: (twin: HpackTwin) => Buffer[], code: string][] = [
  ['a push', (twin) => [frame(PUSH_PROMISE, END_HEADERS, 1, headers(twin, 1, get).subarray(9))], 'h2-push'],
  ['an answer to nothing', (twin) => [headers(twin, 3, ok)], 'h2-frame-order'],
  ['an answer on an even stream', (twin) => [headers(twin, 2, ok)], 'h2-frame-order'],
  [
    'a block that can not be read',
    () => [frame(HEADERS, END_HEADERS, 1, Buffer.from([0xff]))],
    'h2-compression',
  ],
  ['an ACK of nothing', () => [settingsAck], 'h2-frame-order'],
  ['push announced', () => [settingsFrame([[2, 1]])], 'h2-settings'],
  ['a frame that is too long', () => [Buffer.from([0, 0x40, 1, 0, 0, 0, 0, 0, 1])], 'h2-frame-size'],
];
describe('faults of the server', () => {
  for (const [name, frames, code] of serverFaults) {
    test(`${name} ends the connection`, () => {
      const rig = rawRig();
      rig.caller(headers(rig.requests, 1, get));
      rig.server(...frames(rig.answers));
      assert.deepEqual(codes(rig), [code]);
      assert.deepEqual(rig.toCaller(), ['HEADERS 1', 'DATA 1 end', 'GOAWAY 1 2']);
      assert.deepEqual(rig.sink.responses, [502]);
    });
  }
  const answers: readonly [name: string, frames: (twin: HpackTwin) => Buffer[], code: string][] = [
    ['no status', (twin) => [headers(twin, 1, [['a', 'b']])], 'h2-pseudo-field'],
    ['a status of two digits', (twin) => [headers(twin, 1, [[':status', '20']])], 'bad-status'],
    ['101', (twin) => [headers(twin, 1, [[':status', '101']], false)], 'h2-connection-field'],
    ['connection', (twin) => [headers(twin, 1, [...ok, ['connection', 'close']])], 'h2-connection-field'],
    ['LF in a value', (twin) => [headers(twin, 1, [...ok, ['a', 'b\nc']])], 'h2-field-value'],
    ['content before the head', () => [data(1, 'x')], 'h2-frame-order'],
    [
      'less than its length at once',
      (twin) => [headers(twin, 1, [...ok, ['content-length', '3']])],
      'h2-length',
    ],
    ['an interim answer that ends', (twin) => [headers(twin, 1, [[':status', '100']])], 'h2-frame-order'],
    [
      'interim answers without end',
      (twin) => Array.from({ length: 17 }, () => headers(twin, 1, [[':status', '103']], false)),
      'too-many-interim',
    ],
  ];
  for (const [name, frames, code] of answers) {
    test(`${name}: the caller gets a 502, the connection goes on`, () => {
      const rig = rawRig();
      rig.caller(headers(rig.requests, 1, get));
      rig.toServer();
      rig.server(...frames(rig.answers));
      assert.deepEqual([codes(rig), rig.sink.responses], [[code], [502]]);
      assert.equal(rig.toServer()[0], 'RST 1 8');
      assert.deepEqual(rig.toCaller().slice(-2), ['HEADERS 1', 'DATA 1 end']);
      rig.caller(headers(rig.requests, 3, get));
      rig.server(headers(rig.answers, 3, ok));
      assert.deepEqual(rig.toCaller(), ['HEADERS 3 end']);
    });
  }

  test('more content than its length, when some was delivered: the stream is reset', () => {
    const rig = rawRig();
    rig.caller(headers(rig.requests, 1, get));
    rig.toServer();
    rig.server(headers(rig.answers, 1, [...ok, ['content-length', '3']], false), data(1, 'abcd'));
    assert.deepEqual(rig.toCaller(), ['HEADERS 1', 'RST 1 2']);
    assert.deepEqual(rig.toServer(), ['RST 1 1', 'WINDOW 0 +4']);
  });
});
