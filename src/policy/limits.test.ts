import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProtectedService } from '../model/plan.ts';
import { planLimits, requireSize } from './limits.ts';

const service = (rules: number, prefixes: number): ProtectedService => ({
  id: 's',
  server: 'prod/api',
  stage: 'observe',
  endpoints: [{ address: '10.0.0.1', port: 6443 }],
  rules: Array.from({ length: rules }, (_, i) => ({
    id: `policy/r${i}`,
    tier: 'security',
    from: i === 0 ? Array.from({ length: prefixes }, () => '10.9.0.1') : [],
    because: 'any',
    verdict: 'pass',
    log: true,
  })),
  default: 'pass',
});

test('a plan up to the limits is taken; one rule or prefix more is refused, and the largest rule named', () => {
  const { rules, prefixes } = planLimits;
  requireSize('cp-1', [service(rules - 1, prefixes), service(1, 0)]);
  for (const services of [
    [service(rules, 0), service(1, 0)],
    [service(1, prefixes), service(1, 1)],
  ]) {
    assert.throws(() => requireSize('cp-1', services), {
      code: 'plan-too-large',
      place: 'host cp-1',
      message: /rule 'policy\/r0' of 'prod\/api' has/,
    });
  }
});
