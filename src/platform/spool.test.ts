import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../base/failure.ts';
import { createSpool } from './spool.ts';

test('items pushed in one turn are delivered in order, in batches of the size asked for', async () => {
  const batches: number[][] = [];
  const spool = createSpool<number>({ batchItems: 2, send: async (batch) => void batches.push([...batch]) });
  for (const item of [1, 2, 3, 4, 5]) spool.push(item);
  await spool.drained(5_000);
  assert.deepEqual(batches, [[1, 2], [3, 4], [5]]);
  assert.deepEqual([spool.pending, spool.dropped, spool.refused], [0, 0, 0]);
});

test('what the controller was away for is delivered when it is back, once, in order', async () => {
  const delivered: number[] = [];
  let failures = 3;
  const spool = createSpool<number>({
    minBackoffMs: 1,
    maxBackoffMs: 2,
    send: async (batch) => {
      if (failures-- > 0) throw new Failure('controller-unreachable', 'away');
      delivered.push(...batch);
    },
  });
  spool.push(1);
  spool.push(2);
  await spool.drained(5_000);
  assert.deepEqual(delivered, [1, 2]);
});

test('a full spool keeps the first items and counts the rest', () => {
  const spool = createSpool<number>({ maxItems: 3, send: () => new Promise(() => {}) });
  for (let item = 0; item < 10; item++) spool.push(item);
  assert.equal(spool.pending, 3);
  assert.equal(spool.dropped, 7);
  spool.close();
});

test('a batch that the controller refuses is not tried for ever', async () => {
  const seen: number[] = [];
  const spool = createSpool<number>({
    batchItems: 1,
    send: async ([item]) => {
      if (item === 1) throw new Failure('bad-request', 'poison');
      seen.push(item ?? 0);
    },
  });
  spool.push(1);
  spool.push(2);
  await spool.drained(5_000);
  assert.deepEqual(seen, [2]);
  assert.equal(spool.refused, 1);
});

test('one item that the controller refuses takes none of its batch with it', async () => {
  const seen: number[] = [];
  const spool = createSpool<number>({
    send: async (batch) => {
      if (batch.includes(3)) throw new Failure('body-too-large', 'poison');
      seen.push(...batch);
    },
  });
  for (const item of [0, 1, 2, 3, 4, 5, 6]) spool.push(item);
  await spool.drained(5_000);
  assert.deepEqual(seen, [0, 1, 2, 4, 5, 6]);
  assert.equal(spool.refused, 1);
});
