import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeBody } from './decode.ts';
import { compilePath } from './path.ts';
import { podsOf } from './pods.ts';
import { bodyProblems } from './problems.ts';
import { type BodyInput, type DecodedBody, defaultBodyLimits } from './types.ts';

// Whatever the bytes and whatever they say they are: an answer, in time, and nothing that rules could trip over.

const types: readonly (readonly [string, string])[] = [
  ['create', ''],
  ['update', 'application/json'],
  ['create', 'application/yaml'],
  ['create', 'application/vnd.kubernetes.protobuf'],
  ['create', 'application/cbor'],
  ['patch', 'application/json-patch+json'],
  ['patch', 'application/merge-patch+json'],
  ['patch', 'application/strategic-merge-patch+json'],
  ['patch', 'application/apply-patch+yaml'],
  ['patch', 'application/apply-patch+cbor'],
  ['deletecollection', 'application/json'],
];

function decode(verb: string, contentType: string, bytes: Uint8Array): DecodedBody {
  const request = { group: '', version: 'v1', resource: 'pods', subresource: '', contentEncoding: '' };
  return decodeBody({ ...request, verb, contentType, bytes } satisfies BodyInput, defaultBodyLimits);
}

function check(decoded: DecodedBody): void {
  if (decoded.kind === 'undecodable') {
    assert.ok(Object.hasOwn(bodyProblems, decoded.code));
    assert.notEqual(decoded.reason, 'the decoder failed');
    return;
  }
  assert.equal(typeof decoded.value, 'object');
  assert.ok(!Array.isArray(decoded.value));
  podsOf(decoded.value);
  everything(decoded.value);
}

const everything = compilePath('*.*.*.*');

/** Bodies near enough to good ones that a few turned bytes reach far into the decoders. */
const seeds = [
  '{"kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[{"name":"c","image":"i"}]}}',
  '[{"op":"add","path":"/spec/volumes/0","value":{"gitRepo":{}}},{"op":"move","from":"/spec/volumes/0","path":"/spec/volumes/-"}]',
  'kind: Pod\nspec:\n  containers:\n  - &a {name: c, image: "i"}\n  - *a\n  - <<: *a\n    name: d\n',
  'k8s\0\n\t\n\u0002v1\u0012\u0003Pod\u0012\u0007\u0012\u0005R\u0003foo',
].map((text) => Buffer.from(text, 'latin1'));
seeds.push(
  Buffer.from(
    'd9d9f7a2646b696e6463506f646473706563bf6a636f6e7461696e6572739fa1646e616d6543616263ffff',
    'hex',
  ),
);

const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }), fc.constantFrom('set', 'cut', 'twice'));
const mutated = fc
  .tuple(fc.constantFrom(...seeds), fc.array(change, { maxLength: 4 }))
  .map(([seed, changes]) => {
    let bytes = Buffer.from(seed);
    for (const [where, byte, how] of changes) {
      const at = bytes.length === 0 ? 0 : where % bytes.length;
      if (how === 'set' && bytes.length > 0) bytes[at] = byte;
      else if (how === 'cut') bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + (byte % 8))]);
      else bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at >> 1)]);
    }
    return bytes;
  });

test('random and mutated bytes: every format answers, and never with a defect', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...types),
      fc.oneof(fc.uint8Array({ maxLength: 64 }), mutated),
      ([verb, type], bytes) => {
        check(decode(verb, type, bytes));
      },
    ),
    { numRuns: 4000 },
  );
});

const megabyte = 1_000_000;
const costly: readonly (readonly [string, string | Uint8Array])[] = [
  ['brackets', '['.repeat(megabyte)],
  ['braces', '{"a":'.repeat(megabyte / 5)],
  ['empty objects', `{"a":[${'{},'.repeat(megabyte / 3)}{}]}`],
  ['keys of one object', `{${Array.from({ length: 80_000 }, (_, i) => `"k${i}":1`).join()}}`],
  ['keys that share a length', `{${Array.from({ length: 80_000 }, (_, i) => `"k${100_000 + i}":1`).join()}}`],
  ['backslashes', `{"a":"${'\\\\'.repeat(megabyte / 2)}"}`],
  ['quotes', `{"a":"${'\\"'.repeat(megabyte / 2)}"}`],
  ['digits', `{"a":${'9'.repeat(megabyte)}}`],
  ['integers of 64 bits', `{"a":[${'9007199254740993,'.repeat(megabyte / 17)}1]}`],
  ['one operation many times', `[${Array(9_000).fill('{"op":"add","path":"/a/b/0/c","value":{}}').join()}]`],
  ['dashes', '- '.repeat(megabyte / 2)],
  ['anchors', '&a '.repeat(20_000)],
  [
    'a YAML bomb',
    Array.from(
      { length: 20 },
      (_, i) =>
        `a${i}: &a${i} [${Array(9)
          .fill(i ? `*a${i - 1}` : 'x')
          .join()}]\n`,
    ).join(''),
  ],
  ['comments', '# x\n'.repeat(megabyte / 4)],
  ['bytes of 0xff', new Uint8Array(megabyte).fill(0xff)],
  ['CBOR lists in lists', new Uint8Array(megabyte).fill(0x81)],
  ['CBOR open lists', new Uint8Array(megabyte).fill(0x9f)],
  ['CBOR empty chunks', Buffer.concat([Buffer.from([0x7f]), Buffer.alloc(megabyte, 0x60)])],
  ['protobuf fields', Buffer.concat([seeds[3] as Buffer, Buffer.alloc(megabyte, 0x20)])],
];
for (const [name, body] of costly) {
  test(`costly bytes: a megabyte of ${name}`, () => {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    for (const [verb, type] of types) {
      const began = process.cpuUsage();
      check(decode(verb, type, bytes));
      const { user, system } = process.cpuUsage(began);
      // Processor time, for the machine may be busy. What is quadratic takes minutes.
      assert.ok(user + system < 5_000_000, `${type} took too long`);
    }
  });
}
