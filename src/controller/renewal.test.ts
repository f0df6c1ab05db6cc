// Identities that end: renewed by workers over their own connection and by the controller for itself, refused, and warned of.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { connect } from 'node:tls';
import type { Entry } from '../model/entry.ts';
import { openLink } from '../platform/controller-client.ts';
import { controllerServerName, openJsonClient } from '../platform/https-json.ts';
import { parseHostPort, readIdentity, validityOf, writeIdentity } from '../platform/identity.ts';
import { openIdentityClient } from '../platform/identity-client.ts';
import { createRequest, fingerprint, issue } from '../platform/pki.ts';
import { type Ground, ground, longest, planOf, type Started } from './testing/ground.ts';

const never = new AbortController().signal;
const day = 86_400_000;
const twoHours = 7_200_000;

let place: Ground;
let controller: Started;
/** Of the controller's clock alone: that of TLS stays. */
let skew = 0;
let mono = 0;
const clock = { now: () => Date.now() + skew, mono: () => performance.now() + mono };
const agentFolder = () => join(place.folder, 'agent-cp-1', 'identity');
const enrolAnew = () => {
  rmSync(agentFolder(), { recursive: true, force: true });
  return controller.worker('agent');
};
/** On another port, of which these folders are told. */
const restart = async (...folders: string[]) => {
  await controller.stop();
  controller = await place.start({ clock });
  for (const folder of folders)
    writeIdentity(folder, { ...readIdentity(folder), controller: controller.address });
};
const renewals = async (): Promise<readonly Entry[]> =>
  (await controller.admin.events({ after: 0, limit: 5000 })).filter(({ kind }) => kind === 'renewed');

before(async () => {
  place = await ground();
  controller = await place.start({ clock });
});
after(() => place[Symbol.asyncDispose]());
beforeEach(() => {
  skew = 0;
});

