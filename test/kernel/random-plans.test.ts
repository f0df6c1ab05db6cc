// Random plans in a real kernel: what callers meet is what the reference evaluator and the packet tracer say.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { type Applied, applyPlan } from '../../src/agent/apply.ts';
import { compare } from '../../src/agent/drift.ts';
import { listTable, readCounters, removeTable } from '../../src/agent/kernel-table.ts';
import type { ProtectedService } from '../../src/model/plan.ts';
import { buildTable } from '../../src/nft/build.ts';
import { exampleService, planOf, ruleOf } from '../../src/nft/example-plan.ts';
import { traceConnection } from '../../src/nft/trace.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { evaluate } from '../../src/policy/evaluate.ts';
import { makeWorld, patienceFor, type World } from './world.ts';

let world: World;
before(async () => {
  world = await makeWorld();
  await world.host.listen(6443);
  await world.host.listen(16443);
});
after(() => world?.[Symbol.asyncDispose]());

const verdict = fc.constantFrom('pass', 'deny', 'drop', 'steer' as const);
const prefix = fc.constantFrom(
  ...[
    '0.0.0.0/0',
    '10.0.0.0/8',
    '10.1.0.0/16',
    '10.1.1.0/24',
    '10.1.1.7',
    '10.1.1.4/30',
    '10.9.0.0/17',
    '192.0.2.0/25',
  ],
  ...[
    '192.0.2.128/25',
    '192.0.2.200',
    '128.0.0.0/1',
    '::/0',
    '2001:db8:8::/48',
    '2001:db8:9::/48',
    '2001:db8:8::5',
  ],
);
const rules = fc.array(fc.tuple(fc.array(prefix, { minLength: 1, maxLength: 3 }), verdict), { maxLength: 6 });
const callers4 = ['10.1.1.7', '10.1.1.8', '10.1.2.1', '10.9.1.1', '10.9.200.1', '192.0.2.1', '192.0.2.200'];
const callers6 = ['2001:db8:8::5', '2001:db8:9::5'];
const ways = [
  ...callers4.flatMap((from) => [
    { from, to: '10.0.0.1', port: 6443, local: true },
    { from, to: '172.17.0.1', port: 6443, local: true },
  ]),
  ...callers6.map((from) => ({ from, to: '2001:db8::1', port: 6443, local: true })),
];
const localAddresses = ['10.0.0.1', '2001:db8::1', '172.17.0.1'];

test('kernel, evaluator and tracer agree on sampled plans', async () => {
  // Those in which callers meet the most different verdicts.
  const variety = (service: ProtectedService) =>
    new Set(ways.map(({ from }) => evaluate(service, from).verdict)).size;
  const services = fc
    .sample(fc.record({ rules, otherwise: verdict }), 100)
    .map(
      (sample): ProtectedService => ({
        ...exampleService,
        rules: sample.rules.map(([from, each], at) => ruleOf(`rule-${at}`, from, each)),
        default: sample.otherwise,
      }),
    )
    .sort((a, b) => variety(b) - variety(a))
    .slice(0, 12);
  const kernel = { run: world.run, clock: systemClock };
  let former: Applied | undefined;
  const met = { pass: 0, deny: 0, drop: 0, steer: 0 };
  for (const [index, service] of services.entries()) {
    const plan = planOf([service], index + 1);
    const applied = await applyPlan(kernel, plan, former ? { former } : {});
    assert.equal(applied.how, former ? 'changed' : 'whole');
    former = applied;
    assert.ok(localAddresses.every((address) => applied.resolved.localAddresses.has(address)));
    const table = buildTable(plan, { localAddresses });
    const before = await readCounters(world.run);
    await Promise.all(
      ways.map(async (way) => {
        const want = evaluate(service, way.from);
        const patience = patienceFor(want.verdict === 'drop' ? 'timeout' : '');
        const connection = await world.caller.connect(way.from, way.to, way.port, patience);
        const seen = {
          [`6443 ${way.from}`]: 'pass',
          [`16443 ${way.from}`]: 'steer',
          ECONNREFUSED: 'deny',
          timeout: 'drop',
        };
        const place = `plan ${index}: ${way.from} → ${way.to}, rule ${want.rule}`;
        assert.equal(seen[connection.said], want.verdict, `${place}: ${connection.said}`);
        const traced = { direct: 'pass', steered: 'steer', reset: 'deny', drop: 'drop' }[
          traceConnection(table, way).request
        ];
        assert.equal(traced, want.verdict, place);
        met[want.verdict] += 1;
        if (want.verdict === 'pass' || want.verdict === 'steer') await connection.end();
      }),
    );
    const after = await readCounters(world.run);
    assert.deepEqual(
      table.counters
        .filter(({ name }) => (after.get(name)?.packets ?? 0) > (before.get(name)?.packets ?? 0))
        .map(({ comment }) => comment)
        .sort(),
      [...new Set(ways.map(({ from }) => evaluate(service, from).rule))].sort(),
      `plan ${index}: the rules that decided, and no others, have counted`,
    );
  }
  assert.ok(
    Object.values(met).every((times) => times > 5),
    `the sample meets every verdict: ${JSON.stringify(met)}`,
  );
});

test('a table that was changed element by element, or replaced in place, is the one that replaces whole', async () => {
  const listing = async () => {
    const { stdout } = await world.run('nft', ['-s', 'list', 'table', 'inet', 'portcullis']);
    return stdout
      .split(/[\n,{}]/)
      .map((line) => line.trim())
      .sort();
  };
  const kernel = { run: world.run, clock: systemClock };
  await removeTable(world.run);
  let former: Applied | undefined;
  for (const [index, sample] of fc.sample(fc.record({ rules, otherwise: verdict }), 12).entries()) {
    const rulesNow = sample.rules.map(([from, each], at) => ruleOf(`rule-${at}`, from, each));
    const before = former?.resolved.plan.services[0];
    const service: ProtectedService = {
      ...exampleService,
      id: index % 5 === 0 ? 'one' : 'two',
      // Every other time only the callers of rules change.
      rules:
        index % 2 === 1 && before
          ? before.rules.map((rule, at) => ({ ...rule, from: rulesNow[at]?.from ?? ['10.1.1.7'] }))
          : rulesNow,
      default: index % 2 === 1 && before ? before.default : sample.otherwise,
    };
    const plan = planOf(index === 8 ? [] : [service], index + 1);
    const changed = former && (await applyPlan(kernel, plan, { former }));
    if (changed) {
      assert.equal(changed.how, 'changed');
      const after = await listing();
      // What is expected to stand, worked out from the change, is what stands.
      const text = await listTable(world.run);
      const compared = compare(changed.standing, text ?? '');
      assert.ok('standing' in compared, `plan ${index}: ${JSON.stringify(compared)}`);
      const again = await applyPlan(kernel, plan, { former: { resolved: changed.resolved } });
      assert.equal(again.how, 'in place');
      assert.deepEqual(after, await listing());
    }
    const inPlace = changed && (await listing());
    await removeTable(world.run);
    const whole = await applyPlan(kernel, plan);
    assert.equal(whole.how, 'whole');
    if (inPlace) assert.deepEqual(inPlace, await listing());
    const read = compare(whole.standing, (await listTable(world.run)) ?? '');
    assert.ok('standing' in read, JSON.stringify(read));
    former = { ...whole, standing: read.standing };
  }
});
