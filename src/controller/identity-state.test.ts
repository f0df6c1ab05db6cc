import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyEnrolled, applyRenewed, type IdentityState } from './identity-state.ts';

const [a, b, c] = ['a', 'b', 'c'].map((letter) => letter.repeat(64)) as [string, string, string];
const base = { role: 'agent', name: 'cp-1' } as const;
const expires = '2027-01-01T00:00:00.000Z';
const ends = Date.parse(expires);

test('an enrolment without an end, as older versions logged it, ends a year after its entry', () => {
  const all = new Map<string, IdentityState>();
  applyEnrolled(all, 'agent:cp-1', { ...base, certificate: a }, 1_000);
  assert.deepEqual(all.get('agent:cp-1'), { certificate: a, expires: 1_000 + 365 * 86_400_000 });
});

test('what was issued waits beside what is used, the last one only, until it is used or somebody enrols', () => {
  const all = new Map<string, IdentityState>();
  applyRenewed(all, 'agent:cp-1', { ...base, what: 'issued', certificate: b, expires });
  assert.equal(all.size, 0, 'nobody has this name');
  applyEnrolled(all, 'agent:cp-1', { ...base, certificate: a, expires }, 0);
  applyRenewed(all, 'agent:cp-1', { ...base, what: 'issued', certificate: b, expires });
  applyRenewed(all, 'agent:cp-1', { ...base, what: 'issued', certificate: c, expires });
  const one = { certificate: a, expires: ends, next: { certificate: c, expires: ends } };
  assert.deepEqual(all.get('agent:cp-1'), one);
  const enrolled = new Map(all);
  applyEnrolled(enrolled, 'agent:cp-1', { ...base, certificate: b, expires }, 0);
  assert.deepEqual(enrolled.get('agent:cp-1'), { certificate: b, expires: ends });
  applyRenewed(all, 'agent:cp-1', { ...base, what: 'used', certificate: c, expires });
  assert.deepEqual(all.get('agent:cp-1'), { certificate: c, expires: ends });
});
