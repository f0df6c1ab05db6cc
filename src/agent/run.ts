// The agent's process: follows plans, keeps the kernel to the plan in force, records sessions, reports.
// `portcullis agent` calls runAgent. The table outlives it, however it ends.
import { describeFailure } from '../base/failure.ts';
import { systemClock } from '../platform/clock.ts';
import type { ControllerLink } from '../platform/controller-client.ts';
import { lockFolder } from '../platform/folder-lock.ts';
import { pause } from '../platform/pause.ts';
import { openRawSockets } from '../platform/raw-sockets.ts';
import { run } from '../platform/run.ts';
import { checkHost } from './check-host.ts';
import { createEnforcer } from './enforcer.ts';
import { followPlan } from './follow-plan.ts';
import { watchGates } from './gate-down.ts';
import { tellOpenSessions } from './open-sessions.ts';
import { createPlanStore } from './plan-store.ts';
import { resume } from './resume.ts';
import { watchSessions } from './session-watch.ts';
import { watchDeletion } from './table-watch.ts';

export type AgentOptions = {
  /** As enrolled; plans for another target are refused. */
  readonly name: string;
  /** Holds the last plan (0600). Made when missing. */
  readonly dataDir: string;
  /** The way to the controller. It is closed by whoever opened it. */
  readonly link: ControllerLink;
  /** Out of reach this long after a plan, and at one more attempt, the plan is taken back; 15 when left out. */
  readonly confirmSeconds?: number;
  /** How often the kernel is compared with the plan; 3 when left out. */
  readonly repairSeconds?: number;
  /** How often refused callers are read; 5 when left out. */
  readonly sessionSeconds?: number;
  /** How often health is reported when nothing changes; 5 when left out. */
  readonly healthSeconds?: number;
  /** uid of the workers of this host's gate: they may connect to its servers only. */
  readonly gateUser?: number;
  /** Where log lines go, without a newline: one JSON object each; standard error when left out. */
  readonly writeLog?: (line: string) => void;
};

/**
 * Runs until the signal is aborted. The stored plan is in force before the controller is asked for anything; when it
 * can't be applied, whatever table stands is left as it is.
 * @throws Failure `not-privileged`, `program-missing`, `kernel-refused`, `data-folder-in-use`, `unwritable`
 */
export async function runAgent(options: AgentOptions, signal: AbortSignal): Promise<void> {
  const { name, dataDir, link } = options;
  const gateUser = options.gateUser === undefined ? {} : { gateUser: options.gateUser };
  const writeLog = options.writeLog ?? ((line: string) => void process.stderr.write(`${line}\n`));
  const log = (event: string, fields: Record<string, unknown> = {}) =>
    writeLog(
      JSON.stringify({ at: new Date(systemClock.now()).toISOString(), agent: name, event, ...fields }),
    );
  await checkHost();
  const lock = lockFolder(dataDir);
  const stop = new AbortController();
  const until = AbortSignal.any([signal, stop.signal]);
  try {
    const everyMs = (options.sessionSeconds ?? 5) * 1000;
    const sessions = watchSessions({ name, link, run, clock: systemClock, everyMs }, until);
    const kernel = { run, clock: systemClock, openSockets: openRawSockets, ...gateUser };
    const enforcer = await createEnforcer(kernel, sessions);
    const { read, store } = createPlanStore(dataDir);
    const begun = await resume({ enforcer, clock: systemClock, read, store, log });
    let trouble: Trouble = { problem: begun.problem };
    let wake = new AbortController();
    const changed = () => {
      trouble.problem = undefined;
      wake.abort();
    };

    const stopped = new Promise<void>((resolve) => {
      until.addEventListener('abort', () => resolve());
    });
    const report = async () => {
      const now = trouble;
      const problems = [
        ...(now.problem === undefined ? [] : [now.problem]),
        ...enforcer.problems(),
        ...sessions.problems(),
      ];
      const standing = enforcer.plan
        ? `generation ${enforcer.generation} in force`
        : enforcer.generation > 0
          ? `generation ${enforcer.generation} stands from before; no plan is known`
          : 'no plan yet';
      await link.sendHealth({
        kind: 'agent',
        name,
        generation: enforcer.generation,
        ok: problems.length === 0,
        detail: [standing, ...problems, ...(now.repaired ? [`repaired: ${now.repaired}`] : [])].join('; '),
        listening: [],
        counters: { ...(await enforcer.counters()), ...sessions.counters() },
        ...(now.repaired === undefined ? {} : { repaired: now.repaired }),
      });
      now.repaired = undefined;
    };
    const reportHealth = async () => {
      while (!until.aborted) {
        wake = new AbortController();
        // The controller being away is known to the plan follower, which says so.
        await Promise.race([report().catch(() => {}), stopped]);
        await pause((options.healthSeconds ?? 5) * 1000, AbortSignal.any([until, wake.signal]));
      }
    };
    let deleted = new AbortController();
    void watchDeletion(() => deleted.abort(), until);
    let lookMs = 0;
    const repairDrift = async () => {
      while (!until.aborted) {
        // A large table takes seconds to read back: at most a fifth of the time goes into that.
        const wait = Math.max((options.repairSeconds ?? 3) * 1000, lookMs * 4);
        await pause(wait, AbortSignal.any([until, deleted.signal]));
        deleted = new AbortController();
        if (until.aborted) return;
        try {
          const began = systemClock.mono();
          const drift = await enforcer.repair();
          lookMs = systemClock.mono() - began;
          if (drift === undefined) continue;
          log('drift-repaired', { drift });
          trouble = { problem: undefined, repaired: drift };
        } catch (error) {
          trouble.problem = describeFailure(error);
          log('drift-not-repaired', { error: trouble.problem });
        }
        wake.abort();
      }
    };
    const followed = followPlan(
      {
        name,
        link,
        enforcer,
        clock: systemClock,
        log,
        confirmMs: (options.confirmSeconds ?? 15) * 1000,
        begun,
        store,
        changed,
      },
      until,
    );
    const gates = {
      plan: () => enforcer.plan,
      pause: (ms: number) => pause(ms, until),
      async changed(down: ReadonlySet<number>) {
        try {
          await enforcer.bypass(down);
          log('gates-down', { ports: [...down] });
          trouble.problem = undefined;
        } catch (error) {
          trouble.problem = describeFailure(error);
          log('gates-not-passed', { error: trouble.problem });
        }
        wake.abort();
      },
    };
    const open = { name, link, run, clock: systemClock, resolved: () => enforcer.resolved };
    await Promise.all([
      followed,
      reportHealth(),
      repairDrift(),
      watchGates(gates, until),
      tellOpenSessions(open, until),
      link.keepIdentity(log, until),
    ]);
    await sessions.drained(1000);
  } finally {
    stop.abort();
    lock.release();
  }
}

type Trouble = { problem: string | undefined; repaired?: string | undefined };
