// Agents and gates as last heard of: in memory, because a report is only worth its freshness.
import type { Clock } from '../base/clock.ts';
import type { HealthReport } from '../model/api.ts';
import { workerKey } from './state.ts';

/** A worker that was silent this long doesn't count as healthy. Workers report every 5 s. */
export const freshMs = 10_000;

export type Workers = {
  /** Takes a report; the answer is the transition to log, if it is one. */
  report(report: HealthReport): { ok: boolean; detail: string } | undefined;
  /** Workers that fell silent since the last call, as transitions to log. */
  silent(): readonly { kind: HealthReport['kind']; name: string; detail: string }[];
  /** The last report and when it came (ms since the epoch); `fresh` tells whether it still counts. */
  last(
    kind: HealthReport['kind'],
    name: string,
  ): { report: HealthReport; at: number; fresh: boolean } | undefined;
};

export function createWorkers(clock: Clock): Workers {
  const known = new Map<string, { report: HealthReport; at: number; mono: number; up: boolean }>();
  return {
    report(report) {
      const key = workerKey(report.kind, report.name);
      const former = known.get(key);
      known.set(key, { report, at: clock.now(), mono: clock.mono(), up: report.ok });
      return former?.up === report.ok ? undefined : { ok: report.ok, detail: report.detail };
    },
    silent() {
      const fallen: { kind: HealthReport['kind']; name: string; detail: string }[] = [];
      for (const worker of known.values()) {
        if (!worker.up || clock.mono() - worker.mono <= freshMs) continue;
        worker.up = false;
        const { kind, name } = worker.report;
        fallen.push({ kind, name, detail: `silent for ${freshMs / 1000} s` });
      }
      return fallen;
    },
    last(kind, name) {
      const worker = known.get(workerKey(kind, name));
      return worker && { report: worker.report, at: worker.at, fresh: clock.mono() - worker.mono <= freshMs };
    },
  };
}
