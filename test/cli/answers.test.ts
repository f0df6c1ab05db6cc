// What the commands answer, as text and as JSON, over a real controller that watches a server with the flaw.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createAuthority, issue } from '../../src/platform/pki.ts';
import {
  type Answer,
  assertClean,
  assertFailure,
  cli,
  freePort,
  type Running,
  scratch,
  start,
} from './kit.ts';

const own = scratch('answers');
const data = own.path('data');
const advisory = join(import.meta.dirname, '../../shields/advisories/CVE-2018-1002105.json');
const feed = {
  version: 'https://jsonfeed.org/version/1.1',
  items: [{ id: 'CVE-2099-0001', summary: 'A flaw', status: 'open', _kubernetes_io: {} }],
};
let server: Server;
let controller: Running;
let address: string;

before(async () => {
  const ca = await createAuthority('kubernetes', 1);
  const pair = await issue(ca, {
    subject: { commonName: 'kube-apiserver' },
    use: ['server'],
    names: ['127.0.0.1'],
    days: 1,
  });
  server = createServer({ key: pair.key, cert: pair.certificate }, (_, answer) =>
    answer.end('{"gitVersion":"v1.12.2","major":"1","minor":"12"}'),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  writeFileSync(own.path('ca.crt'), ca.certificate);
  writeFileSync(
    own.path('inventory.yaml'),
    `apiVersion: portcullis/v1
clusters: [{ name: lab }]
hosts: [{ name: cp, cluster: lab, addresses: [127.0.0.1], tags: [tier=control-plane] }]
servers:
  - name: lab/cp
    cluster: lab
    host: cp
    address: 127.0.0.1
    port: ${(server.address() as AddressInfo).port}
    probe: { caFile: ${own.path('ca.crt')} }
`,
  );
  writeFileSync(own.path('policy.yaml'), 'apiVersion: portcullis/v1\n');
  address = `127.0.0.1:${await freePort()}`;
  const files = ['--inventory', own.path('inventory.yaml'), '--policy', own.path('policy.yaml')];
  controller = start(['controller', '--data-dir', data, '--listen', address, ...files]);
  await controller.said(`the controller serves on ${address}`);
});
after(async () => {
  const ended = await controller.end();
  server.close();
  own.remove();
  assert.equal(ended.code, 0, ended.stderr);
  assertClean(ended);
});

const here = (...args: string[]) => cli([...args, '--data-dir', data]);

/** Exactly one JSON document on stdout. */
function document(answer: Answer): Record<string, unknown> {
  assert.equal(answer.stdout.trim().split('\n').length, 1, answer.stdout);
  assert.ok(answer.stdout.endsWith('\n'));
  return JSON.parse(answer.stdout) as Record<string, unknown>;
}

describe('what the operator reads', () => {
  test('status after the first probe: the flaw, the stage, and what is missing', async () => {
    const answer = await here('probe', 'lab/cp');
    assert.equal(answer.code, 0);
    assert.match(answer.stdout, /^PROBLEM +WHAT\n(.*\n)*agent cp +NOT OK: not enrolled$/m);
    assert.match(answer.stdout, /^SERVER +VERSION +SHIELD +STAGE +MODE +SINCE +WHY$/m);
    assert.match(answer.stdout, /^lab\/cp +v1\.12\.2 +CVE-2018-1002105 +block .*the fix is 1\.12\.3/m);
    assert.match(
      answer.stdout,
      /^ +\d+ more flaws +\d+ wait for your word .* in shadow.*, \d+ only told of/m,
    );
    assert.match(answer.stdout, /^agent cp +NOT OK .*not enrolled$/m);
    assert.ok(answer.stdout.split('\n').length < 25, answer.stdout);
    assert.deepEqual(await here('status').then(({ code }) => code), 0);
  });
  test('events say what happened in sentences, in order, in UTC', async () => {
    const { stdout } = await here('events');
    const lines = stdout.trimEnd().split('\n');
    assert.match(
      lines[0] ?? '',
      /^ +1 {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ {2}genesis +controller {2}the log begins/,
    );
    assert.ok(lines.some((line) => line.includes('CVE-2018-1002105 observe → block: ')));
    const seqs = lines.map((line) => Number.parseInt(line, 10));
    assert.deepEqual(
      seqs,
      seqs.toSorted((a, b) => a - b),
    );
    // The catalogue of a first start is one line, and each shield is an entry all the same.
    const [catalogue, ...more] = lines.filter((line) => line.includes('Z  shield      '));
    assert.equal(more.length, 0);
    const shields = (await here('events', '--kind', 'shield')).stdout.trimEnd().split('\n').length;
    assert.ok(shields > 50);
    assert.match(
      catalogue ?? '',
      new RegExp(` catalogue {2}${shields} shields are new or changed, to entry ${shields + 1}: `),
    );
    const two = (await here('events', '--last', '2')).stdout.trimEnd().split('\n');
    assert.deepEqual(two, lines.slice(-2));
    const stages = await here('events', '--kind', 'stage', '--after', '2');
    assert.match(stages.stdout, /^( +\d+ {2}\S+ \S+ {2}stage .*\n)+$/);
  });
  test('a reader who has seen enough is no error', async () => {
    const shell = ['sh', '-c', '"$@" | head -n 1', 'sh'];
    const answer = await cli(['events', '--data-dir', data], { before: shell });
    assert.equal(answer.code, 0);
    assert.equal(answer.stderr, '');
    assert.equal(answer.stdout.trimEnd().split('\n').length, 1);
  });
  test('a stage set by hand, with its reason in the log', async () => {
    const why = 'a hostile \u001b[31mreason\u202e';
    const set = await here('stage', 'lab/cp', 'CVE-2018-1002105', 'observe', '--why', why);
    assert.equal(set.stdout, 'CVE-2018-1002105 on lab/cp: observe\n');
    const { stdout } = await here('events', '--kind', 'stage');
    assert.match(stdout, /block → observe: a hostile \?\[31mreason\? {2}\(user:admin\)/);
    assert.doesNotMatch(stdout, /[\u001b\u202e]/);
  });
  test('shields test, with every exchange', async () => {
    const { code, stdout } = await cli(['shields', 'test', '-v']);
    assert.equal(code, 0);
    assert.match(stdout, /^CVE-2018-1002105 +1 +(\d+) of \1 +(\d+) of \2 +ok$/m);
    assert.match(stdout, /^ {2}ok {3}attack: /m);
  });
});

describe('-o json: one document on stdout, nothing on stderr', { concurrency: 2 }, () => {
  const rows: readonly [args: readonly string[], holds: (answer: Record<string, unknown>) => unknown][] = [
    [['status'], (answer) => Array.isArray(answer['servers']) && Array.isArray(answer['workers'])],
    [['probe'], (answer) => Array.isArray(answer['servers'])],
    [
      ['stage', 'lab/cp', 'CVE-2018-1002105', 'block', '--why', 'test'],
      (answer) => answer['stage'] === 'block',
    ],
    [['events'], (answer) => (answer['entries'] as unknown[]).length > 5],
    [['sessions'], (answer) => Array.isArray(answer['sessions'])],
    [['log', 'verify'], (answer) => answer['ok'] === true && Number(answer['entries']) > 5],
    [
      ['shields', 'list'],
      (answer) => {
        const rows = answer['shields'] as { id: string; applies: { servers: number } }[];
        return (
          rows.length > 50 && rows.some(({ id, applies }) => id.endsWith('1002105') && applies.servers === 1)
        );
      },
    ],
    [
      ['shields', 'show', 'CVE-2018-1002105'],
      (answer) => (answer['places'] as { server: string }[])[0]?.server === 'lab/cp',
    ],
    [['advisories'], (answer) => JSON.stringify(answer).includes('CVE-2018-1002105')],
    [['advisories', 'add', advisory], (answer) => answer['ok'] === true],
    [['inventory', 'apply', own.path('inventory.yaml')], (answer) => answer['servers'] === 1],
    [['policy', 'apply', own.path('policy.yaml')], (answer) => answer['rules'] === 0],
    [
      ['token', 'agent', 'cp'],
      (answer) => typeof answer['token'] === 'string' && answer['controller'] === address,
    ],
  ];
  for (const [args, holds] of rows) {
    test(args.slice(0, 2).join(' '), async () => {
      const answer = await here(...args, '-o', 'json');
      assert.equal(answer.code, 0, answer.stderr);
      assert.equal(answer.stderr, '');
      assert.ok(holds(document(answer)), answer.stdout);
    });
  }
  test('advisories add, of a folder: the good are published, the bad told, and again changes nothing', async () => {
    const folder = own.path('records');
    mkdirSync(join(folder, 'deeper'), { recursive: true });
    copyFileSync(advisory, join(folder, 'deeper', 'CVE-2018-1002105.json'));
    writeFileSync(join(folder, 'feed.json'), JSON.stringify(feed));
    writeFileSync(join(folder, 'torn.yaml'), 'cve: CVE-2099-0002\n');
    const dry = await here('advisories', 'add', folder, '--dry-run', '-o', 'json');
    const outcomes = (answer: Answer) =>
      (document(answer)['records'] as { outcome: string }[]).map(({ outcome }) => outcome);
    assert.equal(dry.code, 3, dry.stderr);
    assert.deepEqual(outcomes(dry), ['unchanged', 'added', 'refused']);
    assert.deepEqual(outcomes(await here('advisories', 'add', folder, '-o', 'json')), outcomes(dry));
    const again = await here('advisories', 'add', folder);
    assert.equal(again.code, 3);
    assert.match(again.stdout, /torn\.yaml +refused +\S+torn\.yaml:1:1: description: /);
    assert.match(again.stdout, /3 records: 0 added, 0 changed, 2 unchanged, 1 refused$/m);
    const [published] = (
      document(await here('advisories', '-o', 'json'))['advisories'] as { id: string }[]
    ).filter(({ id }) => id === 'CVE-2099-0001');
    assert.ok(published, 'the item of the feed');
  });
  test('exposure: code 3 while a flaw has nothing before it that somebody could end', async () => {
    const answer = await here('exposure', 'CVE-2018-1002105');
    assert.match(
      answer.stdout,
      /^CVE-2018-1002105 +critical 9\.8 +lab\/cp +v1\.12\.2 +.* block +acts +the cluster's own/m,
    );
    assert.equal(answer.code, 0, answer.stderr);
    const none = await here('exposure', 'lab/other');
    assert.equal(none.stdout, 'No server is known to have a flaw.\n');
    const all = await here('exposure', '-o', 'json');
    const rows = document(all)['exposures'] as Record<string, unknown>[];
    assert.equal(all.code, 3);
    assert.ok(rows.some((row) => row['cover'] === 'alert' && row['unfixed'] === true));
    assert.ok(rows.every((row) => row['server'] && row['gap'] && row['cover']));
    // What no release fixes and only tells is no reason to be red for ever; it is shown where it is asked for.
    const alert = await here('exposure', 'K8S-ANONYMOUS');
    assert.equal(alert.code, 0, alert.stdout);
    assert.match(alert.stdout, /^K8S-ANONYMOUS .* only tells$/m);
    const [short, long] = [await here('exposure'), await here('exposure', '--all')];
    assert.equal(short.code, 3);
    assert.doesNotMatch(short.stdout, /^K8S-ANONYMOUS/m);
    assert.match(short.stdout, /^\d+ that no release fixes .* are not shown \(--all\): .*only told of/m);
    assert.match(long.stdout, /^K8S-ANONYMOUS/m);
    assert.match(short.stdout, /^ *\d+ wait for your word: portcullis stage lab\/cp \S+ inspect --why/m);
  });
  test('shields test', async () => {
    const answer = await cli(['shields', 'test', '--json']);
    assert.equal(answer.code, 0);
    assert.deepEqual(document(answer)['missed'], []);
  });
});

describe('what the controller refuses is an answer of code 1, with -o json as a document too', {
  concurrency: 2,
}, () => {
  const rows: readonly [args: readonly string[], code: string, says: string][] = [
    [['stage', 'lab/other', 'CVE-2018-1002105', 'block', '--why', 'x'], 'unknown-server', "'lab/other'"],
    [['stage', 'lab/cp', 'CVE-1999-0001', 'block', '--why', 'x'], 'unknown-shield', "'CVE-1999-0001'"],
    [['probe', 'nobody'], 'unknown-server', "'nobody'"],
    [['token', 'agent', 'Not A Name'], 'bad-request', 'lower-case'],
    [['advisories', 'add', own.path('none.json')], 'unreadable', own.path('none.json')],
    [['inventory', 'apply', own.path('none.yaml')], 'unreadable', own.path('none.yaml')],
    [['policy', 'apply', own.path('none.yaml')], 'unreadable', own.path('none.yaml')],
    [['log', 'verify', '--anchor', 'yesterday'], 'bad-anchor', "'yesterday'"],
  ];
  for (const [args, code, says] of rows) {
    test(args.join(' '), async () => {
      const answer = await here(...args, '-o', 'json');
      assertFailure(answer, 1, [says, `[${code}]`]);
      const { ok, error } = document(answer) as { ok: boolean; error: Record<string, string> };
      assert.equal(ok, false);
      assert.equal(error['code'], code);
      assert.ok(answer.stderr.includes(error['message'] ?? '?'));
    });
  }
  for (const args of [
    ['status'],
    ['probe'],
    ['stage', 'lab/cp', 'CVE-2018-1002105', 'block', '--why', 'x'],
    ['events'],
    ['events', '-f'],
    ['sessions'],
    ['advisories'],
    ['advisories', 'add', advisory],
    ['token', 'gate', 'cp'],
    ['agent'],
    ['gate'],
  ]) {
    test(`${args.join(' ')} where nobody is enrolled`, async () => {
      const folder = own.path('nobody');
      const answer = await cli([...args, '--data-dir', folder, '--json']);
      assertFailure(answer, 1, [folder, '[not-enrolled]']);
      assert.equal((document(answer)['error'] as { code: string }).code, 'not-enrolled');
    });
  }
  test('log verify where there is no log', async () => {
    const answer = await cli(['log', 'verify', '--data-dir', own.path('nobody'), '--json']);
    assertFailure(answer, 1, [own.path('nobody'), 'log.db', '[unreadable]']);
    assert.equal((document(answer)['error'] as { code: string }).code, 'unreadable');
  });
});

test('why explains nothing that nobody was told', async () => {
  const id = '0199f0a0-1111-7000-8000-000000000000';
  const unknown = await here('why', id, '--json');
  assertFailure(unknown, 1, [id, '[unknown-id]']);
  assert.equal((document(unknown)['error'] as { code: string }).code, 'unknown-id');
  assertFailure(await here('why', 'no id at all'), 1, ['[bad-request]']);
  assertFailure(await here('why'), 2, ['[usage]']);
});

test('events -f goes on until it is interrupted, one entry a line as JSON', async () => {
  const following = start(['events', '-f', '--data-dir', data, '--json']);
  await following.said('genesis');
  await here('stage', 'lab/cp', 'CVE-2018-1002105', 'inspect', '--why', 'for those who follow');
  await following.said('for those who follow');
  const { code, stdout, stderr } = await following.end();
  assert.equal(code, 0, stderr);
  assert.equal(stderr, '');
  const seqs = stdout
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { seq: number }).seq);
  assert.deepEqual(
    seqs,
    seqs.map((_, index) => index + 1),
  );
});

test('a token is shown once, by the command that makes it, and by nothing else', async () => {
  const made = await here('token', 'gate', 'cp');
  assert.equal(made.code, 0);
  assert.match(made.stdout, /^portcullis gate --name cp --controller 127\.0\.0\.1:\d+ --token \S+\n$/);
  const [id = '', secret = ''] = (made.stdout.trim().split(' ').at(-1) ?? '').split('.');
  assert.ok(!made.stderr.includes(secret));
  // Enrolling with it, and failing to (without its server's certificates a gate does not start).
  const args = [
    ...made.stdout.trim().split(' ').slice(1),
    '--data-dir',
    own.path('gate'),
    '--pki',
    own.path('none'),
  ];
  const gate = await cli(args);
  assertFailure(gate, 1, [own.path('none'), '[unreadable]']);
  const again = await cli(args.map((arg) => arg.replace(own.path('gate'), own.path('gate-2'))));
  assertFailure(again, 1, ['used', '[token-refused]']);
  const { stdout } = await here('events', '--json');
  assert.ok(stdout.includes(id));
  const seen = [gate, again, { stdout, stderr: '' }, controller.output].flatMap((each) => [
    each.stdout,
    each.stderr,
  ]);
  for (const text of seen) assert.ok(!text.includes(secret));
});
