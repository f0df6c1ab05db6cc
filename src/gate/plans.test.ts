// Plans and identity files reaching a running gate; TLS sessions across them.
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { GatePlan } from '../model/plan.ts';
import { createAuthority, issue } from '../platform/pki.ts';
import { kubeadmFiles } from './identity-files.ts';
import { runGate } from './run.ts';
import {
  answerOk,
  call,
  freePort,
  gatePlan,
  type Keys,
  makeKeys,
  makeLink,
  type RawCaller,
  type RunningGate,
  removeKeys,
  type ScriptedServer,
  type Seen,
  startGate,
  startServer,
  type TestLink,
} from './test-kit.ts';

let keys: Keys;
before(async () => {
  keys = await makeKeys();
});
after(() => removeKeys(keys));

const gates: RunningGate[] = [];
const servers: ScriptedServer[] = [];
const callers: RawCaller[] = [];
afterEach(async () => {
  for (const caller of callers.splice(0)) caller.socket.destroy();
  for (const gate of gates.splice(0)) await gate.stop();
  for (const server of servers.splice(0)) await server.close();
});

function gateOf(link: TestLink, more: Parameters<typeof startGate>[2] = {}, of = keys): RunningGate {
  const gate = startGate(of, link, more);
  gates.push(gate);
  return gate;
}
async function serverOf(script: (seen: Seen, chunk: Buffer) => void = answerOk): Promise<ScriptedServer> {
  const server = await startServer(keys, script);
  servers.push(server);
  return server;
}
async function caller(...args: Parameters<typeof call>): Promise<RawCaller> {
  const one = await call(...args);
  callers.push(one);
  return one;
}
const get = 'GET /api/v1/pods HTTP/1.1\r\nHost: kubernetes\r\n\r\n';
const watch = 'GET /api/v1/pods?watch=true HTTP/1.1\r\nHost: kubernetes\r\n\r\n';

/** Keeps the socket of a watch, answers anything else. */
function watching(): { script: (seen: Seen) => void; event(text: string): void } {
  let open: Seen | undefined;
  return {
    script(seen) {
      if (!seen.text().includes('watch=true')) return answerOk(seen);
      if (open) return;
      open = seen;
      seen.socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    },
    event(text) {
      open?.socket.write(`${text.length.toString(16)}\r\n${text}\r\n`);
    },
  };
}

const denyAll = {
  id: 'CVE-2099-0001',
  rules: [
    {
      id: 'no-pods',
      phase: 'request' as const,
      when: 'request.resource == "pods"',
      action: 'deny' as const,
      severity: 'major' as const,
      message: 'Pods are closed.',
    },
  ],
};

test('a new plan judges new connections, and a watch under the old one goes on', async () => {
  const feed = watching();
  const server = await serverOf(feed.script);
  const link = makeLink();
  gateOf(link);
  const port = await freePort();
  await link.plan(gatePlan(1, [{ port, upstreamPort: server.port }]));
  const watcher = await caller(keys, port, keys.user);
  watcher.send(watch);
  await watcher.until('chunked');
  const receipt = await link.plan(gatePlan(2, [{ port, upstreamPort: server.port, shields: [denyAll] }]));
  assert.deepEqual(
    { ok: receipt.ok, generation: receipt.generation, target: receipt.target },
    {
      ok: true,
      generation: 2,
      target: 'cp-1',
    },
  );
  const next = await caller(keys, port, keys.user);
  next.send(get);
  assert.match(await next.ended(), /^HTTP\/1\.1 403 .*Pods are closed/s);
  feed.event('still here');
  await watcher.until('still here');
  await link.when(() => link.incidents.length > 0);
  assert.equal(link.incidents[0]?.generation, 2);
  assert.equal(link.incidents[0]?.shield, 'CVE-2099-0001');
});

test('a plan that says cut: now cuts what an earlier one judged, and its receipt says how many', async () => {
  const feed = watching();
  const server = await serverOf(feed.script);
  const link = makeLink();
  gateOf(link);
  const port = await freePort();
  await link.plan(gatePlan(1, [{ port, upstreamPort: server.port }]));
  const watcher = await caller(keys, port, keys.user);
  watcher.send(watch);
  await watcher.until('chunked');
  const receipt = await link.plan(gatePlan(2, [{ port, upstreamPort: server.port, cut: 1 }]));
  assert.equal(receipt.connectionsCut, 1);
  await watcher.ended();
  const next = await caller(keys, port, keys.user);
  next.send(get);
  await next.until('ok');
});

