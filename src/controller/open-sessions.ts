// Connections that are open now, as agents told of them last: in memory, because they are only worth their freshness.
import { type Clock, timestamp } from '../base/clock.ts';
import type { OpenReport } from '../model/api.ts';
import type { OpenSessions } from './review.ts';

/** Agents tell at least every 30 s. */
const freshMs = 60_000;

export type OpenSessionsStore = {
  take(report: OpenReport): void;
  list(): readonly OpenSessions[];
};

export function createOpenSessions(clock: Clock): OpenSessionsStore {
  const byAgent = new Map<string, { at: number; mono: number; report: OpenReport }>();
  return {
    take(report) {
      byAgent.set(report.agent, { at: clock.now(), mono: clock.mono(), report });
    },
    list() {
      const fresh = [...byAgent.values()].filter(({ mono }) => clock.mono() - mono <= freshMs);
      return fresh.flatMap(({ at, report }) => report.open.map((one) => ({ ...one, at: timestamp(at) })));
    },
  };
}
