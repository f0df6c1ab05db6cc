// How the API server hands an upgraded connection to the kubelet or an aggregated API: THE FLAW (CVE-2018-1002105).
// v1.12.2 writes the request to the backend and splices both sockets without looking at the answer, so that after an
// answer that is not 101 the client goes on talking to the backend under the server's own certificate. v1.12.3 reads the
// answer first: 101 splices, anything else is relayed and both sides are closed. A real v1.12.2 loses client bytes that
// were in its read buffer when it took the socket over; this one passes them on, which is the harder case for a gate.
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { type ByteReader, createByteReader } from './byte-reader.ts';
import type { Exchange } from './http-server.ts';
import {
  type Field,
  readBody,
  readHead,
  responseFraming,
  statusOf,
  values,
  without,
  writeHead,
} from './http1.ts';

/** A server behind the API server, and the client certificate that it trusts. */
export type Backend = {
  readonly address: string;
  readonly port: number;
  /** Name to verify in its certificate. */
  readonly serverName: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
};

/** The trigger, as k8s.io/apimachinery httpstream.IsUpgradeRequest has it: a substring of any Connection field. */
export function isUpgradeRequest(fields: readonly Field[]): boolean {
  return values(fields, 'connection').some((value) => value.toLowerCase().includes('upgrade'));
}

/** A connection to a backend, its certificate verified. Rejects when there is none. */
export function dialBackend(backend: Backend): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = tlsConnect(
      {
        host: backend.address,
        port: backend.port,
        servername: backend.serverName,
        ca: backend.ca,
        cert: backend.cert,
        key: backend.key,
        ALPNProtocols: ['http/1.1'],
      },
      () => resolve(socket),
    );
    socket.setNoDelay(true);
    socket.once('error', reject);
  });
}

/** Proxies one upgrade request. The socket is taken over: the exchange is finished when this resolves. */
export async function proxyUpgrade(options: {
  exchange: Exchange;
  backend: Backend;
  /** Path and query at the backend. */
  target: string;
  fields: readonly Field[];
  flawed: boolean;
  /** Called once, just before the client's socket is taken over. */
  onHijack: () => void;
}): Promise<void> {
  const { exchange, backend, target, flawed } = options;
  const body = (await exchange.body()) ?? Buffer.alloc(0);
  const socket = await dialBackend(backend);
  socket.on('error', () => {});
  const fields: Field[] = [
    ['Host', `${backend.address}:${backend.port}`],
    ...without(options.fields, (name) =>
      ['host', 'content-length', 'transfer-encoding', 'expect'].includes(name),
    ),
    ...(body.length > 0 ? [['Content-Length', String(body.length)] as const] : []),
  ];
  socket.write(
    Buffer.concat([Buffer.from(writeHead(`${exchange.method} ${target} HTTP/1.1`, fields), 'latin1'), body]),
  );
  options.onHijack();
  const early = exchange.hijack();
  if (flawed) splice(exchange.socket, early, socket, Buffer.alloc(0));
  else await relayAnswer(exchange, early, socket);
}

/** The fix: only a verified 101 joins the two sockets; until then nothing of the client's is read or sent. */
async function relayAnswer(exchange: Exchange, early: Buffer, socket: TLSSocket): Promise<void> {
  const client = exchange.socket;
  const reader: ByteReader = createByteReader(socket);
  for (;;) {
    const head = await readHead(reader);
    if (head === undefined || head === 'bad') break;
    const status = statusOf(head.start);
    client.write(writeHead(head.start, head.fields), 'latin1');
    if (status === 101) {
      splice(client, early, socket, reader.detach());
      return;
    }
    if (status >= 100 && status < 200) continue;
    for await (const part of readBody(reader, responseFraming(exchange.method, status, head.fields), 'raw')) {
      client.write(part);
    }
    break;
  }
  socket.destroy();
  client.end();
  client.resume(); // what the client still sends is read and thrown away, so that its end is seen
}

/** Joins two sockets, beginning with what each had sent already; the end of one is the end of both. */
function splice(client: TLSSocket, fromClient: Buffer, backend: TLSSocket, fromBackend: Buffer): void {
  if (fromClient.length > 0) backend.write(fromClient);
  if (fromBackend.length > 0) client.write(fromBackend);
  client.pipe(backend);
  backend.pipe(client);
  client.once('close', () => backend.destroy());
  backend.once('close', () => client.destroySoon());
}
