import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeCbor } from './cbor.ts';
import { BodyError, type BodyProblem } from './problems.ts';
import { defaultBodyLimits, type JsonValue } from './types.ts';

const limits = { ...defaultBodyLimits, maxDepth: 6, maxValues: 200 };
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const decode = (bytes: Uint8Array) => decodeCbor(bytes, limits);

// From RFC 8949, appendix A, and the API server's profile.
const good: readonly [string, string, JsonValue][] = [
  ['an empty map', 'a0', {}],
  ['the self-described mark', 'd9d9f7 a161 61 01', { a: 1 }],
  ['integers', '85 00 17 1818 1903e8 1a000f4240', [0, 23, 24, 1000, 1_000_000]],
  ['negative integers', '83 20 3863 3903e7', [-1, -100, -1000]],
  ['an integer in more bytes than needed', '1b0000000000000001', 1],
  ['2^53', '1b0020000000000001', 9007199254740993n],
  ['-2^53', '3b001fffffffffffff', -9007199254740992n],
  ['the largest and least', '82 1b7fffffffffffffff 3b7fffffffffffffff', [2n ** 63n - 1n, -(2n ** 63n)]],
  ['floats', '83 f93e00 fa47c35000 fbc010666666666666', [1.5, 100000, -4.1]],
  ['simple values', '83 f4 f5 f6', [false, true, null]],
  ['text', '84 60 6161 62225c 62c3bc', ['', 'a', '"\\', '\u00fc']],
  ['a byte string for text', '43 616263', 'abc'],
  ['a byte string for a key', 'a1 43 616263 01', { abc: 1 }],
  ['an indefinite text', '7f 657374726561 646d696e67 ff', 'streaming'],
  ['an indefinite byte string', '5f 4161 4162 ff', 'ab'],
  ['indefinite lists and maps', 'bf 6161 01 6162 9f 02 03 ff ff', { a: 1, b: [2, 3] }],
  ['a secret', 'a1 6464617461 a1 616b d6 42 fffe', { data: { k: '//4=' } }],
  ['a secret without tag', 'a1 6464617461 a1 616b 42 fffe', { data: { k: '//4=' } }],
  ['a certificate authority', 'a1 68 636142756e646c65 42 0102', { caBundle: 'AQI=' }],
  ['__proto__', 'a1 69 5f5f70726f746f5f5f 01', JSON.parse('{"__proto__":1}')],
];
for (const [name, text, expected] of good) {
  test(`CBOR: ${name}`, () => assert.deepEqual(decode(hex(text)), expected));
}

const bad: readonly [string, string, BodyProblem][] = [
  ['nothing', '', 'body-syntax'],
  ['the mark alone', 'd9d9f7', 'body-syntax'],
  ['a second item', 'a0 a0', 'body-syntax'],
  ['a head cut short', '19 03', 'body-syntax'],
  ['a text cut short', '65 6162', 'body-syntax'],
  ['a text of 2^63 bytes', '7b 8000000000000000', 'body-syntax'],
  ['a text of 4 GiB', '7a ffffffff', 'body-syntax'],
  ['a list of 2^32 items', '9b 00000000ffffffff', 'body-syntax'],
  ['a map of more pairs than bytes', 'ba 00000003 616101', 'body-syntax'],
  ['a list without end', '9f 01', 'body-syntax'],
  ['a map that ends after a key', 'bf 6161 ff', 'body-syntax'],
  ['a break', 'ff', 'body-syntax'],
  ['a break in a list of known length', '82 01 ff', 'body-syntax'],
  ['reserved heads', '1c', 'body-syntax'],
  ['an indefinite integer', '1f', 'body-syntax'],
  ['an indefinite tag', 'df 01', 'body-syntax'],
  ['a chunk of another kind', '7f 4161 ff', 'body-syntax'],
  ['a chunk that is indefinite', '7f 7f 6161 ff ff', 'body-syntax'],
  ['a character cut in two chunks', '7f 61c3 61bc ff', 'body-syntax'],
  ['undefined', 'f7', 'body-syntax'],
  ['another simple value', 'f820', 'body-syntax'],
  ['not a number', 'f97e00', 'body-syntax'],
  ['infinity', 'fa7f800000', 'body-syntax'],
  ['an integer of 64 bits unsigned', '1b8000000000000000', 'body-syntax'],
  ['a negative integer of 65 bits', '3b8000000000000000', 'body-syntax'],
  ['a key that is a number', 'a1 01 02', 'body-syntax'],
  ['a text that is not UTF-8', '61 ff', 'body-syntax'],
  ['bytes that are no text', 'a1 6161 41 ff', 'body-syntax'],
  ['a key twice', 'a2 6161 01 6161 02', 'body-ambiguous'],
  ['a key twice, as text and bytes', 'a2 6161 01 4161 02', 'body-ambiguous'],
  ['__proto__ twice', 'a2 69 5f5f70726f746f5f5f 01 69 5f5f70726f746f5f5f 02', 'body-ambiguous'],
  ['the mark twice', 'd9d9f7 d9d9f7 a0', 'body-ambiguous'],
  ['the mark inside', 'a1 6161 d9d9f7 01', 'body-ambiguous'],
  ['a time', 'c0 74 323031332d30332d32315432303a30343a30305a', 'body-ambiguous'],
  ['a bignum', 'c2 49 010000000000000000', 'body-ambiguous'],
  ['bytes to be base64, where text belongs', 'a1 6161 d6 43 2e2e2f', 'body-ambiguous'],
  ['tags in tags', 'd6'.repeat(5000), 'body-ambiguous'],
  ['depth', '81'.repeat(5000), 'body-too-deep'],
  ['depth of maps', 'a16161'.repeat(5000), 'body-too-deep'],
  ['too many values', `98 ff ${'00'.repeat(255)}`, 'body-too-large-decoded'],
  ['too many empty chunks', `7f ${'60'.repeat(300)} ff`, 'body-too-large-decoded'],
];
for (const [name, text, code] of bad) {
  test(`CBOR refused: ${name}`, () => {
    assert.throws(
      () => decode(hex(text)),
      (error) => error instanceof BodyError && error.code === code,
    );
  });
}

