import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  DATA,
  END_STREAM,
  frame,
  goawayFrame,
  numberFrame,
  PADDED,
  RST_STREAM,
  settingsAck,
  settingsFrame,
  WINDOW_UPDATE,
} from '../../http/h2/frames.ts';
import type { TwinField } from '../../http/h2/testing/hpack-twin.ts';
import type { GateShield } from '../../model/plan.ts';
import { createBodyBudget } from '../body-budget.ts';
import { type ConnectionSettings, defaultConnectionLimits } from '../connection-types.ts';
import { compileRules } from '../rules.ts';
import { get, headers, type RawRig, rawRig, readFrames } from './testing/raw.ts';

const evil = JSON.stringify({ kind: 'Pod', spec: { volumes: [{ gitRepo: { repository: 'x' } }] } });
const good = JSON.stringify({ kind: 'Pod', spec: { volumes: [{ emptyDir: {} }] } });
const ok: readonly TwinField[] = [[':status', '201']];

function post(path: string, ...more: TwinField[]): TwinField[] {
  return [
    [':method', 'POST'],
    [':scheme', 'https'],
    [':path', path],
    [':authority', 'k'],
    ['content-type', 'application/json'],
    ...more,
  ];
}
const pods = (...more: TwinField[]) => post('/api/v1/namespaces/lab/pods', ...more);
const maps = (...more: TwinField[]) => post('/api/v1/namespaces/lab/configmaps', ...more);
const data = (stream: number, text: string, end = false) =>
  frame(DATA, end ? END_STREAM : 0, stream, Buffer.from(text));
const window = (stream: number, by: number) => numberFrame(WINDOW_UPDATE, stream, by);

function rig(settings: Partial<ConnectionSettings> = {}, shield: Partial<GateShield> = {}): RawRig {
  const rules = compileRules([
    {
      id: 'CVE-1-1',
      rules: [
        {
          id: 'git-repo',
          phase: 'body',
          when: "request.resource == 'pods' && object.values('spec.volumes[*].gitRepo').size() > 0",
          action: 'deny',
          severity: 'major',
          message: 'No gitRepo.',
        },
      ],
      ...shield,
    },
  ]);
  return rawRig({ rules, ...settings });
}

/** What the server has got, by its numbers: whole content, and whether it ended. */
function atServer(it: RawRig): Map<number, { content: string; ended: boolean }> {
  const streams = new Map<number, { content: string; ended: boolean }>();
  for (const { type, flags, stream, payload } of readFrames(it.sink.server, true)) {
    if (type !== 0 && type !== 1) continue;
    const known = streams.get(stream) ?? { content: '', ended: false };
    if (type === 0) known.content += payload.toString();
    if (flags & END_STREAM) known.ended = true;
    streams.set(stream, known);
  }
  return streams;
}

const codes = (it: RawRig) => it.sink.findings.map(({ rule, action }) => `${rule} ${action}`);

