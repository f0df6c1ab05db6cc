// The crew over workers that are scripted: what becomes of plans and health when they end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GatePlan } from '../model/plan.ts';
import { createCrew } from './crew.ts';
import { defaultGateLimits } from './limits.ts';
import { createTotals } from './totals.ts';
import type { Hear, StartWorker } from './worker-link.ts';
import type { Question, ToWorker } from './worker-messages.ts';

type Script = (question: Question, worker: { readonly index: number; end(): void }) => object | undefined;

/** A crew of two whose workers answer as the script says; a Failure's code to fail, undefined for no answer. */
function crewOf(
  script: Script,
  unstartable: (index: number) => boolean = () => false,
  now: () => number = () => 0,
) {
  const events: string[] = [];
  /** What each worker was told, less its settings. */
  const told: ToWorker[][] = [];
  const hears: Hear[] = [];
  const watchers = new Set<() => void>();
  let started = 0;
  const start: StartWorker = (hear: Hear) => {
    const index = started;
    started += 1;
    if (unstartable(index)) throw new Error('spawn ENOMEM');
    const mine: ToWorker[] = [];
    told.push(mine);
    hears.push(hear);
    const { promise: gone, resolve } = Promise.withResolvers<string>();
    const end = () => resolve('SIGSEGV');
    return {
      pid: index,
      gone,
      kill: end,
      send(message) {
        if ('tell' in message) {
          if (message.tell !== 'settings') mine.push(message);
          return;
        }
        const { number } = message;
        const answer = script(message, { index, end });
        if (!answer) return;
        queueMicrotask(() =>
          hear(
            'code' in answer
              ? { say: 'failed', number, failure: { ...answer, message: 'no' } }
              : { say: 'answer', number, answer },
          ),
        );
      },
    };
  };
  const crew = createCrew({
    workers: 2,
    start,
    settings: { gate: 'cp-1', limits: defaultGateLimits, identityHeaders: [], accessEvery: undefined },
    now,
    bind: () => ({ close() {} }),
    incident() {},
    line() {},
    access() {},
    log(_level, event) {
      events.push(event);
      for (const watcher of watchers) watcher();
    },
  });
  const until = (ready: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!ready()) return;
        watchers.delete(look);
        resolve();
      };
      watchers.add(look);
      look();
    });
  return { crew, events, until, told, hears };
}

const orders = (generation: number) => ({
  plan: {
    kind: 'gate',
    generation,
    target: 'cp-1',
    issuedAt: '2026-01-01T00:00:00Z',
    listeners: [],
    addressTags: [],
  } satisfies GatePlan,
  materials: {},
});
const well = { ok: true, detail: 'fine', listening: [] };

test('connections that were cut, or had to be ended, are summed over workers', async () => {
  const { crew } = crewOf(({ ask }, { index }) => {
    if (ask === 'commit') return { connectionsCut: index + 2 };
    return ask === 'drain' ? { ended: index + 3 } : {};
  });
  assert.equal(await crew.apply(orders(1)), 5);
  assert.equal(await crew.drain(1, new AbortController().signal), 7);
  await crew.destroy();
});

test('what one worker refuses is put into force by none', async () => {
  const asked: string[] = [];
  const { crew } = crewOf(({ ask }, { index }) => {
    asked.push(`${index} ${ask}`);
    return ask === 'prepare' && index === 1 ? { code: 'bad-predicate' } : {};
  });
  await assert.rejects(crew.apply(orders(1)), { code: 'bad-predicate' });
  assert.deepEqual(asked.sort(), ['0 discard', '0 prepare', '1 discard', '1 prepare']);
  await crew.destroy();
});

test('a worker that dies over a plan doesn’t refuse it for the other; all of them do', async () => {
  for (const [deadly, refused] of [
    [[1], false],
    [[0, 1], true],
  ] as const) {
    const { crew } = crewOf(({ ask }, { index, end }) => {
      if (ask !== 'prepare' || !deadly.some((one) => one === index)) return { connectionsCut: 0 };
      end();
      return undefined;
    });
    const applied = crew.apply(orders(1));
    if (refused) await assert.rejects(applied, { code: 'worker-died' });
    else assert.equal(await applied, 0);
    await crew.destroy();
  }
});

