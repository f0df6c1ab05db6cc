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
      const found = new Map<string, { ends: number; forwarded: number; one: OpenSessions }>();
      for (const { at, report } of fresh) {
        for (const { server, address, sessions, forwarded } of report.open) {
          const key = `${server} ${address}`;
          const known = found.get(key) ?? {
            ends: 0,
            forwarded: 0,
            one: { server, address, sessions: 0, at: '' },
          };
          known[forwarded ? 'forwarded' : 'ends'] += sessions;
          // What was forwarded under its own address ends as a socket somewhere, and is one connection.
          const one = { server, address, sessions: Math.max(known.ends, known.forwarded), at: timestamp(at) };
          found.set(key, { ...known, one: known.one.at > one.at ? { ...one, at: known.one.at } : one });
        }
      }
      return [...found.values()].map(({ one }) => one);
    },
  };
}
