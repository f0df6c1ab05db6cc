// Any split of the bytes gives the same events, and a dumb second parser reads the same messages.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { pieces, requestBytes, responseBytes, rightRequestBytes } from './testing/arbitrary.ts';
import { dumbMessages } from './testing/dumb-twin.ts';
import { replay, type Side } from './testing/replay.ts';

const request: Side = { kind: 'request' };
const whole = (input: string, side: Side) => replay([Buffer.from(input, 'latin1')], side);
const method = fc.constantFrom('GET', 'HEAD', 'POST');

test('any split of request bytes gives the same events', () => {
  fc.assert(
    fc.property(
      requestBytes.chain((input) => fc.tuple(fc.constant(input), pieces(input))),
      ([input, parts]) => assert.deepEqual(replay(parts, request), whole(input, request)),
    ),
    { numRuns: 3_000 },
  );
});

test('any split of response bytes gives the same events', () => {
  fc.assert(
    fc.property(
      responseBytes.chain((input) => fc.tuple(fc.constant(input), pieces(input))),
      method,
      ([input, parts], asked) => {
        const side: Side = { kind: 'response', method: asked };
        assert.deepEqual(replay(parts, side), whole(input, side));
      },
    ),
    { numRuns: 3_000 },
  );
});

test('the dumb twin reads the same requests', () => {
  let accepted = 0;
  let refused = 0;
  fc.assert(
    fc.property(requestBytes, (input) => {
      const ours = whole(input, request);
      if (ours.refused) refused++;
      else accepted++;
      assert.deepEqual(
        ours.messages.filter((message) => message.complete),
        dumbMessages(input, request),
      );
    }),
    { numRuns: 6_000 },
  );
  // The generator has to visit both sides, or agreement says nothing.
  assert.ok(accepted > 500 && refused > 500, `accepted ${accepted}, refused ${refused}`);
});

test('the dumb twin reads the same responses', () => {
  fc.assert(
    fc.property(responseBytes, method, (input, asked) => {
      const side: Side = { kind: 'response', method: asked };
      const ours = whole(input, side);
      assert.deepEqual(
        ours.messages.filter((message) => message.complete),
        dumbMessages(input, side),
      );
    }),
    { numRuns: 6_000 },
  );
});

test('what is cut short is unfinished, never refused', () => {
  fc.assert(
    fc.property(rightRequestBytes, fc.nat(1 << 20), (input, cut) => {
      if (whole(input, request).refused) return;
      assert.equal(whole(input.slice(0, cut % input.length), request).refused, undefined);
    }),
    { numRuns: 2_000 },
  );
});
