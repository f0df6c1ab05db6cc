import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { Policy } from '../model/policy.ts';
import { policyText } from './policy-show.ts';

const rule = { id: 'r', tier: 'security', from: 'any', to: 'any', action: 'deny' } as const;
const said: readonly [what: string, policy: object][] = [
  ['nothing', {}],
  ['rules', { rules: [rule] }],
  ['sets', { sets: [{ name: 's', policies: [{ name: 'p', rules: [rule] }] }] }],
  ['approval', { approval: 'required' }],
  ['another default', { default: 'drop' }],
  ['a response', { response: { minSeverity: 'major', twoPeople: ['lifted'] } }],
  [
    'modes and parameters of shields',
    { shields: [{ shield: 'CVE-2020-8559', servers: 'site=berlin', mode: 'off', parameters: { a: ['b'] } }] },
  ],
];

for (const [what, more] of said)
  test(`a policy that says ${what} is printed so that it can be put in force again as it is`, () => {
    const policy = Policy.parse({ apiVersion: 'portcullis/v1', ...more });
    assert.deepEqual(Policy.parse(parse(policyText(policy))), policy);
  });

test('what goes without saying is left out', () => {
  assert.equal(
    policyText(Policy.parse({ apiVersion: 'portcullis/v1' })),
    `apiVersion: portcullis/v1
rules: []
default: pass
response:
  minSeverity: critical
  first: block
  next: inspect
  observe: none
  lift: proven`,
  );
});