test('new rules end a connection between two exchanges, so that it comes back to be judged by them', async () => {
  const server = await serverOf();
  const link = makeLink();
  gateOf(link);
  const port = await freePort();
  await link.plan(gatePlan(1, [{ port, upstreamPort: server.port }]));
  const idle = await caller(keys, port, keys.user);
  idle.send(get);
  await idle.until('ok');
  const same = await link.plan(gatePlan(2, [{ port, upstreamPort: server.port }]));
  assert.equal(same.connectionsCut, 0);
  const had = idle.text().length;
  idle.send(get);
  await idle.until(new RegExp(`^[^]{${had + 1},}ok$`));
  await link.plan(gatePlan(3, [{ port, upstreamPort: server.port, shields: [denyAll] }]));
  await idle.ended();
});

test('other tags of a caller end its connection between two exchanges, and nobody else’s', async () => {
  const server = await serverOf();
  const link = makeLink();
  gateOf(link);
  const port = await freePort();
  const rules = denyAll.rules.map((rule) => ({ ...rule, when: '!("trust=yes" in request.sourceTags)' }));
  const plan = (generation: number, tags: readonly string[]) => ({
    ...gatePlan(generation, [{ port, upstreamPort: server.port, shields: [{ id: denyAll.id, rules }] }]),
    addressTags: [
      { address: '127.0.0.1', name: 'dev-host', tags: [...tags] },
      { address: '127.0.0.2', name: 'other-host', tags: ['trust=yes'] },
    ],
  });
  await link.plan(plan(1, ['trust=yes']));
  const trusted = await caller(keys, port, keys.user);
  const other = await caller(keys, port, keys.user, { localAddress: '127.0.0.2' });
  for (const one of [trusted, other]) {
    one.send(get);
    await one.until('ok');
  }
  await link.plan(plan(2, []));
  await trusted.ended();
  const again = await caller(keys, port, keys.user);
  again.send(get);
  assert.match(await again.ended(), /^HTTP\/1\.1 403 .*Pods are closed/s);
  const had = other.text().length;
  other.send(get);
  await other.until(new RegExp(`^[^]{${had + 1},}ok$`));
});

for (const [name, then] of [
  ['lifted', (port: number, upstreamPort: number) => gatePlan(2, [{ port, upstreamPort, stage: 'lifted' }])],
  ['taken out', () => gatePlan(2, [])],
] as [string, (port: number, upstreamPort: number) => GatePlan][]) {
  test(`a listener that is ${name} stops accepting; its connections finish undisturbed`, async () => {
    const feed = watching();
    const server = await serverOf(feed.script);
    const link = makeLink();
    gateOf(link);
    const port = await freePort();
    await link.plan(gatePlan(1, [{ port, upstreamPort: server.port }]));
    const watcher = await caller(keys, port, keys.user);
    watcher.send(watch);
    await watcher.until('chunked');
    const keepAlive = await caller(keys, port, keys.user);
    assert.equal((await link.plan(then(port, server.port))).ok, true);
    await assert.rejects(call(keys, port, keys.user), { code: 'ECONNREFUSED' });
    feed.event('after');
    await watcher.until('after');
    keepAlive.send(get);
    await keepAlive.until('ok');
    // The same port again, while the old connections are still there.
    assert.equal((await link.plan(gatePlan(3, [{ port, upstreamPort: server.port }]))).ok, true);
    const next = await caller(keys, port, keys.user);
    next.send(get);
    await next.until('ok');
    feed.event('and again');
    await watcher.until('and again');
  });
}

