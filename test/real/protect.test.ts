// `portcullis protect` on the host of a real server: from a kubeconfig to callers behind the gate, and away again.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createLab, type Lab } from '../../range/demo/lab.ts';
import { shield } from '../../range/demo/step.ts';
import type { Status } from '../../src/model/api.ts';
import { startWorld, type World } from './world.ts';

let world: World;
let lab: Lab;
before(async () => {
  world = await startWorld('pcrprot');
  lab = createLab(world.range, world.dir, () => {});
});
after(async () => {
  await lab?.dispose();
  await world?.[Symbol.asyncDispose]();
});

/** Asks until it holds; at most 40 s. */
async function eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 40_000;
  while (Date.now() < deadline) {
    const found = await look();
    if (found !== undefined) return found;
    await delay(250);
  }
  const log = join(world.dir, 'protect.log');
  return assert.fail(`waited for ${what}; ${existsSync(log) ? readFileSync(log, 'utf8').slice(-2000) : ''}`);
}

const status = () => lab.portcullis<Status>('cp', 'status').catch(() => undefined);

test('protect, inspect, remove', async (t) => {
  const { files, topology } = world.range;
  const began = performance.now();
  const took = (what: string) => t.diagnostic(`${what} after ${Math.round(performance.now() - began)} ms`);
  const protect = lab.start(
    'cp',
    'protect',
    'protect',
    '--kubeconfig',
    files.kubeconfigs.admin,
    '--pki',
    files.pki,
  );
  const up = await eventually('both workers', async () => {
    const now = await status();
    return now?.workers.length === 2 && now.workers.every(({ ok }) => ok) ? now : undefined;
  });
  took('controller, agent and gate run');
  const [server] = up.servers;
  assert.ok(server);
  assert.equal(server.version, 'v1.20.2', server.probeError ?? '');
  t.diagnostic(`${server.name}: ${server.tags.join(' ')}`);
  t.diagnostic(`stages: ${server.stages.map((one) => `${one.shield} ${one.stage}`).join(', ')}`);

  await lab.portcullis('cp', 'stage', server.name, shield, 'inspect', '--why', 'a test by hand');
  await eventually('callers to go through the gate', async () => {
    await world.kubectl('developer', 'developer', ['get', 'pods']);
    const now = await status();
    const gate = now?.workers.find(({ kind }) => kind === 'gate');
    return (gate?.counters['requests_total'] ?? 0) > 0 ? true : undefined;
  });
  took('callers go through the gate');
  assert.match(await world.developer('get', 'pods'), /web +1\/1/);
  assert.match(await world.developer('exec', 'web', '--', 'echo', 'hello'), /hello/);
  const seen = world.audit().findLast(({ user }) => user.username === 'developer');
  assert.equal(seen?.sourceIPs?.[0], topology.hosts.developer.ipv4);
  const exploits = await world.range.exploit(['exec-websocket', 'aggregated-early']);
  assert.ok(exploits.every(({ succeeded, closed }) => closed && !succeeded));

  protect.kill('SIGINT');
  await once(protect, 'exit');
  took('stopped');
  const shut = await world.kubectl('developer', 'developer', ['get', 'pods', '--request-timeout=5s']);
  assert.notEqual(shut.code, 0, 'the table stands, and nobody is let through past the gate');
  await lab.portcullis('cp', 'remove');
  assert.match(await world.developer('get', 'pods'), /web +1\/1/);
  took('removed');
});
