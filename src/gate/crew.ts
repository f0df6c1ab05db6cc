// The workers of a gate as one: orders reach all of them or none, a dead one is replaced, their numbers are summed.
import { Failure } from '../base/failure.ts';
import type { Incident } from '../model/record.ts';
import type { HealthState } from './health.ts';
import { createTurns } from './in-turn.ts';
import type { Log } from './json-log.ts';
import { type ListenAt, type PortHandle, portKey } from './listening-sockets.ts';
import { servedListeners } from './orders.ts';
import { createOwnTime } from './own-time.ts';
import { type Standing, withoutNews } from './standing.ts';
import { createTotals } from './totals.ts';
import type { StartWorker, WorkerLink } from './worker-link.ts';
import {
  Committed,
  Counts,
  Drained,
  FromWorker,
  type Orders,
  type Question,
  Reached,
  toFailure,
  type WorkerSettings,
} from './worker-messages.ts';

export type Crew = {
  /**
   * Puts the orders into force in every worker. Answers how many connections were cut.
   * @throws Failure of the first worker that can't; then the former orders stand in all of them
   */
  apply(orders: Orders): Promise<number>;
  /** Asks every worker for its counters and sums them, with those of workers that are gone. */
  count(): Promise<Record<string, number>>;
  /** Whether servers are reached, as one worker sees it; what is wrong with the workers themselves comes first. */
  reach(timeoutMs: number): Promise<HealthState>;
  /** The ports in use, for a successor. */
  readonly ports: ReadonlyMap<string, PortHandle>;
  /** Accepts no more, and gives connections that long. Answers how many had to be ended; at once when `now` aborts. */
  drain(forMs: number, now: AbortSignal): Promise<number>;
  /** Ends every worker. */
  destroy(): Promise<void>;
};

export type CrewParts = {
  readonly workers: number;
  readonly start: StartWorker;
  readonly settings: Omit<WorkerSettings, 'workers'>;
  readonly log: Log;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  readonly bind: (at: ListenAt) => PortHandle;
  readonly incident: (incident: Incident) => void;
  readonly line: (line: string) => void;
  readonly access: (lines: readonly string[]) => void;
};

type Member = {
  readonly link: WorkerLink;
  readonly since: number;
  readonly waiting: Map<number, { resolve(answer: unknown): void; reject(error: Failure): void }>;
  /** Keys of the ports that it was handed. */
  readonly ports: Set<string>;
  counts: Record<string, number>;
  /** What it said last that it has. */
  standing: Standing | undefined;
  /** When it last answered, of `ownTime`. */
  heard: number;
  /** It has said something. */
  spoken: boolean;
  gone: boolean;
};

const firstBackoffMs = 100;
const lastBackoffMs = 5_000;
/** A worker that lived this long was healthy. */
const healthyMs = 30_000;
/** From this many deaths without a healthy worker between them, the crew is in trouble. */
const troubledAt = 3;
const countMs = 1_000;
/** A worker that answers nothing for this long is ended. */
const stuckMs = 30_000;
/** The same of one that has said nothing yet: on a busy host it takes long to come up, and longer when it begins again. */
const comingUpMs = 180_000;
/** Looks at them that are further apart were held up. */
const lateMs = 2 * countMs;

