// The gate's process: reads identity files, applies plans, relays, reports. `portcullis gate` calls runGate.
//
// What it needs: to read the six identity files (root or a group, on a kubeadm host), to bind its ports (16443 needs no
// privilege), to reach the API server and the controller, and to write its data folder. With `user` it gives up root
// once it has read the files and bound the ports of its first plan; from then on the files in memory are used.
import { describeFailure, Failure } from '../base/failure.ts';
import type { GatePlan } from '../model/plan.ts';
import type { ControllerLink } from '../platform/controller-client.ts';
import { lockFolder } from '../platform/folder-lock.ts';
import { pause } from '../platform/pause.ts';
import { createCounters } from './counters.ts';
import { createFleet } from './fleet.ts';
import { followPlan } from './follow-plan.ts';
import { checkHealth, type HealthState, healthReport } from './health.ts';
import { type IdentityFiles, type IdentityMaterial, loadIdentity } from './identity-files.ts';
import { openIncidentSpool } from './incident-spool.ts';
import { createJsonLog } from './json-log.ts';
import { defaultGateLimits, type GateLimits } from './limits.ts';
import { createLoadMeter, lagEveryMs } from './load.ts';
import { serveMetrics } from './metrics.ts';
import { readPlan, readStoredPlan, storePlan } from './plan-file.ts';
import { becomeUser, checkReach, type UnixUser } from './privileges.ts';
import type { CoarseClock } from './relay.ts';

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
  /** Loopback port of /metrics and /healthz; none when left out. */
  readonly metricsPort?: number;
  /** Become this user (parseUser) after the first plan is in force. Needs root. */
  readonly user?: UnixUser;
  /** Names, beside X-Remote-*, that a server reads identity from (`--requestheader-*-headers`): a caller's are taken out. */
  readonly identityHeaders?: readonly string[];
  /** In place of the defaults; a plan's are heard before them. */
  readonly limits?: Partial<GateLimits>;
  /** Where log lines go; standard error when left out. */
  readonly writeLog?: (line: string) => void;
};

const healthMs = 5_000;
const troubleMs = 1_000;
const probeMs = 3_000;

/**
 * Runs until the signal is aborted, then stops accepting, gives incidents two seconds to be delivered and cuts what is
 * left. Rejects before anything listens when the identity files or a static plan are wrong.
 * @throws Failure `unwritable` when `user` would not get to the data folder, of the identity files (identity-files.ts), of a static plan (`bad-plan`, ports, rules), `not-root`,
 * `port-in-use` of the metrics port, `data-folder-in-use`
 */
