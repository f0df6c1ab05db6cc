// The life of the policy over the API: drafts, reviews, approvals, commits (model/lifecycle.ts).
import { Failure } from '../base/failure.ts';
import { Name } from '../model/common.ts';
import { ExplainRequest } from '../model/explain.ts';
import {
  ApproveRequest,
  CommitRequest,
  DraftName,
  DraftRequest,
  ReviewRequest,
  RollbackRequest,
} from '../model/lifecycle.ts';
import { explainPath } from './explain.ts';
import type { Call, Route } from './http-server.ts';
import { commitDraft, confirm, rollBack } from './policy-commits.ts';
import {
  approve,
  draftNamed,
  dropDraft,
  history,
  policyAt,
  rebaseDraft,
  saveDraft,
} from './policy-drafts.ts';
import { review, type SessionSources } from './review.ts';
import { readers } from './roles.ts';
import { MiB, number, parseBody, person, type Services } from './route-parts.ts';

export function policyRoutes({ core, reconciler, sessions, open }: Services): readonly Route[] {
  const sources: SessionSources = { recorded: sessions.callers, open: open.list };
  /** A change of the policy may be what the response plan waited for. */
  const changing = <T>(json: T) => {
    reconciler.run();
    return { json };
  };
  const admin = (
    method: Route['method'],
    path: string,
    handle: Route['handle'],
    maxBody = 65_536,
  ): Route => ({ method, path, roles: ['admin'], maxBody, handle });
  const read = (method: Route['method'], path: string, handle: Route['handle']): Route => ({
    ...admin(method, path, handle),
    roles: readers,
  });

  return [
    read('GET', '/v1/policy', (call) => {
      if (!call.query.has('generation')) return { json: core.policy() };
      return { json: policyAt(core, number(call, 'generation', 0, 0, Number.MAX_SAFE_INTEGER)) };
    }),
    read('GET', '/v1/policy/history', () => ({ json: history(core) })),
    read('GET', '/v1/drafts', (call) => ({ json: core.policyOf(draftNamed(core, nameOf(call)).document) })),
    admin(
      'PUT',
      '/v1/drafts',
      async (call) => {
        const request = parseBody(DraftRequest, call.body, 'bad-policy');
        saveDraft(core, request, person(call));
        return { json: await review(core, { name: request.name }, sources) };
      },
      8 * MiB,
    ),
    admin('POST', '/v1/drafts/rebase', async (call) => {
      const { name } = parseBody(DraftName, call.body);
      rebaseDraft(core, name, person(call));
      return { json: await review(core, { name }, sources) };
    }),
    admin('POST', '/v1/drafts/drop', (call) => {
      dropDraft(core, parseBody(DraftName, call.body).name, person(call));
      return undefined;
    }),
    admin(
      'POST',
      '/v1/policy/review',
      async (call) => ({ json: await review(core, parseBody(ReviewRequest, call.body), sources) }),
      4 * MiB,
    ),
    admin(
      'POST',
      '/v1/policy/approve',
      (call) => ({ json: approve(core, parseBody(ApproveRequest, call.body), person(call)) }),
      4 * MiB,
    ),
    admin(
      'POST',
      '/v1/policy/commit',
      (call) => changing(commitDraft(core, parseBody(CommitRequest, call.body), person(call))),
      4 * MiB,
    ),
    admin('POST', '/v1/policy/confirm', (call) => changing(confirm(core, person(call)))),
    read('POST', '/v1/explain', (call) => ({
      json: explainPath(core, parseBody(ExplainRequest, call.body)),
    })),
    admin('POST', '/v1/policy/rollback', (call) =>
      changing(rollBack(core, parseBody(RollbackRequest, call.body), person(call))),
    ),
  ];
}

function nameOf(call: Call): string {
  const parsed = Name.safeParse(call.query.get('name'));
  if (parsed.success) return parsed.data;
  throw new Failure('bad-request', 'name must be that of a draft', { place: 'name' });
}
