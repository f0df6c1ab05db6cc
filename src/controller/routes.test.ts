// Who may call what: every route there is, as it is declared and over the wire.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openJsonClient } from '../platform/https-json.ts';
import { readIdentity } from '../platform/identity.ts';
import type { Route } from './http-server.ts';
import { createDenials, rolesOf } from './roles.ts';
import type { Services } from './route-parts.ts';
import { createRoutes } from './routes.ts';
import { type Ground, ground, type Started } from './testing/ground.ts';

/** A new route fails here until it stands in one of these. */
const expected: Readonly<Record<string, readonly string[]>> = {
  anyone: ['GET /v1/healthz', 'POST /v1/enrol'],
  'admin viewer': [
    'GET /v1/advisories',
    'GET /v1/bundles',
    'GET /v1/drafts',
    'GET /v1/events',
    'GET /v1/exemptions',
    'GET /v1/exposure',
    'GET /v1/inventory',
    'GET /v1/policy',
    'GET /v1/policy/history',
    'GET /v1/sessions',
    'GET /v1/sessions/pairs',
    'GET /v1/sessions/series',
    'GET /v1/sessions/top',
    'GET /v1/shadow',
    'GET /v1/shield',
    'GET /v1/shields',
    'GET /v1/status',
    'GET /v1/tags',
    'GET /v1/verifications',
    'GET /v1/why',
    'POST /v1/explain',
  ],
  admin: [
    'GET /v1/export',
    'GET /v1/verify/plan',
    'POST /v1/advisories',
    'POST /v1/bundles',
    'POST /v1/bundles/revoke',
    'POST /v1/bundles/trust',
    'POST /v1/drafts/drop',
    'POST /v1/drafts/rebase',
    'POST /v1/exemptions',
    'POST /v1/exemptions/remove',
    'POST /v1/import',
    'POST /v1/mode',
    'POST /v1/policy/approve',
    'POST /v1/policy/commit',
    'POST /v1/policy/confirm',
    'POST /v1/policy/review',
    'POST /v1/policy/rollback',
    'POST /v1/probe',
    'POST /v1/stage',
    'POST /v1/tags',
    'POST /v1/tokens',
    'POST /v1/verifications',
    'PUT /v1/drafts',
    'PUT /v1/inventory',
    'PUT /v1/policy',
  ],
  'agent gate': ['GET /v1/plan', 'POST /v1/health', 'POST /v1/receipts', 'POST /v1/renew'],
  agent: ['POST /v1/open', 'POST /v1/sessions'],
  gate: ['POST /v1/incidents'],
};

const clock = { now: () => 0, mono: () => 0 };
const services = {
  core: { clock, state: { plans: new Map(), tagChanges: [] }, onChange: () => {} },
  ...{ sessions: {}, open: {}, workers: {}, reconciler: {}, prober: {}, parts: {} },
} as unknown as Services;
const routes = createRoutes(services);
const nameOf = ({ method, path }: Pick<Route, 'method' | 'path'>) => `${method} ${path}`;

test('every route says who may call it, and is for them and nobody else', () => {
  const found = Object.groupBy(routes, ({ roles }) =>
    typeof roles === 'string' ? roles : (roles ?? ['none']).join(' '),
  );
  const named = Object.entries(found).map(([roles, all]) => [roles, all?.map(nameOf).sort()]);
  assert.deepEqual(Object.fromEntries(named), expected);
});

test('a route that says nothing is for admins alone', () => {
  assert.deepEqual(rolesOf({}), ['admin']);
});

