import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { emptySegment, type Segment } from './tcp-segment.ts';

test('IPv4: a SYN, byte by byte', () => {
  const packet = emptySegment({
    from: { address: '192.0.2.1', port: 40_000 },
    to: { address: '10.2.0.1', port: 6443 },
    flags: 'syn',
    sequence: 0x01020304,
    acknowledgment: 0,
  });
  assert.equal(
    Buffer.from(packet).toString('hex'),
    [
      '4500002800004000400600',
      '00',
      'c0000201',
      '0a020001',
      '9c40',
      '192b',
      '01020304',
      '00000000',
      '5002',
      'ffff',
      // 0xffff − (c000 + 0201 + 0a02 + 0001 + 6 + 14 + 9c40 + 192b + 0102 + 0304 + 5002 + ffff), carries added back
      '2a6d',
      '0000',
    ].join(''),
  );
});

/** As RFC 9293 puts it, by the letter: pseudo-header and segment, one's complement sum of words, modulo 65,535. */
function sumBySpec(packet: Uint8Array): bigint {
  const four = packet[0] === 0x45;
  const segment = packet.subarray(four ? 20 : 40);
  const addresses = four ? packet.subarray(12, 20) : packet.subarray(8, 40);
  const rest = four ? [0, 6, 0, segment.length] : [0, 0, 0, segment.length, 0, 0, 0, 6];
  const hex = Buffer.concat([addresses, Buffer.from(rest), segment]).toString('hex');
  let sum = 0n;
  for (const word of hex.match(/.{4}/g) ?? []) sum += BigInt(`0x${word}`);
  return sum % 0xffffn;
}

const port = fc.integer({ min: 1, max: 0xffff });
const number = fc.integer({ min: 0, max: 0xffff_ffff });
const endpointOf = (address: fc.Arbitrary<string>) => fc.record({ address, port });
const segment = fc
  .oneof(...[fc.ipV4(), fc.ipV6()].map((address) => fc.tuple(endpointOf(address), endpointOf(address))))
  .chain(([from, to]) =>
    fc.record({
      from: fc.constant(from),
      to: fc.constant(to),
      flags: fc.constantFrom<Segment['flags']>('ack', 'syn', 'syn-ack'),
      sequence: number,
      acknowledgment: number,
    }),
  );

test('checksums are right, lengths say that there is no data, and the fields are where they belong', () => {
  fc.assert(
    fc.property(segment, (each) => {
      // `::ffff:0:0/96` is IPv4 in IPv6's clothes, which no packet is: both ends or none would be.
      fc.pre(
        ![each.from, each.to].some(({ address }) => /^(0*:)*:?(:ffff|0*:0*:ffff|:0)*:?\d+\./i.test(address)),
      );
      const packet = emptySegment(each);
      const view = new DataView(packet.buffer);
      const four = !each.from.address.includes(':');
      assert.equal(sumBySpec(packet), 0n);
      assert.equal(packet.length, four ? 40 : 60);
      assert.equal(four ? view.getUint16(2) : view.getUint16(4) + 40, packet.length);
      const tcp = packet.length - 20;
      assert.equal(view.getUint8(tcp + 12), 0x50);
      assert.deepEqual(
        [view.getUint16(tcp), view.getUint16(tcp + 2), view.getUint32(tcp + 4), view.getUint32(tcp + 8)],
        [each.from.port, each.to.port, each.sequence, each.acknowledgment],
      );
    }),
  );
});
