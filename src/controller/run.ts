// Runs a controller: opens the data folder, checks everything that was given, serves, probes and responds.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { z } from 'zod';
import { canonicalJson } from '../base/canonical-json.ts';
import type { Clock } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
import type { FailureCode } from '../base/failure-codes.ts';
import { sha256 } from '../log/chain.ts';
import { logPath, verifyFolder, writeHead } from '../log/folder.ts';
import type { Log } from '../log/log.ts';
import { openSessions } from '../log/sessions.ts';
import { openLog } from '../log/sqlite.ts';
import type { Endpoint } from '../model/common.ts';
import { readDocument } from '../model/document.ts';
import type { NewEntry } from '../model/entry.ts';
import { Inventory } from '../model/inventory.ts';
import { Policy } from '../model/policy.ts';
import { systemClock } from '../platform/clock.ts';
import { readText } from '../platform/files.ts';
import { lockFolder } from '../platform/folder-lock.ts';
import { openResolver } from '../platform/resolver.ts';
import { serveMetrics } from '../platform/serve-metrics.ts';
import { openAuthority } from './authority.ts';
import { trustFolder } from './bundle-keys.ts';
import { createBundleWatch } from './bundle-watch.ts';
import { noticeBundles } from './bundles.ts';
import { type Core, openCore } from './core.ts';
import { fromFile, putDocuments } from './documents.ts';
import { buildExposure } from './exposure.ts';
import { openHttpServer } from './http-server.ts';
import { admit } from './identities.ts';
import { type Knowledge, loadKnowledge } from './knowledge.ts';
import { controllerMetrics } from './metrics.ts';
import { createNameWatch } from './name-watch.ts';
import { createNodeReader, type NodeSource } from './node-reader.ts';
import { createOpenSessions } from './open-sessions.ts';
import { createLooks, keepAdmin, openServerCertificate } from './own-certificates.ts';
import { createPartWatch } from './part-watch.ts';
import { createPolicyClock } from './policy-commits.ts';
import { createProber } from './prober.ts';
import { createReconciler } from './reconcile.ts';
import { createDenials } from './roles.ts';
import { createRoutes } from './routes.ts';
import { buildStatus } from './status.ts';
import { createWorkers } from './workers.ts';

export type ControllerOptions = {
  /** Everything that the controller keeps: log, sessions, authority, admin identity. */
  readonly dataDir: string;
  /** Port 0 takes a free one. */
  readonly listen: { readonly address: string; readonly port: number };
  /** Where agents and gates reach the controller; where it listens when left out. */
  readonly advertise?: readonly Endpoint[];
  /** Addresses from which it probes servers; those that it advertises when left out. */
  readonly probers?: readonly string[];
  /** YAML files, put in force at start when they differ from what is in force. */
  readonly inventoryFile?: string;
  readonly policyFile?: string;
  /** DNS servers for the inventory's names, `ADDRESS` or `ADDRESS:PORT`; the system's when left out. */
  readonly dnsServers?: readonly string[];
  /** Folder of shields (`*.yaml`). */
  readonly shieldsFolder: string;
  /** Folder of advisories (`*.json`, any format that intel/read.ts reads); none when left out. */
  readonly advisoriesFolder?: string;
  /** Folder of public keys (`*.pub`, minisign's) whose bundles count; `keys` in the data folder when left out. */
  readonly bundleKeysFolder?: string;
  /**
   * https URL of a bundle that is looked for again and again, its signature beside it; how often, in seconds; and whether what
   * it changes looks on at first.
   */
  readonly bundleSource?: { readonly url: string; readonly everySeconds: number; readonly shadow?: boolean };
  /** Seconds between probes; 30 when left out. */
  readonly probeSeconds?: number;
  /** Clusters whose nodes are listed, for the versions of their parts, at every `nodeSeconds`. */
  readonly nodes?: readonly NodeSource[];
  /** Seconds between readings of nodes; 300 when left out. */
  readonly nodeSeconds?: number;
  /** Where 127.0.0.1 serves /metrics, /healthz and /readyz; nowhere when left out. */
  readonly metricsPort?: number;
  /** Session records kept; 200,000 when left out. */
  readonly sessionsKept?: number;
  readonly clock?: Clock;
  /** Takes lines for the service's own log: warnings and defects. */
  readonly note?: (line: string) => void;
};