export function createCrew(parts: CrewParts): Crew {
  const { log, now } = parts;
  const members: (Member | undefined)[] = Array.from({ length: parts.workers }, () => undefined);
  const ports = new Map<string, PortHandle>();
  const totals = createTotals();
  let orders: Orders | undefined;
  let numbers = 0;
  let deaths = 0;
  /** In a row, of any workers. */
  let early = 0;
  let lastDeath = '';
  let diedAt = -Infinity;
  let stopping = false;
  /** One change at a time: a worker that is replaced gets the orders of before a plan, or of after it, whole. */
  const inTurn = createTurns();
  /** A worker is silent, too, when the whole host stands still. */
  const ownTime = createOwnTime(now, lateMs);

  for (const index of members.keys()) members[index] = start(index);

  function start(index: number): Member {
    const waiting: Member['waiting'] = new Map();
    const link = parts.start((message) => hear(index, member, message));
    const member: Member = {
      link,
      since: now(),
      waiting,
      ports: new Set(),
      counts: {},
      standing: undefined,
      heard: ownTime(),
      spoken: false,
      gone: false,
    };
    link.send({ tell: 'settings', settings: { ...parts.settings, workers: parts.workers } });
    for (const [worker, other] of members.entries()) {
      if (other?.standing) link.send({ tell: 'beside', worker, standing: other.standing });
    }
    void link.gone.then((why) => died(index, member, why));
    return member;
  }

  function hear(index: number, member: Member, raw: unknown): void {
    const read = FromWorker.safeParse(raw);
    if (!read.success) {
      log('error', 'worker-unreadable', { pid: member.link.pid });
      member.link.kill();
      return;
    }
    const message = read.data;
    member.spoken = true;
    switch (message.say) {
      case 'answer':
        member.waiting.get(message.number)?.resolve(message.answer);
        break;
      case 'failed':
        member.waiting.get(message.number)?.reject(toFailure(message.failure));
        break;
      case 'standing':
        if (members[index] !== member) break;
        member.standing = withoutNews(message.standing);
        for (const other of living()) {
          if (other !== member)
            other.link.send({ tell: 'beside', worker: index, standing: message.standing });
        }
        break;
      case 'incident':
        parts.incident(message.incident);
        break;
      case 'line':
        parts.line(message.line);
        break;
      case 'access':
        parts.access(message.lines);
        break;
    }
  }

  function ask(member: Member, question: Question): Promise<unknown> {
    numbers += 1;
    const number = numbers;
    if (member.gone) return Promise.reject(ended(lastDeath));
    return new Promise((resolve, reject: (error: Failure) => void) => {
      member.waiting.set(number, { resolve, reject });
      member.link.send({ ...question, number });
    }).finally(() => member.waiting.delete(number));
  }

  function died(index: number, member: Member, why: string): void {
    member.gone = true;
    for (const { reject } of member.waiting.values()) reject(ended(why));
    totals.keep(member.counts);
    if (members[index] !== member) return;
    members[index] = undefined;
    for (const { link } of living()) link.send({ tell: 'beside', worker: index });
    if (stopping) return;
    deaths += 1;
    early = now() - member.since > healthyMs ? 1 : early + 1;
    lastDeath = why;
    diedAt = now();
    const waitMs = Math.min(lastBackoffMs, firstBackoffMs * 2 ** (early - 1));
    const connections = member.counts['connections_open'] ?? 0;
    log('error', 'worker-died', { pid: member.link.pid, why, connections, againInMs: waitMs });
    replaceLater(index, waitMs);
  }

  function replaceLater(index: number, waitMs: number): void {
    setTimeout(() => void inTurn(() => replace(index)), waitMs).unref();
  }

  /** Undefined where no process can be had (no memory, the program's files are being exchanged): the others go on. */
  function startAgain(index: number): Member | undefined {
    try {
      members[index] = start(index);
    } catch (error) {
      log('error', 'worker-unfit', { error: String(error) });
      replaceLater(index, lastBackoffMs);
    }
    return members[index];
  }

  async function replace(index: number): Promise<void> {
    if (stopping || members[index]) return;
    const member = startAgain(index);
    if (!member || !orders) return;
    try {
      await prepare(member, orders);
      await ask(member, { ask: 'commit' });
      log('info', 'worker-replaced', { pid: member.link.pid });
    } catch (error) {
      // What stood a moment ago doesn't now (a port that somebody else took): ended, and tried again later.
      log('error', 'worker-unfit', { pid: member.link.pid, error: String(error) });
      member.link.kill();
    }
  }

  async function prepare(member: Member, next: Orders): Promise<void> {
    for (const { listen } of servedListeners(next.plan)) {
      const key = portKey(listen);
      if (member.ports.has(key)) continue;
      member.ports.add(key);
      member.link.send({ tell: 'port', key }, ports.get(key));
    }
    await ask(member, { ask: 'prepare', orders: next });
  }

  function living(): Member[] {
    return members.filter((member) => member !== undefined);
  }

  async function apply(next: Orders): Promise<number> {
    const bound: string[] = [];
    const wanted = new Map(servedListeners(next.plan).map(({ listen }) => [portKey(listen), listen]));
    const all = members.flatMap((member, index) => member ?? startAgain(index) ?? []);
    if (all.length === 0) throw ended('none can be started');
    try {
      for (const [key, listen] of wanted) {
        if (ports.has(key)) continue;
        ports.set(key, parts.bind(listen));
        bound.push(key);
      }
      await agreed(all.map((member) => prepare(member, next)));
    } catch (error) {
      await Promise.allSettled(all.map((member) => ask(member, { ask: 'discard' })));
      release(bound);
      throw error;
    }
    orders = next;
    const done = await Promise.allSettled(all.map((member) => ask(member, { ask: 'commit' })));
    release([...ports.keys()].filter((key) => !wanted.has(key)));
    // One that died instead is replaced by one with the new orders.
    return done.reduce((cut, one) => {
      const read = one.status === 'fulfilled' ? Committed.safeParse(one.value) : undefined;
      return cut + (read?.data?.connectionsCut ?? 0);
    }, 0);
  }

  function release(keys: readonly string[]): void {
    for (const key of keys) {
      ports.get(key)?.close();
      ports.delete(key);
      for (const member of living()) member.ports.delete(key);
    }
  }

  async function askCounts(member: Member): Promise<void> {
    const read = Counts.safeParse(await ask(member, { ask: 'count' }));
    if (read.success) member.counts = read.data;
    member.heard = ownTime();
  }

  /** One that does nothing but turn in a circle ends like one that died. */
  function endTheStuck(): void {
    const at = ownTime();
    for (const member of living()) {
      if (at - member.heard < (member.spoken ? stuckMs : comingUpMs)) continue;
      log('error', 'worker-stuck', { pid: member.link.pid });
      member.link.kill();
    }
  }

  return {
    ports,
    apply: (next) => inTurn(() => apply(next)),
    async count() {
      // A worker that is too busy to answer is counted as it was.
      await within(countMs, Promise.allSettled(living().map(askCounts)));
      endTheStuck();
      const summed = totals.sum(living().map(({ counts }) => counts));
      return { ...summed, workers: living().length, worker_deaths_total: deaths };
    },
    async reach(timeoutMs) {
      const [first] = living();
      if (!first) return { ok: false, detail: `no worker runs: ${lastDeath}`, listening: [] };
      const state = await ask(first, { ask: 'reach', timeoutMs }).then(Reached.safeParse, () => undefined);
      if (!state?.data) return { ok: false, detail: `a worker ended: ${lastDeath}`, listening: [] };
      if (early < troubledAt || now() - diedAt > healthyMs) return state.data;
      const detail = `workers keep ending (${early} in a row, the last: ${lastDeath}); ${state.data.detail}`;
      return { ...state.data, ok: false, detail };
    },
    async drain(forMs, at) {
      stopping = true;
      const all = living();
      const drained = Promise.allSettled(all.map((member) => ask(member, { ask: 'drain', forMs })));
      release([...ports.keys()]);
      const answers = await Promise.race([drained, aborted(at).then(() => [])]);
      return answers.reduce((ended, one) => {
        const read = one.status === 'fulfilled' ? Drained.safeParse(one.value) : undefined;
        return ended + (read?.data?.ended ?? 0);
      }, 0);
    },
    async destroy() {
      stopping = true;
      await inTurn(async () => {});
      const all = living();
      for (const { link } of all) link.kill();
      await Promise.all(all.map(({ link }) => link.gone));
      release([...ports.keys()]);
    },
  };
}

function ended(why: string): Failure {
  return new Failure('worker-died', `a worker of the gate ended: ${why}`, {
    hint: "the gate's log has more; it is started again",
  });
}

/**
 * Waits for all of them, then throws what one failed with. One that died meanwhile is no judgement on the orders as long as
 * another could take them: it is replaced by one that gets them too.
 */
async function agreed(work: readonly Promise<unknown>[]): Promise<void> {
  const done = await Promise.allSettled(work);
  const failures = done.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  const died = (error: unknown) => error instanceof Failure && error.code === 'worker-died';
  const said = failures.find((error) => !died(error));
  if (said !== undefined || failures.length === done.length) throw said ?? failures[0];
}

function within(ms: number, work: Promise<unknown>): Promise<unknown> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms, undefined);
    void work.then(() => {
      clearTimeout(timer);
      resolve(undefined);
    });
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
