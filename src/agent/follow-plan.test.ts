// Plans that are not taken at once and for good: one that nobody confirms gives way to what was before it, also when the
// agent was away meanwhile; one that the host refuses is tried again.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { canonicalJson } from '../base/canonical-json.ts';
import { Failure } from '../base/failure.ts';
import type { AgentPlan, Plan, Receipt } from '../model/plan.ts';
import { exampleService, planOf } from '../nft/example-plan.ts';
import type { ControllerLink } from '../platform/controller-client.ts';
import type { Enforcer } from './enforcer.ts';
import { followPlan } from './follow-plan.ts';
import type { StoredPlan } from './plan-store.ts';
import { resume } from './resume.ts';

const fallbackService = { ...exampleService, default: 'drop' as const };
const plain = planOf([exampleService], 1);
/** Its time runs from when it comes. */
const waiting = (ms: number, generation = 2): AgentPlan => ({
  ...planOf([{ ...exampleService, default: 'deny' }], generation),
  issuedAt: '2026-01-01T00:00:00.000Z',
  confirm: {
    before: new Date(Date.parse('2026-01-01T00:00:00.000Z') + ms).toISOString(),
    otherwise: { services: [fallbackService], keepOpen: [] },
  },
});

type Host = Awaited<ReturnType<typeof host>>;

/** An agent whose kernel and controller are here. `plans` are sent one after another; then the controller is silent. */
async function host(options: {
  plans: readonly Plan[];
  stored?: StoredPlan | undefined;
  refuse?: (plan: AgentPlan) => boolean;
  now?: number;
  /** Port of the controller. */
  port?: number;
  confirmMs?: number;
  /** In place of a receipt that arrives; the how manieth attempt it is, from 1. */
  send?: (attempt: number) => Promise<void>;
}) {
  const applied: AgentPlan[] = [];
  const receipts: Receipt[] = [];
  const events: string[] = [];
  const disk: { stored: StoredPlan | undefined } = { stored: options.stored };
  const stop = new AbortController();
  const waiters = new Set<() => void>();
  let attempts = 0;
  const tell = () => {
    for (const look of [...waiters]) look();
  };
  const enforcer = {
    get plan() {
      return applied.at(-1);
    },
    get generation() {
      return applied.at(-1)?.generation ?? 0;
    },
    async apply(plan: AgentPlan) {
      if (options.refuse?.(plan)) throw new Error('no');
      applied.push(plan);
      tell();
      return { milliseconds: 1, connectionsCut: 0, leftOpen: 0, undisturbed: true };
    },
  } as unknown as Enforcer;
  const queue = [...options.plans];
  const link = {
    controllerPort: options.port ?? 7443,
    nextPlan: (_after: number, _wait: number, signal: AbortSignal) => {
      const plan = queue.shift();
      if (plan) return Promise.resolve(plan);
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    },
    sendReceipt: async (receipt: Receipt) => {
      attempts += 1;
      await options.send?.(attempts);
      receipts.push(receipt);
      tell();
    },
  } as unknown as ControllerLink;
  const clock = { now: () => options.now ?? Date.now(), mono: () => performance.now() };
  const store = (stored: StoredPlan) => {
    disk.stored = stored;
  };
  const log = (event: string) => void events.push(event);
  const begun = await resume({ enforcer, clock, read: () => disk.stored, store, log });
  const run = followPlan(
    {
      ...{ name: 'cp-1', link, enforcer, clock, log, begun, store, changed: tell },
      confirmMs: options.confirmMs ?? 60_000,
    },
    stop.signal,
  );
  return {
    applied,
    receipts,
    events,
    disk,
    /** Waits for something to become so; the test's own time limit bounds it. */
    until: (so: () => boolean) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (!so()) return;
          waiters.delete(look);
          resolve();
        };
        waiters.add(look);
        look();
      }),
    async end() {
      stop.abort();
      await run;
    },
  };
}

const last = ({ applied }: Host) => applied.at(-1)?.services[0]?.default;