describe('a worker renews its identity', () => {
  test('with a key of its own making, in use without a break, and on the log', async (t) => {
    const link = await enrolAnew();
    const plan = await planOf(link);
    const former = readIdentity(agentFolder());
    const client = openIdentityClient(agentFolder());
    t.after(() => client.close());
    const path = `/v1/plan?after=${plan.generation}&wait=60`;
    const poll = client.call({ method: 'GET', path, timeoutMs: longest });
    const already = (await renewals()).length;
    await client.renew(never);
    const now = readIdentity(agentFolder());
    assert.deepEqual(client.identity(), now);
    assert.notEqual(now.key, former.key);
    assert.deepEqual(
      { ...now, key: '', certificate: '' },
      { ...former, key: '', certificate: '' },
      'name, role, controller and authority stay',
    );
    assert.equal(await client.call({ method: 'GET', path: '/v1/plan?after=1000' }), undefined);
    const [first, second, ...more] = (await renewals()).slice(already);
    const data = { role: 'agent', name: 'cp-1', certificate: fingerprint(now.certificate) };
    const expires = new Date(validityOf(now.certificate).until).toISOString();
    assert.deepEqual(first?.data, { what: 'issued', ...data, expires, from: '127.0.0.1' });
    assert.deepEqual(second?.data, { what: 'used', ...data, expires });
    assert.deepEqual([first?.actor, second?.actor, more], ['agent:cp-1', 'agent:cp-1', []]);
    // The former is void from its first use on, and a question that was under way ends as if nothing had been.
    const old = openJsonClient(former);
    t.after(() => old.close());
    await assert.rejects(old.call({ method: 'GET', path: '/v1/plan' }), { code: 'bad-client-certificate' });
    await controller.admin.putInventory({
      ...(await controller.admin.inventory()),
      groups: [],
    });
    assert.ok(((await poll) as { generation: number }).generation > plan.generation);
  });

  test('a link that is open, and another process with the same folder, go on with what one of them got', async (t) => {
    const link = await enrolAnew();
    const [one, other] = [openIdentityClient(agentFolder()), openLink(join(place.folder, 'agent-cp-1'))];
    t.after(() => {
      one.close();
      other.close();
    });
    await other.nextPlan(0, 0, never);
    await one.renew(never);
    assert.equal(await one.call({ method: 'GET', path: '/v1/plan?after=1000' }), undefined);
    assert.equal(await other.nextPlan(1000, 0, never), undefined);
    assert.equal(await link.nextPlan(1000, 0, never), undefined);
  });

  test('a crash before or after the new pair is written, and a restart of the controller, leave a pair that is let in', async () => {
    await enrolAnew();
    const before = join(place.folder, 'crashed-before');
    cpSync(agentFolder(), before, { recursive: true });
    const client = openIdentityClient(agentFolder());
    await client.renew(never);
    client.close();
    await restart(before);
    // Issued, and never used: who asked may not have got it, and asks again.
    const asked = openIdentityClient(before);
    await asked.call({ method: 'GET', path: '/v1/plan?after=1000' });
    await asked.renew(never);
    await restart(before, agentFolder());
    // Written, and not used yet.
    const restarted = openIdentityClient(before);
    await restarted.call({ method: 'GET', path: '/v1/plan?after=1000' });
    // What was issued to nobody's use is void: only the last one counts.
    const lost = openIdentityClient(agentFolder());
    await assert.rejects(lost.call({ method: 'GET', path: '/v1/plan' }), {
      code: 'bad-client-certificate',
      place: agentFolder(),
      hint: /portcullis token agent cp-1`; remove this folder/,
    });
    for (const each of [asked, restarted, lost]) each.close();
  });

  const asks: readonly [what: string, more: object, code: string | undefined][] = [
    ['another name', { name: 'cp-2' }, 'not-your-name'],
    ['another role', { role: 'gate' }, 'not-your-name'],
    ["an admin's role", { role: 'admin' }, 'not-your-name'],
    ['what is no request', { csr: 'x' }, 'bad-csr'],
    ['more than there is', { days: 9999 }, 'bad-request'],
  ];
  for (const [what, more, code] of asks) {
    test(`asking for ${what} is refused`, async (t) => {
      await enrolAnew();
      const client = openJsonClient(readIdentity(agentFolder()));
      t.after(() => client.close());
      const { request } = await createRequest('cp-1');
      const body = { role: 'agent', name: 'cp-1', csr: request, ...more };
      const already = (await renewals()).length;
      await assert.rejects(client.call({ method: 'POST', path: '/v1/renew', body }), { code });
      assert.equal((await renewals()).length, already);
    });
  }

  test('a request in the name of somebody else gets the name of who asks', async (t) => {
    await enrolAnew();
    const client = openJsonClient(readIdentity(agentFolder()));
    t.after(() => client.close());
    const { request } = await createRequest('admin');
    const body = { role: 'agent', name: 'cp-1', csr: request };
    const answer = (await client.call({ method: 'POST', path: '/v1/renew', body })) as {
      certificate: string;
    };
    assert.equal(new X509Certificate(answer.certificate).subject, 'O=portcullis:agent\nCN=cp-1');
  });

  test('who was replaced, whose identity ended, and whose host is gone, gets none, and is told what to do', async (t) => {
    await enrolAnew();
    const former = openIdentityClient(agentFolder());
    const kept = readIdentity(agentFolder());
    await enrolAnew();
    writeIdentity(agentFolder(), kept);
    await assert.rejects(former.renew(never), {
      code: 'bad-client-certificate',
      message: /another one was since/,
      hint: /portcullis token agent cp-1/,
    });
    const gone = await controller.worker('agent', 'gone');
    const goneClient = openIdentityClient(join(place.folder, 'agent-gone', 'identity'));
    assert.equal(await gone.nextPlan(1000, 0, never), undefined);
    await assert.rejects(goneClient.renew(never), { code: 'renewal-refused', hint: /inventory/ });
    await enrolAnew();
    const ended = openIdentityClient(agentFolder());
    t.after(() => {
      for (const client of [former, goneClient, ended]) client.close();
    });
    skew = 365 * day;
    await assert.rejects(ended.renew(never), {
      code: 'bad-client-certificate',
      message: /ended at 20/,
      place: agentFolder(),
      hint: /portcullis token agent cp-1`; remove this folder/,
    });
    const authority = {
      key: readFileSync(join(place.folder, 'data/pki/ca.key'), 'utf8'),
      certificate: readFileSync(join(place.folder, 'data/pki/ca.pem'), 'utf8'),
    };
    const subject = { commonName: 'cp-1', organizations: ['portcullis:agent'] };
    const over = await issue(authority, { subject, use: ['client'], days: -1 });
    const late = openJsonClient({ ...kept, controller: controller.address, ...over });
    t.after(() => late.close());
    await assert.rejects(late.call({ method: 'POST', path: '/v1/renew', body: {} }), {
      code: 'bad-client-certificate',
      message: /ended at/,
    });
    skew = 365 * day - 60_000 * 5;
    await ended.renew(never);
  });

  test('who asks again and again is made to wait, and others are not', async (t) => {
    await controller.worker('gate');
    await enrolAnew();
    const [gate, agent] = [join(place.folder, 'gate-cp-1', 'identity'), agentFolder()].map(
      openIdentityClient,
    );
    t.after(() => {
      gate?.close();
      agent?.close();
    });
    await assert.rejects(
      async () => {
        for (let n = 0; n < 100; n++) await gate?.renew(never);
      },
      { code: 'too-many-attempts' },
    );
    mono += twoHours;
    await agent?.renew(never);
    await gate?.renew(never);
  });
});

