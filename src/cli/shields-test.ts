// portcullis shields test
import type { Shield } from '../model/shield.ts';
import type { Coverage } from '../shields/coverage.ts';
import type { SelfTestResult } from '../shields/self-test.ts';
import type { Command, Context } from './command.ts';
import { readShields, shieldsOption } from './shield-files.ts';
import { printable, table } from './table.ts';
import type { ThroughGateResult } from './through-gate/run-shields.ts';

export const shieldsTest: Command = {
  name: 'shields test',
  summary:
    'run the exchanges of the shields through the real engine: attacks must be cut, innocents must pass',
  usage: '[ID ...]',
  options: {
    ...shieldsOption,
    coverage: {
      type: 'boolean',
      help: 'show which operands of the rules were both true and false in the tests, and what was left untried',
    },
    'require-coverage': { type: 'boolean', help: 'the same, and exit code 3 when anything was left untried' },
    'through-gate': {
      type: 'boolean',
      help: 'run them over real TLS through a gate on loopback, with a scripted server behind it; some minutes for all',
    },
    verbose: { type: 'boolean', short: 'v', help: 'every exchange, not only those that missed' },
  },
  arity: [0, 1000],
  async run(context) {
    const [{ selfTest }, { catalogueCost, costBudgets }, { gateShield }] = await Promise.all([
      import('../shields/self-test.ts'),
      import('../shields/cost.ts'),
      import('../policy/gate-shield.ts'),
    ]);
    const wantsCoverage = context.flag('coverage') || context.flag('require-coverage');
    const coverageOf = wantsCoverage ? (await import('../shields/coverage.ts')).coverageOf : undefined;
    const { shields, named } = await readShields(context.option('shields'));
    const wanted = context.args.length === 0 ? shields : named(context.args);
    const throughGate = context.flag('through-gate') ? await runThroughGate(context, wanted) : undefined;
    const results = wanted.map((shield, index) => ({
      ...(throughGate?.[index] ?? selfTest(shield)),
      id: shield.id,
      tier: shield.tier,
      ...(coverageOf ? { coverage: coverageOf(shield) } : {}),
    }));
    const untried = results.reduce(
      (sum, { coverage }) => sum + (coverage ? coverage.of - coverage.tried : 0),
      0,
    );
    const all = shields.map((shield) => gateShield(shield));
    const cost = { head: catalogueCost(all, 'head'), body: catalogueCost(all, 'body') };
    const missed = results.flatMap((result) =>
      result.tests.filter((test) => !test.ok).map((test) => ({ id: result.id, test })),
    );
    if (context.json) {
      context.print(
        JSON.stringify({
          shields: results.map(({ id, tier, attacks, innocents, coverage }, index) => ({
            id,
            tier,
            attacks,
            innocents,
            ...(throughGate ? { exchanges: throughGate[index]?.exchanges } : {}),
            ...(throughGate ? { skipped: throughGate[index]?.skipped } : {}),
            ...(coverage ? { coverage } : {}),
          })),
          missed,
          cost: { ...cost, budget: costBudgets.catalogue },
        }),
      );
    } else {
      context.print(table(['SHIELD', 'TIER', 'ATTACKS CUT', 'INNOCENTS PASSED', ''], results.map(row)));
      if (context.flag('verbose')) {
        for (const result of results)
          for (const test of result.tests)
            context.print(`  ${test.ok ? 'ok  ' : 'MISS'} ${test.kind}: ${test.name}`);
      }
      if (throughGate) context.print(throughGateText(throughGate));
      context.print(
        `all shields together (${shields.length}) can take ${shown(cost.head)} of ${shown(costBudgets.catalogue.head)} steps for the head of a request, ${shown(cost.body)} of ${shown(costBudgets.catalogue.body)} for its body`,
      );
      if (wantsCoverage) context.print(`\n${coverageText(results)}`);
      for (const { id, test } of missed) context.print(`MISS ${id}: ${test.name}: ${test.reason}`);
    }
    return missed.length === 0 && (untried === 0 || !context.flag('require-coverage')) ? 0 : 3;
  },
};

function shown(steps: number): string {
  return steps.toLocaleString('en');
}

/** @throws Failure `proof-failed` */
async function runThroughGate(
  context: Context,
  shields: readonly Shield[],
): Promise<readonly ThroughGateResult[]> {
  const { runShieldsThroughGate } = await import('./through-gate/run-shields.ts');
  const started = performance.now();
  const progress = (shield: string, done: number) => {
    const seconds = Math.round((performance.now() - started) / 1_000);
    context.note(`${done} of ${shields.length} shields, ${seconds} s: ${shield}`);
  };
  return runShieldsThroughGate(shields, progress, context.signal);
}

/** What did not go through the gate, and how much did. */
function throughGateText(results: readonly ThroughGateResult[]): string {
  const skipped = results.flatMap(({ shield, skipped: all }) =>
    all.map(({ name, reason }) => `SKIPPED ${shield}: ${name}: ${reason}`),
  );
  const exchanges = results.reduce((sum, result) => sum + result.exchanges, 0);
  return [
    ...skipped.map(printable),
    `${exchanges} exchanges went through a gate, over TLS; ${skipped.length} tests were skipped`,
  ].join('\n');
}

function row(result: SelfTestResult & { id: string; tier: number }): string[] {
  const { attacks, innocents } = result;
  const good = attacks.cut === attacks.of && innocents.passed === innocents.of;
  return [
    result.id,
    String(result.tier),
    `${attacks.cut} of ${attacks.of}`,
    `${innocents.passed} of ${innocents.of}`,
    good ? 'ok' : 'MISSED',
  ];
}

/** A row for each rule, and a line for each outcome that no test had. */
function coverageText(results: readonly { readonly id: string; readonly coverage?: Coverage }[]): string {
  const rows: string[][] = [];
  const gaps: string[] = [];
  for (const { id, coverage } of results) {
    const rules = Map.groupBy(coverage?.branches ?? [], ({ rule }) => rule);
    for (const [rule, branches] of rules) {
      const sum = branches.reduce((all, branch) => all + Number(branch.true) + Number(branch.false), 0);
      rows.push([id, rule, `${sum} of ${branches.length * 2}`]);
      for (const branch of branches) {
        const never = (['true', 'false'] as const).filter((outcome) => !branch[outcome]);
        if (never.length > 0)
          gaps.push(
            `UNTRIED ${id}: ${rule}, column ${branch.column}: never ${never.join(' nor ')}: ${branch.text}`,
          );
      }
    }
  }
  const all = results.reduce((sum, { coverage }) => sum + (coverage?.of ?? 0), 0);
  const tried = results.reduce((sum, { coverage }) => sum + (coverage?.tried ?? 0), 0);
  return [
    table(['SHIELD', 'RULE', 'OUTCOMES TRIED'], rows),
    ...gaps.map(printable),
    `${tried} of ${all} outcomes of operands were tried`,
  ].join('\n');
}
