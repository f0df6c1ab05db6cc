// HTTP/2 for the fuzzers: random frames from both sides, header blocks in every form, bent and cut anywhere, and what must
// hold whatever they are. nghttp2 (node:http2's server) reads what was forwarded.
import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import type { Field } from '../../src/http/h2/field.ts';
import {
  ACK,
  CONTINUATION,
  END_HEADERS,
  END_STREAM,
  frame,
  GOAWAY,
  goawayFrame,
  HEADERS,
  numberFrame,
  preface,
  RST_STREAM,
  settingsAck,
  settingsFrame,
  WINDOW_UPDATE,
} from '../../src/http/h2/frames.ts';
import { HpackDecoder } from '../../src/http/h2/hpack-decoder.ts';
import { HpackTwin, type TwinChoice, type TwinField } from '../../src/http/h2/testing/hpack-twin.ts';
import { defaultConnectionLimits, defaultIdentityFields } from '../../src/inspect/connection-types.ts';
import { createHttp2Connection } from '../../src/inspect/h2/connection.ts';
import { readFrames } from '../../src/inspect/h2/testing/raw.ts';
import { createRecordingSink, type RecordingSink } from '../../src/inspect/recording-sink.ts';
import type { RuleSet } from '../../src/inspect/rules.ts';
import { claimed, secret } from './arbitrary.ts';
import { checkFindings, identity, sourceAddress } from './drive.ts';

type Piece =
  | {
      readonly kind: 'headers';
      readonly stream: number;
      readonly fields: readonly TwinField[];
      readonly how: TwinChoice;
      readonly end: boolean;
      /** Cut into CONTINUATION frames of this many bytes. */
      readonly cut: number | undefined;
    }
  | { readonly kind: 'data'; readonly stream: number; readonly text: string; readonly flags: number }
  | { readonly kind: 'frame'; readonly bytes: string }
  | {
      readonly kind: 'any';
      readonly type: number;
      readonly flags: number;
      readonly stream: number;
      readonly text: string;
    };
type Step = { readonly from: 'client' | 'server'; readonly pieces: readonly Piece[] };
export type Http2Case = {
  readonly steps: readonly Step[];
  readonly sizes: readonly number[];
  readonly certificate: boolean;
  /** A byte that is changed on its way: which, and by how much. */
  readonly bend: readonly [at: number, by: number] | undefined;
};

const latin = (bytes: Buffer) => bytes.toString('latin1');
const stream = fc.constantFrom(1, 1, 3, 3, 5, 7, 9, 2, 0);
const how: fc.Arbitrary<TwinChoice> = fc.record({
  form: fc.constantFrom('indexed', 'indexed', 'insert', 'plain', 'never'),
  huffman: fc.boolean(),
  spell: fc.boolean(),
});
const value = fc.constantFrom(
  '',
  'a',
  'b c',
  'caf\xe9',
  '*/*',
  'trailers',
  '5',
  '0',
  'k',
  'x\ny',
  ' x',
  'z'.repeat(3_000),
);
const anyField: fc.Arbitrary<TwinField> = fc.oneof(
  fc.tuple(
    fc.constantFrom(
      'accept',
      'x-a',
      'x-b',
      'cookie',
      'te',
      'host',
      'content-length',
      'expect',
      'Accept',
      'a b',
      'connection',
      'upgrade',
      'transfer-encoding',
      ':path',
      ':protocol',
      ':status',
    ),
    value,
  ),
  fc.constantFrom<TwinField>(
    ['x-remote-user', claimed],
    ['x_remote_group', claimed],
    ['x-remote-extra-a', claimed],
    ['x-forwarded-for', claimed],
    ['authorization', `Bearer ${secret}`],
    ['cookie', `a=${secret}`],
  ),
);
const method = fc.constantFrom('GET', 'GET', 'POST', 'HEAD', 'PATCH', 'OPTIONS', 'CONNECT', 'G T', 'get');
const path = fc.constantFrom(
  '/',
  '/api/v1/pods',
  '/api/v1/pods?watch=1&a=%2f',
  '/a//b',
  '/x%20y',
  '*',
  '',
  '/a b',
  '/a#b',
  'https://k/',
  '/\\',
  '/a?\\',
);
const request = fc
  .record({
    method,
    path,
    more: fc.array(anyField, { maxLength: 4 }),
    scheme: fc.constantFrom('https', 'https', 'https', 'http'),
    order: fc.constantFrom(0, 0, 0, 1),
  })
  .map(({ method: verb, path: target, more, scheme, order }): TwinField[] => {
    const own: TwinField[] = [
      [':method', verb],
      [':scheme', scheme],
      [':path', target],
      [':authority', 'k'],
    ];
    return order === 0 ? [...own, ...more] : [...more, ...own];
  });
