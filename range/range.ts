// The test ground, whole: hosts as network namespaces with a flawed (or fixed) API server, a kubelet, an aggregated API,
// a developer with a real kubectl and an attacker. Everything runs inside the namespaces and ends with the range.
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Failure } from '../src/base/failure.ts';
import type { Ran } from '../src/platform/run.ts';
import type { ApiServerConfig, ServerVersion } from './apiserver.ts';
import type { AuditLine } from './audit.ts';
import type { BackendLine } from './backend-log.ts';
import type { ExploitConfig, ExploitResult } from './exploit.ts';
import type { Heartbeat, HeartbeatConfig } from './heartbeat.ts';
import type { HoldConfig, HoldReady, HoldResult } from './hold.ts';
import type { KubeletConfig } from './kubelet.ts';
import type { MetricsApiConfig } from './metrics-api.ts';
import { type ClusterFiles, createClusterFiles, type Kubeconfig, tokens } from './pki.ts';
import type { RawAnswer, RawRequest } from './request.ts';
import { apiServerPort, createTopology, type HostName, type Topology } from './topology.ts';

/** What an API server of the range is started with. */
export type Ground = {
  readonly topology: Topology;
  readonly files: ClusterFiles;
};

export type Hold = {
  readonly ready: HoldReady;
  /** Resolves when every connection was cut, or `stop` was called. */
  readonly result: Promise<HoldResult>;
  stop(): Promise<HoldResult>;
};

export type Range = {
  readonly topology: Topology;
  readonly files: ClusterFiles & {
    readonly auditLog: string;
    /** Heartbeats of the kubelet and of the controller manager, JSON lines. */
    readonly heartbeatLog: string;
    /** Requests that the kubelet and the aggregated API saw, JSON lines. */
    readonly backendLog: string;
  };
  /** The API server's addresses; kubeconfigs name the IPv4 one. */
  readonly server: {
    readonly ipv4: string;
    readonly ipv6: string;
    readonly port: number;
    readonly url: string;
  };
  /** Runs kubectl on a host, with its home and cache under the range's folder. @throws Failure `range-failed` when it does not end within two minutes */
  kubectl(
    host: HostName,
    kubeconfig: Kubeconfig,
    args: readonly string[],
    options?: { input?: string },
  ): Promise<Ran>;
  /** Starts a kubectl that goes on (`-w`, `logs -f`). Standard input is closed, output is piped. */
  startKubectl(host: HostName, kubeconfig: Kubeconfig, args: readonly string[]): ChildProcess;
  /** The attacker tries the named variants, or all; against the API server's address unless told otherwise. */
  exploit(names?: readonly string[], target?: { server: string; port: number }): Promise<ExploitResult[]>;
  /** Sends raw requests from a host, one connection each; to the API server's address unless told otherwise. */
  request(
    host: HostName,
    requests: readonly (Omit<RawRequest, 'server' | 'port'> & Partial<Pick<RawRequest, 'server' | 'port'>>)[],
  ): Promise<RawAnswer[]>;
  /** Holds connections open from a host; resolves when all have been tried. */
  hold(
    host: HostName,
    options: Pick<HoldConfig, 'connections' | 'watches'> & Partial<Pick<HoldConfig, 'server' | 'port'>>,
  ): Promise<Hold>;
  /** Ends the API server's process and starts the other version on the same address. Open connections end. */
  replaceServer(version: ServerVersion): Promise<void>;
  audit(): AuditLine[];
  heartbeats(): Heartbeat[];
  backend(): BackendLine[];
  [Symbol.asyncDispose](): Promise<void>;
};

/** Longer than any kubectl takes that neither waits nor follows. */
const kubectlMs = 120_000;
const kubeletPort = 10_250;
const metricsPort = 4443;
const main = join(import.meta.dirname, 'main.ts');

/**
 * Builds the range under `dir` (created; must be this run's own) and resolves when everything listens. Needs root.
 * @throws Failure `range-failed`
 */
