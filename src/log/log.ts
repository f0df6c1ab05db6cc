// The log: what every engine offers. One log is the truth, state is a projection of it (DESIGN decision 8).
import type { Entry, NewEntry } from '../model/entry.ts';
import type { Head, Verification } from './chain.ts';

/** What a reader may do. */
export type LogReader = {
  /** Entries with seq above `after`, oldest first, at most `limit`. */
  read(after: number, limit: number): readonly Entry[];
  head(): Head;
  /** True as soon as there is an entry above `after`; false when the signal is aborted or the log is closed first. */
  waitFor(after: number, signal: AbortSignal): Promise<boolean>;
  /** The first entries of kind `incident` whose id, whose verdict's id or whose Audit-ID is this one; oldest first. */
  incidents(id: string, limit: number): readonly Entry[];
  /** A document that an entry names by its hash; undefined when it was pruned. */
  document(hash: string): string | undefined;
  /** Checks every entry, hash and document. */
  verify(anchors?: readonly Head[]): Verification;
};

export type Log = LogReader & {
  /**
   * Appends the entries and stores the documents, all or nothing; durable when it returns. Documents are large texts
   * (inventories, plans) that entries name by their sha256.
   */
  append(entries: readonly NewEntry[], documents?: readonly string[]): readonly Entry[];
  /** Forgets documents that nothing needs any more (superseded plans). Their hashes stay in the chain. */
  prune(hashes: readonly string[]): void;
  close(): void;
};

/** Waiters for the next entry, shared by the engines. */
export type Waiters = {
  wait(ready: () => boolean, signal: AbortSignal): Promise<boolean>;
  notify(): void;
  close(): void;
};

export function createWaiters(): Waiters {
  const waiting = new Set<(closed: boolean) => void>();
  let closed = false;
  return {
    wait(ready, signal) {
      if (ready()) return Promise.resolve(true);
      if (closed || signal.aborted) return Promise.resolve(false);
      return new Promise((resolve) => {
        const end = (value: boolean) => {
          waiting.delete(check);
          signal.removeEventListener('abort', abort);
          resolve(value);
        };
        const check = (closing: boolean) => {
          if (ready()) end(true);
          else if (closing) end(false);
        };
        const abort = () => end(false);
        waiting.add(check);
        signal.addEventListener('abort', abort);
      });
    },
    notify() {
      for (const check of [...waiting]) check(false);
    },
    close() {
      closed = true;
      for (const check of [...waiting]) check(true);
    },
  };
}
