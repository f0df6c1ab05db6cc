// The response plan: its rules as a table, and the whole loop against a server that is flawed and then patched.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Exposure } from '../model/advisory.ts';
import type { Stage } from '../model/common.ts';
import { ResponsePlan } from '../model/policy.ts';
import type { Shield } from '../model/shield.ts';
import { readText } from '../platform/files.ts';
import { parseShield } from '../shields/load.ts';
import { nextStage, type Situation, wantsSafeProbe } from './response.ts';
import type { ServerState, StageState } from './state.ts';
import { acknowledge, cve, ground, health, longest, planOf, shieldFile, stageOf } from './testing/ground.ts';

const shield = parseShield(readText(shieldFile), shieldFile);
const byPolicy = ResponsePlan.parse({});
const exposed = (status: Exposure['status']): Exposure => ({ advisory: cve, status, reason: 'because' });
const observed: ServerState = {
  observation: { version: 'v1', tags: [], exposures: [] },
  exposedSince: {},
};
const proven: ServerState = { ...observed, safeProbe: { version: 'v1', result: 'proven', detail: 'closed' } };
const at = (stage: Stage, by: 'policy' | 'person' = 'policy', version = 'v1'): StageState => ({
  server: 's',
  shield: cve,
  stage,
  why: '',
  by,
  version,
  since: 0,
  seconds: {},
});
const base: Situation = {
  shield,
  severity: 'critical',
  server: observed,
  exposure: exposed('vulnerable'),
  stage: undefined,
  mode: 'enforce',
  agentReady: false,
  gateReady: false,
  gateLost: false,
};
const ready = { agentReady: true, gateReady: true };
const patched = { exposure: exposed('patched'), server: proven };
const lesser = { ...shield, tier: 2 };
const versionOnly: Shield = { ...shield, lift: { when: ['version'] } };

const looksOn: Partial<ResponsePlan> = { observe: 'gate' };

