// The log in memory: for tests and for trying out.
import type { Clock } from '../base/clock.ts';
import type { Entry } from '../model/entry.ts';
import { createVerifier, emptyHead, type Head, link, sha256 } from './chain.ts';
import { createWaiters, type Log } from './log.ts';

export function memoryLog(clock: Clock): Log {
  const entries: Entry[] = [];
  const documents = new Map<string, string>();
  const waiters = createWaiters();
  const head = (): Head => entries.at(-1) ?? emptyHead;
  return {
    append(fresh, texts = []) {
      const now = clock.now();
      let last = head();
      const linked = fresh.map((entry) => {
        const next = link(last, entry, now);
        last = next;
        return next;
      });
      for (const text of texts) documents.set(sha256(text), text);
      entries.push(...linked);
      if (linked.length > 0) waiters.notify();
      return linked;
    },
    read: (after, limit) => entries.slice(after, after + limit),
    head: () => ({ seq: head().seq, hash: head().hash }),
    waitFor: (after, signal) => waiters.wait(() => head().seq > after, signal),
    incidents: (id, limit) =>
      entries.filter(({ kind, data }) => kind === 'incident' && idsOf(data).includes(id)).slice(0, limit),
    document: (hash) => documents.get(hash),
    prune(hashes) {
      for (const hash of hashes) documents.delete(hash);
    },
    verify(anchors = []) {
      const verifier = createVerifier(anchors);
      for (const entry of entries) if (!verifier.take(entry)) break;
      return verifier.verdict();
    },
    close: () => waiters.close(),
  };
}

/** By which ids is an incident found? */
function idsOf(data: Entry['data']): readonly unknown[] {
  const what = data['what'] as { readonly auditId?: unknown } | undefined;
  return [data['id'], data['verdict'], what?.auditId];
}
