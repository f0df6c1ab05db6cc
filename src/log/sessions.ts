// Session records: many, kept by count, outside the chained log.
import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { SessionPair, SessionStep, SessionTop } from '../model/api.ts';
import type { SessionRecord } from '../model/record.ts';
import { type SessionKey, type SessionQuery, sessionQueries } from './session-queries.ts';

export type SessionCounts = Record<SessionRecord['verdict'], number>;

/** Callers of some records. */
export type CallerBatch = {
  /** Records that ended since then, refused ones too. */
  readonly records: number;
  readonly callers: readonly {
    readonly server: string;
    readonly address: string;
    readonly sessions: number;
    /** RFC 3339 in UTC: when the last one ended. */
    readonly last: string;
  }[];
};

/** Records of one batch: some ten milliseconds. */
const batchSize = 5_000;

export type Sessions = {
  add(records: readonly SessionRecord[]): void;
  /** Newest first. */
  list(limit: number, verdict?: SessionRecord['verdict']): readonly SessionRecord[];
  /** The record with this id, whichever agent it is of. */
  find(id: string): SessionRecord | undefined;
  /** Who, what or where most sessions were, the most first. */
  top(query: SessionQuery, by: SessionKey, limit: number): readonly SessionTop[];
  /** Sessions by the time of their end, oldest first; times with none are left out. */
  series(query: SessionQuery, stepSeconds: number): readonly SessionStep[];
  /** Who talks to whom, by the values of one tag type at both ends; without the tag, by name. */
  pairs(query: SessionQuery, type: string, limit: number): readonly SessionPair[];
  /**
   * Who got through since then, by server and source address, from every record that is kept: batch after batch, so that
   * whoever asks can let others in between. A caller may be in several batches.
   */
  callers(since: string): Iterable<CallerBatch>;
  /** All records ever added, those no longer kept among them. */
  counts(): SessionCounts;
  close(): void;
};

/** @param keep records kept, the newest */
export function openSessions(path: string, keep: number): Sessions {
  closeSync(openSync(path, 'a', 0o600)); // SQLite gives its journals the mode of the file
  const database = new DatabaseSync(path, { timeout: 5_000 });
  // A crash may lose the last moments of these records; waiting for the disk on each batch would cost more.
  database.exec(`
    PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;
    CREATE TABLE IF NOT EXISTS sessions (id INTEGER PRIMARY KEY, verdict TEXT NOT NULL, body TEXT NOT NULL) STRICT;
    CREATE UNIQUE INDEX IF NOT EXISTS by_record ON sessions (body ->> '$.agent', body ->> '$.id');
    CREATE INDEX IF NOT EXISTS by_verdict ON sessions (verdict, id);
    CREATE TABLE IF NOT EXISTS totals (verdict TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT;
  `);
  const insert = database.prepare('INSERT OR IGNORE INTO sessions (verdict, body) VALUES (?, ?)');
  const count = database.prepare(
    'INSERT INTO totals VALUES (?, 1) ON CONFLICT (verdict) DO UPDATE SET n = n + 1',
  );
  const trim = database.prepare('DELETE FROM sessions WHERE id <= (SELECT max(id) FROM sessions) - ?');
  const newest = database.prepare('SELECT body FROM sessions ORDER BY id DESC LIMIT ?');
  const filtered = database.prepare('SELECT body FROM sessions WHERE verdict = ? ORDER BY id DESC LIMIT ?');
  const byId = database.prepare("SELECT body FROM sessions WHERE body ->> '$.id' = ? LIMIT 1");
  const totals = database.prepare('SELECT verdict, n FROM totals');
  const bounds = database.prepare('SELECT min(id) AS first, max(id) AS last FROM sessions');
  const callersBetween = database.prepare(`
    SELECT server, address, max(ended) AS last, count(*) AS records,
      sum(iif(verdict = 'denied', 0, weight)) AS sessions
    FROM (SELECT verdict, body ->> '$.server' AS server, body ->> '$.from.address' AS address,
        body ->> '$.endedAt' AS ended, coalesce(body ->> '$.sample', 1) AS weight
      FROM sessions WHERE id > ? AND id <= ?)
    WHERE ended >= ? GROUP BY server, address`);
  return {
    add(records) {
      database.exec('BEGIN');
      try {
        for (const record of records) {
          // Sent again, because the answer to the first time was lost.
          if (insert.run(record.verdict, JSON.stringify(record)).changes === 0) continue;
          count.run(record.verdict);
        }
        trim.run(keep);
        database.exec('COMMIT');
      } catch (error) {
        if (database.isTransaction) database.exec('ROLLBACK');
        throw error;
      }
    },
    list(limit, verdict) {
      const rows = verdict === undefined ? newest.all(limit) : filtered.all(verdict, limit);
      return rows.map((row) => JSON.parse(row['body'] as string) as SessionRecord);
    },
    find(id) {
      const body = byId.get(id)?.['body'];
      return body === undefined ? undefined : (JSON.parse(body as string) as SessionRecord);
    },
    *callers(since) {
      const { first, last } = bounds.get() as { first: number | null; last: number | null };
      for (let from = (first ?? 1) - 1; from < (last ?? 0); from += batchSize) {
        const rows = callersBetween.all(from, from + batchSize, since) as (CallerBatch['callers'][number] & {
          records: number;
        })[];
        yield {
          records: rows.reduce((sum, { records }) => sum + records, 0),
          callers: rows
            .filter(({ sessions }) => sessions > 0)
            .map(({ server, address, sessions, last }) => ({ server, address, sessions, last })),
        };
      }
    },
    counts() {
      const counts: SessionCounts = { accepted: 0, steered: 0, denied: 0 };
      for (const row of totals.all()) counts[row['verdict'] as SessionRecord['verdict']] = row['n'] as number;
      return counts;
    },
    ...sessionQueries(database),
    close: () => database.close(),
  };
}
