// Plans of a commit that waits to be confirmed: each agent also gets what it falls back to.
import { canonicalJson } from '../base/canonical-json.ts';
import type { AgentPlanBody, CompiledPlans, GatePlanBody } from '../policy/compile.ts';

/**
 * @param former the same inventory and stages under the policy before the commit
 * @param before until when (RFC 3339) it must be confirmed
 */
export function withFallback(plans: CompiledPlans, former: CompiledPlans, before: string): CompiledPlans {
  return {
    ...plans,
    agents: new Map(
      [...plans.agents].map(([name, plan]) => [name, agentPlan(plan, former.agents.get(name), before)]),
    ),
    gates: new Map([...plans.gates].map(([name, plan]) => [name, gatePlan(plan, former.gates.get(name))])),
  };
}

/** An agent for which the commit changes nothing has nothing to fall back to. */
function agentPlan(plan: AgentPlanBody, former: AgentPlanBody | undefined, before: string): AgentPlanBody {
  const { services, keepOpen } = former ?? { services: [], keepOpen: [] };
  const otherwise = { services, keepOpen };
  if (canonicalJson(otherwise) === canonicalJson({ services: plan.services, keepOpen: plan.keepOpen }))
    return plan;
  return { ...plan, confirm: { before, otherwise } };
}

/** The gate listens for whoever is steered to it before or after an agent falls back. */
function gatePlan(plan: GatePlanBody, former: GatePlanBody | undefined): GatePlanBody {
  const servers = new Set(plan.listeners.map(({ server }) => server));
  const more = former?.listeners.filter(({ server }) => !servers.has(server)) ?? [];
  return { ...plan, listeners: [...plan.listeners, ...more] };
}
