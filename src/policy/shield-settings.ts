// What holds for one shield at one server: its mode and its parameters, by hand, by the policy, by its tier.
import { Failure } from '../base/failure.ts';
import type { ShieldMode } from '../model/mode.ts';
import type { Policy } from '../model/policy.ts';
import type { Shield } from '../model/shield.ts';
import type { Tag } from '../model/tag.ts';
import { matches, parseExpression } from './expression.ts';
import { unsetParameters } from './gate-shield.ts';
import type { OtherExpression } from './references.ts';

/** A mode that a person set for one server. */
export type HandMode = { readonly server: string; readonly shield: string; readonly mode: ShieldMode };

export type EffectiveSettings = {
  readonly mode: ShieldMode;
  /** Who says so. */
  readonly from: 'person' | 'policy' | 'tier';
  /** What the site sets; what it leaves out has the shield's default. */
  readonly parameters: Readonly<Record<string, readonly string[]>>;
  /** Parameters that it would have to set: rules that name one are off. */
  readonly unset: readonly string[];
};

/** Of tier 1 shields are exact; the others look before they act. */
export function tierMode({ tier }: Pick<Shield, 'tier'>): ShieldMode {
  return tier >= 2 ? 'shadow' : 'enforce';
}

/** @throws Failure `bad-expression` */
export function shieldSettings(
  shield: Shield,
  server: { readonly name: string; readonly tags: readonly Tag[] },
  policy: Policy,
  byHand: readonly HandMode[],
): EffectiveSettings {
  const own = policy.shields.filter(
    (entry, i) =>
      entry.shield === shield.id &&
      (entry.servers === undefined ||
        matches(parseExpression(entry.servers, `shields[${i}].servers`), server.tags)),
  );
  const parameters: Record<string, readonly string[]> = {};
  for (const entry of own) {
    for (const [name, values] of Object.entries(entry.parameters ?? {})) parameters[name] ??= values;
  }
  const hand = byHand.find((one) => one.server === server.name && one.shield === shield.id)?.mode;
  const written = own.find(({ mode }) => mode !== undefined)?.mode;
  const from = hand ? 'person' : written ? 'policy' : 'tier';
  return {
    mode: hand ?? written ?? tierMode(shield),
    from,
    parameters,
    unset: unsetParameters(shield, parameters),
  };
}

/** What a policy says of shields in tags, which may name things of the inventory. */
export function settingsExpressions({ shields }: Policy): OtherExpression[] {
  return shields.flatMap(({ shield, servers }, i) =>
    servers === undefined
      ? []
      : [{ text: servers, by: `what the policy says of ${shield}`, place: `shields[${i}].servers` }],
  );
}

/**
 * Asked when a policy is put in force, not at every compile: a shield may go later, and its settings mean nothing then.
 * @throws Failure `unknown-shield` or `bad-policy`, with the place
 */
export function checkShieldSettings(policy: Policy, shields: readonly Shield[]): void {
  for (const [i, { shield: id, parameters = {} }] of policy.shields.entries()) {
    const shield = shields.find((one) => one.id === id);
    if (!shield) {
      throw new Failure('unknown-shield', `there is no shield '${id}'`, { place: `shields[${i}].shield` });
    }
    const known = Object.keys(shield.parameters ?? {});
    for (const name of Object.keys(parameters)) {
      if (known.includes(name)) continue;
      throw new Failure('bad-policy', `${id} has no parameter '${name}'`, {
        place: `shields[${i}].parameters.${name}`,
        hint: known.length === 0 ? 'it has no parameters' : `it has: ${known.join(', ')}`,
      });
    }
  }
}
