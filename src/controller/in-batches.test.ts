import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inBatches } from './in-batches.ts';

test('what comes together is done together, in order, and what comes later is another batch', async () => {
  const batches: (readonly number[])[] = [];
  const add = inBatches<number>((items) => void batches.push([...items]));
  await Promise.all([add(1), add(2), add(3)]);
  await add(4);
  assert.deepEqual(batches, [[1, 2, 3], [4]]);
});

test('a batch that fails fails for all of it, and the next is tried', async () => {
  let broken = true;
  const add = inBatches<number>(() => {
    if (broken) throw new Error('disk full');
  });
  const said = await Promise.allSettled([add(1), add(2)]);
  assert.deepEqual(
    said.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  broken = false;
  await add(3);
});
