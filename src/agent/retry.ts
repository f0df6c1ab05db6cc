// A plan that this host refused: what kept it from that may pass, so it is tried again until it is taken, or another comes.
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
const longestWaitMs = 30_000;

/** `before` when it was refused already. */
export function refusedAgain(
  plan: Plan,
  clock: Clock,
  before?: Refused,
  told: string | undefined = before?.told,
): Refused {
  const waitMs = before ? Math.min(longestWaitMs, before.waitMs * 2) : firstWaitMs;
  return { plan, told, at: clock.mono() + waitMs, waitMs };
}
