// Before a plan is applied: does every path that must stay open stay open?
import { parseCidr } from '../base/cidr.ts';
import { Failure } from '../base/failure.ts';
import { addressText, overlapping, ruleOf } from '../nft/intervals.ts';
import type { Protected } from './protected.ts';

/**
 * A path is open when its destination isn't protected, or every one of its callers passes; steering it to a gate would
 * make it depend on the gate. Loopback is never judged.
 * @throws Failure `plan-locks-out` naming the path and the rule
 */
export function checkKeepOpen(resolved: Protected): void {
  for (const path of resolved.plan.keepOpen) {
    const { address, port } = path.to;
    const toGate = resolved.localAddresses.has(address) && resolved.gatePorts.includes(port);
    const target = resolved.at(address, port);
    if (!target && !toGate) continue;
    for (const from of path.from) {
      const caller = parseCidr(from);
      if (resolved.localAddresses.has(caller.text) && resolved.localAddresses.has(address)) continue;
      if (!target) throw locksOut(path.name, from, `${address} port ${port} is a gate port`);
      for (const range of overlapping(target.ranges[caller.family], caller)) {
        const { verdict, rule } = ruleOf(target.service, range.rule);
        if (verdict === 'pass') continue;
        const first = range.first > caller.first ? range.first : caller.first;
        throw locksOut(
          path.name,
          addressText(caller.family, first),
          `rule '${rule}' of service '${target.service.id}' says ${verdict} at ${address} port ${port}`,
        );
      }
    }
  }
}

function locksOut(path: string, from: string, why: string): Failure {
  return new Failure('plan-locks-out', `the plan would close the path '${path}' for ${from}: ${why}`, {
    place: path,
    hint: 'nothing was changed; the former plan stands',
  });
}
