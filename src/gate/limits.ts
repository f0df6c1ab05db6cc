// The limits of the gate's sockets: those of model/limits.ts, which a plan may change, and the pace of the gate's own work.
import { defaultLimits, type Limits } from '../model/limits.ts';

/** Times in milliseconds. They are kept by a sweep, so each may run over by `sweepMs`. */
export type GateLimits = Limits & {
  /** How often the identity files are read again, so that renewed ones come into use without a new start. */
  readonly filesMs: number;
  /** How often the limits are looked at. */
  readonly sweepMs: number;
};

export const defaultGateLimits: GateLimits = { ...defaultLimits, filesMs: 60_000, sweepMs: 1_000 };
