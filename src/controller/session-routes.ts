// Questions that people ask about sessions.
import { Failure } from '../base/failure.ts';
import { type SessionQuery, sessionKeys } from '../log/session-queries.ts';
import { Name, Timestamp } from '../model/common.ts';
import { SessionRecord } from '../model/record.ts';
import { TagType } from '../model/tag.ts';
import type { Call, Route } from './http-server.ts';
import { readers } from './roles.ts';
import { number, type Services } from './route-parts.ts';

export function sessionRoutes({ sessions }: Services): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/sessions/top',
      roles: readers,
      handle(call) {
        const wanted = call.query.get('by') ?? 'source';
        const by = sessionKeys.find((key) => key === wanted);
        if (!by) throw new Failure('bad-request', `by must be one of: ${sessionKeys.join(', ')}`);
        return { json: { top: sessions.top(queryOf(call), by, number(call, 'limit', 20, 1, 1_000)) } };
      },
    },
    {
      method: 'GET',
      path: '/v1/sessions/series',
      roles: readers,
      handle: (call) => ({
        json: { series: sessions.series(queryOf(call), number(call, 'step', 60, 1, 86_400)) },
      }),
    },
    {
      method: 'GET',
      path: '/v1/sessions/pairs',
      roles: readers,
      handle(call) {
        const type = TagType.safeParse(call.query.get('type') ?? 'application');
        if (!type.success) throw new Failure('bad-request', 'type must be a tag type, such as application');
        return {
          json: { pairs: sessions.pairs(queryOf(call), type.data, number(call, 'limit', 50, 1, 1_000)) },
        };
      },
    },
  ];
}

/** @throws Failure `bad-request` */
function queryOf({ query }: Call): SessionQuery {
  const text = (name: string) => query.get(name) ?? undefined;
  const since = Timestamp.optional().safeParse(text('since'));
  const server = Name.optional().safeParse(text('server'));
  const verdict = SessionRecord.shape.verdict.optional().safeParse(text('verdict'));
  if (!since.success) throw new Failure('bad-request', 'since must be a time such as 2026-01-31T12:00:00Z');
  if (!server.success) throw new Failure('bad-request', 'server must be the name of a server');
  if (!verdict.success) throw new Failure('bad-request', 'verdict must be accepted, steered or denied');
  return { since: since.data, server: server.data, verdict: verdict.data };
}
