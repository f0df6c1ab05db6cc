// The proxies side by side: the gate (on Node, on Bun), HAProxy, nginx; each with as many workers as told, in front of
// the same two servers.
import type { ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { GatePlan } from '../../src/model/plan.ts';
import { haproxyConfig } from './haproxy-config.ts';
import { proxyConfig, serverConfig } from './nginx-config.ts';
import { freePort, lines, start, stop } from './processes.ts';
import { gateShields, haproxyRules, type RuleSetName, ruleSets } from './rules.ts';

export type ProxyName = 'portcullis' | 'bun' | 'haproxy' | 'nginx';

export type RunningProxy = {
  readonly name: ProxyName;
  readonly process: ChildProcess;
  /** Of the way to the server that answers requests, and to the one that keeps connections. */
  readonly ports: { readonly requests: number; readonly stays: number };
};

export type Ground = {
  readonly folder: string;
  readonly servers: { readonly requests: number; readonly stays: number };
  start(name: ProxyName, rules: RuleSetName, workers: number): Promise<RunningProxy>;
  stop(proxy: RunningProxy): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Descriptors that a process may have here: two a connection, and some for itself. */
export function mostConnections(): number {
  const limit = /Max open files +\d+ +(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  return Math.floor((Number(limit ?? 1024) - 200) / 2);
}

/**
 * Starts the servers behind the proxies. `folder` holds the keys (keys.ts).
 * @param options.bun its program; @param options.gateArgs arguments for Node, before the gate's program, which then has
 * no processes of its own: a profile shows all
 */
export async function startGround(
  folder: string,
  options: { readonly bun: string; readonly gateArgs: readonly string[] },
): Promise<Ground> {
  const children = new Set<ChildProcess>();
  const connections = mostConnections();
  let started = 0;
  const launch = (file: string, args: readonly string[]) => {
    const child = start(file, args);
    children.add(child);
    return child;
  };
  const nginx = async (name: string, config: string, port: number) => {
    const path = join(folder, `${name}.conf`);
    writeFileSync(path, config);
    const child = launch('/usr/sbin/nginx', ['-c', path, '-e', join(folder, `${name}.log`)]);
    await waitForPort(port);
    return child;
  };

  const requests = await freePort();
  await nginx(
    'server',
    serverConfig({ folder, name: 'server', workers: 1, connections }, requests),
    requests,
  );
  const keeper = launch(process.execPath, [fileURLToPath(import.meta.resolve('./backend.ts')), folder]);
  const { port: stays } = (await lines(keeper)()) as { port: number };
  const servers = { requests, stays };

  return {
    folder,
    servers,
    async start(name, rules, workers) {
      started += 1;
      const own = `${name}-${started}`;
      const ports = { requests: await freePort(), stays: await freePort() };
      const ways = [
        { port: ports.requests, upstream: servers.requests, http2: true },
        { port: ports.stays, upstream: servers.stays, http2: false },
      ];
      let child: ChildProcess;
      if (name === 'nginx') {
        child = await nginx(
          own,
          proxyConfig({ folder, name: own, workers, connections }, ways),
          ports.requests,
        );
      } else if (name === 'haproxy') {
        const path = join(folder, `${own}.cfg`);
        const copies = ruleSets[rules];
        writeFileSync(
          path,
          haproxyConfig({ folder, threads: workers, connections, ways, rules: haproxyRules(copies) }),
        );
        child = launch('/usr/sbin/haproxy', ['-db', '-q', '-f', path]);
      } else {
        const path = join(folder, `${own}.json`);
        writeFileSync(path, JSON.stringify(plan(ways, rules)));
        const program = fileURLToPath(import.meta.resolve('./gate-process.ts'));
        const inline = name === 'bun' || options.gateArgs.length > 0;
        const args = [program, path, folder, join(folder, `${own}-data`), ...(inline ? [] : [`${workers}`])];
        child =
          name === 'bun'
            ? launch(options.bun, [
                '--preload',
                fileURLToPath(import.meta.resolve('./bun-ports.ts')),
                ...args,
              ])
            : launch(process.execPath, [
                ...options.gateArgs,
                '--disable-warning=ExperimentalWarning',
                ...args,
              ]);
      }
      const ended = new Promise<never>((_, reject) => {
        child.once('exit', () => reject(new Error(`${name} does not start`)));
      });
      ended.catch(() => {});
      for (const port of Object.values(ports)) await Promise.race([waitForPort(port), ended]);
      return { name, process: child, ports };
    },
    async stop({ name, process: child }) {
      await stop(child, name === 'portcullis' || name === 'bun' ? 'input' : 'signals');
      children.delete(child);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...children].map((child) => stop(child, 'signals')));
    },
  };
}

/** One address plays every caller. */
const unlimited = {
  connections: 1_000_000,
  connectionsPerSource: 1_000_000,
  unauthenticated: 1_000_000,
  unauthenticatedPerSource: 1_000_000,
  handshakesPerSource: 100_000,
  openRequests: 1_000_000,
  shedLagMs: 60_000,
  refuseLagMs: 60_000,
};

function plan(ways: readonly { port: number; upstream: number }[], rules: RuleSetName): GatePlan {
  return {
    kind: 'gate',
    generation: 1,
    target: 'bench',
    issuedAt: '2026-01-01T00:00:00Z',
    addressTags: [],
    listeners: ways.map(({ port, upstream }, index) => ({
      server: `bench-${index}`,
      stage: 'inspect',
      listen: { address: '127.0.0.1', port },
      upstream: { address: '127.0.0.1', port: upstream, serverName: 'kubernetes' },
      shields: gateShields(ruleSets[rules]),
      serverTags: [],
      limits: unlimited,
    })),
  };
}

/** Waits until something accepts on a loopback port. @throws after ten seconds */
async function waitForPort(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const up = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.on('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing listens on port ${port}`);
}
