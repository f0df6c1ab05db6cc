// The range with a gate in front of its flawed API server, every shield on, and the programs that users run on the
// developer's host: what the tests of this folder share.
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { shippedShields } from '../../bench/lib/catalogue.ts';
import type { Kubeconfig } from '../../range/pki.ts';
import { type Range, startRange } from '../../range/range.ts';
import { apiServerPort } from '../../range/topology.ts';
import { patient } from '../../src/gate/test-kit.ts';
import type { GatePlan } from '../../src/model/plan.ts';
import type { Ran } from '../../src/platform/run.ts';

export const gatePort = 16_443;

export type Clients = {
  readonly range: Range;
  /** This run's own, for what the programs read and write. */
  readonly dir: string;
  /** Where callers find the gate, and what stands behind it. */
  readonly urls: { readonly gate: string; readonly server: string };
  /** A kubeconfig that names the gate. */
  kubeconfig(user: Kubeconfig): string;
  /** A certificate or key of the cluster. */
  pki(name: string): string;
  /** Runs a program on the developer's host; at most 280 s, which bounds a hang. */
  run(argv: readonly string[], input?: string): Promise<Ran>;
  /** The same, and it must succeed: what it printed. */
  must(argv: readonly string[], input?: string): Promise<string>;
  /** Starts one that goes on, its output piped. */
  start(argv: readonly [string, ...string[]]): ChildProcess;
  /** Incidents and failures in the gate's log. */
  trouble(): string[];
  [Symbol.asyncDispose](): Promise<void>;
};

export async function startClients(prefix: string): Promise<Clients> {
  const dir = mkdtempSync(join(tmpdir(), 'portcullis-clients-'));
  chmodSync(dir, 0o711);
  const range = await startRange({
    dir: join(dir, 'range'),
    prefix,
    version: 'v1.12.2',
    webSocketV5: true,
    watchIntervalMs: 100,
  });
  const { topology, files, server } = range;
  const urls = { server: server.url, gate: `https://${server.ipv4}:${gatePort}` };
  const home = join(dir, 'home');
  mkdirSync(home);
  const env = { PATH: process.env['PATH'], HOME: home, LANG: 'C.UTF-8' };
  const logFile = join(dir, 'gate.log');
  const clients: Clients = {
    range,
    dir,
    urls,
    kubeconfig(user) {
      const path = join(dir, `${user}.kubeconfig`);
      writeFileSync(path, readFileSync(files.kubeconfigs[user], 'utf8').replace(urls.server, urls.gate));
      return path;
    },
    pki: (name) => join(files.pki, name),
    run(argv, input) {
      const signal = AbortSignal.timeout(280_000);
      return topology.runIn('developer', argv, { env, signal, ...(input === undefined ? {} : { input }) });
    },
    async must(argv, input) {
      const ran = await clients.run(argv, input);
      assert.equal(ran.code, 0, `${argv.join(' ')}: ${ran.stderr}`);
      return ran.stdout;
    },
    start: (argv) => topology.spawnIn('developer', argv, { env, stdio: ['pipe', 'pipe', 'pipe'] }),
    trouble: () =>
      readFileSync(logFile, 'utf8')
        .split('\n')
        .filter((line) => /"(incident|engine-exception|refused|upstream-failed)"|"level":"error"/.test(line)),
    async [Symbol.asyncDispose]() {
      await topology[Symbol.asyncDispose]();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  try {
    const plan: GatePlan = {
      kind: 'gate',
      generation: 1,
      target: 'cp',
      issuedAt: '2026-01-01T00:00:00Z',
      addressTags: [],
      listeners: [
        {
          server: 'lab/cp',
          stage: 'inspect',
          listen: { address: server.ipv4, port: gatePort },
          upstream: { address: '127.0.0.1', port: apiServerPort, serverName: 'kubernetes' },
          shields: shippedShields(),
          serverTags: [],
          limits: patient,
        },
      ],
    };
    const planFile = join(dir, 'plan.json');
    writeFileSync(planFile, JSON.stringify(plan));
    const program = join(import.meta.dirname, '../../bench/lib/gate-process.ts');
    const log = openSync(logFile, 'w');
    const words = [process.execPath, program, planFile, files.pki, join(dir, 'gate'), '2'] as const;
    const gate = topology.spawnIn('cp', words, {
      stdio: ['pipe', 'ignore', log],
      env: { ...env, NODE_NO_WARNINGS: '1' },
    });
    closeSync(log);
    await ready(range, gate, () => readFileSync(logFile, 'utf8'));
  } catch (error) {
    await clients[Symbol.asyncDispose]();
    throw error;
  }
  return clients;
}

/** However long that takes, unless the gate ends. */
async function ready(range: Range, gate: ChildProcess, log: () => string): Promise<void> {
  for (;;) {
    const packets = ['GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'];
    const [answer] = await range.request('cp', [{ port: gatePort, packets }]);
    if (answer?.status === 200) return;
    assert.equal(gate.exitCode ?? gate.signalCode, null, `the gate ended: ${log()}`);
    await delay(100);
  }
}
