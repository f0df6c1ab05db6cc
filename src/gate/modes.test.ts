// Shadows, exemptions and parameters at a running gate: what they let pass, what is recorded, and what goes on meanwhile.
import assert from 'node:assert/strict';
import type { ClientHttp2Session } from 'node:http2';
import { after, afterEach, before, test } from 'node:test';
import type { GateShield } from '../model/plan.ts';
import { ask, openSession, startHttp2Server } from './http2-test-kit.ts';
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
const sessions: ClientHttp2Session[] = [];
const http2Servers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const caller of callers.splice(0)) caller.socket.destroy();
  for (const session of sessions.splice(0)) session.destroy();
  for (const gate of gates.splice(0)) await gate.stop();
  for (const stop of http2Servers.splice(0)) await stop();
  for (const server of servers.splice(0)) await server.close();
});

type Ground = {
  readonly link: TestLink;
  readonly port: number;
  readonly server: Pick<ScriptedServer, 'port' | 'connections'>;
};

async function groundWith(script: (seen: Seen, chunk: Buffer) => void = answerOk): Promise<Ground> {
  const server = await startServer(keys, script);
  servers.push(server);
  const link = makeLink();
  gates.push(startGate(keys, link, { drainSeconds: 1 }));
  return { link, port: await freePort(), server };
}
/** Before a server that speaks HTTP/2 and answers all with 200. */
async function http2Ground(): Promise<Ground> {
  const { port, stop } = await startHttp2Server(keys, (stream) => {
    stream.respond({ ':status': 200 });
    stream.end('ok');
  });
  const server = { port, connections: [] };
  http2Servers.push(stop);
  const link = makeLink();
  gates.push(startGate(keys, link, { drainSeconds: 1 }));
  return { link, port: await freePort(), server };
}
function put({ link, port, server }: Ground, generation: number, shields: readonly GateShield[]) {
  return link.plan(gatePlan(generation, [{ port, upstreamPort: server.port, shields: [...shields] }]));
}
async function callerOf({ port }: Ground): Promise<RawCaller> {
  const one = await call(keys, port, keys.user);
  callers.push(one);
  return one;
}
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: kubernetes\r\n\r\n`;
const pods = get('/api/v1/pods');

const shield = (more: Partial<GateShield> = {}): GateShield => ({
  id: 'CVE-2099-0001',
  rules: [
    {
      id: 'no-pods',
      phase: 'request',
      when: 'request.resource == "pods"',
      action: 'deny',
      severity: 'major',
      message: 'Pods are closed.',
    },
  ],
  ...more,
});
const metric = (link: TestLink, name: string) => link.reports.at(-1)?.counters[name];

test('a shadow lets pass and tells, the first five whole, and the rest by their number when the gate drains', async () => {
  const ground = await groundWith();
  const { link } = ground;
  await put(ground, 1, [shield({ mode: 'shadow' })]);
  const one = await callerOf(ground);
  for (let n = 1; n <= 8; n++) {
    one.send(pods);
    await one.until(new RegExp(`(?:200 OK[\\s\\S]*?){${n}}`));
  }
  assert.doesNotMatch(one.text(), /403/);
  await link.when(() => link.incidents.length === 5);
  await link.when(() => metric(link, 'shadow_findings_total{rule="CVE-2099-0001/no-pods"}') === 8);
  assert.equal(metric(link, 'findings_total{rule="CVE-2099-0001/no-pods"}'), undefined);
  const [first] = link.incidents;
  assert.deepEqual(
    { action: first?.action, shadow: first?.shadow, would: first?.would, rule: first?.rule },
    { action: 'log', shadow: true, would: 'deny', rule: 'no-pods' },
  );
  for (const gate of gates.splice(0)) await gate.stop();
  assert.equal(
    link.incidents.reduce((sum, { count = 1 }) => sum + count, 0),
    8,
  );
  assert.equal(link.incidents.at(-1)?.count, 3);
});

test('an exemption lets exactly the exempted pass, and is over at its time though no new plan comes', async (t) => {
  const now = Date.now();
  t.mock.timers.enable({ apis: ['Date'], now });
  const ground = await groundWith();
  const { link } = ground;
  const expires = new Date(now + 60_000).toISOString();
  const exemption = { id: 'old-client', from: ['127.0.0.1'], resources: [{ namespace: 'a' }], expires };
  await put(ground, 1, [shield({ exemptions: [exemption] })]);
  const exempt = await callerOf(ground);
  exempt.send(get('/api/v1/namespaces/a/pods'));
  await exempt.until('200 OK');
  await link.when(() => link.incidents.length === 1);
  assert.deepEqual(
    [link.incidents[0]?.exemption, link.incidents[0]?.action, link.incidents[0]?.would],
    ['old-client', 'log', 'deny'],
  );
  const other = await callerOf(ground);
  other.send(get('/api/v1/namespaces/b/pods'));
  assert.match(await other.ended(), /403 .*Pods are closed/s);
  await link.when(() => metric(link, 'exemptions_used_total{exemption="old-client"}') === 1);
  for (const [before, answer] of [
    [1, /^HTTP\/1\.1 200 OK/],
    [0, /^HTTP\/1\.1 403/],
  ] as const) {
    t.mock.timers.setTime(Date.parse(expires) - before);
    const late = await callerOf(ground);
    late.send(get('/api/v1/namespaces/a/pods'));
    assert.match(await late.until(/ (?:200 OK|403)/), answer, `${before} ms before`);
  }
});

test('over HTTP/2 a shadow lets every stream pass and tells, and enforcement refuses each with a Status', async () => {
  const ground = await http2Ground();
  const { link } = ground;
  await put(ground, 1, [shield({ mode: 'shadow' })]);
  await link.reached(1);
  const caller = await openSession(keys, ground.port, keys.user);
  sessions.push(caller);
  const shadowed = await Promise.all(Array.from({ length: 8 }, () => ask(caller, {})));
  assert.deepEqual(new Set(shadowed.map(({ status, body }) => `${status} ${body}`)), new Set(['200 ok']));
  await link.when(() => link.incidents.length === 5);
  await link.when(() => metric(link, 'shadow_findings_total{rule="CVE-2099-0001/no-pods"}') === 8);
  assert.equal(metric(link, 'findings_total{rule="CVE-2099-0001/no-pods"}'), undefined);
  assert.deepEqual(
    new Set(link.incidents.map(({ action, would }) => `${action} ${would}`)),
    new Set(['log deny']),
  );

  const ended = new Promise<void>((resolve) => caller.once('close', resolve));
  await put(ground, 2, [shield()]);
  // What judges otherwise now sends who is idle away, to be judged anew.
  await ended;
  const next = await openSession(keys, ground.port, keys.user);
  sessions.push(next);
  const [refused, passed] = await Promise.all([ask(next, {}), ask(next, { ':path': '/api/v1/services' })]);
  assert.deepEqual([refused.status, passed.status], [403, 200]);
  assert.match(JSON.parse(refused.body).message, /^Pods are closed\. \(verdict [0-9a-f-]{36}\)$/);
});

test('over HTTP/2 an exemption is of its streams alone, and each is told by its id', async () => {
  const ground = await http2Ground();
  const { link } = ground;
  const exemption = {
    id: 'old-client',
    users: ['developer'],
    resources: [{ namespace: 'a' }],
    expires: '2099-01-01T00:00:00Z',
  };
  await put(ground, 1, [shield({ exemptions: [exemption] })]);
  await link.reached(1);
  const caller = await openSession(keys, ground.port, keys.user);
  const nobody = await openSession(keys, ground.port);
  sessions.push(caller, nobody);
  const pods = (namespace: string) => ({ ':path': `/api/v1/namespaces/${namespace}/pods` });
  const answers = await Promise.all([
    ask(caller, pods('a')),
    ask(caller, pods('b')),
    ask(caller, pods('a')),
    ask(nobody, { ...pods('a'), authorization: 'Bearer t' }),
  ]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 403, 200, 403],
  );
  await link.when(() => metric(link, 'exemptions_used_total{exemption="old-client"}') === 2);
  await link.when(() => metric(link, 'findings_total{rule="CVE-2099-0001/no-pods"}') === 2);
  await link.when(() => link.incidents.length === 4);
  assert.deepEqual(
    link.incidents.map(({ exemption: by, action, would }) => `${by} ${action} ${would}`).sort(),
    ['old-client log deny', 'old-client log deny', 'undefined deny undefined', 'undefined deny undefined'],
  );
});

test('another parameter judges new requests, and a watch under the old one goes on', async () => {
  let open: Seen | undefined;
  const ground = await groundWith((seen) => {
    if (!seen.text().includes('watch=true')) return answerOk(seen);
    if (open) return;
    open = seen;
    seen.socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
  });
  const named = (closed: string[]) => {
    const [rule] = shield().rules;
    assert.ok(rule);
    return shield({
      rules: [{ ...rule, when: 'request.resource in parameters.closed' }],
      parameters: { closed },
    });
  };
  await put(ground, 1, [named(['secrets'])]);
  const watcher = await callerOf(ground);
  watcher.send(get('/api/v1/pods?watch=true'));
  await watcher.until('chunked');
  const receipt = await put(ground, 2, [named(['pods'])]);
  assert.deepEqual([receipt.ok, receipt.connectionsCut], [true, 0]);
  const next = await callerOf(ground);
  next.send(pods);
  assert.match(await next.ended(), /403 .*Pods are closed/s);
  open?.socket.write('5\r\nthere\r\n');
  await watcher.until('there');
});

test('what the gate refuses of itself no exemption and no shadow lets pass', async () => {
  const ground = await groundWith();
  const exemption = { id: 'all', from: ['0.0.0.0/0'], expires: '2099-01-01T00:00:00Z' };
  await put(ground, 1, [shield({ mode: 'shadow', exemptions: [exemption] })]);
  const spoofer = await callerOf(ground);
  spoofer.send(pods.replace('\r\n\r\n', '\r\nX-Remote-User: admin\r\n\r\n'));
  await spoofer.until('200 OK');
  assert.doesNotMatch(ground.server.connections.map((seen) => seen.text()).join(''), /X-Remote-User: admin/i);
  const smuggler = await callerOf(ground);
  smuggler.send(pods.replace('\r\n\r\n', '\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'));
  assert.match(await smuggler.ended(), /^HTTP\/1\.1 400/);
});

test('cut cuts what is open when it rises, in whatever generation that is seen', async () => {
  const ground = await groundWith((seen) => {
    if (seen.text().includes('watch=true'))
      seen.socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    else answerOk(seen);
  });
  const { link, port, server } = ground;
  const plan = (generation: number, cut: number) =>
    link.plan(gatePlan(generation, [{ port, upstreamPort: server.port, cut }]));
  await plan(1, 1);
  const watcher = await callerOf(ground);
  watcher.send(get('/api/v1/pods?watch=true'));
  await watcher.until('chunked');
  assert.equal((await plan(2, 1)).connectionsCut, 0);
  assert.equal((await plan(5, 3)).connectionsCut, 1);
  await watcher.ended();
});