const table: readonly [string, Partial<Situation>, Partial<ResponsePlan>, Stage | undefined][] = [
  ['vulnerable is blocked', {}, {}, 'block'],
  ['below the severity it is not', { severity: 'major' }, {}, undefined],
  ['unless the policy reaches lower', { severity: 'major' }, { minSeverity: 'minor' }, 'block'],
  ['policy may leave the response to people', {}, { first: 'none' }, undefined],
  ['patched is not blocked', { exposure: exposed('patched') }, {}, undefined],
  ['what does not apply is not blocked', { exposure: exposed('not-applicable') }, {}, undefined],
  ['what is unknown is not blocked', { exposure: undefined }, {}, undefined],
  ['vendor-unknown is blocked by a shield of tier 1', { exposure: exposed('vendor-unknown') }, {}, 'block'],
  ['and not by one below', { exposure: exposed('vendor-unknown'), shield: lesser }, {}, undefined],
  ['lifted and vulnerable again is blocked', { stage: at('lifted') }, {}, 'block'],
  ['a person’s observe stays', { stage: at('observe', 'person') }, {}, undefined],
  ['for the version it was set for', { stage: at('observe', 'person', 'v0') }, {}, 'block'],
  ['a person’s lift stays', { stage: at('lifted', 'person') }, {}, undefined],
  ['a shadow blocks nobody', { mode: 'shadow' }, {}, undefined],
  ['nor does one that is off', { mode: 'off' }, {}, undefined],
  ['nor an alert, however it is set', { shield: { ...shield, tier: 4 } }, {}, undefined],
  ['a shadow ends the block of the policy', { mode: 'shadow', stage: at('block'), ...ready }, {}, 'observe'],
  ['and leaves a person’s', { mode: 'shadow', stage: at('block', 'person'), ...ready }, {}, undefined],
  ['a shadow goes to the gate when the policy says so', { mode: 'shadow', ...ready }, looksOn, 'inspect'],
  ['not for an unexposed server', { mode: 'shadow', ...ready, ...patched }, looksOn, undefined],
  ['not before the gate is ready', { mode: 'shadow', agentReady: true }, looksOn, undefined],
  ['not against a person', { mode: 'shadow', ...ready, stage: at('observe', 'person') }, looksOn, undefined],
  ['nor one that is off', { mode: 'off', ...ready }, looksOn, undefined],
  ['a shadow stays at a gate that is behind', { mode: 'shadow', stage: at('inspect') }, looksOn, undefined],
  ['and leaves a lost one', { mode: 'shadow', stage: at('inspect'), gateLost: true }, looksOn, 'observe'],
  ['an enforced one does not', { stage: at('inspect'), gateLost: true }, looksOn, undefined],
  ['a shadow steers nobody without the policy', { mode: 'shadow', stage: at('inspect') }, {}, 'observe'],
  ['but for a person', { mode: 'shadow', stage: at('inspect', 'person'), gateLost: true }, {}, undefined],
  ['a shadow at the gate is lifted too', { mode: 'shadow', stage: at('inspect'), ...patched }, {}, 'lifted'],
  ['blocked goes on to inspect', { stage: at('block'), ...ready }, {}, 'inspect'],
  ['not before the agent acknowledged', { stage: at('block'), gateReady: true }, {}, undefined],
  ['not before the gate is ready', { stage: at('block'), agentReady: true }, {}, undefined],
  ['policy may stay at block', { stage: at('block'), ...ready }, { next: 'none' }, undefined],
  ['a person’s block stays', { stage: at('block', 'person'), ...ready }, {}, undefined],
  ['inspect stays when the gate is gone', { stage: at('inspect') }, {}, undefined],
  ['inspect and proven is lifted', { stage: at('inspect'), ...patched }, {}, 'lifted'],
  ['block and proven is lifted', { stage: at('block'), ...patched, ...ready }, {}, 'lifted'],
  ['a person’s inspect is lifted too', { stage: at('inspect', 'person'), ...patched }, {}, 'lifted'],
  ['a person’s block is not', { stage: at('block', 'person'), ...patched }, {}, undefined],
  ['lifting may be left to people', { stage: at('inspect'), ...patched }, { lift: 'manual' }, undefined],
  ['a version alone is no proof', { stage: at('inspect'), ...patched, server: observed }, {}, undefined],
  [
    'unless the shield asks for no more',
    { stage: at('inspect'), ...patched, server: observed, shield: versionOnly },
    {},
    'lifted',
  ],
  [
    'a proof of another version is none',
    {
      stage: at('inspect'),
      ...patched,
      server: { ...observed, safeProbe: { version: 'v0', result: 'proven', detail: '' } },
    },
    {},
    undefined,
  ],
  [
    'an open connection is no proof',
    {
      stage: at('inspect'),
      ...patched,
      server: { ...observed, safeProbe: { version: 'v1', result: 'vulnerable', detail: '' } },
    },
    {},
    undefined,
  ],
  [
    'patched but unproven does not go from block to inspect',
    { stage: at('block'), ...patched, server: observed, ...ready },
    {},
    undefined,
  ],
];
describe('response plan', () => {
  for (const [name, situation, response, expected] of table) {
    test(name, () => {
      const next = nextStage({ ...base, ...situation }, { ...byPolicy, ...response });
      assert.equal(next?.stage, expected);
      if (next) assert.ok(next.why.length > 0);
    });
  }

  test('the safe probe runs where it is the one thing missing', () => {
    const wants = (more: Partial<Situation>, response: Partial<ResponsePlan> = {}) =>
      wantsSafeProbe({ ...base, exposure: exposed('patched'), ...more }, { ...byPolicy, ...response });
    assert.equal(wants({ stage: at('inspect') }), true);
    assert.equal(wants({ stage: at('block') }), true);
    assert.equal(wants({ stage: at('block', 'person') }), false);
    assert.equal(wants({ stage: at('lifted') }), false);
    assert.equal(wants({}), false);
    assert.equal(wants({ stage: at('inspect'), exposure: exposed('vulnerable') }), false);
    assert.equal(wants({ stage: at('inspect'), shield: versionOnly }), false);
    assert.equal(wants({ stage: at('inspect'), server: proven }), false);
    assert.equal(wants({ stage: at('inspect') }, { lift: 'manual' }), false);
  });
});

