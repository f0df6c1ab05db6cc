// One suite over both engines, and what only a file can suffer.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import type { Clock } from '../base/clock.ts';
import type { NewEntry } from '../model/entry.ts';
import type { SessionRecord } from '../model/record.ts';
import { lockFolder } from '../platform/folder-lock.ts';
import { emptyHead, formatAnchor, parseAnchor, sha256 } from './chain.ts';
import { readHead, verifyFolder, writeHead } from './folder.ts';
import type { Log } from './log.ts';
import { memoryLog } from './memory.ts';
import { openSessions } from './sessions.ts';
import { openLog, verifyFile } from './sqlite.ts';

const root = mkdtempSync(join(tmpdir(), 'portcullis-log-'));
after(() => rmSync(root, { recursive: true }));
let folders = 0;
const folder = () => mkdtempSync(join(root, `${folders++}-`));
let time = 1_700_000_000_000;
const clock: Clock = { now: () => time++, mono: () => time };
const entry = (subject: string, data: NewEntry['data'] = {}): NewEntry => ({
  kind: 'tags',
  actor: 'controller',
  subject,
  data,
});
const never = new AbortController().signal;

const engines: Record<string, () => Log> = {
  memory: () => memoryLog(clock),
  sqlite: () => openLog(join(folder(), 'log.db'), clock),
};
for (const [name, make] of Object.entries(engines)) {
  describe(`log engine: ${name}`, () => {
    test('incidents are found by their id and by the id of their verdict, and nothing else is', () => {
      const log = make();
      const incident = (data: NewEntry['data']): NewEntry => ({ ...entry('a', data), kind: 'incident' });
      const [first, second, third] = log.append([
        incident({ id: 'aaaa-1', verdict: 'vvvv-1' }),
        incident({ id: 'aaaa-2', verdict: 'vvvv-1' }),
        incident({ id: 'aaaa-3', what: { auditId: 'Audit.1' } }),
        entry('b', { id: 'aaaa-1', verdict: 'vvvv-1' }),
      ]);
      assert.deepEqual(log.incidents('aaaa-1', 10), [first]);
      assert.deepEqual(log.incidents('vvvv-1', 10), [first, second]);
      assert.deepEqual(log.incidents('vvvv-1', 1), [first]);
      assert.deepEqual(log.incidents('Audit.1', 1), [third]);
      for (const id of ['aaaa', 'vvvv-2', '', '%']) assert.deepEqual(log.incidents(id, 10), []);
      log.close();
    });

    test('entries are chained from zero, without gaps, and read back as they were made', () => {
      const log = make();
      assert.deepEqual(log.head(), emptyHead);
      const made = [
        ...log.append([entry('a', { n: 1.5, text: 'ü\n\u2028', none: null })]),
        ...log.append([entry('b'), entry('c')]),
      ];
      assert.deepEqual(
        made.map((item) => [item.seq, item.subject]),
        [
          [1, 'a'],
          [2, 'b'],
          [3, 'c'],
        ],
      );
      assert.equal(made[0]?.prev, emptyHead.hash);
      assert.equal(made[2]?.prev, made[1]?.hash);
      assert.deepEqual(log.read(0, 10), made);
      assert.deepEqual(log.read(1, 1), [made[1]]);
      assert.deepEqual(log.read(3, 10), []);
      assert.deepEqual(log.verify(), { ok: true, entries: 3, head: log.head() });
      log.close();
    });

    test('a batch is whole or nothing', () => {
      const log = make();
      log.append([entry('a')]);
      const bad = { ...entry('b'), data: { no: Number.NaN } };
      assert.throws(() => log.append([entry('x'), bad], ['document']), TypeError);
      assert.equal(log.head().seq, 1);
      assert.equal(log.document(sha256('document')), undefined);
      log.append([entry('c')]);
      assert.equal(log.verify().ok, true);
      log.close();
    });

    test('documents are found by hash until they are pruned', () => {
      const log = make();
      log.append([entry('a', { document: sha256('text') })], ['text', 'text']);
      log.append([entry('b')], ['text']);
      assert.equal(log.document(sha256('text')), 'text');
      log.prune([sha256('text')]);
      assert.equal(log.document(sha256('text')), undefined);
      assert.equal(log.verify().ok, true);
      log.close();
    });

    test('waiting ends with the entry, at once when it is there, and with the signal', async () => {
      const log = make();
      const first = log.waitFor(0, never);
      const second = log.waitFor(1, never);
      const stop = new AbortController();
      const stopped = log.waitFor(5, stop.signal);
      log.append([entry('a')]);
      assert.equal(await first, true);
      assert.equal(await log.waitFor(0, never), true);
      log.append([entry('b')]);
      assert.equal(await second, true);
      stop.abort();
      assert.equal(await stopped, false);
      const last = log.waitFor(9, never);
      log.close();
      assert.equal(await last, false);
    });

    test('an anchor in the log holds, one beyond its end or with another hash does not', () => {
      const log = make();
      log.append([entry('a')]);
      const anchor = log.head();
      log.append([entry('b')]);
      assert.equal(log.verify([anchor]).ok, true);
      assert.deepEqual(log.verify([{ seq: 1, hash: 'f'.repeat(64) }]), {
        ok: false,
        seq: 1,
        why: 'it is not the entry that the anchor names',
      });
      const beyond = log.verify([{ seq: 3, hash: 'f'.repeat(64) }]);
      assert.ok(!beyond.ok && beyond.seq === 3 && beyond.why.includes('cut off'));
      log.close();
    });
  });
}

