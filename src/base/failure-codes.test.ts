// The table of codes against the code that uses it. That every code used is listed, the compiler checks.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Failure } from './failure.ts';
import { failureCodes } from './failure-codes.ts';

const src = join(import.meta.dirname, '..');
const rows = Object.values(failureCodes).flatMap((codes) => Object.entries(codes));
const sources = globSync('**/*.ts', { cwd: src })
  .filter((file) => !/\.test\.ts$|(^|\/)testing\/|test-kit|^base\/failure-codes/.test(file))
  .map((file) => readFileSync(join(src, file), 'utf8'));

test('a code stands in one part, and means and asks for something', () => {
  assert.equal(new Set(rows.map(([code]) => code)).size, rows.length);
  for (const [code, texts] of rows) {
    assert.match(code, /^[a-z]+(-[a-z]+)*$/);
    for (const text of texts) assert.match(text, /^[A-Z`].*[^.]\.$/, `${code}: ${text}`);
  }
});

test('every code that is listed is used', () => {
  const unused = rows
    .map(([code]) => code)
    .filter((code) => !sources.some((text) => text.includes(`'${code}'`)));
  assert.deepEqual(unused, []);
});

test('a code that is not listed does not compile', () => {
  // @ts-expect-error: not in the table
  assert.equal(new Failure('no-such-code', '').code, 'no-such-code');
  assert.equal(new Failure('test-anything', '').code, 'test-anything');
});
