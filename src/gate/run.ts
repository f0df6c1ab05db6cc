// The gate's parent: reads identity files and plans, keeps the ports and the link to the controller, and gives workers their
// orders. `portcullis gate` calls runGate. No byte of a caller is read here: that is the workers' (worker.ts).
//
// What it needs: to read the identity files (root or a group, on a kubeadm host), to bind its ports, to reach the
// controller, to write its data folder. It stays what it was started as, so that renewed files can be read.
import type { ChildProcess } from 'node:child_process';
import { describeFailure } from '../base/failure.ts';
import type { GatePlan } from '../model/plan.ts';
import type { Incident } from '../model/record.ts';
import { systemClock } from '../platform/clock.ts';
import type { ControllerLink } from '../platform/controller-client.ts';
import { writeWhole } from '../platform/files.ts';
import { lockFolder } from '../platform/folder-lock.ts';
import { pause } from '../platform/pause.ts';
import { serveMetrics } from '../platform/serve-metrics.ts';
import { openAccessWriter } from './access-writer.ts';
import { prometheusText } from './counters.ts';
import { createCrew } from './crew.ts';
import { followPlan } from './follow-plan.ts';
import { type HealthState, healthReport } from './health.ts';
import { type IdentityFiles, loadIdentity } from './identity-files.ts';
import { createTurns } from './in-turn.ts';
import { openIncidentSpool } from './incident-spool.ts';
import { createServingIssuer } from './issued-serving.ts';
import { createJsonLog } from './json-log.ts';
import { defaultGateLimits, type GateLimits } from './limits.ts';
import { bindPort, portKey } from './listening-sockets.ts';
import { ordersOf, sameMaterials } from './orders.ts';
import { readPlan, readStoredPlan, storePlan } from './plan-file.ts';
import { checkRoot, type UnixUser } from './privileges.ts';
import { type Inheritance, raiseSuccessor, type Successor } from './succession.ts';
import { startWorkerInline, startWorkerProcess } from './worker-link.ts';
import type { Orders } from './worker-messages.ts';

export type GateOptions = {
  /** As enrolled; plans for another target are refused. */
  readonly name: string;
  /** Holds the last plan (0600). Made when missing. */
  readonly dataDir: string;
  /** Where plans come from. The link is closed by whoever opened it. */
  readonly plans:
    | { readonly from: 'controller'; readonly link: ControllerLink }
    | { readonly from: 'file'; readonly path: string };
  /** Identity files of every server that `filesByServer` doesn't name: `kubeadmFiles()`. */
  readonly files: IdentityFiles;
  readonly filesByServer?: Readonly<Record<string, IdentityFiles>>;
  /** Worker processes. Left out: one worker inside this process, for tests and tools. */
  readonly workers?: number;
  /** Whose the worker processes are (parseUser). Needs root; left out: whose this one is. */
  readonly user?: UnixUser;
  /** How long connections may go on when the gate is told to stop; 0 when left out. */
  readonly drainSeconds?: number;
  /** Aborted when waiting for them is to end at once. */
  readonly cut?: AbortSignal;
  /** One record for each request, or for one of `every`; refused ones always. `-` is standard output. */
  readonly accessLog?: { readonly path: string; readonly every: number };
  /** From the process that this one succeeds (inherit). */
  readonly inheritance?: Inheritance;
  /** How a successor is asked for and started; none when left out. */
  readonly succession?: {
    readonly asked: (callback: () => void) => void;
    /** The same command again, with a channel and the variable that `inherit` looks for. */
    readonly start: () => ChildProcess;
  };
  /** Written when the data folder is this process's; none when left out. */
  readonly pidFile?: string;
  /** Loopback port of /metrics, /healthz and /readyz; none when left out. */
  readonly metricsPort?: number;
  /** Names, beside X-Remote-*, that a server reads identity from (`--requestheader-*-headers`): a caller's are taken out. */
  readonly identityHeaders?: readonly string[];
  /** How often health is reported; 5 when left out. */
  readonly healthSeconds?: number;
  /** In place of the defaults; a plan's are heard before them. */
  readonly limits?: Partial<GateLimits>;
  /** Where log lines go; standard error when left out. */
  readonly writeLog?: (line: string) => void;
};

const troubleMs = 1_000;
const probeMs = 3_000;
/** How often workers are asked for their counters, so that few are lost with one that dies. */
const countMs = 1_000;

