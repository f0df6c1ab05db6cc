// Small schemas that several models share.
import { z } from 'zod';
import { canonicalAddress, parseCidr } from '../base/cidr.ts';
import { parseAddresses } from '../base/prefixes.ts';

/** Turns a throwing parser of base/ into a zod transform, keeping its message. */
function parsed<T>(parse: (text: string) => T) {
  return z.string().transform((text, context) => {
    try {
      return parse(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
      return z.NEVER;
    }
  });
}

/** One IPv4 or IPv6 address, canonical text. */
export const Address = parsed(canonicalAddress);
/** An address or prefix, canonical text: `10.0.0.0/8`. A single address has no `/32`. */
export const CidrText = parsed((text) => parseCidr(text).text);
/** An address, a prefix, or a range `10.0.0.5-10.0.0.20`: as the prefixes that it is. */
export const Addresses = parsed(parseAddresses);
/** A DNS name, lower case, without the final dot. */
export const DnsName = z
  .string()
  .overwrite((text) => text.toLowerCase().replace(/\.$/, ''))
  .regex(
    /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/,
    'a DNS name, e.g. vpn.example.org',
  );
export const Port = z.int().min(1).max(65535);
/** A name of ours: lower case, digits, `-`, `.`, `/` between parts; at most 128 characters. */
export const Name = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9./-]{0,126}[a-z0-9])?$/, 'lower-case letters, digits, "-", "." and "/"');
/** RFC 3339 in UTC. */
export const Timestamp = z.iso.datetime();
/** Sha-256 as 64 lower-case hex digits. */
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
export const Severity = z.enum(['info', 'warning', 'minor', 'major', 'critical']);
export type Severity = z.infer<typeof Severity>;
/** Where one shield stands for one server. */
export const Stage = z.enum(['observe', 'block', 'inspect', 'lifted']);
export type Stage = z.infer<typeof Stage>;
/** An address and port, where something listens. */
export const Endpoint = z.strictObject({ address: Address, port: Port });
export type Endpoint = z.infer<typeof Endpoint>;
