// The stored plan into force at the start, before the controller is asked for anything.
import { canonicalJson } from '../base/canonical-json.ts';
import type { Clock } from '../base/clock.ts';
import { describeFailure } from '../base/failure.ts';
import { type Refused, refusedAgain } from '../platform/plan-retry.ts';
import type { Enforcer } from './enforcer.ts';
import type { StoredPlan } from './plan-store.ts';
import { fallback, resumed, type Unconfirmed } from './unconfirmed.ts';

export type Resumed = {
  /** What went wrong, for the health report: the standing table still enforces. */
  readonly problem: string | undefined;
  /** Digest of a plan that was taken back. */
  readonly rejected?: string | undefined;
  readonly unconfirmed?: Unconfirmed | undefined;
  /** The plan that should be in force, when this host refused it. */
  readonly refused?: Refused | undefined;
};

export type Resuming = {
  readonly enforcer: Pick<Enforcer, 'generation' | 'apply'>;
  readonly clock: Clock;
  readonly read: () => StoredPlan | undefined;
  readonly store: (stored: StoredPlan) => void;
  readonly log: (event: string, fields?: Record<string, unknown>) => void;
};

/** Puts the stored plan into force; one that nobody confirmed while the agent was away gives way to what was before it. */
export async function resume({ enforcer, clock, read, store, log }: Resuming): Promise<Resumed> {
  let refused: Refused | undefined;
  try {
    const found = read();
    if (!found?.plan) return { problem: undefined, rejected: found?.rejected };
    if (enforcer.generation > found.plan.generation) {
      // The agent ended before it had stored what it applied, or could not: going back would open what was closed.
      const problem = `a table of generation ${enforcer.generation} stands, and the stored plan is ${found.plan.generation}: it is left until the controller sends one`;
      log('plan-not-resumed', { error: problem });
      return { problem, rejected: found.rejected };
    }
    const waiting = resumed(found, clock);
    const late = waiting !== undefined && waiting.deadline <= clock.mono();
    const plan = late ? fallback(found.plan) : found.plan;
    const rejected = late ? canonicalJson(found.plan) : found.rejected;
    refused = refusedAgain(plan, clock);
    const { milliseconds, connectionsCut } = await enforcer.apply(plan);
    const event = late ? 'plan-not-confirmed' : 'plan-resumed';
    log(event, { generation: plan.generation, milliseconds, connectionsCut });
    if (late) store({ plan, ...(rejected === undefined ? {} : { rejected }) });
    return { problem: undefined, rejected, unconfirmed: late ? undefined : waiting };
  } catch (error) {
    const problem = `the stored plan was not applied: ${describeFailure(error)}`;
    log('plan-not-resumed', { error: problem });
    return { problem, refused };
  }
}
