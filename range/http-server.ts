// A server over TLS whose handlers may take an HTTP/1.1 socket over at any point, as Go's Hijack does. The range's
// API server, kubelet and aggregated API stand on it; node:https would keep bytes that an upgrade needs to see. Callers
// of the API server may have HTTP/2 instead.
import { STATUS_CODES } from 'node:http';
import type { Writable } from 'node:stream';
import { createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls';
import { type ByteReader, createByteReader } from './byte-reader.ts';
import { type Field, type Head, readBody, readHead, requestFraming, values, writeHead } from './http1.ts';
import { type Http2Options, serveHttp2 } from './http2-server.ts';

export type Exchange = {
  /** The connection: of HTTP/1.1 the handler's own once it is taken over, of HTTP/2 only to see who is asking. */
  readonly socket: TLSSocket;
  readonly method: string;
  /** As sent: origin or absolute form, still percent-encoded. */
  readonly target: string;
  readonly fields: readonly Field[];
  /** First value of a field (lower-case name). */
  header(name: string): string | undefined;
  /** The whole body, at most 3 MiB (the API server's own limit); undefined when it is longer or broken off. */
  body(): Promise<Buffer | undefined>;
  send(status: number, contentType: string, body: string | Buffer, more?: readonly Field[]): void;
  /**
   * Sends an answer of unknown length as it comes. `write` says whether the caller keeps up, `end` finishes it, `out` is
   * where it goes.
   */
  stream(
    status: number,
    fields: readonly Field[],
  ): { write(chunk: string | Buffer): boolean; end(): void; readonly out: Writable };
  /** Takes the socket: nothing more is read or sent for this exchange. Gives the bytes that came after the request's head
   * and whatever of its body was read. */
  hijack(): Buffer;
  /** Breaks the exchange off: the connection of HTTP/1.1, the stream of HTTP/2. */
  abort(): void;
  /** Aborts when the caller is gone. */
  readonly gone: AbortSignal;
};

export const maxBody = 3 << 20;

/**
 * Serves `handler` on `port` of every address: one request after the other on each connection of HTTP/1.1, and with
 * `http2` those of a connection that negotiated it all at once.
 */
export function serveTls(
  options: TlsOptions,
  port: number,
  handler: (exchange: Exchange) => Promise<void>,
  http2?: Http2Options,
): Promise<Server> {
  const server = createServer(
    { ALPNProtocols: http2 ? ['h2', 'http/1.1'] : ['http/1.1'], minVersion: 'TLSv1.2', ...options },
    (socket) => {
      socket.on('error', () => {}); // a reset ends the connection; the reader sees its close
      socket.setNoDelay(true);
      if (http2 && socket.alpnProtocol === 'h2') return serveHttp2(socket, handler, http2);
      serveConnection(socket, handler).catch((error: unknown) => {
        console.error(error);
        socket.destroy();
      });
    },
  );
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: '::', backlog: 4096 }, () => resolve(server));
  });
}

async function serveConnection(
  socket: TLSSocket,
  handler: (exchange: Exchange) => Promise<void>,
): Promise<void> {
  const reader = createByteReader(socket);
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  for (;;) {
    const head = await readHead(reader);
    if (head === undefined) break;
    const line = head === 'bad' ? undefined : /^(\S+) (\S.*) HTTP\/(1\.[01])$/.exec(head.start);
    if (head === 'bad' || !line) {
      socket.end(
        'HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request',
      );
      return;
    }
    const state = createExchange(socket, reader, head, line, gone.signal);
    await handler(state.exchange);
    if (state.hijacked()) return;
    await state.finish();
    if (state.close || socket.destroyed) break;
  }
  socket.end();
}

function createExchange(
  socket: TLSSocket,
  reader: ByteReader,
  head: Head,
  line: RegExpExecArray,
  gone: AbortSignal,
) {
  const [, method = '', target = '', version = ''] = line;
  const connection = values(head.fields, 'connection').join(',').toLowerCase();
  const close = version === '1.0' || /(^|,)\s*close\s*(,|$)/.test(connection);
  let bodyRead: Promise<Buffer | undefined> | undefined;
  let hijacked = false;
  let answered = false;

  async function readWhole(): Promise<Buffer | undefined> {
    if (values(head.fields, 'expect')[0]?.toLowerCase() === '100-continue') {
      socket.write('HTTP/1.1 100 Continue\r\n\r\n');
    }
    const parts: Buffer[] = [];
    let size = 0;
    for await (const part of readBody(reader, requestFraming(head.fields))) {
      size += part.length;
      if (size > maxBody) return undefined;
      parts.push(part);
    }
    return Buffer.concat(parts);
  }
  function body(): Promise<Buffer | undefined> {
    bodyRead ??= readWhole();
    return bodyRead;
  }
  function begin(status: number, fields: readonly Field[]): void {
    answered = true;
    const common: Field[] = [
      ['Date', new Date().toUTCString()],
      ...(close ? [['Connection', 'close'] as const] : []),
    ];
    socket.write(
      writeHead(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, [...fields, ...common]),
      'latin1',
    );
  }

  const exchange: Exchange = {
    socket,
    method,
    target,
    fields: head.fields,
    header: (name) => values(head.fields, name)[0],
    body,
    send(status, contentType, content, more = []) {
      if (answered || socket.destroyed) return;
      socket.cork();
      const length: Field[] =
        status === 204 || status === 304 ? [] : [['Content-Length', String(Buffer.byteLength(content))]];
      begin(status, [...more, ['Content-Type', contentType], ...length]);
      if (method !== 'HEAD' && length.length > 0) socket.write(content);
      socket.uncork();
    },
    stream(status, fields) {
      const bodiless = method === 'HEAD' || status === 204 || status === 304;
      begin(status, bodiless ? fields : [...fields, ['Transfer-Encoding', 'chunked']]);
      return {
        out: socket,
        write(chunk) {
          if (socket.destroyed || bodiless || chunk.length === 0) return !socket.destroyed;
          socket.cork();
          socket.write(`${Buffer.byteLength(chunk).toString(16)}\r\n`);
          socket.write(chunk);
          const flowing = socket.write('\r\n');
          socket.uncork();
          return flowing;
        },
        end: () => {
          if (!socket.destroyed && !bodiless) socket.write('0\r\n\r\n');
        },
      };
    },
    abort: () => socket.destroy(),
    hijack() {
      hijacked = true;
      return reader.detach();
    },
    gone,
  };
  return {
    exchange,
    close,
    hijacked: () => hijacked,
    async finish(): Promise<void> {
      // The next request starts where this one's body ends; one that is too long to skip ends the connection.
      if ((await body()) === undefined) socket.destroy();
    },
  };
}
