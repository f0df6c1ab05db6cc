// Modes and exemptions through the API of a running controller, to the plans in its workers' hands.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Failure } from '../base/failure.ts';
import type { Exemption } from '../model/exemption.ts';
import type { GateListener, Plan } from '../model/plan.ts';
import type { Incident } from '../model/record.ts';
import type { ControllerLink } from '../platform/controller-client.ts';
import { acknowledge, cve, type Ground, ground, health, planOf, stageOf } from './testing/ground.ts';

const server = 'api-1';
const pair = { server, shield: cve };
const why = 'a test';

/** Makes the shipped shield one of tier 2, which starts in shadow. */
function tierTwo({ folder }: Ground): void {
  const file = join(folder, 'shields', `${cve}.yaml`);
  writeFileSync(file, readFileSync(file, 'utf8').replace('tier: 1', 'tier: 2'));
}

const listenerOf = (plan: Plan): GateListener | undefined =>
  plan.kind === 'gate' ? plan.listeners[0] : undefined;
const serviceOf = (plan: Plan) => (plan.kind === 'agent' ? plan.services[0] : undefined);
const refusedWith = (code: string) => (error: unknown) => error instanceof Failure && error.code === code;

/** The first plan above a generation that is as wanted. */
async function planWith(link: ControllerLink, wanted: (plan: Plan) => boolean): Promise<Plan> {
  for (let after = 0; ; ) {
    const plan = await planOf(link, after);
    if (wanted(plan)) return plan;
    after = plan.generation;
  }
}

const incident = (n: number, more: Partial<Incident> = {}): Incident => ({
  id: `shadow-${n}`.padEnd(12, 'x'),
  at: new Date().toISOString(),
  gate: 'cp-1',
  server,
  generation: 1,
  shield: cve,
  rule: 'early-bytes',
  action: 'log',
  shadow: true,
  would: 'deny',
  severity: 'major',
  message: 'No.',
  who: {
    method: 'certificate',
    user: 'ada',
    groups: [],
    from: { address: '10.9.0.7', name: 'office', tags: [] },
    port: 4000,
  },
  what: { requestLine: 'GET /api/v1/pods', headerNames: [], heldBytes: '', heldLength: 0 },
  ...more,
});

