// What the fields of a finished head mean for the message: its framing, its host, whether the connection goes on or
// changes protocol. Names are told apart by length first, so ordinary fields cost one look each.
import { equalsLower, isHostName, SP } from './bytes.ts';
import type { FieldTable } from './field-table.ts';
import type { RefusalCode } from './refusals.ts';

/** How long the body after a head is. */
export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  /** Responses only: everything until the server ends the connection. */
  | { readonly kind: 'until-close' };

/** What the head says of changing protocols (DESIGN decision 6). Values as written, one string a field line. */
export type Upgrade = {
  /** A `Connection` value holds `upgrade` anywhere, in any letter case, or there is an `Upgrade` field. */
  readonly trigger: boolean;
  readonly connectionValues: readonly string[];
  readonly upgradeValues: readonly string[];
};

/** What `readMeaning` found. Indexes are of the field table; -1 where there is none. */
export type Meaning = {
  host: number;
  expect: number;
  /** Content-Length; -1 where there is none. */
  length: number;
  chunked: boolean;
  connection: number;
  upgrade: number;
  /** Set on a refusal: the index of the field that decided it. */
  at: number;
};

/** Reads the fields that frame the message or bear on the connection; Host and Expect of requests alone. */
export function readMeaning(fields: FieldTable, isRequest: boolean, into: Meaning): RefusalCode | undefined {
  const { bytes, count } = fields;
  for (let index = 0; index < count; index++) {
    const from = fields.nameStart(index);
    switch (fields.nameEnd(index) - from) {
      case 4:
        if (!isRequest || !equalsLower(bytes, from, 'host')) break;
        into.at = index;
        if (into.host >= 0) return 'host-repeated';
        into.host = index;
        break;
      case 6:
        if (!isRequest || !equalsLower(bytes, from, 'expect')) break;
        into.at = index;
        if (into.expect >= 0) return 'unknown-expectation';
        into.expect = index;
        break;
      case 7:
        if (into.upgrade < 0 && equalsLower(bytes, from, 'upgrade')) into.upgrade = index;
        break;
      case 10:
        if (into.connection < 0 && equalsLower(bytes, from, 'connection')) into.connection = index;
        break;
      case 14: {
        if (!equalsLower(bytes, from, 'content-length')) break;
        into.at = index;
        if (into.length >= 0) return 'repeated-length';
        if (!isPlainlySpaced(fields, index)) return 'framing-space';
        const length = readLength(bytes, fields.valueStart(index), fields.valueEnd(index));
        if (typeof length === 'string') return length;
        into.length = length;
        break;
      }
      case 17:
        if (!equalsLower(bytes, from, 'transfer-encoding')) break;
        into.at = index;
        if (into.chunked) return 'repeated-encoding';
        if (!isPlainlySpaced(fields, index)) return 'framing-space';
        if (!isValue(fields, index, 'chunked')) return 'bad-encoding';
        into.chunked = true;
        break;
    }
  }
  into.at = -1;
  return into.chunked && into.length >= 0 ? 'length-and-encoding' : undefined;
}

/** Is the value of field `index`, in any letter case, `lowerCaseText`? */
export function isValue(fields: FieldTable, index: number, lowerCaseText: string): boolean {
  const from = fields.valueStart(index);
  if (fields.valueEnd(index) - from !== lowerCaseText.length) return false;
  return equalsLower(fields.bytes, from, lowerCaseText);
}

/**
 * One space or nothing before the value, nothing after it. llhttp 9.4 does not take `chunked` with a tab after it for
 * chunked, while others trim it.
 */
function isPlainlySpaced(fields: FieldTable, index: number): boolean {
  const colon = fields.nameEnd(index);
  const before = fields.valueStart(index) - colon - 1;
  if (before > 1 || (before === 1 && fields.bytes[colon + 1] !== SP)) return false;
  return fields.valueEnd(index) === fields.lineEnd(index) - 2;
}

/**
 * 1 to 15 decimal digits, so the number is exact. No leading zeros: a reader that guesses the base takes `010` for eight.
 */
