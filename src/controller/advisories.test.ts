// Advisories that are published while the controller runs: what follows, and what doesn't.
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { verifyFolder } from '../log/folder.ts';
import { openJsonClient } from '../platform/https-json.ts';
import { readIdentity } from '../platform/identity.ts';
import { cve, type Ground, ground, planOf, type Started, stageOf } from './testing/ground.ts';

const shipped = readFileSync(join(import.meta.dirname, '../../shields/advisories', `${cve}.json`), 'utf8');
const record = (change: (record: Record<string, unknown>) => void = () => {}) => {
  const parsed = JSON.parse(shipped);
  change(parsed);
  return JSON.stringify(parsed);
};
const from = (place: string, text = record()) => ({ place, record: text });
const other = record((item) => {
  item['id'] = 'CVE-2030-0001';
  item['summary'] = 'another flaw, which no shield is for';
});
const fixedIn = (version: string) =>
  record((item) => {
    const events = [{ introduced: '1.12.0' }, { fixed: version }];
    item['affected'] = [
      {
        package: { ecosystem: 'kubernetes', name: 'k8s.io/apiserver' },
        ranges: [{ type: 'SEMVER', events }],
        severity: [{ type: 'CVSS_V3', score: 'CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H' }],
      },
    ];
  });

describe('publishing advisories', () => {
  let place: Ground;
  let controller: Started;
  const log = async () => (await controller.admin.status()).log;
  const tags = async () => (await controller.admin.status()).servers[0]?.tags ?? [];
  const entries = async () =>
    (await controller.admin.events({ after: 0, limit: 5000 })).filter(({ kind }) => kind === 'advisory');

  before(async () => {
    place = await ground();
    rmSync(join(place.folder, 'advisories', `${cve}.json`));
    controller = await place.start();
    await controller.entry((entry) => entry.kind === 'tags');
  });
  after(() => place[Symbol.asyncDispose]());

  test('nothing is known, and nothing is done, before the first', async () => {
    assert.deepEqual((await controller.admin.advisories()).advisories, []);
    assert.equal(stageOf(await controller.admin.status()), undefined);
    assert.ok(!(await tags()).includes('patch=missing'));
  });

  const bad: readonly [string, string, RegExp][] = [
    ['no JSON', '{', /^feed: /],
    ['no object', '[]', /^feed: /],
    ['no range', record((item) => delete item['affected']), /^feed: affected: /],
    ['no id of an advisory', record((item) => (item['id'] = 'x\n')), /^feed: id: /],
    ['withdrawn', record((item) => (item['withdrawn'] = '2030-01-01T00:00:00Z')), /^feed: withdrawn: /],
    ['a version that is none', fixedIn('one'), /^feed: affected\[0\]\.ranges\[0\]/],
  ];
  for (const [name, text, where] of bad) {
    test(`a bad record is refused with its place and changes nothing: ${name}`, async () => {
      const before = await log();
      await assert.rejects(
        controller.admin.addAdvisory(from('feed', text)),
        (error: { code: string; message: string; place: string }) => {
          assert.equal(error.code, 'bad-advisory');
          assert.match(`${error.place}: ${error.message}`, where);
          return true;
        },
      );
      assert.deepEqual(await log(), before);
      assert.deepEqual((await controller.admin.advisories()).advisories, []);
    });
  }

  test('so is one that is too large, or has more than a place and a record', async () => {
    const before = await log();
    const large = record((item) => (item['details'] = 'x'.repeat(1024 * 1024)));
    await assert.rejects(controller.admin.addAdvisory(from('feed', large)), { code: 'body-too-large' });
    const more = { ...from('feed'), more: 1 };
    await assert.rejects(controller.admin.addAdvisory(more), { code: 'bad-request' });
    assert.deepEqual(await log(), before);
  });

  test('neither agents nor gates may publish or read them, nor strangers', async () => {
    await controller.worker('agent');
    await controller.worker('gate');
    const before = await log();
    const { ca } = readIdentity(join(place.folder, 'data', 'admin'));
    for (const [identity, code] of [
      [readIdentity(join(place.folder, 'agent-cp-1', 'identity')), 'wrong-role'],
      [readIdentity(join(place.folder, 'gate-cp-1', 'identity')), 'wrong-role'],
      [{ controller: controller.address, ca }, 'no-client-certificate'],
    ] as const) {
      const client = openJsonClient(identity);
      const path = '/v1/advisories';
      await assert.rejects(client.call({ method: 'POST', path, body: from('feed') }), { code });
      await assert.rejects(client.call({ method: 'GET', path }), { code });
      client.close();
    }
    const added = await controller.admin.events({ after: before.entries });
    assert.deepEqual(
      added.map(({ kind, actor, subject }) => [kind, actor, subject]),
      ['agent:cp-1', 'gate:cp-1'].flatMap((actor) =>
        ['POST', 'GET'].map((method) => ['denied', actor, `${method} /v1/advisories`]),
      ),
    );
  });

  test('one that no shield is for makes tags and no stage', async () => {
    await controller.admin.addAdvisory(from('feed', other));
    assert.ok((await tags()).includes('cve=CVE-2030-0001'));
    const { servers } = await controller.admin.status();
    assert.deepEqual(servers[0]?.stages, []);
    assert.deepEqual(
      (await controller.admin.advisories()).advisories.map(({ id }) => id),
      ['CVE-2030-0001'],
    );
  });

  test('tags, stage and plan follow at once, without a probe', async () => {
    const agent = await controller.worker('agent', 'cp-1');
    const probes = place.fake.seen.length;
    const answer = await controller.admin.addAdvisory(from('feed'));
    assert.equal(answer.advisory.id, cve);
    assert.equal(answer.advisory.source.place, 'feed');
    assert.equal(answer.outcome, 'added');
    assert.equal(place.fake.seen.length, probes, 'the server was not asked again');
    const status = await controller.admin.status();
    for (const tag of [`cve=${cve}`, 'patch=missing']) assert.ok(status.servers[0]?.tags.includes(tag), tag);
    assert.equal(stageOf(status), 'block');
    const plan = await planOf(agent);
    assert.equal(plan.kind === 'agent' && plan.services[0]?.stage, 'block');
    const entry = (await entries()).at(-1);
    assert.equal(entry?.actor, 'user:admin');
    assert.equal(entry?.subject, cve);
    assert.equal(entry?.data['place'], 'feed');
  });

  test('exposure tells what stands before each flaw and what stays open, gravest first', async () => {
    const { exposures, unread } = await controller.admin.exposure();
    assert.deepEqual(unread, []);
    assert.deepEqual(
      exposures.map(({ advisory, server, status, stage }) => [advisory, server, status, stage]),
      [
        [cve, 'api-1', 'vulnerable', 'block'],
        ['CVE-2030-0001', 'api-1', 'vulnerable', undefined],
      ],
    );
    assert.match(exposures[0]?.gap ?? '', /^the cluster's own traffic/);
    assert.match(exposures[1]?.gap ?? '', /^no shield is for it/);
    assert.ok(exposures.every(({ since }) => since !== undefined));
  });

  test('the same again changes nothing, wherever it was found', async () => {
    const before = await log();
    assert.equal((await controller.admin.addAdvisory(from('feed'))).outcome, 'unchanged');
    const answer = await controller.admin.addAdvisory(from('elsewhere'));
    assert.equal(answer.advisory.source.place, 'feed', 'what counts is answered');
    // The official feed names no versions: what is known of them stays.
    const item = JSON.stringify({ id: cve, summary: 'x', status: 'fixed', _kubernetes_io: {} });
    assert.equal((await controller.admin.addAdvisory(from('official', item))).outcome, 'unchanged');
    assert.deepEqual(await log(), before);
  });

  test('another record of the same flaw takes its place', async () => {
    assert.ok((await tags()).includes(`cve=${cve}`));
    const { outcome, changes } = await controller.admin.addAdvisory(from('feed', fixedIn('1.12.1')));
    assert.equal(outcome, 'changed');
    assert.match(
      changes.join('\n'),
      /^affected: kube-apiserver .* -> kube-apiserver 1\.12\.0 to before 1\.12\.1$/,
    );
    assert.ok(!(await tags()).includes(`cve=${cve}`), 'v1.12.2 is patched by this one');
    assert.equal((await controller.admin.advisories()).advisories.length, 2);
    // A version alone is no proof: the server stays shielded.
    assert.equal(stageOf(await controller.admin.status()), 'block');
    const before = await log();
    await controller.admin.addAdvisory(from('feed', fixedIn('1.12.9')));
    assert.ok((await log()).entries > before.entries);
    assert.ok((await tags()).includes(`cve=${cve}`));
    assert.equal((await controller.admin.advisories()).advisories.length, 2);
  });

  test('a restart keeps them, and the log verifies', async () => {
    const known = (await controller.admin.advisories()).advisories;
    const wanted = await tags();
    const count = (await entries()).length;
    await controller.stop();
    assert.equal(verifyFolder(join(place.folder, 'data')).ok, true);
    controller = await place.start();
    assert.deepEqual((await controller.admin.advisories()).advisories, known);
    assert.deepEqual(await tags(), wanted);
    assert.equal((await entries()).length, count);
    const before = await log();
    await controller.admin.addAdvisory(from('feed', fixedIn('1.12.9')));
    assert.deepEqual(await log(), before);
  });

  test('no defects were noted', () => {
    assert.deepEqual(
      place.notes.filter((line) => line.startsWith('defect')),
      [],
    );
  });
});

describe('a record that the folder has as well', () => {
  test('what was published counts, also after a restart', async () => {
    await using place = await ground();
    const first = await place.start();
    await first.entry((entry) => entry.kind === 'stage');
    const { log } = await first.admin.status();
    await first.admin.addAdvisory(from('feed', fixedIn('1.12.1')));
    assert.ok((await first.admin.status()).log.entries > log.entries);
    const [known, ...more] = (await first.admin.advisories()).advisories;
    assert.equal(more.length, 0);
    assert.equal(known?.source.place, 'feed');
    await first.stop();
    const again = await place.start();
    assert.deepEqual((await again.admin.advisories()).advisories, [known]);
  });
});