describe('modes', () => {
  test('a shield of tier 2 blocks nobody, and goes to a healthy gate when the policy has it look on', async () => {
    await using place = await ground();
    tierTwo(place);
    const controller = await place.start();
    const { admin } = controller;
    await controller.entry((entry) => entry.kind === 'tags');
    assert.equal(stageOf(await admin.probe()), 'observe');
    const [, gate] = [await controller.worker('agent'), await controller.worker('gate')];
    assert.equal(listenerOf(await planOf(gate)), undefined);

    await admin.putPolicy({ ...(await admin.policy()), response: (await observing(admin)).response });
    const agent = await controller.worker('agent');
    const ready = await planWith(gate, (plan) => listenerOf(plan) !== undefined);
    assert.equal(listenerOf(ready)?.shields[0]?.mode, 'shadow');
    assert.equal(serviceOf(await planOf(agent))?.default, 'pass', 'nobody is steered to a gate unheard of');
    await acknowledge(agent, await planOf(agent));
    await acknowledge(gate, ready);
    await gate.sendHealth(health(ready, [16443]));
    await controller.entry((entry) => entry.kind === 'stage' && entry.data['stage'] === 'inspect');
    const steered = await planWith(agent, (plan) => serviceOf(plan)?.default === 'steer');
    assert.ok(steered);
    const exposure = (await admin.exposure()).exposures[0];
    assert.equal(exposure?.mode, 'shadow');
    assert.match(exposure?.gap ?? '', /in shadow and only looks on/);

    // A shadow is no reason to refuse anybody: a gate that is not well is left.
    await gate.sendHealth(health(ready, [], { ok: false }));
    assert.equal(stageOf(await admin.status()), 'observe');
    const open = await planOf(agent, steered.generation);
    assert.equal(serviceOf(open)?.default, 'pass');
    const stages = (await admin.events({ after: 0 })).filter(({ kind }) => kind === 'stage');
    assert.ok(!stages.some(({ data }) => data['stage'] === 'block'));
  });

  test('by hand: the block of the policy ends, and comes back; the same again changes nothing', async () => {
    await using place = await ground();
    const controller = await place.start();
    const { admin } = controller;
    await controller.entry((entry) => entry.kind === 'stage' && entry.data['stage'] === 'block');
    const shadow = await admin.setMode({ ...pair, mode: 'shadow', why });
    assert.deepEqual([shadow.from, shadow.mode, shadow.changed], ['enforce', 'shadow', true]);
    const status = await admin.status();
    assert.equal(stageOf(status), 'observe');
    assert.deepEqual(
      status.servers[0]?.stages.map(({ mode, modeFrom }) => [mode, modeFrom]),
      [['shadow', 'person']],
    );
    const { log } = status;
    assert.equal((await admin.setMode({ ...pair, mode: 'shadow', why })).changed, false);
    assert.equal((await admin.status()).log.entries, log.entries);
    await admin.setMode({ ...pair, mode: 'default', why });
    assert.equal(stageOf(await admin.status()), 'block');
    const entry = await controller.entry(({ kind, data }) => kind === 'mode' && data['mode'] === 'shadow');
    assert.equal(entry.data['why'], why);
    await assert.rejects(
      admin.setMode({ ...pair, shield: 'CVE-1-1', mode: 'off', why }),
      refusedWith('unknown-shield'),
    );
    await assert.rejects(
      admin.setMode({ ...pair, server: 'no', mode: 'off', why }),
      refusedWith('unknown-server'),
    );
  });

  test('one that is off can not be put to a stage that would do nothing', async () => {
    await using place = await ground();
    const { admin, entry } = await place.start();
    await entry(({ kind, data }) => kind === 'stage' && data['stage'] === 'block');
    await admin.setMode({ ...pair, mode: 'off', why });
    await assert.rejects(admin.setStage({ ...pair, stage: 'inspect', why }), refusedWith('shield-off'));
    await admin.setStage({ ...pair, stage: 'lifted', why });
  });

  test('one in shadow says at `inspect` that it only looks on, and what makes it act', async () => {
    await using place = await ground();
    const { admin, entry } = await place.start();
    await entry(({ kind, data }) => kind === 'stage' && data['stage'] === 'block');
    await admin.setMode({ ...pair, mode: 'shadow', why });
    const { warnings, ...answer } = await admin.setStage({ ...pair, stage: 'inspect', why });
    const said = { from: 'observe', stage: 'inspect', mode: 'shadow', modeFrom: 'person' };
    assert.deepEqual(answer, { ...pair, ...said });
    assert.match(warnings[0] ?? '', /^it is in shadow here .*: it looks on, and refuses nothing$/);
    const again = await admin.setStage({ ...pair, stage: 'block', why });
    assert.deepEqual(again, { ...pair, ...said, from: 'inspect', stage: 'block', warnings: [] });
  });

  test('who may not lift alone may not weaken alone', async () => {
    await using place = await ground();
    const { admin, entry } = await place.start();
    await entry(({ kind, data }) => kind === 'stage' && data['stage'] === 'block');
    const policy = await admin.policy();
    await admin.putPolicy({ ...policy, response: { ...policy.response, twoPeople: ['lifted'] } });
    await assert.rejects(admin.setMode({ ...pair, mode: 'off', why }), refusedWith('approval-required'));
    await assert.rejects(admin.addExemption({ exemption: exemption() }), refusedWith('approval-required'));
    assert.equal(stageOf(await admin.status()), 'block');
    const asked = await entry(({ kind }) => kind === 'approval');
    assert.equal(asked.data['what'], 'mode off');
  });

  test('--now is a number in the gate’s plan that rises and stays', async () => {
    await using place = await ground();
    const controller = await place.start();
    const { admin } = controller;
    await controller.entry(({ kind, data }) => kind === 'stage' && data['stage'] === 'block');
    const gate = await controller.worker('gate');
    assert.equal(listenerOf(await planOf(gate))?.cut, undefined);
    await admin.setStage({ ...pair, stage: 'inspect', why, now: true });
    await planWith(gate, (plan) => listenerOf(plan)?.cut === 1);
    await admin.setMode({ ...pair, mode: 'shadow', why, now: true });
    await planWith(gate, (plan) => listenerOf(plan)?.cut === 2);
    await admin.setMode({ ...pair, mode: 'enforce', why });
    const last = await planWith(gate, (plan) => listenerOf(plan)?.shields[0]?.mode === undefined);
    assert.ok((listenerOf(last)?.cut ?? 0) <= 2);
  });

  test('what a shadow would have refused is summed by rule and caller', async () => {
    await using place = await ground();
    const controller = await place.start();
    await controller.entry(({ kind, data }) => kind === 'stage' && data['stage'] === 'block');
    const gate = await controller.worker('gate');
    const bob = { ...incident(0).who, user: 'bob' };
    const what = { ...incident(0).what, requestLine: 'GET /api/v1/secrets' };
    await gate.sendIncidents({
      incidents: [
        incident(1),
        incident(2, { count: 40, what }),
        incident(3, { who: bob }),
        incident(4, { exemption: 'e1' }),
        incident(5, { would: 'log' }),
        incident(6, { shield: 'CVE-2099-0001' }),
      ],
    });
    const shadow = await controller.admin.shadow({ ...pair, days: 1 });
    assert.deepEqual([shadow.found, shadow.callers, shadow.complete], [42, 2, true]);
    assert.deepEqual(
      shadow.rows.map(({ rule, who, count, request }) => [rule, who, count, request]),
      [
        ['early-bytes', 'ada', 41, 'GET /api/v1/secrets'],
        ['early-bytes', 'bob', 1, 'GET /api/v1/pods'],
      ],
    );
  });
});

