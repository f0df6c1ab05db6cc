// The syntax of one head, start line and field lines, resumable at any byte.
import { FieldScan, type ScanResult, scanFields } from './field-scan.ts';
import type { Refused } from './refusals.ts';
import { StartLineScan, scanRequestLine, scanStatusLine } from './start-line.ts';

export type HeadLimits = {
  /** Bytes of one head, from its first byte through the blank line; 65,536. */
  readonly bytes: number;
  /** Field lines of one head; 200. */
  readonly fields: number;
};

/** More bytes are needed: call again with the same bytes and more after them. */
export type Incomplete = { readonly kind: 'incomplete' };
const incomplete: Incomplete = Object.freeze({ kind: 'incomplete' });

export class HeadScan {
  /** Has a head been begun and not finished? */
  unfinished = false;
  inFields = false;
  line: StartLineScan = new StartLineScan();
  fields: FieldScan = new FieldScan();
}

/**
 * Reads on. At `done` the registers in `scan` describe the head, which ends at `scan.fields.pos` from `start`; the next
 * call begins a new one.
 */
export function scanHead(
  scan: HeadScan,
  kind: 'request' | 'response',
  bytes: Buffer,
  start: number,
  limits: HeadLimits,
): 'done' | Incomplete | Refused {
  if (scan.unfinished) scan.unfinished = false;
  else {
    scan.inFields = false;
    scan.line = new StartLineScan();
    scan.fields = new FieldScan();
  }
  const { line, fields } = scan;
  const stop = Math.min(bytes.length, start + limits.bytes);
  if (!scan.inFields) {
    const result =
      kind === 'request'
        ? scanRequestLine(line, bytes, start, stop)
        : scanStatusLine(line, bytes, start, stop);
    if (result !== 'done') {
      return pause(scan, result, start + line.pos, stop === start + limits.bytes, kind === 'request');
    }
    scan.inFields = true;
    fields.pos = line.pos;
  }
  const result = scanFields(fields, bytes, start, stop, limits.fields);
  if (result === 'done') return result;
  return pause(scan, result, start + fields.pos, stop === start + limits.bytes, false);
}

function pause(
  scan: HeadScan,
  result: Exclude<ScanResult, 'done'>,
  at: number,
  atLimit: boolean,
  inRequestLine: boolean,
): Incomplete | Refused {
  if (result !== 'more') return { kind: 'refused', code: result, at };
  if (atLimit) return { kind: 'refused', code: inRequestLine ? 'target-too-long' : 'head-too-large', at };
  scan.unfinished = true;
  return incomplete;
}
