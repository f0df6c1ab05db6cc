import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ServerIdentity } from '../model/identity.ts';
import {
  answerOk,
  freePort,
  gatePlan,
  type Keys,
  makeKeys,
  makeLink,
  removeKeys,
  startGate,
  startServer,
} from './test-kit.ts';
import { verdict } from './vouching.ts';

const cannot =
  '{"message":"users \\"x\\" is forbidden: User \\"gate\\" cannot impersonate resource \\"users\\""}';
for (const [mode, answer, why] of [
  ['front-proxy', 'HTTP/1.1 200 OK\r\n\r\n', undefined],
  ['front-proxy', 'HTTP/1.1 403 Forbidden\r\n\r\n', undefined],
  ['front-proxy', 'HTTP/1.1 401 Unauthorized\r\n\r\n', /front-proxy certificate/],
  ['front-proxy', '', /no HTTP answer/],
  ['front-proxy', 'SSH-2.0\r\n', /no HTTP answer/],
  ['impersonation', 'HTTP/1.1 401 Unauthorized\r\n\r\n', /credential for impersonation/],
  ['impersonation', `HTTP/1.1 403 Forbidden\r\n\r\n${cannot}`, /may not impersonate/],
  ['impersonation', 'HTTP/1.1 403 Forbidden\r\n\r\n{"message":"forbidden: cannot get path"}', undefined],
] as const) {
  test(`${mode}: ${answer.slice(0, 40).trim() || 'nothing'} ${why ? 'is trouble' : 'is fine'}`, () => {
    const found = verdict(answer, mode);
    if (why) assert.match(found ?? '', why);
    else assert.equal(found, undefined);
  });
}

let keys: Keys;
before(async () => {
  keys = await makeKeys();
});
after(() => removeKeys(keys));

test('a server that does not accept the front-proxy certificate makes the gate unhealthy, with the reason', async () => {
  const refusal = 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}';
  const server = await startServer(keys, answerOk, true, refusal);
  const link = makeLink();
  const gate = startGate(keys, link);
  const port = await freePort();
  await link.plan(gatePlan(1, [{ port, upstreamPort: server.port }]));
  // A server that took too long to answer is told of by another detail, and asked again.
  const refused = /lab\/cp-1: the server does not accept the front-proxy certificate \(401\)/;
  await link.when(() => link.reports.some(({ detail }) => refused.test(detail)));
  for (const { generation, ok, listening } of link.reports) {
    if (generation === 1) assert.deepEqual({ ok, listening }, { ok: false, listening: [] });
  }
  await gate.stop();
  await server.close();
});

test('in mode bearer there is nothing to vouch for', async () => {
  const server = await startServer(
    keys,
    answerOk,
    true,
    'HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n',
  );
  const link = makeLink();
  const gate = startGate(keys, link);
  const port = await freePort();
  const identity = ServerIdentity.parse({ mode: 'bearer' });
  await link.plan(
    gatePlan(1, [
      {
        port,
        upstreamPort: server.port,
        identity,
      },
    ]),
  );
  await link.when(() => link.reports.some(({ ok }) => ok));
  await gate.stop();
  await server.close();
});