const answer = fc
  .record({
    status: fc.constantFrom('200', '200', '403', '204', '304', '103', '101', '20', '302'),
    more: fc.array(anyField, { maxLength: 4 }),
  })
  .map(({ status, more }): TwinField[] => [[':status', status], ...more]);

function headersOf(fields: fc.Arbitrary<readonly TwinField[]>): fc.Arbitrary<Piece> {
  return fc.record({
    kind: fc.constant('headers'),
    stream,
    fields,
    how,
    end: fc.boolean(),
    cut: fc.option(fc.integer({ min: 1, max: 60 }), { freq: 5, nil: undefined }),
  });
}
const data: fc.Arbitrary<Piece> = fc.record({
  kind: fc.constant('data'),
  stream,
  text: fc.constantFrom('', 'hello', '\x02ab\0\0', 'x'.repeat(1_000), 'x'.repeat(17_000)),
  flags: fc.constantFrom(0, 1, 8, 9),
});
const control: fc.Arbitrary<Piece> = fc
  .oneof(
    stream.chain((id) =>
      fc.constantFrom(0, 1, 8, 0xffff_ffff).map((number) => numberFrame(RST_STREAM, id, number)),
    ),
    stream.chain((id) =>
      fc.constantFrom(1, 5, 70_000, 0, 0x7fff_ffff).map((number) => numberFrame(WINDOW_UPDATE, id, number)),
    ),
    fc.constantFrom(
      settingsFrame([]),
      settingsFrame([[1, 0]]),
      settingsFrame([
        [1, 100],
        [4, 10],
      ]),
      settingsFrame([
        [4, 200_000],
        [5, 50_000],
      ]),
      settingsFrame([
        [2, 0],
        [3, 1],
        [8, 1],
        [9, 9],
      ]),
      settingsFrame([[5, 1]]),
      settingsAck,
      frame(6, 0, 0, Buffer.from('12345678')),
      frame(6, ACK, 0, Buffer.from('12345678')),
      frame(2, 0, 3, Buffer.alloc(5)),
      frame(0x10, 0, 0, Buffer.from('u=1')),
      goawayFrame(1, 0),
      goawayFrame(0x7fff_ffff, 0),
    ),
  )
  .map((bytes) => ({ kind: 'frame', bytes: latin(bytes) }));
const any: fc.Arbitrary<Piece> = fc.record({
  kind: fc.constant('any'),
  type: fc.nat(12),
  flags: fc.nat(255),
  stream,
  text: fc.constantFrom('', 'abcd', '12345678', '\x82\x87\x84', '\xff\xff\xff'),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      from: fc.constant('client'),
      pieces: fc.array(
        fc.oneof(
          { weight: 5, arbitrary: headersOf(request) },
          { weight: 2, arbitrary: data },
          { weight: 2, arbitrary: control },
          { weight: 1, arbitrary: any },
        ),
        { maxLength: 4 },
      ),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      from: fc.constant('server'),
      pieces: fc.array(
        fc.oneof(
          { weight: 5, arbitrary: headersOf(answer) },
          { weight: 3, arbitrary: data },
          { weight: 2, arbitrary: control },
          { weight: 1, arbitrary: any },
        ),
        { maxLength: 4 },
      ),
    }),
  },
);
/** Streams that are opened in order and answered, so that most cases get far. */
const opening: fc.Arbitrary<readonly Step[]> = fc
  .array(fc.tuple(request, answer, how), { maxLength: 3 })
  .map((all) =>
    all.flatMap(([fields, reply, choice], index): Step[] => {
      const head = { kind: 'headers', stream: 1 + 2 * index, how: choice, cut: undefined } as const;
      return [
        { from: 'client', pieces: [{ ...head, fields: fields.slice(0, 5), end: true }] },
        { from: 'server', pieces: [{ ...head, fields: reply, end: false }] },
      ];
    }),
  );

