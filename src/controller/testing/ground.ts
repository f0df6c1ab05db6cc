// A ground for tests: a controller on loopback with its files, a fake API server, and workers that speak real mTLS.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HealthReport, Status, WorkerRole } from '../../model/api.ts';
import type { Entry } from '../../model/entry.ts';
import type { Plan } from '../../model/plan.ts';
import { type Admin, type ControllerLink, openAdmin, openLink } from '../../platform/controller-client.ts';
import { enrol } from '../../platform/enrolment.ts';
import { createAuthority, issue } from '../../platform/pki.ts';
import { type ControllerOptions, type RunningController, runController } from '../run.ts';
import { type FakeApiServer, fakeApiServer } from './fake-apiserver.ts';

/** Milliseconds that bound a hang. */
export const longest = 120_000;
export const cve = 'CVE-2018-1002105';
/** The shields and advisories that Portcullis ships. */
const catalogue = join(import.meta.dirname, '../../../shields');
export const shieldFile = join(catalogue, `${cve}.yaml`);

export type Ground = {
  readonly folder: string;
  readonly fake: FakeApiServer;
  readonly notes: string[];
  /** The YAML text of an inventory with the fake server; `edit` changes its text. */
  inventory(edit?: (yaml: string) => string): string;
  options(more?: Partial<ControllerOptions>): ControllerOptions;
  /** Starts (or starts again) a controller. Ends with the ground. */
  start(more?: Partial<ControllerOptions>): Promise<Started>;
  [Symbol.asyncDispose](): Promise<void>;
};
export type Started = {
  readonly running: RunningController;
  readonly admin: Admin;
  readonly address: string;
  stop(): Promise<void>;
  /** Enrols a worker named cp-1 (or as given) and opens its link. */
  worker(role: WorkerRole, name?: string): Promise<ControllerLink>;
  /** Another admin, or a viewer, by a name of their own; the identity is in the folder `ROLE-NAME`. */
  person(name: string, role?: 'admin' | 'viewer'): Promise<Admin>;
  /** Waits for the first entry, from the log's begin, that matches. */
  entry(matches: (entry: Entry) => boolean): Promise<Entry>;
};

export async function ground(): Promise<Ground> {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-controller-'));
  const cluster = await createAuthority('cluster', 1);
  const identity = await issue(cluster, {
    subject: { commonName: 'kube-apiserver' },
    use: ['server'],
    names: ['127.0.0.1', 'kubernetes'],
    days: 1,
  });
  const fake = await fakeApiServer(identity);
  writeFileSync(join(folder, 'cluster-ca.pem'), cluster.certificate);
  mkdirSync(join(folder, 'shields'));
  mkdirSync(join(folder, 'advisories'));
  cpSync(shieldFile, join(folder, 'shields', `${cve}.yaml`));
  cpSync(join(catalogue, 'advisories', `${cve}.json`), join(folder, 'advisories', `${cve}.json`));
  const stops: (() => Promise<void>)[] = [];
  const notes: string[] = [];
  const self: Ground = {
    folder,
    fake,
    notes,
    inventory: (edit = (text) => text) =>
      edit(`apiVersion: portcullis/v1
clusters: [{name: lab}]
hosts: [{name: cp-1, cluster: lab, addresses: [127.0.0.1, 10.77.0.1], tags: [tier=control-plane]}]
servers:
  - name: api-1
    cluster: lab
    host: cp-1
    address: 127.0.0.1
    port: ${fake.port}
    probe: {caFile: ${join(folder, 'cluster-ca.pem')}}
groups: [{name: office, addresses: [10.9.0.0/16], tags: [label=office]}]
`),
    options: (more = {}) => ({
      dataDir: join(folder, 'data'),
      listen: { address: '127.0.0.1', port: 0 },
      shieldsFolder: join(folder, 'shields'),
      advisoriesFolder: join(folder, 'advisories'),
      probeSeconds: 3600,
      note: (line) => void notes.push(line),
      ...more,
    }),
    async start(more) {
      writeFileSync(join(folder, 'inventory.yaml'), self.inventory());
      const stop = new AbortController();
      const options = self.options({ inventoryFile: join(folder, 'inventory.yaml'), ...more });
      const running = await runController(options, stop.signal);
      const admin = openAdmin(options.dataDir);
      const address = `127.0.0.1:${running.endpoint.port}`;
      const links: { close(): void }[] = [];
      const end = async () => {
        for (const link of links) link.close();
        admin.close();
        stop.abort();
        await running.stopped;
      };
      stops.push(end);
      return {
        running,
        admin,
        address,
        stop: end,
        async worker(role, name = 'cp-1') {
          const dataDir = join(folder, `${role}-${name}`);
          const { token } = await admin.createToken({ role, name, ttlSeconds: 60 });
          await enrol({ controller: address, token, role, name, dataDir });
          const link = openLink(dataDir);
          links.push(link);
          return link;
        },
        async person(name, role = 'admin') {
          const dataDir = join(folder, `${role}-${name}`);
          const { token } = await admin.createToken({ role, name, ttlSeconds: 60 });
          await enrol({ controller: address, token, role, name, dataDir });
          const link = openAdmin(dataDir);
          links.push(link);
          return link;
        },
        async entry(matches) {
          const signal = AbortSignal.timeout(longest);
          for (let after = 0; ; ) {
            const entries = await admin.events({ after, waitSeconds: 10, signal });
            const found = entries.find(matches);
            if (found) return found;
            after = entries.at(-1)?.seq ?? after;
          }
        },
      };
    },
    async [Symbol.asyncDispose]() {
      for (const stop of stops) await stop();
      await fake.close();
      rmSync(folder, { recursive: true });
    },
  };
  return self;
}

/** The plan that is there now. */
export async function planOf(link: ControllerLink, after = 0): Promise<Plan> {
  const plan = await link.nextPlan(after, 60, AbortSignal.timeout(longest));
  if (!plan) throw new Error(`no plan above ${after}`);
  return plan;
}

/** Acknowledges a plan as applied. */
export function acknowledge(link: ControllerLink, { kind, target, generation }: Plan): Promise<void> {
  return link.sendReceipt({
    kind,
    target,
    generation,
    ok: true,
    milliseconds: 3,
    connectionsCut: 2,
    appliedAt: new Date().toISOString(),
  });
}

export function health(plan: Plan, listening: number[], more: Partial<HealthReport> = {}): HealthReport {
  const { kind, target, generation } = plan;
  return { kind, name: target, generation, ok: true, detail: 'fine', listening, counters: {}, ...more };
}

export function stageOf(status: Status): string | undefined {
  return status.servers[0]?.stages.find((item) => item.shield === cve)?.stage;
}
