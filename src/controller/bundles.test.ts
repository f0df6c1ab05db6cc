// Bundles at a controller: used, refused, rolled back, revoked, expired, and what of it a restart finds again.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { verifyFolder } from '../log/folder.ts';
import type { ShieldBundle } from '../model/bundle.ts';
import { openJsonClient } from '../platform/https-json.ts';
import { readIdentity } from '../platform/identity.ts';
import { bundleFile, bundleText } from '../shields/bundle.ts';
import { createSecretKey, publicKeyFile, type SecretKey, signText } from '../shields/minisign.ts';
import { cve, type Ground, ground, planOf, type Started, shieldFile } from './testing/ground.ts';

const keyOf = (fill: number): SecretKey => createSecretKey(Buffer.alloc(40, fill)).secret;
const [first, second, stranger] = [keyOf(1), keyOf(2), keyOf(3)];
const own = readFileSync(shieldFile, 'utf8');
const other = readFileSync(join(shieldFile, '../CVE-2020-8561.yaml'), 'utf8');
/** The shield that is in the folder, with another message for one rule. */
const edited = (word: string) =>
  own.replace(/message: .*\n/, (line) => line.replace('message: ', `message: ${word} `));

type Change = Partial<ShieldBundle>;
function made(version: number, change: Change = {}, key = first) {
  const text = bundleText({
    apiVersion: 'portcullis/v1',
    kind: 'ShieldBundle',
    name: 'core',
    version,
    createdAt: '2026-11-27T12:00:00Z',
    shields: [bundleFile('own.yaml', edited(`v${version}`))],
    ...change,
  });
  const signature = signText(Buffer.from(text), key, `bundle core ${version}`);
  return { place: `core-${version}.bundle`, text, signature, shadow: false, dryRun: false };
}
/** A shield that costs nearly as much as one may. */
const dear = (number: number) => `apiVersion: portcullis/v1
kind: Shield
id: CVE-2000-${number}
title: A title
tier: 1
severity: minor
component: kube-apiserver
description: Text.
firstResponse: {pass: []}
deeperDefense:
  rules:
    - id: asks
      phase: request
      when: '"a" in request.queryNames || "b" in request.queryNames || "c" in request.queryNames'
      action: deny
      severity: minor
      message: No.
lift: {when: [version]}
falsePositives: None.
references: ["https://example.invalid/"]
tests:
  - {name: a, kind: attack, steps: [{client: "GET /x?a=1 HTTP/1.1\\nHost: k\\n\\n"}], expect: {rules: [asks], connection: closed}}
  - {name: d, kind: innocent, steps: [{client: "GET /x?d=1 HTTP/1.1\\nHost: k\\n\\n"}], expect: {connection: open}}
`;
const trust = (key: SecretKey) => ({ place: 'k.pub', key: publicKeyFile(key.publicKey) });

