// A short pass of the fuzzers, always over the same exchanges; `npm run fuzz` looks further.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startGoOracle } from './go-oracle.ts';
import { goSearches, type Search, searches } from './properties.ts';

const seed = 20181203;

async function pass({ name, check }: Search, runs: number, milliseconds: number): Promise<void> {
  const result = await check({ seed, runs, milliseconds });
  const again = `npm run fuzz -- --seed ${result.seed} --path ${result.counterexamplePath} --only '${name}'`;
  assert.ok(!result.failed, `${again}\n${JSON.stringify(result.counterexample)}\n${result.errorInstance}`);
  assert.ok(result.numRuns > runs / 100, `only ${result.numRuns} cases were tried`);
}

for (const one of searches) test(one.name, () => pass(one, 10_000, 4_000));

const go = startGoOracle();
if (typeof go === 'string') test('comparison with Go', { skip: go }, () => {});
else {
  after(() => go.close());
  for (const one of goSearches(go)) test(one.name, () => pass(one, 1_500, 1_000));
}
