// `npm run fuzz -- [--seconds N] [--seed S] [--go] [--only NAME] [--path P]`: searches for exchanges that break a promise
// of the gate's, for N seconds shared by the searches. Exit code 1 and a minimal reproducer when one is found.
import { parseArgs } from 'node:util';
import { startGoOracle } from './go-oracle.ts';
import { goSearches, type Search, searches } from './properties.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    seed: { type: 'string' },
    go: { type: 'boolean', default: false },
    only: { type: 'string' },
    path: { type: 'string' },
  },
});
const seconds = Number(values.seconds);
const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
if (!(seconds > 0) || !Number.isSafeInteger(seed)) {
  console.error('fuzz: --seconds takes a number above 0 and --seed a whole number');
  process.exit(2);
}

const go = values.go ? startGoOracle() : undefined;
if (typeof go === 'string') console.error(`fuzz: the comparison with Go is skipped: ${go}`);
const all: readonly Search[] = [...searches, ...(typeof go === 'object' ? goSearches(go) : [])];
const chosen = all.filter(({ name }) => values.only === undefined || name.includes(values.only));
if (chosen.length === 0) {
  console.error(`fuzz: no search is called that; there are: ${all.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
console.log(`fuzz: seed ${seed}, ${seconds} s`);
let failed = false;
for (const { name, check } of chosen) {
  const result = await check({
    seed,
    runs: Number.MAX_SAFE_INTEGER,
    milliseconds: (seconds * 1000) / chosen.length,
    ...(values.path === undefined ? {} : { path: values.path }),
  });
  console.log(`fuzz: ${name}: ${result.numRuns} cases${result.failed ? ', FAILED' : ''}`);
  if (!result.failed) continue;
  failed = true;
  console.log(
    `  again: npm run fuzz -- --seed ${result.seed} --path ${result.counterexamplePath} --only '${name}'${values.go ? ' --go' : ''}`,
  );
  console.log(`  smallest: ${JSON.stringify(result.counterexample)}`);
  console.log(`  ${String((result.errorInstance as Error | null)?.stack ?? result.errorInstance)}`);
}
if (typeof go === 'object') go.close();
process.exitCode = failed ? 1 : 0;