describe('what ends', () => {
  test('status and metrics tell of workers and of who asks, in time, and of nobody else', async () => {
    await enrolAnew();
    await controller.worker('agent', 'elsewhere');
    const alice = await controller.person('alice');
    const told = async () =>
      (await alice.status()).ending.map(({ role, name, ended }) => [role, name, ended]);
    const workers = (await alice.status()).workers.filter(({ name }) => name === 'cp-1');
    const { until } = validityOf(readIdentity(agentFolder()).certificate);
    assert.equal(workers[0]?.identityEnds, new Date(until).toISOString());
    assert.deepEqual(await told(), []);
    skew = 334 * day;
    assert.deepEqual(await told(), []);
    skew = 336 * day;
    const { ending } = await alice.status();
    assert.deepEqual(
      ending.filter(({ role }) => role !== 'gate').map(({ role, name, ended }) => [role, name, ended]),
      [
        ['agent', 'cp-1', false],
        ['admin', 'alice', false],
      ],
    );
    assert.match(ending.find(({ role }) => role === 'agent')?.todo ?? '', /identity-not-renewed in the log/);
    assert.match(ending.find(({ role }) => role === 'admin')?.todo ?? '', /^portcullis token admin alice;/);
  });

  test('the controller makes itself a new server certificate and a new admin while it runs', async (t) => {
    const shown = async () => {
      const { host, port } = parseHostPort(controller.address);
      const socket = connect({ host, port, servername: controllerServerName, rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      const certificate = socket.getPeerX509Certificate()?.fingerprint256;
      socket.destroy();
      return certificate;
    };
    const admin = join(place.folder, 'data', 'admin');
    const [server, former] = [await shown(), readIdentity(admin)];
    const already = (await controller.admin.events({ after: 0, limit: 5000 })).at(-1)?.seq ?? 0;
    const watcher = openIdentityClient(admin);
    t.after(() => watcher.close());
    skew = 310 * day;
    mono += twoHours;
    const entry = await controller.entry(
      ({ seq, kind, subject }) => seq > already && kind === 'enrolled' && subject === 'admin',
    );
    const now = readIdentity(admin);
    assert.equal(entry.data['certificate'], fingerprint(now.certificate));
    assert.notEqual(now.certificate, former.certificate);
    assert.notEqual(await shown(), server);
    // Who was connected goes on, with the new identity.
    await watcher.call({ method: 'GET', path: '/v1/status' });
    assert.equal(watcher.identity().certificate, now.certificate);
    assert.deepEqual(
      place.notes.filter((line) => /renewed|defect/.test(line)),
      [],
    );
  });
});
