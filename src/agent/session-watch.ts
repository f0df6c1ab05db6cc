// Watches the kernel for sessions and sends their records to the controller. It never stands in the way of enforcement.
import type { Clock } from '../base/clock.ts';
import type { SessionRecord } from '../model/record.ts';
import type { ControllerLink } from '../platform/controller-client.ts';
import { follow } from '../platform/follow.ts';
import { pause } from '../platform/pause.ts';
import { createSpool } from '../platform/spool.ts';
import { parseEvent, parseFlow } from './conntrack-events.ts';
import { countConnections, type Runner } from './host.ts';
import { readDenied } from './kernel-table.ts';
import type { Protected } from './protected.ts';
import { createSessionRecorder } from './session-records.ts';

export type SessionWatch = {
  /** `kept`: the table counts on as it did. */
  use(resolved: Protected, kept: boolean): void;
  /** Reads the refused callers now: before the table is replaced, whose counts go with it. */
  collect(): Promise<void>;
  /** What is wrong, for people; empty when all is well. */
  problems(): string[];
  counters(): Record<string, number>;
  /** Sends what is waiting, for at most `ms`. */
  drained(ms: number): Promise<void>;
};

export type SessionWatchParts = {
  readonly name: string;
  readonly link: ControllerLink;
  readonly run: Runner;
  readonly clock: Clock;
  /** How often refused callers and the counts of ended connections are read, ms. */
  readonly everyMs: number;
};

/** Netlink buffer of `conntrack -E`, bytes: a burst of a few thousand connections fits. */
const eventBuffer = '4194304';

/** Starts watching; ends with the signal. */
export function watchSessions(parts: SessionWatchParts, signal: AbortSignal): SessionWatch {
  const { name, link, run, clock, everyMs } = parts;
  const counts = { accepted: 0, steered: 0, denied: 0 };
  const spool = createSpool<SessionRecord>({
    send: (sessions) => link.sendSessions({ sessions: [...sessions] }),
    // What happens now is worth more than what happened when the controller went away.
    full: 'drop-oldest',
  });
  const recorder = createSessionRecorder(name, (record) => {
    counts[record.verdict] += 1;
    spool.push(record);
  });
  let plans = 0;
  let restarts = 0;
  let blind: string | undefined = 'connections are not watched yet';
  let notCounted: string[] = [];

  async function watchConnections(): Promise<void> {
    notCounted = await countConnections(run);
    while (!signal.aborted) {
      blind = undefined;
      try {
        const args = ['-E', '-p', 'tcp', '-o', 'timestamp,id', '--buffer-size', eventBuffer];
        const ended = await follow('conntrack', args, onLine, signal);
        blind = `conntrack -E ended: ${ended.stderr.trim().split('\n').at(-1) ?? ended.code}`;
      } catch (error) {
        blind = `conntrack -E: ${(error as Error).message}`;
      }
      restarts += 1;
      await pause(1000, signal);
    }
  }
  function onLine(line: string): void {
    const event = parseEvent(line);
    if (event) recorder.event(event);
  }
  async function collect(): Promise<void> {
    const mine = plans;
    try {
      const elements = await readDenied(run);
      // Read late: what was listed belongs to a table that is gone, and is counted from nothing under the new plan.
      if (mine === plans) recorder.denied(elements, clock.now());
    } catch {
      // No table to read from: drift is looked for elsewhere, and records are not worth stopping for.
    }
  }
  /** Asks for the counts of connections that have ended. Answers how long it took, ms: a full table is slow to list. */
  async function collectEnded(): Promise<number> {
    const began = clock.mono();
    for (const port of recorder.endedPorts()) {
      const ran = await run('conntrack', ['-L', '-p', 'tcp', '-o', 'id', '--dport', String(port)]);
      recorder.listed(
        ran.stdout.split('\n').flatMap((line) => parseFlow(line) ?? []),
        clock.now(),
      );
    }
    return clock.mono() - began;
  }
  async function watchCounts(): Promise<void> {
    while (!signal.aborted) {
      await pause(everyMs, signal);
      if (signal.aborted) return;
      await collect();
      // At most a twentieth of the time goes into listings.
      const took = await collectEnded().catch(() => 0);
      await pause(Math.max(0, took * 20 - everyMs), signal);
    }
  }
  void watchConnections();
  void watchCounts();
  return {
    use(resolved, kept) {
      if (!kept) plans += 1;
      recorder.use(resolved, kept);
    },
    collect,
    problems() {
      const problems = notCounted.map((setting) => `${setting} can't be set: sessions have no byte counts`);
      return blind === undefined ? problems : [...problems, blind];
    },
    counters: () => ({
      sessions_accepted: counts.accepted,
      sessions_steered: counts.steered,
      sessions_denied: counts.denied,
      sessions_waiting: spool.pending,
      sessions_lost: spool.dropped + spool.refused,
      conntrack_restarts: restarts,
    }),
    async drained(ms) {
      await spool.drained(ms);
      spool.close();
    },
  };
}
