// Runs the three services of one host under one process, for `up` and `protect`.
import { chmodSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { checkHost } from '../agent/check-host.ts';
import { Failure } from '../base/failure.ts';
import { kubeadmFiles, loadIdentity } from '../gate/identity-files.ts';
import { parseUser } from '../gate/privileges.ts';
import type { Status } from '../model/api.ts';
import { readDocument } from '../model/document.ts';
import { Inventory } from '../model/inventory.ts';
import { Policy } from '../model/policy.ts';
import { systemClock } from '../platform/clock.ts';
import { type Admin, openAdmin } from '../platform/controller-client.ts';
import { enrol } from '../platform/enrolment.ts';
import { readText } from '../platform/files.ts';
import { lockFolder } from '../platform/folder-lock.ts';
import { identityValid, readIdentity } from '../platform/identity.ts';
import { checkInventory } from '../policy/inventory.ts';
import { type Context, type ExitCode, endpoint } from './command.ts';
import { renderEntry } from './entry-line.ts';
import { serviceLine } from './service-line.ts';
import { renderStatus } from './status-text.ts';
import { type Supervised, supervise } from './supervise.ts';

export type UpOptions = {
  readonly dataDir: string;
  /** The name of this host in the inventory. */
  readonly host: string;
  /** `address:port` of the controller's API. */
  readonly listen: string;
  readonly inventory: string;
  readonly policy: string | undefined;
  /** `CLUSTER=FILE` of each kubeconfig by which nodes are read. */
  readonly nodes?: readonly string[];
  /** Folder in kubeadm's layout with the identity files of the gate. */
  readonly pki: string;
  /** Whom the gate becomes; `root` stays root; a user of its own when left out. */
  readonly gateUser: string | undefined;
};

/** How long the agent and the gate may take from their start to their first word to the controller. */
const reportMs = 20_000;
/** What `up` tells of the log as it happens. */
const told = new Set(['stage', 'incident', 'probe', 'safe-probe', 'health', 'drift']);

/**
 * Runs until the context's signal is aborted.
 * @throws Failure when the host, the files or a service at its first start is not what it must be; then nothing runs
 */
export async function runUp(context: Context, options: UpOptions): Promise<ExitCode> {
  endpoint('listen', options.listen);
  await checkHost();
  checkFiles(options);
  const { signal } = context;
  const asUser = gateUserArgs(options.gateUser);
  const lock = lockFolder(options.dataDir);
  chmodSync(options.dataDir, 0o711); // the gate's user passes through to its own folder
  const stopWorkers = new AbortController();
  const stopController = new AbortController();
  signal.addEventListener('abort', () => stopWorkers.abort(), { once: true });
  const services: { worker: boolean; running: Supervised }[] = [];
  const start = (name: string, ...args: string[]): Supervised => {
    const note = (service: string, line: string) => {
      const text = context.json ? `${service}: ${line}` : serviceLine(service, line);
      if (text !== undefined) context.note(text);
    };
    const worker = name !== 'controller';
    const stop = worker ? stopWorkers : stopController;
    const running = supervise(
      { name, args: [name, '--data-dir', options.dataDir, ...args] },
      note,
      stop.signal,
    );
    services.push({ worker, running });
    return running;
  };
  try {
    const { listen, inventory, policy, nodes = [] } = options;
    const policyArgs = policy === undefined ? [] : ['--policy', policy];
    const nodeArgs = nodes.flatMap((each) => ['--nodes', each]);
    const controller = start(
      'controller',
      ...['--listen', listen, '--inventory', inventory, ...policyArgs, ...nodeArgs],
    );
    await first(signal, controller.ready, controller.failed);
    const admin = openAdmin(join(options.dataDir, 'controller'));
    try {
      await first(signal, enrolHost(options, admin), controller.failed);
      const seen = (await admin.status()).log.entries;
      const workers = [
        start('agent', ...(asUser.length > 0 ? ['--gate-user', ...asUser.slice(1)] : [])),
        start('gate', '--pki', options.pki, '--drain-seconds', '2', ...asUser),
      ];
      const failures = [controller, ...workers].map(({ failed }) => failed);
      const status = await first(signal, workersHeard(options, admin, signal), ...failures);
      for (const { running } of services) running.keep();
      context.print(
        context.json
          ? JSON.stringify({ ok: true, status })
          : `\n${renderStatus(status)}\n\nrunning; Ctrl-C stops, the kernel table stays\n`,
      );
      if (context.json) await once(signal);
      else await tell(context, admin, seen);
    } finally {
      admin.close();
    }
    return 0;
  } catch (error) {
    if (signal.aborted) return 0;
    throw error;
  } finally {
    // Workers first, so that their last records still find the controller.
    stopWorkers.abort();
    await Promise.all(services.filter(({ worker }) => worker).map(({ running }) => running.ended));
    stopController.abort();
    await Promise.all(services.map(({ running }) => running.ended));
    lock.release();
  }
}

/** A uid that no distribution gives to anybody, so that the gate shares its memory and files with nobody. */
const ownUser = '61443:61443';

/** @throws Failure `bad-user` */
function gateUserArgs(user = ownUser): string[] {
  if (user === 'root') return [];
  parseUser(user);
  return ['--user', user];
}

/** @throws Failure of the documents and the identity files, `unknown-host` */
function checkFiles({ inventory: file, policy, host, pki }: UpOptions): void {
  const inventory = readDocument(Inventory, readText(file), file, 'bad-inventory');
  if (policy !== undefined) readDocument(Policy, readText(policy), policy, 'bad-policy');
  try {
    checkInventory(inventory);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    throw new Failure(error.code, error.message, { place: `${file}: ${error.place}`, ...hint });
  }
  const hosts = inventory.servers.map((server) => server.host);
  if (!hosts.includes(host)) {
    throw new Failure('unknown-host', `no server of the inventory runs on a host '${host}'`, {
      place: file,
      hint: `hosts with a server: ${[...new Set(hosts)].join(', ')}`,
    });
  }
  checkPki(pki);
}

/** The work's answer, unless one of the others rejects or the signal is aborted before. */
function first<T>(signal: AbortSignal, work: Promise<T>, ...others: Promise<T | never>[]): Promise<T> {
  const interrupted = once(signal).then(() => Promise.reject(signal.reason));
  return Promise.race([work, ...others, interrupted]);
}

function once(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** Enrols the agent and the gate of this host, once. */
async function enrolHost(options: UpOptions, admin: Admin): Promise<void> {
  for (const role of ['agent', 'gate'] as const) {
    const dataDir = join(options.dataDir, role);
    const folder = join(dataDir, 'identity');
    const present = existsSync(join(folder, 'identity.json')) ? readIdentity(folder) : undefined;
    if (present && identityValid(present, systemClock.now())) continue;
    const { token } = await admin.createToken({ role, name: options.host, ttlSeconds: 60 });
    await enrol({ controller: admin.controller, token, role, name: options.host, dataDir });
  }
}

/** Waits until agent and gate have reported that they enforce their plan; after a while, answers how it stands then. */
async function workersHeard(options: UpOptions, admin: Admin, signal: AbortSignal): Promise<Status> {
  const deadline = performance.now() + reportMs;
  for (;;) {
    const status = await admin.status();
    const here = status.workers.filter(({ name }) => name === options.host);
    const standing = here.filter((worker) => worker.ok && worker.applied === worker.wanted);
    if (standing.length === 2 || performance.now() > deadline) return status;
    await delay(100, undefined, { signal });
  }
}

/** Prints what happens, a line each, until the signal is aborted; through restarts of the controller. */
async function tell(context: Context, admin: Admin, from: number): Promise<void> {
  const { signal } = context;
  let after = from;
  while (!signal.aborted) {
    try {
      for (const entry of await admin.events({ after, waitSeconds: 30, signal })) {
        after = entry.seq;
        if (told.has(entry.kind)) context.print(renderEntry(entry));
      }
    } catch {
      await delay(500, undefined, { signal }).catch(() => {});
    }
  }
}

/** @throws Failure of loadIdentity */
export function checkPki(pki: string): void {
  try {
    loadIdentity(kubeadmFiles(pki), systemClock.now());
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'unreadable') throw error;
    const hint =
      'the server’s certificates in another folder: --pki DIR; other file names: portcullis gate --help';
    throw new Failure(error.code, error.message, { place: error.place ?? pki, hint, cause: error });
  }
}
