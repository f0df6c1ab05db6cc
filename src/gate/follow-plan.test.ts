// A plan that the gate refuses is told once and tried again until it is taken, or another comes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../base/failure.ts';
import type { GatePlan, Receipt } from '../model/plan.ts';
import { systemClock } from '../platform/clock.ts';
import type { ControllerLink } from '../platform/controller-client.ts';
import { followPlan } from './follow-plan.ts';

const planOf = (generation: number): GatePlan => ({
  kind: 'gate',
  target: 'cp-1',
  generation,
  issuedAt: '2026-01-01T00:00:00.000Z',
  listeners: [],
  addressTags: [],
});

/** Follows these plans, then a silent controller, until `enough`. Answers the receipts, and what was tried. */
async function follow(
  plans: readonly GatePlan[],
  apply: (plan: GatePlan, attempt: number) => void,
  enough: (receipts: readonly Receipt[]) => boolean,
) {
  const stop = new AbortController();
  const queue = [...plans];
  const receipts: Receipt[] = [];
  const tried: number[] = [];
  const events: string[] = [];
  const link = {
    nextPlan: (_after: number, _wait: number, signal: AbortSignal) => {
      const plan = queue.shift();
      if (plan) return Promise.resolve(plan);
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    },
    sendReceipt: async (receipt: Receipt) => {
      receipts.push(receipt);
      if (enough(receipts)) stop.abort();
    },
  } as unknown as ControllerLink;
  await followPlan(
    {
      name: 'cp-1',
      link,
      log: (_level, event) => void events.push(event),
      clock: systemClock,
      apply: async (plan) => {
        tried.push(plan.generation);
        apply(plan, tried.length);
        return 0;
      },
      applied() {},
    },
    stop.signal,
  );
  return { receipts: receipts.map(({ generation, ok }) => [generation, ok]), tried, events };
}

const refuse = () => {
  throw new Failure('port-in-use', 'port 16443 is taken');
};

test('it is told once for each reason, and taken when what was in the way has gone', async () => {
  const { receipts, tried, events } = await follow(
    [planOf(1)],
    (_, attempt) => attempt < 3 && refuse(),
    (all) => all.some(({ ok }) => ok),
  );
  assert.deepEqual(receipts, [
    [1, false],
    [1, true],
  ]);
  assert.deepEqual(tried, [1, 1, 1]);
  assert.deepEqual(events, ['plan-refused', 'plan-applied']);
});

test('a later plan takes its place at once', async () => {
  const { receipts, tried } = await follow(
    [planOf(1), planOf(2)],
    ({ generation }) => generation === 1 && refuse(),
    (all) => all.some(({ ok }) => ok),
  );
  assert.deepEqual(receipts, [
    [1, false],
    [2, true],
  ]);
  assert.deepEqual(tried, [1, 2]);
});
