// A caller of the gate over real TLS, who keeps what comes back.
import { type ConnectionOptions, connect } from 'node:tls';
import type { KeyPair } from '../../platform/pki.ts';

export type Caller = {
  /** Everything received, one character a byte. */
  readonly text: string;
  /** The gate has ended the connection, or it broke. */
  readonly over: boolean;
  /** Something that was said has not left yet. */
  readonly busy: boolean;
  /** Changes with everything that happens here. */
  readonly activity: number;
  say(bytes: Buffer): void;
  end(): void;
  /** Resolves when something comes, or nothing can any more. */
  more(): Promise<void>;
  /** Resolves when the connection is over, or after that many milliseconds. */
  closed(withinMs: number): Promise<void>;
  destroy(): void;
};

export type CallerOptions = {
  /** An address of loopback. */
  readonly from?: string;
  readonly identity?: KeyPair | undefined;
  readonly protocol?: 'h2' | 'http/1.1';
};

/** Resolves after the handshake; rejects when there is none. */
export function openCaller(
  ca: string,
  port: number,
  { from, identity, protocol = 'http/1.1' }: CallerOptions,
): Promise<Caller> {
  // Both are documented for tls.connect and missing in its types.
  const options: ConnectionOptions & { allowHalfOpen: boolean; localAddress?: string } = {
    host: '127.0.0.1',
    port,
    servername: 'kubernetes',
    ca,
    ALPNProtocols: [protocol],
    allowHalfOpen: true,
    ...(from === undefined ? {} : { localAddress: from }),
    ...(identity ? { cert: identity.certificate, key: identity.key } : {}),
  };
  const socket = connect(options);
  socket.setNoDelay(true);
  let parts: string[] = [];
  let over = false;
  let activity = 0;
  let notify = () => {};
  const happened = () => {
    activity += 1;
    notify();
  };
  const ended = () => {
    over = true;
    happened();
  };
  socket.on('data', (bytes: Buffer) => {
    parts.push(bytes.toString('latin1'));
    happened();
  });
  socket.on('end', ended);
  socket.on('close', ended);
  const caller: Caller = {
    get text() {
      if (parts.length > 1) parts = [parts.join('')];
      return parts[0] ?? '';
    },
    get over() {
      return over;
    },
    get busy() {
      return socket.writableLength > 0 && !socket.destroyed;
    },
    get activity() {
      return activity;
    },
    say(bytes) {
      if (socket.writable) socket.write(bytes);
    },
    end() {
      socket.end();
    },
    more() {
      return new Promise((resolve) => {
        notify = resolve;
        if (socket.destroyed) resolve();
      });
    },
    closed(withinMs) {
      return new Promise((resolve) => {
        if (over) return resolve();
        const timer = setTimeout(resolve, withinMs);
        notify = () => {
          if (!over) return;
          clearTimeout(timer);
          resolve();
        };
      });
    },
    destroy() {
      socket.destroy();
    },
  };
  return new Promise((resolve, reject) => {
    socket.once('secureConnect', () => resolve(caller));
    socket.once('error', reject);
    socket.on('error', () => {});
  });
}
