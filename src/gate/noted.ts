// Findings that nothing is done about, of shadows and exemptions, kept from flooding the log: the first few of each caller
// and rule are told whole, the rest are counted and told together. Nothing is lost but detail.
import type { Incident } from '../model/record.ts';

export type Noted = {
  take(incident: Incident): void;
  /** Tells what was counted, of those whose time has come; `all` of them at an end. */
  flush(now: number, all?: boolean): void;
};

/** Of one caller and rule, told whole; after an hour without any, anew. */
const wholeEach = 5;
/** Told whole by one worker in all: so many at once, then one more for each interval. */
const wholeBurst = 200;
const wholeEveryMs = 5_000;
/** Callers and rules that are told apart; what is beyond is counted by rule alone. */
const maxKeys = 250;
/** How long is counted before it is told. */
const countMs = 60_000;
const forgetMs = 3_600_000;

type Row = { whole: number; seen: number; since: number; count: number; first: Incident | undefined };

/** @param tell takes what goes to the controller. @param start ms, of the clock that `flush` is told */
export function createNoted(tell: (incident: Incident) => void, start: number): Noted {
  const rows = new Map<string, Row>();
  let now = start;
  let budget = wholeBurst;
  let filled = start;

  function rowOf(incident: Incident): Row {
    const rule = JSON.stringify([incident.server, incident.shield, incident.rule, incident.exemption ?? '']);
    const own = `${rule} ${callerOf(incident)}`;
    const known = rows.get(own);
    if (known) return known;
    const key = rows.size < maxKeys ? own : rule;
    const row = rows.get(key) ?? { whole: 0, seen: now, since: now, count: 0, first: undefined };
    rows.set(key, row);
    return row;
  }

  function spend(): boolean {
    const gained = Math.floor((now - filled) / wholeEveryMs);
    if (gained > 0) {
      budget = Math.min(wholeBurst, budget + gained);
      filled += gained * wholeEveryMs;
    }
    if (budget === 0) return false;
    budget -= 1;
    return true;
  }

  return {
    take(incident) {
      const row = rowOf(incident);
      row.seen = now;
      if (row.whole < wholeEach && spend()) {
        row.whole += 1;
        tell(incident);
        return;
      }
      if (row.count === 0) {
        row.since = now;
        row.first = incident;
      }
      row.count += 1;
    },
    flush(at, all = false) {
      now = at;
      for (const [key, row] of rows) {
        if (row.first && (all || now - row.since >= countMs)) {
          tell({ ...row.first, count: row.count });
          row.count = 0;
          row.first = undefined;
        }
        if (!row.first && now - row.seen >= forgetMs) rows.delete(key);
      }
    },
  };
}

/** Anonymous callers and those with tokens are told apart by where they are. */
function callerOf({ who }: Incident): string {
  return JSON.stringify([who.method, who.user ?? '', who.serviceAccount ?? '', who.from.address]);
}
