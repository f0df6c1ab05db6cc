import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { buildTable } from './build.ts';
import { exampleService, planOf, ruleOf } from './example-plan.ts';
import { renderRemoval, renderTable } from './render.ts';

const host = { localAddresses: ['10.0.0.1'] };

test('the form of the script is the golden one (UPDATE_GOLDEN=1 writes it anew)', () => {
  const golden = new URL('./render.golden.nft', import.meta.url);
  const text = renderTable(buildTable(planOf([exampleService], 7), host));
  if (process.env['UPDATE_GOLDEN']) writeFileSync(golden, text);
  assert.equal(text, readFileSync(golden, 'utf8'));
});

test('a rule id from outside never leaves its comment', () => {
  const hostile = '"; } chain x { accept } #\n'.repeat(20);
  const text = renderTable(
    buildTable(planOf([{ ...exampleService, rules: [ruleOf(hostile, ['10.0.0.0/8'], 'deny')] }]), host),
  );
  for (const line of text.split('\n')) {
    const comment = /comment "(.*)"$/.exec(line)?.[1];
    if (comment === undefined) assert.doesNotMatch(line, /chain x|#/);
    else assert.match(comment, /^[A-Za-z0-9 ._:/@=+-]{0,120}$/);
  }
});

test('replacing what is not known starts with removing it; what is known keeps its base chains', () => {
  const former = buildTable(planOf([exampleService], 1), host);
  const table = buildTable(planOf([], 2), host);
  assert.ok(renderTable(table).startsWith(renderRemoval()));
  const inPlace = renderTable(table, former);
  assert.doesNotMatch(inPlace, /delete table/);
  const deleted = [...inPlace.matchAll(/^delete (\S+) inet portcullis (\S+)$/gm)].map((match) => match[2]);
  const names = [...former.stores, ...former.chains.filter(({ base }) => !base), ...former.counters];
  assert.deepEqual(
    deleted,
    names.map(({ name }) => name),
  );
});
