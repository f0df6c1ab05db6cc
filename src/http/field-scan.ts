// Field lines, in heads and in trailer sections, read byte by byte from wherever the last call stopped.
import { CR, HTAB, isControl, isText, isToken, LF, SP } from './bytes.ts';
import type { RefusalCode } from './refusals.ts';

const LINE = 0;
const NAME = 1;
const PADDING = 2;
const VALUE = 3;

/** The registers of one reading. Offsets are relative to the section's `start`, so the bytes may move between calls. */
export class FieldScan {
  /** The next byte to look at. */
  pos = 0;
  phase: number = LINE;
  nameStart = 0;
  nameEnd = 0;
  valueStart = 0;
  /** Four numbers a finished field line: name start, name end, value start, value end. */
  offsets: number[] = [];
}

/** The section is over (`pos` is one past its blank line), or more bytes are needed, or it is refused at `pos`. */
export type ScanResult = 'done' | 'more' | RefusalCode;

/**
 * Reads on until the blank line, or `stop` (absolute). Every byte is looked at once over all calls, bar the CR of a split
 * CRLF. Table look-ups and one plain array: comparisons, unrolling and preallocation measured no faster (bench/http-head.ts:
 * 1.2 µs for a request head of 565 bytes, 0.7 µs for a response head of 335).
 */
export function scanFields(
  scan: FieldScan,
  bytes: Uint8Array,
  start: number,
  stop: number,
  maxFields: number,
): ScanResult {
  let at = start + scan.pos;
  let phase = scan.phase;
  let result: ScanResult = 'more';
  while (at < stop) {
    if (phase === LINE) {
      const byte = bytes[at] as number;
      if (isToken[byte] === 0) {
        if (byte !== CR) {
          result = badLineStart(byte);
          break;
        }
        if (at + 1 >= stop) break;
        if (bytes[at + 1] !== LF) {
          result = 'bare-cr';
          break;
        }
        at += 2;
        result = 'done';
        break;
      }
      if (scan.offsets.length >= maxFields * 4) {
        result = 'too-many-fields';
        break;
      }
      scan.nameStart = at - start;
      phase = NAME;
    }
    if (phase === NAME) {
      while (at < stop && isToken[bytes[at] as number] === 1) at++;
      if (at >= stop) break;
      if (bytes[at] !== 0x3a) {
        result = badNameByte(bytes, at, stop);
        break;
      }
      scan.nameEnd = at - start;
      at++;
      phase = PADDING;
    }
    if (phase === PADDING) {
      while (at < stop && (bytes[at] === SP || bytes[at] === HTAB)) at++;
      if (at >= stop) break;
      scan.valueStart = at - start;
      phase = VALUE;
    }
    while (at < stop && isText[bytes[at] as number] === 1) at++;
    if (at >= stop) break;
    const problem = lineBreak(bytes, at, stop);
    if (problem !== 'done') {
      result = problem;
      break;
    }
    let valueEnd = at - start;
    while (valueEnd > scan.valueStart) {
      const last = bytes[start + valueEnd - 1];
      if (last !== SP && last !== HTAB) break;
      valueEnd--;
    }
    scan.offsets.push(scan.nameStart, scan.nameEnd, scan.valueStart, valueEnd);
    at += 2;
    phase = LINE;
  }
  scan.pos = at - start;
  scan.phase = phase;
  return result;
}

/**
 * What stands at `at`, where text has ended: `done` for CRLF, `more` when the byte after a CR is still to come, else the
 * refusal.
 */
export function lineBreak(
  bytes: Uint8Array,
  at: number,
  stop: number,
): 'done' | 'more' | 'bare-cr' | 'bare-lf' | 'control-byte' {
  const byte = bytes[at];
  if (byte === LF) return 'bare-lf';
  if (byte !== CR) return 'control-byte';
  if (at + 1 >= stop) return 'more';
  return bytes[at + 1] === LF ? 'done' : 'bare-cr';
}

function badLineStart(byte: number): RefusalCode {
  if (byte === SP || byte === HTAB) return 'obs-fold';
  if (byte === 0x3a) return 'empty-name';
  if (byte === LF) return 'bare-lf';
  return isControl(byte) ? 'control-byte' : 'name-not-token';
}

function badNameByte(bytes: Uint8Array, at: number, stop: number): ScanResult {
  const byte = bytes[at] as number;
  if (byte === SP || byte === HTAB) return 'space-before-colon';
  if (!isControl(byte)) return 'name-not-token';
  const found = lineBreak(bytes, at, stop);
  return found === 'done' ? 'missing-colon' : found;
}
