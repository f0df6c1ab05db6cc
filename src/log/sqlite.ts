// The log in one SQLite file (write-ahead log, full fsync), and the check of such a file from outside.
import { closeSync, existsSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { canonicalJson } from '../base/canonical-json.ts';
import type { Clock } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
import type { Entry, NewEntry } from '../model/entry.ts';
import { createVerifier, emptyHead, type Head, link, sha256, type Verification } from './chain.ts';
import { createWaiters, type Log } from './log.ts';

/** The triggers stop mistakes, not people: who can write to the file can drop them, and then the chain shows it. */
const schema = `
  CREATE TABLE IF NOT EXISTS entries (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, actor TEXT NOT NULL, subject TEXT NOT NULL,
    data TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS documents (hash TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS incident_ids ON entries (data ->> '$.id') WHERE kind = 'incident';
  CREATE INDEX IF NOT EXISTS incident_audit_ids ON entries (data ->> '$.what.auditId') WHERE kind = 'incident';
  CREATE INDEX IF NOT EXISTS incident_verdicts ON entries (data ->> '$.verdict') WHERE kind = 'incident';
  CREATE TRIGGER IF NOT EXISTS entries_no_update BEFORE UPDATE ON entries
    BEGIN SELECT RAISE(ABORT, 'entries of the log are never changed'); END;
  CREATE TRIGGER IF NOT EXISTS entries_no_delete BEFORE DELETE ON entries
    BEGIN SELECT RAISE(ABORT, 'entries of the log are never deleted'); END;
  CREATE TRIGGER IF NOT EXISTS documents_no_update BEFORE UPDATE ON documents
    BEGIN SELECT RAISE(ABORT, 'documents are never changed'); END;
`;

type Row = Record<string, unknown>;

/**
 * Opens or creates the log. One process at a time may have it open for writing (platform/folder-lock.ts).
 * @throws Failure `bad-log` when the file is no log of ours
 */
export function openLog(path: string, clock: Clock): Log {
  const database = opened(path, () => {
    closeSync(openSync(path, 'a', 0o600)); // SQLite gives its journals the mode of the file
    const fresh = new DatabaseSync(path, { timeout: 5_000 });
    fresh.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL');
    fresh.exec(schema);
    return fresh;
  });
  const insert = database.prepare('INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
  const keep = database.prepare('INSERT OR IGNORE INTO documents VALUES (?, ?)');
  const forget = database.prepare('DELETE FROM documents WHERE hash = ?');
  const select = database.prepare('SELECT * FROM entries WHERE seq > ? ORDER BY seq LIMIT ?');
  const selectIncidents = database.prepare(`
    SELECT * FROM entries WHERE kind = 'incident' AND data ->> '$.id' = ?1
    UNION SELECT * FROM entries WHERE kind = 'incident' AND data ->> '$.verdict' = ?1
    UNION SELECT * FROM entries WHERE kind = 'incident' AND data ->> '$.what.auditId' = ?1
    ORDER BY seq LIMIT ?2`);
  const selectDocument = database.prepare('SELECT body FROM documents WHERE hash = ?');
  const last = database.prepare('SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1').get() as
    | Head
    | undefined;
  let head: Head = last ? { seq: last.seq, hash: last.hash } : emptyHead;
  const waiters = createWaiters();
  const transaction = (change: () => void) => {
    database.exec('BEGIN IMMEDIATE');
    try {
      change();
      database.exec('COMMIT');
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  };
  return {
    append(fresh, texts = []) {
      const now = clock.now();
      const linked: Entry[] = [];
      let next = head;
      transaction(() => {
        for (const text of texts) keep.run(sha256(text), text);
        for (const entry of fresh) {
          const made = link(next, entry, now);
          const { seq, at, kind, actor, subject, data, prev, hash } = made;
          insert.run(seq, at, kind, actor, subject, canonicalJson(data), prev, hash);
          linked.push(made);
          next = { seq, hash };
        }
      });
      head = next;
      if (linked.length > 0) waiters.notify();
      return linked;
    },
    read: (after, limit) => select.all(after, limit).map((row) => entryOf(row)),
    head: () => head,
    waitFor: (after, signal) => waiters.wait(() => head.seq > after, signal),
    incidents: (id, limit) => selectIncidents.all(id, limit).map((row) => entryOf(row)),
    document: (hash) => selectDocument.get(hash)?.['body'] as string | undefined,
    prune(hashes) {
      transaction(() => {
        for (const hash of hashes) forget.run(hash);
      });
    },
    verify: (anchors = []) => verifyDatabase(database, anchors),
    close() {
      waiters.close();
      database.close();
    },
  };
}

/**
 * Checks the log in a file, read-only, while a controller runs or not.
 * @throws Failure `unreadable` when there is no such file
 */
export function verifyFile(path: string, anchors: readonly Head[] = []): Verification {
  if (!existsSync(path)) {
    throw new Failure('unreadable', "can't be read: there is no such file", {
      place: path,
      hint: 'it is on the controller’s host, in its --data-dir',
    });
  }
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
    return verifyDatabase(database, anchors);
  } catch (error) {
    return { ok: false, seq: 0, why: `the file is damaged: ${(error as Error).message}` };
  } finally {
    database?.close();
  }
}

function verifyDatabase(database: DatabaseSync, anchors: readonly Head[]): Verification {
  const verifier = createVerifier(anchors);
  let reached = 0;
  try {
    // One statement sees one snapshot, so that a running controller may go on appending.
    for (const row of database.prepare('SELECT * FROM entries ORDER BY seq').iterate()) {
      if (!verifier.take(wholeEntry(row))) break;
      reached += 1;
    }
    const verdict = verifier.verdict();
    if (!verdict.ok) return verdict;
    for (const row of database.prepare('SELECT hash, body FROM documents').iterate()) {
      if (sha256(String(row['body'])) !== row['hash']) {
        return { ok: false, seq: verdict.entries, why: `document ${row['hash']} does not match its hash` };
      }
    }
    return verdict;
  } catch (error) {
    return { ok: false, seq: reached + 1, why: `the file is damaged: ${(error as Error).message}` };
  }
}

/** The row as an entry when its `data` is exactly what was hashed; otherwise something that no verifier accepts. */
function wholeEntry(row: Row): unknown {
  try {
    const entry = entryOf(row);
    return canonicalJson(entry.data) === row['data'] ? entry : { ...entry, data: undefined };
  } catch {
    return { ...row, data: undefined };
  }
}

function entryOf(row: Row): Entry {
  return {
    kind: row['kind'] as Entry['kind'],
    actor: row['actor'] as string,
    subject: row['subject'] as string,
    data: JSON.parse(row['data'] as string) as NewEntry['data'],
    seq: row['seq'] as number,
    at: row['at'] as string,
    prev: row['prev'] as string,
    hash: row['hash'] as string,
  };
}

function opened(path: string, open: () => DatabaseSync): DatabaseSync {
  try {
    return open();
  } catch (cause) {
    throw new Failure('bad-log', `the log can't be opened: ${(cause as Error).message}`, {
      place: path,
      cause,
    });
  }
}
