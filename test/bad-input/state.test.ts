// State that was damaged or isn't ours: a tampered log, torn identities, tokens of somebody else, a controller that is
// away. Each is named with its file, and left as it is.
import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { assertClean, assertFailure, cli, contents, freePort, scratch, start } from '../cli/kit.ts';

const own = scratch('state');
const whole = own.path('whole');
let port: number;
let token: string;
let anchor: string;

/** A data folder as a controller left it, with a dozen entries in its log. */
before(async () => {
  port = await freePort();
  const inventory = own.path('inventory.yaml');
  writeFileSync(
    inventory,
    `apiVersion: portcullis/v1
clusters: [{ name: lab }]
hosts: [{ name: cp, cluster: lab, addresses: [10.70.0.10], tags: [tier=control-plane] }]
servers: [{ name: lab/cp, cluster: lab, host: cp, address: 10.70.0.10 }]
`,
  );
  const args = ['controller', '--data-dir', whole, '--listen', `127.0.0.1:${port}`, '--inventory', inventory];
  const controller = start([...args, '--probe-seconds', '3600']);
  await controller.said('the controller serves');
  const made = await cli(['token', 'agent', 'cp', '--data-dir', whole, '--json']);
  token = (JSON.parse(made.stdout) as { token: string }).token;
  await cli(['stage', 'lab/cp', 'CVE-2018-1002105', 'block', '--why', 'test', '--data-dir', whole]);
  const ended = await controller.end();
  assert.equal(ended.code, 0, ended.stderr);
  const verdict = await cli(['log', 'verify', '--data-dir', whole]);
  assert.equal(verdict.code, 0);
  anchor = /head (\d+:[0-9a-f]{64})/.exec(verdict.stdout)?.[1] ?? '';
});
after(own.remove);

let count = 0;
function copy(): string {
  count += 1;
  const folder = own.path(`copy-${count}`);
  cpSync(whole, folder, { recursive: true });
  return folder;
}