test('any data survives the file: what is read back verifies and equals what was made', () => {
  const log = openLog(join(folder(), 'log.db'), clock);
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), (data, subject) => {
      const [made] = log.append([entry(subject, data as NewEntry['data'])]);
      assert.deepEqual(log.read(log.head().seq - 1, 1), [made]);
    }),
    { numRuns: 100 },
  );
  assert.equal(log.verify().ok, true);
  log.close();
});

test('a member that parsers leave out is part of what is hashed', () => {
  const log = openLog(join(folder(), 'log.db'), clock);
  log.append([entry('a', JSON.parse('{"__proto__": {"x": 1}, "in": {"__proto__": 2}}') as NewEntry['data'])]);
  assert.deepEqual(log.verify(), { ok: true, entries: 1, head: log.head() });
  log.close();
});

test('a log goes on where it was, and is checked from outside while it is open', () => {
  const path = join(folder(), 'log.db');
  const first = openLog(path, clock);
  first.append([entry('a')]);
  first.close();
  const again = openLog(path, clock);
  again.append([entry('b')]);
  assert.deepEqual(verifyFile(path), { ok: true, entries: 2, head: again.head() });
  assert.throws(() => verifyFile(join(root, 'gone.db')), { code: 'unreadable', hint: /--data-dir/ });
  again.close();
  assert.equal(verifyFile(path).ok, true);
});

test('entries can be neither changed nor deleted through the file’s own rules', () => {
  const path = join(folder(), 'log.db');
  const log = openLog(path, clock);
  log.append([entry('a')]);
  const raw = new DatabaseSync(path);
  assert.throws(() => raw.exec("UPDATE entries SET actor = 'x'"), /never changed/);
  assert.throws(() => raw.exec('DELETE FROM entries'), /never deleted/);
  raw.close();
  log.close();
});

/** Each starts from a log of ten entries whose head is in head.json, and names the first entry that must be found wrong. */
const tampering: readonly [string, string | ((path: string) => void), number, RegExp][] = [
  [
    'one letter of data',
    'UPDATE entries SET data = replace(data, \'"n":4\', \'"n":5\') WHERE seq = 5',
    5,
    /hash/,
  ],
  ['white space in data', "UPDATE entries SET data = replace(data, ':', ': ') WHERE seq = 5", 5, /malformed/],
  ['an actor', "UPDATE entries SET actor = 'user:admin' WHERE seq = 3", 3, /hash/],
  ['a time', "UPDATE entries SET at = '2020-01-01T00:00:00.000Z' WHERE seq = 7", 7, /hash/],
  ['a hash', `UPDATE entries SET hash = '${'a'.repeat(64)}' WHERE seq = 6`, 6, /hash/],
  ['a link', `UPDATE entries SET prev = '${'a'.repeat(64)}' WHERE seq = 6`, 6, /follow/],
  ['a deleted entry', 'DELETE FROM entries WHERE seq = 4', 4, /missing/],
  ['the first entry deleted', 'DELETE FROM entries WHERE seq = 1', 1, /missing/],
  ['the last entries deleted', 'DELETE FROM entries WHERE seq > 8', 9, /cut off/],
  ['everything deleted', 'DELETE FROM entries', 1, /cut off/],
  [
    'two entries swapped',
    'UPDATE entries SET seq = -seq WHERE seq IN (3, 4); UPDATE entries SET seq = 7 + seq WHERE seq < 0',
    3,
    /follow/,
  ],
  ['a document', "UPDATE documents SET body = 'other'", 10, /document/],
  ['an unknown kind', "UPDATE entries SET kind = 'nothing' WHERE seq = 2", 2, /malformed/],
  ['a missing table', 'DROP TABLE entries', 1, /damaged/],
  [
    'a byte of the file itself',
    (path) => {
      const bytes = readFileSync(path);
      const at = bytes.indexOf('needle-in-entry-5');
      assert.ok(at > 0);
      const file = openSync(path, 'r+');
      writeSync(file, 'N', at);
      closeSync(file);
    },
    6,
    /hash/,
  ],
];
for (const [name, change, seq, why] of tampering) {
  test(`tampering is found: ${name}`, () => {
    const dataDir = folder();
    const path = join(dataDir, 'log.db');
    const log = openLog(path, clock);
    for (let n = 0; n < 10; n++)
      log.append([entry(`s${n}`, { n, text: `needle-in-entry-${n}` })], ['document']);
    writeHead(dataDir, log.head());
    log.close();
    assert.deepEqual(verifyFolder(dataDir), { ok: true, entries: 10, head: readHead(dataDir) });
    if (typeof change === 'string') {
      const raw = new DatabaseSync(path);
      raw.exec(
        'DROP TRIGGER entries_no_update; DROP TRIGGER entries_no_delete; DROP TRIGGER documents_no_update',
      );
      raw.exec(change);
      raw.close();
    } else change(path);
    const verdict = verifyFolder(dataDir);
    assert.ok(!verdict.ok, 'the log verifies');
    assert.equal(verdict.seq, seq);
    assert.match(verdict.why, why);
  });
}

