import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createConnection } from './connection.ts';
import { defaultConnectionLimits, defaultIdentityFields } from './connection-types.ts';
import { createRates, type Rate, rateOf, sharedCounters } from './rates.ts';
import { createRecordingSink } from './recording-sink.ts';
import { compileRules } from './rules.ts';

const rate: Rate = { id: 'a', over: 3, windowMs: 8_000, by: ['source'] };
const caller = (source: string, user?: string, connection = 0) => ({ source, user, connection });

test('fires at the hit after `over`, and again once the window has passed', () => {
  let now = 0;
  const of = createRates({ now: () => now }).of(caller('192.0.2.1'));
  const hits = (count: number) => Array.from({ length: count }, () => of.hit(rate) !== undefined);
  assert.deepEqual(hits(5), [false, false, false, true, true]);
  now = 8_000;
  assert.deepEqual(hits(1), [true], 'what is exactly a window old may still count');
  now = 8_000 + 9_000;
  assert.deepEqual(hits(4), [false, false, false, true]);
});

/** All hits of the last window, kept as they are. */
function exact(times: readonly number[], now: number, windowMs: number): number {
  return times.filter((time) => time >= now - windowMs).length;
}

test('never counts too few; too many only by hits at most an eighth of the window too old', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 10_000_000 }),
      fc.array(fc.oneof(fc.integer({ min: 0, max: 900 }), fc.integer({ min: 0, max: 20_000 })), {
        minLength: 1,
        maxLength: 80,
      }),
      fc.integer({ min: 1, max: 30 }),
      (start, steps, over) => {
        let now = start / 7;
        const of = createRates({ now: () => now }).of(caller('192.0.2.1'));
        const times: number[] = [];
        for (const step of steps) {
          now += step;
          times.push(now);
          const fired = of.hit({ ...rate, over }) !== undefined;
          if (exact(times, now, rate.windowMs) > over) assert.ok(fired, 'too few');
          if (exact(times, now, rate.windowMs * 1.125) <= over) assert.ok(!fired, 'too many');
        }
      },
    ),
  );
});

const who: readonly [Rate['by'], readonly ReturnType<typeof caller>[], number][] = [
  [['source'], [caller('192.0.2.1', 'a'), caller('192.0.2.1', 'b', 1)], 1],
  [['source'], [caller('192.0.2.1'), caller('192.0.2.2')], 2],
  [['user'], [caller('192.0.2.1', 'a'), caller('192.0.2.2', 'a', 1)], 1],
  [['user'], [caller('192.0.2.1', 'a'), caller('192.0.2.1', 'b')], 2],
  [['user'], [caller('192.0.2.1'), caller('192.0.2.2')], 2],
  [['user'], [caller('192.0.2.1'), caller('192.0.2.2', '192.0.2.1')], 2],
  [['user', 'source'], [caller('192.0.2.1', 'a'), caller('192.0.2.2', 'a')], 2],
  [['connection'], [caller('192.0.2.1', 'a'), caller('192.0.2.1', 'a', 1)], 2],
  [['connection', 'user'], [caller('192.0.2.1', 'a'), caller('192.0.2.1', 'b')], 2],
  // A user's name may hold anything.
  [['connection', 'user'], [caller('x', '1 u2', 1), caller('x', '2', 1)], 2],
];
for (const [by, callers, expected] of who) {
  test(`${by} tells apart ${JSON.stringify(callers)}: ${expected}`, () => {
    const rates = createRates({ now: () => 0 });
    for (const one of callers) rates.of(one).hit({ ...rate, by });
    assert.equal(rates.callers, expected);
  });
}

test('with too many callers counts get larger, never smaller, and memory does not grow', () => {
  let now = 0;
  let shared = 0;
  const rates = createRates({ now: () => now, seed: 7, shared: () => shared++, own: 100 });
  for (let number = 0; number < 100; number++) rates.of(caller(`own-${number}`)).hit(rate);
  assert.equal(shared, 0);
  for (let number = 0; number < 2_000; number++) rates.of(caller(`more-${number}`)).hit(rate);
  assert.equal(rates.callers, 100);
  assert.equal(shared, 2_000);
  const late = rates.of(caller('late'));
  const fired = Array.from({ length: 4 }, () => late.hit(rate) !== undefined);
  assert.equal(fired[3], true);
  // About eight hits stand in each counter that is shared, so that a newcomer is over the rate with most.
  const newcomers = Array.from({ length: 200 }, (_, n) => rates.of(caller(`new-${n}`)).hit(rate));
  assert.ok(newcomers.filter(Boolean).length > 190);
  assert.ok(2_000 / sharedCounters > rate.over);
  // Those who were there first are counted for themselves.
  assert.equal(rates.of(caller('own-5')).hit(rate), undefined);

  // When one of the first has gone, who shared a counter goes on with what stands in it.
  now = 8_999;
  rates.of(caller('more-1')).hit(rate);
  now = 9_000;
  rates.sweep();
  assert.equal(rates.callers, 0);
  assert.equal(rates.of(caller('more-1')).hit(rate), undefined);
  assert.equal(rates.callers, 1);
  now = 18_000;
  rates.sweep();
  assert.equal(rates.callers, 0);
});

