// The real cluster, and Portcullis in front of it as its own processes: what the tests of this folder share.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createLab, type Lab } from '../../range/demo/lab.ts';
import { receipt } from '../../range/demo/observe.ts';
import { startController, startWorker } from '../../range/demo/services.ts';
import { server, shield } from '../../range/demo/step.ts';
import type { Kubeconfig } from '../../range/pki.ts';
import { type Range, startRange } from '../../range/range.ts';
import type { HostName } from '../../range/topology.ts';
import type { Ran } from '../../src/platform/run.ts';
import type { ClientAnswer, ClientConfig, ClientRequest } from './client.ts';
import { apiService, objects, statuses } from './objects.ts';
import { type AuditEvent, realServer } from './server.ts';

export type Credentials = { readonly certificate?: string; readonly token?: string };

export type World = {
  readonly dir: string;
  readonly range: Range;
  audit(): AuditEvent[];
  /** Runs kubectl on a host; `program` is another than PATH's. At most 60 s. */
  kubectl(
    host: HostName,
    kubeconfig: Kubeconfig,
    args: readonly string[],
    options?: { input?: string; program?: string },
  ): Promise<Ran>;
  /** As `kubectl` on the developer's host, and must succeed: returns what it printed. */
  developer(...args: readonly string[]): Promise<string>;
  /**
   * Asks over HTTPS from a host, `atOnce` (1) at a time: from `cp` over loopback, which is never steered, from elsewhere
   * at the server's address.
   */
  ask(
    host: HostName,
    as: Credentials,
    requests: readonly ClientRequest[],
    atOnce?: number,
  ): Promise<ClientAnswer[]>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Starts the server and fills the cluster. No Portcullis yet. @param prefix of the namespaces' names */
export async function startWorld(prefix: string): Promise<World> {
  const dir = mkdtempSync(join(tmpdir(), 'portcullis-real-'));
  chmodSync(dir, 0o711); // the gate's user passes through to its own folder
  const real = realServer(join(dir, 'server'));
  const range = await startRange({
    dir: join(dir, 'range'),
    prefix,
    version: 'v1.12.2',
    webSocketV5: true,
    startApiServer: (ground) => real.start(ground),
  });
  let configs = 0;
  const world: World = {
    dir,
    range,
    audit: () => real.audit(),
    kubectl(host, kubeconfig, args, { input, program = 'kubectl' } = {}) {
      const { topology, files } = range;
      const argv = [program, '--kubeconfig', files.kubeconfigs[kubeconfig], ...args];
      return topology.runIn(host, argv, {
        env: { PATH: process.env['PATH'], HOME: join(dir, 'home'), LANG: 'C.UTF-8' },
        signal: AbortSignal.timeout(60_000),
        ...(input === undefined ? {} : { input }),
      });
    },
    async developer(...args) {
      const ran = await world.kubectl('developer', 'developer', args);
      assert.equal(ran.code, 0, `kubectl ${args.join(' ')}: ${ran.stderr}`);
      return ran.stdout;
    },
    async ask(host, as, requests, atOnce = 1) {
      const pki = (name: string) => join(range.files.pki, name);
      const config: ClientConfig = {
        server: host === 'cp' ? '127.0.0.1' : range.server.ipv4,
        port: range.server.port,
        caFile: pki('ca.crt'),
        ...(as.certificate
          ? { certFile: pki(`${as.certificate}.crt`), keyFile: pki(`${as.certificate}.key`) }
          : {}),
        ...(as.token ? { token: as.token } : {}),
        atOnce,
        requests,
      };
      const file = join(dir, `client-${configs++}.json`);
      writeFileSync(file, JSON.stringify(config));
      const program = join(import.meta.dirname, 'client.ts');
      const ran = await range.topology.runIn(host, [process.execPath, program, file]);
      assert.equal(ran.code, 0, ran.stderr);
      return ran.stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as ClientAnswer);
    },
    async [Symbol.asyncDispose]() {
      await range[Symbol.asyncDispose]();
      if (process.env['PORTCULLIS_KEEP']) process.stderr.write(`kept: ${dir}\n`);
      else rmSync(dir, { recursive: true, force: true });
    },
  };
  try {
    await fill(world);
  } catch (error) {
    await world[Symbol.asyncDispose]();
    throw error;
  }
  return world;
}

async function fill(world: World): Promise<void> {
  const { topology, files } = world.range;
  const apply = async (document: unknown) => {
    const ran = await world.kubectl('cp', 'admin', ['apply', '--validate=false', '-f', '-'], {
      input: JSON.stringify(document),
    });
    assert.equal(ran.code, 0, ran.stderr);
  };
  await apply(objects(topology));
  const patches = statuses(topology).map(([path, patch]) => ({
    method: 'PATCH',
    path: `${path}/status`,
    headers: { 'Content-Type': 'application/merge-patch+json' },
    body: JSON.stringify(patch),
  }));
  for (const answer of await world.ask('cp', { certificate: 'admin' }, patches)) {
    assert.equal(answer.status, 200, answer.text);
  }
  await apply(apiService(readFileSync(join(files.pki, 'ca.crt'), 'utf8')));
  for (let tries = 0; ; tries++) {
    const [answer] = await world.ask('cp', { certificate: 'admin' }, [
      { path: '/apis/metrics.k8s.io/v1beta1/nodes' },
    ]);
    if (answer?.status === 200) return;
    assert.ok(tries < 60, `the aggregated API does not answer: ${answer?.status} ${answer?.text}`);
    await delay(250);
  }
}

/** Portcullis' controller, agent and gate on their hosts, and the shield set to inspect by hand. */
export async function shieldWorld(world: World): Promise<Lab> {
  const lab = createLab(world.range, world.dir, () => {});
  try {
    startController(lab);
    lab.follow();
    await lab.entry('the inventory in force', (entry) => entry.kind === 'inventory');
    await startWorker(lab, 'agent');
    await receipt(lab, 'the agent to enforce its first plan');
    await startWorker(lab, 'gate');
    await receipt(lab, 'the gate to take its first plan', { kind: 'gate' });
    const seq = lab.entries.at(-1)?.seq ?? 0;
    await lab.portcullis('security', 'stage', server, shield, 'inspect', '--why', 'a test by hand');
    for (const kind of ['gate', 'agent'] as const) {
      await receipt(lab, `the ${kind} at inspect`, { kind, after: seq });
    }
    await listening(lab);
  } catch (error) {
    process.stderr.write(`${lab.evidence()}\n`);
    await lab.dispose();
    throw error;
  }
  return lab;
}

/** The agent steers as soon as it has its plan; the gate's port may open a moment later. */
async function listening(lab: Lab): Promise<void> {
  for (let tries = 0; tries < 40; tries++) {
    const [answer] = await lab.range.request('developer', [
      { packets: ['GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'] },
    ]);
    if (answer?.status === 200) return;
    await delay(250);
  }
  assert.fail('nothing answers through the gate');
}