function change(folder: string, sql: string): void {
  const database = new DatabaseSync(join(folder, 'controller/log.db'));
  try {
    // Without its triggers, if it has any: whoever tampers does the same.
    for (const { name } of database.prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'").all())
      database.exec(`DROP TRIGGER "${name}"`);
    const before = database.prepare('SELECT total_changes() AS n').get()?.['n'];
    database.exec(sql);
    assert.notEqual(
      database.prepare('SELECT total_changes() AS n').get()?.['n'],
      before,
      'nothing was tampered with',
    );
  } finally {
    database.close();
  }
}

describe('a log with a tampered entry: verify answers 3 and names it, and no controller starts on it', {
  concurrency: 2,
}, () => {
  const rows: readonly [what: string, sql: string, entry: number | RegExp, why: string][] = [
    [
      'its contents',
      "UPDATE entries SET data = replace(data, '1', '2') WHERE seq = 3",
      3,
      'do not match its hash',
    ],
    ['its actor', "UPDATE entries SET actor = 'user:somebody' WHERE seq = 5", 5, 'do not match its hash'],
    [
      'its time',
      "UPDATE entries SET at = '2000-01-01T00:00:00.000Z' WHERE seq = 2",
      2,
      'do not match its hash',
    ],
    ['its absence', 'DELETE FROM entries WHERE seq = 4', 4, 'entry 4 is missing'],
    [
      'the end cut off',
      'DELETE FROM entries WHERE seq = (SELECT max(seq) FROM entries)',
      /\d+/,
      'was cut off',
    ],
    [
      'a document',
      "UPDATE documents SET body = replace(body, '10.70.0.10', '10.70.0.66')",
      /\d+/,
      'does not match its hash',
    ],
  ];
  for (const [what, sql, entry, why] of rows) {
    test(what, async () => {
      const folder = copy();
      const log = join(folder, 'controller/log.db');
      change(folder, sql);
      const [text, json] = await Promise.all([
        cli(['log', 'verify', '--data-dir', folder]),
        cli(['log', 'verify', '--data-dir', folder, '--json']),
      ]);
      assert.deepEqual([text.code, json.code], [3, 3], text.stdout + text.stderr);
      assert.ok(text.stdout.startsWith(`${log}: the log was changed: entry `), text.stdout);
      assert.ok(text.stdout.includes(why), text.stdout);
      const verdict = JSON.parse(json.stdout) as { ok: boolean; seq: number };
      assert.equal(verdict.ok, false);
      if (typeof entry === 'number') assert.equal(verdict.seq, entry);

      const was = contents(folder);
      const answer = await cli(['controller', '--data-dir', folder, '--listen', '127.0.0.1:1']);
      assertFailure(answer, 1, [log, `entry ${verdict.seq}`, why, '[log-tampered]']);
      assert.deepEqual(contents(folder), was);
    });
  }

  test('rewritten and chained anew: only the anchor that was kept elsewhere shows it', async () => {
    const folder = copy();
    const [seq, hash] = anchor.split(':');
    const other = `${seq}:${(hash ?? '').replace(/^./, (digit) => (digit === '0' ? '1' : '0'))}`;
    const good = await cli(['log', 'verify', '--data-dir', folder, '--anchor', anchor]);
    assert.equal(good.code, 0, good.stdout);
    const bad = await cli(['log', 'verify', '--data-dir', folder, '--anchor', other]);
    assert.equal(bad.code, 3);
    assert.match(bad.stdout, /it is not the entry that the anchor names/);
  });

  test('a file that is no database', async () => {
    const folder = copy();
    const log = join(folder, 'controller/log.db');
    for (const side of ['-wal', '-shm']) rmSync(`${log}${side}`, { force: true });
    writeFileSync(log, 'x'.repeat(8192));
    const verify = await cli(['log', 'verify', '--data-dir', folder]);
    assert.equal(verify.code, 3);
    assert.match(verify.stdout, /the file is damaged/);
    assertClean(verify);
    const answer = await cli(['controller', '--data-dir', folder, '--listen', '127.0.0.1:1']);
    assertFailure(answer, 1, [log, '[log-tampered]']);
    assert.equal(readFileSync(log, 'utf8'), 'x'.repeat(8192));
  });
});

describe('damaged files are named, and nothing is changed', { concurrency: 2 }, () => {
  const status = (folder: string) => cli(['status', '--data-dir', folder]);
  const controller = (folder: string) => cli(['controller', '--data-dir', folder, '--listen', '127.0.0.1:1']);
  const rows: readonly [
    what: string,
    file: string,
    text: string | undefined,
    run: (folder: string) => ReturnType<typeof cli>,
    says: readonly string[],
  ][] = [
    [
      'a torn identity',
      'controller/admin/identity.json',
      '{"contr',
      status,
      ['enrol again', '[bad-identity]'],
    ],
    [
      'an identity without its key',
      'controller/admin/client.pem',
      undefined,
      status,
      ['no such file', '[unreadable]'],
    ],
    [
      'the authority is gone',
      'controller/pki/ca.pem',
      undefined,
      controller,
      ['restore it', '[bad-authority]'],
    ],
    ["the authority's key is another's", 'controller/pki/ca.key', 'no key', controller, ['[bad-authority]']],
    ["a torn note of the log's end", 'controller/head.json', '{', controller, ['[bad-anchor]']],
  ];
  for (const [what, file, text, run, says] of rows) {
    test(what, async () => {
      const folder = copy();
      if (text === undefined) rmSync(join(folder, file));
      else writeFileSync(join(folder, file), text);
      const was = contents(folder);
      const answer = await run(folder);
      assertFailure(answer, 1, [join(folder, file.replace('ca.key', 'ca')), ...says]);
      assert.deepEqual(contents(folder), was);
    });
  }

  test('the controller is away', async () => {
    const answer = await status(whole);
    assertFailure(answer, 1, [`127.0.0.1:${port}`, 'is it running?', '[controller-unreachable]']);
  });
});

describe('a token of no use enrols nobody', () => {
  const folder = own.path('agent');
  const enrol = (text: string, at = `127.0.0.1:${port}`) =>
    cli(['agent', '--data-dir', folder, '--name', 'cp', '--controller', at], {
      env: { PORTCULLIS_TOKEN: text },
    });

  test('it is no token', async () => {
    assertFailure(await enrol('let-me-in'), 1, ['not an enrolment token', '[bad-token]']);
  });
  test('its controller is away', async () => {
    assertFailure(await enrol(token), 1, [`127.0.0.1:${port}`, '[controller-unreachable]']);
  });
  test('it is of another controller; and made by ours, of another name', async () => {
    const args = ['controller', '--data-dir', own.path('other'), '--listen', `127.0.0.1:${port}`];
    const other = start(args);
    await other.said('the controller serves');
    assertFailure(await enrol(token), 1, ['not the controller that made this token', '[wrong-controller]']);
    const made = await cli(['token', 'agent', 'cp-2', '--data-dir', own.path('other'), '--json']);
    const answer = await enrol((JSON.parse(made.stdout) as { token: string }).token);
    assertFailure(answer, 1, ['for somebody else', '[token-refused]']);
    assert.equal((await other.end()).code, 0);
  });
  after(() => assert.deepEqual(contents(folder), {}));
});
