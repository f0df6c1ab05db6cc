// A bundle as its publisher makes it and an operator uses it, on the command line.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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

const own = scratch('bundles');
const data = own.path('data');
const catalogue = join(import.meta.dirname, '../../shields');
let controller: Running;

async function begin(): Promise<Running> {
  const address = `127.0.0.1:${await freePort()}`;
  const running = start(['controller', '--data-dir', data, '--listen', address]);
  await running.said(`the controller serves on ${address}`);
  return running;
}
const admin = (...args: string[]) => cli([...args, '--data-dir', data]);
const says = (answer: Answer, ...texts: (string | RegExp)[]) => {
  assert.equal(answer.code, 0, answer.stderr);
  assertClean(answer);
  for (const text of texts) assert.match(answer.stdout, typeof text === 'string' ? new RegExp(text) : text);
};
const json = (answer: Answer) => JSON.parse(answer.stdout);

before(async () => {
  mkdirSync(own.path('shields'));
  const text = readFileSync(join(catalogue, 'CVE-2020-8561.yaml'), 'utf8');
  writeFileSync(own.path('shields', 'CVE-2020-8561.yaml'), text.replaceAll('Profiles are', 'A profile is'));
  controller = await begin();
});
after(async () => {
  const ended = await controller.end();
  own.remove();
  assert.equal(ended.code, 0, ended.stderr);
});

