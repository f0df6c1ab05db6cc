// The gate beside HAProxy, in one run: CPU per request and per megabyte, HTTP/1.1 keep-alive, TLS on both sides, the
// caller's certificate turned into X-Remote-User and X-Remote-Group, callers' own X-Remote-* removed. Loopback only.
//
//   apt-get install haproxy        (once; not done here)
//   npm run bench:gate -- [--json] [--rounds 5] [--requests 30000] [--bulk 100] [--connections 8]
//                         [--runtime PATH]     another runtime to run the gate with, as a further row
//                         [--gate-args='ARGS'] arguments of the gate's runtime: --cpu-prof
//
// Both proxies use one thread. Rounds alternate; the medians are shown.
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { GatePlan } from '../src/model/plan.ts';
import { run } from '../src/platform/run.ts';
import { haproxyConfig } from './lib/haproxy-config.ts';
import { writeKeys } from './lib/keys.ts';
import { cpuSeconds, firstLine, median, start, stop, waitForPort } from './lib/processes.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    requests: { type: 'string', default: '30000' },
    bulk: { type: 'string', default: '100' },
    connections: { type: 'string', default: '8' },
    runtime: { type: 'string' },
    'gate-args': { type: 'string', default: '' },
  },
});
const rounds = count('rounds', 1, 50);
const requests = count('requests', 0, 1_000_000);
const bulk = count('bulk', 0, 10_000);
const connections = count('connections', 1, 256);
const scripts = {
  backend: fileURLToPath(import.meta.resolve('./lib/backend.ts')),
  gate: fileURLToPath(import.meta.resolve('./lib/gate-process.ts')),
  load: fileURLToPath(import.meta.resolve('./lib/load.ts')),
};
const none: ReadonlyMap<Proxy, Sample[]> = new Map();

if (!existsSync('/usr/sbin/haproxy')) {
  process.stderr.write('bench:gate: HAProxy is not installed; run: apt-get install haproxy\n');
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), 'portcullis-bench-'));
const children: ChildProcess[] = [];
try {
  await main();
} finally {
  await Promise.all(children.map((child) => stop(child)));
  rmSync(folder, { recursive: true, force: true });
}

type Proxy = { readonly name: string; readonly port: number; readonly process: ChildProcess };
type Load = { requests: number; seconds: number; bytes: number; p50: number; p99: number };
type Sample = { cpuMicros: number; perSecond: number; p50: number; p99: number; cpuMsPerMegabyte: number };

async function main(): Promise<void> {
  await writeKeys(folder);
  const backend = node(scripts.backend, folder);
  const { port } = (await firstLine(backend)) as { port: number };
  const proxies = [await startHaproxy(port), await startGate('gate', process.execPath, port)];
  if (options.runtime) proxies.push(await startGate('gate-other-runtime', options.runtime, port));
  const small =
    requests === 0 ? none : await compare(proxies, '/api/v1/namespaces/default/pods?limit=500', requests);
  const large = bulk === 0 ? none : await compare(proxies, '/bulk', bulk);
  const version = /version ([0-9.]+)/.exec((await run('/usr/sbin/haproxy', ['-v'])).stdout)?.[1] ?? 'unknown';
  const rows = [...rowsOf('keep-alive', small), ...rowsOf('bulk', large)];
  const document = {
    what: 'gate',
    haproxy: version,
    runtime: process.version,
    rounds,
    requests,
    bulk,
    connections,
    rows,
  };
  if (options.json) process.stdout.write(`${JSON.stringify(document)}\n`);
  else print(document.rows, version);
}

async function compare(
  proxies: readonly Proxy[],
  path: string,
  amount: number,
): Promise<Map<Proxy, Sample[]>> {
  const samples = new Map<Proxy, Sample[]>(proxies.map((proxy) => [proxy, []]));
  // Warm-up: JIT, TLS sessions.
  for (const proxy of proxies) await load(proxy, path, Math.max(connections, Math.ceil(amount / 3)));
  for (let round = 0; round < rounds; round += 1) {
    for (const proxy of proxies) {
      const before = cpuSeconds(proxy.process);
      const result = await load(proxy, path, amount);
      const cpu = cpuSeconds(proxy.process) - before;
      samples.get(proxy)?.push({
        cpuMicros: (cpu * 1e6) / result.requests,
        perSecond: result.requests / result.seconds,
        p50: result.p50,
        p99: result.p99,
        cpuMsPerMegabyte: (cpu * 1e3) / (result.bytes / 1e6),
      });
      process.stderr.write(`${path.slice(0, 5)} round ${round + 1}/${rounds} ${proxy.name}\n`);
    }
  }
  return samples;
}

