// The whole gate over real TLS on loopback: a scripted server behind it, raw callers before it.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { createAuthority, issue } from '../platform/pki.ts';
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
  stopClock,
  type TestLink,
} from './test-kit.ts';

let keys: Keys;
before(async () => {
  keys = await makeKeys();
});
after(() => removeKeys(keys));

type Stage = {
  readonly server: ScriptedServer;
  readonly link: TestLink;
  readonly gate: RunningGate;
  readonly port: number;
};
const stages: Stage[] = [];
const callers: RawCaller[] = [];
afterEach(async () => {
  for (const caller of callers.splice(0)) caller.socket.destroy();
  for (const stage of stages.splice(0)) {
    await stage.gate.stop();
    await stage.server.close();
  }
});

async function stand(
  script: (seen: Seen, chunk: Buffer) => void = answerOk,
  more: Parameters<typeof startGate>[2] = {},
  keep = true,
): Promise<Stage> {
  const server = await startServer(keys, script, keep);
  const link = makeLink();
  const gate = startGate(keys, link, more);
  const port = await freePort();
  const receipt = await link.plan(gatePlan(1, [{ port, upstreamPort: server.port }]));
  assert.equal(receipt.error, undefined);
  const stage = { server, link, gate, port };
  stages.push(stage);
  return stage;
}

async function caller(...args: Parameters<typeof call>): Promise<RawCaller> {
  const one = await call(...args);
  callers.push(one);
  return one;
}

/** The upstream connections that carried a request; the gate's health checks send none. */
function used(server: ScriptedServer): Seen[] {
  return server.connections.filter((seen) => seen.received() > 0);
}

const get = 'GET /api/v1/pods HTTP/1.1\r\nHost: kubernetes\r\n';

test('a client certificate becomes the identity headers, under the front-proxy certificate', async () => {
  const { server, port } = await stand();
  const developer = await caller(keys, port, keys.user);
  assert.equal(developer.socket.alpnProtocol, 'http/1.1');
  developer.send(`${get}\r\n`);
  await developer.until('ok');
  const [seen] = used(server);
  assert.ok(seen);
  assert.equal(seen.certificate, 'front-proxy-client');
  const head = seen.text().toLowerCase();
  assert.match(head, /\r\nx-remote-user: developer\r\n/);
  assert.match(head, /\r\nx-remote-group: dev\r\n/);
  assert.match(head, /\r\nx-remote-group: lab users\r\n/);
  assert.match(head, /\r\nx-forwarded-for: 127\.0\.0\.1\r\n/);
});

test('a refusal names the verdict that its incident carries, with both ends and the stage', async () => {
  const { port, link } = await stand();
  const stranger = await issue(await createAuthority('kubernetes', 1), {
    subject: { commonName: 'developer' },
    use: ['client'],
    days: 1,
  });
  const verdicts: string[] = [];
  for (const [as, request] of [
    [keys.user, 'GET /api/../x HTTP/1.1\r\nHost: a\r\n\r\n'],
    [stranger, `${get}\r\n`],
  ] as const) {
    const refused = await caller(keys, port, as);
    refused.send(request);
    const answer = await refused.until(/\(verdict [0-9a-f-]{36}\)/);
    verdicts.push(/verdict ([0-9a-f-]{36})/.exec(answer)?.[1] ?? '');
  }
  await link.when(() => link.incidents.length >= 2);
  assert.deepEqual(
    link.incidents.map((incident) => [
      incident.verdict,
      incident.rule,
      incident.stage,
      incident.who.from.name,
    ]),
    [
      [verdicts[0], 'path-dot-segment', 'inspect', 'dev-host'],
      [verdicts[1], 'client-certificate', 'inspect', 'dev-host'],
    ],
  );
  assert.notEqual(verdicts[0], verdicts[1]);
});

test('an incident that the controller was away for is delivered by the next start of the gate', async () => {
  const stage = await stand();
  const { port, link, gate } = stage;
  link.away = true;
  const refused = await caller(keys, port, keys.user);
  refused.send('GET /api/../x HTTP/1.1\r\nHost: a\r\n\r\n');
  await refused.ended();
  await gate.stop();
  assert.deepEqual(link.incidents, []);
  link.away = false;
  const again = startGate(keys, link, { dataDir: gate.dataDir });
  stages.push({ ...stage, gate: again });
  await link.when(() => link.incidents.length > 0);
  assert.deepEqual(
    link.incidents.map(({ rule }) => rule),
    ['path-dot-segment'],
  );
});

