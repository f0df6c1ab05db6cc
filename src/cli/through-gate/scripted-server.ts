// The server behind a gate that is put to the proof: it says what a test tells it, and keeps what it receives.
import type { AddressInfo, Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import type { KeyPair } from '../../platform/pki.ts';
import { serverOpens } from '../../shields/http2-peers.ts';

export type ScriptedServer = {
  readonly port: number;
  /** Of the exchange that goes on, one character a byte. */
  readonly received: string;
  /** The same, of the connection that received something last. */
  readonly heard: string;
  /** Handshakes that have begun and not ended. */
  readonly handshakes: number;
  /** Changes with everything that happens here. */
  readonly activity: number;
  /** Forgets what was received. */
  next(): void;
  /** Bytes to the connection that received something last; dropped when there is none. */
  say(bytes: Buffer): void;
  end(): void;
  close(): Promise<void>;
};

/** @param answer sent for everything that is received; left out: only what is said */
export async function startScriptedServer(
  serving: KeyPair,
  clientCa: string,
  answer?: Buffer,
): Promise<ScriptedServer> {
  const sockets = new Set<Socket>();
  let parts: string[] = [];
  let handshakes = 0;
  let activity = 0;
  let last: TLSSocket | undefined;
  let heard: string[] = [];
  const server = createServer({
    cert: serving.certificate,
    key: serving.key,
    ca: clientCa,
    requestCert: true,
    rejectUnauthorized: false,
    allowHalfOpen: true,
    ALPNProtocols: answer ? ['http/1.1'] : ['h2', 'http/1.1'],
  });
  server.on('connection', (raw: Socket) => {
    sockets.add(raw);
    handshakes += 1;
    activity += 1;
  });
  server.on('tlsClientError', () => {
    handshakes -= 1;
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    handshakes -= 1;
    activity += 1;
    sockets.add(socket);
    let first = true;
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => {
      if (first && bytes.includes(healthQuestion)) {
        socket.end(healthAnswer);
        return;
      }
      if (first && socket.alpnProtocol === 'h2') socket.write(serverOpens);
      first = false;
      activity += 1;
      if (answer) {
        socket.write(answer);
        return;
      }
      if (last !== socket) heard = [];
      last = socket;
      parts.push(bytes.toString('latin1'));
      heard.push(bytes.toString('latin1'));
    });
    socket.on('error', () => {});
    socket.on('end', () => {
      activity += 1;
    });
    socket.on('close', () => {
      activity += 1;
      sockets.delete(socket);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    get received() {
      if (parts.length > 1) parts = [parts.join('')];
      return parts[0] ?? '';
    },
    get heard() {
      return heard.join('');
    },
    get handshakes() {
      return handshakes;
    },
    get activity() {
      return activity;
    },
    next() {
      parts = [];
      heard = [];
      last = undefined;
    },
    say(bytes) {
      if (last?.writable) last.write(bytes);
    },
    end() {
      last?.end();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** What the gate itself asks, to know whether the server lives. */
const healthQuestion = ': portcullis:health\r\n';
const healthAnswer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}';
