// Random policies in a real kernel: what callers meet is what an explanation says, reason and all.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { type Applied, applyPlan } from '../../src/agent/apply.ts';
import { Failure } from '../../src/base/failure.ts';
import { type Core, openCore } from '../../src/controller/core.ts';
import { putDocuments } from '../../src/controller/documents.ts';
import { explainPath } from '../../src/controller/explain.ts';
import { memoryLog } from '../../src/log/memory.ts';
import { Inventory } from '../../src/model/inventory.ts';
import { AgentPlan } from '../../src/model/plan.ts';
import type { Policy } from '../../src/model/policy.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { policies } from '../../src/policy/testing/random-policies.ts';
import { makeWorld, patienceFor, type World } from './world.ts';

let world: World;
before(async () => {
  world = await makeWorld();
  await world.host.listen(6443);
  await world.host.listen(16443);
});
after(() => world?.[Symbol.asyncDispose]());

const inventory = Inventory.parse({
  apiVersion: 'portcullis/v1',
  clusters: [{ name: 'c' }],
  hosts: [{ name: 'cp-1', cluster: 'c', addresses: ['10.0.0.1', '2001:db8::1'] }],
  servers: [
    {
      name: 's',
      cluster: 'c',
      host: 'cp-1',
      address: '10.0.0.1',
      also: [{ address: '2001:db8::1', port: 6443 }],
      tags: ['site=a', 'label=x'],
    },
  ],
  groups: [
    { name: 'a', addresses: ['10.1.0.0/16'], tags: ['site=a', 'label=x'] },
    { name: 'b', addresses: ['10.9.0.0/16', '2001:db8:9::/48'], tags: ['site=b', 'label=x'] },
    { name: 'y', addresses: ['192.0.2.0/24', '2001:db8:8::5'], tags: ['label=y'] },
  ],
});
const ways = [
  ...['10.1.1.7', '10.9.1.1', '192.0.2.1', '10.7.0.1'].map((from) => ({ from, to: '10.0.0.1' })),
  ...['2001:db8:8::5', '2001:db8:9::5'].map((from) => ({ from, to: '2001:db8::1' })),
];

const place = (address: string) => `${address.includes(':') ? `[${address}]` : address}:6443`;

/** A policy in force, as a controller compiles it; undefined when it would lock the host out. */
function controllerOf(policy: Policy) {
  const core = openCore({
    log: memoryLog(systemClock),
    knowledge: { shields: [], advisories: [], assess: () => ({ exposures: [], tags: [] }) },
    clock: systemClock,
    controllers: [],
    probers: [],
    note: () => {},
  });
  try {
    putDocuments(core, { inventory, policy }, 'user:a');
    return core;
  } catch (error) {
    if (error instanceof Failure && error.code === 'plan-locks-out') return undefined;
    throw error;
  }
}

test('the kernel does what an explanation says', async () => {
  const kernel = { run: world.run, clock: systemClock };
  const explained = (core: Core) =>
    ways.map(({ from, to }) => explainPath(core, { from, to: place(to) }).callers[0]);
  // Those in which callers meet the most different verdicts.
  const variety = (core: Core) => new Set(explained(core).map((told) => told?.verdict)).size;
  const samples = fc
    .sample(policies, 100)
    .flatMap((policy) => controllerOf(policy) ?? [])
    .map((core) => ({ core, verdicts: variety(core) }))
    .sort((a, b) => b.verdicts - a.verdicts)
    .slice(0, 6)
    .map(({ core }) => core);
  let former: Applied | undefined;
  const met = new Map<string, number>();
  for (const [index, core] of samples.entries()) {
    const plan = AgentPlan.parse(JSON.parse(core.plan('agent', 'cp-1')?.text() ?? ''));
    former = await applyPlan(kernel, { ...plan, generation: index + 1 }, former ? { former } : {});
    await Promise.all(
      ways.map(async ({ from, to }) => {
        const [told] = explainPath(core, { from, to: place(to) }).callers;
        assert.ok(told);
        const expected = {
          pass: `6443 ${from}`,
          steer: `16443 ${from}`,
          deny: 'ECONNREFUSED',
          drop: 'timeout',
        }[told.verdict];
        const { said, end } = await world.caller.connect(from, to, 6443, patienceFor(expected));
        assert.equal(said, expected, `policy ${index}: ${from}: ${JSON.stringify(told.steps.at(-1))}`);
        met.set(told.verdict, (met.get(told.verdict) ?? 0) + 1);
        if (told.verdict === 'pass' || told.verdict === 'steer') await end();
      }),
    );
  }
  assert.equal(met.size, 4, JSON.stringify([...met]));
});
