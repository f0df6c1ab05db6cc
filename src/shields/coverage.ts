// What of a shield's rules its own tests try: was every operand of a predicate once true and once false where it counted?
import { Failure } from '../base/failure.ts';
import { operandsOf } from '../inspect/operands.ts';
import { inlineParameters } from '../inspect/parameters.ts';
import { compilePredicate } from '../inspect/predicate.ts';
import { compileRules } from '../inspect/rules.ts';
import type { GateShield } from '../model/plan.ts';
import type { Shield, ShieldRule } from '../model/shield.ts';
import { gateShield } from '../policy/gate-shield.ts';
import { waysOf } from './exchange-ways.ts';
import { runExchange } from './self-test.ts';

/** One operand of one rule's predicate (`operandsOf`). */
export type Branch = {
  readonly rule: string;
  readonly text: string;
  /** In the predicate, from 1. */
  readonly column: number;
  /** Was it so in some test, where what stands before it had not settled the outcome? */
  readonly true: boolean;
  readonly false: boolean;
};
export type Coverage = {
  readonly branches: readonly Branch[];
  /** Outcomes: two for each branch. */
  readonly tried: number;
  readonly of: number;
};

/** Rules beside those of the shield in one run: findings are kept, so that they are not for nothing. */
const probesAtOnce = 60;

/**
 * Runs the tests of a shield that was parsed with rules beside its own which only record, one for each outcome of each operand, so
 * that the engine that the gate uses does the asking.
 */
export function coverageOf(shield: Shield): Coverage {
  const plan = gateShield(shield);
  const operands = shield.deeperDefense.rules.flatMap((rule) =>
    operandsOf(rule.when).map((operand) => ({ rule, operand })),
  );
  const probes = operands.flatMap(({ rule, operand }, index) =>
    ([true, false] as const).map((outcome): ShieldRule => {
      const { rate: _, ...rest } = rule;
      const asked = outcome ? `(${operand.text})` : `!(${operand.text})`;
      const when = operand.reached === 'true' ? asked : `${operand.reached} && ${asked}`;
      return {
        ...rest,
        id: probeId(index, outcome),
        when,
        phase: phaseFor(rule, when, plan),
        action: 'log',
        onError: 'open',
      };
    }),
  );
  const fired = new Set<string>();
  for (let at = 0; at < probes.length; at += probesAtOnce) {
    const rules = compileRules([{ ...plan, rules: [...probes.slice(at, at + probesAtOnce), ...plan.rules] }]);
    for (const test of shield.tests)
      for (const way of waysOf(test).slice(0, 1))
        for (const { rule } of runExchange(test, rules, way).sink.findings) fired.add(rule);
  }
  const branches = operands.map(({ rule, operand }, index) => ({
    rule: rule.id,
    text: operand.text,
    column: operand.column,
    true: fired.has(probeId(index, true)),
    false: fired.has(probeId(index, false)),
  }));
  const tried = branches.reduce((sum, branch) => sum + Number(branch.true) + Number(branch.false), 0);
  return { branches, tried, of: branches.length * 2 };
}

/**
 * What a rule over bodies asks of the head is asked of every head: the engine's index spares such a rule the requests that have
 * another, and a request without a body is one of them.
 */
function phaseFor(rule: ShieldRule, when: string, { parameters = {} }: GateShield): ShieldRule['phase'] {
  if (rule.phase !== 'body') return rule.phase;
  try {
    compilePredicate(inlineParameters(when, parameters).text, 'request', rule.id);
    return 'request';
  } catch (error) {
    if (error instanceof Failure) return 'body';
    throw error;
  }
}

/** No name that a rule of a shield may have. */
function probeId(index: number, outcome: boolean): string {
  return `#${index}-${outcome}`;
}
