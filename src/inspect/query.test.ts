import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { continueStart, fieldSelector, listQuery } from './query.ts';

const selectors: readonly [string, string][] = [
  ['', ''],
  ['limit=500', ''],
  ['fieldSelector=metadata.name%3Dweb', 'metadata.name=web'],
  ['limit=1&fieldSelector=metadata.namespace=..%2Fb', 'metadata.namespace=../b'],
  ['field%53elector=a%3Db', 'a=b'],
  ['fieldselector=a%3Db', ''],
  ['fieldSelector=a+b', 'a b'],
  ['fieldSelector=%zz', ''],
  // Servers differ on which counts, and on what `;` separates: a rule sees every reading.
  ['fieldSelector=a&fieldSelector=b', 'a,b'],
  ['limit=1;fieldSelector=a', 'a'],
  ['fieldSelector=a;b', 'a'],
];
for (const [query, expected] of selectors) {
  test(`field selector of ${query || 'nothing'}`, () => assert.equal(fieldSelector(query), expected));
}

const token = (text: string, encoding: 'base64' | 'base64url' = 'base64url') =>
  `continue=${encodeURIComponent(Buffer.from(text).toString(encoding))}`;
const starts: readonly [string, string, string][] = [
  ['nothing', '', ''],
  ['an empty token', 'continue=', ''],
  ["the server's own", token('{"v":"meta.k8s.io/v1","rv":5,"start":"lab/web\\u0000"}'), 'lab/web\0'],
  ['dots', token('{"v":"meta.k8s.io/v1","rv":5,"start":"../bars/"}'), '../bars/'],
  ['dots, escaped', token('{"start":"\\u002e\\u002e/bars"}'), '../bars'],
  ['the other alphabet, padded', token('{"start":"../~~~???>>>"}', 'base64'), '../~~~???>>>'],
  [
    'line ends, which the decoder of Go passes over',
    token('{"start":".."}').replace('=ey', '=e%0D%0Ay'),
    '..',
  ],
  ['a name in capitals, as Go reads it', token('{"START":".."}'), '..'],
  ['a name with a long s, as Go reads it', token('{"\u017ftart":".."}'), '..'],
  ['two names: every reading', token('{"start":"a","Start":".."}'), 'a,..'],
  ['a start that is no text', token('{"start":5}'), ''],
  ["a token of another server's form", 'continue=opaque', ''],
  ['JSON that is no object', token('"start"'), ''],
  ['null', token('null'), ''],
  ['two tokens', `${token('{"start":"a"}')}&${token('{"start":".."}')}`, 'a,..'],
];
for (const [name, query, expected] of starts) {
  test(`start of a continue token: ${name}`, () => assert.equal(continueStart(query), expected));
}

test('a query that is not taken apart holds nothing that would have been found', () => {
  const name = fc.constantFrom(
    'watch',
    'Watch',
    'w+atch',
    'fieldSelector',
    'fieldSelectors',
    'continue',
    'limit',
  );
  const pair = fc
    .tuple(name, fc.constantFrom('', '=', '=1', '=metadata.name=a'))
    .map((parts) => parts.join(''));
  const joint = fc.constantFrom('&', ';');
  fc.assert(
    fc.property(fc.array(fc.tuple(pair, joint), { maxLength: 4 }), (parts) => {
      const query = parts.flat().join('');
      // An escape anywhere has every parameter read.
      const read = `${query}&%61=1`;
      assert.deepEqual(listQuery(query), listQuery(read), query);
      assert.equal(fieldSelector(query), fieldSelector(read), query);
      assert.equal(continueStart(query), continueStart(read), query);
    }),
    { numRuns: 2000 },
  );
});
