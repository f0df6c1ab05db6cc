import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { BodyError, type BodyProblem } from './problems.ts';
import { defaultBodyLimits, type JsonValue } from './types.ts';
import { decodeYaml } from './yaml.ts';

const limits = { ...defaultBodyLimits, maxDepth: 10, maxValues: 200, maxYamlBytes: 20_000 };
const decode = (text: string) => decodeYaml(Buffer.from(text), limits);

// The readings are go-yaml v2's (resolve.go): YAML 1.1 without sexagesimal numbers.
const scalars: readonly [string, JsonValue][] = [
  ['yes', true],
  ['y', true],
  ['On', true],
  ['TRUE', true],
  ['no', false],
  ['N', false],
  ['off', false],
  ['yEs', 'yEs'],
  ['~', null],
  ['', null],
  ['Null', null],
  ['nUll', 'nUll'],
  ['"yes"', 'yes'],
  ["'no'", 'no'],
  ['!!str yes', 'yes'],
  ['!!str 010', '010'],
  ['12', 12],
  ['+12', 12],
  ['-12', -12],
  ['0644', 420],
  ['-010', -8],
  ['08', 8],
  ['0x1F', 31],
  ['0b101', 5],
  ['1_000', 1000],
  ['9007199254740993', 9007199254740993n],
  ['18446744073709551615', 18446744073709551615n],
  ['18446744073709551616', 2 ** 64],
  ['1.5', 1.5],
  ['1e3', 1000],
  ['-.5', -0.5],
  ['.5', 0.5],
  ['1.', 1],
  ['1e999', '1e999'],
  ['1:30', '1:30'],
  ['1.2.3', '1.2.3'],
  ['.x', '.x'],
  ['-', '-'],
  ['0x', '0x'],
  ['2020-01-01T00:00:00Z', '2020-01-01T00:00:00Z'],
  ['"2020-1-1"', '2020-1-1'],
  ['2020-x', '2020-x'],
  ['a b', 'a b'],
  ['"\\u0041\\x42\\n"', 'AB\n'],
];
for (const [text, expected] of scalars) {
  if (text === '-') continue;
  test(`YAML scalar ${text || 'nothing'}`, () =>
    assert.deepEqual(decode(`a: ${text}`).value, { a: expected }));
}

const documents: readonly [string, string, JsonValue, boolean][] = [
  [
    'a pod',
    'kind: Pod\nspec:\n  containers:\n  - name: c\n    image: a/b:1\n  - {name: d}\n',
    { kind: 'Pod', spec: { containers: [{ name: 'c', image: 'a/b:1' }, { name: 'd' }] } },
    false,
  ],
  ['begun and ended', '---\na: 1\n...\n', { a: 1 }, false],
  ['comments', '# x\na: 1 # y\n', { a: 1 }, false],
  ['a block of text', 'a: |\n  x: *b\n  y\nb: >-\n  x\n  y\n', { a: 'x: *b\ny\n', b: 'x y' }, false],
  ['a block of text whose last line does not end', 'a: >\n  x\n  y', { a: 'x y' }, false],
  [
    'JSON',
    ' {"a": [1, "\\u0041"], "<<": {"b": 1}, "on": "yes"}',
    { a: [1, 'A'], '<<': { b: 1 }, on: 'yes' },
    false,
  ],
  ['flow that is no JSON', '{a: [1, x], "b": y}', { a: [1, 'x'], b: true }, false],
  ['keys', 'on: 1\n010: 2\n5: 3\nno: 4\n', { true: 1, 8: 2, 5: 3, false: 4 }, false],
  ['an alias', 'a: &x [1]\nb: *x\n', { a: [1], b: [1] }, true],
  ['an anchor alone', 'a: &x 1\n', { a: 1 }, true],
  ['an anchor given anew', 'a: &x 1\nb: *x\nc: &x 2\nd: *x\n', { a: 1, b: 1, c: 2, d: 2 }, true],
  [
    'an alias inside of what is aliased',
    'a: &x 1\nb: &y [*x]\nc: &x 2\nd: *y\n',
    { a: 1, b: [1], c: 2, d: [1] },
    true,
  ],
  ['an alias as key', 'a: &x b\n*x : 1\n', { a: 'b', b: 1 }, true],
  [
    'a merge key',
    'x: &x {a: 1, b: 2}\nm:\n  <<: *x\n  b: 3\n',
    { x: { a: 1, b: 2 }, m: { a: 1, b: 3 } },
    true,
  ],
  ['a merge key without alias', 'm:\n  <<: {gitRepo: {}}\n', { m: { gitRepo: {} } }, true],
  ['several merged', 'm:\n  <<: [{a: 1}, {a: 2, b: 2}]\n', { m: { a: 1, b: 2 } }, true],
  ['a quoted merge key', 'm:\n  "<<": {a: 1}\n', { m: { '<<': { a: 1 } } }, false],
  ['__proto__', '__proto__: {a: 1}\n', JSON.parse('{"__proto__":{"a":1}}'), false],
];
for (const [name, text, expected, usesAliases] of documents) {
  test(`YAML: ${name}`, () => assert.deepEqual(decode(text), { value: expected, usesAliases }));
}

