// node:http2 (nghttp2) on both sides of a judge, without sockets: bytes travel in pieces of any size, each in a turn of
// its own.
import {
  type ClientHttp2Session,
  type ClientSessionOptions,
  connect,
  createServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2';
import { Duplex } from 'node:stream';
import {
  type Connection,
  type ConnectionSettings,
  type ConnectionSink,
  defaultConnectionLimits,
  defaultIdentityFields,
  type Finding,
} from '../../connection-types.ts';
import { noRules } from '../../rules.ts';
import { createHttp2Connection } from '../connection.ts';

/** One end of a wire: what is written to it goes to `out`, what comes from the other end is pushed. */
export class WireEnd extends Duplex {
  readonly #out: (bytes: Buffer) => void;
  readonly #ended: () => void;

  constructor(out: (bytes: Buffer) => void, ended: () => void) {
    super({ allowHalfOpen: true });
    this.#out = out;
    this.#ended = ended;
  }

  override _read(): void {}
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#out(chunk);
    done();
  }
  override _final(done: () => void): void {
    this.#ended();
    done();
  }
  override _destroy(_error: Error | null, done: (error?: Error | null) => void): void {
    this.#ended();
    done();
  }
}

export type Handler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, body: Buffer) => void;

/** Calls the handler with the whole body. */
export function whole(handler: Handler): (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void {
  return (stream, headers) => {
    const parts: Buffer[] = [];
    stream.on('error', () => {});
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('end', () => handler(stream, headers, Buffer.concat(parts)));
  };
}

export type PeersOptions = {
  readonly settings?: Partial<ConnectionSettings>;
  readonly server?: ServerOptions;
  readonly client?: ClientSessionOptions;
  /** Sizes of the pieces, used over and over. */
  readonly pieces?: readonly number[];
  /** Called at once with the stream; else the handler waits for the whole body. */
  readonly streaming?: boolean;
};

export type Peers = {
  readonly client: ClientHttp2Session;
  readonly judge: Connection;
  readonly findings: Finding[];
  readonly requests: string[];
  readonly responses: number[];
  /** Everything that went to the server and to the caller. */
  readonly toServer: Buffer[];
  readonly toCaller: Buffer[];
  readonly state: { serverClosed: boolean; callerEnded: boolean; aborted: boolean; serverHeld: boolean };
  close(): void;
};

/** A caller, a judge and a server that answers by `handler`. */
export function standPeers(handler: Handler, options: PeersOptions = {}): Peers {
  const findings: Finding[] = [];
  const requests: string[] = [];
  const responses: number[] = [];
  const toServer: Buffer[] = [];
  const toCaller: Buffer[] = [];
  const state = { serverClosed: false, callerEnded: false, aborted: false, serverHeld: false };
  const pieces = options.pieces ?? [1 << 20];
  let turn = 0;

  function cut(bytes: Buffer, feed: (piece: Buffer) => void): void {
    for (let at = 0; at < bytes.length; ) {
      const size = pieces[turn++ % pieces.length] ?? 1;
      // A copy that is overwritten afterwards: the judge must not keep what it is given.
      const piece = Buffer.from(bytes.subarray(at, at + size));
      at += size;
      feed(piece);
      piece.fill(0x21);
    }
  }

  const server = createServer(options.server ?? {});
  server.on('sessionError', () => {});
  const handle = options.streaming
    ? (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => handler(stream, headers, Buffer.alloc(0))
    : whole(handler);
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => {});
    handle(stream, headers);
  });

  // Each direction keeps its order, and nothing is fed from within a feed.
  const steps: (() => void)[] = [];
  let running = false;
  function later(step: () => void): void {
    steps.push(step);
    if (running) return;
    running = true;
    setImmediate(() => {
      for (let next = steps.shift(); next; next = steps.shift()) next();
      running = false;
    });
  }

  const callerEnd: WireEnd = new WireEnd(
    (bytes) => later(() => cut(bytes, (piece) => judge.clientData(piece))),
    () => later(() => judge.clientEnd()),
  );
  let serverEnd: WireEnd | undefined;
  function openServer(): WireEnd {
    const end = new WireEnd(
      (bytes) => later(() => cut(bytes, (piece) => judge.serverData(piece))),
      () => later(() => judge.serverEnd()),
    );
    server.emit('connection', end);
    return end;
  }
  const sink: ConnectionSink = {
    toServer(bytes) {
      const copy = Buffer.from(bytes);
      toServer.push(copy);
      serverEnd ??= openServer();
      if (!serverEnd.readableEnded && !state.serverClosed) serverEnd.push(copy);
    },
    toClient(bytes) {
      const copy = Buffer.from(bytes);
      toCaller.push(copy);
      if (!state.callerEnded) callerEnd.push(copy);
    },
    closeServer() {
      if (state.serverClosed) return;
      state.serverClosed = true;
      serverEnd?.push(null);
    },
    endClient() {
      if (state.callerEnded) return;
      state.callerEnded = true;
      callerEnd.push(null);
    },
    abort() {
      state.aborted = true;
      state.serverClosed = true;
      state.callerEnded = true;
      serverEnd?.push(null);
      callerEnd.push(null);
    },
    holdClient() {},
    holdServer(hold) {
      state.serverHeld = hold;
    },
    finding: (finding) => findings.push(finding),
    request: (method, path) => requests.push(`${method} ${path}`),
    response: (status) => responses.push(status),
  };
  const judge = createHttp2Connection(
    {
      identity: { method: 'none' },
      identityFields: defaultIdentityFields,
      sourceAddress: '192.0.2.7',
      rules: noRules,
      limits: defaultConnectionLimits,
      ...options.settings,
    },
    sink,
  );
  const client = connect('https://kubernetes', { ...options.client, createConnection: () => callerEnd });
  client.on('error', () => {});
  return {
    client,
    judge,
    findings,
    requests,
    responses,
    toServer,
    toCaller,
    state,
    close() {
      client.destroy();
      server.close();
      callerEnd.destroy();
      serverEnd?.destroy();
    },
  };
}

export type Answer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly interim: readonly number[];
  readonly trailers: IncomingHttpHeaders | undefined;
  readonly body: Buffer;
  /** HTTP/2 error code that the stream ended with; 0 when in order. */
  readonly error: number;
};

/** Asks and waits for the stream's end. */
export function ask(
  client: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: Buffer,
  trailers?: OutgoingHttpHeaders,
): Promise<Answer> {
  return new Promise((resolve) => {
    const stream = client.request(headers, {
      endStream: body === undefined && trailers === undefined,
      waitForTrailers: trailers !== undefined,
    });
    const parts: Buffer[] = [];
    const interim: number[] = [];
    let got: IncomingHttpHeaders = {};
    let last: IncomingHttpHeaders | undefined;
    stream.on('wantTrailers', () => stream.sendTrailers(trailers ?? {}));
    stream.on('headers', (early: IncomingHttpHeaders) => interim.push(Number(early[':status'])));
    stream.on('response', (answer) => {
      got = answer;
    });
    stream.on('trailers', (end: IncomingHttpHeaders) => {
      last = end;
    });
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('error', () => {});
    stream.on('close', () =>
      resolve({
        status: Number(got[':status'] ?? 0),
        headers: got,
        interim,
        trailers: last,
        body: Buffer.concat(parts),
        error: stream.rstCode ?? 0,
      }),
    );
    if (body !== undefined || trailers !== undefined) stream.end(body);
  });
}
