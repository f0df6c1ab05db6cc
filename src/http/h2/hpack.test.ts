import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Field } from './field.ts';
import { HpackDecoder, type ListLimits } from './hpack-decoder.ts';
import { fieldRoom, writeField } from './hpack-encoder.ts';
import { decodeHuffman } from './huffman.ts';
import { encodeHuffman, HpackTwin, type TwinChoice, type TwinField } from './testing/hpack-twin.ts';

const limits: ListLimits = { bytes: 65_536, fields: 200 };

function read(decoder: HpackDecoder, bytes: Buffer, bounds = limits): string[] | string {
  const fields: Field[] = [];
  const result = decoder.decode(bytes, 0, bytes.length, bounds, fields);
  return result === 'ok' ? fields.map(({ name, value }) => `${name}: ${value}`) : result;
}
const hex = (text: string) => Buffer.from(text.replace(/\s/g, ''), 'hex');

// RFC 7541 appendix C: blocks of one connection, and what they hold.
const first = [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'];
const second = [...first, 'cache-control: no-cache'];
const third = [
  ':method: GET',
  ':scheme: https',
  ':path: /index.html',
  ':authority: www.example.com',
  'custom-key: custom-value',
];
const answers = [
  [
    ':status: 302',
    'cache-control: private',
    'date: Mon, 21 Oct 2013 20:13:21 GMT',
    'location: https://www.example.com',
  ],
  [
    ':status: 307',
    'cache-control: private',
    'date: Mon, 21 Oct 2013 20:13:21 GMT',
    'location: https://www.example.com',
  ],
  [
    ':status: 200',
    'cache-control: private',
    'date: Mon, 21 Oct 2013 20:13:22 GMT',
    'location: https://www.example.com',
    'content-encoding: gzip',
    'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
  ],
];
const examples: readonly [
  name: string,
  size: number,
  blocks: readonly (readonly [string, readonly string[]])[],
][] = [
  [
    'C.2.1',
    4096,
    [['400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572', ['custom-key: custom-header']]],
  ],
  ['C.2.2', 4096, [['040c 2f73 616d 706c 652f 7061 7468', [':path: /sample/path']]]],
  ['C.2.3', 4096, [['1008 7061 7373 776f 7264 0673 6563 7265 74', ['password: secret']]]],
  [
    'C.3',
    4096,
    [
      ['8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d', first],
      ['8286 84be 5808 6e6f 2d63 6163 6865', second],
      ['8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65', third],
    ],
  ],
  [
    'C.4',
    4096,
    [
      ['8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff', first],
      ['8286 84be 5886 a8eb 1064 9cbf', second],
      ['8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf', third],
    ],
  ],
  [
    'C.6',
    256,
    [
      [
        '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
        answers[0] as string[],
      ],
      ['4883 640e ffc1 c0bf', answers[1] as string[]],
      [
        '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
        answers[2] as string[],
      ],
    ],
  ],
];
for (const [name, size, blocks] of examples) {
  test(`RFC 7541 ${name}`, () => {
    const decoder = new HpackDecoder();
    if (size < 4096) {
      // The examples begin with this size.
      decoder.setLimit(size);
      assert.deepEqual(read(decoder, Buffer.from([0x3f, 0xe1, 0x01])), []);
    }
    for (const [block, fields] of blocks) assert.deepEqual(read(decoder, hex(block)), fields);
  });
}

const text = fc.oneof(
  fc.string({ unit: 'binary-ascii', maxLength: 40 }),
  fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  fc.constantFrom('no-cache', 'https', '/', 'GET', 'application/json', 'x'.repeat(300), '\xff'.repeat(30)),
);
const name = fc.oneof(
  fc.constantFrom(':method', ':path', ':status', 'authorization', 'accept', 'cookie', 'x-a', 'x-b', 'via'),
  text,
);
const choice: fc.Arbitrary<TwinChoice> = fc.record({
  form: fc.constantFrom('indexed', 'insert', 'plain', 'never'),
  huffman: fc.boolean(),
  spell: fc.boolean(),
});
const block = fc.record({
  resize: fc.option(fc.nat(300), { freq: 6, nil: undefined }),
  fields: fc.array(fc.tuple(name, text, choice), { maxLength: 12 }),
});

describe('any encoder', () => {
  test('what it writes is what is read, block after block', () => {
    fc.assert(
      fc.property(fc.array(block, { maxLength: 12 }), (blocks) => {
        const twin = new HpackTwin();
        const decoder = new HpackDecoder();
        for (const { resize, fields } of blocks) {
          const parts = resize === undefined ? [] : [twin.resize(resize)];
          for (const [n, v, how] of fields) parts.push(twin.field([n, v], how));
          assert.deepEqual(
            read(decoder, Buffer.concat(parts)),
            fields.map(([n, v]) => `${n}: ${v}`),
          );
        }
      }),
      { numRuns: 400 },
    );
  });

  test('our own writes what is read, and leaves the table as it was', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(name, text, fc.boolean()), { maxLength: 12 }), (fields) => {
        const out = Buffer.alloc(fields.reduce((sum, [n, v]) => sum + fieldRoom(n, v), 0));
        let at = 0;
        for (const [n, v, never] of fields) at = writeField(out, at, n, v, never);
        const decoder = new HpackDecoder();
        assert.deepEqual(
          read(decoder, out.subarray(0, at)),
          fields.map(([n, v]) => `${n}: ${v}`),
        );
        assert.equal(decoder.version, 0);
      }),
    );
  });
});

