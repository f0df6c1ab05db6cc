// The relay as anybody would write it with node:http2: a server that asks another server. Slow, and right by nghttp2.
import {
  type ClientHttp2Stream,
  connect,
  createServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { type Answer, ask, type Handler, WireEnd, whole } from './node-peers.ts';

/** What is asked and what the server answers. */
export type Exchange = {
  readonly method: string;
  readonly path: string;
  readonly fields: readonly (readonly [string, string])[];
  /** Bytes; undefined: none. */
  readonly body: number | undefined;
  /** Is Content-Length said? */
  readonly told: boolean;
  /** Is its end a frame of its own? */
  readonly endsLater: boolean;
  readonly answer: {
    readonly status: number;
    readonly interim: boolean;
    readonly fields: readonly (readonly [string, string])[];
    readonly body: number;
    readonly trailers: boolean;
  };
};

/** Answers as the exchange of that index says, and tells what it was asked in a field. */
export function echo(exchanges: readonly Exchange[]): Handler {
  return (stream, headers, body) => {
    const wanted = exchanges[Number(headers['x-index'])]?.answer;
    if (!wanted) return;
    const { ':authority': _authority, ...asked } = headers;
    if (wanted.interim) stream.additionalHeaders({ ':status': 103, link: 'a' });
    const bodyless = wanted.status === 204 || wanted.status === 304 || headers[':method'] === 'HEAD';
    const answer: OutgoingHttpHeaders = {
      ':status': wanted.status,
      ...Object.fromEntries(wanted.fields),
      'x-asked': Buffer.from(JSON.stringify({ ...asked, length: body.length })).toString('base64'),
    };
    if (bodyless) {
      stream.respond(answer, { endStream: true });
      return;
    }
    stream.respond(answer, { waitForTrailers: wanted.trailers });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-end': 'yes' }));
    stream.end(Buffer.alloc(wanted.body, 'r'));
  };
}

const removed = /^(?:x-remote-.*|x-forwarded-for|forwarded)$/;

/** Whole messages, one after the other's end: nothing to get wrong. */
function relay(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  body: Buffer,
  server: ReturnType<typeof connect>,
): void {
  const passed = Object.fromEntries(Object.entries(headers).filter(([name]) => !removed.test(name)));
  const forward: ClientHttp2Stream = server.request(
    { ...passed, 'x-forwarded-for': '192.0.2.7' },
    { endStream: body.length === 0 },
  );
  stream.on('error', () => {});
  forward.on('error', () => {});
  if (body.length > 0) forward.end(body);
  forward.on('headers', (early: IncomingHttpHeaders) => stream.additionalHeaders(early));
  let answer: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders | undefined;
  const parts: Buffer[] = [];
  forward.on('response', (head) => {
    answer = head;
  });
  forward.on('data', (part: Buffer) => parts.push(part));
  forward.on('trailers', (end: IncomingHttpHeaders) => {
    trailers = end;
  });
  forward.on('close', () => {
    stream.respond(answer, { waitForTrailers: trailers !== undefined });
    stream.on('wantTrailers', () => stream.sendTrailers(trailers ?? {}));
    stream.end(Buffer.concat(parts));
  });
}

/** The exchanges, all at once, through the twin. */
export async function askThroughTwin(exchanges: readonly Exchange[]): Promise<readonly Answer[]> {
  const ends: WireEnd[] = [];
  /** Two ends of one wire. */
  function wire(): [WireEnd, WireEnd] {
    const one: WireEnd = new WireEnd(
      (bytes) => setImmediate(() => other.push(bytes)),
      () => setImmediate(() => other.push(null)),
    );
    const other: WireEnd = new WireEnd(
      (bytes) => setImmediate(() => one.push(bytes)),
      () => setImmediate(() => one.push(null)),
    );
    ends.push(one, other);
    return [one, other];
  }
  const handler = echo(exchanges);
  const server = createServer();
  server.on('stream', whole(handler));
  const [toServer, atServer] = wire();
  server.emit('connection', atServer);
  const upstream = connect('https://kubernetes', { createConnection: () => toServer });
  const front = createServer();
  front.on(
    'stream',
    whole((stream, headers, body) => relay(stream, headers, body, upstream)),
  );
  const [toFront, atFront] = wire();
  front.emit('connection', atFront);
  const client = connect('https://kubernetes', { createConnection: () => toFront });
  try {
    return await Promise.all(
      exchanges.map(({ method, path, fields, body, told, endsLater }, index) =>
        ask(
          client,
          {
            ':method': method,
            ':path': path,
            ...Object.fromEntries(fields),
            'x-index': String(index),
            ...(told && body !== undefined ? { 'content-length': String(body) } : {}),
          },
          body === undefined ? undefined : Buffer.alloc(body, 'q'),
          endsLater ? {} : undefined,
        ),
      ),
    );
  } finally {
    client.destroy();
    upstream.destroy();
    for (const end of ends) end.destroy();
  }
}
