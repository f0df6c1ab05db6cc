import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { utf8Text } from './utf8.ts';

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

test('text is what a strict decoder reads, and nothing where that refuses', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.string({ unit: 'binary', maxLength: 40 }).map((text) => Buffer.from(text)),
    fc.string({ maxLength: 70 }).map((text) => Buffer.from(text)),
    fc.constant(Buffer.from('\ufffd\ufeff')),
  );
  fc.assert(
    fc.property(bytes, fc.nat(3), (content, before) => {
      const whole = Buffer.concat([Buffer.alloc(before, 0xff), content, Buffer.alloc(2, 0x41)]);
      let expected: string | undefined;
      try {
        expected = strict.decode(content);
      } catch {
        expected = undefined;
      }
      assert.equal(utf8Text(whole, before, before + content.length), expected);
    }),
    { numRuns: 2000 },
  );
});