/**
 * Runs until the signal is aborted, then stops accepting, lets connections go on for `drainSeconds`, gives incidents two
 * seconds to be delivered and cuts what is left. Rejects before anything listens when the identity files or a static
 * plan are wrong.
 * @throws Failure of the identity files (identity-files.ts), of a static plan (`bad-plan`, ports, rules), `not-root`,
 * `port-in-use` of the metrics port, `data-folder-in-use`
 */
export async function runGate(options: GateOptions, signal: AbortSignal): Promise<void> {
  const now = () => Date.now();
  const write = options.writeLog ?? ((line: string) => void process.stderr.write(line));
  const log = createJsonLog(options.name, write, now);
  const link = options.plans.from === 'controller' ? options.plans.link : undefined;
  const inTurn = createTurns();
  let orders: Orders | undefined;
  let health: HealthState = { ok: false, detail: 'starting', listening: [] };

  const load = (files: IdentityFiles) => loadIdentity(files, now());
  const serving = createServingIssuer((server) => options.filesByServer?.[server] ?? options.files, now);
  for (const files of [options.files, ...Object.values(options.filesByServer ?? {})]) {
    load(await serving.filesFor(files, []));
  }
  const ordersFor = async (plan: GatePlan): Promise<Orders> => {
    await serving.prepare(plan);
    return ordersOf(plan, serving.filesOf, load);
  };
  if (options.user) {
    checkRoot();
  } else if (options.workers !== undefined && process.getuid?.() === 0) {
    log('warning', 'workers-are-root', { hint: 'give them a user of their own: --user' });
  }
  const writer = options.accessLog ? openAccessWriter(options.accessLog.path) : undefined;
  const { inheritance, succession } = options;
  let successor: Successor | undefined;
  /** Aborted when this process is told to stop, or a successor is in force. */
  const handed = new AbortController();
  const over = AbortSignal.any([signal, handed.signal]);
  // The data folder is the predecessor's until it says otherwise.
  let own = inheritance ? undefined : takeFolder();
  const early: Incident[] = [];
  const crew = createCrew({
    workers: options.workers ?? 1,
    start: options.workers === undefined ? startWorkerInline : startWorkerProcess(options.user),
    settings: {
      gate: options.name,
      limits: { ...defaultGateLimits, ...options.limits },
      identityHeaders: options.identityHeaders ?? [],
      accessEvery: writer && options.accessLog?.every,
    },
    log,
    now: () => performance.now(),
    bind(at) {
      const handle = inheritance?.ports.get(portKey(at)) ?? bindPort(at);
      inheritance?.ports.delete(portKey(at));
      return handle;
    },
    line: write,
    access: (lines) => writer?.write(lines),
    incident(incident) {
      const { at: _at, gate: _gate, ...rest } = incident;
      const { heldBytes: _held, ...what } = incident.what;
      log('warning', 'incident', { ...rest, what });
      keep(incident);
    },
  });
  function takeFolder() {
    const lock = lockFolder(options.dataDir);
    try {
      const spool = link ? openIncidentSpool(link, options.dataDir, log) : undefined;
      if (options.pidFile !== undefined) writeWhole(options.pidFile, `${process.pid}\n`, 0o644);
      return { lock, spool };
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  function keep(incident: Incident): void {
    if (successor) successor.incident(incident);
    else if (own) own.spool?.push(incident);
    else early.push(incident);
  }

  const generation = () => orders?.plan.generation ?? 0;

  async function counters(): Promise<Record<string, number>> {
    const counted = await crew.count();
    const spool = own?.spool;
    const lost = (spool?.dropped ?? 0) + (spool?.refused ?? 0) + (counted['incidents_lost_total'] ?? 0);
    return {
      ...counted,
      incidents_waiting: spool?.pending ?? 0,
      incidents_lost_total: lost,
      access_records_lost_total: (counted['access_records_lost_total'] ?? 0) + (writer?.lost ?? 0),
      generation: generation(),
    };
  }

  const apply = (plan: GatePlan): Promise<number> =>
    inTurn(async () => {
      const next = await ordersFor(plan);
      const cut = await crew.apply(next);
      orders = next;
      return cut;
    });

  /** Files that changed come into use; broken ones don't. */
  const refreshFiles = (): Promise<void> =>
    inTurn(async () => {
      try {
        if (!orders) return;
        const next = await ordersFor(orders.plan);
        if (sameMaterials(next, orders)) return;
        const connectionsCut = await crew.apply(next);
        orders = next;
        log('info', 'identity-files-renewed', { connectionsCut });
      } catch (error) {
        log('error', 'identity-files', { error: describeFailure(error) });
      }
    });

  let wakeHealth = new AbortController();
  const { filesMs } = { ...defaultGateLimits, ...options.limits };
  const timers = [
    setInterval(() => void refreshFiles(), filesMs),
    setInterval(() => void crew.count(), countMs),
  ];
  try {
    if (inheritance) {
      if (inheritance.plan) await apply(inheritance.plan);
      inheritance.incidents(keep);
      await inheritance.takeOver();
      own = takeFolder();
      for (const incident of early.splice(0)) keep(incident);
      // Ports that the plan in force has no use for.
      for (const handle of inheritance.ports.values()) handle.close();
      log('info', 'succeeded', { generation: generation() });
    }
    if (options.metricsPort !== undefined) {
      const text = async () => prometheusText(await counters());
      const source = { text, trouble: () => (health.ok ? undefined : health.detail) };
      await serveMetrics(options.metricsPort, source, over);
    }
    if (options.plans.from === 'file') await apply(readPlan(options.plans.path));
    else if (!inheritance) await applyStored();
    succession?.asked(() => void handOver());
    const reports = reportHealth();
    const kept = link?.keepIdentity(
      (event, fields) => log(event === 'identity-renewed' ? 'info' : 'error', event, fields),
      over,
    );
    if (link) {
      const follower = {
        name: options.name,
        link,
        log,
        clock: systemClock,
        apply: async (plan: GatePlan) => {
          const cut = await apply(plan);
          // In force all the same: a full disk doesn't stop enforcement.
          try {
            storePlan(options.dataDir, plan);
          } catch (error) {
            log('error', 'plan-not-stored', { error: describeFailure(error) });
          }
          return cut;
        },
        applied: () => wakeHealth.abort(),
      };
      await followPlan(follower, over);
    }
    await reports;
    // The data folder, with the identity in it, is still this process's.
    await kept;
    if (successor) {
      await letGo();
      successor.takeOver();
    }
    await drain();
  } finally {
    for (const timer of timers) clearInterval(timer);
    if (!successor) await letGo();
    await crew.destroy();
    await writer?.close();
    successor?.leave();
  }

  /** Incidents get two seconds to be delivered; what is left stays in the folder. */
  async function letGo(): Promise<void> {
    await own?.spool?.drained(2_000);
    own?.spool?.close();
    own?.lock.release();
    own = undefined;
  }

  /** Plans wait meanwhile. */
  function handOver(): Promise<void> {
    return inTurn(async () => {
      if (!succession || over.aborted) return;
      log('info', 'successor-starting');
      try {
        successor = await raiseSuccessor(succession.start(), crew.ports, orders?.plan);
        handed.abort();
      } catch (error) {
        log('error', 'successor-failed', { error: describeFailure(error) });
      }
    });
  }

  async function drain(): Promise<void> {
    const seconds = options.drainSeconds ?? 0;
    if (seconds === 0) return;
    log('info', 'draining', { seconds });
    // Who has a successor ends at the first signal.
    const cuts = [...(options.cut ? [options.cut] : []), ...(successor ? [signal] : [])];
    const ended = await crew.drain(seconds * 1000, AbortSignal.any(cuts));
    log('info', 'drained', { ended });
  }

  /** A stored plan that can't be applied must not keep the gate from asking for a better one. */
  async function applyStored(): Promise<void> {
    try {
      const plan = readStoredPlan(options.dataDir);
      if (!plan) return;
      await apply(plan);
      log('info', 'plan-restored', { generation: plan.generation });
    } catch (error) {
      log('error', 'stored-plan', { error: describeFailure(error) });
    }
  }

  /** Every few seconds, and as soon as a plan was applied. */
  async function reportHealth(): Promise<void> {
    while (!over.aborted) {
      wakeHealth = new AbortController();
      health =
        generation() === 0 ? { ok: false, detail: 'no plan yet', listening: [] } : await crew.reach(probeMs);
      try {
        await link?.sendHealth(healthReport(options.name, generation(), health, await counters()));
      } catch {
        // followPlan says when the controller is away; the next report carries the same.
      }
      const wait = health.ok ? (options.healthSeconds ?? 5) * 1000 : troubleMs;
      await pause(wait, AbortSignal.any([over, wakeHealth.signal]));
    }
  }
}
