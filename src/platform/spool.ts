// A bounded queue between something that happens (an incident, a session) and a controller that may be away: in memory, and
// in a store beside it where one is given.
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
  /** A small whole number: what ranks higher is sent first, and takes the place of what ranks lower in a full spool. */
  readonly rank?: (item: T) => number;
  /** What a full spool drops among items of one rank: the newest when left out. */
  readonly full?: 'drop-newest' | 'drop-oldest';
  /** Keeps what waits over a restart. */
  readonly store?: SpoolStore<T>;
};

export type SpoolStore<T> = {
  /** What waited when the store was opened, oldest first. */
  readonly found: readonly T[];
  add(item: T): void;
  /** These wait now, and nothing else. */
  replace(items: readonly T[]): void;
  close(): void;
};

export type Spool<T> = {
  /**
   * Queues an item. A full spool drops one of the lowest rank and counts it: the newest, for what was seen first is what
   * shows how something began, unless `full` says otherwise.
   */
  push(item: T): void;
  /** Items waiting. */
  readonly pending: number;
  /** Items lost because the spool was full. */
  readonly dropped: number;
  /** Items lost because the controller refused them. */
  readonly refused: number;
  /** Resolves when nothing is waiting, or after `timeoutMs`. */
  drained(timeoutMs: number): Promise<void>;
  /** Stops sending; what is waiting is lost, unless there is a store. */
  close(): void;
};

export function createSpool<T>(options: SpoolOptions<T>): Spool<T> {
  const { send, maxItems = 10_000, batchItems = 500, minBackoffMs = 200, maxBackoffMs = 10_000 } = options;
  const { rank = () => 0, store, full = 'drop-newest' } = options;
  /** By rank; each oldest first. */
  const queues: T[][] = [];
  const idle = new Set<() => void>();
  let waiting = 0;
  /** The first so many of this queue are on their way. */
  let sending: { readonly queue: T[]; readonly count: number } | undefined;
  let dropped = 0;
  let refused = 0;
  let running = false;
  let closed = false;
  let wake: (() => void) | undefined;

  function queueOf(item: T): T[] {
    const index = rank(item);
    while (queues.length <= index) queues.push([]);
    return queues[index] as T[];
  }

  /** Makes room for an item of that queue by dropping a lesser one, if there is one that is not on its way. */
  function makeRoom(wanted: T[]): boolean {
    for (const queue of queues) {
      if (queue === wanted) return false;
      if (queue.length <= (sending?.queue === queue ? sending.count : 0)) continue;
      queue.pop();
      waiting -= 1;
      return true;
    }
    return false;
  }

  function dropOldest(queue: T[]): boolean {
    const gone = queue.splice(sending?.queue === queue ? sending.count : 0, 1).length;
    waiting -= gone;
    return gone === 1;
  }

  function take(item: T): boolean {
    const queue = queueOf(item);
    if (closed) return false;
    if (waiting >= maxItems) {
      dropped += 1;
      if (!makeRoom(queue) && !(full === 'drop-oldest' && dropOldest(queue))) return false;
    }
    queue.push(item);
    waiting += 1;
    return true;
  }

  async function pump(): Promise<void> {
    running = true;
    let backoff = minBackoffMs;
    let size = batchItems;
    for (;;) {
      const queue = queues.findLast((one) => one.length > 0);
      if (closed || !queue) break;
      const batch = queue.slice(0, size);
      sending = { queue, count: batch.length };
      try {
        await send(batch);
        leave(queue, batch.length);
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
          leave(queue, 1);
        }
      }
      sending = undefined;
    }
    sending = undefined;
    running = false;
    for (const done of idle) done();
    idle.clear();
  }

  function leave(queue: T[], count: number): void {
    queue.splice(0, count);
    waiting -= count;
    store?.replace(queues.flat());
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

  /** Items that come in the same turn travel together. */
  function start(): void {
    if (running || closed || waiting === 0) return;
    running = true;
    queueMicrotask(() => void pump());
  }

  for (const item of store?.found ?? []) take(item);
  start();
  return {
    push(item) {
      if (take(item)) store?.add(item);
      else if (closed) dropped += 1;
      start();
    },
    get pending() {
      return waiting;
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
      store?.close();
    },
  };
}

function worthRetrying(error: unknown): boolean {
  return error instanceof Failure && (error.code === 'controller-unreachable' || error.code === 'overloaded');
}