export type RunningController = {
  readonly endpoint: Endpoint;
  /** Resolves when the controller has stopped, after the signal was aborted, and let go of its data folder. */
  readonly stopped: Promise<void>;
};

/** After this the head is written beside the log. A crash before leaves an older one, which is true as well. */
const headDelayMs = 50;
const metricsHoldMs = 5_000;

/**
 * Starts a controller; resolves when it serves.
 * @throws Failure and changes nothing: `bad-inventory`, `bad-policy`, a shield's or advisory's, `data-folder-in-use`,
 * `log-tampered`, `bad-log`, `bad-authority`, `listen`, `advertise-missing`, or the compiler's
 */
export async function runController(
  options: ControllerOptions,
  signal: AbortSignal,
): Promise<RunningController> {
  const { dataDir, listen, clock = systemClock, note = () => {} } = options;
  if (isWildcard(listen.address) && !options.advertise?.length) {
    throw new Failure('advertise-missing', `agents can't reach a controller at ${listen.address}`, {
      hint: 'say by which address and port they reach it: --advertise ADDRESS:PORT',
    });
  }
  const inventory = readOptional(Inventory, options.inventoryFile, 'bad-inventory');
  const policy = readOptional(Policy, options.policyFile, 'bad-policy');
  const knowledge = loadKnowledge(options.shieldsFolder, options.advisoriesFolder);

  await using resources = new AsyncDisposableStack();
  const lock = lockFolder(dataDir);
  resources.defer(() => lock.release());
  if (existsSync(logPath(dataDir))) checkLog(dataDir);
  const log = openLog(logPath(dataDir), clock);
  resources.defer(() => log.close());
  const empty = log.head().seq === 0;
  const authority = await openAuthority(dataDir, empty, clock.now());
  const sessions = openSessions(join(dataDir, 'sessions.db'), options.sessionsKept ?? 200_000);
  resources.defer(() => sessions.close());
  const names = [listen.address, ...(options.advertise ?? []).map((item) => item.address)];
  const served = [...new Set(names)].filter((name) => !isWildcard(name));
  const server = await openServerCertificate(authority, served, clock);
  const http = await openHttpServer(server.identity, authority.certificate, listen, note);
  resources.defer(() => http.close());
  const controllers = options.advertise ?? [http.endpoint];
  const probers = options.probers ?? [...new Set(controllers.map((item) => item.address))];
  const core = openCore({ log, knowledge, clock, controllers, probers, note });
  resources.defer(() => core.close());

  const genesis: NewEntry = {
    kind: 'genesis',
    actor: 'controller',
    subject: 'controller',
    data: { format: 1, authority: authority.pin },
  };
  core.record(empty ? [genesis] : []);
  recordKnowledge(core, knowledge);
  trustFolder(core, options.bundleKeysFolder ?? join(dataDir, 'keys'), note);
  noticeBundles(core, note);
  const policyClock = createPolicyClock(core);
  policyClock.tick();
  inFiles(options, () =>
    putDocuments(core, { inventory, policy: fromFile(core, policy, note) }, 'controller'),
  );
  core.decide([]); // shields or addresses may differ from those that the last plans were made with
  const renewOwn = async () => {
    await server.renew(http.use);
    await keepAdmin(core, authority, dataDir, http.endpoint);
  };
  await renewOwn();

  const workers = createWorkers(clock);
  const reconciler = createReconciler(core, workers);
  const parts = createPartWatch(core);
  const prober = createProber(core, reconciler, parts, note, signal);
  const nodeReader = createNodeReader(core, parts, reconciler, options.nodes ?? [], note);
  const resolver = openResolver(options.dnsServers);
  resources.defer(() => resolver.close());
  const nameWatch = createNameWatch(core, resolver.resolve, note);
  resources.defer(() => nameWatch.close());
  const bundleWatch = createBundleWatch(core, reconciler, options.bundleSource, note);
  resources.defer(() => bundleWatch.close());
  prober.reassess();
  keepHead(dataDir, log, core, resources);
  const denials = createDenials(core);
  const services = {
    ...{ core, authority, workers, reconciler, prober, parts, nameWatch, bundleWatch, sessions },
    open: createOpenSessions(clock),
  };
  if (options.metricsPort !== undefined) {
    // Made of all servers and parts: whoever asks often gets the same again.
    let made: { readonly text: string; readonly at: number } | undefined;
    const text = async () => {
      if (!made || clock.mono() - made.at >= metricsHoldMs) {
        const { size } = core.state.exemptions;
        made = {
          text: controllerMetrics(buildStatus(services), buildExposure(core), size, denials.counts()),
          at: clock.mono(),
        };
      }
      return made.text;
    };
    const over = new AbortController();
    resources.defer(() => over.abort());
    await serveMetrics(options.metricsPort, { text, trouble: () => undefined }, over.signal);
  }
  http.serve(createRoutes(services), (caller) => admit(core, caller), denials.take);

  const owned = resources.move();
  const lookAtOwn = createLooks(clock, renewOwn, note);
  const everySecond = setInterval(() => {
    policyClock.tick();
    lookAtOwn();
    noticeBundles(core, note);
    for (const { kind, name, detail } of workers.silent())
      core.record([
        { kind: 'health', actor: 'controller', subject: name, data: { kind, ok: false, detail } },
      ]);
  }, 1_000);
  const stopped = (async () => {
    try {
      let nextRead = 0;
      while (!signal.aborted) {
        await prober.probe();
        if (clock.mono() >= nextRead) {
          await nodeReader.read();
          nextRead = clock.mono() + (options.nodeSeconds ?? 300) * 1000;
        }
        await delay((options.probeSeconds ?? 30) * 1000, undefined, { signal }).catch(() => {});
      }
    } finally {
      clearInterval(everySecond);
      await owned.disposeAsync();
    }
  })();
  return { endpoint: http.endpoint, stopped };
}

