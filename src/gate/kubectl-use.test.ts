// Which kubectl a running gate counts: once a connection, and only of callers who show a credential.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import {
  answerOk,
  call,
  freePort,
  gatePlan,
  type Keys,
  makeKeys,
  makeLink,
  type RunningGate,
  removeKeys,
  type ScriptedServer,
  startGate,
  startServer,
} from './test-kit.ts';

let keys: Keys;
before(async () => {
  keys = await makeKeys();
});
after(() => removeKeys(keys));
let gate: RunningGate | undefined;
let server: ScriptedServer | undefined;
afterEach(async () => {
  await gate?.stop();
  await server?.close();
});

test('once a connection, and not of those who show no credential', async () => {
  server = await startServer(keys, answerOk);
  const link = makeLink();
  gate = startGate(keys, link, { drainSeconds: 1 });
  const port = await freePort();
  await link.plan(gatePlan(1, [{ port, upstreamPort: server.port, shields: [] }]));
  const get = (agent: string) =>
    `GET /version HTTP/1.1\r\nHost: kubernetes\r\nUser-Agent: kubectl/${agent} (linux/amd64) kubernetes/abc\r\n\r\n`;
  const run = async (certificate: Parameters<typeof call>[2], ...agents: readonly string[]) => {
    const one = await call(keys, port, certificate);
    for (const [at, agent] of agents.entries()) {
      one.send(get(agent));
      await one.until(new RegExp(`(?:200 OK[\\s\\S]*?){${at + 1}}`));
    }
    one.socket.destroy();
  };
  await run(undefined, 'v1.9.9');
  await run(keys.user, 'v1.12.2', 'v1.13.0');
  await run(keys.user, 'v1.12.2');
  const counted = () =>
    Object.fromEntries(
      Object.entries(link.reports.at(-1)?.counters ?? {}).filter(([name]) => name.startsWith('kubectl')),
    );
  await link.when(() => counted()['kubectl_connections_total{version="1.12.2"}'] === 2);
  assert.deepEqual(counted(), { 'kubectl_connections_total{version="1.12.2"}': 2 });
});
