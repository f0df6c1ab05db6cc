// Bodies that trickle over HTTP/2: who is ended, and who is not.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DATA, END_STREAM, frame, numberFrame, settingsFrame, WINDOW_UPDATE } from '../../http/h2/frames.ts';
import type { TwinField } from '../../http/h2/testing/hpack-twin.ts';
import { get, headers, type RawRig, rawRig } from './testing/raw.ts';

const least = 100;
const post: readonly TwinField[] = [[':method', 'POST'], ...get.slice(1)];
const watch: readonly TwinField[] = [...get.slice(0, 2), [':path', '/api/v1/pods?watch=1'], ...get.slice(3)];
const ok: readonly TwinField[] = [[':status', '200']];
const data = (stream: number, bytes: number, end = false) =>
  frame(DATA, end ? END_STREAM : 0, stream, Buffer.alloc(bytes));

/** Looks every ten seconds for as long as it is told, and answers how many were ended. */
function pacer(rig: RawRig) {
  let now = 1;
  return (seconds: number, ready = true, each = () => {}) => {
    let ended = 0;
    for (const end = now + seconds * 1_000; now < end; ) {
      now += 10_000;
      each();
      ended += rig.judge.endSlowBodies?.(now, least, ready) ?? 0;
    }
    return ended;
  };
}

describe('a body that comes too slowly', () => {
  test('its stream is answered 408 and ended on both sides; others live on', () => {
    const rig = rawRig();
    const pass = pacer(rig);
    rig.caller(headers(rig.requests, 1, post, false), headers(rig.requests, 3, post, false));
    rig.caller(headers(rig.requests, 5, get));
    rig.toServer();
    assert.equal(
      pass(60, true, () => rig.caller(data(1, 1), data(3, 20))),
      0,
    );
    assert.equal(
      pass(10, true, () => rig.caller(data(3, 20))),
      1,
    );
    assert.deepEqual(
      rig.toServer().filter((sent) => !sent.startsWith('DATA')),
      ['RST 1 8'],
    );
    assert.deepEqual(rig.toCaller(), ['HEADERS 1', 'DATA 1 end', 'RST 1 8']);
    assert.match(rig.sink.client, /\[slow-body\]/);
    assert.match(rig.sink.client, /"code":408/);
    assert.deepEqual(rig.sink.findings, []);
    // Its late content is dropped, and the room that it took given back.
    rig.caller(data(1, 5), data(3, 5, true));
    assert.deepEqual(rig.toServer(), ['DATA 3 end']);
    assert.deepEqual(rig.toCaller(), ['WINDOW 0 +5']);
    rig.server(headers(rig.answers, 3, ok), headers(rig.answers, 5, ok));
    assert.equal(rig.judge.idle, true);
  });

  test('a body that ended, and a request without one, are never looked at', () => {
    const rig = rawRig();
    rig.caller(headers(rig.requests, 1, post, false), data(1, 1, true), headers(rig.requests, 3, get));
    assert.equal(pacer(rig)(600), 0);
  });

  test('an answer that was begun: the stream is reset, a watch’s is left alone', () => {
    const rig = rawRig();
    rig.caller(headers(rig.requests, 1, post, false), headers(rig.requests, 3, watch, false));
    rig.server(headers(rig.answers, 1, ok, false), headers(rig.answers, 3, ok, false));
    rig.toServer();
    rig.toCaller();
    assert.equal(pacer(rig)(600), 1);
    assert.deepEqual(rig.toServer(), ['RST 1 8']);
    assert.deepEqual(rig.toCaller(), ['RST 1 8']);
  });
});

describe('time does not count', () => {
  const rows: readonly [what: string, prepare: (rig: RawRig) => void, free: (rig: RawRig) => void][] = [
    [
      'while the server gives the stream no room',
      (rig) => rig.server(settingsFrame([[4, 0]])),
      (rig) => rig.server(numberFrame(WINDOW_UPDATE, 1, 1_000)),
    ],
    [
      'while the server gives no room until its settings change',
      (rig) => rig.server(settingsFrame([[4, 0]])),
      (rig) => rig.server(settingsFrame([[4, 1_000]])),
    ],
    [
      'while another stream has used up the connection’s room',
      (rig) => {
        rig.caller(headers(rig.requests, 3, post, false));
        for (let sent = 0; sent < 65_535; ) {
          const size = Math.min(16_384, 65_535 - sent);
          rig.caller(data(3, size));
          sent += size;
        }
      },
      (rig) => {
        rig.caller(data(3, 0, true));
        rig.server(numberFrame(WINDOW_UPDATE, 0, 65_535));
      },
    ],
  ];
  for (const [what, prepare, free] of rows) {
    test(what, () => {
      const rig = rawRig();
      const pass = pacer(rig);
      rig.caller(headers(rig.requests, 1, post, false));
      prepare(rig);
      assert.equal(pass(600), 0);
      free(rig);
      assert.equal(pass(60), 0, 'a whole minute begins');
      assert.equal(pass(10), 1);
    });
  }

  test('while the gate does not read the caller', () => {
    const rig = rawRig();
    const pass = pacer(rig);
    rig.caller(headers(rig.requests, 1, post, false));
    assert.equal(pass(600, false), 0);
    assert.equal(pass(60), 0);
    assert.equal(pass(10), 1);
  });

  test('the room that content took which went nowhere is the caller’s again', () => {
    const rig = rawRig();
    const pass = pacer(rig);
    rig.caller(headers(rig.requests, 1, post, false));
    // Of a stream that is over.
    rig.caller(headers(rig.requests, 3, [...post, ['content-length', '1']], false), data(3, 2));
    for (let sent = 0; sent < 70_000; sent += 10_000) rig.caller(data(3, 10_000));
    assert.equal(pass(70), 1);
  });
});
