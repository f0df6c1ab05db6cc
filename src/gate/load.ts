// Is the gate too busy for more? A pure decision over two numbers, and the meter that keeps them.
import type { Limits } from '../model/limits.ts';

/** `lagMs`: how far the event loop is behind. `openRequests`: without an answer, watches and tunnels left out. */
export type Load = {
  readonly lagMs: number;
  readonly openRequests: number;
  /** The same of the gate's other workers. */
  readonly requestsBeside: number;
};

/**
 * `shed`: new requests are turned away with a 429; what is in hand goes on. `refuse`: new connections are closed at once
 * as well, for handshakes are the dearest thing that callers can ask for.
 */
export function judgeLoad(load: Load, limits: Limits): 'fine' | 'shed' | 'refuse' {
  if (load.lagMs > limits.refuseLagMs) return 'refuse';
  const requests = load.openRequests + load.requestsBeside;
  return load.lagMs > limits.shedLagMs || requests > limits.openRequests ? 'shed' : 'fine';
}

/** Seconds after which a caller who was turned away may try again, as kube-apiserver answers. */
export const retryAfterSeconds = 1;

/**
 * How often the loop's delay is sampled, ms, and how many samples count, less the longest: one pause, of the collector or of a
 * host that stood still, is no overload, however long.
 */
export const lagEveryMs = 100;
const samples = 5;

export type LoadMeter = Load & {
  openRequests: number;
  requestsBeside: number;
  /** The timer that should run every `lagEveryMs` ran; `now` is monotonic milliseconds. */
  tick(now: number): void;
};

export function createLoadMeter(now: number): LoadMeter {
  const lags = new Array<number>(samples).fill(0);
  let at = 0;
  let last = now;
  let lagMs = 0;
  return {
    openRequests: 0,
    requestsBeside: 0,
    tick(moment) {
      lags[at] = Math.max(0, moment - last - lagEveryMs);
      at = (at + 1) % samples;
      last = moment;
      lagMs = (lags.reduce((sum, lag) => sum + lag, 0) - Math.max(...lags)) / (samples - 1);
    },
    get lagMs() {
      return lagMs;
    },
  };
}