describe('a body over HTTP/2', () => {
  test('is held with its head, and its window granted by the gate', () => {
    const it = rig();
    it.caller(headers(it.requests, 1, pods(), false), data(1, good.slice(0, 10)));
    assert.deepEqual(it.toServer(), []);
    assert.deepEqual(it.toCaller(), ['WINDOW 1 +10', 'WINDOW 0 +10']);
    it.caller(data(1, good.slice(10), true));
    assert.deepEqual(it.toServer(), ['HEADERS 1', 'DATA 1 end']);
    assert.deepEqual(atServer(it).get(1), { content: good, ended: true });
    it.server(headers(it.answers, 1, ok));
    assert.equal(it.judge.idle, true);
  });

  test('is refused with a Status, and nothing of it reaches the server', () => {
    const it = rig({ newId: () => '00000000-id' });
    it.caller(headers(it.requests, 1, pods(), false), data(1, evil, true));
    assert.deepEqual(it.toServer(), []);
    assert.deepEqual(it.toCaller().slice(0, 2), ['HEADERS 1', 'DATA 1 end']);
    assert.match(it.sink.client, /No gitRepo\. \(verdict 00000000-id\)/);
    assert.deepEqual(codes(it), ['git-repo deny']);
    assert.equal(it.judge.idle, true);
  });

  test('of no bytes is nothing to judge', () => {
    const it = rig({}, { onBody: {} });
    it.caller(headers(it.requests, 1, pods(), false), data(1, '', true));
    assert.deepEqual(it.toServer(), ['HEADERS 1 end']);
  });

  test('padding is no content, and is granted back', () => {
    const it = rig();
    const payload = Buffer.concat([Buffer.of(5), Buffer.from(good), Buffer.alloc(5)]);
    it.caller(headers(it.requests, 1, pods(), false), frame(DATA, PADDED, 1, payload));
    assert.deepEqual(it.toCaller(), [`WINDOW 1 +${payload.length}`, `WINDOW 0 +${payload.length}`]);
    it.caller(data(1, '', true));
    assert.deepEqual(atServer(it).get(1), { content: good, ended: true });
  });

  test('ended by an empty trailer block is whole', () => {
    const it = rig();
    it.caller(headers(it.requests, 1, pods(), false), data(1, evil), headers(it.requests, 1, [], true));
    assert.deepEqual(it.toServer(), []);
    assert.deepEqual(codes(it), ['git-repo deny']);
  });

  test('of another length than announced is refused', () => {
    const it = rig();
    it.caller(headers(it.requests, 1, pods(['content-length', '5']), false), data(1, good, true));
    assert.deepEqual(it.toServer(), []);
    assert.deepEqual(codes(it), ['h2-length deny']);
  });

  test('other resources stream as they come', () => {
    const it = rig();
    it.caller(headers(it.requests, 1, maps(), false), data(1, evil.slice(0, 9)));
    assert.deepEqual(it.toServer(), ['HEADERS 1', 'DATA 1']);
    assert.deepEqual(it.toCaller(), []);
  });

  test('windows that the caller grants meanwhile reach the server with the request', () => {
    const it = rig();
    it.caller(headers(it.requests, 1, pods(), false), window(1, 100), window(1, 11));
    assert.deepEqual(it.toServer(), []);
    it.caller(data(1, good, true));
    assert.deepEqual(it.toServer(), ['HEADERS 1', 'WINDOW 1 +111', 'DATA 1 end']);
  });

  test('cancelled meanwhile: the server never hears of it', () => {
    const it = rig();
    it.caller(headers(it.requests, 1, pods(), false), data(1, good), numberFrame(RST_STREAM, 1, 8));
    it.caller(data(1, good));
    assert.deepEqual(it.toServer(), []);
    assert.equal(it.judge.idle, true);
  });

  test('the server ends meanwhile, which got nothing of it: refused for another try', () => {
    const it = rig();
    it.caller(
      headers(it.requests, 1, get),
      headers(it.requests, 3, pods(), false),
      data(3, good.slice(0, 5)),
    );
    it.toCaller();
    it.judge.serverEnd();
    const told = it.toCaller();
    assert.deepEqual(told, ['RST 3 7', 'HEADERS 1', 'DATA 1 end', 'GOAWAY 3 0']);
    assert.equal(it.judge.state, 'closing');
  });

  test('Expect: 100-continue is answered once, by the gate', () => {
    const it = rig();
    it.caller(headers(it.requests, 1, pods(['expect', '100-continue']), false));
    assert.deepEqual(it.toCaller(), ['HEADERS 1']);
    it.caller(data(1, good, true));
    assert.ok(!it.forwarded()[0]?.some((field) => field.startsWith('expect')));
    it.toCaller();
    it.server(headers(it.answers, 1, [[':status', '100']], false));
    assert.deepEqual(it.toCaller(), []);
    it.server(headers(it.answers, 1, ok));
    assert.deepEqual(it.toCaller(), ['HEADERS 1 end']);
  });
});

