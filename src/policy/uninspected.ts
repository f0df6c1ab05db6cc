// Servers whose TLS no gate ends (identity mode l4): what stands in for inspection, which they can't have.
import type { ApiServer } from '../model/inventory.ts';
import type { Verdict } from '../model/policy.ts';
import type { Rule } from './rules.ts';
import type { ServerStages } from './stages.ts';

/** Is there a gate that may end its TLS? */
export function isInspectable({ identity }: Pick<ApiServer, 'identity'>): boolean {
  return identity?.mode !== 'l4';
}

/**
 * Nothing is steered to a gate. A shield at `inspect` falls back to its first response, as at `block`; where the inventory
 * says `uninspected: pass`, or the shield is in shadow, it enforces nothing.
 */
export function enforceableStages(server: ApiServer, stages: ServerStages): ServerStages {
  if (isInspectable(server)) return stages;
  const pass = server.identity?.uninspected === 'pass';
  const enforced = pass ? [] : stages.inspecting.filter(({ id }) => !stages.shadow.has(id));
  const blocking = [...stages.blocking, ...enforced].sort((a, b) => (a.id < b.id ? -1 : 1));
  const stage = blocking.length > 0 ? 'block' : stages.stage === 'inspect' ? 'observe' : stages.stage;
  return { stage, blocking, inspecting: [], riding: [], shadow: stages.shadow, gate: false };
}

/** Do its callers pass uninspected while its gate is down? */
export function opensWithoutGate(server: Pick<ApiServer, 'identity' | 'failure'>): boolean {
  return isInspectable(server) && server.failure?.gateDown === 'open';
}

type Judged = { readonly rules: readonly Rule[]; readonly default: Verdict };

/** People's rules may steer: without a gate that is a refusal, unless the inventory lets callers pass uninspected. */
export function withoutSteering(server: ApiServer, judged: Judged): { rules: Rule[]; default: Verdict } {
  if (isInspectable(server)) return { ...judged, rules: [...judged.rules] };
  const instead = server.identity?.uninspected === 'pass' ? 'pass' : 'deny';
  const verdictOf = (verdict: Verdict) => (verdict === 'steer' ? instead : verdict);
  return {
    rules: judged.rules.map((rule) => ({ ...rule, verdict: verdictOf(rule.verdict) })),
    default: verdictOf(judged.default),
  };
}

/** The gap in a sentence, for people; undefined where a gate can inspect. */
export function inspectionGap(server: ApiServer, inspecting: readonly string[]): string | undefined {
  if (isInspectable(server)) return undefined;
  const base = 'identity mode l4: no gate ends its TLS, so no request to it is inspected';
  if (inspecting.length === 0) return base;
  return server.identity?.uninspected === 'pass'
    ? `${base}; at stage inspect callers pass, and ${inspecting.join(', ')} can be exploited`
    : `${base}; at stage inspect ${inspecting.join(', ')} keeps to its first response`;
}
