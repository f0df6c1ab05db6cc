import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { contains, parseCidr } from '../base/cidr.ts';
import {
  addressSet,
  complement,
  everybody,
  intersect,
  isEmpty,
  nobody,
  subtract,
  toCidrTexts,
  union,
} from './address-set.ts';

function setOf(...texts: string[]) {
  return addressSet(texts.map((text) => parseCidr(text)));
}

test('sets come out as the fewest prefixes', () => {
  const rows: readonly [ReturnType<typeof setOf>, string[]][] = [
    [nobody, []],
    [everybody, ['0.0.0.0/0', '::/0']],
    [setOf('10.0.0.1', '10.0.0.1'), ['10.0.0.1']],
    [setOf('10.0.0.5', '10.0.0.4', '2001:db8::1'), ['10.0.0.4/31', '2001:db8::1']],
    [setOf('10.0.0.0/8', '10.1.2.3'), ['10.0.0.0/8']],
    [setOf('0.0.0.0/1', '128.0.0.0/1'), ['0.0.0.0/0']],
    [subtract(setOf('10.0.0.0/30'), setOf('10.0.0.1')), ['10.0.0.0', '10.0.0.2/31']],
    [intersect(setOf('10.0.0.0/8'), setOf('10.0.0.0/16', '11.0.0.0/8')), ['10.0.0.0/16']],
    [intersect(setOf('10.0.0.1'), setOf('2001:db8::/32')), []],
    [union([setOf('10.0.0.0/9'), setOf('10.128.0.0/9')]), ['10.0.0.0/8']],
    [complement(setOf('128.0.0.0/1', '::/0')), ['0.0.0.0/1']],
  ];
  for (const [set, texts] of rows) assert.deepEqual(toCidrTexts(set), texts);
  assert.ok(isEmpty(complement(everybody)));
});

test('the complement of a neighbour of the mapped range never reads as IPv4', () => {
  for (const text of ['::fffe:0:0/96', '::1:0:0:0/96', '::/96']) {
    const texts = toCidrTexts(complement(setOf(text, '0.0.0.0/0')));
    assert.ok(
      texts.every((prefix) => parseCidr(prefix).family === 6),
      texts.join(' '),
    );
  }
});

// A world of 16 IPv4 and 16 IPv6 addresses, so that sets meet often and can be checked one address at a time.
const prefix = fc
  .tuple(fc.boolean(), fc.integer({ min: 0, max: 15 }), fc.integer({ min: 0, max: 4 }))
  .map(([six, n, hostBits]) => {
    const first = (n >> hostBits) << hostBits;
    return six ? `2001:db8::${first.toString(16)}/${128 - hostBits}` : `10.0.0.${first}/${32 - hostBits}`;
  });
const world = Array.from({ length: 16 }, (_, n) => [`10.0.0.${n}`, `2001:db8::${n.toString(16)}`]).flat();

const addresses = [...world, '192.0.2.1', '2001:db8:1::'].map((text) => parseCidr(text));

function membership(texts: readonly string[]): boolean[] {
  const cidrs = texts.map((text) => parseCidr(text));
  return addresses.map((address) => cidrs.some((cidr) => contains(cidr, address)));
}

test('the algebra agrees with membership, address by address', () => {
  fc.assert(
    fc.property(fc.array(prefix, { maxLength: 5 }), fc.array(prefix, { maxLength: 5 }), (a, b) => {
      const inA = membership(a);
      const inB = membership(b);
      assert.deepEqual(
        membership(toCidrTexts(union([setOf(...a), setOf(...b)]))),
        inA.map((is, i) => is || inB[i] === true),
      );
      assert.deepEqual(
        membership(toCidrTexts(intersect(setOf(...a), setOf(...b)))),
        inA.map((is, i) => is && inB[i] === true),
      );
      assert.deepEqual(
        membership(toCidrTexts(subtract(setOf(...a), setOf(...b)))),
        inA.map((is, i) => is && inB[i] === false),
      );
      assert.deepEqual(
        membership(toCidrTexts(complement(setOf(...a)))),
        inA.map((is) => !is),
      );
    }),
  );
});