for (const spelling of ['X-Remote-User', 'x-remote-user', 'X-REMOTE-USER', 'x-ReMoTe-UsEr']) {
  test(`a spoofed ${spelling} never passes, with and without a certificate`, async () => {
    const { server, port } = await stand();
    for (const as of [keys.user, undefined]) {
      const attacker = await caller(keys, port, as);
      attacker.send(
        `${get}${spelling}: root\r\nX-Remote-Group: system:masters\r\nX-Remote-Extra-Scopes: all\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n`,
      );
      await attacker.until(/HTTP\/1\.1 (200|4\d\d)/);
    }
    const all = used(server)
      .map((seen) => seen.text())
      .join('');
    assert.doesNotMatch(all, /root|system:masters|scopes|9\.9\.9\.9/i);
  });
}

test('what the server reads identity from beside X-Remote-* is taken out as well', async () => {
  const { server, port } = await stand(answerOk, { identityHeaders: ['X-Forwarded-Groups'] });
  const attacker = await caller(keys, port, keys.user);
  attacker.send(`${get}x_forwarded_GROUPS: system:masters\r\nX-Forwarded-Groups: system:masters\r\n\r\n`);
  await attacker.until('ok');
  assert.doesNotMatch(used(server)[0]?.text() ?? '', /system:masters/);
});

test('a bearer token passes untouched, on a connection without a client certificate', async () => {
  const { server, port, gate } = await stand();
  const developer = await caller(keys, port);
  developer.send(`${get}Authorization: Bearer abc.DEF-123\r\n\r\n`);
  await developer.until('ok');
  const [seen] = used(server);
  assert.equal(seen?.certificate, undefined);
  assert.match(seen?.text() ?? '', /\r\nAuthorization: Bearer abc\.DEF-123\r\n/);
  assert.doesNotMatch(seen?.text() ?? '', /x-remote-user/i);
  assert.doesNotMatch(gate.lines.join(''), /abc\.DEF/);
});

test('callers never share an upstream connection, and one who sends nothing opens none', async () => {
  const { server, port } = await stand();
  const first = await caller(keys, port, keys.user);
  const second = await caller(keys, port, keys.user);
  await caller(keys, port, keys.user);
  for (const one of [first, second, first, second]) {
    const had = one.text().length;
    one.send(`${get}\r\n`);
    await one.until(new RegExp(`^[^]{${had + 1},}ok$`));
  }
  assert.equal(used(server).length, 2);
});

test('client certificates that do not hold are refused with 401 and a reason', async () => {
  const { server, port } = await stand();
  const stranger = await createAuthority('stranger', 1);
  const subject = { commonName: 'developer', organizations: ['system:masters'] };
  const table = [
    ['of another CA', await issue(stranger, { subject, use: ['client'], days: 1 }), /client CA/],
    ['expired', await issue(keys.authority, { subject, use: ['client'], days: -1 }), /expired/],
    [
      'for servers only',
      await issue(keys.authority, { subject, use: ['server'], days: 1 }),
      /client authentication/,
    ],
    [
      'with a control byte in its name',
      await issue(keys.authority, {
        subject: { commonName: 'dev\r\nX-Remote-Group: system:masters' },
        use: ['client'],
        days: 1,
      }),
      /control characters/,
    ],
    [
      'with a control byte in a group',
      await issue(keys.authority, {
        subject: { commonName: 'dev', organizations: ['a\u0000b'] },
        use: ['client'],
        days: 1,
      }),
      /control characters/,
    ],
  ] as const;
  for (const [name, as, reason] of table) {
    const one = await caller(keys, port, as);
    one.send(`${get}\r\n`);
    const answer = await one.ended();
    assert.match(answer, /^HTTP\/1\.1 401 /, name);
    const status = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')));
    assert.equal(status.kind, 'Status', name);
    assert.equal(status.code, 401, name);
    assert.match(status.message, reason, name);
  }
  assert.equal(used(server).length, 0);
});

