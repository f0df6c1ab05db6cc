// The page about bundles: its commands exist, with the options that they are given, and every code is among the errors.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { failureCodes } from '../../src/base/failure-codes.ts';
import { loadCommands } from '../../src/cli/commands.ts';

const commands = await loadCommands();

const page = readFileSync(join(import.meta.dirname, '../../docs/bundles.md'), 'utf8');

test('every command of the page exists, with every option that it is given', () => {
  const blocks = [...page.matchAll(/```\n(.*?)```/gs)].flatMap((found) => (found[1] ?? '').split('\n'));
  const inline = [...page.matchAll(/`(portcullis [^`]+)`/g)].map((found) =>
    (found[1] ?? '').replace(/\s+/g, ' '),
  );
  const called = [...blocks, ...inline].filter((line) => line.startsWith('portcullis '));
  assert.ok(called.length > 12);
  for (const line of called) {
    const words = line.split('#')[0]?.trim().split(/\s+/).slice(1) ?? [];
    const command = commands.find(({ name }) => `${words.join(' ')} `.startsWith(`${name} `));
    assert.ok(command, line);
    for (const [, option = ''] of line.matchAll(/ --([a-z-]+)/g))
      assert.ok(option in command.options, `${line}: --${option}`);
  }
});

test('the part of the errors that it names is there', () => {
  assert.match(page, /errors\.md`, "bundles"/);
  assert.ok('bundle-rollback' in failureCodes.bundles);
});
