import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../base/failure.ts';
import { Policy } from '../model/policy.ts';
import type { Shield } from '../model/shield.ts';
import { checkSiteValues } from './site-values.ts';

const shield = {
  id: 'CVE-2099-0001',
  tier: 3,
  parameters: {
    one: { meaning: 'Some.', default: [] },
    two: { meaning: 'Others.', default: [], site: true },
  },
  deeperDefense: {
    rules: [
      {
        id: 'named',
        phase: 'request',
        when: 'request.name in parameters.one || request.name in parameters.two',
        action: 'deny',
        severity: 'major',
        message: 'No.',
      },
    ],
  },
} as unknown as Shield;
const policy = (...shields: object[]) =>
  Policy.parse({
    apiVersion: 'portcullis/v1',
    shields: shields.map((parameters) => ({ shield: shield.id, parameters })),
  });
const list = (length: number) => Array.from({ length }, (_, i) => `name-${i}`);

test('values that the rules can hold are taken, unset ones leave their rules out', () => {
  checkSiteValues(policy(), [shield]);
  checkSiteValues(policy({ one: list(300) }), [shield]);
  checkSiteValues(policy({ one: list(200), two: list(200) }), [shield]);
  checkSiteValues(policy({ one: list(3) }), []);
});

test('more than a rule can hold is refused, though each entry alone would do', () => {
  assert.throws(() => checkSiteValues(policy({ one: list(300) }, { two: list(300) }), [shield]), Failure);
});