const attack = [
  'GET /api/v1/namespaces/lab/pods/web/exec HTTP/1.1',
  'Host: kubernetes',
  'Authorization: Bearer secret-token',
  'Connection: Upgrade',
  'Upgrade: websocket',
  '\r\n',
].join('\r\n');
const stolen = 'GET /runningpods/ HTTP/1.1\r\nHost: node\r\nAuthorization: Bearer other-secret\r\n\r\n';
const notSwitched =
  'HTTP/1.1 400 Bad Request\r\nContent-Length: 52\r\n\r\nyou must specify at least 1 of stdin, stdout, stderr';

test('CVE-2018-1002105: bytes sent early leave their evidence though the caller resets before the answer', async () => {
  const { promise: asked, resolve: heard } = Promise.withResolvers<void>();
  const { server, port, link } = await stand((seen) => {
    if (seen.text().includes('\r\n\r\n')) heard();
  });
  const wire = connect(port, '127.0.0.1');
  const attacker = await caller(keys, port, undefined, { socket: wire });
  attacker.send(attack + stolen);
  await asked;
  wire.resetAndDestroy();
  await link.when(() => link.incidents.length > 0);
  const [incident] = link.incidents;
  assert.equal(incident?.severity, 'critical');
  assert.equal(incident?.what.heldLength, stolen.length);
  assert.doesNotMatch(used(server)[0]?.text() ?? '', /runningpods/);
});

