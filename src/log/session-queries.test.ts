import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { SessionRecord } from '../model/record.ts';
import { openSessions } from './sessions.ts';

const folder = mkdtempSync(join(tmpdir(), 'pck-sessions-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let n = 0;
function record(change: Partial<SessionRecord>): SessionRecord {
  n += 1;
  return {
    id: `record-${n}`,
    agent: 'cp-1',
    server: 'prod/api',
    generation: 1,
    verdict: 'accepted',
    rule: 'policy/dev',
    from: { address: '10.0.9.1', name: 'dev', tags: ['application=ci', 'label=a', 'label=b'] },
    to: { address: '10.0.0.1', port: 6443, tags: ['application=kubernetes'] },
    startedAt: '2026-01-01T00:00:00.000Z',
    endedAt: '2026-01-01T00:00:30.000Z',
    attempts: 1,
    bytesOut: 10,
    bytesIn: 100,
    packetsOut: 1,
    packetsIn: 1,
    ...change,
  };
}
const stranger = { address: '192.0.2.1', name: 'unknown', tags: [] };
const sessions = openSessions(join(folder, 'sessions.db'), 100);
after(() => sessions.close());
const first = record({});
sessions.add([
  first,
  record({ sample: 5 }),
  record({ verdict: 'steered', endedAt: '2026-01-01T00:01:59.999Z' }),
  record({
    verdict: 'denied',
    rule: 'policy/lab',
    attempts: 7,
    from: stranger,
    endedAt: '2026-01-01T01:00:00.000Z',
  }),
  record({
    server: 'test/api',
    verdict: 'denied',
    rule: 'default',
    attempts: 2,
    from: stranger,
    to: { address: '10.0.1.1', port: 6443 },
  }),
]);
sessions.add([first]);

test('the most, by source, by rule, of one verdict, since a time, at one server', () => {
  const top = (query: object, by: 'source' | 'rule') =>
    sessions.top(query, by, 10).map(({ key, accepted, steered, denied }) => [key, accepted, steered, denied]);
  assert.deepEqual(top({}, 'source'), [
    ['192.0.2.1', 0, 0, 9],
    ['10.0.9.1', 6, 1, 0],
  ]);
  assert.deepEqual(top({ verdict: 'denied' }, 'rule'), [
    ['policy/lab', 0, 0, 7],
    ['default', 0, 0, 2],
  ]);
  assert.deepEqual(top({ server: 'test/api' }, 'source'), [['192.0.2.1', 0, 0, 2]]);
  assert.deepEqual(top({ since: '2026-01-01T00:30:00.000Z' }, 'source'), [['192.0.2.1', 0, 0, 7]]);
  assert.equal(sessions.top({}, 'source', 1).length, 1);
  assert.equal(sessions.top({}, 'source', 10)[1]?.bytesIn, 700);
});

test('over time: a sample counts for what it stands for', () => {
  assert.deepEqual(
    sessions.series({}, 60).map(({ at, accepted, steered, denied }) => [at, accepted, steered, denied]),
    [
      ['2026-01-01T00:00:00Z', 6, 0, 2],
      ['2026-01-01T00:01:00Z', 0, 1, 0],
      ['2026-01-01T01:00:00Z', 0, 0, 7],
    ],
  );
});

test('pairs by a tag of both ends; who has none goes by name', () => {
  const pairs = (type: string) => sessions.pairs({}, type, 10).map(({ from, to }) => `${from} → ${to}`);
  assert.deepEqual(pairs('application'), ['ci → kubernetes', 'unknown → kubernetes', 'unknown → test/api']);
  assert.deepEqual(pairs('label'), ['a, b → prod/api', 'unknown → prod/api', 'unknown → test/api']);
});

test('a record that is sent again is kept and counted once', () => {
  assert.deepEqual(sessions.counts(), { accepted: 2, steered: 1, denied: 2 });
});

test('callers come in batches that together are every record since then, those refused counted but not told', () => {
  const many = openSessions(join(folder, 'callers.db'), 20_000);
  try {
    const at = (n: number) => new Date(Date.parse('2026-01-02T00:00:00.000Z') + n * 1_000).toISOString();
    const all = Array.from({ length: 12_000 }, (_, i) =>
      record({
        endedAt: at(i),
        from: { ...stranger, address: `192.0.2.${i % 3}` },
        verdict: i % 4 === 0 ? 'denied' : 'accepted',
        ...(i % 5 === 0 ? { sample: 10 } : {}),
      }),
    );
    many.add(all);
    const since = at(2_000);
    const batches = [...many.callers(since)];
    assert.equal(batches.length, 3);
    assert.equal(
      batches.reduce((sum, { records }) => sum + records, 0),
      10_000,
    );
    for (const address of ['192.0.2.0', '192.0.2.1', '192.0.2.2']) {
      const own = all.filter(
        ({ endedAt, from, verdict }) => endedAt >= since && from.address === address && verdict !== 'denied',
      );
      const told = batches.flatMap(({ callers }) => callers.filter((one) => one.address === address));
      assert.equal(
        told.reduce((sum, one) => sum + one.sessions, 0),
        own.reduce((sum, one) => sum + (one.sample ?? 1), 0),
      );
      assert.ok(told.every((one) => one.server === 'prod/api'));
    }
    assert.deepEqual(
      [...many.callers('2027-01-01T00:00:00.000Z')].flatMap(({ callers }) => callers),
      [],
    );
  } finally {
    many.close();
  }
});
