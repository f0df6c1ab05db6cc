import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { Failure } from '../base/failure.ts';
import { createSpool } from './spool.ts';
import { openSpoolFile } from './spool-file.ts';

/** Milliseconds that bound a hang. */
const longest = 120_000;

test('items pushed in one turn are delivered in order, in batches of the size asked for', async () => {
  const batches: number[][] = [];
  const spool = createSpool<number>({ batchItems: 2, send: async (batch) => void batches.push([...batch]) });
  for (const item of [1, 2, 3, 4, 5]) spool.push(item);
  await spool.drained(longest);
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
  await spool.drained(longest);
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
  await spool.drained(longest);
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
  await spool.drained(longest);
  assert.deepEqual(seen, [0, 1, 2, 4, 5, 6]);
  assert.equal(spool.refused, 1);
});

test('a full spool gives up the newest of the lowest rank for what ranks higher, and sends the highest first', async () => {
  const sent: string[] = [];
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const spool = createSpool<string>({
    maxItems: 4,
    batchItems: 2,
    rank: (item) => Number(item[0]),
    send: async (batch) => {
      await gate;
      sent.push(...batch);
    },
  });
  for (const item of ['0a', '0b', '0c', '1a', '0d', '2a', '1b', '2b', '2c', '2d']) spool.push(item);
  assert.deepEqual([spool.pending, spool.dropped], [4, 6]);
  open();
  await spool.drained(longest);
  assert.deepEqual(sent, ['2a', '2b', '2c', '2d']);
});

test('what is on its way is never given up, and nothing is sent twice or lost beyond the count', async () => {
  const step = fc.record({ rank: fc.integer({ min: 0, max: 3 }), wait: fc.boolean(), fail: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const sent: string[] = [];
      let failing = false;
      const spool = createSpool<string>({
        maxItems: 5,
        batchItems: 2,
        minBackoffMs: 0,
        maxBackoffMs: 0,
        rank: (item) => Number(item[0]),
        send: async (batch) => {
          await Promise.resolve();
          if (failing) throw new Failure('overloaded', 'later');
          sent.push(...batch);
        },
      });
      for (const [index, { rank, wait, fail }] of steps.entries()) {
        failing = fail;
        spool.push(`${rank}-${index}`);
        if (wait) await new Promise(setImmediate);
      }
      failing = false;
      await spool.drained(longest);
      assert.equal(new Set(sent).size, sent.length);
      assert.equal(sent.length + spool.dropped, steps.length);
      const best = steps.flatMap(({ rank }, index) => (rank === 3 ? [`3-${index}`] : []));
      if (best.length <= 5) for (const item of best) assert.ok(sent.includes(item), item);
    }),
    { numRuns: 100 },
  );
});

const Item = z.strictObject({ id: z.int() });
const away = () => Promise.reject(new Failure('controller-unreachable', 'away'));
const silent = () => {};

test('what waited is there after a restart, in a file of the owner alone, and is gone when delivered', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-spool-'));
  const path = join(folder, 'items.jsonl');
  const first = createSpool<{ id: number }>({ send: away, store: openSpoolFile(path, Item, silent) });
  for (const id of [1, 2, 3]) first.push({ id });
  first.close();
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const seen: number[] = [];
  const store = openSpoolFile(path, Item, silent);
  assert.equal(store.damaged, undefined);
  const second = createSpool<{ id: number }>({
    store,
    send: async (batch) => void seen.push(...batch.map(({ id }) => id)),
  });
  second.push({ id: 4 });
  await second.drained(longest);
  second.close();
  assert.deepEqual(seen, [1, 2, 3, 4]);
  assert.equal(readFileSync(path, 'utf8'), '');
  rmSync(folder, { recursive: true });
});

test('a damaged file loses its damaged lines only, which are set aside', () => {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-spool-'));
  const path = join(folder, 'items.jsonl');
  const text = '{"id":1}\n{"id":"x"}\n\u0000garbage\n{"id":2}\n{"id":3';
  writeFileSync(path, text);
  const store = openSpoolFile(path, Item, silent);
  assert.deepEqual(store.found, [{ id: 1 }, { id: 2 }]);
  assert.deepEqual(store.damaged, { lines: 3, place: `${path}.damaged` });
  store.add({ id: 5 });
  store.close();
  assert.equal(readFileSync(`${path}.damaged`, 'utf8'), text);
  const again = openSpoolFile(path, Item, silent);
  assert.deepEqual([again.found, again.damaged], [[{ id: 1 }, { id: 2 }, { id: 5 }], undefined]);
  again.close();
  rmSync(folder, { recursive: true });
});

test('a file that can not be written is told once, and the spool goes on', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-spool-'));
  const path = join(folder, 'items.jsonl');
  const told: string[] = [];
  const store = openSpoolFile(path, Item, (error) => told.push(error.code));
  // A folder in the file's place stops root too.
  mkdirSync(path);
  const seen: number[] = [];
  const spool = createSpool<{ id: number }>({
    store,
    send: async (batch) => void seen.push(...batch.map(({ id }) => id)),
  });
  spool.push({ id: 1 });
  await spool.drained(longest);
  spool.close();
  store.close();
  assert.deepEqual([seen, told], [[1], ['unwritable']]);
  rmSync(folder, { recursive: true });
});

test('a full spool that drops the oldest keeps what is on its way and what came last', async () => {
  let away = true;
  const sent: number[] = [];
  const spool = createSpool<number>({
    send: async (batch) => {
      if (away) throw new Failure('controller-unreachable', 'away');
      sent.push(...batch);
    },
    maxItems: 3,
    batchItems: 1,
    minBackoffMs: 5,
    full: 'drop-oldest',
  });
  for (const item of [1, 2, 3]) spool.push(item);
  await new Promise((resolve) => setImmediate(resolve));
  for (const item of [4, 5]) spool.push(item);
  assert.deepEqual([spool.pending, spool.dropped], [3, 2]);
  away = false;
  await spool.drained(longest);
  assert.deepEqual(sent, [1, 4, 5]);
  spool.close();
});
