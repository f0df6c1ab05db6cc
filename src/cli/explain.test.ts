import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExplainAnswer } from '../model/explain.ts';
import { explainText } from './explain.ts';

type Shield = ExplainAnswer['shields'][number];
const shield = (id: string, more: Partial<Shield>): Shield => ({
  ...{ shield: id, stage: 'inspect', since: '2026-11-27T00:00:00.000Z', why: 'the gate is healthy' },
  ...{ mode: 'enforce', cover: 'acts', exemptions: [] },
  ...more,
});
const answer = (shields: Shield[], verdict: 'steer' | 'pass' = 'steer'): string =>
  explainText({
    server: 'lab/cp',
    endpoints: [],
    tags: [],
    policy: 1,
    plan: 3,
    shields,
    callers: [
      {
        ...{ from: { address: '10.0.0.7', name: 'unknown', tags: [] }, alike: ['10.0.0.7'] },
        ...{ verdict, rule: 'shield/rest', steps: [] },
      },
    ],
    more: 0,
  });
const shadow = { stage: 'observe', mode: 'shadow', cover: 'shadow' } as const;

test('a steered caller is told which shields act at the gate, and how many look on', () => {
  const text = answer([
    shield('CVE-2099-0001', {}),
    shield('CVE-2099-0002', shadow),
    shield('K8S-THING', { ...shadow, cover: 'alert' }),
    shield('CVE-2099-0003', { stage: 'lifted', cover: 'waits', why: 'patched' }),
  ]);
  assert.match(text, /^ {2}shield CVE-2099-0001 acts, at inspect: the gate is healthy$/m);
  assert.match(text, /^ {2}2 shields only look on: CVE-2099-0002, K8S-THING$/m);
  assert.match(text, /^ {2}shield CVE-2099-0003 does nothing \(lifted, enforce\): patched$/m);
  assert.match(text, /^ {2}at the gate: CVE-2099-0001 acts; 2 only look on$/m);
});

test('exemptions are named with who answers for them, and what they mean for a steered caller', () => {
  const exemptions = [{ id: 'backup', owner: 'platform', expires: '2026-12-27T00:00:00.000Z' }];
  const text = answer([shield('CVE-2099-0001', { exemptions })]);
  assert.match(text, /^ {2}exemption backup from CVE-2099-0001, owner platform, until 2026-12-27T/m);
  assert.match(text, /^ {2}at the gate: .* acts; whom backup fits is let pass/m);
});

test('only shadows; and a caller who passes meets no gate', () => {
  assert.match(
    answer([shield('CVE-2099-0002', shadow)]),
    /^ {2}at the gate: no shield acts; 1 only look on$/m,
  );
  assert.doesNotMatch(answer([shield('CVE-2099-0001', {})], 'pass'), /at the gate/);
  assert.doesNotMatch(answer([shield('CVE-2099-0001', { mode: 'off', cover: 'none' })]), /look on/);
});
