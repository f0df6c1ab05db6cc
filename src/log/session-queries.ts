// Questions about session records: what there is most of, how it went over time, who talks to whom.
// A record that stands for others (a sample) counts for all of them.
import type { DatabaseSync } from 'node:sqlite';
import { SessionPair, SessionStep, SessionTop } from '../model/api.ts';
import type { SessionRecord } from '../model/record.ts';

/** Which records are asked about. */
export type SessionQuery = {
  /** RFC 3339 in UTC: those that ended then or later. */
  readonly since?: string | undefined;
  readonly server?: string | undefined;
  readonly verdict?: SessionRecord['verdict'] | undefined;
};

export const sessionKeys = ['source', 'name', 'server', 'rule', 'agent'] as const;
export type SessionKey = (typeof sessionKeys)[number];

/** What each key is in the body of a record. */
const columns: Readonly<Record<SessionKey, string>> = {
  source: "body ->> '$.from.address'",
  name: "body ->> '$.from.name'",
  server: "body ->> '$.server'",
  rule: "body ->> '$.rule'",
  agent: "body ->> '$.agent'",
};

const weight = "coalesce(body ->> '$.sample', 1)";
const count = (verdict: SessionRecord['verdict']) =>
  `sum(iif(verdict = '${verdict}', attempts * weight, 0)) AS ${verdict}`;
const sums = `${count('accepted')}, ${count('steered')}, ${count('denied')},
  sum(bytesOut * weight) AS bytesOut, sum(bytesIn * weight) AS bytesIn`;
/** The records in question, with what is summed. */
const chosen = `(SELECT verdict, body, ${weight} AS weight, body ->> '$.attempts' AS attempts,
    body ->> '$.bytesOut' AS bytesOut, body ->> '$.bytesIn' AS bytesIn, body ->> '$.endedAt' AS ended
  FROM sessions
  WHERE (:since IS NULL OR body ->> '$.endedAt' >= :since) AND (:server IS NULL OR body ->> '$.server' = :server)
    AND (:verdict IS NULL OR verdict = :verdict))`;
const total = 'accepted + steered + denied';

/** The value of a tag type at one end, else what the end is called. A tag is `type=value`. */
function tagOf(end: string, otherwise: string): string {
  return `coalesce((SELECT group_concat(substr(value, length(:type) + 2), ', ') FROM json_each(body, '$.${end}.tags')
    WHERE substr(value, 1, length(:type) + 1) = :type || '='), body ->> '${otherwise}')`;
}

export function sessionQueries(database: DatabaseSync): {
  top(query: SessionQuery, by: SessionKey, limit: number): readonly SessionTop[];
  series(query: SessionQuery, stepSeconds: number): readonly SessionStep[];
  pairs(query: SessionQuery, type: string, limit: number): readonly SessionPair[];
} {
  const bound = ({ since, server, verdict }: SessionQuery) => ({
    since: since ?? null,
    server: server ?? null,
    verdict: verdict ?? null,
  });
  const steps = database.prepare(`
    SELECT strftime('%Y-%m-%dT%H:%M:%SZ', unixepoch(ended) / CAST(:step AS INTEGER) * CAST(:step AS INTEGER), 'unixepoch') AS at, ${sums}
    FROM ${chosen} GROUP BY at ORDER BY at`);
  const between = database.prepare(`
    SELECT ${tagOf('from', '$.from.name')} AS "from", ${tagOf('to', '$.server')} AS "to", ${sums}, max(ended) AS last
    FROM ${chosen} GROUP BY 1, 2 ORDER BY ${total} DESC, 1, 2 LIMIT :limit`);
  return {
    top(query, by, limit) {
      const rows = database
        .prepare(
          `SELECT ${columns[by]} AS key, ${sums}, max(ended) AS last
           FROM ${chosen} GROUP BY key ORDER BY ${total} DESC, key LIMIT :limit`,
        )
        .all({ ...bound(query), limit });
      return rows.map((row) => SessionTop.parse({ ...row }));
    },
    series: (query, step) => steps.all({ ...bound(query), step }).map((row) => SessionStep.parse({ ...row })),
    pairs: (query, type, limit) =>
      between.all({ ...bound(query), type, limit }).map((row) => SessionPair.parse({ ...row })),
  };
}
