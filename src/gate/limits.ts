// Every limit of the gate's sockets in one table. The judge's own (heads, held bytes) are in inspect/connection-types.ts.

/** Times in milliseconds. They are kept by a sweep, so each may run over by `sweepMs`. */
export type GateLimits = {
  /** Connections of one listener, tunnels and watches included; above it new ones are closed at once. */
  readonly connections: number;
  /** TLS handshake of a caller. */
  readonly handshakeMs: number;
  /** From the end of the handshake to the first byte of the first request. */
  readonly firstRequestMs: number;
  /** From the first byte of a request's head to its last. */
  readonly headMs: number;
  /** Between exchanges: kube-apiserver itself waits 90 s or longer. While an exchange, watch or tunnel goes on there is no limit. */
  readonly keepAliveMs: number;
  /** TCP and TLS to the server. */
  readonly connectMs: number;
  /** For a caller to take the rest of an answer when its connection is being ended. */
  readonly closeMs: number;
  /** First TCP keep-alive probe: dead peers of long watches are found by the kernel. */
  readonly tcpKeepAliveMs: number;
  /** How often the identity files are read again, so that renewed ones come into use without a new start. */
  readonly filesMs: number;
  /** How often the limits above are looked at. */
  readonly sweepMs: number;
};

export const defaultGateLimits: GateLimits = {
  connections: 16_384,
  handshakeMs: 10_000,
  firstRequestMs: 30_000,
  headMs: 10_000,
  keepAliveMs: 180_000,
  connectMs: 10_000,
  closeMs: 30_000,
  tcpKeepAliveMs: 30_000,
  filesMs: 60_000,
  sweepMs: 1_000,
};
