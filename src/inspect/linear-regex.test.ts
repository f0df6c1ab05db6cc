import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileRegex } from './linear-regex.ts';
import { RegexError } from './regex-parse.ts';

const pieces = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom(
      'a',
      'b',
      '/',
      '.',
      '[ab]',
      '[^a]',
      '[a-c/]',
      '\\d',
      '\\w',
      '\\.',
      '^',
      '$',
      '\\/',
      '\\D',
    ),
    fc.tuple(tie('node'), tie('node')).map(([a, b]) => a + b),
    fc.tuple(tie('node'), tie('node')).map(([a, b]) => `(${a}|${b})`),
    fc
      .tuple(tie('node'), fc.constantFrom('*', '+', '?', '{2}', '{1,3}', '{0,}', '*?', '+?'))
      .map(([a, q]) => `(?:${a})${q}`),
  ),
})).node;

test('agrees with RegExp on random patterns and texts', () => {
  fc.assert(
    fc.property(
      pieces,
      fc.string({ unit: fc.constantFrom('a', 'b', 'c', '/', '.', '1', 'é'), maxLength: 12 }),
      (pattern, text) => {
        assert.equal(compileRegex(pattern)(text), new RegExp(pattern).test(text), `${pattern} on ${text}`);
      },
    ),
    { numRuns: 3000 },
  );
});

test('(?i) folds ASCII letters', () => {
  const regex = compileRegex('(?i)^x-Remote-[a-c]$');
  for (const text of ['X-REMOTE-A', 'x-remote-c']) assert.ok(regex(text), text);
  for (const text of ['X-REMOTE-D', 'y-remote-a']) assert.ok(!regex(text), text);
});

test('patterns that ruin a backtracking engine take linear time', () => {
  for (const pattern of ['^(a+)+$', '(a|aa)+$', '(a*)*b', 'a*a*a*a*a*c', '(x+x+)+y']) {
    const regex = compileRegex(pattern);
    const before = process.cpuUsage();
    assert.equal(regex(`${'a'.repeat(60_000)}!`), false, pattern);
    const { user } = process.cpuUsage(before);
    assert.ok(user < 3_000_000, `${pattern} took ${user} µs of the processor`);
  }
});

const refused: readonly [string, RegExp][] = [
  ['(?=a)', /groups/],
  ['(?<!a)b', /groups/],
  ['(?<name>a)', /groups/],
  ['(a)\\1', /escape \\1/],
  ['\\bword', /escape \\b/],
  ['a**', /quantifier/],
  ['a{2}{3}', /quantifier/],
  ['*a', /bare/],
  ['a{1,999}', /limit/],
  ['a{3,2}', /order/],
  ['(a{200}){200}', /states/],
  ['[z-a]', /range/],
  ['[\\d-z]', /range/],
  ['[]', /empty/],
  ['[a', /not closed/],
  ['(a', /not closed/],
  ['a)', /unmatched/],
  ['\\u0041', /escape/],
  ['\\x4', /hex/],
  ['a\\', /escape/],
  ['('.repeat(60) + ')'.repeat(60), /deep/],
];
for (const [pattern, why] of refused) {
  test(`refuses ${pattern.slice(0, 30)}`, () => {
    assert.throws(
      () => compileRegex(pattern),
      (error) => error instanceof RegexError && why.test(error.message),
    );
  });
}
