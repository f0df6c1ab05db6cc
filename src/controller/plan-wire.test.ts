// Plans over the wire: whole to who has none, what differs to who has one, and over a restart with large plans in the log.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { verifyFolder } from '../log/folder.ts';
import type { Inventory } from '../model/inventory.ts';
import { PlanAnswer } from '../model/plan-change.ts';
import { digestOf } from '../model/plan-digest.ts';
import type { ControllerLink } from '../platform/controller-client.ts';
import { createHeldPlan } from '../platform/held-plan.ts';
import { openJsonClient } from '../platform/https-json.ts';
import { readIdentity } from '../platform/identity.ts';
import { type Ground, ground, type Started } from './testing/ground.ts';

let place: Ground;
let controller: Started;
let link: ControllerLink;
before(async () => {
  place = await ground();
  controller = await place.start();
  link = await controller.worker('agent');
  await controller.entry((entry) => entry.kind === 'stage');
});
after(() => place[Symbol.asyncDispose]());

const never = new AbortController().signal;
const next = async (after = 0) => (await link.nextPlan(after, 60, never)) ?? assert.fail('no plan');
const body = ({ generation: _, issuedAt: __, ...rest }: Awaited<ReturnType<typeof next>>) => rest;

/** What the controller answers, as it comes. */
async function ask(have?: string, who = 'agent-cp-1') {
  const { controller: address, ca, key, certificate } = readIdentity(join(place.folder, who, 'identity'));
  const client = openJsonClient({ controller: address, ca, key, certificate });
  const path = `/v1/plan?after=0&wait=0${have === undefined ? '' : `&have=${have}`}`;
  const answer = await client.call({ method: 'GET', path });
  client.close();
  return { answer: PlanAnswer.parse(answer), length: JSON.stringify(answer).length };
}

async function enlarge() {
  const inventory: Inventory = await controller.admin.inventory();
  const many = Array.from({ length: 3_000 }, (_, n) => ({
    name: `g${n}`,
    addresses: [`20.0.${n >> 8}.${n & 255}`],
    tags: [`label=g${n % 7}`],
  }));
  await controller.admin.putInventory({ ...inventory, groups: [...inventory.groups, ...many] });
}

test('one tag of three thousand addresses comes as a few hundred bytes, and is the plan', async () => {
  await enlarge();
  const first = await next((await next()).generation - 1);
  assert.equal(first.addressTags.length > 3_000, true);
  await controller.admin.tag({ object: 'group/g1500', set: ['team=x'] });
  const have = digestOf(body(first));
  const { answer, length } = await ask(have);
  assert.equal(answer.kind, 'change');
  assert.ok(length < 1_000, `${length} characters`);
  const whole = await ask();
  assert.notEqual(whole.answer.kind, 'change');
  assert.ok(whole.length > 100_000);
  assert.deepEqual(await next(first.generation), whole.answer);
  for (const unknown of ['0'.repeat(64), '', 'x'])
    assert.notEqual((await ask(unknown)).answer.kind, 'change');
});

test("a gate's plan, shields and all, is told by what differs as well", async () => {
  await controller.worker('gate');
  const whole = (await ask(undefined, 'gate-cp-1')).answer;
  assert.ok(whole.kind === 'gate' && whole.listeners.some(({ shields }) => shields.length > 0));
  const held = createHeldPlan();
  held.take(whole);
  await controller.admin.tag({ object: 'group/g3', set: ['team=y'] });
  const { answer } = await ask(held.digest(), 'gate-cp-1');
  assert.equal(answer.kind, 'change');
  assert.deepEqual(held.take(answer), (await ask(undefined, 'gate-cp-1')).answer);
});

test('after a restart the plan is the one that it was, put together from the log, and the next is told by what differs', async () => {
  for (const team of ['a', 'b', 'c'])
    await controller.admin.tag({ object: 'group/g7', set: [`team=${team}`] });
  const before = await ask();
  assert.notEqual(before.answer.kind, 'change');
  await controller.stop();
  assert.equal(verifyFolder(join(place.folder, 'data')).ok, true);
  controller = await place.start({
    inventoryFile: undefined as never,
    listen: { address: '127.0.0.1', port: controller.running.endpoint.port },
  });
  assert.deepEqual((await ask()).answer, before.answer);
  assert.ok('addressTags' in before.answer);
  await controller.admin.tag({ object: 'group/g7', set: ['team=d'] });
  const { answer } = await ask(digestOf(body(before.answer)));
  assert.equal(answer.kind, 'change');
  assert.equal(answer.generation, before.answer.generation + 1);
});
