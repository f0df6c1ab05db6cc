// What agents and gates call: enrolment, plans, and what they report. A worker reads its own plan and writes its own
// records, nothing else.
import { Failure } from '../base/failure.ts';
import {
  EnrolRequest,
  HealthReport,
  IncidentBatch,
  OpenReport,
  RenewRequest,
  SessionBatch,
} from '../model/api.ts';
import type { NewEntry } from '../model/entry.ts';
import { Receipt } from '../model/plan.ts';
import type { Incident } from '../model/record.ts';
import type { Call, Caller, Route } from './http-server.ts';
import { admit, issued } from './identities.ts';
import { inBatches } from './in-batches.ts';
import { createReach } from './reach.ts';
import { MiB, number, parseBody, patient, type Services } from './route-parts.ts';
import { workerKey } from './state.ts';
import { checkToken, createLimiter } from './tokens.ts';

export function workerRoutes(services: Services): readonly Route[] {
  const { core, authority, workers, reconciler, sessions, open } = services;
  const { clock } = core;
  const enrolments = createLimiter(clock, 20, 0.2);
  const allEnrolments = createLimiter(clock, 200, 2);
  const renewals = createLimiter(clock, 5, 1 / 600);
  /** Entries that one worker may add to the log: a hostile host must not fill the disk. */
  const entries = createLimiter(clock, 2_000, 20);
  /** Session records of one agent; a busy server ends some hundred connections a second. */
  const records = createLimiter(clock, 20_000, 2_000);
  const reach = createReach(core);
  /** After a commit a thousand agents may answer at once: one transaction, and one look at what follows, for all of them. */
  const recordReceipt = inBatches<NewEntry>((receipts) => {
    core.record(receipts);
    reconciler.run();
  });
  const reconcile = inBatches<void>(() => reconciler.run());

  return [
    {
      method: 'POST',
      path: '/v1/enrol',
      roles: 'anyone',
      maxBody: 16_384,
      async handle({ body, from }) {
        if (!enrolments.take(from) || !allEnrolments.take('all')) {
          throw new Failure('too-many-attempts', 'too many enrolments were tried', { hint: 'wait a minute' });
        }
        const request = parseBody(EnrolRequest, body);
        checkToken(core.state, request, clock.now());
        const { role, name } = request;
        const certificate = await authority.signWorker(request.csr, role, name);
        // Signing took a moment in which the token may have been used.
        const token = checkToken(core.state, request, clock.now());
        core.record([
          {
            kind: 'enrolled',
            actor: `${role}:${name}`,
            subject: name,
            data: { ...issued(role, name, certificate), token, from },
          },
        ]);
        if (role === 'agent') core.replan();
        return { json: { certificate, ca: authority.certificate } };
      },
    },
    {
      method: 'POST',
      path: '/v1/renew',
      roles: ['agent', 'gate'],
      maxBody: 16_384,
      async handle(call) {
        const caller = worker(call);
        const { role, name, csr } = parseBody(RenewRequest, call.body);
        own(caller, role, name);
        if (!renewals.take(actor(caller)))
          throw new Failure('too-many-attempts', 'too many renewals were tried', {
            hint: 'wait ten minutes',
          });
        if (!core.inventory()?.hosts.some((host) => host.name === name))
          throw new Failure('renewal-refused', `the inventory has no host '${name}'`, {
            hint: 'put it back into the inventory, or stop its agent and gate for good',
          });
        const certificate = await authority.signWorker(csr, role, name);
        // Signing took a moment in which somebody may have enrolled by this name.
        admit(core, caller);
        const data = { what: 'issued', ...issued(role, name, certificate), from: call.from };
        core.record([{ kind: 'renewed', actor: actor(caller), subject: name, data }]);
        return { json: { certificate } };
      },
    },
    {
      method: 'GET',
      path: '/v1/plan',
      roles: ['agent', 'gate'],
      async handle(call) {
        const { role, name } = worker(call);
        const after = number(call, 'after', 0, 0, Number.MAX_SAFE_INTEGER);
        const wait = number(call, 'wait', 0, 0, 60);
        const there = await patient(call.signal, wait, (signal) =>
          core.waitForPlan(role, name, after, signal),
        );
        const plan = there ? core.plan(role, name) : undefined;
        const have = call.query.get('have');
        return plan && { text: (have === null ? undefined : plan.changeFrom(have)) ?? plan.text() };
      },
    },
    {
      method: 'POST',
      path: '/v1/receipts',
      roles: ['agent', 'gate'],
      async handle(call) {
        const caller = worker(call);
        const receipt = parseBody(Receipt, call.body);
        own(caller, receipt.kind, receipt.target);
        if (receipt.generation > (core.plan(caller.role, caller.name)?.generation ?? 0))
          throw new Failure('bad-request', `there is no plan ${receipt.generation} for ${caller.name}`);
        limit(caller, 1);
        await recordReceipt({
          kind: 'receipt',
          actor: actor(caller),
          subject: receipt.target,
          data: toData(receipt),
        });
        return undefined;
      },
    },
    {
      method: 'POST',
      path: '/v1/health',
      roles: ['agent', 'gate'],
      async handle(call) {
        const caller = worker(call);
        const report = parseBody(HealthReport, call.body);
        own(caller, report.kind, report.name);
        const change = workers.report(report);
        if (change && entries.take(actor(caller)))
          core.record([{ kind: 'health', actor: actor(caller), subject: report.name, data: change }]);
        const { repaired } = report;
        if (repaired !== undefined && entries.take(actor(caller))) {
          const data = { found: repaired };
          core.record([{ kind: 'drift', actor: actor(caller), subject: report.name, data }]);
        }
        await reconcile();
        return undefined;
      },
    },
    {
      method: 'POST',
      path: '/v1/incidents',
      roles: ['gate'],
      maxBody: 16 * MiB,
      handle(call) {
        const caller = worker(call);
        const { incidents } = parseBody(IncidentBatch, call.body);
        for (const incident of incidents) {
          own(caller, 'gate', incident.gate);
          reach.check(caller.role, caller.name, incident.server);
        }
        const ids = new Set(core.state.recentIncidents);
        const fresh = incidents.filter(({ id }) => !ids.has(id) && ids.add(id));
        limit(caller, fresh.length);
        core.record(
          fresh.map((data) => ({
            kind: 'incident',
            actor: actor(caller),
            subject: data.server,
            data: toData(data),
          })),
        );
        return undefined;
      },
    },
    {
      method: 'POST',
      path: '/v1/sessions',
      roles: ['agent'],
      maxBody: 8 * MiB,
      handle(call) {
        const caller = worker(call);
        const batch = parseBody(SessionBatch, call.body);
        for (const record of batch.sessions) {
          own(caller, 'agent', record.agent);
          reach.check(caller.role, caller.name, record.server);
        }
        if (!records.take(actor(caller), batch.sessions.length)) throw tooMany();
        sessions.add(batch.sessions);
        return undefined;
      },
    },
    {
      method: 'POST',
      path: '/v1/open',
      roles: ['agent'],
      maxBody: 2 * MiB,
      handle(call) {
        const caller = worker(call);
        const report = parseBody(OpenReport, call.body);
        own(caller, 'agent', report.agent);
        for (const { server } of report.open) reach.check(caller.role, caller.name, server);
        open.take(report);
        return undefined;
      },
    },
  ];

  /** @throws Failure `overloaded` when the worker has added more entries than it may */
  function limit(caller: Caller, count: number): void {
    if (!entries.take(actor(caller), count)) throw tooMany();
  }
}

function tooMany(): Failure {
  return new Failure('overloaded', 'too many records from this worker', { hint: 'try again later' });
}

/** A record as the `data` of an entry. Members that are undefined are left out when it is chained. */
function toData(record: Receipt | Incident): NewEntry['data'] {
  return record as unknown as NewEntry['data'];
}

function worker(call: Call): Caller & { role: 'agent' | 'gate' } {
  const caller = call.caller;
  if (caller?.role !== 'agent' && caller?.role !== 'gate')
    throw new TypeError('a route for workers lacks its roles');
  return { ...caller, role: caller.role };
}

/** @throws Failure `not-your-name`: a worker writes its own records, nothing else */
function own(caller: Caller, kind: string, name: string): void {
  if (workerKey(kind, name) !== workerKey(caller.role, caller.name))
    throw new Failure('not-your-name', `you are ${actor(caller)}, and this is for ${kind}:${name}`);
}

const actor = (caller: Caller): string => workerKey(caller.role, caller.name);
