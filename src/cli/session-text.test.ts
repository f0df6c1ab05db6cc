import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SessionRecord } from '../model/record.ts';
import { renderPairs, renderSeries, renderSessions, renderTop } from './session-text.ts';
import { byteText } from './table.ts';

const last = '2026-01-02T03:04:05.678Z';
const some = { accepted: 6, steered: 1, denied: 0, bytesOut: 734, bytesIn: 12_582_912 };
const refused = { accepted: 0, steered: 0, denied: 1_234_567, bytesOut: 0, bytesIn: 0 };
const since = '2026-01-01T12:00:00.000Z';
const wide = { columns: undefined };

describe('sessions top', () => {
  const rows = [
    { key: '192.0.2.1', ...refused, last },
    { key: 'fd00::1\u001b[2J', ...some, last },
  ];
  test('the most first, with what all of them come to', () => {
    assert.equal(
      renderTop(rows, 'source', { ...wide, since, limit: 20 }),
      `\
SOURCE       ACCEPTED  STEERED  PACKETS DENIED  BYTES OUT  BYTES IN  LAST
192.0.2.1    0         0        1234567         0 B        0 B       2026-01-02 03:04:05Z
fd00::1?[2J  6         1        0               734 B      12.0 MiB  2026-01-02 03:04:05Z
2 sources since 2026-01-01 12:00:00Z: 6 accepted, 1 steered, 1234567 packets denied; 734 B out, 12.0 MiB in`,
    );
  });
  test('one, where one was asked for and there may be more', () => {
    assert.equal(
      renderTop(rows.slice(0, 1), 'rule', { ...wide, since, server: 'lab/cp', limit: 1 }),
      `\
RULE       ACCEPTED  STEERED  PACKETS DENIED  BYTES OUT  BYTES IN  LAST
192.0.2.1  0         0        1234567         0 B        0 B       2026-01-02 03:04:05Z
1 rule at lab/cp since 2026-01-01 12:00:00Z: 0 accepted, 0 steered, 1234567 packets denied; 0 B out, 0 B in
No more than 1 were asked for: --limit`,
    );
  });
  test('none: not a heading without rows', () => {
    const rows: readonly [asked: object, says: string][] = [
      [{}, 'No session was recorded since 2026-01-01 12:00:00Z.'],
      [{ verdict: 'denied' }, 'No session was denied since 2026-01-01 12:00:00Z.'],
      [{ server: 'lab/cp' }, 'No session was recorded at lab/cp since 2026-01-01 12:00:00Z.'],
    ];
    for (const [asked, says] of rows)
      assert.equal(renderTop([], 'source', { ...wide, since, ...asked }), says);
  });
});

test('sessions series: steps by the time at which they begin', () => {
  const rows = [
    { at: '2026-01-02T00:00:00Z', ...some },
    { at: '2026-01-02T02:00:00Z', ...refused },
  ];
  assert.equal(
    renderSeries(rows, { ...wide, since }),
    `\
FROM                  ACCEPTED  STEERED  PACKETS DENIED  BYTES OUT  BYTES IN
2026-01-02 00:00:00Z  6         1        0               734 B      12.0 MiB
2026-01-02 02:00:00Z  0         0        1234567         0 B        0 B
2 steps since 2026-01-01 12:00:00Z: 6 accepted, 1 steered, 1234567 packets denied; 734 B out, 12.0 MiB in`,
  );
  assert.equal(renderSeries([], { ...wide, since }), 'No session was recorded since 2026-01-01 12:00:00Z.');
});

test('sessions pairs: both ends', () => {
  assert.equal(
    renderPairs([{ from: 'ci, build', to: 'kubernetes', ...some, last }], { ...wide, since, limit: 20 }),
    `\
FROM       TO          ACCEPTED  STEERED  PACKETS DENIED  BYTES OUT  BYTES IN  LAST
ci, build  kubernetes  6         1        0               734 B      12.0 MiB  2026-01-02 03:04:05Z
1 pair since 2026-01-01 12:00:00Z: 6 accepted, 1 steered, 0 packets denied; 734 B out, 12.0 MiB in`,
  );
  assert.equal(renderPairs([], { ...wide, since }), 'No session was recorded since 2026-01-01 12:00:00Z.');
});

test('sessions: each by itself', () => {
  const record: SessionRecord = {
    ...{ agent: 'cp', server: 'lab/cp', generation: 1, verdict: 'steered', rule: 'shield/rest' },
    ...{ from: { address: '10.9.0.1', name: 'office', tags: [] }, to: { address: '10.0.0.1', port: 6443 } },
    ...{
      startedAt: last,
      endedAt: last,
      attempts: 1,
      bytesOut: 2_048,
      bytesIn: 5,
      packetsOut: 1,
      packetsIn: 1,
    },
  };
  assert.equal(
    renderSessions([record], wide),
    `\
ENDED                 VERDICT  FROM               TO                    TRIES  BYTES OUT  BYTES IN  RULE
2026-01-02 03:04:05Z  steered  office (10.9.0.1)  lab/cp 10.0.0.1:6443  1      2.0 KiB    5 B       shield/rest`,
  );
  assert.equal(renderSessions([], { ...wide, verdict: 'denied' }), 'No session was denied.');
});

test('no line is wider than the terminal', () => {
  const row = { key: '2001:db8:1:2:3:4:5:6', ...some, last };
  for (const columns of [80, 100, 140])
    for (const line of renderTop([row], 'source', { columns, since, limit: 1 }).split('\n'))
      assert.ok(line.length <= columns, `${columns}: ${line}`);
});

test('bytes in the largest unit of which there is one', () => {
  const rows: readonly [bytes: number, text: string][] = [
    [0, '0 B'],
    [1_023, '1023 B'],
    [1_024, '1.0 KiB'],
    [102_400, '100 KiB'],
    [1_048_064, '1.0 MiB'],
    [1_047_552, '1023 KiB'],
    [1_572_864, '1.5 MiB'],
    [5_368_709_120, '5.0 GiB'],
    [1_099_511_627_776, '1.0 TiB'],
    [1_125_899_906_842_624, '1024 TiB'],
  ];
  for (const [bytes, text] of rows) assert.equal(byteText(bytes), text);
});
