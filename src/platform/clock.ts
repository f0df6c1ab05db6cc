// The machine's clock, for everything that takes one.
import type { Clock } from '../base/clock.ts';

export const systemClock: Clock = { now: () => Date.now(), mono: () => performance.now() };
