import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultLimits, LimitSettings, limitTable } from './limits.ts';

test('every default is within its bounds, and the bounds hold', () => {
  assert.equal(LimitSettings.safeParse(defaultLimits).success, true);
  for (const [name, { min, max }] of Object.entries(limitTable)) {
    for (const [value, good] of [
      [min, true],
      [max, true],
      [min - 1, false],
      [max + 1, false],
      [min + 0.5, false],
      [String(min), false],
    ] as const) {
      assert.equal(LimitSettings.safeParse({ [name]: value }).success, good, `${name}: ${value}`);
    }
  }
});

test('what is not said keeps its default, what is no limit is refused', () => {
  assert.deepEqual(LimitSettings.parse({ headMs: 5_000 }), { headMs: 5_000 });
  assert.equal(LimitSettings.safeParse({ headMS: 5_000 }).success, false);
});
