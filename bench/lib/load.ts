// The benchmark's load, as a process of its own: raw TLS connections to one loopback port for a fixed time. Prints
// {"event":"measure"} when the warm-up is over and {"event":"done", ...} with what was done since; ends by itself.
//   load.ts CONFIG-JSON
import { readFileSync } from 'node:fs';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { driveHandshakes } from './load-handshakes.ts';
import { driveHttp1 } from './load-http1.ts';
import { driveHttp2 } from './load-http2.ts';
import { driveTunnels } from './load-tunnels.ts';
import { driveWatches } from './load-watches.ts';

export type LoadConfig = {
  readonly kind: 'http1' | 'http2' | 'handshakes' | 'tunnels' | 'watches';
  readonly port: number;
  readonly folder: string;
  readonly connections: number;
  readonly path: string;
  readonly warmSeconds: number;
  readonly seconds: number;
  /** Streams at once on a connection of HTTP/2. */
  readonly streams?: number;
  /** Requests a second in all, sent when they are due; as fast as answers come when left out. HTTP/1.1 only. */
  readonly rate?: number;
  /** Handshakes resume the connection's session. */
  readonly resume?: boolean;
};

export type LoadResult = {
  readonly event: 'done';
  /** Requests, handshakes; for tunnels round trips; for watches those held. */
  readonly count: number;
  readonly bytes: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
};

export type Load = {
  readonly config: LoadConfig;
  open(more?: ConnectionOptions): Promise<TLSSocket>;
  /** Something was done: `since` is when it began (performance.now). */
  done(since: number, bytes: number): void;
  readonly over: boolean;
  /** Ends the process, saying why. */
  fail(why: string): never;
};

/** As kubectl asks. */
export const requestFields: readonly (readonly [string, string])[] = [
  ['user-agent', 'kubectl/v1.28.4 (linux/amd64) kubernetes/bae2c62'],
  ['accept', 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'],
  ['accept-encoding', 'gzip'],
  ['kubectl-command', 'kubectl get'],
  ['kubectl-session', '4a3f0f9b-7a52-4d2c-8d5c-0a3a6f5d2e11'],
];

const readySeconds = 60;
const config = JSON.parse(process.argv[2] ?? '') as LoadConfig;
const files = {
  ca: readFileSync(`${config.folder}/ca.crt`),
  cert: readFileSync(`${config.folder}/user.crt`),
  key: readFileSync(`${config.folder}/user.key`),
};
let latencies: number[] = [];
let bytes = 0;
let over = false;

const load: Load = {
  config,
  open: (more = {}) =>
    new Promise((resolve) => {
      const socket = connect({
        port: config.port,
        host: '127.0.0.1',
        servername: 'kubernetes',
        ...files,
        ALPNProtocols: [config.kind === 'http2' ? 'h2' : 'http/1.1'],
        // What all of them have: Debian's OpenSSL knows no post-quantum key exchange, which Node would prefer.
        ecdhCurve: 'X25519',
        ...more,
      });
      socket.setNoDelay(true);
      socket.on('error', (error) => fail(error.message));
      socket.once('secureConnect', () => resolve(socket));
    }),
  done(since, size) {
    latencies.push(performance.now() - since);
    bytes += size;
  },
  get over() {
    return over;
  },
  fail,
};

const drivers = {
  http1: driveHttp1,
  http2: driveHttp2,
  handshakes: driveHandshakes,
  tunnels: driveTunnels,
  watches: driveWatches,
};
const print = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
const wait = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

const late = setTimeout(() => fail(`not ready within ${readySeconds} s`), readySeconds * 1000);
await drivers[config.kind](load);
clearTimeout(late);
await wait(config.warmSeconds);
if (config.kind !== 'watches') {
  latencies = [];
  bytes = 0;
}
print({ event: 'measure' });
const began = performance.now();
await wait(config.seconds);
const result = [...latencies].sort((a, b) => a - b);
const seconds = (performance.now() - began) / 1000;
over = true;
const at = (share: number) => result[Math.floor((result.length - 1) * share)] ?? 0;
print({ event: 'done', count: result.length, bytes, seconds, p50: at(0.5), p99: at(0.99) });
process.exit(0);

function fail(why: string): never {
  if (!over) process.stderr.write(`load (${config.kind}): ${why}\n`);
  process.exit(over ? 0 : 1);
}
