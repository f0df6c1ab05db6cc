// The life of a policy as two people live it on the command line: draft, diff, preview, approve, commit, confirm, rollback.
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

const own = scratch('policy');
const data = own.path('data');
let controller: Running;
const inventory = `apiVersion: portcullis/v1
clusters: [{ name: lab }]
hosts: [{ name: cp, cluster: lab, addresses: [127.0.0.1], tags: [tier=control-plane] }]
servers: [{ name: lab/cp, cluster: lab, host: cp, address: 127.0.0.1, port: 1 }]
groups:
  - { name: office, addresses: [10.9.0.0/16], tags: [site=office] }
  - { name: doors, addresses: [10.8.0.1], tags: [label=break-glass] }
`;
const rules = (...lines: string[]) => ['apiVersion: portcullis/v1', 'rules:', ...lines, ''].join('\n');
const door = '  - { id: door, tier: break-glass, from: label=break-glass, to: any, action: pass }';
const noOffice =
  '  - { id: no-office, from: site=office, to: any, action: deny, reason: nobody works there }';
const file = (name: string, text: string) => {
  writeFileSync(own.path(name), text);
  return own.path(name);
};

async function begin(): Promise<Running> {
  const address = `127.0.0.1:${await freePort()}`;
  const files = ['--inventory', own.path('inventory.yaml'), '--policy', own.path('policy.yaml')];
  const running = start(['controller', '--data-dir', data, '--listen', address, ...files]);
  await running.said(`the controller serves on ${address}`);
  return running;
}
before(async () => {
  file('inventory.yaml', inventory);
  file('policy.yaml', rules(door));
  controller = await begin();
});
after(async () => {
  const ended = await controller.end();
  own.remove();
  assert.equal(ended.code, 0, ended.stderr);
  assertClean(ended);
});

const admin = (...args: string[]) => cli([...args, '--data-dir', data]);
const alice = (...args: string[]) => cli([...args, '--identity', own.path('alice')]);
const says = (answer: Answer, ...texts: (string | RegExp)[]) => {
  assert.equal(answer.code, 0, answer.stderr);
  assertClean(answer);
  for (const text of texts)
    assert.ok(
      typeof text === 'string' ? answer.stdout.includes(text) : text.test(answer.stdout),
      answer.stdout,
    );
};

