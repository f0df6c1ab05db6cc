// Every exchange of shields through a real gate: `portcullis shields test --through-gate`.
import { describeFailure, Failure } from '../../base/failure.ts';
import { rateMilliseconds, type Shield, type ShieldTest } from '../../model/shield.ts';
import { gateShield } from '../../policy/gate-shield.ts';
import { plainSteps } from '../../shields/exchange-steps.ts';
import { type Way, waysOf } from '../../shields/exchange-ways.ts';
import type { SelfTestResult, TestResult } from '../../shields/self-test.ts';
import { type Ground, openGround } from './ground.ts';
import { runThroughGate } from './run-exchange.ts';

export type ThroughGateResult = SelfTestResult & {
  /** What did not run, and is counted nowhere else. */
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  /** Exchanges that went through the gate: each test in each of its ways. */
  readonly exchanges: number;
};

/** Time does not pass faster for a gate: what waits longer is left to the engine's tests. */
const longestWaitMs = 2_000;
/** Shields in force at once: each is a listener. */
const atOnce = 20;

/**
 * @param progress told before each shield, with how many are done
 * @throws Failure `proof-failed` when the gate itself fails, or the signal is aborted
 */
export async function runShieldsThroughGate(
  shields: readonly Shield[],
  progress: (shield: string, done: number) => void,
  signal: AbortSignal,
): Promise<readonly ThroughGateResult[]> {
  await using ground = await openGround();
  const results: ThroughGateResult[] = [];
  for (let at = 0; at < shields.length; at += atOnce) {
    const group = shields.slice(at, at + atOnce).map(plannedRuns);
    const stands = await ground.build(
      group.flatMap(({ shield, lanes }) =>
        lanes.map((runs) => ({
          shield: gateShield(shield),
          sources: runs.map(({ from, test }) => ({ address: from, tags: test.sourceTags ?? [] })),
        })),
      ),
    );
    let next = 0;
    for (const { shield, lanes, skipped } of group) {
      progress(shield.id, results.length);
      const missed = new Map<ShieldTest, string>();
      for (const runs of lanes) {
        const stand = stands[next++];
        if (!stand) throw new TypeError('a shield has no listener');
        for (const run of runs) {
          if (signal.aborted) throw new Failure('proof-failed', 'it was interrupted');
          const reason = missed.has(run.test) ? '' : await attempt(ground, stand, shield, run);
          if (reason !== '') missed.set(run.test, reason);
        }
      }
      results.push(resultOf(shield, lanes.flat(), missed, skipped));
    }
  }
  return results;
}

type Run = { readonly test: ShieldTest; readonly way: Way; readonly from: string };
type Planned = {
  readonly shield: Shield;
  /** What shares a listener, and with it the counters of callers. */
  readonly lanes: readonly (readonly Run[])[];
  readonly skipped: ThroughGateResult['skipped'];
};

/** Every run comes from an address of its own, so that what is counted by source is counted for it alone. */
let sources = 0;
function nextSource(): string {
  const at = (sources++ % 0xfe_ff00) + 0x1_0001;
  return `127.${at >> 16}.${(at >> 8) & 255}.${at & 255}`;
}

function plannedRuns(shield: Shield): Planned {
  const skipped: { name: string; reason: string }[] = (shield.reach ?? []).map(({ name }) => ({
    name,
    reason: 'its connection is closed in the kernel, before a gate',
  }));
  const runs: Run[] = [];
  for (const test of shield.tests) {
    const waited = [...plainSteps(test)].reduce(
      (sum, step) => sum + ('wait' in step ? rateMilliseconds(step.wait) : 0),
      0,
    );
    if (waited > longestWaitMs) {
      skipped.push({ name: test.name, reason: `it waits ${waited / 1_000} s` });
      continue;
    }
    // Pieces are the kernel's to make: what comes byte by byte is the engine's to prove.
    for (const way of waysOf(test)) if (way.split === undefined) runs.push({ test, way, from: nextSource() });
  }
  const { rules, byGate } = shield.deeperDefense;
  const counts = byGate !== undefined || rules.some(({ rate }) => rate !== undefined);
  return { shield, lanes: counts ? runs.map((run) => [run]) : [runs], skipped };
}

async function attempt(
  ground: Ground,
  stand: { readonly port: number },
  { deeperDefense: { rules } }: Shield,
  { test, way, from }: Run,
): Promise<string> {
  const actions = new Map(rules.map(({ id, action }) => [id, action]));
  const phases = new Map(rules.map(({ id, phase }) => [id, phase]));
  try {
    const differs = await runThroughGate(ground, stand, from, test, actions, phases, way);
    return differs === '' || way.name === '' ? differs : `${way.name}, ${differs}`;
  } catch (error) {
    if (error instanceof Failure && error.code === 'proof-failed') throw error;
    return describeFailure(error);
  }
}

function resultOf(
  shield: Shield,
  runs: readonly Run[],
  missed: ReadonlyMap<ShieldTest, string>,
  skipped: ThroughGateResult['skipped'],
): ThroughGateResult {
  const tests = [...new Set(runs.map(({ test }) => test))].map((test): TestResult => {
    const reason = missed.get(test) ?? '';
    return { name: test.name, kind: test.kind, ok: reason === '', reason };
  });
  const of = (kind: 'attack' | 'innocent') => tests.filter((test) => test.kind === kind);
  const good = (kind: 'attack' | 'innocent') => of(kind).filter(({ ok }) => ok).length;
  return {
    shield: shield.id,
    ok: missed.size === 0,
    attacks: { cut: good('attack'), of: of('attack').length },
    innocents: { passed: good('innocent'), of: of('innocent').length },
    tests,
    skipped,
    exchanges: runs.length,
  };
}
