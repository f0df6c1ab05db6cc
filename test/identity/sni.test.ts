// Two clusters behind one port of one gate, told apart by the name that callers ask for.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { kubeadmFiles } from '../../src/gate/identity-files.ts';
import {
  call,
  freePort,
  gatePlan,
  type Keys,
  makeLink,
  type RunningGate,
  startGate,
  type TestLink,
} from '../../src/gate/test-kit.ts';
import type { GateListener } from '../../src/model/plan.ts';
import type { KeyPair } from '../../src/platform/pki.ts';
import { type Ground, startGround } from './ground.ts';

let prod: Ground;
let lab: Ground;
let gate: RunningGate;
let link: TestLink;
let port: number;
let keys: Keys;
const everybody = ['0.0.0.0/0'];
before(async () => {
  [prod, lab] = await Promise.all([startGround(), startGround()]);
  link = makeLink();
  keys = {
    folder: prod.folder,
    authority: prod.authority,
    serving: prod.pair('apiserver'),
    user: prod.pair('developer'),
    write() {},
  };
  const files = { prod: kubeadmFiles(prod.files.pki), lab: kubeadmFiles(lab.files.pki) };
  gate = startGate(keys, link, { files: files.prod, filesByServer: { 'lab/cp-1': files.lab } });
  port = await freePort();
  assert.equal((await link.plan(gatePlan(1, plan()))).error, undefined);
});
after(async () => {
  await gate.stop();
  await Promise.all([prod.stop(), lab.stop()]);
});

type Listener = Partial<GateListener> & { port: number; upstreamPort: number };
function plan(labCallers = everybody): [Listener, Listener] {
  return [
    {
      port,
      upstreamPort: prod.port,
      server: 'prod/cp-1',
      shared: { names: ['prod.example'], callers: everybody },
    },
    {
      port,
      upstreamPort: lab.port,
      server: 'lab/cp-1',
      shared: { names: ['lab.example', 'lab.internal'], callers: labCallers },
    },
  ];
}

/** What reached a server but for the gate's own question, which it asks from time to time. */
const callersOf = (ground: Ground) => ground.audit().filter(({ path }) => path !== '/version');

