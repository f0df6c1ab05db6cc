// An HTTP/2 server and callers made of node:http2, for the gate's tests.
import {
  type ClientHttp2Session,
  connect,
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { KeyPair } from '../platform/pki.ts';
import type { Keys } from './test-kit.ts';

export type Handler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

export type Http2Server = {
  readonly port: number;
  readonly server: Http2SecureServer;
  /** That something was asked on: the gate's own looks at a server are none of them. */
  readonly sessions: Set<ServerHttp2Session>;
  /** Ends it with all of its connections; may be called again. */
  stop(): Promise<void>;
};

/** Over HTTP/1.1 it answers `over HTTP/1.1`. */
export async function startHttp2Server(keys: Keys, handler: Handler): Promise<Http2Server> {
  const server = createSecureServer({
    cert: keys.serving.certificate,
    key: keys.serving.key,
    ca: keys.authority.certificate,
    requestCert: true,
    rejectUnauthorized: false,
    allowHTTP1: true,
    // MiB of what it has not sent yet, beyond which node refuses streams.
    maxSessionMemory: 1_000,
  });
  const sessions = new Set<ServerHttp2Session>();
  const sockets = new Set<TLSSocket>();
  server.on('secureConnection', (socket: TLSSocket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('sessionError', () => {});
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => {});
    const session = stream.session as ServerHttp2Session | undefined;
    if (session && !sessions.has(session)) {
      sessions.add(session);
      session.on('close', () => sessions.delete(session));
    }
    handler(stream, headers);
  });
  server.on('request', (request, response) => {
    if (request.httpVersionMajor === 1) response.end('over HTTP/1.1');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  let stopped = false;
  return {
    port: (server.address() as AddressInfo).port,
    server,
    sessions,
    stop: () =>
      new Promise<void>((resolve) => {
        if (stopped) return resolve();
        stopped = true;
        server.close(() => resolve());
        for (const session of sessions) session.destroy();
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** A caller of the gate; `as` is its client certificate. Rejects when there is no connection. */
export async function openSession(keys: Keys, port: number, as?: KeyPair): Promise<ClientHttp2Session> {
  const client = connect(`https://127.0.0.1:${port}`, {
    servername: 'kubernetes',
    maxSessionMemory: 1_000,
    ca: keys.authority.certificate,
    ...(as ? { cert: as.certificate, key: as.key } : {}),
  });
  client.on('error', () => {});
  await new Promise<void>((resolve, reject) => {
    client.once('connect', () => resolve());
    client.once('error', reject);
  });
  return client;
}

export type Answer = {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
  bytes: number;
  /** HTTP/2 error code that the stream ended with. */
  code: number;
};

/** Asks and waits for the stream's end. */
export function ask(
  client: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: Buffer,
): Promise<Answer> {
  return new Promise((resolve) => {
    const stream = client.request({ ':path': '/api/v1/pods', ...headers }, { endStream: body === undefined });
    const parts: Buffer[] = [];
    let got: IncomingHttpHeaders = {};
    stream.on('response', (answer) => {
      got = answer;
    });
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('error', () => {});
    stream.on('close', () => {
      const whole = Buffer.concat(parts);
      const status = Number(got[':status'] ?? 0);
      resolve({
        status,
        headers: got,
        body: whole.toString(),
        bytes: whole.length,
        code: stream.rstCode ?? 0,
      });
    });
    if (body) stream.end(body);
  });
}
