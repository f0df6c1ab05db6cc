// Request lines and status lines, read byte by byte from wherever the last call stopped (RFC 9112 §3, §4).
import { CR, HTAB, isControl, isText, isToken, LF, SP } from './bytes.ts';
import { lineBreak, type ScanResult } from './field-scan.ts';
import type { RefusalCode } from './refusals.ts';

/** A request line's method, or a status line's version. */
const FIRST = 0;
const TARGET = 1;
const VERSION = 2;
const STATUS = 1;
const REASON = 2;

/** The registers of one reading; offsets are relative to the head's `start`. */
export class StartLineScan {
  pos = 0;
  phase: number = FIRST;
  methodEnd = 0;
  targetEnd = 0;
  minor: 0 | 1 = 0;
  /** Has the target's `?` been seen? */
  query = false;
  status = 0;
  reasonStart = 0;
  reasonEnd = 0;
}

/**
 * `METHOD SP target SP HTTP/1.x CRLF`, with exactly these spaces. A blank line before it is refused, though RFC 9112
 * §2.2 lets servers skip one: Go refuses it and others skip it, so it would part the readers.
 */
export function scanRequestLine(scan: StartLineScan, bytes: Buffer, start: number, stop: number): ScanResult {
  let at = start + scan.pos;
  if (scan.phase === FIRST) {
    while (at < stop && isToken[bytes[at] as number] === 1) at++;
    scan.pos = at - start;
    if (at >= stop) return 'more';
    if (bytes[at] !== SP || at === start) return badMethodByte(bytes, start, at, stop);
    if (at - start === 7 && bytes.toString('latin1', start, at) === 'CONNECT') return 'connect-refused';
    scan.methodEnd = scan.pos;
    at++;
    scan.phase = TARGET;
  }
  if (scan.phase === TARGET) {
    for (; at < stop; at++) {
      const byte = bytes[at] as number;
      if (isPlainTarget[byte] === 1) continue;
      if (byte === 0x3f) scan.query = true;
      else if (byte !== 0x5c || !scan.query) break;
    }
    scan.pos = at - start;
    if (at >= stop) return 'more';
    if (bytes[at] !== SP) return badTargetByte(bytes, at, stop);
    const form = targetForm(bytes, start, start + scan.methodEnd + 1, at);
    if (form !== 'done') return form;
    scan.targetEnd = scan.pos;
    scan.pos++;
    scan.phase = VERSION;
  }
  const version = scanVersion(scan, bytes, start, stop, scan.targetEnd + 1);
  if (version !== 'done') return version;
  at = start + scan.pos;
  if (at >= stop) return 'more';
  const byte = bytes[at] as number;
  if (byte !== CR) return byte >= 0x30 && byte <= 0x39 ? 'bad-version' : badVersionByte(bytes, at, stop);
  const end = lineBreak(bytes, at, stop);
  if (end === 'done') scan.pos += 2;
  return end;
}

/**
 * `HTTP/1.x SP 3DIGIT [SP reason] CRLF`. The space may be missing with the reason: servers write both forms, and every
 * reader takes them alike.
 */
export function scanStatusLine(scan: StartLineScan, bytes: Buffer, start: number, stop: number): ScanResult {
  if (scan.phase === FIRST) {
    const version = scanVersion(scan, bytes, start, stop, 0);
    if (version !== 'done') return version === 'request-line-space' ? 'bad-status-line' : version;
    scan.phase = STATUS;
  }
  let at = start + scan.pos;
  if (scan.phase === STATUS) {
    for (; at < stop && at - start < 12; at++) {
      const byte = bytes[at] as number;
      scan.pos = at - start;
      if (at - start === 8) {
        if (byte !== SP) return 'bad-status-line';
      } else if (byte < 0x30 || byte > 0x39) {
        return 'bad-status-line';
      } else {
        scan.status = scan.status * 10 + byte - 0x30;
        if (scan.status === 0) return 'bad-status';
      }
    }
    scan.pos = at - start;
    if (at >= stop) return 'more';
    scan.reasonStart = scan.pos;
    if (bytes[at] === SP) {
      at++;
      scan.reasonStart++;
    } else if (bytes[at] !== CR) {
      return bytes[at] === LF ? 'bare-lf' : 'bad-status-line';
    }
    scan.phase = REASON;
  }
  while (at < stop && isText[bytes[at] as number] === 1) at++;
  scan.pos = at - start;
  if (at >= stop) return 'more';
  const end = lineBreak(bytes, at, stop);
  if (end === 'done') {
    scan.reasonEnd = scan.pos;
    scan.pos += 2;
  }
  return end;
}

/** `HTTP/1.0` or `HTTP/1.1` beginning at `from` (relative). */
function scanVersion(
  scan: StartLineScan,
  bytes: Uint8Array,
  start: number,
  stop: number,
  from: number,
): ScanResult {
  for (; scan.pos - from < 8; scan.pos++) {
    const at = start + scan.pos;
    if (at >= stop) return 'more';
    const index = scan.pos - from;
    const byte = bytes[at] as number;
    if (index === 7 && (byte === 0x30 || byte === 0x31)) scan.minor = byte === 0x31 ? 1 : 0;
    else if (index === 7 || byte !== 'HTTP/1.'.charCodeAt(index)) {
      const digit = byte >= 0x30 && byte <= 0x39;
      if (digit && (index === 5 || index === 7)) return 'unknown-version';
      return digit ? 'bad-version' : badVersionByte(bytes, at, stop);
    }
  }
  return 'done';
}

/** Visible ASCII but `#` (a fragment), `?` (begins the query) and `\` (a slash to some readers of paths). */
const isPlainTarget = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte > SP && byte < 0x7f && byte !== 0x23 && byte !== 0x3f && byte !== 0x5c ? 1 : 0,
);

function badMethodByte(bytes: Uint8Array, start: number, at: number, stop: number): ScanResult {
  const byte = bytes[at] as number;
  if (byte === SP || byte === HTAB) return 'request-line-space';
  if (!isControl(byte)) return 'method-not-token';
  const found = lineBreak(bytes, at, stop);
  if (found === 'done') return at === start ? 'leading-blank-line' : 'short-request-line';
  return found;
}

function badTargetByte(bytes: Uint8Array, at: number, stop: number): ScanResult {
  const byte = bytes[at] as number;
  if (byte === HTAB) return 'request-line-space';
  if (byte === 0x23) return 'target-fragment';
  if (byte === 0x5c) return 'target-backslash';
  if (byte >= 0x80) return 'target-not-ascii';
  const found = lineBreak(bytes, at, stop);
  return found === 'done' ? 'short-request-line' : found;
}

function badVersionByte(bytes: Uint8Array, at: number, stop: number): ScanResult {
  const byte = bytes[at] as number;
  if (byte === SP || byte === HTAB) return 'request-line-space';
  if (!isControl(byte)) return 'bad-version';
  const found = lineBreak(bytes, at, stop);
  return found === 'done' ? 'bad-version' : found;
}

/** Which form of target stands at `from` to `end` (absolute): only a path, or `*` with OPTIONS, is let through. */
function targetForm(bytes: Buffer, start: number, from: number, end: number): 'done' | RefusalCode {
  if (end === from) return 'request-line-space';
  if (bytes[from] === 0x2f) return 'done';
  if (bytes[from] === 0x2a) {
    const options = end - from === 1 && bytes.toString('latin1', start, from) === 'OPTIONS ';
    return options ? 'done' : 'asterisk-form';
  }
  return bytes.toString('latin1', from, end).includes('://') ? 'absolute-form' : 'authority-form';
}
