// Who may come in: a table of limits, and a dumb twin on random visits.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { defaultLimits, type Limits } from '../model/limits.ts';
import { createReception, type Guest, sourceKey } from './reception.ts';

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