test('a caller who shared a counter keeps its count when it gets one of its own', () => {
  let now = 0;
  const rates = createRates({ now: () => now, seed: 7, own: 1 });
  rates.of(caller('first')).hit(rate);
  now = 8_500;
  const second = rates.of(caller('second'));
  for (let hit = 0; hit < 3; hit++) second.hit(rate);
  now = 9_500;
  rates.sweep();
  assert.equal(rates.callers, 0);
  assert.notEqual(second.hit(rate), undefined);
  assert.equal(rates.callers, 1);
});

test('workers that tell one another count together, but for a sixteenth; connections are their own', () => {
  const workers = Array.from({ length: 4 }, () => createRates({ now: () => 0, workers: 4 }));
  const tell = () => {
    const news = workers.map((worker) => worker.news(100));
    for (const [from, worker] of workers.entries()) {
      for (const [to, told] of news.entries()) if (to !== from) worker.heard(told);
    }
  };
  const overAfter = (one: Rate) => {
    for (let hit = 1; hit < 2_000; hit++) {
      if (workers[hit % 4]?.of(caller('192.0.2.1')).hit(one)) return hit;
      tell();
    }
    return Number.POSITIVE_INFINITY;
  };
  const after = overAfter({ ...rate, over: 320 });
  assert.ok(after > 320 && after <= 320 * (1 + 1 / 16) + 1, String(after));
  assert.equal(overAfter({ ...rate, id: 'b', over: 3 }), 4);
  const alone = overAfter({ ...rate, id: 'c', over: 320, by: ['connection'] });
  assert.ok(alone > 4 * 319, String(alone));
});

test('what is told is bounded, and the rest is told next time', () => {
  const worker = createRates({ now: () => 0, workers: 2 });
  for (let number = 0; number < 10; number++) worker.of(caller(`s${number}`)).hit(rate);
  assert.equal(worker.news(4).length, 4);
  assert.equal(worker.news(100).length, 6);
  assert.deepEqual(worker.news(100), []);
});

const rule = {
  id: 'too-often',
  phase: 'request',
  when: 'request.resource == "secrets"',
  action: 'deny',
  severity: 'major',
  status: 429,
  message: 'Too often.',
  rate: { over: 2, within: '10s', by: ['user'] },
} as const;

test('the counts of a rule outlive a plan that leaves what it asks as it was', () => {
  const id = (over: object) =>
    rateOf('CVE-1-1', { ...rule, rate: { ...rule.rate, by: ['user'] }, ...over })?.id;
  assert.equal(id({}), id({ message: 'Other.', action: 'log' }));
  assert.equal(id({}), id({ rate: { over: 5, within: '10s', by: ['user'] } }));
  assert.notEqual(id({}), id({ rate: { over: 2, within: '20s', by: ['user'] } }));
  assert.notEqual(id({}), id({ when: 'true' }));
  assert.equal(rateOf('CVE-1-1', { ...rule, rate: undefined }), undefined);
});

test('every hit over the rate is acted on; one in a window is recorded, and answers name its verdict', () => {
  let now = 0;
  let made = 0;
  const rates = createRates({ now: () => now });
  const rules = compileRules([{ id: 'CVE-1-1', rules: [{ ...rule, rate: { ...rule.rate, by: ['user'] } }] }]);
  const sink = createRecordingSink();
  const ask = () => {
    const before = sink.client.length;
    const judge = createConnection(
      {
        identity: { method: 'certificate', user: 'developer', groups: [] },
        identityFields: defaultIdentityFields,
        sourceAddress: '192.0.2.1',
        rules,
        limits: defaultConnectionLimits,
        rates: rates.of(caller('192.0.2.1', 'developer')),
        newId: () => `verdict-${made++}`,
      },
      sink,
    );
    judge.clientData(Buffer.from('GET /api/v1/secrets HTTP/1.1\r\nHost: k\r\n\r\n'));
    judge.serverData(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
    return /^HTTP\/1.1 (\d+)[\s\S]*?(?:verdict (verdict-\d+)|$)/.exec(sink.client.slice(before))?.slice(1, 3);
  };
  assert.deepEqual(Array.from({ length: 5 }, ask), [
    ['200', undefined],
    ['200', undefined],
    ['429', 'verdict-0'],
    ['429', 'verdict-0'],
    ['429', 'verdict-0'],
  ]);
  assert.deepEqual(
    sink.findings.map(({ id }) => id),
    ['verdict-0'],
  );
  assert.deepEqual(sink.repetitions, ['CVE-1-1/too-often', 'CVE-1-1/too-often']);
  now = 10_000;
  assert.deepEqual(ask(), ['429', 'verdict-1']);
  assert.equal(sink.findings.length, 2);
});

test('without counters of its owner a connection counts for itself', () => {
  const rules = compileRules([{ id: 'CVE-1-1', rules: [{ ...rule, rate: { ...rule.rate, by: ['user'] } }] }]);
  const sink = createRecordingSink();
  const judge = createConnection(
    {
      identity: { method: 'none' },
      identityFields: defaultIdentityFields,
      sourceAddress: '192.0.2.1',
      rules,
      limits: defaultConnectionLimits,
    },
    sink,
  );
  for (let round = 0; round < 3; round++) {
    judge.clientData(Buffer.from('GET /api/v1/secrets HTTP/1.1\r\nHost: k\r\n\r\n'));
    judge.serverData(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
  }
  assert.deepEqual(sink.responses, [200, 200, 429]);
});
