// One worker of a gate: accepts, inspects and relays. It does what its parent says over a channel, and reads no file.
import type { Incident } from '../model/record.ts';
import { createAccessOutbox } from './access-outbox.ts';
import { createCounters } from './counters.ts';
import { createFleet, type Fleet, type Prepared } from './fleet.ts';
import { checkHealth } from './health.ts';
import { createJsonLog } from './json-log.ts';
import { createKubectlSeen } from './kubectl-seen.ts';
import type { PortHandle } from './listening-sockets.ts';
import { createLoadMeter, lagEveryMs } from './load.ts';
import { createNoted } from './noted.ts';
import { createOwnTime } from './own-time.ts';
import type { CoarseClock } from './relay.ts';
import { hasNews, type Standing, standingMs } from './standing.ts';
import {
  type Committed,
  type Counts,
  type Drained,
  type FromWorker,
  failureText,
  type Question,
  type Reached,
  type ToWorker,
  type WorkerSettings,
} from './worker-messages.ts';

export type Worker = {
  receive(message: ToWorker, port?: PortHandle): void;
  /** As the question of that name. */
  drain(forMs: number): Promise<void>;
  /** Cuts everything. */
  destroy(): Promise<void>;
};

/** The way to the parent. */
export type Outbox = {
  /** False when so much waits that a message which can be spared should not be sent. */
  readonly free: boolean;
  send(message: FromWorker): void;
};

/** What still has to leave when connections were ended in order: their last bytes, and the other side's farewell. */
const farewellMs = 1_000;
/** A sweep that is later than this was held up: by other processes, or because the whole host stood still. */
const lateMs = 1_000;

/** Nothing works until `settings` has come. */
export function createWorker(outbox: Outbox): Worker {
  let running: Running | undefined;
  return {
    receive(message, port) {
      if ('tell' in message) {
        if (message.tell === 'settings') running = start(message.settings, outbox);
        else if (message.tell === 'beside') running?.beside(message.worker, message.standing);
        else if (port) running?.port(message.key, port);
        return;
      }
      const { number, ...question } = message;
      (running?.answer(question) ?? Promise.reject(new Error('no settings yet'))).then(
        (answer) => outbox.send({ say: 'answer', number, answer }),
        (error: unknown) => outbox.send({ say: 'failed', number, failure: failureText(error) }),
      );
    },
    async drain(forMs) {
      await running?.answer({ ask: 'drain', forMs });
    },
    async destroy() {
      await running?.destroy();
    },
  };
}

type Running = {
  port(key: string, handle: PortHandle): void;
  /** Another worker of the gate has this; undefined: it is gone. */
  beside(worker: number, standing: Standing | undefined): void;
  answer(question: Question): Promise<Committed | Counts | Reached | Drained | undefined>;
  destroy(): Promise<void>;
};

function start(settings: WorkerSettings, outbox: Outbox): Running {
  const now = () => Date.now();
  const counters = createCounters();
  const clock: CoarseClock = { now: performance.now() };
  const meter = createLoadMeter(performance.now());
  const ports = new Map<string, PortHandle>();
  let prepared: Prepared | undefined;
  const log = createJsonLog(settings.gate, (line) => outbox.send({ say: 'line', line }), now);
  const access =
    settings.accessEvery === undefined
      ? undefined
      : createAccessOutbox(settings.accessEvery, outbox, counters, now);
  const incident = (one: Incident) => {
    if (outbox.free) outbox.send({ say: 'incident', incident: one });
    else counters.add('incidents_lost_total');
  };
  const noted = createNoted(incident, clock.now);
  const fleet = createFleet({
    ...settings,
    clock,
    meter,
    kubectl: createKubectlSeen(),
    access,
    counters,
    log,
    now,
    incident,
    noted,
  });
  counters.gauge('connections_open', () => fleet.connections);
  counters.gauge('connections_unauthenticated', () => fleet.unauthenticated);
  counters.gauge('rate_callers', () => fleet.ratedCallers);
  counters.gauge('requests_open', () => meter.openRequests);
  counters.gauge('event_loop_lag_seconds', () => meter.lagMs / 1000);
  counters.gauge('upstream_connections_open', () => fleet.serverConnections);
  // What came while this process was not let run is still to be read.
  const ownTime = createOwnTime(() => performance.now(), settings.limits.sweepMs + lateMs);
  const sweep = setInterval(() => {
    clock.now = ownTime();
    fleet.sweep();
    noted.flush(clock.now);
  }, settings.limits.sweepMs);
  const pulse = setInterval(() => meter.tick(performance.now()), lagEveryMs);
  const others = new Map<number, Standing>();
  let told = '';
  const telling = settings.workers > 1 ? setInterval(tell, standingMs) : undefined;

  function tell(): void {
    if (!outbox.free) return;
    const standing: Standing = { openRequests: meter.openRequests, listeners: fleet.standing() };
    const text = JSON.stringify(standing);
    if (text === told && !hasNews(standing)) return;
    told = text;
    outbox.send({ say: 'standing', standing });
  }

  async function answer(question: Question): ReturnType<Running['answer']> {
    switch (question.ask) {
      case 'prepare':
        prepared = await fleet.prepare(question.orders, ports);
        return undefined;
      case 'commit': {
        const connectionsCut = (await prepared?.commit()) ?? 0;
        prepared = undefined;
        return { connectionsCut };
      }
      case 'discard':
        await prepared?.discard();
        prepared = undefined;
        for (const handle of ports.values()) handle.close();
        ports.clear();
        return undefined;
      case 'count':
        return counters.snapshot();
      case 'reach':
        return checkHealth(fleet, question.timeoutMs);
      case 'drain':
        try {
          return { ended: await drain(fleet, question.forMs) };
        } finally {
          noted.flush(clock.now, true);
          access?.flush();
        }
    }
  }

  return {
    port: (key, handle) => void ports.set(key, handle),
    beside(worker, standing) {
      if (standing) others.set(worker, standing);
      else others.delete(worker);
      const all = [...others.values()];
      meter.requestsBeside = all.reduce((sum, { openRequests }) => sum + openRequests, 0);
      fleet.heard(all, standing);
    },
    answer,
    async destroy() {
      clearInterval(sweep);
      clearInterval(pulse);
      clearInterval(telling);
      await fleet.destroy();
      noted.flush(clock.now, true);
      access?.flush();
    },
  };
}

/** Resolves when no connection is left, with how many of them had to be ended. */
async function drain(fleet: Fleet, forMs: number): Promise<number> {
  await fleet.drain();
  await emptied(fleet, forMs);
  const ended = fleet.finish();
  if (ended > 0) await emptied(fleet, farewellMs);
  await fleet.destroy();
  return ended;
}

/** Resolves when no connection is left, or after `ms`. */
function emptied(fleet: Fleet, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const until = performance.now() + ms;
    const look = () => {
      if (fleet.present === 0 || performance.now() >= until) resolve();
      else setTimeout(look, Math.min(50, ms));
    };
    look();
  });
}
