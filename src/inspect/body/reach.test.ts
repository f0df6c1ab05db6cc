import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fold } from './folding.ts';
import { field } from './reach.ts';
import type { JsonObject } from './types.ts';

/** As field says it: the name as written, else the first that folds onto it. */
function slowField(value: JsonObject, name: string): unknown {
  if (Object.hasOwn(value, name)) return value[name];
  const key = Object.keys(value).find((one) => fold(one) === fold(name));
  return key === undefined ? undefined : value[key];
}

const name = fc.oneof(
  fc.constantFrom('spec', 'Spec', 'SPEC', '\u017fpec', 'kind', '\u212aind', 'KinD', 'x\u0130', 'xi', ''),
  fc.string({ unit: fc.constantFrom('a', 'A', 'b', '@', '`'), minLength: 1, maxLength: 3 }),
);

test('a field is found in any letter case, also among many, whenever it is asked for', () => {
  fc.assert(
    fc.property(
      fc.dictionary(name, fc.integer(), { maxKeys: 6 }),
      fc.constantFrom(0, 300),
      fc.array(name, { minLength: 1, maxLength: 6 }),
      (some, more, asked) => {
        const object: JsonObject = {
          ...some,
          ...Object.fromEntries(Array.from({ length: more }, (_, n) => [`field-${n}`, n])),
        };
        for (const one of asked) assert.equal(field(object, one), slowField(object, one), one);
      },
    ),
    { numRuns: 1000 },
  );
});