const exemption = (more: Partial<Exemption> = {}): Exemption => ({
  id: 'migration',
  shield: cve,
  users: ['ada'],
  from: 'label=office',
  owner: 'platform',
  reason: 'the old client, until it is replaced',
  expires: new Date(Date.now() + 86_400_000).toISOString(),
  ...more,
});

describe('exemptions', () => {
  test('reach the gate, are listed, and end when somebody ends them', async () => {
    await using place = await ground();
    const controller = await place.start();
    const { admin } = controller;
    await controller.entry(({ kind, data }) => kind === 'stage' && data['stage'] === 'block');
    const gate = await controller.worker('gate');
    const added = await admin.addExemption({ exemption: exemption() });
    assert.equal(added.author, 'user:admin');
    const again = await admin.addExemption({ exemption: exemption({ expires: added.expires }) });
    assert.equal(again.addedAt, added.addedAt, 'the same again is the same');
    const told = (plan: Plan) => listenerOf(plan)?.shields[0]?.exemptions?.[0];
    const plan = await planWith(gate, (one) => told(one) !== undefined);
    assert.deepEqual(told(plan)?.from, ['10.9.0.0/16']);
    assert.deepEqual((await admin.status()).servers[0]?.stages[0]?.exemptions, ['migration']);
    // The tag moves: the gate is told the new prefixes.
    const inventory = await admin.inventory();
    const [office] = inventory.groups;
    assert.ok(office);
    await admin.putInventory({ ...inventory, groups: [{ ...office, addresses: ['10.7.0.0/16'] }] });
    await planWith(gate, (one) => told(one)?.from?.[0] === '10.7.0.0/16');
    await admin.removeExemption({ id: 'migration', why });
    await planWith(gate, (one) => one.generation > plan.generation && told(one) === undefined);
    assert.deepEqual(await admin.exemptions(), []);
    await assert.rejects(admin.removeExemption({ id: 'migration', why }), refusedWith('unknown-exemption'));
  });

  test('expire by an entry of the log', async () => {
    await using place = await ground();
    let skew = 0;
    const clock = { now: () => Date.now() + skew, mono: () => performance.now() };
    const controller = await place.start({ clock });
    await controller.entry(({ kind, data }) => kind === 'stage' && data['stage'] === 'block');
    const { expires } = exemption();
    await controller.admin.addExemption({ exemption: exemption({ expires }) });
    skew = 86_400_000;
    const over = await controller.entry(
      ({ kind, data }) => kind === 'exemption' && data['what'] === 'expired',
    );
    assert.deepEqual([over.subject, over.actor, over.data['expires']], ['migration', 'controller', expires]);
    assert.deepEqual(await controller.admin.exemptions(), []);
  });

  test('that mean nothing, last too long or ask for the impossible are refused', async () => {
    await using place = await ground();
    const { admin, entry } = await place.start();
    await entry(({ kind, data }) => kind === 'stage' && data['stage'] === 'block');
    const days = (n: number) => new Date(Date.now() + n * 86_400_000).toISOString();
    const bare = { users: undefined, from: undefined };
    const wrong: readonly [Partial<Exemption>, string, RegExp][] = [
      [{ expires: days(-1) }, 'bad-exemption', /would have expired/],
      [{ expires: days(91) }, 'bad-exemption', /more than 90 days/],
      [{ shield: 'portcullis' }, 'bad-exemption', /own refusals/],
      [{ shield: 'CVE-2099-0001' }, 'unknown-shield', /no shield/],
      [{ rules: ['no-such-rule'] }, 'bad-exemption', /has no rule/],
      [{ from: 'any' }, 'bad-exemption', /exempts everybody/],
      [{ from: '10.0.0.1/8' }, 'bad-address', /host bits/],
      [{ from: 'site=' }, 'bad-expression', /./],
      [{ servers: 'site ==' }, 'bad-expression', /./],
      [{ ...bare }, 'bad-exemption', /say whom or what/],
    ];
    for (const [more, code, message] of wrong) {
      await assert.rejects(
        admin.addExemption({ exemption: exemption(more) }),
        (error) => error instanceof Failure && error.code === code && message.test(error.message),
        JSON.stringify(more),
      );
    }
    assert.deepEqual(await admin.exemptions(), []);
    await admin.addExemption({ exemption: exemption({ expires: days(91) }), long: true });
    await assert.rejects(
      admin.addExemption({ exemption: exemption({ users: ['bob'] }) }),
      refusedWith('bad-exemption'),
    );
  });

  test('of rules of the upgrade machine are refused with the reason', async () => {
    await using place = await ground();
    const { admin, entry } = await place.start();
    await entry(({ kind, data }) => kind === 'stage' && data['stage'] === 'block');
    const text = readFileSync(join(place.folder, 'shields', `${cve}.yaml`), 'utf8');
    const [, rule] = /- id: ([a-z-]+)\n\s+phase: upgrade/.exec(text) ?? [];
    assert.ok(rule);
    await assert.rejects(
      admin.addExemption({ exemption: exemption({ rules: [rule] }) }),
      (error) => error instanceof Failure && /upgrade machine/.test(error.message),
    );
  });
});

