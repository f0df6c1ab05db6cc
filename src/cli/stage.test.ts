import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stageText } from './stage.ts';

const answer = { server: 'lab/cp', shield: 'CVE-1-1', from: 'observe', stage: 'inspect' } as const;

test('a stage set by hand, and under it what keeps it from acting', () => {
  const settings = { mode: 'shadow', modeFrom: 'tier' } as const;
  assert.equal(stageText({ ...answer, ...settings, warnings: [] }), 'CVE-1-1 on lab/cp: inspect');
  assert.equal(
    stageText({ ...answer, ...settings, warnings: ['it only looks on', 'do this\u001b[31m'] }),
    'CVE-1-1 on lab/cp: inspect\n  it only looks on\n  do this?[31m',
  );
});
