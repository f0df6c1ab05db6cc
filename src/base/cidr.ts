// IP addresses and CIDR prefixes, IPv4 and IPv6, as canonical text and as comparable numbers.
import ipaddr from 'ipaddr.js';
import { Failure } from './failure.ts';

/** A parsed prefix. `first` and `last` bound the addresses it holds, as unsigned integers of 32 or 128 bits. */
export type Cidr = {
  readonly family: 4 | 6;
  readonly bits: number;
  readonly first: bigint;
  readonly last: bigint;
  /** Canonical text, host bits cleared: `10.0.0.0/8`, `2001:db8::/32`. */
  readonly text: string;
};

/**
 * Parses `10.0.0.1`, `10.0.0.0/8`, `2001:db8::1` or `2001:db8::/32`. An IPv4-mapped IPv6 address is read as the IPv4
 * address, which is what a packet carries. Set host bits, octal-looking and short forms (`10.1`, `010.0.0.1`) and
 * zones are refused: they mean different things to different readers.
 * @throws Failure `bad-address`
 */
export function parseCidr(text: string): Cidr {
  const plain = dottedQuad(text);
  if (plain !== undefined) {
    const value = BigInt(plain);
    return { family: 4, bits: 32, first: value, last: value, text };
  }
  const [address = '', prefix, extra] = text.split('/');
  const refuse = (why: string) =>
    new Failure('bad-address', `'${text}' is not an IP address or CIDR prefix: ${why}`);
  if (extra !== undefined) throw refuse('more than one "/"');
  const four = ipaddr.IPv4.isValidFourPartDecimal(address);
  if (four && /(^|\.)0[0-9]/.test(address)) throw refuse('leading zeros are ambiguous');
  if (!four && (!ipaddr.IPv6.isValid(address) || address.includes('%'))) throw refuse('not an address');
  let ip: ipaddr.IPv4 | ipaddr.IPv6 = four ? ipaddr.IPv4.parse(address) : ipaddr.IPv6.parse(address);
  let mapped = false;
  if (ip instanceof ipaddr.IPv6 && ip.isIPv4MappedAddress()) {
    ip = ip.toIPv4Address();
    mapped = true;
  }
  const width = ip instanceof ipaddr.IPv4 ? 32 : 128;
  let bits = width;
  if (prefix !== undefined) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(prefix)) throw refuse('the prefix length is not a number');
    bits = Number(prefix) - (mapped ? 96 : 0);
    if (bits < 0 || bits > width) throw refuse(`the prefix length must be 0 to ${width}`);
  }
  const value = toInteger(ip.toByteArray());
  const hostMask = (1n << BigInt(width - bits)) - 1n;
  if ((value & hostMask) !== 0n) throw refuse('it has host bits set');
  const base = ip.toString();
  const text0 = bits === width ? base : `${base}/${bits}`;
  return { family: width === 32 ? 4 : 6, bits, first: value, last: value | hostMask, text: text0 };
}

/** Canonical text of one address (an IPv4-mapped IPv6 address becomes IPv4). @throws Failure `bad-address` */
export function canonicalAddress(text: string): string {
  const cidr = parseCidr(text);
  if (cidr.first !== cidr.last) throw new Failure('bad-address', `'${text}' is a prefix, not one address`);
  return cidr.text;
}

/** Does `outer` hold every address of `inner`? Different families never hold each other. */
export function contains(outer: Cidr, inner: Cidr): boolean {
  return outer.family === inner.family && outer.first <= inner.first && outer.last >= inner.last;
}

/** One IPv4 address in its canonical text, which is what most inventories hold by the thousand; undefined for all else. */
function dottedQuad(text: string): number | undefined {
  if (text.length > 15) return undefined;
  let value = 0;
  let part = 0;
  let digits = 0;
  let dots = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x2e) {
      if (digits === 0 || dots === 3) return undefined;
      value = value * 256 + part;
      part = 0;
      digits = 0;
      dots++;
      continue;
    }
    if (code < 0x30 || code > 0x39 || (digits > 0 && part === 0)) return undefined;
    part = part * 10 + code - 0x30;
    digits++;
    if (part > 255) return undefined;
  }
  return dots === 3 && digits > 0 ? value * 256 + part : undefined;
}

function toInteger(bytes: readonly number[]): bigint {
  return bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}