const broken: readonly [string, string][] = [
  ['index 0', '80'],
  ['an index behind the tables', 'be'],
  ['an integer without an end', 'ff'],
  ['an integer of many zeros', 'ff8080808080808000'],
  ['an integer that is too large', 'ffffffffff7f'],
  ['a name without a value', '0001 61'],
  ['a string that is cut short', '0005 6161'],
  ['a size above the limit', '3fe21f'],
  ['a size behind a field', '8220'],
  ['eight bits of padding', '0001 6182 1fff'],
  ['padding with a zero', '0001 6181 18'],
  ['EOS', '0001 6184 ffff ffff'],
];
for (const [what, bytes] of broken) {
  test(`broken: ${what}`, () => assert.equal(read(new HpackDecoder(), hex(bytes)), 'broken'));
}

test('a lowered limit must be followed by a size, before any field', () => {
  const decoder = new HpackDecoder();
  decoder.setLimit(100);
  assert.equal(read(decoder, hex('82')), 'broken');
  const polite = new HpackDecoder();
  polite.setLimit(100);
  polite.setLimit(4096);
  assert.equal(
    read(polite, hex('3f46 82')),
    'broken',
    'the lowest of the limits between must have been reached',
  );
  const right = new HpackDecoder();
  right.setLimit(100);
  right.setLimit(4096);
  assert.deepEqual(read(right, hex('20 3fe11f 82')), [':method: GET']);
});

test('a list over the limits is said to be so, and the table stays in step', () => {
  const decoder = new HpackDecoder();
  const twin = new HpackTwin();
  const how = { form: 'insert', huffman: true, spell: false } as const;
  const fields: TwinField[] = [
    ['x-a', 'a'.repeat(200)],
    ['x-b', 'b'],
    ['x-c', 'c'],
  ];
  const bytes = Buffer.concat(fields.map((field) => twin.field(field, how)));
  assert.equal(read(decoder, bytes, { bytes: 200, fields: 200 }), 'over');
  const again = Buffer.concat(fields.map((field) => twin.field(field, { ...how, form: 'indexed' })));
  assert.equal(again.length, 3);
  assert.equal(read(decoder, again, { bytes: 65_536, fields: 2 }), 'over');
  assert.deepEqual(read(decoder, again), [`x-a: ${'a'.repeat(200)}`, 'x-b: b', 'x-c: c']);
});

test('Huffman codes of single bytes are those of the standard', () => {
  // RFC 7541 appendix B, one of each length.
  const known: readonly [string, number[]][] = [
    ['a', [0x1f]],
    ['A', [0x87]],
    ['&', [0xf8]],
    ['?', [0xff, 0x3f]],
    ['\n', [0xff, 0xff, 0xff, 0xf3]],
    ['\x00', [0xff, 0xc7]],
    ['\xff', [0xff, 0xff, 0xfb, 0xbf]],
  ];
  for (const [byte, code] of known) {
    assert.deepEqual(encodeHuffman([...Buffer.from(byte, 'latin1')]), code);
    const out = new Uint8Array(8);
    assert.equal(decodeHuffman(Uint8Array.from(code), 0, code.length, out), 1);
    assert.equal(out[0], byte.charCodeAt(0));
  }
});