export async function startRange(options: {
  dir: string;
  /** Begins the namespaces' names: lower-case letters and digits. */
  prefix: string;
  version: ServerVersion;
  /** Route the service address from outside through the node: one more way in. */
  serviceRouted?: boolean;
  /** Milliseconds between events of a watch; 1,000. */
  watchIntervalMs?: number;
  /** `--goaway-chance` of the API server: the share of HTTP/2 requests answered with GOAWAY; 0. */
  goawayChance?: number;
  /** The kubelet knows v5.channel.k8s.io. */
  webSocketV5?: boolean;
  /** Starts another program as the API server, on apiServerPort of the host `cp`; resolves when it serves. */
  startApiServer?: (ground: Ground) => Promise<ChildProcess>;
}): Promise<Range> {
  const { dir } = options;
  mkdirSync(dir, { recursive: true });
  const topology = await createTopology({
    prefix: options.prefix,
    serviceRouted: options.serviceRouted ?? false,
  });
  try {
    return await compose(options, topology);
  } catch (error) {
    await topology[Symbol.asyncDispose]();
    throw error;
  }
}

async function compose(options: Parameters<typeof startRange>[0], topology: Topology): Promise<Range> {
  const { dir } = options;
  const { cp, node } = topology.hosts;
  const server = {
    ipv4: cp.ipv4,
    ipv6: cp.ipv6,
    port: apiServerPort,
    url: `https://${cp.ipv4}:${apiServerPort}`,
  };
  const clusterFiles = await createClusterFiles({
    dir,
    server: server.url,
    names: [
      'kubernetes',
      'kubernetes.default',
      'kubernetes.default.svc',
      'kubernetes.default.svc.cluster.local',
      'localhost',
      cp.ipv4,
      cp.ipv6,
      topology.service.address,
      '127.0.0.1',
      '::1',
    ],
    kubeletNames: ['node', node.ipv4, node.ipv6],
    aggregatedNames: ['metrics-server.kube-system.svc', node.ipv4],
  });
  const files = {
    ...clusterFiles,
    auditLog: join(dir, 'audit.jsonl'),
    heartbeatLog: join(dir, 'heartbeats.jsonl'),
    backendLog: join(dir, 'backends.jsonl'),
  };
  for (const log of [files.auditLog, files.heartbeatLog, files.backendLog]) rmSync(log, { force: true });
  const pki = (name: string) => join(files.pki, name);
  const env: NodeJS.ProcessEnv = { PATH: process.env['PATH'], HOME: join(dir, 'home'), LANG: 'C.UTF-8' };
  mkdirSync(join(dir, 'home'), { recursive: true });

  function startPart(host: HostName, part: string, config: unknown): ChildProcess {
    return topology.spawnIn(host, [process.execPath, main, part, '--json', JSON.stringify(config)], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env,
    });
  }
  async function startServer(host: HostName, part: string, config: unknown): Promise<ChildProcess> {
    const child = startPart(host, part, config);
    await firstLine(child, part);
    return child;
  }
  const heartbeat = (
    name: string,
    credential: string,
    servers: HeartbeatConfig['servers'],
  ): HeartbeatConfig => ({
    namespace: 'kube-node-lease',
    name,
    servers,
    caFile: pki('ca.crt'),
    certFile: pki(`${credential}.crt`),
    keyFile: pki(`${credential}.key`),
    log: files.heartbeatLog,
  });
  const startApiServer = (version: ServerVersion) => {
    const other = options.startApiServer?.({ topology, files: clusterFiles });
    if (other) return other;
    return startServer('cp', 'apiserver', {
      version,
      port: apiServerPort,
      pki: files.pki,
      tokensFile: files.tokens,
      auditLog: files.auditLog,
      addresses: { controlPlane: cp.ipv4, node: node.ipv4, service: topology.service.address },
      kubeletPort,
      metricsPort,
      watchIntervalMs: options.watchIntervalMs ?? 1000,
      goawayChance: options.goawayChance ?? 0,
    } satisfies ApiServerConfig);
  };

  let [apiServer] = await Promise.all([
    startApiServer(options.version),
    startServer('node', 'metrics-api', {
      port: metricsPort,
      pki: files.pki,
      log: files.backendLog,
    } satisfies MetricsApiConfig),
  ]);
  await Promise.all([
    startServer('node', 'kubelet', {
      port: kubeletPort,
      pki: files.pki,
      nodeAddress: node.ipv4,
      log: files.backendLog,
      webSocketV5: options.webSocketV5 ?? false,
      heartbeat: heartbeat('node', 'kubelet', [{ address: cp.ipv4, port: apiServerPort }, topology.service]),
    } satisfies KubeletConfig),
    startServer(
      'cp',
      'heartbeat',
      heartbeat('kube-controller-manager', 'controller-manager', [
        { address: '127.0.0.1', port: apiServerPort },
        { address: cp.ipv4, port: apiServerPort },
      ]),
    ),
  ]);

  const kubectlArgs = (kubeconfig: Kubeconfig, args: readonly string[]): readonly [string, ...string[]] => [
    process.env['PORTCULLIS_KUBECTL'] ?? 'kubectl',
    '--kubeconfig',
    files.kubeconfigs[kubeconfig],
    '--cache-dir',
    join(dir, 'kubectl-cache'),
    ...args,
  ];

  return {
    topology,
    files,
    server,
    async kubectl(host, kubeconfig, args, { input } = {}) {
      const limit = AbortSignal.timeout(kubectlMs);
      try {
        return await topology.runIn(host, kubectlArgs(kubeconfig, args), {
          env,
          signal: limit,
          ...(input === undefined ? {} : { input }),
        });
      } catch (cause) {
        if (!limit.aborted) throw cause;
        const what = `kubectl ${args.join(' ')} on ${host} did not end within ${kubectlMs / 1000} s`;
        throw new Failure('range-failed', what, { cause });
      }
    },
    startKubectl: (host, kubeconfig, args) =>
      topology.spawnIn(host, kubectlArgs(kubeconfig, args), { env, stdio: ['ignore', 'pipe', 'pipe'] }),
    async exploit(names, target = { server: server.ipv4, port: server.port }) {
      const child = startPart('attacker', 'exploit', {
        ...target,
        token: tokens.mallory.value,
        certFile: pki('mallory.crt'),
        keyFile: pki('mallory.key'),
        ...(names ? { variants: names } : {}),
      } satisfies ExploitConfig);
      return (await firstLine(child, 'exploit')) as ExploitResult[];
    },
    async request(host, requests) {
      const config = requests.map((one) => ({ server: server.ipv4, port: server.port, ...one }));
      return (await firstLine(startPart(host, 'request', config), 'request')) as RawAnswer[];
    },
    async hold(host, wanted) {
      const child = startPart(host, 'hold', {
        server: server.ipv4,
        port: server.port,
        token: tokens['dev-token'].value,
        ...wanted,
      } satisfies HoldConfig);
      const next = lines(child, 'hold');
      const ready = (await next()) as HoldReady;
      const result = next() as Promise<HoldResult>;
      result.catch(() => {}); // told to whoever awaits it
      return {
        ready,
        result,
        stop() {
          child.stdin?.end();
          return result;
        },
      };
    },
    async replaceServer(version) {
      await end(apiServer);
      apiServer = await startApiServer(version);
    },
    audit: () => readLines<AuditLine>(files.auditLog),
    heartbeats: () => readLines<Heartbeat>(files.heartbeatLog),
    backend: () => readLines<BackendLine>(files.backendLog),
    [Symbol.asyncDispose]: () => topology[Symbol.asyncDispose](),
  };
}

/** Reads a process's JSON lines one by one; rejects when it ends without the next. */
function lines(child: ChildProcess, name: string): () => Promise<unknown> {
  if (!child.stdout) throw new TypeError('no piped output');
  const reader = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return async () => {
    const { value, done } = await reader.next();
    if (done) throw new Failure('range-failed', `the range's ${name} ended before it had answered`);
    return JSON.parse(value) as unknown;
  };
}

function firstLine(child: ChildProcess, name: string): Promise<unknown> {
  return lines(child, name)();
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}

function readLines<Line>(file: string): Line[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  lines.pop(); // empty, or being written just now
  return lines.map((line) => JSON.parse(line) as Line);
}
