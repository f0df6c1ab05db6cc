import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseShield } from '../shields/load.ts';
import { gapOf } from './exposure-gap.ts';

const shield = (id: string) => {
  const file = join(import.meta.dirname, `../../shields/${id}.yaml`);
  return parseShield(readFileSync(file, 'utf8'), file);
};
const rules = shield('CVE-2020-8559');
const byGate = shield('CVE-2019-9514');

for (const [name, of, stage, mode, unset, says] of [
  ['no shield', undefined, 'observe', 'enforce', [], /^no shield is for it/],
  ['off', rules, 'inspect', 'off', [], /the shield is off$/],
  ['off, though the gate could', byGate, 'inspect', 'off', [], /the shield is off$/],
  ['not yet', byGate, 'observe', 'enforce', [], /^nothing stands before it$/],
  ['lifted', rules, 'lifted', 'enforce', [], /^nothing stands before it$/],
  ['blocked', byGate, 'block', 'enforce', [], /^the cluster's own traffic/],
  ['rules in shadow', rules, 'inspect', 'shadow', [], /in shadow and only looks on$/],
  ['rules in force', rules, 'inspect', 'enforce', [], /^(?!the gate itself)/],
  ['rules that wait for a site', rules, 'inspect', 'enforce', ['callers'], /^rules are off until .*callers$/],
  [
    'the gate',
    byGate,
    'inspect',
    'enforce',
    [],
    /^the gate itself cuts it \(h2-reset-flood, .*\)\. The flaw remains/,
  ],
  ['the gate, in shadow all the same', byGate, 'inspect', 'shadow', [], /^the gate itself cuts it/],
] as const) {
  test(name, () => {
    const settings = { mode, unset } as unknown as Parameters<typeof gapOf>[2];
    assert.match(gapOf(of, stage, settings), says);
  });
}

test('the gate cuts for a shield in shadow too, where callers are steered for another', () => {
  const settings = { mode: 'shadow', unset: [] } as unknown as Parameters<typeof gapOf>[2];
  const around = { passes: false, unfixed: false, rides: true };
  assert.match(gapOf(byGate, 'observe', settings, around), /^the gate itself cuts it/);
  assert.match(gapOf(rules, 'observe', settings, around), /^nothing stands before it$/);
});

test('what only tells, what no gate can inspect, and what nobody can end', () => {
  const settings = { mode: 'enforce', unset: [] } as unknown as Parameters<typeof gapOf>[2];
  assert.match(gapOf(shield('K8S-ANONYMOUS'), 'inspect', settings), /^its shield only tells/);
  assert.match(gapOf(shield('K8S-ANONYMOUS'), 'block', settings), /^the cluster's own traffic/);
  const around = { passes: true, unfixed: false };
  assert.match(gapOf(rules, 'inspect', settings, around), /^nothing stands before it: no gate can inspect/);
  assert.match(
    gapOf(undefined, 'observe', undefined, { passes: false, unfixed: true }),
    /no release is without it$/,
  );
});
