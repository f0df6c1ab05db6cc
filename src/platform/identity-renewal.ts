// When an agent or gate renews its identity: at a random point from 70 to 90 % of its life, as a kubelet does, so that hosts that were
// enrolled together don't come together. What fails is tried again, and there are weeks for it.
import type { Clock } from '../base/clock.ts';
import { timestamp } from '../base/clock.ts';
import { describeFailure, Failure } from '../base/failure.ts';
import { systemClock } from './clock.ts';
import { type ClientIdentity, type Validity, validityOf } from './identity.ts';
import { pause } from './pause.ts';

export type RenewalLog = (
  event: 'identity-renewed' | 'identity-not-renewed',
  fields: Record<string, unknown>,
) => void;

type Renewable = { identity(): ClientIdentity; renew(signal: AbortSignal): Promise<void> };

export type RenewalTools = {
  readonly clock: Pick<Clock, 'now'>;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
};

export type Renewals = {
  /** Until the signal is aborted. */
  keep(log: RenewalLog, signal: AbortSignal): Promise<void>;
  counters(): { identity_renewals: number; identity_renewals_failed: number };
};

const firstRetryMs = 60_000;
const longestRetryMs = 3_600_000;
/** A clock that was wrong is put right meanwhile. */
const lookMs = 3_600_000;

export function createRenewals(
  client: Renewable,
  tools: RenewalTools = { clock: systemClock, random: Math.random, pause },
): Renewals {
  const { clock, random } = tools;
  let renewed = 0;
  let failed = 0;
  return {
    counters: () => ({ identity_renewals: renewed, identity_renewals_failed: failed }),
    async keep(log, signal) {
      let retryMs = firstRetryMs;
      let next = renewAt(validityNow(client), random());
      while (!signal.aborted) {
        const now = clock.now();
        if (now < next) {
          await tools.pause(Math.min(next - now, lookMs), signal);
          continue;
        }
        try {
          await client.renew(signal);
          renewed += 1;
          retryMs = firstRetryMs;
          const validity = validityNow(client);
          log('identity-renewed', { until: timestamp(validity.until) });
          // Clocks that disagree could make the new one due at once.
          next = Math.max(renewAt(validity, random()), clock.now() + longestRetryMs);
        } catch (error) {
          if (signal.aborted) return;
          failed += 1;
          const { until } = validityNow(client);
          const code = error instanceof Failure ? error.code : 'internal';
          log('identity-not-renewed', { code, error: describeFailure(error), ends: timestamp(until) });
          next = clock.now() + retryMs * (0.5 + random() / 2);
          retryMs = Math.min(longestRetryMs, retryMs * 2);
        }
      }
    },
  };
}

/** A damaged certificate is one that has ended: what is enforced goes on. */
function validityNow(client: Renewable): Validity {
  try {
    return validityOf(client.identity().certificate);
  } catch {
    return { from: 0, until: 0 };
  }
}

function renewAt({ from, until }: Validity, random: number): number {
  return from + (until - from) * (0.7 + 0.2 * random);
}
