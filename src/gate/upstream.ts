// Connections to one API server: verified, HTTP/1.1, never pooled; TLS sessions are resumed per certificate mode.
import { isIP, type OnReadOpts } from 'node:net';
import {
  type ConnectionOptions,
  checkServerIdentity,
  connect,
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  type TLSSocket,
} from 'node:tls';
import type { GateListener } from '../model/plan.ts';
import { secureChannel } from './tls-options.ts';

/** `vouching`: with the gate's client certificate, for callers whose identity travels in headers. `bare`: without. */
export type UpstreamMode = 'vouching' | 'bare';

/** What a server is verified by, and what the gate shows it. PEM. */
export type UpstreamCredentials = {
  readonly serverCa: string;
  /** Left out: the gate vouches by a token, or for nobody. */
  readonly client: { readonly certificate: string; readonly key: string } | undefined;
};

export type Protocol = 'http/1.1' | 'h2';

export type Upstream = {
  /**
   * Starts a connection; `secureConnect` or `error` follows. What it receives goes to `received` and nowhere else; the
   * bytes are valid during the call only. A server that was asked for HTTP/2 and takes something else is an error.
   * @param protocol left out: HTTP/1.1
   */
  open(mode: UpstreamMode, received: (bytes: Buffer) => void, protocol?: Protocol): TLSSocket;
  /** Does the server take HTTP/2, as it last said? */
  readonly speaksHttp2: boolean;
  /** Asks it, by a handshake that is ended at once. Resolves when it has said so, or in `timeoutMs`; why not, if not. */
  probe(timeoutMs: number): Promise<string | undefined>;
};

/** A session is resumed for at most this long, so that a server's new certificate is verified soon. */
const sessionMs = 3_600_000;

/**
 * What any upstream connection receives, one call at a time: without it every record is a buffer of its own, and on
 * large bodies a sixth of the gate's time goes to collecting them.
 */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

type ModeState = { readonly context: SecureContext; session: Buffer | undefined; since: number };

/**
 * `now` is a clock in milliseconds.
 * @param speaksHttp2 what is taken for true until the server is asked
 */
export function createUpstream(
  to: GateListener['upstream'],
  credentials: UpstreamCredentials,
  now: () => number,
  speaksHttp2 = false,
): Upstream {
  // Nobody records loopback to break it in years to come: without the keys of a post-quantum exchange, which OpenSSL keeps,
  // an idle watch costs 10 KiB less of 120.
  const local = isLoopback(to.address) ? { ecdhCurve: 'X25519:P-256:P-384' } : {};
  const shared = { ...secureChannel, ...local, ca: credentials.serverCa };
  const { client } = credentials;
  // A session vouches for whom it was made: each mode resumes its own only.
  const mode = (more: SecureContextOptions): ModeState => ({
    context: createSecureContext({ ...shared, ...more }),
    session: undefined,
    since: 0,
  });
  const modes: Record<UpstreamMode, ModeState> = {
    vouching: mode(client ? { cert: client.certificate, key: client.key } : {}),
    bare: mode({}),
  };
  // An IP address can't be a server name indication (RFC 6066 3); it is verified all the same.
  const indication = isIP(to.serverName) ? {} : { servername: to.serverName };
  let http2 = speaksHttp2;

  function open(
    mode: UpstreamMode,
    received: (bytes: Buffer) => void,
    protocols: readonly Protocol[],
  ): TLSSocket {
    const state = modes[mode];
    const session = now() - state.since < sessionMs ? state.session : undefined;
    // Both are documented for tls.connect and missing in its types.
    const options: ConnectionOptions & { allowHalfOpen: boolean; onread: OnReadOpts } = {
      host: to.address,
      port: to.port,
      ...indication,
      secureContext: state.context,
      ALPNProtocols: [...protocols],
      allowHalfOpen: true,
      onread: {
        buffer: readBuffer,
        callback(length) {
          received(readBuffer.subarray(0, length));
          return true;
        },
      },
      rejectUnauthorized: true,
      checkServerIdentity: (_name, peer) => checkServerIdentity(to.serverName, peer),
      ...(session ? { session } : {}),
    };
    const socket = connect(options);
    socket.setNoDelay(true);
    socket.on('session', (ticket: Buffer) => {
      state.session = ticket;
      // A resumed session's tickets keep the time of the full handshake.
      if (!socket.isSessionReused()) state.since = now();
    });
    return socket;
  }

  return {
    open(mode, received, protocol = 'http/1.1') {
      const socket = open(mode, received, [protocol]);
      if (protocol === 'h2') {
        const refuse = () => {
          http2 = false;
        };
        socket.once('secureConnect', () => {
          if (socket.alpnProtocol === 'h2') return;
          refuse();
          socket.destroy(Object.assign(new Error('the server takes no HTTP/2'), { code: noHttp2 }));
        });
        socket.on('error', (error: NodeJS.ErrnoException) => {
          if (error.code === 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL') refuse();
        });
      }
      return socket;
    },
    get speaksHttp2() {
      return http2;
    },
    probe(timeoutMs) {
      return new Promise((resolve) => {
        const socket = open('bare', () => {}, ['h2', 'http/1.1']);
        const done = (why: string | undefined) => {
          clearTimeout(timer);
          resolve(why);
        };
        const timer = setTimeout(() => {
          socket.destroy();
          done('no TLS handshake in time');
        }, timeoutMs);
        socket.once('secureConnect', () => {
          http2 = socket.alpnProtocol === 'h2';
          done(undefined);
          // Ended in order: a server logs a handshake that breaks off.
          socket.end(() => setTimeout(() => socket.destroy(), 1_000).unref());
        });
        socket.on('end', () => socket.destroy());
        socket.on('error', (error) => done(error.message));
      });
    },
  };
}

/** Code of the error when a server that was asked for HTTP/2 takes something else. */
export const noHttp2 = 'ERR_NO_HTTP2';

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}

/** What the caller may read: no addresses, only what kind of failure it was. */
export function upstreamReason(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'the API server refuses connections';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'the API server can not be reached';
    case 'ETIMEDOUT':
      return 'the API server does not answer';
    case noHttp2:
      return 'the API server no longer speaks HTTP/2';
    case 'ECONNRESET':
      return 'the API server ended the connection';
    default:
      return 'the API server could not be verified';
  }
}
