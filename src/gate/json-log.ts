// The gate's log: one JSON object a line. Callers pass names, addresses, codes and sentences, never bytes of a request.
import { timestamp } from '../base/clock.ts';

export type Log = (
  level: 'info' | 'warning' | 'error',
  event: string,
  fields?: Record<string, unknown>,
) => void;

/**
 * Writes to `write` at most `perSecond` lines a second, so that a caller who provokes lines can't fill a disk; what was
 * left out is counted in the next line that gets through (`suppressed`).
 */
export function createJsonLog(
  name: string,
  write: (line: string) => void,
  now: () => number,
  perSecond = 100,
): Log {
  let second = 0;
  let written = 0;
  let suppressed = 0;
  return (level, event, fields = {}) => {
    const at = now();
    const current = Math.floor(at / 1000);
    if (current !== second) {
      second = current;
      written = 0;
    }
    if (written >= perSecond) {
      suppressed += 1;
      return;
    }
    written += 1;
    const more = suppressed > 0 ? { suppressed } : {};
    suppressed = 0;
    write(`${JSON.stringify({ at: timestamp(at), level, gate: name, event, ...fields, ...more })}\n`);
  };
}