test('a worker that can not be started again leaves the others be, and is tried again', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const ends: (() => void)[] = [];
  let unstartable = true;
  const { crew, events, until } = crewOf(
    (_question, { index, end }) => {
      ends[index] = end;
      return { connectionsCut: 0 };
    },
    (index) => index >= 2 && unstartable,
  );
  await crew.apply(orders(1));
  ends[1]?.();
  await until(() => events.includes('worker-died'));
  t.mock.timers.tick(100);
  await until(() => events.includes('worker-unfit'));
  assert.equal(await crew.apply(orders(2)), 0);
  unstartable = false;
  t.mock.timers.tick(5_000);
  await until(() => events.includes('worker-replaced'));
  await crew.destroy();
});

test('a worker that is silent for half a minute is ended, unless its parent stood still as well', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let at = 0;
  const { crew, events } = crewOf(
    ({ ask }, { index }) => (ask === 'count' && index === 0 ? undefined : { connectionsCut: 0 }),
    undefined,
    () => at,
  );
  await crew.apply(orders(1));
  const countAfter = async (ms: number) => {
    at += ms;
    const counted = crew.count();
    t.mock.timers.tick(1_000);
    await counted;
  };
  await countAfter(3_600_000);
  assert.equal(events.length, 0);
  let seconds = 0;
  for (; !events.includes('worker-stuck'); seconds += 1) await countAfter(1_000);
  assert.equal(seconds, 28, 'the pause counts as two');
  await crew.destroy();
});

test('a worker that has said nothing yet has time to come up on a busy host, and not for ever', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let seconds = 0;
  const { crew, events } = crewOf(
    (_, { index }) => (index === 0 ? undefined : {}),
    undefined,
    () => seconds * 1_000,
  );
  for (; events.length === 0; seconds += 1) {
    const counted = crew.count();
    t.mock.timers.tick(1_000);
    await counted;
  }
  assert.deepEqual([events[0], seconds], ['worker-stuck', 181]);
  await crew.destroy();
});

test('workers that keep ending show in health', async () => {
  const { crew, events, until } = crewOf(({ ask }, { index, end }) => {
    if (ask === 'reach') return well;
    if (index === 0) return { connectionsCut: 0 };
    end();
    return undefined;
  });
  await crew.apply(orders(1));
  assert.deepEqual(await crew.reach(1), well);
  await until(() => events.filter((event) => event === 'worker-died').length >= 3);
  const state = await crew.reach(1);
  assert.equal(state.ok, false);
  assert.match(state.detail, /keep ending .*SIGSEGV/);
  await crew.destroy();
});

test('what one worker has the others hear, one that comes later too, and that it is gone', async () => {
  const standing = (openRequests: number) => ({
    openRequests,
    listeners: [
      {
        listener: '127.0.0.1 6443',
        open: 3,
        unauthenticated: 1,
        sources: [['192.0.2.1', 3, 1]],
        arrived: [['192.0.2.1', 2]],
        spent: [['caller', 'reset', 5]],
        hits: [['rule', 10_000, 'caller', 3]],
      },
    ],
  });
  const quiet = (openRequests: number) => ({
    ...standing(openRequests),
    listeners: standing(openRequests).listeners.map((one) => ({ ...one, arrived: [], spent: [], hits: [] })),
  });
  const { crew, told, hears, until, events } = crewOf(({ ask }, { index, end }) => {
    if (ask !== 'count' || index !== 1) return {};
    end();
    return undefined;
  });
  await crew.apply(orders(1));
  hears[0]?.({ say: 'standing', standing: standing(1) });
  hears[1]?.({ say: 'standing', standing: standing(2) });
  assert.deepEqual(told, [
    [{ tell: 'beside', worker: 1, standing: standing(2) }],
    [{ tell: 'beside', worker: 0, standing: standing(1) }],
  ]);
  void crew.count();
  await until(() => events.includes('worker-replaced'));
  assert.deepEqual(told[0]?.at(-1), { tell: 'beside', worker: 1 });
  assert.deepEqual(told[2], [{ tell: 'beside', worker: 0, standing: quiet(1) }]);
  hears[1]?.({ say: 'standing', standing: standing(7) });
  assert.deepEqual(told[0]?.at(-1), { tell: 'beside', worker: 1 }, 'the dead are not heard');
  await crew.destroy();
});

test('what a worker counted stays counted, what it had open does not, and a lag is the longest', () => {
  const totals = createTotals();
  totals.keep({ requests_total: 3, connections_open: 9, 'seconds_bucket{le="1"}': 2 });
  assert.deepEqual(
    totals.sum([
      { requests_total: 1, connections_open: 2, event_loop_lag_seconds: 0.5 },
      { requests_total: 1, connections_open: 3, event_loop_lag_seconds: 0.2 },
    ]),
    { requests_total: 5, 'seconds_bucket{le="1"}': 2, connections_open: 5, event_loop_lag_seconds: 0.5 },
  );
});
