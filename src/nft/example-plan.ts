// A plan with every kind of rule, for tests.
import type { AgentPlan, PlanRule, ProtectedService } from '../model/plan.ts';

export function planOf(services: readonly ProtectedService[], generation = 1): AgentPlan {
  return {
    kind: 'agent',
    generation,
    target: 'cp-1',
    issuedAt: '2024-01-01T00:00:00.000Z',
    services: [...services],
    keepOpen: [],
    addressTags: [],
  };
}

export function ruleOf(id: string, from: readonly string[], verdict: PlanRule['verdict']): PlanRule {
  return { id, tier: 'security', from: [...from], because: 'test', verdict, log: true };
}

/** One API server at two families and a service address: some callers pass, some are refused, the rest is steered. */
export const exampleService: ProtectedService = {
  id: 'prod_api',
  server: 'prod/api',
  stage: 'inspect',
  endpoints: [
    { address: '10.0.0.1', port: 6443 },
    { address: '2001:db8::1', port: 6443 },
    { address: '10.96.0.1', port: 443 },
  ],
  gatePort: 16443,
  rules: [
    ruleOf('policy/break-glass', ['10.9.0.7', '2001:db8:9::/48'], 'pass'),
    ruleOf('policy/lab', ['10.9.0.0/16'], 'deny'),
    ruleOf('policy/void', ['10.7.0.0/16'], 'drop'),
  ],
  default: 'steer',
};