test('a log written anew in full is found by an anchor kept elsewhere', () => {
  const dataDir = folder();
  const original = openLog(join(dataDir, 'log.db'), clock);
  original.append([entry('a'), entry('b')]);
  const anchor = formatAnchor(original.head());
  original.close();
  rmSync(join(dataDir, 'log.db'));
  const forged = openLog(join(dataDir, 'log.db'), clock);
  forged.append([entry('a'), entry('x'), entry('c')]);
  writeHead(dataDir, forged.head());
  forged.close();
  assert.equal(verifyFolder(dataDir).ok, true);
  const verdict = verifyFolder(dataDir, anchor);
  assert.ok(!verdict.ok && verdict.seq === 2);
  assert.throws(() => verifyFolder(dataDir, 'nonsense'), { code: 'bad-anchor' });
  assert.deepEqual(parseAnchor(anchor).seq, 2);
});

test('a file that is no database is refused', () => {
  const path = join(folder(), 'log.db');
  writeFileSync(path, 'this is a text and no database, whatever its name says'.repeat(40));
  assert.throws(() => openLog(path, clock), { code: 'bad-log', place: path });
  assert.equal(verifyFile(path).ok, false);
});

test('a data folder has one holder, in this process and in others, and kill -9 frees it', async () => {
  const dataDir = folder();
  const lock = lockFolder(dataDir);
  assert.throws(() => lockFolder(dataDir), { code: 'data-folder-in-use', place: dataDir });
  lock.release();
  const script = join(dataDir, 'hold.ts');
  writeFileSync(
    script,
    `import { lockFolder } from ${JSON.stringify(join(import.meta.dirname, '../platform/folder-lock.ts'))};
     // Kept in reach: a lock that nobody refers to is collected, and let go.
     globalThis.lock = lockFolder(${JSON.stringify(dataDir)}); process.send('held'); setInterval(() => {}, 1000);`,
  );
  const child = fork(script, { execArgv: ['--disable-warning=ExperimentalWarning'] });
  const exited = once(child, 'exit');
  try {
    await once(child, 'message');
    assert.throws(() => lockFolder(dataDir), { code: 'data-folder-in-use' });
  } finally {
    child.kill('SIGKILL');
  }
  await exited;
  lockFolder(dataDir).release();
});

test('sessions are kept by count, newest first, and counted for ever', () => {
  const path = join(folder(), 'sessions.db');
  const record = (n: number, verdict: SessionRecord['verdict']): SessionRecord => ({
    agent: 'cp-1',
    server: 's',
    generation: 1,
    verdict,
    rule: `r${n}`,
    from: { address: '10.0.0.1', name: 'dev', tags: [] },
    to: { address: '10.0.0.2', port: 6443 },
    startedAt: '2026-01-01T00:00:00.000Z',
    endedAt: '2026-01-01T00:00:01.000Z',
    attempts: 1,
    bytesOut: 1,
    bytesIn: 1,
    packetsOut: 1,
    packetsIn: 1,
  });
  const sessions = openSessions(path, 3);
  sessions.add([record(1, 'accepted'), record(2, 'denied'), record(3, 'denied')]);
  sessions.add([record(4, 'steered'), record(5, 'denied')]);
  assert.deepEqual(
    sessions.list(10).map((item) => item.rule),
    ['r5', 'r4', 'r3'],
  );
  assert.deepEqual(
    sessions.list(1, 'denied').map((item) => item.rule),
    ['r5'],
  );
  sessions.close();
  const again = openSessions(path, 3);
  assert.deepEqual(again.counts(), { accepted: 1, steered: 1, denied: 3 });
  again.close();
});
