// Access records: what they say, and what they must never say; traces; the file.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { accessFields, createSampler } from './access-record.ts';
import { openAccessWriter } from './access-writer.ts';
import {
  answerOk,
  call,
  freePort,
  gatePlan,
  type Keys,
  makeKeys,
  makeLink,
  removeKeys,
  startGate,
  startServer,
} from './test-kit.ts';
import { parseTraceParent } from './trace-context.ts';

let keys: Keys;
before(async () => {
  keys = await makeKeys();
});
after(() => removeKeys(keys));

const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
const parent = `00-${trace}-00f067aa0ba902b7-01`;
for (const [value, id] of [
  [parent, trace],
  [parent.replace('00-', '01-'), trace],
  [`${parent.replace('00-', 'cc-')}-more`, trace],
  [`${parent}-more`, undefined],
  [parent.replace('00-', 'ff-'), undefined],
  [parent.replace(trace, '0'.repeat(32)), undefined],
  [parent.replace('00f067aa0ba902b7', '0'.repeat(16)), undefined],
  [parent.toUpperCase(), undefined],
  [parent.slice(1), undefined],
  ['', undefined],
] as const) {
  test(`traceparent ${value || '(empty)'}: ${id ? 'recorded' : 'not recorded'}`, () => {
    assert.equal(parseTraceParent(value), id);
  });
}

test('each request is recorded once, without a secret, and its trace goes on untouched', async () => {
  const server = await startServer(keys, (seen) => {
    if (seen.text().includes('/exec')) {
      if (seen.text().endsWith('\r\n\r\n'))
        seen.socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n',
        );
    } else if (!seen.text().includes('/never')) answerOk(seen);
  });
  const link = makeLink();
  const path = join(keys.folder, 'access.log');
  const gate = startGate(keys, link, { accessLog: { path, every: 1 } });
  const port = await freePort();
  await link.plan(gatePlan(1, [{ port, upstreamPort: server.port, serverTags: ['site=lab'] }]));

  const developer = await call(keys, port, keys.user);
  developer.send(
    `GET /api/v1/pods?limit=5&token=hunter2 HTTP/1.1\r\nHost: a\r\ntraceparent: ${parent}\r\ntracestate: x=hunter2\r\n\r\n`,
  );
  await developer.until('ok');
  developer.send('GET /api/../x?password=hunter2 HTTP/1.1\r\nHost: a\r\n\r\n');
  await developer.ended();
  const bearer = await call(keys, port);
  bearer.send(
    'POST /api/v1/namespaces/lab/pods/web/exec?command=cat&command=hunter2 HTTP/1.1\r\nHost: a\r\n' +
      'Authorization: Bearer hunter2\r\nCookie: hunter2\r\ntraceparent: hunter2\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n',
  );
  await bearer.until('101');
  bearer.send('hunter2');
  while (!server.connections.some((seen) => seen.text().endsWith('hunter2'))) await new Promise(setImmediate);
  bearer.socket.destroy();
  const gone = await call(keys, port);
  gone.send('GET /never HTTP/1.1\r\nHost: a\r\n\r\n');
  while (!server.connections.some((seen) => seen.text().includes('/never'))) await new Promise(setImmediate);
  gone.socket.destroy();
  await gate.stop();
  await server.close();

  const text = readFileSync(path, 'utf8');
  assert.doesNotMatch(text, /hunter2/);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const records = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  for (const record of records) {
    for (const name of Object.keys(record)) assert.ok(name in accessFields, name);
    assert.match(String(record['id']), /^[0-9a-f-]{36}$/);
    assert.equal(record['protocol'], 'HTTP/1.1');
  }
  const shown = (path: string) => {
    const record = records.find((one) => one['path'] === path);
    assert.ok(record, path);
    const { method, query, auth, user, status, upgrade, traceId, server: name, fromName, refusal } = record;
    return { method, query, auth, user, status, upgrade, traceId, name, fromName, refusal };
  };
  const common = { name: 'lab/cp-1', fromName: 'dev-host', refusal: undefined };
  assert.deepEqual(shown('/api/v1/pods'), {
    ...common,
    method: 'GET',
    query: ['limit', 'token'],
    auth: 'certificate',
    user: 'developer',
    status: 200,
    upgrade: false,
    traceId: trace,
  });
  assert.deepEqual(shown('/api/v1/namespaces/lab/pods/web/exec'), {
    ...common,
    method: 'POST',
    query: ['command'],
    auth: 'bearer',
    user: undefined,
    status: 101,
    upgrade: true,
    traceId: undefined,
  });
  assert.equal(shown('/never').status, undefined);
  assert.equal(records.length, 3, 'a request whose path can not be read is an incident, and no record');
  const forwarded = server.connections.map((seen) => seen.text()).join('');
  assert.ok(forwarded.includes(`traceparent: ${parent}\r\ntracestate: x=hunter2\r\n`));
  assert.ok(forwarded.includes('traceparent: hunter2\r\n'));
});

test('one of N is recorded', () => {
  const values = [0.1, 0.3, 0.34, 0.9];
  const sample = createSampler(3, () => values.shift() ?? 0);
  assert.deepEqual([sample(), sample(), sample(), sample()], [true, true, false, false]);
  assert.equal(createSampler(1, () => 0.99)(), true);
});

test('records come whole and in order; a place that can not be written is told', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-access-'));
  const path = join(folder, 'log');
  const writer = openAccessWriter(path);
  for (let index = 0; index < 5_000; index += 1) writer.write([JSON.stringify({ index })]);
  await writer.close();
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).index),
    lines.map((_, index) => index),
  );
  assert.equal(lines.length + writer.lost, 5_000);
  assert.throws(() => openAccessWriter(folder), { code: 'unwritable' });
  rmSync(folder, { recursive: true });
});
