// A bounded queue in memory between something that happens (an incident, a session) and a controller that may be away.
import { Failure } from '../base/failure.ts';

export type SpoolOptions<T> = {
  /** Delivers a batch, oldest first. Throwing `controller-unreachable` or `overloaded` keeps it for another try. */
  readonly send: (batch: readonly T[]) => Promise<void>;
  /** Items kept while the controller is away; 10,000 when left out. */
  readonly maxItems?: number;
  /** Items in one send; 500 when left out. */
  readonly batchItems?: number;
  /** First wait after a failure, doubled up to `maxBackoffMs`; 200 and 10,000 when left out. */
  readonly minBackoffMs?: number;
  readonly maxBackoffMs?: number;
};

export type Spool<T> = {
  /** Queues an item; a full spool drops it and counts it: what was seen first is what shows how something began. */
  push(item: T): void;
  /** Items waiting. */
  readonly pending: number;
  /** Items lost because the spool was full. */
  readonly dropped: number;
  /** Items lost because the controller refused them. */
  readonly refused: number;
  /** Resolves when nothing is waiting, or after `timeoutMs`. */
  drained(timeoutMs: number): Promise<void>;
  /** Stops sending; what is waiting is lost. */
  close(): void;
};

export function createSpool<T>(options: SpoolOptions<T>): Spool<T> {
  const { send, maxItems = 10_000, batchItems = 500, minBackoffMs = 200, maxBackoffMs = 10_000 } = options;
  const waiting: T[] = [];
  const idle = new Set<() => void>();
  let dropped = 0;
  let refused = 0;
  let running = false;
  let closed = false;
  let wake: (() => void) | undefined;

  async function pump(): Promise<void> {
    running = true;
    let backoff = minBackoffMs;
    let size = batchItems;
    while (!closed && waiting.length > 0) {
      const batch = waiting.slice(0, size);
      try {
        await send(batch);
        waiting.splice(0, batch.length);
        backoff = minBackoffMs;
        size = Math.min(batchItems, size * 2);
      } catch (error) {
        if (closed) break;
        if (worthRetrying(error)) {
          await pause(backoff);
          backoff = Math.min(maxBackoffMs, backoff * 2);
        } else if (batch.length > 1) {
          // One item may be at fault, or all together too large: the others must not be lost with it.
          size = Math.ceil(batch.length / 2);
        } else {
          refused += 1;
          waiting.shift();
        }
      }
    }
    running = false;
    for (const done of idle) done();
    idle.clear();
  }

  /** Waits, less when the spool is closed. The timer doesn't keep the process alive. */
  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      timer.unref();
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  return {
    push(item) {
      if (closed || waiting.length >= maxItems) {
        dropped += 1;
        return;
      }
      waiting.push(item);
      // Items that come in the same turn travel together.
      if (!running) {
        running = true;
        queueMicrotask(() => void pump());
      }
    },
    get pending() {
      return waiting.length;
    },
    get dropped() {
      return dropped;
    },
    get refused() {
      return refused;
    },
    drained(timeoutMs) {
      if (!running) return Promise.resolve();
      return new Promise((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        idle.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    },
    close() {
      closed = true;
      wake?.();
    },
  };
}

function worthRetrying(error: unknown): boolean {
  return error instanceof Failure && (error.code === 'controller-unreachable' || error.code === 'overloaded');
}
