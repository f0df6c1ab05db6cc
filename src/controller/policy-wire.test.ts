// The life of a policy over real mTLS, with a real clock's ticks: what agents are told, and who may do what.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { AgentPlan } from '../model/plan.ts';
import { Policy } from '../model/policy.ts';
import type { SessionRecord } from '../model/record.ts';
import { openJsonClient } from '../platform/https-json.ts';
import { readIdentity } from '../platform/identity.ts';
import { type Ground, ground, planOf, type Started } from './testing/ground.ts';

const policy = (...rules: object[]) =>
  Policy.parse({ apiVersion: 'portcullis/v1', rules, response: { first: 'none' } });
const noOffice = { id: 'no-office', from: 'label=office', to: 'any', action: 'deny' };
const rulesOf = (services: AgentPlan['services']) =>
  services[0]?.rules.map(({ id }) => id).filter((id) => id.startsWith('policy/'));

describe('a policy over the wire', { concurrency: false }, () => {
  let place: Ground;
  let controller: Started;
  let skew = 0;
  before(async () => {
    place = await ground();
    controller = await place.start({
      clock: { now: () => Date.now() + skew, mono: () => performance.now() },
    });
    await controller.admin.putPolicy(policy());
  });
  after(() => place[Symbol.asyncDispose]());

  test('a commit on trial gives agents what they fall back to, and is taken back when nobody confirms it', async () => {
    const agent = await controller.worker('agent');
    const life = controller.admin.policyLife;
    await life.save({ name: 'next', policy: policy(noOffice) });
    const former = (await planOf(agent)).generation;
    const commit = await life.commit({ name: 'next', confirmSeconds: 60 });
    const trial = await planOf(agent, former);
    assert.ok(trial.kind === 'agent' && trial.confirm);
    assert.deepEqual(rulesOf(trial.services), ['policy/no-office']);
    assert.deepEqual(rulesOf(trial.confirm.otherwise.services), []);
    const { policy: told } = await controller.admin.status();
    assert.deepEqual(told, { generation: commit.generation, confirmBy: commit.confirmBy });
    skew = 61_000;
    const back = await planOf(agent, trial.generation);
    assert.ok(back.kind === 'agent' && back.confirm === undefined);
    assert.deepEqual(rulesOf(back.services), []);
    const [last] = (await life.history()).commits;
    assert.deepEqual(
      [last?.how, last?.by, last?.restores],
      ['unconfirmed', 'controller', commit.generation - 1],
    );
    assert.deepEqual((await controller.admin.status()).policy, { generation: commit.generation + 1 });
  });

  test('a rule expires by itself, with a plan and an entry of its own', async () => {
    const agent = await controller.worker('agent', 'cp-1');
    const expires = new Date(Date.now() + skew + 3_600_000).toISOString();
    await controller.admin.putPolicy(policy({ ...noOffice, expires }));
    const before = await planOf(agent);
    skew += 3_600_000;
    const after = await planOf(agent, before.generation);
    assert.ok(before.kind === 'agent' && after.kind === 'agent');
    assert.deepEqual([rulesOf(before.services), rulesOf(after.services)], [['policy/no-office'], []]);
    const entry = await controller.entry(({ kind }) => kind === 'expired');
    assert.deepEqual([entry.subject, entry.data['expires']], ['no-office', expires]);
  });

  test('what agents tell of open connections is in a preview, and only of their own servers', async () => {
    const agent = await controller.worker('agent', 'cp-1');
    const open = [{ server: 'api-1', address: '10.9.0.5', sessions: 4 }];
    await agent.sendOpen({ agent: 'cp-1', open });
    await assert.rejects(agent.sendOpen({ agent: 'cp-2', open }), { code: 'not-your-name' });
    const elsewhere = [{ server: 'api-9', address: '10.9.0.5', sessions: 4 }];
    await assert.rejects(agent.sendOpen({ agent: 'cp-1', open: elsewhere }), { code: 'not-your-name' });
    await controller.admin.policyLife.save({
      name: 'cut',
      policy: policy({ ...noOffice, id: 'cut-office' }),
    });
    const { sessions } = await controller.admin.policyLife.review({ name: 'cut', days: 1 });
    assert.deepEqual(
      sessions?.live.map(({ name, address, server, sessions: count, rule }) => [
        name,
        address,
        server,
        count,
        rule,
      ]),
      [['office', '10.9.0.5', 'api-1', 4, 'policy/cut-office']],
    );
  });

  test('why tells of a recorded session, and what its caller meets now', async () => {
    const agent = await controller.worker('agent', 'cp-1');
    const at = new Date().toISOString();
    const session: SessionRecord = {
      id: '0001-session',
      agent: 'cp-1',
      server: 'api-1',
      generation: 1,
      verdict: 'denied',
      rule: 'policy/no-office',
      from: { address: '10.9.0.5', name: 'office', tags: [] },
      to: { address: '127.0.0.1', port: 6443 },
      startedAt: at,
      endedAt: at,
      attempts: 2,
      bytesOut: 0,
      bytesIn: 0,
      packetsOut: 0,
      packetsIn: 0,
    };
    await agent.sendSessions({ sessions: [session] });
    const told = await controller.admin.why('0001-session');
    assert.ok(told.kind === 'session');
    assert.deepEqual(told.session, session);
    assert.equal(told.now?.callers[0]?.from.address, '10.9.0.5');
    await assert.rejects(controller.admin.why('0002-session'), { code: 'unknown-id' });
  });

  test('workers have no part in it', async () => {
    const client = openJsonClient(readIdentity(join(place.folder, 'agent-cp-1', 'identity')));
    const name = 'next';
    for (const [method, path, body] of [
      ['GET', '/v1/policy', undefined],
      ['GET', '/v1/policy/history', undefined],
      ['GET', '/v1/drafts?name=next', undefined],
      ['PUT', '/v1/drafts', { name, policy: policy() }],
      ['POST', '/v1/drafts/rebase', { name }],
      ['POST', '/v1/drafts/drop', { name }],
      ['POST', '/v1/policy/review', { name }],
      ['POST', '/v1/policy/approve', { name }],
      ['POST', '/v1/policy/commit', { name }],
      ['POST', '/v1/policy/confirm', {}],
      ['POST', '/v1/policy/rollback', { generation: 1 }],
      ['POST', '/v1/explain', { from: '10.0.0.1', to: 'api-1' }],
    ] as const) {
      await assert.rejects(client.call({ method, path, body }), { code: 'wrong-role' }, `${method} ${path}`);
    }
    client.close();
  });

  test('a token for an admin is for one name, and never for the one of the controller', async () => {
    const ask = (name: string) => controller.admin.createToken({ role: 'admin', name, ttlSeconds: 60 });
    await assert.rejects(ask('admin'), { code: 'bad-request', place: 'name' });
    assert.ok((await ask('alice')).token);
  });
});
