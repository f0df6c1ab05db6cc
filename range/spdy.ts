// SPDY/3.1 framing, the server's side, as far as Kubernetes' remote commands use it (moby/spdystream): streams opened by
// the client, data both ways, ping. No flow control: spdystream has none. Draft-mbelshe-httpbis-spdy-00 §2.
import { PassThrough, type Writable } from 'node:stream';
import { constants, inflateSync } from 'node:zlib';

/** One stream that the client opened. */
export type SpdyStream = {
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** What the client sends on it; ends with the client's side. */
  readonly input: PassThrough;
  /** Resolves when the socket takes more. */
  write(bytes: Buffer): Promise<void>;
  /** Ends our side of it. */
  end(): void;
};

export type SpdyConnection = {
  /** Bytes from the socket. Throws on frames that break the protocol. */
  feed(bytes: Buffer): void;
  /** The client is gone: every stream's input ends. */
  close(): void;
};

const synStream = 1;
const synReply = 2;
const rstStream = 3;
const ping = 6;
const goAway = 7;
const flagFin = 0x01;
/** Bytes of one frame that we take; kubectl's are at most 32 KiB. */
const maxFrame = 1 << 20;
const maxStreams = 1024;

/** Answers every stream that the client opens and hands it to `onStream`. */
export function createSpdyConnection(
  socket: Writable,
  onStream: (stream: SpdyStream) => void,
): SpdyConnection {
  let pending: Buffer = Buffer.alloc(0);
  const streams = new Map<number, SpdyStream>();
  const inflateBlock = createHeaderInflater();
  let replied = false;

  function send(first: number, flags: number, payload: Buffer): boolean {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(first >>> 0, 0);
    head.writeUInt32BE(payload.length, 4);
    head.writeUInt8(flags, 4);
    return socket.write(Buffer.concat([head, payload]));
  }
  const control = (type: number, payload: Buffer) => send(0x80030000 + type, 0, payload);

  function opened(payload: Buffer, flags: number): void {
    const id = payload.readUInt32BE(0) & 0x7fffffff;
    const headers = readHeaders(inflateBlock(payload.subarray(10)));
    if (streams.size >= maxStreams) throw new RangeError('too many streams');
    const input = new PassThrough();
    const stream: SpdyStream = {
      headers,
      input,
      async write(bytes) {
        for (let at = 0; at < bytes.length; at += 32_768) {
          if (!socket.writable) return;
          if (!send(id, 0, bytes.subarray(at, at + 32_768))) await drained(socket);
        }
      },
      end: () => {
        if (socket.writable) send(id, flagFin, Buffer.alloc(0));
      },
    };
    streams.set(id, stream);
    if (flags & flagFin) input.end();
    const reply = Buffer.alloc(4);
    reply.writeUInt32BE(id);
    control(synReply, Buffer.concat([reply, emptyHeaderBlock(!replied)]));
    replied = true;
    onStream(stream);
  }

  function frame(first: number, flags: number, payload: Buffer): void {
    if (first < 0x80000000) {
      const stream = streams.get(first);
      if (payload.length > 0) stream?.input.write(payload);
      if (flags & flagFin) stream?.input.end();
      return;
    }
    const type = first & 0xffff;
    if (type === synStream) opened(payload, flags);
    else if (type === ping) control(ping, payload);
    else if (type === rstStream) streams.get(payload.readUInt32BE(0))?.input.end();
    else if (type === goAway) closeAll();
  }
  function closeAll(): void {
    for (const { input } of streams.values()) input.end();
  }

  return {
    feed(bytes) {
      pending = Buffer.concat([pending, bytes]);
      while (pending.length >= 8) {
        const length = pending.readUInt32BE(4) & 0xffffff;
        if (length > maxFrame) throw new RangeError('SPDY frame over 1 MiB');
        if (pending.length < 8 + length) return;
        const whole = pending.subarray(0, 8 + length);
        pending = pending.subarray(8 + length);
        frame(whole.readUInt32BE(0), whole.readUInt8(4), whole.subarray(8));
      }
    },
    close: closeAll,
  };
}

/** Resolves when the socket takes more, or is over. */
export function drained(socket: Writable): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed || !socket.writableNeedDrain) return resolve();
    const done = () => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });
}

/**
 * The blocks of one direction are one zlib stream. Inflating it from its beginning each time is quadratic, which for the
 * handful of blocks of a remote command is cheaper than an asynchronous inflater.
 */
function createHeaderInflater(): (block: Buffer) => Buffer {
  let compressed: Buffer = Buffer.alloc(0);
  let seen = 0;
  return (block) => {
    compressed = Buffer.concat([compressed, block]);
    if (compressed.length > maxFrame) throw new RangeError('SPDY headers over 1 MiB');
    const whole = inflateSync(compressed, {
      dictionary,
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: 4 * maxFrame,
    });
    const fresh = whole.subarray(seen);
    seen = whole.length;
    return fresh;
  };
}

function readHeaders(block: Buffer): Record<string, string> {
  const headers: Record<string, string> = {};
  let at = 4;
  const text = () => {
    const length = block.readUInt32BE(at);
    at += 4 + length;
    return block.toString('utf8', at - length, at);
  };
  for (let left = block.readUInt32BE(0); left > 0; left -= 1) {
    const name = text();
    headers[name.toLowerCase()] = text();
  }
  return headers;
}

/**
 * A block without headers: one stored deflate block, then an empty one (a sync flush), without which Go's inflater reads
 * ahead and breaks. The direction's first carries zlib's header and the dictionary's id.
 */
function emptyHeaderBlock(first: boolean): Buffer {
  const stored = Buffer.from([0, 4, 0, 0xfb, 0xff, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);
  return first ? Buffer.concat([Buffer.from([0x78, 0xbb, 0xe3, 0xc6, 0xa7, 0xc2]), stored]) : stored;
}

/** SPDY/3 header dictionary (§2.6.10.1): length-prefixed words, then plain text. 1,423 bytes, Adler-32 e3c6a7c2. */
const words =
  'options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow ' +
  'authorization cache-control connection content-base content-encoding content-language content-length ' +
  'content-location content-md5 content-range content-type date etag expect expires from host if-match ' +
  'if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma ' +
  'proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade ' +
  'user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie ' +
  'keep-alive origin';
const rest =
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505' +
  '203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized' +
  '403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable' +
  'Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT' +
  'chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,' +
  'publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.';
export const dictionary: Buffer = Buffer.concat([
  ...words.split(' ').flatMap((word) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(word.length);
    return [length, Buffer.from(word.replace('_', ' '))];
  }),
  Buffer.from(rest),
]);