async function ask(
  servername: string | undefined,
  as: KeyPair | undefined,
  host = servername,
  session?: Buffer,
): Promise<{ text: string; issuer: string; reused: boolean; session: Buffer | undefined }> {
  const caller = await call(keys, port, as, {
    servername: servername ?? '',
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
    ...(session ? { session } : {}),
  });
  let ticket: Buffer | undefined;
  caller.socket.on('session', (one: Buffer) => {
    ticket = one;
  });
  const peer = caller.socket.getPeerX509Certificate();
  const { isSessionReused } = caller.socket;
  const reused = isSessionReused.call(caller.socket);
  caller.send(`GET /api/v1/namespaces/lab/pods HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  const text = await caller.ended();
  caller.socket.destroy();
  return { text, issuer: peer?.fingerprint256 ?? '', reused, session: ticket };
}

describe('the name decides', () => {
  test('each cluster sees its own callers, under its own certificate and client CA', async () => {
    const ofProd = await ask('prod.example', prod.pair('developer'));
    const ofLab = await ask('LAB.example', lab.pair('developer'), 'lab.example:16443');
    assert.match(ofProd.text, /^HTTP\/1\.1 200 /);
    assert.match(ofLab.text, /^HTTP\/1\.1 200 /);
    assert.notEqual(ofProd.issuer, ofLab.issuer);
    assert.equal(callersOf(prod).at(-1)?.user, 'developer');
    assert.equal(callersOf(lab).at(-1)?.user, 'developer');
    assert.match((await ask('lab.internal', lab.pair('developer'))).text, /^HTTP\/1\.1 200 /);
    assert.match(
      (await ask('lab.example', lab.pair('developer'), '127.0.0.1:16443')).text,
      /^HTTP\/1\.1 200 /,
    );
  });

  test("a certificate of one cluster is nobody's at the other", async () => {
    const had = callersOf(lab).length;
    const { text } = await ask('lab.example', prod.pair('developer'));
    assert.match(text, /^HTTP\/1\.1 401 .*does not verify/s);
    assert.equal(callersOf(lab).length, had);
  });

  test('a session of one is none at the other, though the port is the same', async () => {
    const first = await ask('prod.example', prod.pair('developer'));
    assert.ok(first.session);
    assert.equal((await ask('prod.example', undefined, 'prod.example', first.session)).reused, true);
    const elsewhere = await ask('lab.example', undefined, 'lab.example', first.session);
    assert.equal(elsewhere.reused, false);
    assert.match(elsewhere.text, /system:anonymous/);
  });

  for (const name of [undefined, 'other.example', 'example', 'prod.example.evil'] as const) {
    test(`${name ?? 'no name'} leads nowhere`, async () => {
      await assert.rejects(ask(name, prod.pair('developer')), /ECONNRESET|disconnected|socket hang up/i);
    });
  }

  for (const [name, host] of [
    ['prod.example', 'lab.example'],
    ['lab.example', 'prod.example:443'],
    ['prod.example', 'kubernetes'],
  ] as const) {
    test(`a request for ${host} on a connection to ${name} is misdirected`, async () => {
      const had = callersOf(prod).length + callersOf(lab).length;
      const { text } = await ask(name, (name.startsWith('prod') ? prod : lab).pair('developer'), host);
      assert.match(text, /^HTTP\/1\.1 421 Misdirected Request\r\n.*misdirected-request/s);
      assert.equal(callersOf(prod).length + callersOf(lab).length, had);
    });
  }
});

test('who may come to one server has no way to another by naming it', async () => {
  assert.equal((await link.plan(gatePlan(2, plan(['192.0.2.0/24'])))).error, undefined);
  assert.match((await ask('prod.example', prod.pair('developer'))).text, /^HTTP\/1\.1 200 /);
  await assert.rejects(ask('lab.example', lab.pair('developer')), /ECONNRESET|disconnected|socket hang up/i);
  assert.equal((await link.plan(gatePlan(3, plan()))).error, undefined);
  assert.match((await ask('lab.example', lab.pair('developer'))).text, /^HTTP\/1\.1 200 /);
});

test('servers that can not be told apart are refused, and the former plan stands', async () => {
  const [first, second] = plan();
  const same = { ...second, shared: { names: ['lab.example', 'prod.example'], callers: everybody } };
  const { shared: _shared, ...unnamed } = second;
  for (const [generation, listeners] of [
    [4, [first, same]],
    [5, [first, unnamed]],
    [6, [unnamed]],
  ] as const) {
    assert.match((await link.plan(gatePlan(generation, listeners))).error ?? '', /plan-conflict/);
  }
  assert.match((await ask('lab.example', lab.pair('developer'))).text, /^HTTP\/1\.1 200 /);
});

test('one server may leave the port while the other goes on', async () => {
  assert.equal((await link.plan(gatePlan(7, [plan()[0]]))).error, undefined);
  assert.match((await ask('prod.example', prod.pair('developer'))).text, /^HTTP\/1\.1 200 /);
  await assert.rejects(ask('lab.example', lab.pair('developer')), /ECONNRESET|disconnected|socket hang up/i);
});

test('told to stop, the gate still hears who has come and not yet said which server it wants', async () => {
  const own = makeLink();
  const files = { prod: kubeadmFiles(prod.files.pki), lab: kubeadmFiles(lab.files.pki) };
  const ending = startGate(keys, own, {
    files: files.prod,
    filesByServer: { 'lab/cp-1': files.lab },
    drainSeconds: 60,
  });
  const at = await freePort();
  const listeners = plan().map((listener) => ({ ...listener, port: at }));
  assert.equal((await own.plan(gatePlan(1, listeners))).error, undefined);
  const early = connect({ port: at, host: '127.0.0.1' });
  await once(early, 'connect');
  // Who is answered came later: the early one is in.
  const to = { servername: 'prod.example', rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] };
  const later = await call(keys, at, prod.pair('developer'), to);
  later.socket.destroy();
  const over = ending.stop();
  for (let open = true; open; ) {
    const probe = connect({ port: at, host: '127.0.0.1' });
    open = await Promise.race([
      once(probe, 'connect').then(() => true),
      once(probe, 'error').then(() => false),
    ]).catch(() => false);
    probe.destroy();
  }
  const caller = await call(keys, at, prod.pair('developer'), { ...to, socket: early });
  caller.send('GET /api/v1/namespaces/lab/pods HTTP/1.1\r\nHost: prod.example\r\n\r\n');
  assert.match(await caller.ended(), /^HTTP\/1\.1 200 /);
  await over;
});
