// How large a plan may be. More is refused with the reason before anything is sent: a host that took half a minute to load
// it, or could not, would be left with what it had while everybody thought otherwise.
import { Failure } from '../base/failure.ts';
import type { ProtectedService } from '../model/plan.ts';

/** Of all services of one plan together. Loaded by a kernel in bench/policy.ts and beyond. */
export const planLimits = { rules: 20_000, prefixes: 500_000 } as const;

/** @throws Failure `plan-too-large` naming the largest of the rules */
export function requireSize(host: string, services: readonly ProtectedService[]): void {
  let rules = 0;
  let prefixes = 0;
  let largest: { readonly server: string; readonly id: string; readonly size: number } | undefined;
  for (const { server, rules: own } of services) {
    rules += own.length;
    for (const { id, from } of own) {
      prefixes += from.length;
      if (from.length > (largest?.size ?? -1)) largest = { server, id, size: from.length };
    }
  }
  if (rules <= planLimits.rules && prefixes <= planLimits.prefixes) return;
  const most = largest ? `; rule '${largest.id}' of '${largest.server}' has ${largest.size} prefixes` : '';
  throw new Failure(
    'plan-too-large',
    `the plan of host '${host}' would have ${rules} rules and ${prefixes} prefixes, and may have ${planLimits.rules} and ${planLimits.prefixes}${most}`,
    { place: `host ${host}`, hint: 'name prefixes instead of single addresses, or join rules' },
  );
}
