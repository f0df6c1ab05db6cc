// Modes and exemptions as a person sets them on the command line.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
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

const own = scratch('modes');
const data = own.path('data');
const shield = 'CVE-2018-1002105';
let controller: Running;

before(async () => {
  writeFileSync(
    own.path('inventory.yaml'),
    `apiVersion: portcullis/v1
clusters: [{ name: lab }]
hosts: [{ name: cp, cluster: lab, addresses: [127.0.0.1], tags: [tier=control-plane] }]
servers: [{ name: lab/cp, cluster: lab, host: cp, address: 127.0.0.1, port: 1 }]
groups: [{ name: office, addresses: [10.9.0.0/16], tags: [site=office] }]
`,
  );
  const address = `127.0.0.1:${await freePort()}`;
  controller = start([
    ...['controller', '--data-dir', data, '--listen', address],
    ...['--inventory', own.path('inventory.yaml')],
  ]);
  await controller.said(`the controller serves on ${address}`);
});
after(async () => {
  const ended = await controller.end();
  own.remove();
  assert.equal(ended.code, 0, ended.stderr);
  assertClean(ended);
});

const admin = (...args: string[]) => cli([...args, '--data-dir', data]);
const says = (answer: Answer, ...texts: (string | RegExp)[]) => {
  assert.equal(answer.code, 0, answer.stderr);
  assertClean(answer);
  for (const text of texts)
    assert.ok(
      typeof text === 'string' ? answer.stdout.includes(text) : text.test(answer.stdout),
      answer.stdout,
    );
};
const why = ['--why', 'a test'];

describe('modes on the command line', { concurrency: false }, () => {
  test('are set with a reason, again without effect, and back to the default', async () => {
    assertFailure(await admin('mode', 'lab/cp', shield, 'shadow'), 2, ['--why is needed']);
    assertFailure(await admin('mode', 'lab/cp', shield, 'on', ...why), 2, ["'on' is not a mode"]);
    assertFailure(await admin('mode', 'lab/cp', 'CVE-1-1', 'off', ...why), 1, ['unknown-shield']);
    says(await admin('mode', 'lab/cp', shield, 'shadow', ...why), 'enforce → shadow', 'stands at observe');
    says(await admin('mode', 'lab/cp', shield, 'shadow', ...why), 'already shadow');
    says(await admin('events'), `${shield} enforce → shadow: a test`);
    const json = await admin('mode', 'lab/cp', shield, 'default', ...why, '-o', 'json');
    assert.deepEqual(JSON.parse(json.stdout), {
      ok: true,
      server: 'lab/cp',
      shield,
      from: 'shadow',
      mode: 'enforce',
      changed: true,
      stage: 'observe',
      unset: [],
    });
  });

  test('enforce shows what it would refuse, and acts only when told so', async () => {
    says(await admin('mode', 'lab/cp', shield, 'shadow', ...why));
    const shown = await admin('mode', 'lab/cp', shield, 'enforce');
    assert.equal(shown.code, 3);
    assert.match(
      shown.stdout,
      /would have refused nothing that it saw since .*\n\nNothing was changed: --yes/,
    );
    const looked = JSON.parse((await admin('mode', 'lab/cp', shield, 'enforce', '-o', 'json')).stdout);
    assert.deepEqual([looked.changed, looked.shadow.found], [false, 0]);
    says(await admin('mode', 'lab/cp', shield, 'enforce', '--yes', ...why), 'shadow → enforce');
  });

  test('a stage and a mode may cut what is open', async () => {
    says(await admin('stage', 'lab/cp', shield, 'inspect', '--now', ...why), `${shield} on lab/cp: inspect`);
    says(await admin('events'), 'a test; open connections are cut');
    says(await admin('status'), 'MODE', /inspect\s+enforce/);
  });
});

describe('exemptions on the command line', { concurrency: false }, () => {
  const add = (id: string, ...more: string[]) =>
    admin('exempt', 'add', id, '--shield', shield, '--owner', 'platform', ...why, ...more);

  test('are added, listed, shown by status, and removed', async () => {
    says(await admin('exempt', 'list'), 'No exemption is in force.');
    const made = await add(
      'old-client',
      ...['--user', 'ada', '--from', 'site=office', '--for', '30d'],
      ...['--resource', 'pods/exec@web', '--resource', 'deployments.apps'],
    );
    says(made, 'old-client: ada from site=office for pods/exec@web, deployments.apps, until 2');
    says(await admin('exempt', 'list'), 'old-client', 'platform', 'user:admin', 'a test');
    says(await admin('status'), 'exemptions: old-client');
    const { exemptions } = JSON.parse((await admin('exempt', 'list', '-o', 'json')).stdout);
    assert.deepEqual(exemptions[0].resources, [
      { resource: 'pods/exec', group: '', namespace: 'web' },
      { resource: 'deployments', group: 'apps' },
    ]);
    says(await admin('exempt', 'remove', 'old-client', ...why), 'exemption old-client: ended');
    says(await admin('exempt', 'list'), 'No exemption is in force.');
    says(await admin('events'), 'owner platform: a test', 'ended: a test');
  });

  test('service accounts are written as kubectl does', async () => {
    says(
      await add('robot', '--service-account', 'ci:runner', '--for', '12h'),
      'system:serviceaccount:ci:runner',
    );
    says(await admin('exempt', 'remove', 'robot', ...why));
  });

  const wrong: readonly [string[], number, string][] = [
    [['--user', 'ada'], 2, 'say --for or --until'],
    [['--user', 'ada', '--for', '1y'], 2, '--for takes hours or days'],
    [['--for', '1d'], 2, 'say whom or what'],
    [['--user', 'ada', '--for', '91d'], 1, 'more than 90 days'],
    [['--user', 'ada', '--for', '1d', '--rule', 'none-such'], 1, 'has no rule'],
    [['--from', 'any', '--for', '1d'], 1, 'exempts everybody'],
    [['--resource', '@web', '--for', '1d'], 2, '--resource takes'],
  ];
  for (const [options, code, message] of wrong) {
    test(`refused: ${options.join(' ')}`, async () => {
      assertFailure(await add('wrong', ...options), code, [message]);
    });
  }
});
