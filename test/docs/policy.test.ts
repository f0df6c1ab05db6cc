// The page that teaches policy: its documents are read and compiled, and its commands exist.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadCommands } from '../../src/cli/commands.ts';
import { readDocument } from '../../src/model/document.ts';
import { Inventory } from '../../src/model/inventory.ts';
import { Policy } from '../../src/model/policy.ts';
import { compile } from '../../src/policy/compile.ts';
import { evaluate } from '../../src/policy/evaluate.ts';

const commands = await loadCommands();

const page = readFileSync(join(import.meta.dirname, '../../docs/policy.md'), 'utf8');
const blocks = (language: string) =>
  [...page.matchAll(new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``, 'g'))].map((found) => found[1] ?? '');
const [inventoryText = '', ...policies] = blocks('yaml');
const inventory = readDocument(Inventory, inventoryText, 'docs/policy.md', 'bad-inventory');

function serviceOf(text: string, host: string) {
  const plans = compile({
    inventory,
    policy: readDocument(Policy, text, 'docs/policy.md', 'bad-policy'),
    shields: [],
    observed: new Map([['prod/cp-1', ['k8s-version=1.12.2']]]),
    stages: [],
    controllers: [{ address: '10.0.5.5', port: 7443 }],
    probers: ['10.0.5.5'],
  });
  assert.deepEqual(plans.warnings, [], text);
  return (
    plans.agents.get(host)?.services.find((each) => each.gateAddresses === undefined) ?? assert.fail(host)
  );
}

test('every document of the page compiles without a warning', () => {
  assert.equal(policies.length, 3);
  for (const text of policies) assert.ok(serviceOf(text, 'cp-1').rules.length > 2);
});

/** Document, caller, host of the server, the rule that decides. */
const meaning: readonly [number, string, string, string][] = [
  [0, '10.7.0.12', 'cp-1', 'policy/no-ci-in-prod'],
  [0, '10.7.0.12', 'cp-2', 'default'],
  [1, '10.9.1.1', 'cp-1', 'policy/own-site'],
  [1, '10.9.1.1', 'cp-2', 'default'],
  [1, '10.8.1.1', 'cp-2', 'policy/own-site'],
  [1, '10.7.0.12', 'cp-2', 'policy/ci-second-port'],
  [1, '10.7.0.12', 'cp-1', 'policy/ci-window'],
  [2, '10.9.1.1', 'cp-1', 'policy/old-servers-from-berlin'],
  [2, '10.8.1.1', 'cp-1', 'policy/old-servers-else'],
  [2, '10.8.1.1', 'cp-2', 'default'],
  [2, '10.0.9.9', 'cp-1', 'policy/door'],
];
for (const [at, from, host, rule] of meaning) {
  test(`document ${at + 1}: ${from} at ${host} meets ${rule}`, () => {
    assert.equal(evaluate(serviceOf(policies[at] ?? '', host), from).rule, rule);
  });
}

test('every command of the page exists, with every option that it is given', () => {
  const lines = [
    ...blocks('console').flatMap((text) => text.split('\n')),
    ...[...page.matchAll(/`(portcullis [^`]+)`/g)].map((found) => (found[1] ?? '').replace(/\s+/g, ' ')),
  ];
  const called = lines.filter((line) => line.startsWith('portcullis '));
  assert.ok(called.length > 12);
  for (const line of called) {
    const words = line.split('#')[0]?.trim().split(/\s+/).slice(1) ?? [];
    const command = commands.find(({ name }) => `${words.join(' ')} `.startsWith(`${name} `));
    assert.ok(command, line);
    for (const [, option = ''] of line.matchAll(/ --([a-z-]+)/g))
      assert.ok(option in command.options, `${line}: --${option}`);
  }
});
