// The gate's log: one JSON object a line. Callers pass names, addresses, codes and sentences, never bytes of a request.
import { timestamp } from '../base/clock.ts';

/** Event → its further fields, and when it is written. docs/reference/logs.md is made from it. */
export const logEvents = {
  incident: [
    'as in `portcullis events --kind incident -o json`, without held bytes',
    'A rule fired, or a message was refused. Never sampled.',
  ],
  refused: ['code, reason, from, server', 'A client certificate was refused.'],
  'upstream-failed': ['server, code, reason', 'A connection to an API server failed.'],
  'plan-applied': ['generation, listeners', 'A plan of the controller is in force.'],
  'plan-refused': [
    'generation, error',
    'A plan can’t be applied: the former one stands, and it is tried again until it can, or another comes.',
  ],
  'plan-restored': ['generation', 'At the start: the last plan is in force again.'],
  'stored-plan': ['error', 'At the start: the last plan can’t be used; one of the controller is awaited.'],
  'plan-not-stored': ['error', 'The plan is in force, and would be lost by a restart.'],
  'receipt-refused': ['error', 'The controller does not take our word for a plan.'],
  'controller-away': ['error', 'The controller can’t be reached; the last plan stays in force.'],
  'controller-back': ['', 'It can again.'],
  'incidents-found': ['waiting', 'At the start: incidents that the last run could not deliver.'],
  'incidents-damaged': ['lines, place', 'Some of those can’t be read; the file was set aside.'],
  'incidents-not-kept': [
    'error',
    'What waits for the controller can’t be written and would be lost by a restart.',
  ],
  'identity-files': ['error', 'Renewed certificates or keys can’t be used; those before stay in use.'],
  'identity-files-renewed': [
    '`connectionsCut`',
    'Renewed ones are in use; a new revocation list cut so many connections.',
  ],
  'identity-renewed': ['until', 'The gate’s own identity for the controller was renewed, and is in use.'],
  'identity-not-renewed': [
    'code, error, ends',
    'It was not: the one before stays in use until it ends, and it is tried again after a minute, later every hour.',
  ],
  'workers-are-root': ['hint', 'The workers run as root.'],
  'worker-died': ['pid, why, connections, againInMs', 'A worker ended; its connections are lost.'],
  'worker-replaced': ['pid', 'Another one took its place.'],
  'worker-stuck': ['pid', 'A worker answered nothing for too long and was ended.'],
  'worker-unfit': ['pid, error', 'A new worker could not take the orders in force.'],
  'worker-unreadable': ['pid', 'A worker sent what it must not, and was ended.'],
  'successor-starting': ['', 'A new process was asked for (SIGHUP), and is started.'],
  'successor-failed': ['error', 'The new process did not come into force; this one goes on.'],
  succeeded: [
    'generation',
    'This process took over from another: the plan is in force, the data folder its own.',
  ],
  draining: ['seconds', 'The gate accepts no more and lets connections finish.'],
  drained: ['ended', 'They have, or their time was over.'],
  listener: ['error', 'A listening socket failed.'],
  'engine-exception': ['error, stack', 'A defect of the engine; the connection was cut.'],
} as const satisfies Record<string, readonly [fields: string, meaning: string]>;

export type Log = (
  level: 'info' | 'warning' | 'error',
  event: keyof typeof logEvents,
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