describe('what can not be judged over HTTP/2', () => {
  const limits = { ...defaultConnectionLimits, bodyBytes: 1_024 };
  const large = JSON.stringify({ kind: 'Pod', more: 'x'.repeat(2_000) });

  test('is refused as over HTTP/1.1', () => {
    for (const [more, body, code] of [
      [[['content-length', String(large.length)]], '', 'body-over-budget deny'],
      [[], large, 'body-over-budget deny'],
      [[], '{"a":', 'body-syntax deny'],
    ] as const) {
      const it = rig({ limits });
      it.caller(headers(it.requests, 1, pods(...more), false));
      if (body !== '') it.caller(data(1, body, true));
      assert.deepEqual(it.toServer(), []);
      assert.deepEqual(codes(it), [code]);
      assert.equal(it.judge.idle, true);
    }
  });

  test('goes on where the shield lets it, and is told of', () => {
    const onBody = { overBudget: 'pass', undecodable: 'pass' } as const;
    const length: TwinField = ['content-length', String(large.length)];
    for (const [more, body, code] of [
      [[length], large, 'body-over-budget log'],
      [[], large, 'body-over-budget log'],
      [[], '{"a":', 'body-syntax log'],
    ] as const) {
      const it = rig({ limits }, { onBody });
      it.caller(headers(it.requests, 1, pods(...more), false));
      for (let at = 0; at < body.length; at += 300) {
        it.caller(data(1, body.slice(at, at + 300), at + 300 >= body.length));
      }
      assert.deepEqual(atServer(it).get(1), { content: body, ended: true });
      assert.deepEqual(codes(it), [code]);
    }
  });

  test('more than the gate may hold is refused, and what was held is given back', () => {
    const budget = createBodyBudget();
    const it = rig({ bodyAccount: budget.account('192.0.2.7', 240) });
    it.caller(headers(it.requests, 1, pods(), false), data(1, good.slice(0, 40)));
    it.caller(headers(it.requests, 3, pods(), false), data(3, good.slice(0, 30)));
    assert.deepEqual(codes(it), ['held-bodies-full deny']);
    assert.match(it.sink.client, /retryAfterSeconds":1/);
    assert.equal(budget.held, 40);
    it.caller(data(1, good.slice(40, 45), false), numberFrame(RST_STREAM, 1, 8));
    assert.equal(budget.held, 0);
  });
});

describe('streams that overtake a held one', () => {
  test('have the next number at the server, both ways', () => {
    const it = rig();
    it.caller(headers(it.requests, 1, pods(), false), data(1, good.slice(0, 10)));
    it.caller(headers(it.requests, 3, get));
    it.caller(data(1, good.slice(10), true));
    it.caller(headers(it.requests, 5, maps(), false), data(5, 'abc'), window(5, 7), data(5, '', true));
    assert.deepEqual(it.toServer(), [
      'HEADERS 3 end',
      'HEADERS 5',
      'DATA 5 end',
      'HEADERS 7',
      'DATA 7',
      'WINDOW 7 +7',
      'DATA 7 end',
    ]);
    it.toCaller();
    it.server(headers(it.answers, 5, ok, false), data(5, 'one', true));
    it.server(headers(it.answers, 3, ok, false), data(3, 'three', true));
    it.server(window(7, 9), headers(it.answers, 7, ok, false), data(7, 'five'));
    it.server(numberFrame(RST_STREAM, 7, 8));
    assert.deepEqual(it.toCaller(), [
      'HEADERS 1',
      'DATA 1 end',
      'HEADERS 3',
      'DATA 3 end',
      'WINDOW 5 +9',
      'HEADERS 5',
      'DATA 5',
      'RST 5 8',
    ]);
    assert.equal(it.judge.idle, true);
  });

  test('a cancelled one is cancelled by its number at the server', () => {
    const it = rig();
    it.caller(headers(it.requests, 1, pods(), false), headers(it.requests, 3, get), data(1, good, true));
    it.caller(numberFrame(RST_STREAM, 1, 8));
    assert.deepEqual(it.toServer(), ['HEADERS 3 end', 'HEADERS 5', 'DATA 5 end', 'RST 5 8']);
  });

  test('a GOAWAY of the server names what was not looked at, each stream for itself', () => {
    const it = rig();
    it.caller(headers(it.requests, 1, pods(), false), headers(it.requests, 3, get), data(1, good, true));
    it.caller(headers(it.requests, 5, pods(), false), headers(it.requests, 7, get));
    it.toCaller();
    // The server knows 3 as 3, 1 as 5, 7 as 7; it has not looked at 5 and 7.
    it.server(goawayFrame(3, 0));
    assert.deepEqual(it.toCaller(), ['GOAWAY 7 0', 'RST 1 7', 'RST 5 7', 'RST 7 7']);
    it.server(headers(it.answers, 3, ok));
    assert.equal(it.judge.idle, true);
  });

  test('a held one is no longer taken after a GOAWAY; one that says goodbye only takes it', () => {
    const late = rig();
    late.caller(headers(late.requests, 1, pods(), false), headers(late.requests, 3, get));
    late.toCaller();
    late.server(goawayFrame(3, 0));
    assert.deepEqual(late.toCaller(), ['GOAWAY 3 0', 'RST 1 7']);
    const early = rig();
    early.caller(headers(early.requests, 1, pods(), false));
    early.server(goawayFrame(0x7fff_ffff, 0));
    early.caller(data(1, good, true));
    assert.deepEqual(early.toServer(), ['HEADERS 1', 'DATA 1 end']);
  });
});

describe('windows of the server', () => {
  const settings = (initial: number) => settingsFrame([[4, initial]]);

  test('what was held goes on as there is room, and no more is granted to the caller for it', () => {
    const it = rig();
    it.server(settings(20));
    it.caller(settingsAck);
    it.toServer();
    it.toCaller();
    it.caller(headers(it.requests, 1, pods(), false), data(1, good.slice(0, 20)));
    assert.deepEqual(it.toCaller(), ['WINDOW 1 +20', 'WINDOW 0 +20']);
    it.caller(data(1, good.slice(20), true));
    assert.deepEqual(it.toServer(), ['HEADERS 1', 'DATA 1']);
    assert.equal(atServer(it).get(1)?.content, good.slice(0, 20));
    it.toCaller();
    it.server(window(1, 10));
    assert.equal(atServer(it).get(1)?.content, good.slice(0, 30));
    it.server(window(0, 30));
    assert.deepEqual(it.toCaller(), []);
    it.server(settings(1_000));
    it.caller(settingsAck);
    assert.deepEqual(atServer(it).get(1), { content: good, ended: true });
    // Of the connection's window, 21 bytes are still lent to the caller.
    it.toCaller();
    it.server(window(0, good.length));
    assert.deepEqual(it.toCaller(), ['WINDOW 0 +30']);
  });

  test('an answer that does not wait for the rest ends it', () => {
    const it = rig();
    it.server(settings(20));
    it.caller(settingsAck, headers(it.requests, 1, pods(), false), data(1, good, true));
    it.toServer();
    it.server(headers(it.answers, 1, ok));
    assert.deepEqual(it.toServer(), ['RST 1 0']);
    assert.equal(it.judge.idle, true);
  });

  test('settings that the caller has not acknowledged are not counted on', () => {
    const it = rig();
    it.server(settings(20));
    it.caller(settingsAck);
    it.server(settings(1_000));
    it.caller(headers(it.requests, 1, pods(), false), data(1, good, true));
    assert.equal(atServer(it).get(1)?.content.length, 20);
    it.caller(settingsAck);
    assert.equal(atServer(it).get(1)?.content.length, good.length);
  });
});