describe('bundles', () => {
  let place: Ground;
  let controller: Started;
  const use = (...args: Parameters<typeof made>) => controller.admin.bundles.use(made(...args));
  const states = async () =>
    (await controller.admin.bundles.list()).bundles.map(
      ({ name, version, state }) => `${name} ${version} ${state}`,
    );
  const entries = async () =>
    (await controller.admin.events({ after: 0, limit: 5000 })).filter(({ kind }) => kind === 'bundle');
  const head = async () => (await controller.admin.status()).log.head;
  const restart = async (more = {}) => {
    await controller.stop();
    controller = await place.start(more);
  };
  /** The message that the shield's first rule has in the gate's plan now. */
  async function inPlan(): Promise<string> {
    const gate = await controller.worker('gate');
    const plan = await planOf(gate);
    return /message":"(\w+) /.exec(JSON.stringify(plan))?.[1] ?? '';
  }

  before(async () => {
    place = await ground();
    controller = await place.start();
    await controller.entry((entry) => entry.kind === 'stage');
  });
  after(() => place[Symbol.asyncDispose]());

  test('nothing counts that nobody trusted', async () => {
    const before = await head();
    await assert.rejects(use(1), { code: 'unknown-key' });
    assert.equal(await head(), before);
  });

  test('a key is trusted once', async () => {
    assert.equal((await controller.admin.bundles.trust(trust(first))).outcome, 'trusted');
    const before = await head();
    assert.equal((await controller.admin.bundles.trust(trust(first))).outcome, 'unchanged');
    assert.equal(await head(), before);
    // Another key under the same id.
    const alike = createSecretKey(Buffer.concat([Buffer.alloc(8, 1), Buffer.alloc(32, 9)])).secret;
    await assert.rejects(controller.admin.bundles.trust(trust(alike)), { code: 'bad-signing-key' });
    await controller.admin.bundles.trust(trust(second));
  });

  test('a dry run says what it would change, and changes nothing', async () => {
    const before = await head();
    const answer = await controller.admin.bundles.use({ ...made(5), dryRun: true });
    assert.equal(answer.outcome, 'dry-run');
    assert.deepEqual(
      answer.changes.map(({ shield, change, rules }) => [shield, change, rules.changed.length]),
      [[cve, 'changed', 1]],
    );
    assert.equal(await head(), before);
  });

  test('a bundle takes the place of shields that came along, and plans follow at once', async () => {
    const answer = await use(5);
    assert.equal(answer.outcome, 'used');
    assert.equal(await inPlan(), 'v5');
    const entry = (await entries()).at(-1);
    assert.equal(entry?.actor, 'user:admin');
    assert.equal(entry?.subject, 'core');
    assert.equal(entry?.data['key'], first.id);
    assert.deepEqual(entry?.data['changes'], answer.changes);
    const [shown] = (await controller.admin.status()).bundles;
    assert.deepEqual(
      [shown?.name, shown?.version, shown?.key, shown?.state],
      ['core', 5, first.id, 'in-force'],
    );
  });

  test('the same again changes nothing', async () => {
    const before = await head();
    assert.equal((await use(5)).outcome, 'unchanged');
    assert.equal(await head(), before);
  });

  const refused: readonly [string, () => ReturnType<typeof made>, string][] = [
    ['an older one', () => made(4), 'bundle-rollback'],
    ['the same version with other contents', () => made(5, { label: 'x' }), 'bundle-rollback'],
    ['another key, trusted too, and an older version', () => made(4, {}, second), 'bundle-rollback'],
    ['a key that nobody trusts', () => made(6, {}, stranger), 'unknown-key'],
    [
      'a text that was changed',
      () => ({ ...made(6), text: made(6).text.replace('v6', 'v7') }),
      'bad-signature',
    ],
    ['the signature of another', () => ({ ...made(6), signature: made(7).signature }), 'bad-signature'],
    ['a later program', () => made(6, { minPortcullis: '99.0.0' }), 'bundle-needs-newer'],
    [
      'one bad shield among good ones',
      () =>
        made(6, {
          shields: [
            bundleFile('own.yaml', edited('v6')),
            bundleFile('bad.yaml', other.replace('^/debug/flags', '^/debug/flagz')),
          ],
        }),
      'shield-self-test',
    ],
    [
      'a shield that is enforced taken away',
      () => made(6, { shields: [], revokes: { shields: [cve] } }),
      'unknown-shield',
    ],
    [
      'shields that are good one by one, and too costly together',
      () =>
        made(6, {
          shields: Array.from({ length: 60 }, (_, index) => bundleFile(`${index}.yaml`, dear(index + 1))),
        }),
      'catalogue-too-costly',
    ],
    [
      'a shield of another name’s bundle',
      () => made(1, { name: 'site', shields: [bundleFile('own.yaml', own)] }),
      'shield-in-two-bundles',
    ],
  ];
  for (const [name, request, code] of refused) {
    test(`refused, and nothing is changed: ${name}`, async () => {
      const before = await head();
      await assert.rejects(controller.admin.bundles.use(request()), { code });
      assert.equal(await head(), before);
    });
  }

  test('neither agents nor gates may ask or change anything, nor strangers', async () => {
    await controller.worker('agent');
    const before = (await controller.admin.status()).log.entries;
    const { ca } = readIdentity(join(place.folder, 'data', 'admin'));
    for (const [identity, code] of [
      [readIdentity(join(place.folder, 'agent-cp-1', 'identity')), 'wrong-role'],
      [{ controller: controller.address, ca }, 'no-client-certificate'],
    ] as const) {
      const client = openJsonClient(identity);
      for (const path of ['/v1/bundles', '/v1/bundles/trust', '/v1/bundles/revoke'])
        await assert.rejects(client.call({ method: 'POST', path, body: {} }), { code });
      await assert.rejects(client.call({ method: 'GET', path: '/v1/bundles' }), { code });
      client.close();
    }
    const added = await controller.admin.events({ after: before });
    assert.deepEqual(
      added.map(({ kind, actor, subject }) => [kind, actor, subject]),
      ['POST /v1/bundles', 'POST /v1/bundles/trust', 'POST /v1/bundles/revoke', 'GET /v1/bundles'].map(
        (call) => [...['denied', 'agent:cp-1', call]],
      ),
    );
  });

  test('bundles of two names stand beside each other', async () => {
    await use(1, { name: 'site', shields: [bundleFile('other.yaml', other)] }, second);
    assert.deepEqual(await states(), ['site 1 in-force', 'core 5 in-force']);
  });

  test('a restart, without the files, finds all of it again and still refuses what is older', async () => {
    const before = await inPlan();
    await restart();
    assert.equal(await inPlan(), before);
    assert.deepEqual(await states(), ['site 1 in-force', 'core 5 in-force']);
    await assert.rejects(use(4), { code: 'bundle-rollback' });
    assert.equal((await use(5)).outcome, 'unchanged');
  });

  test('an expired one is warned of, once, and stays in force over a restart', async () => {
    const answer = await use(6, { expires: '2026-01-01T00:00:00Z' }, second);
    assert.match(answer.warnings.join(), /expired/);
    await controller.entry((entry) => entry.data['what'] === 'expired' && entry.data['version'] === 6);
    await restart();
    assert.equal(await inPlan(), 'v6');
    const [shown] = (await controller.admin.status()).bundles.filter(({ name }) => name === 'core');
    assert.equal(shown?.expired, true);
    assert.equal((await entries()).filter(({ data }) => data['what'] === 'expired').length, 1);
  });

  test('a revoked key takes with it what it signed; the newest of another key stands instead', async () => {
    await assert.rejects(controller.admin.bundles.revoke({ key: stranger.id, why: 'typo' }), {
      code: 'unknown-key',
    });
    const answer = await controller.admin.bundles.revoke({ key: second.id, why: 'the laptop was stolen' });
    assert.deepEqual(answer.consequences, [
      'bundle site 1 is void; in force instead: the shields that came with Portcullis',
      'bundle core 6 is void; in force instead: version 5',
    ]);
    assert.equal(await inPlan(), 'v5');
    assert.deepEqual(await states(), ['core 6 void', 'site 1 void', 'core 5 in-force']);
    const shown = (await controller.admin.status()).bundles.find(({ name }) => name === 'site');
    assert.match(shown?.why ?? '', /its key .* was revoked: the laptop was stolen/);
    assert.equal((await controller.admin.bundles.revoke({ key: second.id, why: 'x' })).outcome, 'unchanged');
  });

  test('it stays so over a restart; nothing that it signs is used, and it is not trusted again', async () => {
    mkdirSync(join(place.folder, 'data', 'keys'), { recursive: true });
    writeFileSync(join(place.folder, 'data', 'keys', 'second.pub'), publicKeyFile(second.publicKey));
    await restart();
    assert.equal(await inPlan(), 'v5');
    await assert.rejects(use(9, {}, second), { code: 'revoked-key' });
    await assert.rejects(controller.admin.bundles.trust(trust(second)), { code: 'revoked-key' });
    assert.ok(place.notes.some((line) => /second\.pub: key .* was revoked/.test(line)));
  });

  test('what a revoked key signed holds up no later version', async () => {
    assert.equal((await use(6)).outcome, 'used');
    assert.equal(await inPlan(), 'v6');
  });

  test('a bundle revokes keys and versions; a person who revokes its own key takes that back', async () => {
    const third = keyOf(4);
    await controller.admin.bundles.trust(trust(third));
    await use(7, { revokes: { keys: [first.id], versions: [6] } }, third);
    await assert.rejects(use(8), { code: 'revoked-key' });
    const keys = await controller.admin.bundles.list();
    assert.equal(keys.keys.find(({ id }) => id === first.id)?.why, 'by bundle core 7');
    await controller.admin.bundles.revoke({ key: third.id, why: 'it was not ours' });
    assert.equal(await inPlan(), 'v6');
    assert.equal((await use(8)).outcome, 'used');
  });

  test('a key of the folder is trusted from the start', async () => {
    const folder = join(place.folder, 'keys');
    mkdirSync(folder);
    writeFileSync(join(folder, 'stranger.pub'), publicKeyFile(stranger.publicKey));
    await restart({ bundleKeysFolder: folder });
    assert.equal((await use(9, {}, stranger)).outcome, 'used');
    writeFileSync(join(folder, 'broken.pub'), 'x');
    await controller.stop();
    await assert.rejects(place.start({ bundleKeysFolder: folder }), { code: 'bad-signing-key' });
    rmSync(join(folder, 'broken.pub'));
    controller = await place.start({ bundleKeysFolder: folder });
  });

  test('in shadow, if asked: what is new or changed only looks on, and a later bundle leaves that', async () => {
    const shields = [bundleFile('own.yaml', edited('v10')), bundleFile('other.yaml', other)];
    const request = { ...made(10, { shields }, stranger), shadow: true };
    const planned = await controller.admin.bundles.use({ ...request, dryRun: true });
    const answer = await controller.admin.bundles.use(request);
    assert.deepEqual(answer, { ...planned, outcome: 'used' });
    assert.deepEqual(answer.shadowed, [
      { shield: cve, server: 'api-1', from: 'enforce' },
      { shield: 'CVE-2020-8561', server: 'api-1', from: 'enforce' },
    ]);
    assert.deepEqual(answer.warnings, [`${cve} was enforced at api-1, and only looks on from now on`]);
    const shown = async () =>
      (await controller.admin.status()).servers[0]?.stages.find(({ shield }) => shield === cve);
    assert.deepEqual([(await shown())?.mode, (await shown())?.modeFrom], ['shadow', 'person']);
    const agent = await controller.worker('agent');
    const plan = JSON.stringify(await planOf(agent));
    assert.match(plan, /"stage":"(observe|inspect)"/);
    await restart();
    const next = await use(11, { shields }, stranger);
    assert.deepEqual(next.shadowed, []);
    assert.equal((await shown())?.mode, 'shadow');
  });

  test('where two people open, one alone does not send to shadow what is enforced', async () => {
    await controller.admin.setMode({ server: 'api-1', shield: cve, mode: 'default', why: 'it was good' });
    const policy = await controller.admin.policy();
    await controller.admin.putPolicy({ ...policy, response: { ...policy.response, twoPeople: ['lifted'] } });
    const before = await head();
    const request = { ...made(12, {}, stranger), shadow: true };
    await assert.rejects(controller.admin.bundles.use(request), { code: 'approval-required' });
    assert.equal(await head(), before);
    await controller.admin.putPolicy(policy);
  });

  test('where two people open, one alone trusts no key, and neither changes nor revokes what stands', async () => {
    const policy = await controller.admin.policy();
    await controller.admin.putPolicy({ ...policy, response: { ...policy.response, twoPeople: ['lifted'] } });
    const somebody = await controller.person('somebody');
    const sixth = keyOf(6);
    const refused = { code: 'approval-required' };
    await assert.rejects(controller.admin.bundles.trust(trust(sixth)), refused);
    await assert.rejects(controller.admin.bundles.trust(trust(sixth)), refused);
    assert.equal((await somebody.bundles.trust(trust(sixth))).outcome, 'trusted');
    const request = made(1, { name: 'sixth', shields: [bundleFile('dear.yaml', dear(6))] }, sixth);
    assert.equal((await controller.admin.bundles.use(request)).outcome, 'used', 'it only adds');
    const next = made(2, { name: 'sixth', shields: [bundleFile('dear.yaml', dear(7))] }, sixth);
    assert.equal((await somebody.bundles.use({ ...next, dryRun: true })).outcome, 'dry-run');
    await assert.rejects(somebody.bundles.use(next), refused);
    const other = made(3, { name: 'sixth', shields: [bundleFile('dear.yaml', dear(8))] }, sixth);
    await assert.rejects(
      controller.admin.bundles.use(other),
      refused,
      'another bundle of the name is another',
    );
    assert.equal((await controller.admin.bundles.use(next)).outcome, 'used');
    const why = 'lost';
    await assert.rejects(controller.admin.bundles.revoke({ key: sixth.id, why }), refused);
    assert.equal((await somebody.bundles.revoke({ key: sixth.id, why })).outcome, 'revoked');
    const told = (await entries()).slice(-4).map(({ data }) => [data['what'], data['first'] !== undefined]);
    assert.deepEqual(told, [
      ['trusted', true],
      ['used', false],
      ['used', true],
      ['revoked', true],
    ]);
    await restart();
    await controller.admin.putPolicy(policy);
  });

  test('what a bundle weakens by itself is warned of', async () => {
    const shields = [bundleFile('own.yaml', edited('v13').replace('tier: 1', 'tier: 2'))];
    const answer = await use(13, { shields }, stranger);
    assert.deepEqual(answer.changes.find(({ shield }) => shield === cve)?.fields, ['tier']);
    assert.match(answer.warnings.join('\n'), /goes from tier 1 to 2/);
    assert.match(answer.warnings.join('\n'), /CVE-2020-8561 is no shield any more/);
  });

  test('a key is not revoked under a shield that only it brings and that is enforced: lifted first, then it is', async () => {
    const fifth = keyOf(5);
    await controller.admin.bundles.trust(trust(fifth));
    await use(1, { name: 'more', shields: [bundleFile('dear.yaml', dear(1))] }, fifth);
    const stage = (to: 'inspect' | 'lifted') =>
      controller.admin.setStage({ server: 'api-1', shield: 'CVE-2000-1', stage: to, why: 'a test' });
    await stage('inspect');
    const before = await head();
    await assert.rejects(
      controller.admin.bundles.revoke({ key: fifth.id, why: 'stolen' }),
      (error: { code: string; hint: string }) => {
        assert.equal(error.code, 'unknown-shield');
        assert.match(error.hint, /lift it first/);
        return true;
      },
    );
    assert.equal(await head(), before);
    await stage('lifted');
    const answer = await controller.admin.bundles.revoke({ key: fifth.id, why: 'stolen' });
    assert.deepEqual(
      answer.changes.map(({ shield, change }) => [shield, change]),
      [['CVE-2000-1', 'removed']],
    );
    await restart();
    assert.ok((await states()).includes('more 1 void'));
  });

  test('a second controller on a copy of the data folder knows the same; one of its own knows nothing', async () => {
    const mine = await states();
    await controller.stop();
    cpSync(join(place.folder, 'data'), join(place.folder, 'copy'), { recursive: true });
    const copy = await place.start({ dataDir: join(place.folder, 'copy') });
    const fresh = await place.start({ dataDir: join(place.folder, 'fresh') });
    controller = await place.start();
    assert.deepEqual(await states(), mine);
    await assert.rejects(copy.admin.bundles.use(made(12, {}, stranger)), { code: 'bundle-rollback' });
    await assert.rejects(copy.admin.bundles.use(made(5)), { code: 'bundle-rollback' });
    assert.deepEqual(
      (await copy.admin.bundles.list()).bundles.map(({ digest, state }) => [digest, state]),
      (await controller.admin.bundles.list()).bundles.map(({ digest, state }) => [digest, state]),
    );
    assert.deepEqual(await fresh.admin.bundles.list(), { bundles: [], keys: [] });
    for (const name of ['data', 'copy']) assert.ok(verifyFolder(join(place.folder, name)).ok);
  });
});