export async function runGate(options: GateOptions, signal: AbortSignal): Promise<void> {
  const now = () => Date.now();
  const limits = { ...defaultGateLimits, ...options.limits };
  const log = createJsonLog(
    options.name,
    options.writeLog ?? ((line) => void process.stderr.write(line)),
    now,
  );
  const link = options.plans.from === 'controller' ? options.plans.link : undefined;
  const counters = createCounters();
  const clock: CoarseClock = { now: performance.now() };
  const meter = createLoadMeter(performance.now());
  let generation = 0;
  let health: HealthState = { ok: false, detail: 'starting', listening: [] };
  let unprivileged = false;

  // A file that root could read may be out of reach afterwards: then what was read while root stays in use.
  const kept = new Map<IdentityFiles, IdentityMaterial>();
  const load = (files: IdentityFiles): IdentityMaterial => {
    try {
      const material = loadIdentity(files, now());
      kept.set(files, material);
      return material;
    } catch (error) {
      const before = kept.get(files);
      const outOfReach = unprivileged && error instanceof Failure && error.code === 'unreadable';
      if (outOfReach && before && before.expires > now()) return before;
      throw error;
    }
  };
  const filesOf = (server: string) => options.filesByServer?.[server] ?? options.files;
  for (const files of [options.files, ...Object.values(options.filesByServer ?? {})]) load(files);
  const lock = lockFolder(options.dataDir);
  if (options.user) checkReach(options.user, options.dataDir);

  const spool = link ? openIncidentSpool(link, options.dataDir, log) : undefined;
  const fleet = createFleet({
    gate: options.name,
    limits,
    identityHeaders: options.identityHeaders ?? [],
    clock,
    meter,
    counters,
    log,
    now,
    filesOf,
    load,
    incident(incident) {
      const { at: _at, gate: _gate, ...rest } = incident;
      const { heldBytes: _held, ...what } = incident.what;
      log('warning', 'incident', { ...rest, what });
      spool?.push(incident);
    },
  });
  counters.gauge('connections_open', () => fleet.connections);
  counters.gauge('connections_unauthenticated', () => fleet.unauthenticated);
  counters.gauge('requests_open', () => meter.openRequests);
  counters.gauge('event_loop_lag_seconds', () => meter.lagMs / 1000);
  counters.gauge('upstream_connections_open', () => fleet.serverConnections);
  counters.gauge('incidents_waiting', () => spool?.pending ?? 0);
  counters.gauge('incidents_lost_total', () => (spool?.dropped ?? 0) + (spool?.refused ?? 0));
  counters.gauge('generation', () => generation);

  const apply = async (plan: GatePlan) => {
    await fleet.apply(plan);
    generation = plan.generation;
    if (options.user && !unprivileged) {
      becomeUser(options.user, options.dataDir);
      unprivileged = true;
      log('info', 'unprivileged', { ...options.user });
    }
  };

  let wakeHealth = new AbortController();
  const sweep = setInterval(() => {
    clock.now = performance.now();
    fleet.sweep();
  }, limits.sweepMs);
  const pulse = setInterval(() => meter.tick(performance.now()), lagEveryMs);
  const refresh = setInterval(() => {
    try {
      fleet.refreshFiles();
    } catch (error) {
      log('error', 'identity-files', { error: describeFailure(error) });
    }
  }, limits.filesMs);
  try {
    if (options.metricsPort !== undefined) {
      const source = {
        counters: () => counters.snapshot(),
        trouble: () => (health.ok ? undefined : health.detail),
      };
      await serveMetrics(options.metricsPort, source, signal);
    }
    if (options.plans.from === 'file') await apply(readPlan(options.plans.path));
    else await applyStored();
    const reports = reportHealth();
    if (link) {
      const follower = {
        name: options.name,
        link,
        log,
        now,
        apply: async (plan: GatePlan) => {
          await apply(plan);
          // In force all the same: a full disk doesn't stop enforcement.
          try {
            storePlan(options.dataDir, plan);
          } catch (error) {
            log('error', 'plan-not-stored', { error: describeFailure(error) });
          }
        },
        applied: () => wakeHealth.abort(),
      };
      await followPlan(follower, signal);
    }
    await reports;
  } finally {
    clearInterval(sweep);
    clearInterval(pulse);
    clearInterval(refresh);
    await spool?.drained(2_000);
    spool?.close();
    await fleet.destroy();
    lock.release();
  }

  /** A stored plan that can't be applied must not keep the gate from asking for a better one. */
  async function applyStored(): Promise<void> {
    try {
      const plan = readStoredPlan(options.dataDir);
      if (!plan) return;
      await apply(plan);
      log('info', 'plan-restored', { generation: plan.generation });
    } catch (error) {
      if (error instanceof Failure && error.code === 'not-root') throw error;
      log('error', 'stored-plan', { error: describeFailure(error) });
    }
  }

  /** Every few seconds, and as soon as a plan was applied. */
  async function reportHealth(): Promise<void> {
    while (!signal.aborted) {
      wakeHealth = new AbortController();
      health =
        generation === 0
          ? { ok: false, detail: 'no plan yet', listening: [] }
          : await checkHealth(fleet, probeMs);
      try {
        await link?.sendHealth(healthReport(options.name, generation, health, counters.snapshot()));
      } catch {
        // followPlan says when the controller is away; the next report carries the same.
      }
      const wait = health.ok ? healthMs : troubleMs;
      await pause(wait, AbortSignal.any([signal, wakeHealth.signal]));
    }
  }
}