export function readLength(bytes: Uint8Array, from: number, end: number): number | RefusalCode {
  if (from === end) return 'bad-length';
  let length = 0;
  for (let at = from; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte === 0x2c) return 'length-list';
    if (byte < 0x30 || byte > 0x39) return 'bad-length';
    length = length * 10 + byte - 0x30;
  }
  if (bytes[from] === 0x30 && end - from > 1) return 'bad-length';
  return end - from > 15 ? 'length-too-large' : length;
}

const bracketPattern = /^\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?$/;

/**
 * A name, an IPv4 address or a bracketed IPv6 address, and perhaps a port. RFC 3986 allows more in a name (percent
 * escapes, sub-delims, nothing at all): no API server is called by such a name, and readers differ on them.
 */
export function isHost(bytes: Buffer, from: number, end: number): boolean {
  if (end - from > 261) return false;
  let at = from;
  while (at < end && isHostName[bytes[at] as number] === 1) at++;
  if (at === from) return bracketPattern.test(bytes.toString('latin1', from, end));
  if (at === end) return true;
  if (bytes[at] !== 0x3a || end - at < 2 || end - at > 6) return false;
  for (at++; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte < 0x30 || byte > 0x39) return false;
  }
  return true;
}

const none: Framing = Object.freeze({ kind: 'none' });
const chunked: Framing = Object.freeze({ kind: 'chunked' });
const untilClose: Framing = Object.freeze({ kind: 'until-close' });

export function requestFraming(meaning: Meaning, minor: 0 | 1): Framing | RefusalCode {
  if (!meaning.chunked) return meaning.length > 0 ? { kind: 'length', length: meaning.length } : none;
  return minor === 0 ? 'encoding-in-http10' : chunked;
}

/** RFC 9112 §6.3, for the method of the request that is answered. */
export function responseFraming(
  meaning: Meaning,
  minor: 0 | 1,
  status: number,
  requestMethod: string,
): Framing | RefusalCode {
  if (meaning.chunked && minor === 0) return 'encoding-in-http10';
  if (status < 200 || status === 204) {
    // Some readers would wait for the announced body; Content-Length: 0 is harmless and some servers send it.
    return meaning.chunked || meaning.length > 0 ? 'bodyless-status' : none;
  }
  if (status === 304 || requestMethod === 'HEAD') return none;
  if (meaning.chunked) return chunked;
  if (meaning.length < 0) return untilClose;
  return meaning.length > 0 ? { kind: 'length', length: meaning.length } : none;
}

const noStrings: readonly string[] = Object.freeze([]);
const noUpgrade: Upgrade = Object.freeze({
  trigger: false,
  connectionValues: noStrings,
  upgradeValues: noStrings,
});

/**
 * The trigger of DESIGN decision 6: what a real API server is fooled by is `upgrade` as a substring of any Connection
 * value, and an Upgrade field alone is what other readers would go by.
 */
export function readUpgrade(fields: FieldTable, meaning: Meaning): Upgrade {
  if (meaning.connection < 0 && meaning.upgrade < 0) return noUpgrade;
  const connectionValues = valuesOf(fields, 'connection', meaning.connection);
  const upgradeValues = valuesOf(fields, 'upgrade', meaning.upgrade);
  const trigger =
    meaning.upgrade >= 0 || connectionValues.some((value) => value.toLowerCase().includes('upgrade'));
  return { trigger, connectionValues, upgradeValues };
}

/** The comma-parted members of the values, lower case, without white space around them or empty ones. */
export function membersOf(values: readonly string[]): readonly string[] {
  if (values.length === 0) return noStrings;
  if (values.length === 1 && isPlainMember(values[0] as string)) return [(values[0] as string).toLowerCase()];
  return values
    .flatMap((value) => value.toLowerCase().split(','))
    .map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter((member) => member !== '');
}

/** `keep-alive`, `Upgrade`, …: nearly every Connection field holds one member and nothing else. */
function isPlainMember(value: string): boolean {
  return value !== '' && !value.includes(',');
}

/** The values of all fields of that name, the first of which is at `first`; none if that is -1. */
function valuesOf(fields: FieldTable, name: string, first: number): readonly string[] {
  if (first < 0) return noStrings;
  const values = [fields.valueText(first)];
  for (let index = fields.find(name, first + 1); index >= 0; index = fields.find(name, index + 1)) {
    values.push(fields.valueText(index));
  }
  return values;
}