type Row = { readonly workload: string; readonly proxy: string; readonly cpuRatio: number } & Sample;

function rowsOf(workload: string, samples: ReadonlyMap<Proxy, Sample[]>): Row[] {
  const proxies = [...samples.keys()];
  const cpu = (proxy: Proxy | undefined) =>
    median((proxy ? samples.get(proxy) : undefined)?.map((sample) => sample.cpuMicros) ?? []);
  return proxies.map((proxy) => {
    const own = samples.get(proxy) ?? [];
    const middle = (key: keyof Sample) => round2(median(own.map((sample) => sample[key])));
    return {
      workload,
      proxy: proxy.name,
      cpuMicros: middle('cpuMicros'),
      cpuMsPerMegabyte: middle('cpuMsPerMegabyte'),
      perSecond: middle('perSecond'),
      p50: middle('p50'),
      p99: middle('p99'),
      cpuRatio: round2(cpu(proxy) / cpu(proxies[0])),
    };
  });
}

function print(rows: readonly Row[], version: string): void {
  const line = (cells: readonly (string | number)[]) =>
    process.stdout.write(
      `${cells.map((cell, index) => String(cell).padEnd(index < 2 ? 20 : 14)).join('')}\n`,
    );
  process.stdout.write(
    `HAProxy ${version} beside the gate on ${process.version}, medians of ${rounds} rounds\n`,
  );
  line(['workload', 'proxy', 'CPU µs/req', 'CPU ms/MB', 'req/s', 'p50 ms', 'p99 ms', '× HAProxy']);
  for (const row of rows) {
    line([
      row.workload,
      row.proxy,
      row.cpuMicros,
      row.cpuMsPerMegabyte,
      row.perSecond,
      row.p50,
      row.p99,
      row.cpuRatio,
    ]);
  }
}

async function load(proxy: Proxy, path: string, amount: number): Promise<Load> {
  const child = node(scripts.load, String(proxy.port), folder, String(connections), String(amount), path);
  const result = (await firstLine(child)) as Load;
  await stop(child);
  children.splice(children.indexOf(child), 1);
  return result;
}

async function startGate(name: string, runtime: string, upstream: number): Promise<Proxy> {
  const port = await freePort();
  const plan: GatePlan = {
    kind: 'gate',
    generation: 1,
    target: 'bench',
    issuedAt: '2026-01-01T00:00:00Z',
    addressTags: [],
    listeners: [
      {
        server: 'bench',
        stage: 'inspect',
        listen: { address: '127.0.0.1', port },
        upstream: { address: '127.0.0.1', port: upstream, serverName: 'kubernetes' },
        shields: [],
        serverTags: [],
        // One address plays every caller.
        limits: {
          connectionsPerSource: 1_000_000,
          unauthenticated: 1_000_000,
          unauthenticatedPerSource: 1_000_000,
          handshakesPerSource: 100_000,
          openRequests: 1_000_000,
          shedLagMs: 60_000,
          refuseLagMs: 60_000,
        },
      },
    ],
  };
  const path = join(folder, `${name}.json`);
  writeFileSync(path, JSON.stringify(plan));
  const args = options['gate-args'].split(' ').filter(Boolean);
  const child = start(runtime, [...args, scripts.gate, path, folder, join(folder, `${name}-data`)]);
  children.push(child);
  await waitForPort(port);
  return { name, port, process: child };
}

async function startHaproxy(upstream: number): Promise<Proxy> {
  const port = await freePort();
  const path = join(folder, 'haproxy.cfg');
  writeFileSync(path, haproxyConfig(port, upstream, folder));
  // -db: in the foreground, one process, so that its CPU time is one number.
  const child = start('/usr/sbin/haproxy', ['-db', '-q', '-f', path]);
  children.push(child);
  await waitForPort(port);
  return { name: 'haproxy', port, process: child };
}

function node(script: string, ...args: readonly string[]): ChildProcess {
  const child = start(process.execPath, [script, ...args]);
  children.push(child);
  return child;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

function count(name: 'rounds' | 'requests' | 'bulk' | 'connections', least: number, most: number): number {
  const value = Number(options[name]);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  process.stderr.write(`bench:gate: --${name} must be a whole number from ${least} to ${most}\n`);
  process.exit(2);
}

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}