describe('a policy on the command line', { concurrency: false }, () => {
  test('a second admin logs in under a name of her own, with a token for that name only', async () => {
    const token = await admin('token', 'admin', 'alice', '-o', 'json');
    const made = JSON.parse(token.stdout) as { token: string; controller: string };
    const login = (name: string, folder: string) =>
      cli([
        'login',
        '--name',
        name,
        '--controller',
        made.controller,
        '--identity',
        own.path(folder),
        '--token',
        made.token,
      ]);
    assertFailure(await login('mallory', 'mallory'), 1, ['token-refused']);
    says(await login('alice', 'alice'), 'admin alice');
    says(await alice('policy', 'history'), 'controller');
    assertFailure(await admin('token', 'admin', 'admin'), 1, ["controller's own identity"]);
  });

  test('a viewer logs in with what the token prints, reads, and is told who may do the rest', async () => {
    const token = await admin('token', 'viewer', 'carol');
    const [program, ...printed] = token.stdout.trim().split(' ');
    assert.deepEqual(
      [program, ...printed.slice(0, 5)],
      'portcullis login --role viewer --name carol'.split(' '),
    );
    const as = ['--identity', own.path('carol')];
    const whole = await cli([...printed.filter((word) => word !== '--role' && word !== 'viewer'), ...as]);
    assertFailure(whole, 1, ['token-refused']);
    says(await cli([...printed, ...as]), `viewer carol; use it with --identity ${own.path('carol')}`);
    says(await cli(['policy', 'show', ...as]), 'apiVersion: portcullis/v1');
    says(await cli(['explain', '10.9.1.1', 'lab/cp', ...as]), 'lab/cp');
    const refused = await cli(['policy', 'draft', file('no.yaml', rules(door)), ...as, '-o', 'json']);
    assertFailure(refused, 1, ['this is for admin, and you are viewer', '--identity', '[wrong-role]']);
    says(
      await admin('events', '--kind', 'denied'),
      /denied {6}PUT \/v1\/drafts {2}refused: a viewer may not, this is for admin {2}\(viewer:carol\)\n$/,
    );
  });

  test('a draft is shown, previewed and committed, and nothing is in force before', async () => {
    const made = await admin('policy', 'draft', file('next.yaml', rules(door, noOffice)));
    says(made, "adds rule 'no-office': deny site=office > any", 'lab/cp: pass → deny for office');
    says(await admin('policy', 'diff', 'next'), 'rule/no-office: adds', /^\+ \{ id: no-office/m);
    says(
      await admin('policy', 'preview', 'next', '--days', '3'),
      'open connections',
      'recorded sessions since',
    );
    assert.ok(!(await admin('policy', 'show')).stdout.includes('no-office'));
    says(await admin('policy', 'show', 'next'), 'no-office');
    says(await admin('policy', 'commit', 'next', '-m', 'the office moved'), 'generation 2 in force, 2 rules');
    says(await admin('policy', 'history'), 'the office moved', 'committed from a draft of user:admin');
    assertFailure(await admin('policy', 'commit', 'next'), 1, ['no draft', 'unknown-draft']);
  });

  test('explain says which rule decides, and why the others did not', async () => {
    says(
      await admin('explain', '10.9.1.1', 'lab/cp'),
      '10.9.1.1 (office) → lab/cp: DENY by policy/no-office',
      '· policy/door [break-glass] pass: from fails: label=break-glass is false',
      'rules[1]; nobody works there',
    );
    assertFailure(await admin('explain', '10.9.1.1', 'lab/none'), 1, ['unknown-server']);
  });

  test('a draft that the policy has left behind is refused, and rebased', async () => {
    const one = file('one.yaml', rules(door, noOffice, '  - { id: one, from: any, to: any, action: pass }'));
    const two = file('two.yaml', `${rules(door, noOffice)}default: deny\n`);
    says(await admin('policy', 'draft', one, '--name', 'one'));
    says(await alice('policy', 'draft', two, '--name', 'two'));
    says(await alice('policy', 'commit', 'two'));
    assertFailure(await admin('policy', 'commit', 'one'), 1, [
      'made from generation 2',
      '3 by user:alice has come since (default)',
      'portcullis policy rebase one',
    ]);
    says(await admin('policy', 'rebase', 'one'), 'from generation 3: 1 changes');
    says(await admin('policy', 'commit', 'one', '--only', 'rule/one'), 'generation 4');
    says(await admin('policy', 'show'), 'default: deny', 'id: one');
  });

  test('what would lock out is refused when it is drafted, and can not be committed', async () => {
    const bad = rules('  - { id: shut, tier: break-glass, from: any, to: any, action: deny }');
    const drafted = await admin('policy', 'draft', file('bad.yaml', bad), '--name', 'bad');
    assert.equal(drafted.code, 3);
    assert.match(drafted.stdout, /REFUSED: .*rules\[0\].*\[plan-locks-out\]/);
    assertFailure(await admin('policy', 'commit', 'bad'), 1, ['plan-locks-out']);
    says(await admin('policy', 'drop', 'bad'));
  });

  test('a draft that takes a break-glass way in says so', async () => {
    const drafted = await admin('policy', 'draft', file('shut.yaml', rules(noOffice)), '--name', 'shut');
    says(drafted, 'touches break-glass of lab/cp: 10.8.0.1 would have no way in any more');
    says(await admin('policy', 'drop', 'shut'));
  });

  test('approval: of another person, of exactly what is committed', async () => {
    const required = `${rules(door, noOffice)}approval: required\n`;
    says(await admin('policy', 'apply', file('required.yaml', required)));
    assertFailure(await admin('policy', 'apply', own.path('next.yaml')), 1, ['approval-required']);
    assertFailure(await admin('policy', 'rollback', '2'), 1, ['approval-required']);
    says(await admin('policy', 'draft', own.path('next.yaml'), '--name', 'free'), 'needs an approval');
    assertFailure(await admin('policy', 'commit', 'free'), 1, ['approval-required', 'other than user:admin']);
    assertFailure(await admin('policy', 'approve', 'free'), 1, ['own-approval']);
    says(await alice('policy', 'approve', 'free'), 'approved by user:alice');
    says(await admin('policy', 'draft', file('other.yaml', `${rules(door)}`), '--name', 'free'));
    assertFailure(await admin('policy', 'commit', 'free'), 1, ['approval-required']);
    says(await alice('policy', 'approve', 'free'));
    says(await admin('policy', 'commit', 'free'));
    says(await admin('policy', 'history'), 'approved by user:alice');
  });

  test('a commit on trial blocks others, and is confirmed or taken back', async () => {
    says(await admin('policy', 'rollback', '2', '--confirm', '1h'), 'confirm it by');
    assertFailure(await admin('policy', 'apply', own.path('other.yaml')), 1, []);
    says(await admin('policy', 'draft', own.path('two.yaml'), '--name', 'late'));
    assertFailure(await admin('policy', 'commit', 'late'), 1, ['unconfirmed', 'waits until']);
    says(await alice('policy', 'confirm'), 'in force');
    says(await admin('policy', 'history'), 'confirmed by user:alice');
    assertFailure(await admin('policy', 'confirm'), 1, ['nothing-to-change']);
    assertFailure(await admin('policy', 'commit', 'late', '--confirm', '1s'), 2, ['from 5s to 24h']);
  });

  test('a restart with the same policy file keeps what was committed since', async () => {
    const before = (await admin('policy', 'show')).stdout;
    await controller.end();
    controller = await begin();
    assert.equal((await admin('policy', 'show')).stdout, before);
    assert.match(
      controller.output.stderr + controller.output.stdout,
      /the policy file is as it was read before/,
    );
  });
});