export const http2Case: fc.Arbitrary<Http2Case> = fc.record({
  steps: fc.tuple(opening, fc.array(step, { maxLength: 8 })).map(([first, then]) => [...first, ...then]),
  sizes: fc.oneof(
    { weight: 3, arbitrary: fc.constant([1_000_000]) },
    { weight: 1, arbitrary: fc.constant([1]) },
    { weight: 2, arbitrary: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 5 }) },
  ),
  certificate: fc.boolean(),
  bend: fc.option(fc.tuple(fc.nat(2_000), fc.integer({ min: 1, max: 255 })), { freq: 3, nil: undefined }),
});

function bytesOf(piece: Piece, twin: HpackTwin): Buffer {
  switch (piece.kind) {
    case 'headers': {
      const block = Buffer.concat(piece.fields.map((field) => twin.field(field, piece.how)));
      const end = piece.end ? END_STREAM : 0;
      if (piece.cut === undefined) return frame(HEADERS, END_HEADERS | end, piece.stream, block);
      const parts = [frame(HEADERS, end, piece.stream, block.subarray(0, piece.cut))];
      const size = Math.max(piece.cut, Math.ceil(block.length / 12));
      for (let at = piece.cut; at < block.length; at += size) {
        parts.push(frame(CONTINUATION, 0, piece.stream, block.subarray(at, at + size)));
      }
      parts.push(frame(CONTINUATION, END_HEADERS, piece.stream, Buffer.alloc(0)));
      return Buffer.concat(parts);
    }
    case 'data':
      return frame(0, piece.flags, piece.stream, Buffer.from(piece.text, 'latin1'));
    case 'frame':
      return Buffer.from(piece.bytes, 'latin1');
    case 'any':
      return frame(piece.type, piece.flags, piece.stream, Buffer.from(piece.text, 'latin1'));
  }
}

