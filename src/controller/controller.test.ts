// The controller as its clients meet it: over real mTLS on loopback.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { verifyFolder } from '../log/folder.ts';
import type { SessionRecord } from '../model/record.ts';
import { openAdmin, openLink } from '../platform/controller-client.ts';
import { enrol } from '../platform/enrolment.ts';
import { openJsonClient } from '../platform/https-json.ts';
import { parseHostPort, readIdentity } from '../platform/identity.ts';
import { createAuthority, createRequest, fingerprint, issue } from '../platform/pki.ts';
import { runController } from './run.ts';
import {
  acknowledge,
  cve,
  type Ground,
  ground,
  health,
  planOf,
  type Started,
  stageOf,
} from './testing/ground.ts';

const never = new AbortController().signal;
const parseListen = (text: string) => {
  const { host, port } = parseHostPort(text);
  return { address: host, port };
};

describe('a controller with workers', () => {
  let place: Ground;
  let controller: Started;
  before(async () => {
    place = await ground();
    controller = await place.start();
    await controller.entry((entry) => entry.kind === 'stage');
  });
  after(() => place[Symbol.asyncDispose]());

  test('everything secret is owner-only', () => {
    for (const file of [
      'pki/ca.key',
      'admin/client.pem',
      'admin/identity.json',
      'log.db',
      'log.db-wal',
      'sessions.db',
    ])
      assert.equal(statSync(join(place.folder, 'data', file)).mode & 0o077, 0, file);
    assert.equal(statSync(join(place.folder, 'data')).mode & 0o077, 0);
  });

  test('a worker enrols with its token once, and enrolling again changes nothing', async () => {
    const dataDir = join(place.folder, 'enrol-once');
    const { token } = await controller.admin.createToken({ role: 'agent', name: 'cp-9', ttlSeconds: 60 });
    const want = { controller: controller.address, token, role: 'agent', name: 'cp-9', dataDir } as const;
    await enrol(want);
    const first = readIdentity(join(dataDir, 'identity'));
    await enrol(want);
    assert.deepEqual(readIdentity(join(dataDir, 'identity')), first);
    for (const file of readdirSync(join(dataDir, 'identity')))
      assert.equal(statSync(join(dataDir, 'identity', file)).mode & 0o077, 0, file);
    await assert.rejects(enrol({ ...want, name: 'cp-8' }), { code: 'already-enrolled' });
    await assert.rejects(enrol({ ...want, dataDir: join(place.folder, 'reused') }), {
      code: 'token-refused',
    });
    assert.equal(existsSync(join(place.folder, 'reused', 'identity', 'identity.json')), false);
  });

  test('the token is kept as a hash, and the log holds no secret', async () => {
    const { token } = await controller.admin.createToken({ role: 'agent', name: 'cp-7', ttlSeconds: 60 });
    const secret = token.split('.')[1] ?? '';
    const entries = JSON.stringify(await controller.admin.events({ after: 0, limit: 5000 }));
    assert.ok(secret.length > 30 && !entries.includes(secret) && !entries.includes('PRIVATE'));
  });

  const refusedTokens: readonly [string, (token: string) => object, string][] = [
    ['for another role', (token) => ({ token, role: 'gate' }), 'token-refused'],
    ['for another name', (token) => ({ token, name: 'other' }), 'token-refused'],
    [
      'with another secret',
      (token) => ({ token: token.replace(/\.(.)/, (_, c) => `.${c === 'A' ? 'B' : 'A'}`) }),
      'token-refused',
    ],
    [
      'with another CA pin',
      (token) => ({ token: token.replace(/[0-9a-f]{64}$/, 'a'.repeat(64)) }),
      'wrong-controller',
    ],
    ['that is none', () => ({ token: 'abc' }), 'bad-token'],
  ];
  for (const [name, change, code] of refusedTokens) {
    test(`no enrolment with a token ${name}`, async () => {
      const { token } = await controller.admin.createToken({ role: 'agent', name: 'cp-6', ttlSeconds: 60 });
      const dataDir = join(place.folder, `refused ${name}`);
      const want = { controller: controller.address, role: 'agent', name: 'cp-6', dataDir } as const;
      await assert.rejects(enrol({ ...want, token: '', ...change(token) }), { code });
      assert.equal(existsSync(dataDir), false);
    });
  }

  test('a token expires, and one token wins one enrolment when two race for it', async () => {
    let skew = 0;
    await using second = await ground();
    const other = await second.start({
      clock: { now: () => Date.now() + skew, mono: () => performance.now() },
    });
    const want = (dataDir: string, token: string) =>
      enrol({
        controller: other.address,
        token,
        role: 'agent',
        name: 'cp-1',
        dataDir: join(second.folder, dataDir),
      });
    const { token: late } = await other.admin.createToken({ role: 'agent', name: 'cp-1', ttlSeconds: 60 });
    skew = 61_000;
    await assert.rejects(want('late', late), { code: 'token-refused' });
    const { token } = await other.admin.createToken({ role: 'agent', name: 'cp-1', ttlSeconds: 60 });
    const results = await Promise.allSettled([want('a', token), want('b', token), want('c', token)]);
    assert.equal(results.filter((item) => item.status === 'fulfilled').length, 1);
  });

  test('trying tokens is limited', async () => {
    await using second = await ground();
    const other = await second.start();
    const identity = readIdentity(join(second.folder, 'data', 'admin'));
    const client = openJsonClient({ controller: other.address, ca: identity.ca });
    const body = { token: 'aa.bb.cc', role: 'agent', name: 'cp-1', csr: '' };
    const codes = new Set<string>();
    for (let n = 0; n < 30; n++)
      await client.call({ method: 'POST', path: '/v1/enrol', body }).catch((error) => codes.add(error.code));
    assert.deepEqual([...codes], ['token-refused', 'too-many-attempts']);
    client.close();
  });

  test('roles are kept apart, and nobody speaks for another', async () => {
    const agent = await controller.worker('agent');
    const gate = await controller.worker('gate');
    const call = (role: string, method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown) => {
      const client = openJsonClient(readIdentity(join(place.folder, role)));
      return client.call({ method, path, body }).finally(() => client.close());
    };
    for (const [method, path] of [
      ['GET', '/v1/status'],
      ['GET', '/v1/inventory'],
      ['GET', '/v1/events?after=0'],
      ['GET', '/v1/sessions'],
      ['PUT', '/v1/policy'],
      ['PUT', '/v1/inventory'],
      ['POST', '/v1/stage'],
      ['POST', '/v1/tokens'],
      ['POST', '/v1/probe'],
    ] as const) {
      for (const role of ['agent-cp-1/identity', 'gate-cp-1/identity']) {
        const body = method === 'GET' ? undefined : {};
        await assert.rejects(call(role, method, path, body), { code: 'wrong-role' }, `${role} ${path}`);
      }
    }
    await assert.rejects(call('data/admin', 'GET', '/v1/plan'), { code: 'wrong-role' });
    await assert.rejects(gate.sendSessions({ sessions: [] }), { code: 'wrong-role' });
    await assert.rejects(agent.sendIncidents({ incidents: [] }), { code: 'wrong-role' });
    const plan = await planOf(agent);
    await assert.rejects(acknowledge(agent, { ...plan, target: 'cp-2' }), { code: 'not-your-name' });
    await assert.rejects(acknowledge(gate, plan), { code: 'not-your-name' });
    await assert.rejects(agent.sendHealth(health(plan, [], { name: 'cp-2' })), { code: 'not-your-name' });
    await assert.rejects(acknowledge(agent, { ...plan, generation: 99 }), { code: 'bad-request' });
  });

  test('strangers get no further than healthz', async () => {
    const { ca } = readIdentity(join(place.folder, 'data', 'admin'));
    const target = { controller: controller.address, ca };
    const nobody = openJsonClient(target);
    assert.deepEqual(await nobody.call({ method: 'GET', path: '/v1/healthz' }), { ok: true });
    await assert.rejects(nobody.call({ method: 'GET', path: '/v1/status' }), {
      code: 'no-client-certificate',
    });
    await assert.rejects(nobody.call({ method: 'GET', path: '/v1/../v1/status' }), {
      code: 'no-client-certificate',
    });
    await assert.rejects(nobody.call({ method: 'GET', path: '/' }), { code: 'unknown-path' });
    nobody.close();
    const forged = await issue(await createAuthority('portcullis', 1), {
      subject: { commonName: 'admin', organizations: ['portcullis:admin'] },
      use: ['client'],
      days: 1,
    });
    const stranger = openJsonClient({ ...target, ...forged });
    await assert.rejects(stranger.call({ method: 'GET', path: '/v1/status' }), {
      code: 'bad-client-certificate',
    });
    stranger.close();
    // A certificate that the authority did sign, but that no enrolment stands for.
    const authority = {
      key: readFileSync(join(place.folder, 'data/pki/ca.key'), 'utf8'),
      certificate: readFileSync(join(place.folder, 'data/pki/ca.pem'), 'utf8'),
    };
    const unlisted = await issue(authority, {
      subject: { commonName: 'admin', organizations: ['portcullis:admin'] },
      use: ['client'],
      days: 1,
    });
    const insider = openJsonClient({ ...target, ...unlisted });
    await assert.rejects(insider.call({ method: 'GET', path: '/v1/status' }), {
      code: 'bad-client-certificate',
    });
    insider.close();
  });

  test('a worker that enrols anew supersedes its former certificate', async () => {
    const former = await controller.worker('agent', 'cp-5');
    await former.nextPlan(0, 0, never);
    const { token } = await controller.admin.createToken({ role: 'agent', name: 'cp-5', ttlSeconds: 60 });
    const dataDir = join(place.folder, 'agent-cp-5-anew');
    await enrol({ controller: controller.address, token, role: 'agent', name: 'cp-5', dataDir });
    await assert.rejects(former.nextPlan(0, 0, never), { code: 'bad-client-certificate' });
    const link = openLink(dataDir);
    assert.equal(await link.nextPlan(0, 0, never), undefined);
    link.close();
  });

  test('a request that is no PKCS #10 is refused and costs no token', async () => {
    const { ca } = readIdentity(join(place.folder, 'data', 'admin'));
    const { token } = await controller.admin.createToken({ role: 'agent', name: 'cp-4', ttlSeconds: 60 });
    const client = openJsonClient({ controller: controller.address, ca });
    const body = { token, role: 'agent', name: 'cp-4', csr: 'nonsense' };
    await assert.rejects(client.call({ method: 'POST', path: '/v1/enrol', body }), { code: 'bad-csr' });
    const { request } = await createRequest('admin');
    const answer = await client.call({ method: 'POST', path: '/v1/enrol', body: { ...body, csr: request } });
    assert.ok(JSON.stringify(answer).includes('BEGIN CERTIFICATE'));
    client.close();
  });

  test('bodies are bounded and strict', async () => {
    const client = openJsonClient(readIdentity(join(place.folder, 'data', 'admin')));
    const post = (body: unknown, path = '/v1/stage') => client.call({ method: 'POST', path, body });
    await assert.rejects(post({ server: 'api-1' }), { code: 'bad-request', place: 'shield' });
    await assert.rejects(post({ role: 'agent', name: 'x', more: 1 }, '/v1/tokens'), { code: 'bad-request' });
    await assert.rejects(post({ server: 'x'.repeat(100_000) }), { code: 'body-too-large' });
    await assert.rejects(client.call({ method: 'GET', path: '/v1/events?after=-1' }), {
      code: 'bad-request',
    });
    for (const path of [
      '//',
      '//v1/status',
      '/v1/status/',
      '/v1//status',
      '/%',
      '*',
      'https://a/v1/status',
    ]) {
      await assert.rejects(client.call({ method: 'GET', path }), { code: 'unknown-path' }, path);
    }
    await assert.rejects(client.call({ method: 'GET', path: '/v1/sessions?verdict=x' }), {
      code: 'bad-request',
    });
    client.close();
  });

  test('an inventory or policy that is refused changes nothing and says where', async () => {
    const inventory = await controller.admin.inventory();
    const head = (await controller.admin.status()).log.head;
    const server = inventory.servers[0];
    assert.ok(server);
    for (const [change, place, why] of [
      [{ host: 'nowhere' }, 'servers[0].host', /no host 'nowhere'/],
      [{ cluster: 'other' }, 'servers[0].cluster', /no cluster 'other'/],
      [{ address: '10.1.1.1' }, 'servers[0].address', /not an address of host/],
      [{ gatePort: server.port }, 'servers[0].gatePort', /listens/],
      [{ port: 22 }, 'server api-1', /SSH/],
    ] as const) {
      const changed = { ...inventory, servers: [{ ...server, ...change }] };
      await assert.rejects(
        controller.admin.putInventory(changed),
        (error: { place: string; message: string }) => {
          assert.equal(error.place, place);
          assert.match(error.message, why);
          return true;
        },
      );
    }
    const rule = { id: 'r', tier: 'security', from: 'tier=', to: 'any', action: 'deny', log: true } as const;
    const policy = await controller.admin.policy();
    await assert.rejects(controller.admin.putPolicy({ ...policy, rules: [rule] }));
    await assert.rejects(controller.admin.putPolicy({ ...policy, default: 'steer' as 'pass' }), {
      code: 'bad-policy',
    });
    assert.deepEqual(await controller.admin.inventory(), inventory);
    assert.equal((await controller.admin.status()).log.head, head);
  });

  test('stages by hand: what is unknown is refused', async () => {
    const request = { server: 'api-1', shield: cve, stage: 'observe', why: 'a test' } as const;
    await assert.rejects(controller.admin.setStage({ ...request, server: 'none' }), {
      code: 'unknown-server',
    });
    await assert.rejects(controller.admin.setStage({ ...request, shield: 'CVE-2000-1' }), {
      code: 'unknown-shield',
    });
    await assert.rejects(controller.admin.probe({ server: 'none' }), { code: 'unknown-server' });
  });

  test('incidents are logged once each, and only for the gate that sends them', async () => {
    const gate = await controller.worker('gate');
    const incident = {
      id: '0001-aaaa-bbbb',
      at: new Date().toISOString(),
      gate: 'cp-1',
      server: 'api-1',
      generation: 1,
      shield: cve,
      rule: 'r',
      action: 'close-client',
      severity: 'critical',
      message: 'm',
      who: { method: 'none', groups: [], from: { address: '10.9.0.1', name: 'office', tags: [] }, port: 1 },
      what: { requestLine: 'GET /', headerNames: [], heldBytes: '', heldLength: 0 },
    } as const;
    const batch = (more: object = {}) => ({ incidents: [{ ...incident, ...more }] }) as never;
    const before = (await controller.admin.status()).incidents;
    await gate.sendIncidents(batch());
    await gate.sendIncidents(batch());
    await gate.sendIncidents({ incidents: [incident, incident] } as never);
    assert.equal((await controller.admin.status()).incidents, before + 1);
    await assert.rejects(gate.sendIncidents(batch({ gate: 'cp-2' })), { code: 'not-your-name' });
    await assert.rejects(gate.sendIncidents(batch({ more: 1 })), { code: 'bad-request' });
    await assert.rejects(gate.sendIncidents(batch({ id: 'another-1', server: 'api-2' })), {
      code: 'not-your-name',
    });
    const found = await controller.entry((entry) => entry.kind === 'incident');
    assert.deepEqual(found.data, incident);
    assert.equal(found.actor, 'gate:cp-1');
    const verdict = '0001-verdict';
    await gate.sendIncidents(batch({ id: '0001-cccc', verdict, stage: 'inspect', serverTags: ['site=a'] }));
    await gate.sendIncidents(batch({ id: '0001-dddd', verdict, shield: 'portcullis', rule: 'obs-fold' }));
    const told = await controller.admin.why(verdict);
    assert.ok(told.kind === 'request');
    assert.deepEqual(
      told.findings.map((finding) => [
        finding.incident.id,
        finding.shield?.title !== undefined,
        finding.now?.stage,
      ]),
      [
        ['0001-cccc', true, stageOf(await controller.admin.status())],
        ['0001-dddd', false, undefined],
      ],
    );
    const one = await controller.admin.why(incident.id);
    assert.deepEqual(one.kind === 'request' && one.findings[0]?.incident, incident);
    await assert.rejects(controller.admin.why('0001-eeee'), { code: 'unknown-id' });
    await assert.rejects(controller.admin.why('x" OR 1'), { code: 'bad-request' });
  });

  const session: SessionRecord = {
    agent: 'cp-1',
    server: 'api-1',
    generation: 1,
    verdict: 'denied',
    rule: 'r',
    from: { address: '10.9.0.1', name: 'office', tags: [] },
    to: { address: '127.0.0.1', port: 6443 },
    startedAt: new Date().toISOString(),
    endedAt: new Date().toISOString(),
    attempts: 1,
    bytesOut: 0,
    bytesIn: 0,
    packetsOut: 0,
    packetsIn: 0,
  };

  test('session records are taken for servers of the agent’s plans only', async () => {
    const agent = await controller.worker('agent');
    const before = (await controller.admin.status()).sessions.denied;
    await agent.sendSessions({ sessions: [session] });
    await assert.rejects(agent.sendSessions({ sessions: [session, { ...session, server: 'api-2' }] }), {
      code: 'not-your-name',
    });
    assert.equal((await controller.admin.status()).sessions.denied, before + 1);
  });

  test('session records are taken at a bounded rate', async () => {
    let seconds = 0;
    await using second = await ground();
    const other = await second.start({ clock: { now: () => Date.now(), mono: () => seconds * 1_000 } });
    const agent = await other.worker('agent');
    const full = { sessions: Array.from({ length: 5000 }, () => session) };
    const send = () =>
      agent.sendSessions(full).then(
        () => 'taken',
        ({ code }) => code,
      );
    // 20,000 at once and 2,000 a second.
    const answers: string[] = [];
    while (answers.length < 5) answers.push(await send());
    assert.deepEqual(answers, ['taken', 'taken', 'taken', 'taken', 'overloaded']);
    seconds = 2;
    assert.equal(await send(), 'overloaded');
    seconds = 3;
    assert.equal(await send(), 'taken');
  });

  test('a long poll ends when its caller goes, and waits no longer than asked', async () => {
    const agent = await controller.worker('agent', 'cp-3');
    const stop = new AbortController();
    const poll = agent.nextPlan(0, 60, stop.signal);
    stop.abort();
    await assert.rejects(poll, { name: 'AbortError' });
    assert.equal(await agent.nextPlan(0, 0, never), undefined);
    const { seq } = (await controller.admin.events({ after: 0, limit: 5000 })).at(-1) ?? { seq: 0 };
    assert.deepEqual(await controller.admin.events({ after: seq }), []);
  });
  test('no defects were noted', () => {
    assert.deepEqual(
      place.notes.filter((line) => line.startsWith('defect')),
      [],
    );
  });
});

