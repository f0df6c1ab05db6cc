import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { constants, deflateSync, inflateSync } from 'node:zlib';
import { createSpdyConnection, dictionary, type SpdyStream } from './spdy.ts';

/** Adler-32 (RFC 1950), by its definition. */
function adler32(bytes: Buffer): number {
  let a = 1;
  let b = 0;
  for (const byte of bytes) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  return b * 65_536 + a;
}

function control(type: number, payload: Buffer): Buffer {
  const head = Buffer.from([0x80, 3, 0, type, 0, 0, 0, 0]);
  head.writeUInt32BE(payload.length, 4);
  return Buffer.concat([head, payload]);
}

function text(value: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return Buffer.concat([length, Buffer.from(value)]);
}

const block = Buffer.concat([Buffer.from([0, 0, 0, 1]), text('streamtype'), text('stdin')]);
const synStream = control(
  1,
  Buffer.concat([
    Buffer.from([0, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    deflateSync(block, { dictionary, finishFlush: constants.Z_SYNC_FLUSH }),
  ]),
);
const data = Buffer.concat([Buffer.from([0, 0, 0, 1, 1, 0, 0, 2]), Buffer.from('hi')]);
const ping = control(6, Buffer.from([0, 0, 0, 7]));

test('the header dictionary is the one of SPDY/3', () => {
  assert.equal(dictionary.length, 1423);
  assert.equal(adler32(dictionary), 0xe3c6a7c2);
});

test('a stream, its data and a ping read the same in any pieces, and are answered', async () => {
  const wire = Buffer.concat([synStream, data, ping]);
  for (let size = 1; size <= wire.length; size += 1) {
    const socket = new PassThrough();
    const streams: SpdyStream[] = [];
    const connection = createSpdyConnection(socket, (stream) => streams.push(stream));
    for (let at = 0; at < wire.length; at += size) connection.feed(wire.subarray(at, at + size));
    assert.deepEqual(
      streams.map(({ headers }) => ({ ...headers })),
      [{ streamtype: 'stdin' }],
    );
    assert.equal((await streams[0]?.input.toArray())?.join(''), 'hi');
    socket.end();
    const sent = Buffer.concat(await socket.toArray());
    assert.equal(sent.readUInt32BE(0), 0x80030002, 'SYN_REPLY');
    const replyEnd = 8 + (sent.readUInt32BE(4) & 0xffffff);
    const headers = inflateSync(sent.subarray(12, replyEnd), {
      dictionary,
      finishFlush: constants.Z_SYNC_FLUSH,
    });
    assert.deepEqual([...headers], [0, 0, 0, 0]);
    assert.deepEqual(sent.subarray(replyEnd), ping);
  }
});

test('frames over the limit end the connection', () => {
  const connection = createSpdyConnection(new PassThrough(), () => {});
  assert.throws(() => connection.feed(Buffer.from([0, 0, 0, 1, 0, 0xff, 0xff, 0xff])), RangeError);
});
