// What people call: documents, stages, probes, advisories, and everything that is shown.
import { canonicalJson } from '../base/canonical-json.ts';
import { Failure } from '../base/failure.ts';
import { changeOf } from '../intel/changes.ts';
import { readAdvisory } from '../intel/read.ts';
import { sha256 } from '../log/chain.ts';
import {
  AdvisoryRequest,
  InventoryBody,
  PolicyBody,
  ProbeRequest,
  StageRequest,
  TokenRequest,
  WhyId,
} from '../model/api.ts';
import { SessionRecord } from '../model/record.ts';
import { applyPolicy, putDocuments } from './documents.ts';
import { buildExposure } from './exposure.ts';
import type { Call, Route } from './http-server.ts';
import { readers } from './roles.ts';
import { MiB, number, parseBody, patient, person, type Services } from './route-parts.ts';
import { requireServer, setStage, stageAnswer } from './stages.ts';
import { buildStatus } from './status.ts';
import { makeToken } from './tokens.ts';
import { explain } from './why.ts';

export function adminRoutes(services: Services): readonly Route[] {
  const { core, authority, reconciler, prober, sessions } = services;
  const status = (call: Call) => ({ json: buildStatus(services, call.caller) });

  return [
    {
      method: 'POST',
      path: '/v1/tokens',
      roles: ['admin'],
      handle(call) {
        const request = parseBody(TokenRequest, call.body);
        if (readers.includes(request.role) && request.name === 'admin')
          throw new Failure('bad-request', "'admin' is the controller's own identity", { place: 'name' });
        const { answer, entry } = makeToken(request, authority.pin, person(call), core.clock.now());
        core.record([entry]);
        return { json: answer };
      },
    },
    {
      method: 'GET',
      path: '/v1/inventory',
      roles: readers,
      handle() {
        const inventory = core.inventory();
        if (!inventory) throw new Failure('no-inventory', 'there is no inventory yet');
        return { json: inventory };
      },
    },
    {
      method: 'PUT',
      path: '/v1/inventory',
      roles: ['admin'],
      maxBody: 32 * MiB,
      handle(call) {
        const inventory = parseBody(InventoryBody, call.body, 'bad-inventory');
        putDocuments(core, { inventory }, person(call));
        prober.reassess();
        void prober.probe();
        return undefined;
      },
    },
    {
      method: 'PUT',
      path: '/v1/policy',
      roles: ['admin'],
      maxBody: 8 * MiB,
      handle(call) {
        applyPolicy(core, parseBody(PolicyBody, call.body, 'bad-policy'), person(call));
        reconciler.run();
        return undefined;
      },
    },
    {
      method: 'POST',
      path: '/v1/stage',
      roles: ['admin'],
      handle(call) {
        const request = parseBody(StageRequest, call.body);
        const from = setStage(core, request, person(call));
        reconciler.run();
        return { json: stageAnswer(core, request, from, reconciler.lacks(request.server)) };
      },
    },
    {
      method: 'POST',
      path: '/v1/probe',
      roles: ['admin'],
      async handle(call) {
        const { server } = parseBody(ProbeRequest, call.body);
        if (server !== undefined) requireServer(core, server);
        await prober.probe(server);
        return status(call);
      },
    },
    { method: 'GET', path: '/v1/status', roles: readers, handle: status },
    {
      method: 'GET',
      path: '/v1/events',
      roles: readers,
      async handle(call) {
        const after = number(call, 'after', 0, 0, Number.MAX_SAFE_INTEGER);
        const wait = number(call, 'wait', 0, 0, 60);
        const limit = number(call, 'limit', 1000, 1, 5000);
        await patient(call.signal, wait, (signal) => core.log.waitFor(after, signal));
        return { json: { entries: core.log.read(after, limit) } };
      },
    },
    {
      method: 'GET',
      path: '/v1/why',
      roles: readers,
      handle(call) {
        const id = WhyId.safeParse(call.query.get('id'));
        if (!id.success)
          throw new Failure('bad-request', 'an id has at most 64 of letters, digits, -, . and _');
        return { json: explain(core, sessions, id.data) };
      },
    },
    {
      method: 'GET',
      path: '/v1/sessions',
      roles: readers,
      handle(call) {
        const verdict = call.query.get('verdict');
        const parsed = SessionRecord.shape.verdict.optional().safeParse(verdict ?? undefined);
        if (!parsed.success) throw new Failure('bad-request', 'verdict must be accepted, steered or denied');
        return { json: { sessions: sessions.list(number(call, 'limit', 100, 1, 10_000), parsed.data) } };
      },
    },
    {
      method: 'GET',
      path: '/v1/exposure',
      roles: readers,
      handle: () => ({ json: buildExposure(core) }),
    },
    {
      method: 'GET',
      path: '/v1/advisories',
      roles: readers,
      handle() {
        const { advisories, shields } = core.knowledge;
        const known = new Set(advisories.map(({ id }) => id));
        return { json: { advisories, shielded: shields.map(({ id }) => id).filter((id) => known.has(id)) } };
      },
    },
    {
      method: 'POST',
      path: '/v1/advisories',
      roles: ['admin'],
      maxBody: 1 * MiB,
      handle(call) {
        const { place, record } = parseBody(AdvisoryRequest, call.body);
        const advisory = readAdvisory(record, place);
        const { id, severity, summary } = advisory;
        const known = core.knowledge.advisories.find((item) => item.id === id);
        const change = changeOf(known, advisory);
        if (known && change.outcome === 'unchanged') return { json: { advisory: known, ...change } };
        const text = canonicalJson(advisory);
        const data = { document: sha256(text), severity, summary, place, ...change };
        core.record([{ kind: 'advisory', actor: person(call), subject: id, data }], [text]);
        prober.reassess();
        return { json: { advisory, ...change } };
      },
    },
  ];
}