describe('a plan that waits to be confirmed', () => {
  test('gives way when nobody confirms it, and is not taken again', async () => {
    const plan = waiting(40);
    const agent = await host({ plans: [plain, plan] });
    await agent.until(() => agent.receipts.some(({ ok }) => !ok));
    assert.equal(last(agent), 'drop');
    assert.deepEqual(
      agent.applied.map(({ generation }) => generation),
      [1, 2, 2],
    );
    const refusal = agent.receipts.at(-1);
    assert.equal(refusal?.generation, 2);
    assert.match(refusal?.error ?? '', /\[not-confirmed\]$/);
    assert.deepEqual(agent.disk.stored, { plan: agent.applied[2], rejected: canonicalJson(plan) });
    await agent.end();
    const again = await host({ plans: [plan, { ...plain, generation: 3 }], stored: agent.disk.stored });
    await again.until(() => again.receipts.length === 1);
    assert.deepEqual(
      again.applied.map(({ generation }) => generation),
      [2, 3],
      'the plan that was given up is passed over',
    );
    await again.end();
  });

  test('stays when a later plan confirms it', async () => {
    const { confirm: _, ...confirmed } = waiting(3_600_000, 3);
    const agent = await host({ plans: [plain, waiting(3_600_000), confirmed] });
    await agent.until(() => agent.receipts.length === 3);
    assert.deepEqual(agent.disk.stored, { plan: confirmed });
    assert.equal(last(agent), 'deny');
    await agent.end();
  });

  test('is given up by an agent that was away when its time ran out', async () => {
    const plan = waiting(60_000);
    const now = Date.parse('2026-02-01T00:00:00Z');
    const stored = { plan, confirmBy: '2026-01-31T23:59:59.000Z' };
    const agent = await host({ plans: [], stored, now });
    assert.equal(last(agent), 'drop');
    assert.equal(agent.disk.stored?.rejected, canonicalJson(plan));
    assert.deepEqual(agent.events, ['plan-not-confirmed']);
    await agent.end();
  });

  test('goes on waiting after a restart, for what is left of its time', async () => {
    const now = Date.parse('2026-02-01T00:00:00Z');
    const stored = { plan: waiting(3_600_000), confirmBy: new Date(now + 50).toISOString() };
    const agent = await host({ plans: [], stored, now });
    assert.equal(agent.applied[0]?.services[0]?.default, 'deny');
    await agent.until(() => last(agent) === 'drop');
    await agent.end();
  });

  test('does not outlive its whole time when the clock was set back', async () => {
    const stored = { plan: waiting(40), confirmBy: '2999-01-01T00:00:00.000Z' };
    const agent = await host({ plans: [], stored });
    await agent.until(() => last(agent) === 'drop');
    await agent.end();
  });

  test('without a stored time is given up at once', async () => {
    const agent = await host({ plans: [], stored: { plan: waiting(3_600_000) } });
    assert.equal(last(agent), 'drop');
    await agent.end();
  });

  test('stays waiting when the plan after it is refused', async () => {
    const agent = await host({
      plans: [plain, waiting(1_000), { ...plain, generation: 3 }],
      refuse: ({ generation }) => generation === 3,
    });
    const isRefused = () => agent.receipts.some(({ generation, ok }) => generation === 3 && !ok);
    await agent.until(() => last(agent) === 'drop' && isRefused());
    await agent.end();
  });
});

test('a host that stood still for longer than a plan may be without its controller tries once more', async () => {
  const agent = await host({
    plans: [plain, planOf([{ ...exampleService, default: 'deny' as const }], 2)],
    port: exampleService.endpoints[0]?.port ?? 0,
    confirmMs: 20,
    async send(attempt) {
      if (attempt !== 2) return;
      // Nothing of this process runs, and what was under way has failed by then.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 40);
      throw new Failure('controller-unreachable', 'no answer in time');
    },
  });
  await agent.until(() => agent.receipts.length === 2);
  assert.deepEqual(agent.events, ['plan-applied', 'plan-applied']);
  assert.deepEqual([last(agent), agent.receipts[1]?.ok], ['deny', true]);
  await agent.end();
});

describe('a plan that the host refuses', () => {
  const second = planOf([{ ...exampleService, default: 'deny' as const }], 2);

  test('is told once, tried again, and taken when what was in the way has gone', async () => {
    let refusals = 0;
    const agent = await host({
      plans: [plain, second],
      refuse({ generation }) {
        if (generation !== 2) return false;
        refusals += 1;
        return refusals <= 2;
      },
    });
    await agent.until(() => agent.receipts.some(({ generation, ok }) => generation === 2 && ok));
    assert.equal(refusals, 3);
    assert.deepEqual(
      agent.receipts.map(({ generation, ok }) => [generation, ok]),
      [
        [1, true],
        [2, false],
        [2, true],
      ],
    );
    assert.equal(last(agent), 'deny');
    assert.deepEqual(agent.disk.stored, { plan: second });
    await agent.end();
  });

  test('is tried again when it is the stored one, with the controller away', async () => {
    let refusals = 0;
    const agent = await host({
      plans: [],
      stored: { plan: second },
      refuse() {
        refusals += 1;
        return refusals === 1;
      },
    });
    assert.deepEqual(agent.applied, []);
    await agent.until(() => last(agent) === 'deny');
    await agent.end();
  });

  test('gives way to the one after it', async () => {
    const third = planOf([{ ...exampleService, default: 'drop' as const }], 3);
    const agent = await host({ plans: [plain, second, third], refuse: ({ generation }) => generation === 2 });
    await agent.until(() => agent.receipts.some(({ generation }) => generation === 3));
    assert.deepEqual(
      agent.applied.map(({ generation }) => generation),
      [1, 3],
    );
    await agent.end();
  });
});
