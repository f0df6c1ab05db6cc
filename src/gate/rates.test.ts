// Rules with a rate over real TLS: what is counted outlives connections and plans.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { ShieldRule } from '../model/shield.ts';
import {
  answerOk,
  call,
  freePort,
  gatePlan,
  makeKeys,
  makeLink,
  removeKeys,
  startGate,
  startServer,
} from './test-kit.ts';

const keys = await makeKeys();
after(() => removeKeys(keys));

const rule: ShieldRule = {
  id: 'too-often',
  phase: 'request',
  when: 'request.resource == "secrets"',
  rate: { over: 3, within: '1h', by: ['user'] },
  action: 'deny',
  status: 429,
  severity: 'major',
  message: 'Too often.',
};

test('a caller is counted over its connections and over plans; one incident tells of all refusals', async () => {
  const server = await startServer(keys, answerOk);
  const link = makeLink();
  const metricsPort = await freePort();
  const gate = startGate(keys, link, { metricsPort, workers: 1 });
  try {
    const port = await freePort();
    const plan = async (generation: number, message: string) => {
      const shields = [{ id: 'CVE-2099-0001', rules: [{ ...rule, message }] }];
      const receipt = await link.plan(gatePlan(generation, [{ port, upstreamPort: server.port, shields }]));
      assert.equal(receipt.error, undefined);
    };
    const ask = async () => {
      const caller = await call(keys, port, keys.user);
      caller.send('GET /api/v1/secrets HTTP/1.1\r\nHost: kubernetes\r\nConnection: close\r\n\r\n');
      const answer = await caller.ended();
      caller.socket.destroy();
      return answer;
    };
    await plan(1, 'Too often.');
    for (let time = 0; time < 3; time++) assert.match(await ask(), /^HTTP\/1.1 200/);
    await plan(2, 'Far too often.');
    const first = await ask();
    assert.match(first, /^HTTP\/1.1 429[\s\S]*Far too often/);
    const verdict = /verdict ([0-9a-f-]{36})/.exec(first)?.[1];
    for (let time = 0; time < 2; time++) {
      assert.match(await ask(), new RegExp(`^HTTP/1.1 429[\\s\\S]*${verdict}`));
    }
    await link.when(() => link.incidents.length > 0);
    let text = '';
    const counted = (name: string) =>
      Number(new RegExp(`^portcullis_gate_${name}(?:\\{[^}]*\\})? (\\d+)$`, 'm').exec(text)?.[1]);
    // A worker that is too busy to answer is counted as it was.
    while (!(counted('findings_total') >= 3))
      text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    assert.equal(counted('findings_total'), 3);
    assert.equal(counted('findings_repeated_total'), 2);
    assert.equal(counted('rate_callers'), 1);
    assert.deepEqual(
      link.incidents.map((incident) => [incident.rule, incident.verdict]),
      [['too-often', verdict]],
    );
  } finally {
    await gate.stop();
    await server.close();
  }
});
