// Cutting while connections come and go: what fails on the way neither takes a block back nor is forgotten.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { deleteEntries, forgetSockets } from '../../src/agent/conntrack-delete.ts';
import { createEnforcer } from '../../src/agent/enforcer.ts';
import type { Runner } from '../../src/agent/host.ts';
import type { SessionWatch } from '../../src/agent/session-watch.ts';
import { exampleService, planOf } from '../../src/nft/example-plan.ts';
import { systemClock } from '../../src/platform/clock.ts';
import type { Ran } from '../../src/platform/run.ts';
import { makeWorld, type World } from './world.ts';

let world: World;
before(async () => {
  world = await makeWorld();
  await world.host.listen(6443);
});
after(() => world?.[Symbol.asyncDispose]());

const open = planOf([{ ...exampleService, rules: [], default: 'pass' }], 1);
const closed = planOf([{ ...exampleService, rules: [], default: 'deny' }], 2);
const caller = ['192.0.2.1', '10.0.0.1', 6443] as const;

/** The world's programs, of which some fail. */
function failing(broken: (file: string, args: readonly string[]) => Partial<Ran> | undefined): Runner {
  return async (file, args, options) => {
    const said = broken(file, args);
    return said ? { code: 1, stdout: '', stderr: '', ...said } : world.run(file, args, options);
  };
}

async function enforcerWith(run: Runner) {
  const sessions = { use() {}, collect: async () => {} } as unknown as SessionWatch;
  return createEnforcer({ run, clock: systemClock }, sessions);
}

test('entries that vanish while they are being deleted are no failure', async () => {
  const entries = Array.from(
    { length: 1500 },
    (_, i) =>
      `-I -p tcp -s 10.9.${i >> 8}.${i & 255} -d 10.0.0.1 --sport 1024 --dport 7443 --state CLOSE --timeout 60\n`,
  ).join('');
  const filter = '-f ipv4 -p tcp --state CLOSE --reply-port-src 7443';
  for (let round = 0; round < 2; round += 1) {
    await world.run('sh', ['-c', 'cat | conntrack -R -'], { input: entries });
    await Promise.all([deleteEntries(world.run, [filter]), deleteEntries(world.run, [filter])]);
    const left = await world.run('conntrack', ['-L', '-p', 'tcp', '--dport', '7443']);
    assert.equal(left.stdout, '');
  }
});

test('what conntrack refuses for good is a failure', async () => {
  let calls = 0;
  const run = failing((file) => {
    calls += file === 'sh' ? 1 : 0;
    return file === 'sh'
      ? { stderr: 'conntrack v1.4.7 (conntrack-tools): Operation failed: no way' }
      : undefined;
  });
  await assert.rejects(forgetSockets(run, [{ local: '10.0.0.1', localPort: 1 }]), {
    code: 'kernel-refused',
    message: /no way/,
  });
  assert.equal(calls, 1);
});

for (const [what, broken] of [
  ['ss destroys nothing', (file, args) => (file === 'ss' && args[0]?.startsWith('-K') ? {} : undefined)],
  [
    'ss gives up on the way and calls that a success',
    (file, args) =>
      file === 'ss' && args[0]?.startsWith('-K')
        ? {
            code: 0,
            stdout: 'ESTAB 0 0 10.0.0.1:6443 192.0.2.1:1',
            stderr: 'SOCK_DESTROY answers: Stale file handle',
          }
        : undefined,
  ],
  ['conntrack deletes nothing', (file) => (file === 'sh' ? { stderr: 'no' } : undefined)],
  [
    'conntrack lists nothing',
    (file, args) => (file === 'conntrack' && args[0] === '-L' ? { stderr: 'no' } : undefined),
  ],
] as [string, (file: string, args: readonly string[]) => Partial<Ran> | undefined][]) {
  test(`a block stands when ${what}, and the rest is cut when that has passed`, async () => {
    let works = true;
    const service = {
      ...closed.services[0],
      endpoints: [...exampleService.endpoints, { address: '10.2.0.1', port: 6443 }],
    };
    const plan = { ...closed, services: [service] } as typeof closed;
    const enforcer = await enforcerWith(failing((file, args) => (works ? undefined : broken(file, args))));
    await enforcer.apply(open);
    const held = await world.caller.connect(...caller);
    assert.equal(held.said, '6443 192.0.2.1');
    works = false;
    const applied = await enforcer.apply(plan);
    assert.match(applied.failed ?? '', /\[kernel-refused\]/);
    assert.equal(enforcer.plan, plan);
    assert.match(enforcer.problems().join(), /\[cut-incomplete\]/);
    assert.equal((await world.caller.connect(...caller)).said, 'ECONNREFUSED');
    assert.equal(await enforcer.repair(), undefined, 'nothing has drifted');
    assert.equal((await world.caller.connect(...caller)).said, 'ECONNREFUSED');
    assert.match(enforcer.problems().join(), /\[cut-incomplete\]/);
    works = true;
    assert.equal(await enforcer.repair(), undefined);
    assert.deepEqual(enforcer.problems(), []);
    assert.equal((await held.closed()).why, 'ECONNRESET');
    assert.equal((await enforcer.counters())['connections_cut'], 1);
    await enforcer.withdraw();
  });
}
