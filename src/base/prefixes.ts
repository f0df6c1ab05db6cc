// Ranges of addresses as the fewest prefixes that hold exactly them.
import ipaddr from 'ipaddr.js';
import { parseCidr } from './cidr.ts';
import { Failure } from './failure.ts';

type Family = 4 | 6;
const width = { 4: 32, 6: 128 } as const;

/** Prefixes of a range, ascending, as canonical text; single addresses without a length. */
export function* prefixesOf(first: bigint, last: bigint, family: Family): Generator<string> {
  if (family === 4 && first === last) return yield dotted(Number(first));
  let at = first;
  while (at <= last) {
    // The widest prefix that starts here: as far as its alignment and what is left allow.
    let hostBits = 0;
    while (
      hostBits < width[family] &&
      ((at >> BigInt(hostBits)) & 1n) === 0n &&
      at + (1n << BigInt(hostBits + 1)) - 1n <= last
    ) {
      hostBits++;
    }
    if (!isMapped(at, hostBits, family)) yield prefixText(at, width[family] - hostBits, family);
    at += 1n << BigInt(hostBits);
  }
}

/**
 * `10.0.0.5-10.0.0.20` as prefixes; an address or prefix as itself.
 * @throws Failure `bad-address`
 */
export function parseAddresses(text: string): string[] {
  const parts = text.split('-');
  if (parts.length === 1) return [parseCidr(text).text];
  const refuse = (why: string) => new Failure('bad-address', `'${text}' is not a range of addresses: ${why}`);
  const [from = '', to = '', extra] = parts;
  if (extra !== undefined) throw refuse('more than one "-"');
  const [a, b] = [parseCidr(from.trim()), parseCidr(to.trim())];
  if (a.first !== a.last || b.first !== b.last) throw refuse('both ends must be single addresses');
  if (a.family !== b.family) throw refuse('its ends are of different families');
  if (a.first > b.first) throw refuse('its first address is above its last');
  return [...prefixesOf(a.first, b.first, a.family)];
}

/**
 * IPv4-mapped addresses (::ffff:0:0/96) are left out of IPv6: no packet carries one (RFC 4291 §2.5.5.2 keeps them off
 * the wire), and as text they would be read back as IPv4, `::ffff:0:0/96` as all of it.
 */
function isMapped(first: bigint, hostBits: number, family: Family): boolean {
  return family === 6 && hostBits <= 32 && first >> 32n === 0xffffn;
}

function prefixText(first: bigint, bits: number, family: Family): string {
  if (family === 4) return bits === 32 ? dotted(Number(first)) : `${dotted(Number(first))}/${bits}`;
  const bytes: number[] = [];
  for (let shift = width[family] - 8; shift >= 0; shift -= 8) {
    bytes.push(Number((first >> BigInt(shift)) & 0xffn));
  }
  const address = ipaddr.fromByteArray(bytes).toString();
  return bits === width[family] ? address : `${address}/${bits}`;
}

function dotted(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}