const bad: readonly [string, string | Uint8Array, BodyProblem][] = [
  ['two documents', 'a: 1\n---\nb: 1\n', 'body-ambiguous'],
  ['a key twice', 'a: 1\na: 2\n', 'body-ambiguous'],
  ['a key twice, once quoted', 'a: 1\n"a": 2\n', 'body-ambiguous'],
  ['a key twice by its reading', 'on: 1\nyes: 2\n', 'body-ambiguous'],
  ['a key twice in JSON', '{"a":1,"a":2}', 'body-ambiguous'],
  ['keys that fold', 'spec: 1\nSpec: 2\n', 'body-ambiguous'],
  ['a merge after what it sets', 'x: &x {a: 1}\nm:\n  a: 2\n  <<: *x\n', 'body-ambiguous'],
  ['two merge keys', 'm:\n  <<: {a: 1}\n  <<: {b: 1}\n', 'body-ambiguous'],
  ['a merge of no map', 'm:\n  <<: [1]\n', 'body-syntax'],
  ['a merge that folds', 'm:\n  <<: {Spec: 1}\n  spec: 1\n', 'body-ambiguous'],
  ['an alias without anchor', 'a: *x\n', 'body-syntax'],
  ['an anchor that holds itself', 'a: &x [*x]\n', 'body-syntax'],
  ['a tag of our own', 'a: !x 1\n', 'body-syntax'],
  ['a tagged number', 'a: !!int "1"\n', 'body-syntax'],
  ['binary', 'a: !!binary eA==\n', 'body-ambiguous'],
  ['a bare tag', 'a: ! yes\n', 'body-ambiguous'],
  ['a directive', '%YAML 1.2\n---\na: 1\n', 'body-ambiguous'],
  ['a key that is a list', '? [a]\n: 1\n', 'body-syntax'],
  ['a key that is null', '~: 1\n', 'body-ambiguous'],
  ['a key that is a float', '1.5: 1\n', 'body-ambiguous'],
  ['a key that is a float, if a whole one', '1e3: 1\n', 'body-ambiguous'],
  ['a key of digits that is no octal number', '0999999999: 1\n', 'body-ambiguous'],
  ['a colon without space in a flow map', '{a:,b: 1}', 'body-ambiguous'],
  ['a question mark in a flow list', '[?a]', 'body-ambiguous'],
  ['an indentation indicator', 'a: |1\n  b\n', 'body-ambiguous'],
  ['a block of text that ends in spaces', 'a: |+\n  b\n  ', 'body-ambiguous'],
  ['a date', 'a: 2020-01-01\n', 'body-ambiguous'],
  ['new octal', 'a: 0o17\n', 'body-ambiguous'],
  ['infinity', 'a: .inf\n', 'body-syntax'],
  ['a tab for indentation', 'a:\n\tb: 1\n', 'body-syntax'],
  ['a control character', 'a: \u0001\n', 'body-syntax'],
  ['a next-line character', 'a: x\u0085b: 1\n', 'body-ambiguous'],
  ['a line separator in JSON', '{"a":"x\u2028y"}', 'body-ambiguous'],
  ['a byte order mark', '\ufeffa: 1\n', 'body-ambiguous'],
  ['bytes that are not UTF-8', Buffer.from([0x61, 0x3a, 0x20, 0xff]), 'body-ambiguous'],
  ['a broken map', 'a: 1\n b: 2\n', 'body-syntax'],
  ['an end that is missing', 'a: [1', 'body-syntax'],
  [
    'a bomb',
    `a: &a [x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c]\n`,
    'body-too-large-decoded',
  ],
  ['depth in brackets', `a: ${'['.repeat(5000)}`, 'body-too-deep'],
  ['depth in dashes', '- '.repeat(5000), 'body-too-deep'],
  ['depth in explicit keys', '? '.repeat(5000), 'body-too-deep'],
  ['depth in lines', Array.from({ length: 20 }, (_, i) => `${' '.repeat(i)}a:\n`).join(''), 'body-too-deep'],
  ['depth by aliases', 'a: &a [x]\nb: &b [*a]\nc: &c [[[[[*b]]]]]\nd: &d [[[[[*c]]]]]', 'body-too-deep'],
  ['more bytes than are parsed', `a: ${'x'.repeat(20_000)}`, 'body-too-large-decoded'],
];
for (const [name, text, code] of bad) {
  test(`YAML refused: ${name}`, () => {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    assert.throws(
      () => decodeYaml(bytes, limits),
      (error) => error instanceof BodyError && error.code === code,
    );
  });
}

const key = fc.stringMatching(/^[a-z][a-zA-Z0-9./-]{0,8}$/);
const leaf = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.stringMatching(/^[-+0-9.eExobTyYnN:_~ ]{0,6}$/),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
);
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
    fc.array(tie('tree'), { maxLength: 4 }),
  ),
}));

test('YAML: what a YAML 1.1 writer made of a value is that value', () => {
  let read = 0;
  fc.assert(
    fc.property(fc.dictionary(key, tree, { maxKeys: 4 }), fc.boolean(), (value, flow) => {
      const text = stringify(value, {
        version: '1.1',
        schema: 'yaml-1.1',
        aliasDuplicateObjects: false,
        ...(flow ? { collectionStyle: 'flow' } : {}),
      });
      try {
        assert.deepEqual(decode(text).value, JSON.parse(JSON.stringify(value)));
        read++;
      } catch (error) {
        // Characters and keys that are refused, whoever wrote them.
        if (!(error instanceof BodyError)) throw error;
      }
    }),
    { numRuns: 500 },
  );
  assert.ok(read > 200);
});

test('YAML: no text throws anything but a body problem', () => {
  const piece = fc.constantFrom(
    'a',
    ': ',
    '- ',
    '? ',
    '\n',
    '  ',
    '&a ',
    '*a ',
    '<<',
    '[',
    ']',
    '{',
    '}',
    ',',
    '|',
    '>',
    '"',
    "'",
    '#',
    '!!str ',
    '!',
    '%',
    '---\n',
    '0',
    '~',
    '\t',
    '\\',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 25 }), (pieces) => {
      try {
        decode(pieces.join(''));
      } catch (error) {
        assert.ok(error instanceof BodyError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});