describe('data folder', () => {
  test('a second controller is refused while the first runs, and changes nothing', async () => {
    await using place = await ground();
    const first = await place.start();
    await first.entry((entry) => entry.kind === 'stage');
    const before = (await first.admin.status()).log;
    await assert.rejects(runController(place.options(), never), {
      code: 'data-folder-in-use',
      place: join(place.folder, 'data'),
    });
    assert.deepEqual((await first.admin.status()).log, before);
    await first.stop();
    const again = await place.start();
    assert.equal((await again.admin.status()).servers.length, 1);
  });

  test('a restart goes on where it was: stages, plans, identities, receipts', async () => {
    await using place = await ground();
    const first = await place.start();
    const agent = await first.worker('agent');
    await first.entry((entry) => entry.kind === 'stage' && entry.data['stage'] === 'block');
    const plan = await planOf(agent, 1).catch(() => planOf(agent));
    await acknowledge(agent, plan);
    const before = await first.admin.status();
    await first.stop();
    assert.equal(verifyFolder(join(place.folder, 'data')).ok, true);

    const again = await place.start({ listen: { address: '127.0.0.1', port: first.running.endpoint.port } });
    const link = openLink(join(place.folder, 'agent-cp-1'));
    assert.deepEqual(await planOf(link, plan.generation - 1), plan);
    assert.equal(await link.nextPlan(plan.generation, 0, never), undefined);
    link.close();
    const after = await again.admin.status();
    assert.equal(stageOf(after), stageOf(before));
    assert.equal(after.servers[0]?.version, 'v1.12.2');
    assert.equal(after.servers[0]?.stages[0]?.since, before.servers[0]?.stages[0]?.since);
    assert.equal(after.workers.find((item) => item.kind === 'agent')?.applied, plan.generation);
  });

  test('kill -9 loses nothing that was answered, and leaves no lock', async () => {
    await using place = await ground();
    writeFileSync(join(place.folder, 'inventory.yaml'), place.inventory());
    const script = join(place.folder, 'controller.ts');
    const {
      clock: _clock,
      note: _note,
      ...options
    } = place.options({ inventoryFile: join(place.folder, 'inventory.yaml') });
    writeFileSync(
      script,
      `import { runController } from ${JSON.stringify(join(import.meta.dirname, 'run.ts'))};
       await runController(${JSON.stringify(options)}, new AbortController().signal); process.send('up');`,
    );
    const child = fork(script, { execArgv: ['--disable-warning=ExperimentalWarning'] });
    await once(child, 'message');
    const admin = openAdmin(join(place.folder, 'data'));
    const dataDir = join(place.folder, 'agent');
    const { token } = await admin.createToken({ role: 'agent', name: 'cp-1', ttlSeconds: 60 });
    await enrol({ controller: admin.controller, token, role: 'agent', name: 'cp-1', dataDir });
    admin.close();
    child.kill('SIGKILL');
    await once(child, 'exit');
    const again = await place.start({ listen: parseListen(admin.controller) });
    const link = openLink(dataDir);
    const plan = await planOf(link);
    assert.equal(plan.target, 'cp-1');
    link.close();
    await again.stop();
    assert.equal(verifyFolder(join(place.folder, 'data')).ok, true);
  });

  test('the log is verified at start: a changed entry or a cut end is refused', async () => {
    for (const change of [
      "UPDATE entries SET subject = 'api-2' WHERE seq = 3",
      'DELETE FROM entries WHERE seq > 4',
    ]) {
      await using place = await ground();
      const first = await place.start();
      await first.stop();
      const path = join(place.folder, 'data', 'log.db');
      const raw = new DatabaseSync(path);
      raw.exec(`DROP TRIGGER entries_no_update; DROP TRIGGER entries_no_delete; ${change}`);
      raw.close();
      await assert.rejects(runController(place.options(), never), { code: 'log-tampered', place: path });
    }
  });

  test('input that can’t be used is refused before anything is written', async () => {
    await using place = await ground();
    const file = join(place.folder, 'inventory.yaml');
    const policyFile = join(place.folder, 'policy.yaml');
    const refused = async (options: object, code: string, where: RegExp) => {
      const stop = new AbortController();
      await assert.rejects(
        runController(place.options({ inventoryFile: file, ...options }), stop.signal).finally(() =>
          stop.abort(),
        ),
        (error: { code: string; place: string }) => {
          assert.equal(error.code, code);
          assert.match(error.place, where);
          return true;
        },
      );
    };
    writeFileSync(file, 'servers: [');
    await refused({}, 'bad-yaml', /inventory\.yaml:1:\d+/);
    writeFileSync(
      file,
      place.inventory((text) => text.replace('address: 127.0.0.1', 'address: 127.0.1')),
    );
    await refused({}, 'bad-inventory', /inventory\.yaml:\d+:\d+/);
    writeFileSync(file, place.inventory());
    writeFileSync(policyFile, 'apiVersion: portcullis/v1\nfoo: 1\n');
    await refused({ policyFile }, 'bad-policy', /policy\.yaml/);
    await refused({ shieldsFolder: join(place.folder, 'none') }, 'unreadable', /none/);
    const shield = join(place.folder, 'shields', `${cve}.yaml`);
    const text = readFileSync(shield, 'utf8');
    writeFileSync(shield, text.replace('connection: closed', 'connection: open'));
    await refused({}, 'shield-self-test', /CVE-2018-1002105\.yaml: tests\[\d+\]/);
    writeFileSync(shield, text.replace('severity: critical', 'severity: dire'));
    await refused({}, 'bad-shield', /CVE-2018-1002105\.yaml:\d+:\d+/);
    writeFileSync(shield, text);
    const record = join(place.folder, 'advisories', 'other.json');
    writeFileSync(record, '{"id": "CVE-2020-1"}');
    await refused({}, 'bad-advisory', /other\.json/);
    writeFileSync(record, '{');
    await refused({}, 'bad-advisory', /other\.json/);
    writeFileSync(record, readFileSync(join(place.folder, 'advisories', `${cve}.json`)));
    await refused({}, 'bad-advisory', /advisories$/);
    rmSync(record);
    assert.equal(existsSync(join(place.folder, 'data')), false);
    writeFileSync(
      file,
      place.inventory((text) => text.replace('host: cp-1', 'host: cp-2')),
    );
    await refused({}, 'bad-inventory', /inventory\.yaml: servers\[0\]\.host/);
  });

  test('a host that leaves the inventory is told to take everything away', async () => {
    await using place = await ground();
    const controller = await place.start();
    await controller.entry((entry) => entry.kind === 'stage');
    const agent = await controller.worker('agent');
    const plan = await planOf(agent);
    const inventory = await controller.admin.inventory();
    const [server] = inventory.servers;
    assert.ok(server);
    await controller.admin.putInventory({
      ...inventory,
      hosts: [{ name: 'cp-2', cluster: 'lab', addresses: ['127.0.0.1'], tags: [] }],
      servers: [{ ...server, name: 'api-2', host: 'cp-2' }],
    });
    const empty = await planOf(agent, plan.generation);
    assert.ok(empty.kind === 'agent' && empty.services.length === 0);
    const other = await controller.worker('agent', 'cp-2');
    const fresh = await planOf(other);
    assert.ok(fresh.kind === 'agent' && fresh.services[0]?.server === 'api-2' && fresh.generation >= 1);
  });

  test('a shield that enforces may not go missing at a restart', async () => {
    await using place = await ground();
    const first = await place.start();
    await first.entry((entry) => entry.kind === 'stage');
    await first.stop();
    rmSync(join(place.folder, 'shields', `${cve}.yaml`));
    await assert.rejects(runController(place.options(), never), { code: 'unknown-shield' });
    assert.equal(verifyFolder(join(place.folder, 'data')).ok, true);
  });

  test('a policy that would lock nodes out is refused, at start and while running, and nothing changes', async () => {
    await using place = await ground();
    const controller = await place.start();
    await controller.entry((entry) => entry.kind === 'stage');
    const before = await controller.admin.status();
    const rule = {
      id: 'no',
      tier: 'break-glass',
      from: 'any',
      to: 'any',
      action: 'deny',
      log: true,
    } as const;
    const policy = { ...(await controller.admin.policy()), rules: [rule] };
    await assert.rejects(controller.admin.putPolicy(policy), { code: 'plan-locks-out' });
    assert.deepEqual((await controller.admin.status()).log, before.log);
    await controller.stop();
    const policyFile = join(place.folder, 'policy.yaml');
    writeFileSync(policyFile, JSON.stringify(policy));
    await assert.rejects(runController(place.options({ policyFile }), never), (error: { place: string }) => {
      assert.match(error.place, /policy\.yaml: policy: rules\[0\]/);
      return true;
    });
    assert.deepEqual(verifyFolder(join(place.folder, 'data')), {
      ok: true,
      entries: before.log.entries,
      head: { seq: before.log.entries, hash: before.log.head },
    });
  });

  test('agents can’t be sent to a wildcard address', async () => {
    await using place = await ground();
    await assert.rejects(runController(place.options({ listen: { address: '0.0.0.0', port: 0 } }), never), {
      code: 'advertise-missing',
    });
  });

  test('an authority that is missing or mismatched is refused', async () => {
    await using place = await ground();
    const first = await place.start();
    await first.stop();
    const pki = join(place.folder, 'data', 'pki');
    const certificate = readFileSync(join(pki, 'ca.pem'), 'utf8');
    writeFileSync(join(pki, 'ca.pem'), (await createAuthority('portcullis', 1)).certificate);
    await assert.rejects(runController(place.options(), never), { code: 'bad-authority' });
    writeFileSync(join(pki, 'ca.pem'), (await createAuthority('portcullis', -1)).certificate);
    await assert.rejects(runController(place.options(), never), { code: 'bad-authority' });
    rmSync(join(pki, 'ca.pem'));
    await assert.rejects(runController(place.options(), never), { code: 'bad-authority' });
    writeFileSync(join(pki, 'ca.pem'), certificate);
    const again = await place.start();
    assert.equal(fingerprint(readIdentity(join(place.folder, 'data/admin')).ca), fingerprint(certificate));
    await again.stop();
  });

  test("a node's agent has a plan from its enrolment on, for what the node forwards to the server", async () => {
    await using place = await ground();
    const node = '{name: node-1, cluster: lab, addresses: [10.77.0.2], tags: [tier=node]}';
    const hosts = 'hosts: [{name: cp-1';
    writeFileSync(
      join(place.folder, 'with-node.yaml'),
      place.inventory((text) => text.replace(hosts, `hosts: [${node}, {name: cp-1`)),
    );
    const controller = await place.start({ inventoryFile: join(place.folder, 'with-node.yaml') });
    await controller.entry((entry) => entry.kind === 'stage');
    const link = await controller.worker('agent', 'node-1');
    const plan = await planOf(link);
    assert.equal(plan.kind, 'agent');
    assert.deepEqual(plan.kind === 'agent' && plan.services.map(({ server, stage }) => [server, stage]), [
      ['api-1', 'block'],
    ]);
    await controller.stop();
  });

  test('a taken port is refused with its reason, and the data folder is free again', async () => {
    await using place = await ground();
    const first = await place.start();
    const { port } = first.running.endpoint;
    const elsewhere = { dataDir: join(place.folder, 'elsewhere') };
    await assert.rejects(
      runController(place.options({ ...elsewhere, listen: { address: '127.0.0.1', port } }), never),
      { code: 'listen' },
    );
    const other = await place.start(elsewhere);
    await other.stop();
  });
});
