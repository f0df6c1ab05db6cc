// Access records on their way from a worker to its parent, some at a time.
import { type AccessLog, createSampler } from './access-record.ts';
import type { Counters } from './counters.ts';
import type { Outbox } from './worker.ts';
import { accessLineLength, accessLines } from './worker-messages.ts';

const gatherMs = 100;

/** What the parent is too slow for is dropped and counted: no caller waits for a record. */
export function createAccessOutbox(
  every: number,
  outbox: Outbox,
  counters: Counters,
  now: () => number,
): AccessLog & { flush(): void } {
  let waiting: string[] = [];
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    const lines = waiting;
    waiting = [];
    if (lines.length === 0) return;
    if (outbox.free) outbox.send({ say: 'access', lines });
    else counters.add('access_records_lost_total', lines.length);
  }

  return {
    sample: createSampler(every, Math.random),
    now,
    flush,
    write(record) {
      const line = JSON.stringify(record);
      if (line.length > accessLineLength) return counters.add('access_records_lost_total');
      waiting.push(line);
      if (waiting.length >= accessLines) flush();
      else timer ??= setTimeout(flush, gatherMs);
    },
  };
}