/** Feeds one case. @throws AssertionError naming the promise that does not hold */
export function driveHttp2(one: Http2Case, rules: RuleSet): RecordingSink {
  const sink = createRecordingSink();
  const judge = createHttp2Connection(
    {
      identity: one.certificate ? identity : { method: 'none' },
      identityFields: defaultIdentityFields,
      sourceAddress,
      rules,
      limits: defaultConnectionLimits,
    },
    sink,
  );
  const twins = { client: new HpackTwin(), server: new HpackTwin() };
  const answers: string[] = [];
  let turn = 0;
  let position = 0;
  const feed = (from: 'client' | 'server', bytes: Buffer) => {
    for (let at = 0; at < bytes.length; ) {
      const size = one.sizes[turn++ % one.sizes.length] ?? 1;
      // A copy that is overwritten afterwards: the judge must not keep what it is given.
      const piece = Buffer.from(bytes.subarray(at, at + size));
      at += size;
      const over = judge.state !== 'http';
      const sent = sink.server.length + sink.client.length;
      if (from === 'client') judge.clientData(piece);
      else judge.serverData(piece);
      piece.fill(0x21);
      if (over) assert.equal(sink.server.length + sink.client.length, sent, 'nothing goes out after the end');
    }
  };
  feed('client', Buffer.concat([preface, settingsFrame([])]));
  feed('server', Buffer.concat([settingsFrame([[3, 100]]), settingsAck]));
  feed('client', settingsAck);
  for (const { from, pieces } of one.steps) {
    for (const piece of pieces) {
      const bytes = bytesOf(piece, twins[from]);
      const at = one.bend ? one.bend[0] - position : -1;
      position += bytes.length;
      if (one.bend && at >= 0 && at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ one.bend[1];
      if (from === 'server' && piece.kind === 'headers') answers.push(textOf(piece.fields));
      feed(from, bytes);
    }
  }
  checkFindings(sink);
  checkForwarded(sink, one);
  if (one.bend === undefined) checkDelivered(sink, answers);
  return sink;
}

/** What went to the server, read by ourselves: whole frames, no claimed identity, the gate's own exactly once. */
function checkForwarded(sink: RecordingSink, { certificate, bend }: Http2Case): void {
  if (sink.server === '') return;
  for (const fields of blocksOf(sink.server)) {
    const names = fields.map(([name]) => name);
    assert.ok(names.includes(':method'), 'trailers of a request went on');
    // A bent name is another name.
    assert.ok(bend || !fields.some(([, text]) => text.includes(claimed)), 'a claimed identity passed');
    const ours = fields
      .filter(([name]) => /^x[-_]remote|forwarded/i.test(name))
      .map((field) => field.join(': '));
    const expected = [`x-forwarded-for: ${sourceAddress}`];
    if (certificate) {
      expected.push(`x-remote-user: ${identity.user}`);
      for (const group of identity.groups) expected.push(`x-remote-group: ${latin(Buffer.from(group))}`);
    }
    assert.deepEqual(ours, expected, 'the identity fields are exactly ours');
    assert.ok(
      !names.some((name) => /^(?:connection|upgrade|transfer-encoding|:protocol)$/.test(name)),
      names.join(),
    );
  }
}

/** The caller's table is in step, whatever was withheld: every block reads as one that the server sent, or is the gate's. */
function checkDelivered(sink: RecordingSink, answers: readonly string[]): void {
  for (const fields of blocksOf(sink.client)) {
    const own =
      textOf(fields) === ':status: 100' ||
      fields.some(([name, text]) => name === 'cache-control' && text === 'no-cache, private');
    assert.ok(own || answers.includes(textOf(fields)), `a block that nobody sent: ${textOf(fields)}`);
  }
}

const textOf = (fields: readonly TwinField[]) => fields.map((field) => field.join(': ')).join('\n');

/** The header blocks of one direction, in order. A last frame may be cut short where the connection was ended. */
function blocksOf(sent: string): TwinField[][] {
  const decoder = new HpackDecoder();
  const blocks: TwinField[][] = [];
  let parts: Buffer[] = [];
  for (const { type, flags, payload } of readFrames(sent, true)) {
    if (type !== HEADERS && type !== CONTINUATION) continue;
    const padding = type === HEADERS && flags & 8 ? (payload[0] ?? 0) : 0;
    const from = type === HEADERS ? (flags & 8 ? 1 : 0) + (flags & 0x20 ? 5 : 0) : 0;
    parts.push(payload.subarray(from, payload.length - padding));
    if ((flags & END_HEADERS) === 0) continue;
    const block = Buffer.concat(parts);
    parts = [];
    const fields: Field[] = [];
    const result = decoder.decode(block, 0, block.length, { bytes: 1 << 24, fields: 10_000 }, fields);
    assert.equal(result, 'ok', 'a block that can not be read went out');
    blocks.push(fields.map(({ name, value: text }): TwinField => [name, text]));
  }
  return blocks;
}

/** nghttp2 takes every request that was forwarded, and reads it as we do. */
export async function checkNghttp2(sink: RecordingSink): Promise<void> {
  if (sink.server === '' || sink.aborted) return;
  // Node's server takes no new stream of a caller that has said goodbye, which is its own choice.
  if (readFrames(sink.server, true).some(({ type }) => type === GOAWAY)) return;
  const ours = blocksOf(sink.server).filter((fields) => fields.some(([name]) => name === ':method'));
  const theirs: TwinField[][] = [];
  const errors: string[] = [];
  const wire = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const server = createServer({ maxHeaderListPairs: 1_000, settings: { maxConcurrentStreams: 1_000 } });
  server.on('sessionError', (error) => errors.push(error.message));
  server.on(
    'stream',
    (request: ServerHttp2Stream, _headers: IncomingHttpHeaders, _flags: number, raw: string[]) => {
      request.on('error', () => {});
      request.resume();
      const fields: TwinField[] = [];
      for (let at = 0; at < raw.length; at += 2) fields.push([raw[at] ?? '', raw[at + 1] ?? '']);
      theirs.push(fields);
    },
  );
  server.emit('connection', wire);
  wire.push(Buffer.from(sink.server, 'latin1'));
  for (let wait = 0; wait < 8 && theirs.length < ours.length; wait++) await new Promise(setImmediate);
  wire.destroy();
  server.close();
  const sorted = (fields: readonly TwinField[]) => textOf(fields);
  assert.deepEqual(theirs.map(sorted), ours.map(sorted), `nghttp2 reads other requests (${errors.join()})`);
}
