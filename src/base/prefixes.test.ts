import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseCidr } from './cidr.ts';
import { parseAddresses } from './prefixes.ts';

const rows: readonly [string, readonly string[]][] = [
  ['10.0.0.5', ['10.0.0.5']],
  ['10.0.0.0/8', ['10.0.0.0/8']],
  ['10.0.0.5-10.0.0.5', ['10.0.0.5']],
  ['10.0.0.5-10.0.0.20', ['10.0.0.5', '10.0.0.6/31', '10.0.0.8/29', '10.0.0.16/30', '10.0.0.20']],
  ['10.0.0.0 - 10.0.0.255', ['10.0.0.0/24']],
  ['0.0.0.0-255.255.255.255', ['0.0.0.0/0']],
  ['2001:db8::-2001:db8::f', ['2001:db8::/124']],
  ['2001:db8::1-2001:db8::2', ['2001:db8::1', '2001:db8::2']],
];

test('ranges are the fewest prefixes', () => {
  for (const [text, prefixes] of rows) assert.deepEqual(parseAddresses(text), prefixes, text);
});

test('what is no range is refused', () => {
  for (const text of [
    '10.0.0.9-10.0.0.5',
    '10.0.0.0/24-10.0.1.0',
    '10.0.0.1-2001:db8::1',
    '10.0.0.1-10.0.0.2-10.0.0.3',
    '10.0.0.1-',
    '-10.0.0.1',
    '10.0.0.1-20',
    '010.0.0.1-10.0.0.2',
  ])
    assert.throws(() => parseAddresses(text), { code: 'bad-address' }, text);
});

test('a range holds its addresses and no other', () => {
  fc.assert(
    fc.property(fc.nat(0xffff), fc.nat(600), (first, length) => {
      const text = (n: number) => `10.9.${n >> 8}.${n & 255}`;
      const last = Math.min(0xffff, first + length);
      const parsed = parseAddresses(`${text(first)}-${text(last)}`).map((one) => parseCidr(one));
      let next = parseCidr(text(first)).first;
      for (const one of parsed) {
        assert.equal(one.first, next);
        next = one.last + 1n;
      }
      assert.equal(next - 1n, parseCidr(text(last)).first);
    }),
  );
});