describe('the loop, over real connections', () => {
  test('a server in mode l4 stays blocked whatever its gate says, and status tells the gap', async () => {
    await using place = await ground();
    const l4 = (yaml: string) => yaml.replace('    probe:', '    identity: {mode: l4}\n    probe:');
    const file = join(place.folder, 'l4.yaml');
    writeFileSync(file, place.inventory(l4));
    const controller = await place.start({ inventoryFile: file });
    await controller.entry((entry) => entry.kind === 'stage' && entry.data['stage'] === 'block');
    const agent = await controller.worker('agent');
    const gate = await controller.worker('gate');
    await acknowledge(agent, await planOf(agent));
    const gatePlan = await planOf(gate);
    assert.deepEqual(gatePlan.kind === 'gate' && gatePlan.listeners, []);
    await gate.sendHealth(health(gatePlan, [16443]));
    const [server] = (await controller.admin.status()).servers;
    assert.equal(server?.stages[0]?.stage, 'block');
    assert.match(server?.inspectionGap ?? '', /no gate ends its TLS, so no request to it is inspected/);
  });

  test('found, blocked, inspected, patched, proven, lifted, with no human', async () => {
    await using place = await ground();
    const controller = await place.start();
    const { admin } = controller;
    const stage = (name: Stage) =>
      controller.entry((entry) => entry.kind === 'stage' && entry.data['stage'] === name);

    const block = await stage('block');
    assert.equal(block.actor, 'controller');
    assert.match(String(block.data['why']), /critical/);
    const found = (await admin.status()).servers[0];
    for (const tag of ['k8s-version=1.12.2', `cve=${cve}`, 'patch=missing', 'tier=control-plane'])
      assert.ok(found?.tags.includes(tag), tag);

    const agent = await controller.worker('agent');
    const gate = await controller.worker('gate');
    const blocking = await planOf(agent);
    assert.equal(blocking.kind === 'agent' && blocking.services[0]?.stage, 'block');
    await acknowledge(agent, blocking);
    assert.equal(stageOf(await admin.status()), 'block', 'no gate yet');

    const gatePlan = await planOf(gate);
    await gate.sendHealth(health(gatePlan, []));
    assert.equal(stageOf(await admin.status()), 'block', 'the gate does not listen yet');
    await gate.sendHealth(health(gatePlan, [16443], { ok: false }));
    assert.equal(stageOf(await admin.status()), 'block', 'the gate is not healthy yet');
    assert.match(
      (await admin.status()).servers[0]?.stages[0]?.why ?? '',
      /not inspecting yet: the gate is not ready/,
    );
    await gate.sendHealth(health(gatePlan, [16443], { generation: gatePlan.generation - 1 }));
    assert.equal(stageOf(await admin.status()), 'block', 'the gate is at an older plan');
    const steering = agent.nextPlan(blocking.generation, 60, AbortSignal.timeout(longest));
    await gate.sendHealth(health(gatePlan, [16443]));
    await stage('inspect');
    const steered = await steering;
    assert.ok(steered?.kind === 'agent' && steered.services[0]?.stage === 'inspect');
    await acknowledge(agent, steered);

    await gate.sendHealth(health(gatePlan, [], { ok: false }));
    assert.equal(stageOf(await admin.status()), 'inspect', 'a gate that fails leaves callers steered');
    assert.match((await admin.status()).servers[0]?.stages[0]?.why ?? '', /callers may be refused: the gate/);

    // The version says patched, the server still behaves as flawed: not lifted.
    place.fake.gitVersion = 'v1.12.3';
    let status = await admin.probe();
    assert.equal(stageOf(status), 'inspect');
    assert.match(status.servers[0]?.stages[0]?.why ?? '', /still open/);
    place.fake.after = 'silent';
    status = await admin.probe({ server: 'api-1' });
    assert.equal(stageOf(status), 'inspect');
    assert.match(status.servers[0]?.stages[0]?.why ?? '', /silent but open .* the backend may be hanging/);
    // No aggregated API: nothing can be proven, and it says so.
    place.fake.groups = ['apps', 'rbac.authorization.k8s.io'];
    status = await admin.probe();
    assert.match(status.servers[0]?.stages[0]?.why ?? '', /no aggregated API/);
    assert.equal(stageOf(status), 'inspect');

    place.fake.groups = ['apps', 'metrics.k8s.io'];
    place.fake.after = 'close';
    status = await admin.probe();
    assert.equal(stageOf(status), 'lifted');
    const lifted = await stage('lifted');
    assert.match(String(lifted.data['why']), /closed after answering 400/);
    const seconds = status.servers[0]?.stages[0]?.seconds;
    for (const name of ['observe', 'block', 'inspect', 'lifted'])
      assert.ok((seconds?.[name] ?? -1) >= 0, `seconds in ${name}`);
    const direct = await planOf(agent, steered.generation);
    assert.equal(direct.kind === 'agent' && direct.services[0]?.stage, 'lifted');

    // A roll-back of the patch is answered again.
    place.fake.gitVersion = 'v1.12.2';
    assert.equal(stageOf(await admin.probe()), 'block');
    assert.deepEqual(
      place.notes.filter((line) => line.startsWith('defect')),
      [],
    );
  });

  test('a server that passes nothing on and stays open, as a real v1.12.3 does, is lifted', async () => {
    await using place = await ground();
    place.fake.after = 'silent';
    place.fake.plainStatus = 200;
    const controller = await place.start();
    await controller.entry((entry) => entry.kind === 'stage');
    place.fake.gitVersion = 'v1.12.3';
    assert.equal(stageOf(await controller.admin.probe()), 'lifted');
    const proof = await controller.entry((entry) => entry.kind === 'safe-probe');
    assert.match(String(proof.data['detail']), /nothing was passed on/);
  });

  test('a probe that fails is shown with its reason, and the stage stays', async () => {
    await using place = await ground();
    const controller = await place.start();
    await controller.entry((entry) => entry.kind === 'stage');
    const inventory = await controller.admin.inventory();
    const [server] = inventory.servers;
    assert.ok(server);
    // The certificate does not hold this name: a server that can't be verified is not believed.
    await controller.admin.putInventory({
      ...inventory,
      servers: [{ ...server, probe: { ...server.probe, serverName: 'other.invalid' } }],
    });
    let status = await controller.admin.probe();
    assert.match(status.servers[0]?.probeError ?? '', /GET https:\/\/127\.0\.0\.1:\d+\/version/);
    assert.equal(stageOf(status), 'block');
    await controller.admin.putInventory({
      ...inventory,
      servers: [{ ...server, probe: { ...server.probe, serverName: 'kubernetes' } }],
    });
    status = await controller.admin.probe();
    assert.equal(status.servers[0]?.probeError, undefined);
    place.fake.gitVersion = 'v1.12.2\nowned=yes';
    status = await controller.admin.probe();
    assert.match(status.servers[0]?.probeError ?? '', /is not a Kubernetes version/);
    assert.equal(status.servers[0]?.version, 'v1.12.2');
  });

  test('a stage by hand holds against the response plan, and its reason is logged', async () => {
    await using place = await ground();
    const controller = await place.start();
    const { admin } = controller;
    await controller.entry((entry) => entry.kind === 'stage');
    await admin.setStage({ server: 'api-1', shield: cve, stage: 'observe', why: 'maintenance window' });
    assert.equal(stageOf(await admin.probe()), 'observe');
    const entry = await controller.entry((item) => item.kind === 'stage' && item.actor === 'user:admin');
    assert.equal(entry.data['why'], 'maintenance window');
    assert.equal(entry.data['from'], 'block');
  });

  test('a decision answers the poll of an agent that waits', async () => {
    await using place = await ground();
    const controller = await place.start();
    await controller.entry((entry) => entry.kind === 'stage');
    const agent = await controller.worker('agent');
    let plan = await planOf(agent);
    for (let n = 0; n < 20; n++) {
      const next = agent.nextPlan(plan.generation, 60, AbortSignal.timeout(longest));
      await agent.nextPlan(plan.generation, 0, AbortSignal.timeout(longest)); // the poll before it has arrived
      const stage = n % 2 === 0 ? 'observe' : 'block';
      await controller.admin.setStage({ server: 'api-1', shield: cve, stage, why: 'a test' });
      const got = await next;
      assert.ok(got && got.generation > plan.generation, 'not after another poll');
      plan = got;
    }
  });
});
