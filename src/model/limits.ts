// Every limit of the gate: its name, default, bounds, what it is for and what the caller meets. The plan's type, the
// inventory's and docs/reference/limits.md are made from this one table.
import { z } from 'zod';

type Row = {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly unit: 'ms' | 'bytes' | 'count' | 'a second' | 'bytes a minute';
  /** What is limited. */
  readonly of: string;
  /** What happens above it. */
  readonly above: string;
  /** The counter, less `portcullis_gate_`, and its label's value; undefined where nobody is refused. */
  readonly counted?: string;
};

const minute = 60_000;

export const limitTable = {
  connections: {
    default: 16_384,
    min: 1,
    max: 1_000_000,
    unit: 'count',
    of: 'open connections of one listener, watches and tunnels included',
    above: 'new ones are closed at once',
    counted: 'refusals_total{code="too-many-connections"}',
  },
  connectionsPerSource: {
    default: 4_096,
    min: 1,
    max: 1_000_000,
    unit: 'count',
    of: 'open connections of one source: an IPv4 address, or the /64 of an IPv6 address',
    above: 'new ones of that source are closed at once',
    counted: 'refusals_total{code="too-many-from-source"}',
  },
  unauthenticated: {
    default: 2_048,
    min: 1,
    max: 1_000_000,
    unit: 'count',
    of: 'connections in their handshake, or without a client certificate and without a request that carried a credential',
    above: 'the one that has been so for longest is closed',
    counted: 'refusals_total{code="unauthenticated-over-limit"}',
  },
  unauthenticatedPerSource: {
    default: 512,
    min: 1,
    max: 1_000_000,
    unit: 'count',
    of: 'the same, of one source',
    above: 'new ones of that source are closed at once',
    counted: 'refusals_total{code="too-many-unauthenticated"}',
  },
  handshakesPerSource: {
    default: 100,
    min: 1,
    max: 100_000,
    unit: 'a second',
    of: 'new connections of one source; five times as many at once',
    above: 'new ones of that source are closed at once',
    counted: 'refusals_total{code="too-many-handshakes"}',
  },
  handshakeMs: {
    default: 10_000,
    min: 100,
    max: 2 * minute,
    unit: 'ms',
    of: 'the TLS handshake of a caller',
    above: 'the connection is closed',
    counted: 'timeouts_total{what="handshake"}',
  },
  firstRequestMs: {
    default: 30_000,
    min: 100,
    max: 60 * minute,
    unit: 'ms',
    of: 'from the end of the handshake to the first byte of the first request',
    above: 'the connection is ended',
    counted: 'timeouts_total{what="keep-alive"}',
  },
  headMs: {
    default: 10_000,
    min: 100,
    max: 10 * minute,
    unit: 'ms',
    of: "from the first byte of a request's head to its last",
    above: 'the connection is cut',
    counted: 'timeouts_total{what="head"}',
  },
  bodyBytesPerMinute: {
    default: 6_000,
    min: 0,
    max: 1_000_000_000,
    unit: 'bytes a minute',
    of: "least of a request's body that must come while the gate and the server are ready for it; tunnels are no bodies",
    above:
      'the connection is cut at the end of that minute; over HTTP/2 that stream alone is ended, with a 408 Status where nothing was answered yet',
    counted: 'timeouts_total{what="body"}',
  },
  keepAliveMs: {
    default: 3 * minute,
    min: 100,
    max: 24 * 60 * minute,
    unit: 'ms',
    of: 'between exchanges; never while a request, a watch or a tunnel goes on (the server itself waits 90 s or longer)',
    above: 'the connection is ended',
    counted: 'timeouts_total{what="keep-alive"}',
  },
  connectMs: {
    default: 10_000,
    min: 100,
    max: 2 * minute,
    unit: 'ms',
    of: 'TCP and TLS to the server',
    above: 'the request is answered with a 503 Status',
    counted: 'timeouts_total{what="connect"}',
  },
  closeMs: {
    default: 30_000,
    min: 100,
    max: 10 * minute,
    unit: 'ms',
    of: 'for a caller to take the rest of an answer when its connection is being ended',
    above: 'the connection is cut',
    counted: 'timeouts_total{what="close"}',
  },
  tcpKeepAliveMs: {
    default: 30_000,
    min: 1_000,
    max: 120 * minute,
    unit: 'ms',
    of: 'idle time before the first TCP keep-alive probe: the kernel finds the dead peers of long watches',
    above: 'a peer that answers no probe is closed',
  },
  headBytes: {
    default: 65_536,
    min: 1_024,
    max: 1_048_576,
    unit: 'bytes',
    of: 'one head',
    above: 'it is refused',
    counted: 'findings_total{rule="portcullis/head-too-large"}',
  },
  headFields: {
    default: 200,
    min: 10,
    max: 10_000,
    unit: 'count',
    of: 'fields of one head',
    above: 'it is refused',
    counted: 'findings_total{rule="portcullis/too-many-fields"}',
  },
  heldBytes: {
    default: 65_536,
    min: 1_024,
    max: 1_048_576,
    unit: 'bytes',
    of: "bytes of the caller's kept while an upgrade request waits for its answer",
    above: 'the connection is cut, with an incident',
    counted: 'findings_total{rule="portcullis/early-bytes"}',
  },
  evidenceBytes: {
    default: 4_096,
    min: 0,
    max: 4_096,
    unit: 'bytes',
    of: 'of those, what an incident keeps as evidence',
    above: 'the rest is left out',
  },
  aheadBytes: {
    default: 262_144,
    min: 1_024,
    max: 16_777_216,
    unit: 'bytes',
    of: 'requests sent ahead of the answer to the one before (pipelining)',
    above: 'the connection is cut',
    counted: 'findings_total{rule="portcullis/pipeline-over-limit"}',
  },
  streams: {
    default: 250,
    min: 1,
    max: 10_000,
    unit: 'count',
    of: 'open HTTP/2 streams of one connection; a server that allows fewer is asked no more',
    above: 'new ones are refused, for the caller to try again',
    counted: 'findings_total{rule="portcullis/h2-stream-limit"}',
  },
  continuations: {
    default: 16,
    min: 1,
    max: 1_000,
    unit: 'count',
    of: 'CONTINUATION frames of one HTTP/2 header block',
    above: 'the connection is ended (GOAWAY, ENHANCE_YOUR_CALM)',
    counted: 'findings_total{rule="portcullis/h2-block-too-large"}',
  },
  streamResets: {
    default: 1_000,
    min: 10,
    max: 1_000_000,
    unit: 'count',
    of: 'HTTP/2 streams of one caller that either side resets, or the gate refuses; a tenth as many more each second',
    above: 'the connection is ended (GOAWAY, ENHANCE_YOUR_CALM)',
    counted: 'findings_total{rule="portcullis/h2-reset-flood"}',
  },
  pingFrames: {
    default: 1_000,
    min: 10,
    max: 1_000_000,
    unit: 'count',
    of: 'HTTP/2 PING frames of one caller; a tenth as many more each second',
    above: 'the connection is ended (GOAWAY, ENHANCE_YOUR_CALM)',
    counted: 'findings_total{rule="portcullis/h2-ping-flood"}',
  },
  settingsFrames: {
    default: 100,
    min: 10,
    max: 1_000_000,
    unit: 'count',
    of: 'HTTP/2 SETTINGS frames of one caller, the first of each connection left out; a tenth as many more each second',
    above: 'the connection is ended (GOAWAY, ENHANCE_YOUR_CALM)',
    counted: 'findings_total{rule="portcullis/h2-settings-flood"}',
  },
  idleFrames: {
    default: 1_000,
    min: 10,
    max: 1_000_000,
    unit: 'count',
    of: 'HTTP/2 frames of one caller that carry nothing (empty DATA, PRIORITY, unknown); a tenth as many more each second',
    above: 'the connection is ended (GOAWAY, ENHANCE_YOUR_CALM)',
    counted: 'findings_total{rule="portcullis/h2-idle-flood"}',
  },
  bodyBytes: {
    default: 3_145_728,
    min: 1_024,
    max: 67_108_864,
    unit: 'bytes',
    of: 'a request body that a rule inspects (the server itself takes 3 MiB)',
    above: 'the request is refused, unless its shield lets it pass',
    counted: 'findings_total{rule="portcullis/body-over-budget"}',
  },
  heldBodyBytes: {
    default: 67_108_864,
    min: 65_536,
    max: 8_589_934_592,
    unit: 'bytes',
    of: 'request bodies that one worker holds for the rules of one listener; half of it for callers who neither have a certificate nor come from a control plane, a quarter for one source of theirs',
    above: 'the request is refused, for the caller to try again',
    counted: 'findings_total{rule="portcullis/held-bodies-full"}',
  },
  openRequests: {
    default: 4_096,
    min: 1,
    max: 1_000_000,
    unit: 'count',
    of: 'requests without an answer in one gate, watches and tunnels left out',
    above: 'new requests are answered with a 429 Status and Retry-After',
    counted: 'requests_shed_total',
  },
  shedLagMs: {
    default: 500,
    min: 10,
    max: minute,
    unit: 'ms',
    of: "delay of the gate's event loop: how far it is behind",
    above: 'new requests are answered with a 429 Status and Retry-After',
    counted: 'requests_shed_total',
  },
  refuseLagMs: {
    default: 2_000,
    min: 10,
    max: minute,
    unit: 'ms',
    of: 'the same delay, where even answering is too much',
    above: 'new connections are closed at once',
    counted: 'refusals_total{code="overloaded"}',
  },
} as const satisfies Record<string, Row>;

export type LimitName = keyof typeof limitTable;
export type Limits = Readonly<Record<LimitName, number>>;

function each<T>(make: (row: Row) => T): Record<LimitName, T> {
  const entries = Object.entries(limitTable).map(([name, row]) => [name, make(row)]);
  return Object.fromEntries(entries) as Record<LimitName, T>;
}

export const defaultLimits: Limits = each((row) => row.default);

/** What an inventory says of a server's gate: any of the limits, the others stay as they are by default. */
export const LimitSettings = z.strictObject(each((row) => z.int().min(row.min).max(row.max).optional()));
export type LimitSettings = z.infer<typeof LimitSettings>;
