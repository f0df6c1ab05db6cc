// Heads of HTTP/1.1 requests and responses, read strictly (RFC 9112): what two readers could take differently is
// refused, with a code of refusals.ts. Syntax is read in one pass, left to right, and the
// first byte at fault decides; what the fields mean is judged when the head is whole.
import { FieldTable } from './field-table.ts';
import {
  type Framing,
  isHost,
  isValue,
  type Meaning,
  membersOf,
  readMeaning,
  readUpgrade,
  requestFraming,
  responseFraming,
  type Upgrade,
} from './framing.ts';
import { type HeadLimits, HeadScan, type Incomplete, scanHead } from './head-scan.ts';
import type { RefusalCode, Refused } from './refusals.ts';

export type { HeadLimits, Incomplete } from './head-scan.ts';

export const defaultHeadLimits: HeadLimits = { bytes: 65_536, fields: 200 };

/** What requests and responses share. Offsets are within the bytes given to the call that returned the head. */
type Head = {
  /** HTTP/1.`minor`. */
  readonly minor: 0 | 1;
  /** First byte of the start line. */
  readonly start: number;
  /** One past the start line's CRLF: where the first field line begins. */
  readonly fieldsStart: number;
  /** One past the blank line: where the body begins. */
  readonly end: number;
  readonly fields: FieldTable;
  readonly framing: Framing;
  /** May another message follow on this connection, as this one says (RFC 9112 §9.3)? */
  readonly keepAlive: boolean;
  readonly upgrade: Upgrade;
  /** The comma-parted members of all Connection fields, lower case, white space trimmed, empty ones left out. */
  readonly connectionOptions: readonly string[];
};

export type RequestHead = Head & {
  readonly kind: 'request';
  readonly method: string;
  /** The target as written: origin-form, or `*` with OPTIONS. */
  readonly target: string;
  /** HTTP/1.1 and `Expect: 100-continue`. */
  readonly expectContinue: boolean;
};

export type ResponseHead = Head & {
  readonly kind: 'response';
  /** 100 to 999. */
  readonly status: number;
  readonly reason: string;
};

/**
 * Where reading of an unfinished head stopped. Keep one per direction of a connection and pass it to every call, and no
 * byte is looked at twice however the head is split; it resets itself when a head is finished or refused. While it is
 * unfinished, the bytes from `start` on must be the same as before with more after them; `start` itself may move.
 */
export type HeadProgress = HeadScan;

export function createHeadProgress(): HeadProgress {
  return new HeadScan();
}

/**
 * Reads the request head that begins at `start`. `until-close` never is a request's framing. Without `scan` an
 * unfinished head is read from its first byte again by the next call.
 */
export function parseRequestHead(
  bytes: Buffer,
  start: number,
  limits: HeadLimits,
  scan: HeadProgress = new HeadScan(),
): RequestHead | Incomplete | Refused {
  const result = scanHead(scan, 'request', bytes, start, limits);
  if (result !== 'done') return result;
  const line = scan.line;
  const end = start + scan.fields.pos;
  const fields = new FieldTable(bytes, start, scan.fields.offsets, end - 2);
  const meaning = newMeaning();
  const problem = readMeaning(fields, true, meaning) ?? checkRequest(fields, meaning, line.minor);
  if (problem !== undefined) return refuse(problem, fields, meaning, start);
  const framing = requestFraming(meaning, line.minor);
  if (typeof framing === 'string') return refuse(framing, fields, meaning, start);
  const upgrade = readUpgrade(fields, meaning);
  const connectionOptions = membersOf(upgrade.connectionValues);
  return {
    kind: 'request',
    minor: line.minor,
    start,
    fieldsStart: start + line.pos,
    end,
    fields,
    framing,
    keepAlive: keepsAlive(line.minor, connectionOptions),
    upgrade,
    connectionOptions,
    method: methodText(bytes, start, start + line.methodEnd),
    target: bytes.toString('latin1', start + line.methodEnd + 1, start + line.targetEnd),
    // HTTP/1.0 has no interim answers: there the field means nothing (RFC 9110 §10.1.1).
    expectContinue: meaning.expect >= 0 && line.minor === 1,
  };
}

/**
 * Reads the response head that begins at `start`. `requestMethod` is that of the request it answers, letter case as
 * sent: a response to HEAD has no body whatever it announces. A 101 has framing none: what follows is the new protocol.
 */
export function parseResponseHead(
  bytes: Buffer,
  start: number,
  limits: HeadLimits,
  requestMethod: string,
  scan: HeadProgress = new HeadScan(),
): ResponseHead | Incomplete | Refused {
  const result = scanHead(scan, 'response', bytes, start, limits);
  if (result !== 'done') return result;
  const line = scan.line;
  const end = start + scan.fields.pos;
  const fields = new FieldTable(bytes, start, scan.fields.offsets, end - 2);
  const meaning = newMeaning();
  const problem = readMeaning(fields, false, meaning);
  if (problem !== undefined) return refuse(problem, fields, meaning, start);
  const framing = responseFraming(meaning, line.minor, line.status, requestMethod);
  if (typeof framing === 'string') return refuse(framing, fields, meaning, start);
  const upgrade = readUpgrade(fields, meaning);
  const connectionOptions = membersOf(upgrade.connectionValues);
  return {
    kind: 'response',
    minor: line.minor,
    start,
    fieldsStart: start + line.pos,
    end,
    fields,
    framing,
    keepAlive: framing.kind !== 'until-close' && keepsAlive(line.minor, connectionOptions),
    upgrade,
    connectionOptions,
    status: line.status,
    reason: bytes.toString('latin1', start + line.reasonStart, start + line.reasonEnd),
  };
}

const knownMethods: readonly string[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'];

/** A known method's own string saves making one: comparing a few bytes is some 100 ns cheaper. */
function methodText(bytes: Buffer, from: number, end: number): string {
  for (const method of knownMethods) {
    if (method.length !== end - from) continue;
    let at = 0;
    while (at < method.length && bytes[from + at] === method.charCodeAt(at)) at++;
    if (at === method.length) return method;
  }
  return bytes.toString('latin1', from, end);
}

function newMeaning(): Meaning {
  return { host: -1, expect: -1, length: -1, chunked: false, connection: -1, upgrade: -1, at: -1 };
}

function checkRequest(fields: FieldTable, meaning: Meaning, minor: 0 | 1): RefusalCode | undefined {
  if (meaning.host >= 0) {
    meaning.at = meaning.host;
    if (!isHost(fields.bytes, fields.valueStart(meaning.host), fields.valueEnd(meaning.host)))
      return 'bad-host';
  } else if (minor === 1) {
    return 'host-missing';
  }
  meaning.at = meaning.expect;
  if (meaning.expect >= 0 && !isValue(fields, meaning.expect, '100-continue')) return 'unknown-expectation';
  meaning.at = -1;
  return undefined;
}

function refuse(code: RefusalCode, fields: FieldTable, meaning: Meaning, start: number): Refused {
  return { kind: 'refused', code, at: meaning.at >= 0 ? fields.nameStart(meaning.at) : start };
}

/** RFC 9112 §9.3: `close` ends it; HTTP/1.0 goes on only when asked to. */
function keepsAlive(minor: 0 | 1, connectionOptions: readonly string[]): boolean {
  if (connectionOptions.includes('close')) return false;
  return minor === 1 || connectionOptions.includes('keep-alive');
}
