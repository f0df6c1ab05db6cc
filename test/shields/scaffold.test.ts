import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readAdvisory } from '../../src/intel/read.ts';
import type { Advisory } from '../../src/model/advisory.ts';
import { loadShield, parseShield } from '../../src/shields/load.ts';
import { scaffold } from '../../src/shields/scaffold.ts';
import { selfTest } from '../../src/shields/self-test.ts';

const folder = join(import.meta.dirname, '../../shields/advisories');
const advisories = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => readAdvisory(readFileSync(join(folder, name), 'utf8'), name));

test('of every advisory that comes along, one that can be read and whose attack is not cut yet', () => {
  assert.ok(advisories.length > 5);
  for (const advisory of advisories) {
    const shield = parseShield(scaffold(advisory, 'shield.json'), 'new.yaml');
    assert.equal(shield.id, advisory.id);
    assert.equal(shield.severity, advisory.severity);
    assert.deepEqual(shield.references, advisory.references);
    const { attacks, innocents } = selfTest(shield);
    assert.deepEqual(
      [attacks, innocents],
      [
        { cut: 0, of: 1 },
        { passed: 1, of: 1 },
      ],
    );
  }
});

test('it is not used before it is filled in, and is when it is', () => {
  const [advisory] = advisories;
  assert.ok(advisory);
  const text = scaffold(advisory, 'shield.json');
  assert.throws(() => loadShield(text, 'new.yaml'), { code: 'shield-self-test' });
  loadShield(text.replace('request.verb == "fill-in"', 'request.verb == "delete"'), 'new.yaml');
});

const hostile: readonly [string, Partial<Advisory>][] = [
  ['quotes and a comment', { summary: 'a "b" # c: [d] \\' }],
  ['lines', { summary: 'a\nkind: Other\n\u2028b\u0085' }],
  ['an escape in a source', { source: { format: 'osv', place: 'x\ntier: 1\u001b[2J' } }],
  ['references that are no plain text', { references: ['https://a/?b: c #d', 'x\n- y'] }],
  ['no references', { references: [] }],
  ['no versions', { affected: [] }],
];
for (const [name, change] of hostile) {
  test(`whatever an advisory says stays where it belongs: ${name}`, () => {
    const [advisory] = advisories;
    assert.ok(advisory);
    const text = scaffold({ ...advisory, ...change }, 'shield.json');
    const shield = parseShield(text, 'new.yaml');
    assert.equal(shield.tier, 2);
    assert.ok(shield.references.length > 0);
    assert.ok(!text.includes('\u001b'));
    assert.match(text, /^# yaml-language-server: \$schema=shield\.json\n/);
  });
}
