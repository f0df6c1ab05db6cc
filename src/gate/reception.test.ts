// Who may come in: a table of limits, and a dumb twin on random visits.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { defaultLimits, type Limits } from '../model/limits.ts';
import { createReception, type Guest, type Reception, sourceKey } from './reception.ts';
import { besideOf, nobodyBeside, type Standing } from './standing.ts';

const limits = (more: Partial<Limits>): Limits => ({ ...defaultLimits, ...more });
const never = () => assert.fail('nothing was to be closed');

function visits(more: Partial<Limits>, addresses: readonly string[], now = 0): readonly string[] {
  const reception = createReception(limits(more));
  return addresses.map((address) => {
    const answer = reception.arrive(address, false, now, never);
    return typeof answer === 'string' ? answer : 'in';
  });
}

test('a source is an IPv4 address, or a /64 of IPv6', () => {
  assert.equal(sourceKey('192.0.2.1'), '192.0.2.1');
  assert.notEqual(sourceKey('192.0.2.1'), sourceKey('192.0.2.2'));
  assert.equal(sourceKey('2001:db8::1'), sourceKey('2001:db8::ffff:1:2:3'));
  assert.notEqual(sourceKey('2001:db8::1'), sourceKey('2001:db8:0:1::1'));
  assert.notEqual(sourceKey('::1'), sourceKey('192.0.2.1'));
});

for (const [limit, code] of [
  ['connectionsPerSource', 'too-many-from-source'],
  ['unauthenticatedPerSource', 'too-many-unauthenticated'],
] as const) {
  test(`${limit} is of one source, and of no other`, () => {
    const a = '2001:db8::1';
    const [same, other] = ['2001:db8::2', '2001:db8:0:1::1'];
    assert.deepEqual(visits({ [limit]: 2 }, [a, same, a, other, '192.0.2.1']), [
      'in',
      'in',
      code,
      'in',
      'in',
    ]);
  });
}

test('handshakes are paced by source, with a burst', () => {
  const reception = createReception(limits({ handshakesPerSource: 2 }));
  const arrive = (now: number) => {
    const answer = reception.arrive('192.0.2.1', false, now, never);
    if (typeof answer !== 'string') answer.left();
    return typeof answer === 'string' ? answer : 'in';
  };
  assert.deepEqual(
    Array.from({ length: 11 }, () => arrive(0)),
    [...Array(10).fill('in'), 'too-many-handshakes'],
  );
  assert.deepEqual(
    [arrive(400), arrive(500), arrive(500)],
    ['too-many-handshakes', 'in', 'too-many-handshakes'],
  );
  assert.equal(
    reception.arrive('192.0.2.1', true, 500, never) instanceof Object,
    true,
    'the control plane is let in',
  );
});

test('who showed a credential does not wait any more; the longest waiting makes room, never the control plane', () => {
  const reception = createReception(limits({ unauthenticated: 2 }));
  const closed: string[] = [];
  const arrive = (name: string, trusted = false) =>
    reception.arrive(`192.0.2.${closed.length + 1}`, trusted, 0, (why) =>
      closed.push(`${name} ${why}`),
    ) as Guest;
  arrive('plane', true);
  const a = arrive('a');
  a.authenticated();
  a.authenticated();
  assert.equal(reception.unauthenticated, 1);
  arrive('b');
  arrive('c');
  assert.deepEqual(closed, ['b unauthenticated-over-limit']);
  arrive('d');
  assert.deepEqual(closed, ['b unauthenticated-over-limit', 'c unauthenticated-over-limit']);
  assert.equal(reception.unauthenticated, 2);
  a.left();
  a.left();
  assert.equal(reception.unauthenticated, 2);
});

test('a handshake that takes too long is closed once, one that is done is not', () => {
  const reception = createReception(limits({ handshakeMs: 100 }));
  const closed: string[] = [];
  const arrive = (name: string, now: number) =>
    reception.arrive('192.0.2.1', false, now, (why) => closed.push(`${name} ${why}`)) as Guest;
  arrive('slow', 0);
  arrive('done', 0).handshaken();
  arrive('late', 50);
  reception.sweep(100);
  reception.sweep(101);
  reception.sweep(102);
  assert.deepEqual(closed, ['slow handshake']);
  reception.update(limits({ handshakeMs: 10 }));
  reception.sweep(102);
  assert.deepEqual(closed, ['slow handshake', 'late handshake']);
});