test('a denied call is counted; of many of one caller only the first go to the log, until time has gone by', () => {
  const recorded: unknown[] = [];
  let seconds = 0;
  const denials = createDenials({
    clock: { now: () => 0, mono: () => seconds * 1_000 },
    record: (entries: readonly unknown[]) => void recorded.push(...entries),
  } as never);
  const caller = (name: string) => ({ role: 'viewer', name, certificate: '' }) as const;
  const route = { method: 'POST', path: '/v1/stage', roles: ['admin'], handle: () => undefined } as const;
  for (let n = 0; n < 30; n++) denials.take(caller('ann'), route);
  assert.equal(recorded.length, 20);
  denials.take(caller('bob'), route);
  assert.equal(recorded.length, 21);
  seconds = 60;
  for (let n = 0; n < 3; n++) denials.take(caller('ann'), route);
  assert.equal(recorded.length, 22);
  assert.deepEqual(recorded[0], {
    ...{ kind: 'denied', actor: 'viewer:ann', subject: 'POST /v1/stage' },
    data: { code: 'wrong-role', role: 'viewer', roles: ['admin'] },
  });
  assert.deepEqual(
    [...denials.counts()],
    [
      ['agent', 0],
      ['gate', 0],
      ['admin', 0],
      ['viewer', 34],
    ],
  );
});

describe('over the wire', () => {
  let place: Ground;
  let controller: Started;
  before(async () => {
    place = await ground();
    controller = await place.start();
    await controller.entry(({ kind }) => kind === 'stage');
    await Promise.all([
      controller.worker('agent'),
      controller.worker('gate'),
      controller.person('ann', 'viewer'),
    ]);
  });
  after(() => place[Symbol.asyncDispose]());

  /** What a call with nothing in it is answered: a code, or undefined when it is done. */
  async function codesFor(folder: string | undefined): Promise<Map<string, string | undefined>> {
    const identity = readIdentity(join(place.folder, folder ?? 'data/admin'));
    const { controller: address, ca } = identity;
    const client = openJsonClient(folder === undefined ? { controller: address, ca } : identity);
    const codes = new Map<string, string | undefined>();
    for (const route of routes) {
      const { method, path } = route;
      const call = client.call({ method, path, body: method === 'GET' ? undefined : {} });
      codes.set(
        nameOf(route),
        await call.then(
          () => undefined,
          (error: { code: string }) => error.code,
        ),
      );
    }
    client.close();
    return codes;
  }

  for (const [folder, role] of [
    ['agent-cp-1/identity', 'agent'],
    ['gate-cp-1/identity', 'gate'],
    ['viewer-ann/identity', 'viewer'],
    ['data/admin', 'admin'],
  ] as const)
    test(`${role}: what is theirs, and nothing else`, async () => {
      const codes = await codesFor(folder);
      for (const [roles, names] of Object.entries(expected))
        for (const name of names) {
          const theirs = roles === 'anyone' || roles.split(' ').includes(role);
          assert.equal(codes.get(name) === 'wrong-role', !theirs, `${role} ${name}: ${codes.get(name)}`);
        }
    });

  test('nobody: what anyone may, and nothing else', async () => {
    const codes = await codesFor(undefined);
    for (const [roles, names] of Object.entries(expected))
      for (const name of names)
        assert.equal(codes.get(name) === 'no-client-certificate', roles !== 'anyone', name);
  });

  test('a viewer reads, and all that it leaves in the log are refusals', async () => {
    const viewer = await controller.person('bob', 'viewer');
    const before = (await controller.admin.status()).log.entries;
    assert.equal((await viewer.status()).servers[0]?.name, 'api-1');
    await viewer.explain({ from: '10.9.0.1', to: 'api-1' });
    await codesFor('viewer-bob/identity');
    const added = await controller.admin.events({ after: before, limit: 5_000 });
    const refused = routes.filter((route) => {
      const roles = rolesOf(route);
      return roles !== 'anyone' && !roles.includes('viewer');
    });
    const own = added.filter(({ actor }) => actor.endsWith(':bob'));
    assert.deepEqual(
      own.slice(0, 20).map(({ kind, actor, subject }) => [kind, actor, subject]),
      refused.slice(0, 20).map((route) => ['denied', 'viewer:bob', nameOf(route)]),
    );
    assert.ok(own.every(({ kind }) => kind === 'denied'));
  });

  test('a viewer’s name is never the controller’s own', async () => {
    const request = { role: 'viewer', name: 'admin', ttlSeconds: 60 } as const;
    await assert.rejects(controller.admin.createToken(request), { code: 'bad-request', place: 'name' });
  });
});
