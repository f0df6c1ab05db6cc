// The page that teaches modes: its policy is read and fits the shipped shields, and its commands exist.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadCommands } from '../../src/cli/commands.ts';
import { readDocument } from '../../src/model/document.ts';
import { Policy } from '../../src/model/policy.ts';
import { checkShieldSettings } from '../../src/policy/shield-settings.ts';
import { parseShield } from '../../src/shields/load.ts';

const commands = await loadCommands();

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/modes.md'), 'utf8');
const shields = globSync('*.yaml', { cwd: join(root, 'shields') }).map((name) =>
  parseShield(readFileSync(join(root, 'shields', name), 'utf8'), name),
);

test('its policy is one, and names shields and parameters that there are', () => {
  const [, text = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
  const policy = readDocument(Policy, text, 'docs/modes.md', 'bad-policy');
  assert.equal(policy.shields.length, 2);
  checkShieldSettings(policy, shields);
});

test('every command of the page exists, with every option that it is given', () => {
  const lines = page.replaceAll('\\\n', ' ').match(/^portcullis .*$/gm) ?? [];
  assert.ok(lines.length >= 7);
  for (const line of lines) {
    const words = line
      .replaceAll(/"[^"]*"/g, '"')
      .split(/\s+/)
      .slice(1);
    const command = commands.find(({ name }) => name === words[0] || name === words.slice(0, 2).join(' '));
    assert.ok(command, line);
    for (const option of words.filter((word) => word.startsWith('--')))
      assert.ok(option.slice(2) in command.options, `${line}: ${option}`);
  }
});

test('shields that it names are shipped', () => {
  for (const [id] of page.matchAll(/CVE-\d+-\d+/g))
    assert.ok(
      shields.some((one) => one.id === id),
      id,
    );
});