test('counts are those of a list of who is there, and sources that are gone are forgotten', () => {
  const step = fc.record({
    source: fc.integer({ min: 1, max: 3 }),
    what: fc.constantFrom('arrive', 'arrive', 'authenticate', 'leave'),
    wait: fc.integer({ min: 0, max: 2_000 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const small = limits({
        connectionsPerSource: 4,
        unauthenticatedPerSource: 2,
        unauthenticated: 5,
        handshakesPerSource: 1,
      });
      const reception = createReception(small);
      type One = { source: number; known: boolean; guest: Guest };
      let there: One[] = [];
      const spent = new Map<number, { tokens: number; at: number }>();
      let now = 0;
      for (const { source, what, wait } of steps) {
        now += wait;
        if (what === 'arrive') {
          const mine = there.filter((one) => one.source === source);
          const bucket = spent.get(source) ?? { tokens: 5, at: now };
          bucket.tokens = Math.min(5, bucket.tokens + (now - bucket.at) / 1000);
          bucket.at = now;
          spent.set(source, bucket);
          const wanted =
            mine.length >= 4
              ? 'too-many-from-source'
              : mine.filter((one) => !one.known).length >= 2
                ? 'too-many-unauthenticated'
                : bucket.tokens < 1
                  ? 'too-many-handshakes'
                  : 'in';
          const answer = reception.arrive(`10.0.0.${source}`, false, now, () => {
            const first = there.find((one) => !one.known);
            assert.ok(first);
            there = there.filter((one) => one !== first);
            first.guest.left();
          });
          assert.equal(typeof answer === 'string' ? answer : 'in', wanted);
          if (typeof answer !== 'string') {
            bucket.tokens -= 1;
            there.push({ source, known: false, guest: answer });
          }
        } else {
          const one = there.find((item) => item.source === source);
          if (what === 'authenticate') one?.guest.authenticated();
          if (one && what === 'authenticate') one.known = true;
          if (what === 'leave') one?.guest.left();
          if (what === 'leave') there = there.filter((item) => item !== one);
        }
        assert.equal(reception.unauthenticated, there.filter((one) => !one.known).length);
      }
      for (const one of there) one.guest.left();
      reception.sweep(now + 5_001);
      assert.equal(reception.sources, 0);
    }),
  );
});

describe('workers that tell each other', () => {
  const listener = 'here';
  /** Each hears the others as the parent passes them on. */
  function tell(receptions: readonly Reception[], now: number): void {
    const all: Standing[] = receptions.map((one) => ({
      openRequests: 0,
      listeners: [{ listener, spent: [], hits: [], ...one.standing() }],
    }));
    for (const [index, reception] of receptions.entries()) {
      const others = all.filter((_, other) => other !== index);
      const arrived = others.flatMap(({ listeners }) => listeners[0]?.arrived ?? []);
      reception.heard(besideOf(listener, others), arrived, now);
    }
  }

  test('are as one, where limits are so small that all is told', () => {
    const step = fc.record({
      source: fc.integer({ min: 1, max: 3 }),
      worker: fc.nat(2),
      what: fc.constantFrom('arrive', 'arrive', 'arrive', 'authenticate', 'leave'),
      wait: fc.integer({ min: 0, max: 1_500 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const small = limits({
          connectionsPerSource: 6,
          unauthenticatedPerSource: 3,
          handshakesPerSource: 1,
        });
        const one = createReception(small);
        const several = [0, 1, 2].map(() => createReception(small, 3));
        const there: { readonly source: number; readonly guests: readonly Guest[] }[] = [];
        let now = 0;
        for (const { source, worker, what, wait } of steps) {
          now += wait;
          if (what === 'arrive') {
            const address = `10.0.0.${source}`;
            const expected = one.arrive(address, false, now, never);
            const answer = several[worker]?.arrive(address, false, now, never);
            assert.ok(answer);
            assert.equal(
              typeof answer === 'string' ? answer : 'in',
              typeof expected === 'string' ? expected : 'in',
            );
            if (typeof answer !== 'string' && typeof expected !== 'string') {
              there.push({ source, guests: [answer, expected] });
            }
          } else {
            const at = there.findIndex((item) => item.source === source);
            for (const guest of there[at]?.guests ?? []) {
              if (what === 'leave') guest.left();
              else guest.authenticated();
            }
            if (what === 'leave' && at >= 0) there.splice(at, 1);
          }
          tell(several, now);
        }
      }),
    );
  });

  test('let in a sixteenth over the limit at most, and tell nothing of who has little', () => {
    const many = limits({
      connectionsPerSource: 1_000,
      unauthenticatedPerSource: 10_000,
      handshakesPerSource: 100_000,
    });
    const several = [0, 1, 2, 3].map(() => createReception(many, 4));
    let inside = 0;
    for (let before = -1, round = 0; before < inside; round += 1) {
      before = inside;
      for (const reception of several) {
        if (typeof reception.arrive('192.0.2.1', false, 0, never) !== 'string') inside += 1;
        reception.arrive(`10.0.${round >> 8}.${round & 255}`, false, 0, never);
      }
      tell(several, 0);
    }
    assert.ok(inside >= 1_000 && inside <= 1_064, `${inside} of 1,000 were let in`);
    assert.deepEqual(several[0]?.standing().sources, [['192.0.2.1', inside / 4, inside / 4]]);
  });

  test('the room for who shows no credential is one: whoever has more than its part makes room', () => {
    const four = limits({ unauthenticated: 4 });
    const several = [createReception(four, 2), createReception(four, 2)];
    const closed: string[] = [];
    const arrive = (worker: number, name: string) => {
      const guest = several[worker]?.arrive('192.0.2.1', false, 0, () => closed.push(name));
      assert.ok(guest && typeof guest !== 'string');
      tell(several, 0);
    };
    for (const name of ['a', 'b', 'c', 'd']) arrive(0, name);
    assert.deepEqual(closed, []);
    arrive(1, 'newcomer');
    assert.deepEqual(closed, ['a'], 'the newcomer stays');
    arrive(1, 'second');
    assert.deepEqual(closed, ['a', 'b']);
    arrive(1, 'third');
    assert.deepEqual(closed, ['a', 'b', 'newcomer'], 'each has its part, so the oldest here leaves');
    assert.deepEqual(
      several.map(({ unauthenticated }) => unauthenticated),
      [2, 2],
    );
  });

  test('a worker that is gone takes nothing with it', () => {
    const several = [0, 1].map(() => createReception(limits({ connectionsPerSource: 2 }), 2));
    several[1]?.arrive('192.0.2.1', false, 0, never);
    several[1]?.arrive('192.0.2.1', false, 0, never);
    tell(several, 0);
    assert.equal(several[0]?.arrive('192.0.2.1', false, 0, never), 'too-many-from-source');
    several[0]?.heard(nobodyBeside, [], 0);
    assert.equal(typeof several[0]?.arrive('192.0.2.1', false, 0, never), 'object');
  });
});
