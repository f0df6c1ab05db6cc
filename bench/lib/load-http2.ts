// HTTP/2 with a number of streams in flight on each connection. Frames are written and read by hand: node:http2 costs
// more than any of the proxies, and h2load can't show a client certificate, which is where identity comes from.
//
// As Go's clients do, a connection's first request puts its fields into the dynamic table; those after it name them by
// index, so each is a few bytes.
import type { TLSSocket } from 'node:tls';
import { type Load, requestFields } from './load.ts';

const frameTypes = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, window: 8 } as const;
const endStream = 0x1;
const endHeaders = 0x4;
const ack = 0x1;
const largestWindow = 0x7fffffff;
/** Unread bytes of a connection after which its window is opened again. */
const refill = 1 << 28;
/** The static table's `:status: 200`, indexed. */
const status200 = 0x88;

export async function driveHttp2(load: Load): Promise<void> {
  const sockets = await Promise.all(Array.from({ length: load.config.connections }, () => load.open()));
  for (const socket of sockets) {
    if (socket.alpnProtocol !== 'h2') load.fail('no HTTP/2 was offered');
    drive(load, socket);
  }
}

function drive(load: Load, socket: TLSSocket): void {
  const fields: readonly (readonly [string, string])[] = [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':authority', 'kubernetes:6443'],
    [':path', load.config.path],
    ...requestFields,
  ];
  // Literal with incremental indexing, new name (RFC 7541 6.2.1); lengths are below 127.
  const literals = Buffer.concat(
    fields.flatMap(([name, value]) => [
      ...[Buffer.from([0x40, name.length]), Buffer.from(name)],
      ...[Buffer.from([value.length]), Buffer.from(value)],
    ]),
  );
  // The newest entry is 62.
  const indexed = Buffer.from(fields.map((_, position) => 0x80 | (62 + fields.length - 1 - position)));
  const started = new Map<number, number>();
  let stream = 1;
  let unread = 0;
  let size = 0;
  let held: Buffer = Buffer.alloc(0);

  socket.write(
    Buffer.concat([
      Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      // INITIAL_WINDOW_SIZE, ENABLE_PUSH off.
      frame(frameTypes.settings, 0, 0, Buffer.from([0, 4, 0x7f, 0xff, 0xff, 0xff, 0, 2, 0, 0, 0, 0])),
      frame(frameTypes.window, 0, 0, uint32(largestWindow - 65_535)),
    ]),
  );
  for (let count = load.config.streams ?? 1; count > 0; count -= 1) ask();

  function ask(): void {
    if (load.over) return;
    const block = stream === 1 ? literals : indexed;
    started.set(stream, performance.now());
    socket.write(frame(frameTypes.headers, endStream | endHeaders, stream, block));
    stream += 2;
  }
  socket.on('close', () => load.fail('the connection was closed'));
  socket.on('data', (chunk: Buffer) => {
    let bytes = held.length > 0 ? Buffer.concat([held, chunk]) : chunk;
    let answered = 0;
    while (bytes.length >= 9) {
      const length = bytes.readUIntBE(0, 3);
      if (bytes.length < 9 + length) break;
      const id = bytes.readUInt32BE(5) & 0x7fffffff;
      if (read(bytes.readUInt8(3), bytes.readUInt8(4), id, bytes.subarray(9, 9 + length))) answered += 1;
      bytes = bytes.subarray(9 + length);
    }
    held = bytes.length > 0 ? Buffer.from(bytes) : bytes;
    for (; answered > 0; answered -= 1) ask();
  });

  /** Was it a stream's last frame? */
  function read(type: number, flags: number, id: number, payload: Buffer): boolean {
    size += 9 + payload.length;
    if (type === frameTypes.data) {
      unread += payload.length;
      if (unread >= refill) {
        socket.write(frame(frameTypes.window, 0, 0, uint32(unread)));
        unread = 0;
      }
    } else if (type === frameTypes.headers) {
      if (!payload.subarray(0, 8).includes(status200)) load.fail(`answer: ${payload.toString('latin1')}`);
    } else if (type === frameTypes.settings && !(flags & ack)) {
      socket.write(frame(frameTypes.settings, ack, 0, Buffer.alloc(0)));
    } else if (type === frameTypes.ping && !(flags & ack)) {
      socket.write(frame(frameTypes.ping, ack, 0, payload));
    } else if (type === frameTypes.reset || type === frameTypes.goaway) {
      load.fail(`frame of type ${type}: ${payload.toString('hex')}`);
    }
    if (type > 1 || !(flags & endStream)) return false;
    load.done(started.get(id) ?? 0, size);
    started.delete(id);
    size = 0;
    return true;
  }
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
