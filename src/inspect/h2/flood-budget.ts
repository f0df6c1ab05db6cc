// How much of what costs a server work without getting anything done is let through: one budget for all connections of
// one caller (CVE-2023-44487, CVE-2019-9512, -9514, -9515, -9518).

import type { ConnectionLimits } from '../connection-types.ts';

/**
 * reset     streams that either side resets; an informer that starts anew cancels hundreds of watches at once
 * ping      Go's client sends one with a reset
 * settings  SETTINGS frames
 * idle      frames that carry nothing: empty DATA, PRIORITY, unknown types, frames of streams that are over
 */
export type FloodKind = 'reset' | 'ping' | 'settings' | 'idle';

/** The bucket of each kind: as many at once, and a tenth as many more each second. */
export const limitOf = {
  reset: 'streamResets',
  ping: 'pingFrames',
  settings: 'settingsFrames',
  idle: 'idleFrames',
} as const satisfies Record<FloodKind, keyof ConnectionLimits>;
const refillPart = 0.1;

export type FloodBudget = {
  /** @returns false when there is nothing left to spend */
  spend(kind: FloodKind): boolean;
  /** What was spent elsewhere. */
  charge(kind: FloodKind, count: number): void;
  /** What was spent here, in all. */
  readonly spent: Readonly<Record<FloodKind, number>>;
  /** Is every bucket full again? Then it need not be kept. */
  readonly rested: boolean;
};

/** @param clock milliseconds, moved on by its owner */
export function createFloodBudget(limits: ConnectionLimits, clock: { readonly now: number }): FloodBudget {
  const buckets = {
    reset: full('reset'),
    ping: full('ping'),
    settings: full('settings'),
    idle: full('idle'),
  };

  const spent = { reset: 0, ping: 0, settings: 0, idle: 0 };

  function full(kind: FloodKind) {
    return { left: limits[limitOf[kind]], at: clock.now };
  }

  function refill(kind: FloodKind) {
    const bucket = buckets[kind];
    const burst: number = limits[limitOf[kind]];
    const earned = ((clock.now - bucket.at) / 1_000) * burst * refillPart;
    if (earned > 0) bucket.left = Math.min(burst, bucket.left + earned);
    bucket.at = clock.now;
    return bucket;
  }

  return {
    spend(kind) {
      const bucket = refill(kind);
      if (bucket.left < 1) return false;
      bucket.left -= 1;
      spent[kind] += 1;
      return true;
    },
    charge(kind, count) {
      const bucket = refill(kind);
      // Below nothing: else each holder of a part would let through as much a second as all may.
      bucket.left = Math.max(-limits[limitOf[kind]], bucket.left - count);
    },
    spent,
    get rested() {
      return (Object.keys(buckets) as FloodKind[]).every(
        (kind) => refill(kind).left >= limits[limitOf[kind]],
      );
    },
  };
}
