// HTTP/2 for the range's API server: each stream is an exchange, as a request of HTTP/1.1 is. Nothing can be upgraded
// here. A `connection` field, which a Go server answers with 400, and extended CONNECT make nghttp2 reset the stream.
import { performServerHandshake, type ServerHttp2Stream } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { type Exchange, maxBody } from './http-server.ts';
import { type Field, values } from './http1.ts';

/** As Go's server: streams at once, what one may send unread, the largest header list. */
const settings = { maxConcurrentStreams: 250, initialWindowSize: 1 << 18, maxHeaderListSize: 1 << 20 };

export type Http2Options = {
  /** Share of requests (0 to 1) after which the caller is asked by GOAWAY to connect anew: `--goaway-chance`. */
  readonly goawayChance?: number;
};

/** Serves the connection to its end; every stream has its handler at the same time. */
export function serveHttp2(
  socket: TLSSocket,
  handler: (exchange: Exchange) => Promise<void>,
  { goawayChance = 0 }: Http2Options,
): void {
  const session = performServerHandshake(socket, { settings });
  session.on('error', () => {}); // the connection ends; its streams see their close
  session.on('stream', (stream: ServerHttp2Stream, _headers, _flags, raw: string[]) => {
    if (Math.random() < goawayChance) session.close();
    stream.on('error', () => {});
    handler(createExchange(socket, stream, raw)).catch((error: unknown) => {
      console.error(error);
      stream.destroy(new Error('the handler failed'));
    });
  });
}

function createExchange(socket: TLSSocket, stream: ServerHttp2Stream, raw: readonly string[]): Exchange {
  const all: Field[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) all.push([raw[at] ?? '', raw[at + 1] ?? '']);
  const pseudo = (name: string) => values(all, `:${name}`)[0];
  const authority = pseudo('authority');
  const fields: Field[] = [
    ...(authority === undefined ? [] : [['host', authority] as const]),
    ...all.filter(([name]) => !name.startsWith(':')),
  ];
  const gone = new AbortController();
  stream.once('close', () => gone.abort());
  let bodyRead: Promise<Buffer | undefined> | undefined;

  async function readWhole(): Promise<Buffer | undefined> {
    if (values(fields, 'expect')[0]?.toLowerCase() === '100-continue') {
      stream.additionalHeaders({ ':status': 100 });
    }
    const parts: Buffer[] = [];
    let size = 0;
    try {
      for await (const part of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        size += part.length;
        if (size > maxBody) return undefined;
        parts.push(part);
      }
    } catch {
      return undefined; // reset by the caller
    }
    return Buffer.concat(parts);
  }
  function begin(status: number, head: readonly Field[], endStream: boolean): void {
    const names = [...new Set(head.map(([name]) => name.toLowerCase()))];
    const headers = Object.fromEntries(names.map((name) => [name, values(head, name)]));
    stream.respond({ ...headers, ':status': status }, { endStream });
  }

  const method = pseudo('method') ?? '';
  const bodiless = (status: number) => method === 'HEAD' || status === 204 || status === 304;
  return {
    socket,
    method,
    target: pseudo('path') ?? '',
    fields,
    header: (name) => values(fields, name)[0],
    body() {
      bodyRead ??= readWhole();
      return bodyRead;
    },
    send(status, contentType, content, more = []) {
      if (stream.headersSent || stream.destroyed) return;
      const length = ['content-length', String(Buffer.byteLength(content))] as const;
      const head: Field[] = [...more, ['content-type', contentType]];
      begin(status, status === 204 || status === 304 ? head : [...head, length], bodiless(status));
      if (!bodiless(status)) stream.end(content);
    },
    stream(status, head) {
      begin(status, head, bodiless(status));
      return {
        write: (chunk) => stream.writable && !bodiless(status) && stream.write(chunk),
        end: () => void stream.end(),
        out: stream,
      };
    },
    hijack() {
      throw new TypeError('a stream of HTTP/2 is not a connection to take over');
    },
    abort: () => void stream.destroy(new Error('broken off')),
    gone: gone.signal,
  };
}