function readOptional<S extends z.ZodType>(schema: S, file: string | undefined, code: FailureCode) {
  return file === undefined ? undefined : readDocument(schema, readText(file), file, code);
}

/** Puts the name of the file at fault before the field in what the documents are refused for. */
function inFiles({ inventoryFile, policyFile }: ControllerOptions, change: () => void): void {
  try {
    change();
  } catch (error) {
    const file =
      error instanceof Failure && error.code === 'bad-inventory'
        ? inventoryFile
        : (policyFile ?? inventoryFile);
    if (!(error instanceof Failure) || file === undefined) throw error;
    throw new Failure(error.code, error.message, {
      place: error.place === undefined ? file : `${file}: ${error.place}`,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      pointer: error.pointer,
      cause: error,
    });
  }
}

/** @throws Failure `log-tampered`: a controller builds on no log that doesn't verify */
function checkLog(dataDir: string): void {
  const verdict = verifyFolder(dataDir);
  if (verdict.ok) return;
  throw new Failure('log-tampered', `the log does not verify: entry ${verdict.seq}: ${verdict.why}`, {
    place: logPath(dataDir),
    hint: 'restore the data folder from a backup and find out who changed it',
  });
}

/** Logs which shields and advisories of the folders count from now on, when they differ from the last start's. */
function recordKnowledge(core: Core, knowledge: Knowledge): void {
  const { shields, advisories } = knowledge;
  const entries: NewEntry[] = [];
  for (const shield of shields) {
    const digest = sha256(canonicalJson(shield));
    if (core.state.digests.get(`shield:${shield.id}`) === digest) continue;
    entries.push({
      kind: 'shield',
      actor: 'controller',
      subject: shield.id,
      data: { digest, title: shield.title, severity: shield.severity },
    });
  }
  const digest = sha256(canonicalJson(advisories));
  if (core.state.digests.get('advisories') !== digest) {
    const data = { digest, count: advisories.length };
    entries.push({ kind: 'advisory', actor: 'controller', subject: 'advisories', data });
  }
  core.record(entries);
}

function keepHead(dataDir: string, log: Log, core: Core, resources: AsyncDisposableStack): void {
  let timer: NodeJS.Timeout | undefined;
  let over = false;
  const write = () => {
    clearTimeout(timer);
    timer = undefined;
    writeHead(dataDir, log.head());
  };
  core.onChange(() => {
    if (!over) timer ??= setTimeout(write, headDelayMs);
  });
  resources.defer(() => {
    over = true;
    write();
  });
  write();
}

function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}