test('a plan that can not be applied whole changes nothing, and says why in its receipt', async () => {
  const server = await serverOf();
  const link = makeLink();
  const gate = gateOf(link);
  const [port, other] = [await freePort(), await freePort()];
  await link.plan(gatePlan(1, [{ port, upstreamPort: server.port }]));
  const upstreamPort = server.port;
  const bad = { id: 'CVE-2099-0001', rules: [{ ...denyAll.rules[0], when: 'request.nonsense ==' }] };
  const table: [string, GatePlan, RegExp][] = [
    [
      'a port in use',
      gatePlan(2, [
        { port: other, upstreamPort },
        { port: upstreamPort, upstreamPort },
      ]),
      /port-in-use/,
    ],
    [
      'one port twice',
      gatePlan(3, [
        { port, upstreamPort },
        { port, upstreamPort, server: 'b' },
      ]),
      /plan-conflict/,
    ],
    [
      'a rule that does not compile',
      gatePlan(4, [{ port, upstreamPort, shields: [bad as typeof denyAll] }]),
      /bad-predicate/,
    ],
    [
      'a name that the certificate does not cover',
      gatePlan(5, [
        {
          port,
          upstreamPort,
          upstream: { address: '127.0.0.1', port: upstreamPort, serverName: 'other.example' },
        },
      ]),
      /apiserver\.crt.*other\.example.*certificate-names/,
    ],
    ['another gate', { ...gatePlan(6, []), target: 'cp-2' }, /wrong-plan/],
  ];
  for (const [name, plan, error] of table) {
    const receipt = await link.plan(plan);
    assert.equal(receipt.ok, false, name);
    assert.match(receipt.error ?? '', error, name);
    await assert.rejects(call(keys, other), { code: 'ECONNREFUSED' }, name);
    const one = await caller(keys, port, keys.user);
    one.send(get);
    await one.until('ok');
  }
  assert.match(gate.lines.join(''), /"event":"plan-refused"/);
  await link.when(() => link.reports.at(-1)?.generation === 1);
});

test('the last plan is kept, owner-only, and in force when the gate starts without its controller', async () => {
  const server = await serverOf();
  const link = makeLink();
  const first = startGate(keys, link);
  const port = await freePort();
  await link.plan(gatePlan(7, [{ port, upstreamPort: server.port }]));
  await first.stop();
  assert.equal(statSync(join(first.dataDir, 'plan.json')).mode & 0o777, 0o600);
  const away = makeLink();
  away.away = true;
  gateOf(away, { dataDir: first.dataDir });
  for (let attempt = 0; ; attempt += 1) {
    const one = await call(keys, port, keys.user).catch(() => undefined);
    if (one) {
      callers.push(one);
      one.send(get);
      await one.until('ok');
      break;
    }
    assert.ok(attempt < 3_000, 'the stored plan was not put into force');
    await wait(20);
  }
});

test('a second gate on the same data folder is refused', async () => {
  const first = gateOf(makeLink());
  const second = startGate(keys, makeLink(), { dataDir: first.dataDir });
  await assert.rejects(second.done, { code: 'data-folder-in-use' });
});

test('incidents wait while the controller is away, and the gate goes on', async () => {
  const server = await serverOf();
  const link = makeLink();
  gateOf(link);
  const port = await freePort();
  await link.plan(gatePlan(1, [{ port, upstreamPort: server.port, shields: [denyAll] }]));
  link.away = true;
  for (let count = 0; count < 3; count += 1) {
    const one = await caller(keys, port, keys.user);
    one.send(get);
    await one.ended();
  }
  assert.equal(link.incidents.length, 0);
  link.away = false;
  await link.when(() => link.incidents.length === 3);
  const ids = link.incidents.map((incident) => incident.id);
  assert.equal(new Set(ids).size, 3);
  assert.deepEqual([...ids].sort(), ids);
});

test('a resumed session keeps its identity; no listener takes the ticket of another', async () => {
  const server = await serverOf();
  const link = makeLink();
  gateOf(link);
  const [port, other] = [await freePort(), await freePort()];
  const both = (generation: number) =>
    gatePlan(generation, [
      { port, upstreamPort: server.port },
      { port: other, upstreamPort: server.port, server: 'lab/cp-2' },
    ]);
  await link.plan(both(1));
  for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
    const first = await call(keys, port, keys.user, { maxVersion });
    callers.push(first);
    let session: Buffer | undefined;
    first.socket.on('session', (ticket: Buffer) => {
      session = ticket;
    });
    first.send(get);
    await first.until('ok');
    session ??= first.socket.getSession();
    assert.ok(session);
    // No certificate is offered: the identity can only come from the session.
    const resumed = await caller(keys, port, undefined, { maxVersion, session });
    assert.equal(resumed.socket.isSessionReused(), true, maxVersion);
    const had = server.connections.length;
    resumed.send(get);
    await resumed.until('ok');
    const seen = server.connections.slice(had).find((one) => one.received() > 0);
    assert.match(seen?.text() ?? '', /x-remote-user: developer\r\n/i, maxVersion);

    const elsewhere = await caller(keys, other, undefined, { maxVersion, session });
    assert.equal(elsewhere.socket.isSessionReused(), false, maxVersion);
    const before = server.connections.length;
    elsewhere.send(get);
    await elsewhere.until('ok');
    const stranger = server.connections.slice(before).find((one) => one.received() > 0);
    assert.doesNotMatch(stranger?.text() ?? '', /x-remote-user/i, maxVersion);
  }
});

