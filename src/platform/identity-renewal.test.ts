import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { Failure } from '../base/failure.ts';
import { type ClientIdentity, type Validity, validityOf } from './identity.ts';
import { createRenewals } from './identity-renewal.ts';
import { createAuthority, issue } from './pki.ts';

const minute = 60_000;
let identity: ClientIdentity;
let validity: Validity;
before(async () => {
  const ca = await createAuthority('portcullis', 400);
  const pair = await issue(ca, { subject: { commonName: 'cp-1' }, use: ['client'], days: 365 });
  identity = { ...pair, controller: '127.0.0.1:1', role: 'agent', name: 'cp-1', ca: ca.certificate };
  validity = validityOf(pair.certificate);
});

/** Time passes only while it is waited for; after `tries` renewals it ends. */
async function keep(tries: number, random: number, renew: (attempt: number) => void) {
  const stop = new AbortController();
  let now = validity.from;
  const at: number[] = [];
  const lines: [string, Record<string, unknown>][] = [];
  const client = {
    identity: () => identity,
    async renew() {
      at.push(now);
      if (at.length === tries) stop.abort();
      renew(at.length);
    },
  };
  const tools = {
    clock: { now: () => now },
    random: () => random,
    pause: async (ms: number) => {
      assert.ok(ms > 0 && ms <= 2 ** 31 - 1, `${ms} is nothing that a timer waits`);
      now += ms;
    },
  };
  const renewals = createRenewals(client, tools);
  await renewals.keep((event, fields) => lines.push([event, fields]), stop.signal);
  return { at, lines, counters: renewals.counters() };
}

test('an identity is renewed at a random point from 70 to 90 % of its life', async () => {
  for (const [random, share] of [
    [0, 0.7],
    [0.5, 0.8],
    [1, 0.9],
  ] as const) {
    const { at, lines, counters } = await keep(1, random, () => {});
    assert.deepEqual(
      at.map((when) => Math.round(((when - validity.from) / (validity.until - validity.from)) * 1000) / 1000),
      [share],
    );
    assert.deepEqual(lines, [['identity-renewed', { until: new Date(validity.until).toISOString() }]]);
    assert.deepEqual(counters, { identity_renewals: 1, identity_renewals_failed: 0 });
  }
});

test('what is refused or fails is told with its code, counted, and tried again ever more seldom', async () => {
  const { at, lines, counters } = await keep(11, 1, (attempt) => {
    if (attempt === 1) throw new Failure('renewal-refused', 'no', { hint: 'do this' });
    if (attempt === 2) throw new TypeError('a defect');
    if (attempt < 9) throw new Failure('controller-unreachable', 'away');
  });
  const waits = at.slice(1).map((when, index) => Math.round((when - (at[index] ?? 0)) / minute));
  // The ninth succeeds: a clock that takes the new one for due at once doesn't make them follow on one another.
  assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
  assert.deepEqual(lines[0], [
    'identity-not-renewed',
    {
      code: 'renewal-refused',
      error: 'no (do this) [renewal-refused]',
      ends: new Date(validity.until).toISOString(),
    },
  ]);
  assert.deepEqual(lines[1]?.[1]['code'], 'internal');
  assert.deepEqual(
    lines.map(([event]) => event === 'identity-renewed'),
    [...Array(8).fill(false), true, true, true],
  );
  assert.deepEqual(counters, { identity_renewals: 3, identity_renewals_failed: 8 });
});

test('a damaged certificate is due, and no reason to end', async () => {
  const whole = identity;
  identity = { ...whole, certificate: 'x' };
  const { at, lines } = await keep(2, 1, (attempt) => {
    if (attempt === 1) throw new Failure('controller-unreachable', 'away');
    identity = whole;
  });
  assert.deepEqual(at, [validity.from, validity.from + minute]);
  assert.deepEqual(lines[0]?.[1]['ends'], '1970-01-01T00:00:00.000Z');
});

test('being stopped while a renewal is under way is no failure', async () => {
  const { lines, counters } = await keep(1, 0, () => {
    throw new Error('aborted');
  });
  assert.deepEqual([lines, counters], [[], { identity_renewals: 0, identity_renewals_failed: 0 }]);
});
