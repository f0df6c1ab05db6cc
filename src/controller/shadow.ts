// What a shield in shadow would have refused, and to whom, read from the log.
import { timestamp } from '../base/clock.ts';
import type { ShadowAnswer, ShadowRow } from '../model/api.ts';
import { Incident } from '../model/record.ts';
import type { Core } from './core.ts';

/** Entries looked at, the newest first: a second's work at most. */
const maxEntries = 100_000;
const chunk = 2_000;
const maxRows = 200;

/** Most found first. What an exemption covers is not among it, nor what a rule only logs. */
export function shadowFindings(
  core: Core,
  want: { readonly server: string; readonly shield: string; readonly days: number },
): ShadowAnswer {
  const since = core.clock.now() - want.days * 86_400_000;
  const rows = new Map<string, ShadowRow>();
  let looked = 0;
  let complete = true;
  let end = core.log.head().seq;
  let last = core.clock.now();
  while (end > 0 && last >= since) {
    if (looked >= maxEntries) {
      complete = false;
      break;
    }
    const from = Math.max(0, end - chunk);
    const entries = core.log.read(from, end - from);
    looked += entries.length;
    for (const entry of entries.toReversed()) {
      last = Date.parse(entry.at);
      if (last < since) break;
      if (entry.kind !== 'incident' || entry.subject !== want.server) continue;
      const incident = Incident.safeParse(entry.data).data;
      if (incident?.shield === want.shield) add(rows, incident);
    }
    end = from;
  }
  const all = [...rows.values()].sort((a, b) => b.count - a.count || (a.last < b.last ? 1 : -1));
  return {
    server: want.server,
    shield: want.shield,
    since: timestamp(since),
    looked,
    complete,
    found: all.reduce((sum, { count }) => sum + count, 0),
    callers: new Set(all.map(({ who, address }) => `${who} ${address}`)).size,
    rows: all.slice(0, maxRows),
  };
}

function add(rows: Map<string, ShadowRow>, incident: Incident): void {
  const { shadow, exemption, would, rule, who, what, count = 1, at } = incident;
  if (!shadow || exemption !== undefined || would === undefined || would === 'log') return;
  const caller = who.user ?? who.serviceAccount ?? (who.method === 'bearer' ? 'a bearer token' : 'anonymous');
  const key = JSON.stringify([rule, caller, who.from.address]);
  const row = rows.get(key);
  rows.set(key, {
    rule,
    would,
    who: caller,
    address: who.from.address,
    name: who.from.name,
    // The newest comes first: its request is the one that is shown.
    request: row?.request ?? what.requestLine,
    last: row?.last ?? at,
    count: (row?.count ?? 0) + count,
  });
}
