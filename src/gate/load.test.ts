import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultLimits } from '../model/limits.ts';
import { createLoadMeter, judgeLoad, lagEveryMs } from './load.ts';

const limits = { ...defaultLimits, shedLagMs: 250, refuseLagMs: 1_000, openRequests: 10 };
for (const [lagMs, openRequests, requestsBeside, verdict] of [
  [0, 0, 0, 'fine'],
  [250, 10, 0, 'fine'],
  [250, 4, 6, 'fine'],
  [251, 0, 0, 'shed'],
  [0, 11, 0, 'shed'],
  [0, 5, 6, 'shed'],
  [1_000, 0, 0, 'shed'],
  [1_001, 0, 0, 'refuse'],
  [0, 1_000_000, 0, 'shed'],
] as const) {
  test(`${lagMs} ms behind, ${openRequests} requests here and ${requestsBeside} elsewhere: ${verdict}`, () => {
    assert.equal(judgeLoad({ lagMs, openRequests, requestsBeside }, limits), verdict);
  });
}

test('one pause is no overload, a loop that stays behind is, and it passes', () => {
  const meter = createLoadMeter(0);
  let now = 0;
  const tick = (late: number) => {
    now += lagEveryMs + late;
    meter.tick(now);
    return judgeLoad(meter, limits);
  };
  assert.equal(tick(0), 'fine');
  assert.equal(tick(900), 'fine');
  for (let count = 0; count < 5; count += 1) tick(0);
  assert.equal(tick(60_000), 'fine');
  for (let count = 0; count < 5; count += 1) assert.equal(tick(0), 'fine');
  const busy = Array.from({ length: 6 }, () => tick(400));
  assert.deepEqual(busy, ['fine', 'fine', 'fine', 'shed', 'shed', 'shed']);
  for (let count = 0; count < 5; count += 1) tick(3_000);
  assert.equal(judgeLoad(meter, limits), 'refuse');
  for (let count = 0; count < 5; count += 1) tick(-20);
  assert.equal(meter.lagMs, 0);
});
