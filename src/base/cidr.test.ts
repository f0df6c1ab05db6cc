import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalAddress, contains, parseCidr } from './cidr.ts';

const good: readonly [text: string, canonical: string][] = [
  ['10.0.0.1', '10.0.0.1'],
  ['10.0.0.1/32', '10.0.0.1'],
  ['10.0.0.0/8', '10.0.0.0/8'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['2001:DB8:0:0::1', '2001:db8::1'],
  ['2001:db8::/32', '2001:db8::/32'],
  ['::/0', '::/0'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['::ffff:10.0.0.0/104', '10.0.0.0/8'],
];
for (const [text, canonical] of good) {
  test(`${text} is ${canonical}`, () => assert.equal(parseCidr(text).text, canonical));
}

const bad = [
  '',
  '10.1',
  '10.0.0',
  '010.0.0.1',
  '10.0.0.1.2',
  '10.0.0.256',
  '10.0.0.1/33',
  '10.0.0.1/8',
  '10.0.0.0/08',
  '10.0.0.0/',
  '10.0.0.0/8/8',
  '10.0.0.0/-1',
  ' 10.0.0.1',
  '0x0a.0.0.1',
  '167772161',
  'fe80::1%eth0',
  '2001:db8::1/32',
  'localhost',
  '::ffff:10.0.0.0/40',
];
for (const text of bad) {
  test(`refused: '${text}'`, () => assert.throws(() => parseCidr(text), { code: 'bad-address' }));
}

test('an address is not a prefix', () => {
  assert.equal(canonicalAddress('10.0.0.1/32'), '10.0.0.1');
  assert.throws(() => canonicalAddress('10.0.0.0/8'), { code: 'bad-address' });
});

test('a prefix holds exactly the addresses that share its bits', () => {
  const octets = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
  fc.assert(
    fc.property(octets, octets, fc.integer({ min: 0, max: 32 }), (a, b, bits) => {
      const value = (o: readonly number[]) => o.reduce((sum, octet) => sum * 256 + octet, 0);
      const size = 2 ** (32 - bits);
      const network = Math.floor(value(a) / size) * size;
      const text = [24, 16, 8, 0].map((shift) => Math.floor(network / 2 ** shift) % 256).join('.');
      const prefix = parseCidr(`${text}/${bits}`);
      const inside = Math.floor(value(b) / size) * size === network;
      assert.equal(contains(prefix, parseCidr(b.join('.'))), inside);
    }),
  );
  assert.equal(contains(parseCidr('0.0.0.0/0'), parseCidr('::1')), false);
});
