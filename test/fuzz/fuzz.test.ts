// A short pass of the fuzzers, always over the same exchanges; `npm run fuzz` looks further.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startGoOracle } from './go-oracle.ts';
import { goSearches, type Search, searches } from './properties.ts';

const seed = 20181203;

/** Bounds a hang, and no pass: as many exchanges on a slow machine as on a fast one. */
const milliseconds = 240_000;

async function pass({ name, check }: Search, runs: number): Promise<void> {
  const result = await check({ seed, runs, milliseconds });
  const again = `npm run fuzz -- --seed ${result.seed} --path ${result.counterexamplePath} --only '${name}'`;
  assert.ok(!result.failed, `${again}\n${JSON.stringify(result.counterexample)}\n${result.errorInstance}`);
  assert.equal(result.numRuns, runs, 'cases that were tried');
}

for (const one of searches) test(one.name, () => pass(one, 1_500));

const go = startGoOracle();
if (typeof go === 'string') test('comparison with Go', { skip: go }, () => {});
else {
  after(() => go.close());
  for (const one of goSearches(go)) test(one.name, () => pass(one, 500));
}
