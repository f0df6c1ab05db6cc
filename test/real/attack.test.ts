// The exploit of CVE-2018-1002105 in all its variants against a real server (fixed, so none succeeds there), directly and
// through the gate, which must cut each of them; and the proof of the patch by the safe probe.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Lab } from '../../range/demo/lab.ts';
import { incidentsSince } from '../../range/demo/observe.ts';
import { server, shield } from '../../range/demo/step.ts';
import type { ExploitResult } from '../../range/exploit.ts';
import { shieldWorld, startWorld, type World } from './world.ts';

let world: World;
let lab: Lab;
let direct: ExploitResult[];
before(async () => {
  world = await startWorld('pcratt');
  direct = await world.range.exploit();
  lab = await shieldWorld(world);
});
after(async () => {
  await lab?.dispose();
  await world?.[Symbol.asyncDispose]();
});

test('no variant succeeds on the server itself, which has the fix', (t) => {
  for (const { variant, firstStatus, closed } of direct)
    t.diagnostic(`${variant}: ${firstStatus}${closed ? ', closed' : ''}`);
  assert.deepEqual(
    direct.filter(({ succeeded }) => succeeded),
    [],
  );
});

test('each variant is cut at the gate, with an incident', async (t) => {
  const seq = lab.entries.at(-1)?.seq ?? 0;
  const exploits = await world.range.exploit();
  await lab
    .entry(
      'an incident of every attempt',
      () => new Set(incidentsSince(lab, seq).map(({ port }) => port)).size >= exploits.length,
      20,
    )
    .catch(() => undefined);
  const incidents = incidentsSince(lab, seq);
  const byPort = Map.groupBy(incidents, ({ port }) => port);
  for (const { variant, firstStatus, port } of exploits) {
    const rules = (byPort.get(port) ?? []).map(({ rule }) => rule);
    t.diagnostic(`${variant}: ${firstStatus}, ${rules.join(' ')}`);
  }
  assert.deepEqual(
    exploits.filter(({ succeeded, closed }) => succeeded || !closed),
    [],
  );
  assert.deepEqual(
    exploits.filter(({ port }) => !byPort.has(port)),
    [],
  );
  assert.deepEqual(
    exploits.filter(
      ({ port, wellFormed }) => wellFormed && !byPort.get(port)?.some(({ heldLength }) => heldLength > 0),
    ),
    [],
    'what was tried to be sent on is evidence',
  );
});

test('bytes after the head of an upgrade end the connection', async () => {
  const head = 'GET /api/v1/namespaces/lab/pods/web/exec HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\r\n';
  const [answer] = await world.range.request('developer', [
    { packets: [`${head}\r\n`], quietMs: 3000, timeoutMs: 5000 },
  ]);
  assert.ok(answer);
  assert.equal(answer.closed, true, answer.received);
});

test('the backends saw nothing of what was tried on', () => {
  const asked = world.range.backend().map(({ path }) => path);
  assert.ok(!asked.some((path) => path.startsWith('/runningpods')), 'the kubelet');
  const stolen = world.range.backend().filter(({ user }) => user === 'system:admin');
  assert.deepEqual(stolen, []);
});

/** The controller's safe probe, run where the controller runs. */
async function safeProbe(upgradePath?: string): Promise<{ result: string; detail: string }> {
  const { hosts } = world.range.topology;
  const probed = {
    name: server,
    cluster: 'lab',
    host: 'cp',
    address: hosts.cp.ipv4,
    port: world.range.server.port,
    also: [],
    gatePort: 16443,
    tags: [],
    probe: { caFile: join(world.range.files.pki, 'ca.crt'), ...(upgradePath ? { upgradePath } : {}) },
  };
  const file = join(import.meta.dirname, '../../src/controller/safe-probe.ts');
  const script = `
    const { safeProbe } = await import(${JSON.stringify(file)});
    console.log(JSON.stringify(await safeProbe(${JSON.stringify(probed)}, AbortSignal.timeout(20_000))));`;
  const ran = await world.range.topology.runIn('security', [
    ...[process.execPath, '--input-type=module', '-e', script],
  ]);
  assert.equal(ran.code, 0, ran.stderr);
  return JSON.parse(ran.stdout) as { result: string; detail: string };
}

test('the safe probe proves the patch of the real server', async (t) => {
  const found = await safeProbe();
  t.diagnostic(`${found.result}: ${found.detail}`);
  assert.equal(found.result, 'proven');
});

/** By what the backend answers to the upgrade. */
const answers: readonly (readonly [string, string])[] = [
  ['200', 'unproven'],
  ['204', 'unproven'],
  ['302', 'unproven'],
  ['503', 'proven'],
  ['chunked', 'proven'],
  ['lying-400', 'unproven'],
];
for (const [answer, result] of answers) {
  test(`the safe probe where the backend's answer is ${answer}: ${result}`, async (t) => {
    const found = await safeProbe(`/apis/metrics.k8s.io/v1beta1?answer=${answer}`);
    t.diagnostic(`${found.result}: ${found.detail}`);
    assert.equal(found.result, result);
  });
}

test('a stage set by hand stays', async () => {
  await lab.portcullis('security', 'probe');
  const status = await lab.status();
  const now = status.servers.find(({ name }) => name === server);
  assert.equal(now?.version, 'v1.20.2', now?.probeError ?? '');
  assert.equal(now?.stages.find((one) => one.shield === shield)?.stage, 'inspect');
});
