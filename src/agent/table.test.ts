// The table against the reference evaluator, on random plans.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ProtectedService } from '../model/plan.ts';
import { buildTable } from '../nft/build.ts';
import { exampleService, planOf, ruleOf } from '../nft/example-plan.ts';
import { judge, resolveService } from '../nft/intervals.ts';
import { traceConnection } from '../nft/trace.ts';
import { evaluate } from '../policy/evaluate.ts';

const host = { localAddresses: ['10.0.0.1', '2001:db8::1'] };
const verdict = fc.constantFrom('pass', 'deny', 'drop', 'steer' as const);
/** Few distinct bits, so that prefixes nest, touch and repeat. */
const address4 = fc
  .tuple(fc.constantFrom(0, 10, 128, 255), fc.constantFrom(0, 1, 255), fc.constantFrom(0, 127, 128, 255))
  .map(([a, b, c]) => [a, b, 0, c]);
const prefix4 = fc.tuple(address4, fc.constantFrom(0, 1, 8, 9, 16, 24, 25, 31, 32)).map(([bytes, bits]) => {
  const value = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  const masked = bits === 0 ? 0 : Math.floor(value / 2 ** (32 - bits)) * 2 ** (32 - bits);
  return `${[24, 16, 8, 0].map((s) => Math.floor(masked / 2 ** s) % 256).join('.')}/${bits}`;
});
const prefix6 = fc.constantFrom(
  '::/0',
  '2001:db8::/32',
  '2001:db8:1::/48',
  '2001:db8:1::1',
  '8000::/1',
  'ff00::/8',
);
const caller = fc.oneof(
  address4.map((bytes) => ({ text: bytes.join('.'), to: '10.0.0.1' })),
  fc
    .constantFrom('2001:db8::5', '2001:db8:1::1', '2001:db8:1::2', '9000::1', 'ffff::1', '::2')
    .map((text) => ({ text, to: '2001:db8::1' })),
);
const anyService = fc.record({
  rules: fc.array(fc.tuple(fc.array(fc.oneof(prefix4, prefix6), { maxLength: 4 }), verdict), {
    maxLength: 6,
  }),
  otherwise: verdict,
});

test('random plans: reference evaluator, fast judge and packet tracer agree', () => {
  fc.assert(
    fc.property(
      anyService,
      fc.array(caller, { minLength: 1, maxLength: 8 }),
      ({ rules, otherwise }, callers) => {
        const service: ProtectedService = {
          ...exampleService,
          rules: rules.map(([from, each], index) => ruleOf(`rule-${index}`, from, each)),
          default: otherwise,
        };
        const built = buildTable(planOf([service]), host);
        const resolved = resolveService(service);
        for (const { text, to } of callers) {
          const want = evaluate(service, text);
          assert.deepEqual(judge(resolved, text), want);
          const traced = traceConnection(built, { from: text, to, port: 6443 });
          const expected = { pass: 'direct', steer: 'steered', deny: 'reset', drop: 'drop' }[want.verdict];
          assert.equal(traced.request, expected, `${text}: ${want.rule}`);
          const counted = traced.counters.map(
            (name) => built.counters.find((counter) => counter.name === name)?.comment,
          );
          assert.deepEqual(counted, [want.rule]);
        }
      },
    ),
    { numRuns: 400 },
  );
});
