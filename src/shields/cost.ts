// Refuses shields whose rules could cost too much, one by one and all together.
import { Failure } from '../base/failure.ts';
import { predicateCost, predicateCosts } from '../inspect/cost.ts';
import { inlineParameters } from '../inspect/parameters.ts';
import { compilePredicate, indexedAttributes, type Predicate } from '../inspect/predicate.ts';
import type { GateShield } from '../model/plan.ts';
import type { RulePhase } from '../model/shield.ts';

type Ruled = Pick<GateShield, 'id' | 'rules' | 'parameters'>;

/**
 * Steps (inspect/cost.ts) that rules may take for one request and its answer at worst, by what they look at: heads, of up
 * to 64 KiB, and bodies, of up to 3 MiB and 200,000 values in 500 objects. 50 ns a step for what needs the evaluator: the
 * rules of one shield may hold up a worker for 12 ms with a head; others take a tenth.
 */
export const costBudgets = {
  shield: { head: 250_000, body: 25_000_000 },
  catalogue: { head: 2_000_000, body: 200_000_000 },
} as const;

export type Part = keyof typeof costBudgets.shield;
const parts: readonly Part[] = ['head', 'body'];

function partOf(phase: RulePhase): Part {
  return phase === 'body' ? 'body' : 'head';
}

export type RuleCost = { readonly rule: string; readonly phase: RulePhase; readonly steps: number };

export function ruleCosts(shield: Ruled): RuleCost[] {
  return shield.rules.map(({ id, phase, when }) => ({
    rule: id,
    phase,
    steps: predicateCost(inlined(shield, when)),
  }));
}

function inlined({ parameters = {} }: Ruled, when: string): string {
  return inlineParameters(when, parameters).text;
}

/** @throws Failure `shield-too-costly` with the numbers and the rule that costs most */
export function checkCost(
  shield: Ruled,
  place: string,
  budget: Readonly<Record<Part, number>> = costBudgets.shield,
): void {
  for (const part of parts) {
    const costs = ruleCosts(shield).filter(({ phase }) => partOf(phase) === part);
    const total = costs.reduce((sum, { steps }) => sum + steps, 0);
    if (total <= budget[part]) continue;
    const most = costs.reduce((one, other) => (other.steps > one.steps ? other : one));
    throw new Failure(
      'shield-too-costly',
      `its rules could take ${shown(total)} steps for the ${part} of one request, more than the ${shown(budget[part])} that a shield may; the rule ${most.rule} alone takes ${shown(most.steps)}`,
      {
        place,
        hint: 'ask no list inside another, and long texts for no regular expression that does not settle',
      },
    );
  }
}

/**
 * Steps of the rules that one request and its answer can meet at worst: of all verbs and resources that rules tell apart,
 * those that cost most together.
 */
export function catalogueCost(shields: readonly Ruled[], part: Part): number {
  const rules = shields.flatMap((shield) =>
    shield.rules
      .filter(({ phase }) => partOf(phase) === part)
      .map((rule) => {
        const when = inlined(shield, rule.when);
        const place = `${shield.id}: rule ${rule.id}: when`;
        return { ...predicateCosts(when), predicate: compilePredicate(when, rule.phase, place) };
      }),
  );
  // All events of an exchange may follow each other.
  return worst(
    rules,
    indexedAttributes.filter((name) => name !== 'upgrade.event'),
  );
}

type Costed = ReturnType<typeof predicateCosts> & { readonly predicate: Predicate };

/** For each value that a rule asks for, and for any other, the rules that are left; of these the most costly. */
function worst(rules: readonly Costed[], [name, ...names]: readonly string[]): number {
  if (name === undefined) {
    const reads = new Map(rules.flatMap((rule) => [...rule.reads]));
    return [...reads.values(), ...rules.map(({ own }) => own)].reduce((sum, steps) => sum + steps, 0);
  }
  const values = new Set(['', ...rules.flatMap(({ predicate }) => [...(predicate.possible(name) ?? [])])]);
  return Math.max(
    ...[...values].map((value) =>
      worst(
        rules.filter(({ predicate }) => predicate.possible(name)?.has(value) ?? true),
        names,
      ),
    ),
  );
}

/** @throws Failure `catalogue-too-costly` */
export function checkCatalogueCost(
  shields: readonly Ruled[],
  place: string,
  budget: Readonly<Record<Part, number>> = costBudgets.catalogue,
): void {
  for (const part of parts) {
    const total = catalogueCost(shields, part);
    if (total <= budget[part]) continue;
    throw new Failure(
      'catalogue-too-costly',
      `the rules of all ${shields.length} shields could take ${shown(total)} steps for the ${part} of one request, more than the ${shown(budget[part])} allowed`,
      { place, hint: 'take shields away that no server needs' },
    );
  }
}

function shown(steps: number): string {
  return steps < 1e12 ? steps.toLocaleString('en') : '10^12 or more';
}
