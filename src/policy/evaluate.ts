// The reference evaluator: what a compiled service means for one caller, in the plainest words. The kernel table, the
// packet tracer and the compiler are tested against it.
import { contains, parseCidr } from '../base/cidr.ts';
import type { ProtectedService } from '../model/plan.ts';
import type { Verdict } from '../model/policy.ts';

/**
 * Verdict for a new connection from the address `from`: the first rule one of whose prefixes holds the address, else
 * the service's default, whose rule is named `default`.
 * @throws Failure `bad-address`
 */
export function evaluate(service: ProtectedService, from: string): { verdict: Verdict; rule: string } {
  const address = parseCidr(from);
  for (const rule of service.rules) {
    if (rule.from.some((prefix) => contains(parseCidr(prefix), address))) {
      return { verdict: rule.verdict, rule: rule.id };
    }
  }
  return { verdict: service.default, rule: 'default' };
}