type Style = { readonly long: boolean; readonly indefinite: boolean; readonly byteKeys: boolean };

/** The dumb encoder. */
function encode(value: JsonValue, style: Style): Buffer {
  const head = (major: number, argument: number | bigint): Buffer => {
    const size = style.long
      ? 8
      : argument < 24
        ? 0
        : argument < 256
          ? 1
          : argument < 65536
            ? 2
            : argument < 2 ** 32
              ? 4
              : 8;
    const out = Buffer.alloc(1 + size);
    out[0] = (major << 5) | (size === 0 ? Number(argument) : 24 + Math.log2(size));
    if (size === 8) out.writeBigUInt64BE(BigInt(argument), 1);
    else if (size > 0) out.writeUIntBE(Number(argument), 1, size);
    return out;
  };
  const string = (text: string, major: number): Buffer => {
    const bytes = Buffer.from(text);
    return Buffer.concat([head(major, bytes.length), bytes]);
  };
  if (value === null) return Buffer.from([0xf6]);
  if (typeof value === 'boolean') return Buffer.from([value ? 0xf5 : 0xf4]);
  if (typeof value === 'string') return string(value, 3);
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) {
    const whole = value as number | bigint;
    return whole < 0 ? head(1, -1n - BigInt(whole)) : head(0, whole);
  }
  if (typeof value === 'number') {
    const out = Buffer.alloc(9, 0xfb);
    out.writeDoubleBE(value, 1);
    return out;
  }
  const list = Array.isArray(value);
  const items = list
    ? value.map((item) => encode(item, style))
    : Object.entries(value).map(([key, item]) =>
        Buffer.concat([string(key, style.byteKeys ? 2 : 3), encode(item as JsonValue, style)]),
      );
  const major = list ? 4 : 5;
  return style.indefinite
    ? Buffer.concat([Buffer.from([(major << 5) | 31]), ...items, Buffer.from([0xff])])
    : Buffer.concat([head(major, items.length), ...items]);
}

const style = fc.record({ long: fc.boolean(), indefinite: fc.boolean(), byteKeys: fc.boolean() });
const value = fc.jsonValue({ maxDepth: 4, noUnicodeString: false }) as fc.Arbitrary<JsonValue>;
const wide = { ...defaultBodyLimits, maxDepth: 60 };

test('CBOR: what an encoder made of a value is that value', () => {
  fc.assert(
    fc.property(value, style, (whole, how) => {
      const bytes = encode(whole, how);
      // -0 is an integer for the encoder.
      assert.deepEqual(decodeCbor(bytes, wide), JSON.parse(JSON.stringify(whole)));
      for (const cut of [1, bytes.length >> 1, bytes.length - 1]) {
        if (cut < bytes.length) assert.throws(() => decodeCbor(bytes.subarray(0, cut), wide), BodyError);
      }
    }),
  );
});

test('CBOR: no bytes throw anything but a body problem', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 40 }),
      fc.array(fc.tuple(fc.nat(39), fc.nat(255))),
      (bytes, changes) => {
        const mutated = Uint8Array.from([
          ...encode(
            { a: [1, 'x', { b: null }], data: { k: 'v' } },
            { long: false, indefinite: true, byteKeys: true },
          ),
        ]);
        for (const [at, byte] of changes.slice(0, 3)) mutated[at % mutated.length] = byte;
        for (const candidate of [bytes, mutated]) {
          try {
            decode(candidate);
          } catch (error) {
            assert.ok(error instanceof BodyError, String(error));
          }
        }
      },
    ),
    { numRuns: 2000 },
  );
});