test('new identity files end the tickets made under the old ones, and are used without a new start', async () => {
  const own = await makeKeys();
  try {
    const server = await startServer(own, answerOk);
    servers.push(server);
    const link = makeLink();
    gateOf(link, {}, own);
    const port = await freePort();
    await link.plan(gatePlan(1, [{ port, upstreamPort: server.port }]));
    const first = await call(own, port, own.user);
    callers.push(first);
    const ticket = new Promise<Buffer>((resolve) => first.socket.once('session', resolve));
    first.send(get);
    await first.until('ok');
    const session = await ticket;
    const renewed = await createAuthority('kubernetes', 1);
    // Callers of the new CA only: the server's own certificates stay.
    own.write('clients.crt', renewed.certificate);
    own.write('front-proxy-client.crt', own.serving.certificate);
    const refused = await link.plan(gatePlan(2, [{ port, upstreamPort: server.port }]));
    assert.match(refused.error ?? '', /front-proxy-client\.key.*key-mismatch/);
    const still = await caller(own, port, undefined, { session });
    assert.equal(still.socket.isSessionReused(), true);
    const frontProxy = await issue(own.authority, {
      subject: { commonName: 'front-proxy-client' },
      use: ['client'],
      days: 1,
    });
    own.write('front-proxy-client.crt', frontProxy.certificate);
    own.write('front-proxy-client.key', frontProxy.key);
    assert.equal((await link.plan(gatePlan(3, [{ port, upstreamPort: server.port }]))).error, undefined);
    const late = await caller(own, port, undefined, { session });
    assert.equal(late.socket.isSessionReused(), false);
  } finally {
    removeKeys(own);
  }
});

test('renewed files come into use by themselves, broken ones do not', async () => {
  const own = await makeKeys();
  try {
    const server = await startServer(own, answerOk);
    servers.push(server);
    const link = makeLink();
    const gate = gateOf(link, { limits: { filesMs: 20 } }, own);
    const port = await freePort();
    await link.plan(gatePlan(1, [{ port, upstreamPort: server.port }]));
    const presented = async () => {
      const one = await caller(own, port, own.user);
      one.send(get);
      await one.until('ok');
      return server.connections.findLast((seen) => seen.received() > 0)?.certificate;
    };
    own.write('front-proxy-client.key', 'broken');
    while (!gate.lines.join('').includes('bad-key')) await wait(10);
    assert.equal(await presented(), 'front-proxy-client');
    const renewed = await issue(own.authority, {
      subject: { commonName: 'front-proxy-renewed' },
      use: ['client'],
      days: 1,
    });
    own.write('front-proxy-client.crt', renewed.certificate);
    own.write('front-proxy-client.key', renewed.key);
    for (let attempt = 0; (await presented()) !== 'front-proxy-renewed'; attempt += 1) {
      assert.ok(attempt < 3_000, 'the renewed certificate was not used');
      await wait(20);
    }
  } finally {
    removeKeys(own);
  }
});

test('with wrong identity files the gate does not start, and names the file', async () => {
  const own = await makeKeys();
  try {
    own.write(
      'apiserver.crt',
      (
        await issue(own.authority, {
          subject: { commonName: 'x' },
          use: ['server'],
          names: ['kubernetes'],
          days: -1,
        })
      ).certificate,
    );
    const options = {
      name: 'cp-1',
      dataDir: join(own.folder, 'data'),
      plans: { from: 'controller' as const, link: makeLink() },
      files: kubeadmFiles(own.folder),
    };
    await assert.rejects(runGate(options, new AbortController().signal), (error: { place?: string }) => {
      assert.match(error.place ?? '', /apiserver\.(crt|key)$/);
      return true;
    });
  } finally {
    removeKeys(own);
  }
});