describe('the publisher', () => {
  const key = own.path('ours');
  test('makes a key, once', async () => {
    const made = await cli(['bundle', 'keygen', key]);
    says(made, /^key [0-9A-F]{16} made/);
    assert.match(made.stderr, /not protected by a passphrase/);
    assert.equal(statSync(`${key}.key`).mode & 0o777, 0o600);
    const before = readFileSync(`${key}.key`, 'utf8');
    says(await cli(['bundle', 'keygen', key, '-o', 'json']), /"outcome":"unchanged"/);
    assert.equal(readFileSync(`${key}.key`, 'utf8'), before);
    const open = readFileSync(`${key}.pub`, 'utf8');
    rmSync(`${key}.pub`);
    says(await cli(['bundle', 'keygen', key]), /was there already/);
    assert.equal(readFileSync(`${key}.pub`, 'utf8'), open);
    for (const text of [made.stdout, made.stderr]) assert.ok(!text.includes(before.split('\n')[1] ?? '-'));
  });

  const build = (version: number, ...more: string[]) => {
    const file = own.path(`core-${version}.bundle`);
    return cli([
      'bundle',
      'build',
      own.path('shields'),
      '--name',
      'core',
      '--version',
      `${version}`,
      '--file',
      file,
      ...more,
    ]);
  };
  const sign = (version: number, ...more: string[]) =>
    cli(['bundle', 'sign', own.path(`core-${version}.bundle`), '--key', `${key}.key`, ...more]);

  test('builds and signs, and doing it again changes nothing', async () => {
    says(await build(1, '--label', '2026.11'), /core 1, 1 shields, built; next: portcullis bundle sign/);
    says(await sign(1), /by key [0-9A-F]{16}, signed/);
    const files = ['core-1.bundle', 'core-1.bundle.minisig'];
    const before = files.map((name) => readFileSync(own.path(name), 'utf8'));
    says(await build(1, '--label', '2026.11'), /unchanged/);
    says(await sign(1), /unchanged/);
    assert.deepEqual(
      files.map((name) => readFileSync(own.path(name), 'utf8')),
      before,
    );
    assertFailure(await build(1, '--label', 'other'), 1, ['[bad-bundle]', /has other contents/]);
  });

  test('the same folder makes the same bytes', async () => {
    const env = { SOURCE_DATE_EPOCH: '1700000000' };
    const built = async (file: string) => {
      const args = ['bundle', 'build', own.path('shields'), '--version', '9', '--file', own.path(file)];
      says(await cli(args, { env }), /built/);
      return readFileSync(own.path(file), 'utf8');
    };
    assert.equal(await built('a.bundle'), await built('b.bundle'));
  });

  test('is told what would be refused', async () => {
    assertFailure(await build(0), 2, ['[usage]', /--version/]);
    assertFailure(await build(3, '--expires', 'soon'), 1, ['[bad-bundle]', /expires/]);
    assertFailure(await build(3, '--revoke-key', 'x'), 1, ['[bad-bundle]', /16 upper-case/]);
    assertFailure(await build(3, '--revoke-version', '3'), 1, ['[bad-bundle]', /before its own/]);
    assertFailure(await cli(['bundle', 'build', own.path('none'), '--version', '1']), 1, [
      '[unreadable]',
      /no such folder/,
    ]);
    mkdirSync(own.path('bad'));
    const text = readFileSync(join(catalogue, 'CVE-2020-8561.yaml'), 'utf8').replace(
      '^/debug/flags',
      '^/debug/flagz',
    );
    writeFileSync(own.path('bad', 'CVE-2020-8561.yaml'), text);
    const bad = await cli([
      'bundle',
      'build',
      own.path('bad'),
      '--version',
      '1',
      '--file',
      own.path('bad.bundle'),
    ]);
    assertFailure(bad, 1, ['[shield-self-test]', /did not go as expected/]);
    assertFailure(await cli(['bundle', 'sign', own.path('core-1.bundle')]), 2, ['[usage]', /--key/]);
    const wrong = await cli(['bundle', 'sign', own.path('core-1.bundle'), '--key', `${key}.pub`]);
    assertFailure(wrong, 1, ['[bad-signing-key]', /no secret key/]);
  });

  test('is warned of a key that others can read', async () => {
    copyFileSync(`${key}.key`, own.path('open.key'));
    chmodSync(own.path('open.key'), 0o644);
    const answer = await cli(['bundle', 'sign', own.path('core-1.bundle'), '--key', own.path('open.key')]);
    assert.match(answer.stderr, /others than its owner can read/);
  });

  const installed = spawnSync('minisign', ['-v']).error === undefined;
  test('minisign verifies what it signed', { skip: installed ? false : 'minisign is not installed' }, () => {
    const args = ['-V', '-p', `${key}.pub`, '-m', own.path('core-1.bundle')];
    const { status, stdout } = spawnSync('minisign', args, { encoding: 'utf8' });
    assert.equal(status, 0);
    assert.match(stdout, /bundle core 1/);
  });

  test('verify needs no controller where the key is given', async () => {
    const file = own.path('core-1.bundle');
    says(
      await cli(['bundle', 'verify', file, '--key', `${key}.pub`]),
      /good: core 1, 1 shields, signed by key/,
    );
    const changed = own.path('changed.bundle');
    writeFileSync(changed, readFileSync(file, 'utf8').replace('A profile is', 'A profile as'));
    copyFileSync(`${file}.minisig`, `${changed}.minisig`);
    const bad = await cli(['bundle', 'verify', changed, '--key', `${key}.pub`, '-o', 'json']);
    assert.equal(bad.code, 3);
    assert.equal(json(bad).bundles[0].error.code, 'bad-signature');
    assertFailure(await cli(['bundle', 'verify', own.path('a.bundle'), '--key', `${key}.pub`]), 1, [
      '[unreadable]',
      /no signature/,
    ]);
  });

  describe('the operator', () => {
    test('uses nothing that nobody trusted', async () => {
      assertFailure(await admin('bundle', 'use', own.path('core-1.bundle')), 1, [
        '[unknown-key]',
        /bundle trust/,
      ]);
      says(await admin('bundle', 'list'), /no bundle was used/);
      says(await admin('bundle', 'trust', `${key}.pub`), /is trusted/);
      says(await admin('bundle', 'trust', `${key}.pub`), /was trusted already/);
    });

    test('looks, uses, and sees it', async () => {
      says(
        await admin('bundle', 'use', own.path('core-1.bundle'), '--dry-run'),
        /dry run/,
        /CVE-2020-8561 +changed +~profile/,
      );
      says(await admin('bundle', 'use', own.path('core-1.bundle')), /core 1, signed by key .*: in force/);
      says(await admin('bundle', 'use', own.path('core-1.bundle')), /was in force already/);
      says(await admin('status'), /bundle core 1 \(2026\.11\): signed by key [0-9A-F]{16}, used .* ago/);
      says(await admin('bundle', 'list'), /core +1 \(2026\.11\) +in-force/);
      says(await admin('bundle', 'show', 'core'), /shields {2}CVE-2020-8561/);
      assertFailure(await admin('bundle', 'show', 'other'), 1, ['[unknown-bundle]', /bundle list/]);
      says(await admin('events'), /bundle {6}core {2}version 1 in force, signed by key/);
    });

    test('of a folder the newest good one is taken', async () => {
      mkdirSync(own.path('folder'));
      for (const version of [2, 3]) {
        says(await build(version), /built/);
        says(await sign(version), /signed/);
        for (const name of [`core-${version}.bundle`, `core-${version}.bundle.minisig`])
          copyFileSync(own.path(name), own.path('folder', name));
      }
      for (const end of ['', '.minisig'])
        copyFileSync(own.path(`changed.bundle${end}`), own.path('folder', `zz.bundle${end}`));
      const answer = await admin('bundle', 'use', own.path('folder'));
      says(answer, /core 3, signed by key .*: in force/);
      assert.match(answer.stderr, /left out: .*zz\.bundle.*bad-signature/);
      assertFailure(await admin('bundle', 'use', own.path('core-2.bundle')), 1, [
        '[bundle-rollback]',
        /not newer than 3/,
      ]);
    });

    test('a restart keeps it, and what is older stays out', async () => {
      assert.equal((await controller.end()).code, 0);
      controller = await begin();
      says(await admin('bundle', 'list'), /core +3 +in-force/);
      assertFailure(await admin('bundle', 'use', own.path('core-2.bundle')), 1, [
        '[bundle-rollback]',
        /not newer/,
      ]);
    });

    test('takes a key back, and is told what that does', async () => {
      const [{ id }] = json(await admin('bundle', 'list', '-o', 'json')).keys;
      assertFailure(await admin('bundle', 'revoke', id), 2, ['[usage]', /--why/]);
      says(
        await admin('bundle', 'revoke', id.toLowerCase(), '--why', 'stolen'),
        /is revoked/,
        /core 3 is void; in force instead: the shields that came with Portcullis/,
        /CVE-2020-8561 +changed/,
      );
      says(await admin('bundle', 'revoke', id, '--why', 'stolen'), /was revoked already/);
      says(await admin('status'), /^bundle core +version 3 is VOID: its key .* was revoked: stolen$/m);
      says(await admin('events'), /KEY REVOKED: stolen/);
      assertFailure(await admin('bundle', 'use', own.path('core-3.bundle')), 1, ['[revoked-key]', /revoked/]);
      assertFailure(await admin('bundle', 'trust', `${key}.pub`), 1, ['[revoked-key]', /new one/]);
    });
  });
});

test('the controller’s options are checked before it starts', async () => {
  for (const [args, says] of [
    [['--bundle-url', 'http://a/b'], /https URL/],
    [['--bundle-every', '1'], /from 10s to 30d/],
    [['--bundle-every', '5s'], /from 10s to 30d/],
  ] as const)
    assertFailure(await cli(['controller', '--data-dir', own.path('x'), ...args]), 2, ['[usage]', says]);
});
