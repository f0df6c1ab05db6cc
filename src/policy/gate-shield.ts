// A shield as a gate has it: its rules as written, with the values that its site gives.
import type { GateExemption } from '../model/exemption.ts';
import type { GateShield } from '../model/plan.ts';
import type { Shield } from '../model/shield.ts';

export type GateShieldOptions = {
  readonly shadow?: boolean;
  /** Values that the site sets. Left out: the defaults, of site parameters too, as the shield's own tests run. */
  readonly parameters?: Readonly<Record<string, readonly string[]>>;
  readonly exemptions?: readonly GateExemption[];
};

export function gateShield(shield: Shield, options: GateShieldOptions = {}): GateShield {
  const { rules, stripHeaders, onBody } = shield.deeperDefense;
  const declared = Object.entries(shield.parameters ?? {});
  const site = options.parameters;
  const unset = site ? unsetParameters(shield, site) : [];
  const values = declared.flatMap(([name, { default: fallback }]): [string, string[]][] =>
    unset.includes(name) ? [] : [[name, [...(site?.[name] ?? fallback)]]],
  );
  const { exemptions = [] } = options;
  return {
    id: shield.id,
    ...(options.shadow ? { mode: 'shadow' } : {}),
    rules,
    ...(values.length > 0 ? { parameters: Object.fromEntries(values) } : {}),
    ...(unset.length > 0 ? { unset } : {}),
    ...(stripHeaders ? { stripHeaders } : {}),
    ...(onBody ? { onBody } : {}),
    ...(exemptions.length > 0 ? { exemptions: [...exemptions] } : {}),
  };
}

/** Parameters that only the site knows and has not set, by name. */
export function unsetParameters(
  { parameters = {} }: Shield,
  site: Readonly<Record<string, readonly string[]>>,
): string[] {
  return Object.entries(parameters).flatMap(([name, { site: needed }]) =>
    needed && !Object.hasOwn(site, name) ? [name] : [],
  );
}
