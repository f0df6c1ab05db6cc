// A plan that an agent or gate refused: what kept it from that may pass, so it is tried again until it is taken, or another comes.
import type { Clock } from '../base/clock.ts';
import type { Plan } from '../model/plan.ts';

export type Refused = {
  readonly plan: Plan;
  /** The reason that the controller was told. */
  readonly told: string | undefined;
  /** When it is tried again, monotonic ms. */
  readonly at: number;
  /** How long that was to be waited for, ms. */
  readonly waitMs: number;
};

const firstWaitMs = 200;
const longestRetryMs = 30_000;
/** Timers can't wait for ever. What is still to come after it is waited for anew. */
const longestWaitMs = 86_400_000;

/** `before` when it was refused already. */
export function refusedAgain(
  plan: Plan,
  clock: Pick<Clock, 'mono'>,
  before?: Refused,
  told: string | undefined = before?.told,
): Refused {
  const waitMs = before ? Math.min(longestRetryMs, before.waitMs * 2) : firstWaitMs;
  return { plan, told, at: clock.mono() + waitMs, waitMs };
}

/** Also aborted after so many ms, where that is given. */
export function orAfter(signal: AbortSignal, ms: number | undefined): AbortSignal {
  if (ms === undefined) return signal;
  const whole = Math.min(Math.max(0, Math.ceil(ms)), longestWaitMs);
  return AbortSignal.any([signal, AbortSignal.timeout(whole)]);
}
