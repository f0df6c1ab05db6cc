import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeJson } from './json.ts';
import { BodyError, type BodyProblem } from './problems.ts';
import { defaultBodyLimits } from './types.ts';

const limits = { ...defaultBodyLimits, maxDepth: 5, maxValues: 20 };

const good: readonly [string, string, unknown][] = [
  ['an object', '{"a":1,"b":[true,null,"x"]}', { a: 1, b: [true, null, 'x'] }],
  ['space around', ' \r\n\t{} \n', {}],
  ['escapes', '{"a\\"b":"\\\\","c":"\\ud83d\\ude00\\u0000"}', { 'a"b': '\\', c: '\u{1f600}\0' }],
  ['braces, colons and commas in strings', '{"{[:,\\"":"{{{{{{{{[,:"}', { '{[:,"': '{{{{{{{{[,:' }],
  ['texts of one escaped character', '{"a":"\\t","b":["\\u0062"],"k:{\\"n\\":1}":"\\""}', undefined],
  ['the same key in two objects', '{"a":{"k":1},"b":{"k":1}}', { a: { k: 1 }, b: { k: 1 } }],
  ['names that differ in letter case, as a map has them', '{"data":{"README":"1","readme":"2"}}', undefined],
  ['labels, as well', '{"metadata":{"labels":{"A":"1","a":"2"}}}', undefined],
  ['the largest exact integer', '[9007199254740991]', [9007199254740991]],
  ['one more', '[9007199254740993,-9007199254740993]', [9007199254740993n, -9007199254740993n]],
  ['64 bits', '[18446744073709551615]', [18446744073709551615n]],
  ['more than 64 bits: a double, as for the server', '[18446744073709551616]', [2 ** 64]],
  ['floats', '[1e3,-0.5,1.25E-2,123456789012345678.5]', [1000, -0.5, 0.0125, Number('123456789012345678.5')]],
  ['five levels', '[[[[[]]]]]', [[[[[]]]]]],
];
for (const [name, text, expected] of good) {
  test(`JSON: ${name}`, () => {
    assert.deepEqual(decodeJson(Buffer.from(text), limits), expected ?? JSON.parse(text));
  });
}

const bad: readonly [string, string | Uint8Array, BodyProblem][] = [
  ['nothing', '', 'body-syntax'],
  ['trailing text', '{} x', 'body-syntax'],
  ['a second value', '{}{}', 'body-syntax'],
  ['a comma at the end', '{"a":1,}', 'body-syntax'],
  ['a comment', '{/* */}', 'body-syntax'],
  ['single quotes', "{'a':1}", 'body-syntax'],
  ['a bare key', '{a:1}', 'body-syntax'],
  ['NaN', '[NaN]', 'body-syntax'],
  ['a plus sign', '[+1]', 'body-syntax'],
  ['a leading zero', '[01]', 'body-syntax'],
  ['a number that is none', '[1-2]', 'body-syntax'],
  ['a number out of range', '[1e400]', 'body-syntax'],
  ['a raw line end in a string', '"a\nb"', 'body-syntax'],
  ['an unknown escape', '"\\x41"', 'body-syntax'],
  ['a string without end', '{"a":"\\"}', 'body-syntax'],
  ['a backslash at the end', '"\\', 'body-syntax'],
  ['a byte order mark', '\ufeff{}', 'body-syntax'],
  ['UTF-16', Buffer.from('{}', 'utf16le'), 'body-syntax'],
  ['a key twice', '{"a":1,"a":1}', 'body-ambiguous'],
  ['a key twice, once escaped', '{"spec":1,"\\u0073pec":1}', 'body-ambiguous'],
  ['a key twice, deep', '[{"x":{"a":1,"b":2,"a":1}}]', 'body-ambiguous'],
  ['__proto__ twice', '{"__proto__":1,"__proto__":2}', 'body-ambiguous'],
  // V8 14 reads the second key of this as a backslash.
  ['a key that is one escaped character', '{"\\"":{},"\\/":{}}', 'body-ambiguous'],
  ['the same, by number', '{"a":1,"\\u0062" \n:2}', 'body-ambiguous'],
  ['keys that fold', '{"spec":1,"Spec":1}', 'body-ambiguous'],
  ['keys that fold by long s', '{"spec":1,"\u017fpec":1}', 'body-ambiguous'],
  ['keys that fold by the Kelvin sign', '{"kind":1,"\\u212aind":1}', 'body-ambiguous'],
  [
    'folding, among many',
    '{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"A":1}',
    'body-ambiguous',
  ],
  ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'body-ambiguous'],
  ['an encoded surrogate', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'body-ambiguous'],
  ['an overlong slash', Buffer.from([0x22, 0xc0, 0xaf, 0x22]), 'body-ambiguous'],
  ['half a pair', '{"a":"\\ud83d"}', 'body-ambiguous'],
  ['half a pair in a key', '{"\\uDE00":1}', 'body-ambiguous'],
  ['half a pair in a list', '["\\ud83d x"]', 'body-ambiguous'],
  ['six levels', '[[[[[[]]]]]]', 'body-too-deep'],
  ['depth without end', '['.repeat(1e6), 'body-too-deep'],
  ['too many values', `[${'1,'.repeat(20)}1]`, 'body-too-large-decoded'],
];
for (const [name, text, code] of bad) {
  test(`JSON refused: ${name}`, () => {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    assert.throws(
      () => decodeJson(bytes, limits),
      (error) => error instanceof BodyError && error.code === code,
    );
  });
}

const json = fc.jsonValue({ maxDepth: 6 });
const wide = { ...defaultBodyLimits, maxDepth: 60 };

test('JSON: whatever JSON.stringify writes is read as what it was', () => {
  fc.assert(
    fc.property(json, fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
      const text = JSON.stringify(value, undefined, indent);
      let read: unknown;
      try {
        read = decodeJson(Buffer.from(text), wide);
      } catch (error) {
        // Random keys may fold onto each other, be half of a pair, or one escape.
        assert.ok(error instanceof BodyError && error.code === 'body-ambiguous');
        return;
      }
      assert.equal(
        JSON.stringify(read, (_, inner) => (typeof inner === 'bigint' ? Number(inner) : inner)),
        // Not what JSON.parse makes of it: that is what is tested.
        JSON.stringify(value),
      );
    }),
  );
});

test('JSON: a copied key is refused wherever it stands', () => {
  fc.assert(
    fc.property(json, fc.dictionary(fc.string(), json, { minKeys: 1 }), fc.nat(), (before, object, pick) => {
      const members = Object.entries(object).map(
        ([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`,
      );
      members.push(members[pick % members.length] as string);
      const text = `[${JSON.stringify(before)},{${members.join()}}]`;
      assert.throws(() => decodeJson(Buffer.from(text), wide), BodyError);
    }),
  );
});

test('JSON: never accepts what JSON.parse refuses', () => {
  const piece = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ':',
    ',',
    '"',
    '\\',
    '"a"',
    '"b"',
    '1',
    '-',
    '.',
    'e',
    'true',
    'null',
    ' ',
    '\\u',
    'd83d',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join('');
      let read: unknown;
      try {
        read = decodeJson(Buffer.from(text), wide);
      } catch (error) {
        assert.ok(error instanceof BodyError);
        return;
      }
      assert.deepEqual(read, JSON.parse(text));
    }),
    { numRuns: 3000 },
  );
});
