// Do a site's parameters leave its shields' rules what a gate can compile and afford? Asked before they are in force, for a
// gate that refuses a plan keeps to the one before.
import { compileRules } from '../inspect/rules.ts';
import type { Policy } from '../model/policy.ts';
import type { Shield } from '../model/shield.ts';
import { gateShield } from '../policy/gate-shield.ts';
import { checkCost } from '../shields/cost.ts';

/**
 * With the longest list that some entry gives to each parameter: a longer list never makes a rule cheaper.
 * @throws Failure `bad-predicate`, `shield-too-costly`, with the place
 */
export function checkSiteValues(policy: Policy, shields: readonly Shield[]): void {
  const longest = new Map<string, Record<string, readonly string[]>>();
  for (const { shield, parameters = {} } of policy.shields) {
    const own = longest.get(shield) ?? {};
    longest.set(shield, own);
    for (const [name, values] of Object.entries(parameters)) {
      if (size(values) > size(own[name] ?? [])) own[name] = values;
    }
  }
  for (const [id, values] of longest) {
    const shield = shields.find((one) => one.id === id);
    if (!shield) continue;
    const made = gateShield(shield, { parameters: values });
    compileRules([made]);
    checkCost(made, `shields: parameters of ${id}`);
  }
}

function size(values: readonly string[]): number {
  return values.reduce((sum, value) => sum + value.length + 1, 0);
}
