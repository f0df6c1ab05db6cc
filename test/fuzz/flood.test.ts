// Floods that ignore back-pressure: the judge keeps a bounded number of bytes, and then ends the connection.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createConnection } from '../../src/inspect/connection.ts';
import { defaultConnectionLimits, defaultIdentityFields } from '../../src/inspect/connection-types.ts';
import { createRecordingSink } from '../../src/inspect/recording-sink.ts';
import { noRules } from '../../src/inspect/rules.ts';

const get = 'GET /api/v1/pods HTTP/1.1\r\nHost: k\r\n\r\n';
const upgrade = 'GET /x HTTP/1.1\r\nHost: k\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
const chunked = 'POST /x HTTP/1.1\r\nHost: k\r\nTransfer-Encoding: chunked\r\n\r\n';
/** More than any limit of the judge's, in bytes. */
const most = defaultConnectionLimits.aheadBytes + 2 * 65_536;

const floods: readonly [name: string, before: string, from: 'client' | 'server', unit: string][] = [
  ['a request line', '', 'client', 'G'],
  ['a path', 'GET /', 'client', 'a'],
  ['one field', 'GET / HTTP/1.1\r\nA: ', 'client', 'a'],
  ['many fields', 'GET / HTTP/1.1\r\n', 'client', 'A: a\r\n'],
  ['requests sent ahead', get, 'client', get],
  ['half a head sent ahead', get, 'client', 'G'],
  ['behind an upgrade request', upgrade, 'client', 'x'],
  ['a chunk size', chunked, 'client', '0'],
  ['a chunk extension', `${chunked}1`, 'client', ';a'],
  ['trailers', `${chunked}0\r\n`, 'client', 'A: a\r\n'],
  ['interim answers', get, 'server', 'HTTP/1.1 100 Continue\r\n\r\n'],
  ['an answer head', get, 'server', 'HTTP/1.1 200 OK\r\nA: a'],
  ['fields of an answer', `${get}`, 'server', 'A: a\r\n'],
];
for (const [name, before, from, unit] of floods) {
  for (const size of [65_536, 7]) {
    test(`${name}, in pieces of ${size}`, () => {
      const sink = createRecordingSink();
      const judge = createConnection(
        {
          identity: { method: 'none' },
          identityFields: defaultIdentityFields,
          sourceAddress: '192.0.2.7',
          rules: noRules,
          limits: defaultConnectionLimits,
        },
        sink,
      );
      judge.clientData(Buffer.from(before));
      const bytes = Buffer.from(unit.repeat(Math.ceil(65_536 / unit.length)));
      const started = process.cpuUsage();
      let fed = 0;
      while (judge.state !== 'closing' && judge.state !== 'closed') {
        const at = fed % bytes.length;
        const piece = Buffer.from(bytes.subarray(at, at + size));
        if (from === 'client') judge.clientData(piece);
        else judge.serverData(piece);
        fed += piece.length;
        assert.ok(fed <= most, `${fed} bytes and no end`);
      }
      assert.ok(process.cpuUsage(started).user < 3_000_000, 'too slow');
    });
  }
}
