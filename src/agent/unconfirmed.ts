// A plan that waits to be confirmed: until when, and what takes its place when nobody did.
import type { Clock } from '../base/clock.ts';
import { timestamp } from '../base/clock.ts';
import type { AgentPlan } from '../model/plan.ts';
import type { StoredPlan } from './plan-store.ts';

export type Unconfirmed = {
  readonly plan: AgentPlan;
  /** Monotonic ms. */
  readonly deadline: number;
};

/** Of a plan that came just now; undefined when it waits for nothing. */
export function unconfirmed(plan: AgentPlan, clock: Clock): Unconfirmed | undefined {
  return plan.confirm && { plan, deadline: clock.mono() + windowMs(plan) };
}

/** Of a plan that was stored. A clock that was set back meanwhile gives it no more than its whole time. */
export function resumed({ plan, confirmBy }: StoredPlan, clock: Clock): Unconfirmed | undefined {
  if (!plan?.confirm) return undefined;
  const left = confirmBy === undefined ? 0 : Date.parse(confirmBy) - clock.now();
  return { plan, deadline: clock.mono() + Math.min(left, windowMs(plan)) };
}

/** How it is stored. */
export function stored(plan: AgentPlan, waiting: Unconfirmed | undefined, clock: Clock): StoredPlan {
  if (!waiting) return { plan };
  return { plan, confirmBy: timestamp(clock.now() + waiting.deadline - clock.mono()) };
}

/** What the agent falls back to. */
export function fallback({ confirm, ...plan }: AgentPlan): AgentPlan {
  return { ...plan, ...confirm?.otherwise };
}

function windowMs({ confirm, issuedAt }: AgentPlan): number {
  return confirm ? Math.max(0, Date.parse(confirm.before) - Date.parse(issuedAt)) : 0;
}