test('parameters of the policy reach the gate, and what fits no shield is refused with its place', async () => {
  await using place = await ground();
  const { admin, entry } = await place.start();
  await entry(({ kind, data }) => kind === 'stage' && data['stage'] === 'block');
  const policy = await admin.policy();
  await assert.rejects(
    admin.putPolicy({ ...policy, shields: [{ shield: 'CVE-2099-0001', mode: 'off' }] }),
    (error) =>
      error instanceof Failure && error.code === 'unknown-shield' && error.place === 'shields[0].shield',
  );
  await assert.rejects(
    admin.putPolicy({ ...policy, shields: [{ shield: cve, parameters: { no: ['x'] } }] }),
    (error) => error instanceof Failure && error.place === 'shields[0].parameters.no',
  );
  const draft = { ...policy, shields: [{ shield: cve, mode: 'shadow' as const }] };
  const review = await admin.policyLife.save({ name: 'next', policy: draft });
  assert.deepEqual(
    review.changes.map(({ key }) => key),
    ['shields'],
  );
  await admin.policyLife.commit({ name: 'next' });
  const [stage] = (await admin.status()).servers[0]?.stages ?? [];
  assert.deepEqual([stage?.mode, stage?.modeFrom, stage?.stage], ['shadow', 'policy', 'observe']);
});

async function observing(admin: { policy(): Promise<{ response: object }> }) {
  const policy = await admin.policy();
  return { response: { ...policy.response, observe: 'gate' } as never };
}