test('CVE-2018-1002105: what is sent after a failed upgrade is cut, kept as evidence, never forwarded', async () => {
  const { server, port, link, gate } = await stand((seen) => {
    if (seen.text().includes('\r\n\r\n')) seen.socket.write(notSwitched);
  });
  const attacker = await caller(keys, port, keys.user, { allowHalfOpen: true });
  attacker.send(attack);
  await attacker.until('stderr');
  attacker.send(stolen);
  await link.when(() => link.incidents.length > 0);
  const [incident] = link.incidents;
  assert.ok(incident);
  assert.equal(incident.server, 'lab/cp-1');
  assert.equal(incident.generation, 1);
  assert.equal(incident.action, 'close-client-and-server');
  assert.deepEqual(incident.who, {
    method: 'certificate',
    user: 'developer',
    groups: ['dev', 'lab users'],
    from: { address: '127.0.0.1', name: 'dev-host', tags: ['tier=developer'] },
    port: attacker.socket.localPort,
  });
  assert.equal(incident.what.upgrade, 'websocket');
  assert.equal(incident.what.responseStatus, 400);
  assert.equal(incident.what.heldLength, stolen.length);
  assert.match(Buffer.from(incident.what.heldBytes, 'base64').toString(), /^GET \/runningpods\//);
  const records = JSON.stringify(link.incidents) + gate.lines.join('');
  for (const secret of ['secret-token', 'other-secret']) {
    assert.ok(!records.includes(secret));
    assert.ok(!Buffer.from(incident.what.heldBytes, 'base64').includes(secret));
  }
  await attacker.ended();
  assert.doesNotMatch(used(server)[0]?.text() ?? '', /runningpods/);
});

test('CVE-2018-1002105: bytes sent before the answer are held, and the connection is cut', async () => {
  const { server, port, link } = await stand((seen) => {
    if (seen.text().includes('\r\n\r\n')) seen.socket.write(notSwitched);
  });
  const attacker = await caller(keys, port, keys.user);
  attacker.send(attack + stolen);
  await attacker.ended();
  await link.when(() => link.incidents.length > 0);
  assert.doesNotMatch(used(server)[0]?.text() ?? '', /runningpods/);
});

const switched =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n';
const exec =
  'POST /api/v1/namespaces/lab/pods/web/exec?command=sh HTTP/1.1\r\nHost: kubernetes\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nContent-Length: 0\r\n\r\n';

test('a real 101 opens a tunnel: a megabyte both ways at once, then half-close, byte for byte', async () => {
  const megabyte = Buffer.alloc(1 << 20, 'abcdefghijklmnopqrstuvwxyz0123456789');
  const { server, port, link } = await stand((seen) => {
    if (seen.socket.listenerCount('end') > 1) return;
    seen.socket.write(switched);
    seen.socket.write(megabyte);
    seen.socket.on('end', () => seen.socket.end('last words'));
  });
  const developer = await caller(keys, port, keys.user, { allowHalfOpen: true });
  developer.send(exec);
  await developer.until('v4.channel');
  developer.socket.end(megabyte);
  const answer = await developer.ended();
  assert.equal(answer, `${switched}${megabyte.toString('latin1')}last words`);
  const seen = used(server)[0];
  assert.equal(seen?.text().slice(seen.text().indexOf('\r\n\r\n') + 4), megabyte.toString('latin1'));
  assert.deepEqual(link.incidents, []);
});

test('a tunnel whose server has ended goes on in the other direction', async () => {
  const { server, port } = await stand((seen) => {
    if (!seen.socket.writableEnded) seen.socket.end(`${switched}bye`);
  });
  const developer = await caller(keys, port, keys.user, { allowHalfOpen: true });
  developer.send(exec);
  await developer.ended();
  assert.match(developer.text(), /bye$/);
  const tunnel = used(server)[0] as Seen;
  const ended = new Promise((resolve) => tunnel.socket.once('end', resolve));
  developer.socket.end('last will');
  await ended;
  assert.match(tunnel.text(), /\r\n\r\nlast will$/);
});

test('above the limit of connections new ones are closed, and counted', async () => {
  const { port, link } = await stand(answerOk, { limits: { connections: 2 } });
  const first = await caller(keys, port, keys.user);
  await caller(keys, port);
  await assert.rejects(call(keys, port));
  first.send(`${get}\r\n`);
  await first.until('ok');
  await link.plan(gatePlan(2, []));
  await link.when(() => link.reports.at(-1)?.counters['refusals_total{code="too-many-connections"}'] === 1);
});

test('HEAD, 204, 304, chunked and until-close answers are delivered, and the next request works', async () => {
  const answers = [
    ['HEAD /a HTTP/1.1\r\nHost: k\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n'],
    ['GET /b HTTP/1.1\r\nHost: k\r\n\r\n', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['GET /c HTTP/1.1\r\nHost: k\r\n\r\n', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n'],
    [
      'GET /d HTTP/1.1\r\nHost: k\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    ],
    ['GET /e HTTP/1.1\r\nHost: k\r\n\r\n', 'HTTP/1.1 200 OK\r\n\r\nuntil the end'],
  ] as const;
  let next = 0;
  const { port, server } = await stand((seen) => {
    seen.socket.write(answers[next]?.[1] ?? '');
    next += 1;
    if (next === answers.length) seen.socket.end();
  });
  const developer = await caller(keys, port, keys.user);
  let expected = '';
  for (const [request, answer] of answers) {
    developer.send(request);
    expected += answer;
    await developer.until(expected);
  }
  assert.equal(await developer.ended(), expected);
  assert.equal(used(server).length, 1);
});

test('a watch streams event by event', async () => {
  let watch: TLSSocket | undefined;
  const { port } = await stand((seen) => {
    watch = seen.socket;
    seen.socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
  });
  const developer = await caller(keys, port, keys.user);
  developer.send('GET /api/v1/pods?watch=true HTTP/1.1\r\nHost: k\r\n\r\n');
  await developer.until('chunked\r\n\r\n');
  for (const event of ['{"type":"ADDED"}', '{"type":"MODIFIED"}', '{"type":"DELETED"}']) {
    watch?.write(`${event.length.toString(16)}\r\n${event}\r\n`);
    await developer.until(event);
  }
});

test('a slow reader stops the server instead of filling memory', async () => {
  const piece = Buffer.alloc(1 << 20);
  const total = 96;
  let written = 0;
  const { port } = await stand((seen) => {
    seen.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total << 20}\r\n\r\n`);
    const more = () => {
      while (written < total) {
        written += 1;
        if (!seen.socket.write(piece)) return;
      }
    };
    seen.socket.on('drain', more);
    more();
  });
  const slow = await caller(keys, port, keys.user);
  slow.socket.removeAllListeners('data');
  slow.socket.pause();
  slow.send(`${get}\r\n`);
  await stable(() => written);
  assert.ok(written < total / 2, `the server could send ${written} MiB to a caller who does not read`);
  let read = 0;
  slow.socket.on('data', (chunk: Buffer) => {
    read += chunk.length;
    if (read >= total << 20) slow.socket.emit('all');
  });
  const all = new Promise((resolve) => slow.socket.once('all', resolve));
  slow.socket.resume();
  await all;
  assert.equal(written, total);
});

test('a slow server stops the caller, and a large body arrives whole', async () => {
  const total = 64 << 20;
  let stopped: TLSSocket | undefined;
  const { port, server } = await stand(
    (seen) => {
      if (stopped) {
        if (seen.received() > total) seen.socket.write('HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n');
        return;
      }
      stopped = seen.socket;
      seen.socket.pause();
    },
    {},
    false,
  );
  const developer = await caller(keys, port, keys.user);
  developer.send(`POST /api/v1/pods HTTP/1.1\r\nHost: k\r\nContent-Length: ${total}\r\n\r\n`);
  let sent = 0;
  const piece = Buffer.alloc(1 << 18);
  const more = () => {
    while (sent < total) {
      sent += piece.length;
      if (!developer.socket.write(piece)) return;
    }
  };
  developer.socket.on('drain', more);
  more();
  await stable(() => sent);
  assert.ok(sent < total / 2, `the caller could send ${sent} bytes to a server that does not read`);
  stopped?.resume();
  await developer.until('201 Created');
  assert.ok((used(server)[0]?.received() ?? 0) > total);
});

test('a server that is down is a Status, and the next caller reaches it when it is back', async () => {
  const { port, server, link } = await stand();
  await server.close();
  await link.when(() => link.reports.some(({ generation, ok }) => generation === 1 && !ok));
  const developer = await caller(keys, port, keys.user);
  developer.send(`${get}\r\n`);
  const answer = await developer.ended();
  assert.match(answer, /^HTTP\/1\.1 50[23] /);
  assert.equal(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))).kind, 'Status');
  assert.doesNotMatch(answer, /127\.0\.0\.1|ECONN/);
});

test('the end of an idle server connection that the next request meets is no answer: callers ask again', async () => {
  const { port } = await stand((seen) => {
    if (seen.text().split('\r\n\r\n').length > 2) seen.socket.destroy();
    else answerOk(seen);
  });
  const developer = await caller(keys, port, keys.user);
  developer.send(`${get}\r\n`);
  await developer.until('ok');
  developer.send(`${get}\r\n`);
  assert.match(await developer.ended(), /^HTTP\/1\.1 200 OK\r\nContent-Length: 2\r\n\r\nok$/);
});

test('a server whose certificate does not verify is not spoken to', async () => {
  const other = await makeKeys();
  const { server, port } = await stand();
  await server.close();
  const impostor = await startServer(other, answerOk);
  try {
    const link = stages[0]?.link as TestLink;
    await link.plan(gatePlan(2, [{ port, upstreamPort: impostor.port }]));
    const developer = await caller(keys, port, keys.user);
    developer.send(`${get}Authorization: Bearer t\r\n\r\n`);
    assert.match(await developer.ended(), /^HTTP\/1\.1 50[23] /);
    assert.equal(used(impostor).length, 0);
  } finally {
    await impostor.close();
    removeKeys(other);
  }
});

test('a connection that is cut leaves the others alone', async () => {
  const { port } = await stand((seen) => {
    if (seen.text().includes('exec')) seen.socket.write(notSwitched);
    else answerOk(seen);
  });
  const quiet = await caller(keys, port, keys.user);
  quiet.send(`${get}\r\n`);
  await quiet.until('ok');
  const attacker = await caller(keys, port, keys.user);
  attacker.send(attack + stolen);
  await attacker.ended();
  quiet.send(`${get}\r\n`);
  await quiet.until(/ok.*ok$/s);
});

test('limits: heads that never end and callers who never ask are cut', async (t) => {
  const clock = stopClock(t);
  const metricsPort = await freePort();
  const { port } = await stand(answerOk, {
    metricsPort,
    limits: { headMs: 2_000, firstRequestMs: 2_000, keepAliveMs: 2_000, sweepMs: 20 },
  });
  const slow = await caller(keys, port, keys.user);
  slow.send('GET /api HTTP/1.1\r\nHost:');
  const silent = await caller(keys, port);
  const idle = await caller(keys, port, keys.user);
  idle.send(`${get}\r\n`);
  await idle.until('ok');
  await clock.until(Promise.all([slow.ended(), silent.ended(), idle.ended()]));
  let metrics = '';
  while (!/^portcullis_gate_connections_open 0$/m.test(metrics))
    metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  assert.match(metrics, /^portcullis_gate_timeouts_total\{what="head"\} 1$/m);
  assert.match(metrics, /^portcullis_gate_timeouts_total\{what="keep-alive"\} 2$/m);
  assert.match(metrics, /^portcullis_gate_responses_total\{class="2xx"\} 1$/m);
  assert.equal((await fetch(`http://127.0.0.1:${metricsPort}/healthz`)).status, 200);
  // Not while a busy machine keeps the server's answer to the gate's own question waiting.
  while ((await fetch(`http://127.0.0.1:${metricsPort}/readyz`)).status !== 200) await wait(20);
});

test('limits: a head that was begun behind another request must end too', async (t) => {
  const clock = stopClock(t);
  const { port } = await stand(answerOk, { limits: { headMs: 2_000, keepAliveMs: 86_400_000, sweepMs: 20 } });
  const slow = await caller(keys, port, keys.user);
  slow.send(`${get}\r\nGET /api HTTP/1.1\r\nHost:`);
  await slow.until('ok');
  const busy = await caller(keys, port, keys.user);
  busy.send(`${get}\r\n`);
  await busy.until('ok');
  await clock.until(slow.ended());
  assert.equal(busy.socket.destroyed, false);
});

/** Resolves when a number has stopped growing for 300 ms: both ends are blocked. */
async function stable(read: () => number): Promise<void> {
  for (let last = -1; last !== read(); ) {
    last = read();
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

test('many large answers and bodies at once, over connections that come and go: every byte is its own', async () => {
  // The relay reads and gathers in buffers that connections share in turn: bytes of one must never show in another.
  const size = 3 << 20;
  const fill = (name: string) => Buffer.alloc(size, `${name}:`);
  const { port } = await stand(
    (seen, chunk) => {
      const name = /^POST \/api\/(\w+)/.exec(chunk.toString('latin1', 0, 32))?.[1];
      const state = bodies.get(seen) ?? { name: name ?? '', parts: [] as Buffer[], length: 0 };
      bodies.set(seen, state);
      state.parts.push(Buffer.from(chunk));
      state.length += chunk.length;
      const whole = state.length > size ? Buffer.concat(state.parts) : undefined;
      const head = whole?.indexOf('\r\n\r\n') ?? -1;
      if (!whole || head < 0 || whole.length - head - 4 < size) return;
      const right = whole.subarray(head + 4).equals(fill(state.name));
      bodies.delete(seen);
      seen.socket.write(`HTTP/1.1 ${right ? 200 : 500} Seen\r\nContent-Length: ${size}\r\n\r\n`);
      seen.socket.write(fill(state.name));
    },
    {},
    false,
  );
  const one = async (index: number) => {
    const name = `caller${index}`;
    // Where the gate ends the connection after the answer, its rest is gathered at that moment.
    const close = index % 4 < 2 ? 'Connection: close\r\n' : '';
    const someone = await caller(keys, port, index % 2 ? keys.user : undefined);
    someone.send(`POST /api/${name} HTTP/1.1\r\nHost: k\r\nContent-Length: ${size}\r\n${close}\r\n`);
    someone.socket.write(fill(name));
    await someone.until('Seen');
    if (index % 3 === 0) {
      someone.socket.pause();
      await wait(20 * index);
      someone.socket.resume();
    }
    // Some leave in the middle of the answer, with writes under way.
    if (index % 5 === 4) {
      someone.socket.destroy();
      return;
    }
    const expected = `HTTP/1.1 200 Seen\r\nContent-Length: ${size}\r\n\r\n${fill(name).toString('latin1')}`;
    await someone.untilLength(expected.length);
    assert.ok(someone.text() === expected, `${name} got bytes that are not its own`);
  };
  const bodies = new Map<Seen, { name: string; parts: Buffer[]; length: number }>();
  await Promise.all(Array.from({ length: 20 }, (_, index) => one(index)));
});
