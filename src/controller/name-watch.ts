// Keeps the addresses of the inventory's DNS names: looks each up again when its answer has run out, and logs what changed.
//
// The last good answer stands while DNS fails, however long; a name that DNS says has no address matches nothing. What the
// compiler refuses (two groups that disagree about one address) leaves the former answer standing too.
import { timestamp } from '../base/clock.ts';
import { describeFailure, Failure } from '../base/failure.ts';
import type { NameStatus } from '../model/api.ts';
import type { NewEntry } from '../model/entry.ts';
import type { ResolveName } from '../platform/resolver.ts';
import { namesIn } from '../policy/resolved-names.ts';
import type { Core } from './core.ts';

/** Seconds between two look-ups of a name: its answer's own, within these. */
const shortest = 30;
const longest = 3600;
/** Look-ups under way at once. */
const width = 16;

export type NameWatch = {
  /** What is known of every name of the inventory. */
  names(): readonly NameStatus[];
  /** Looks up every name that is due, and answers when it is done. */
  turn(): Promise<void>;
  close(): void;
};

/** @param random from 0 up to 1: spreads look-ups, so that many controllers and names don't ask at one moment */
export function createNameWatch(
  core: Core,
  resolve: ResolveName,
  note: (line: string) => void,
  random: () => number = Math.random,
): NameWatch {
  /** By name: when it is due, and when DNS last gave an answer; ms since the epoch. */
  const due = new Map<string, number>();
  const answered = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let closed = false;
  core.onChange((entries) => {
    if (entries.some(({ kind }) => kind === 'inventory')) schedule();
  });
  schedule();

  return {
    names: () =>
      [...current()].sort().map((name) => {
        const { addresses = [], at, error } = core.state.names.get(name) ?? {};
        const good = answered.get(name) ?? at;
        return {
          name,
          addresses: [...addresses],
          ...(good === undefined ? {} : { answeredAt: timestamp(good) }),
          ...(error === undefined ? {} : { error }),
        };
      }),
    turn,
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };

  function current(): ReadonlySet<string> {
    const inventory = core.inventory();
    return inventory ? namesIn(inventory) : new Set();
  }

  /** One turn at a time; one that is asked for meanwhile comes after it. */
  function turn(): Promise<void> {
    const mine: Promise<void> = (running ?? Promise.resolve()).then(once).finally(() => {
      if (running === mine) running = undefined;
    });
    running = mine;
    return mine;
  }

  function schedule(): void {
    clearTimeout(timer);
    if (closed) return;
    const names = current();
    if (names.size === 0 && core.state.names.size === 0) return;
    const stale = [...core.state.names.keys()].some((name) => !names.has(name));
    const dues = stale ? [0] : [...names].map((name) => due.get(name) ?? 0);
    const next = Math.min(...dues, core.clock.now() + longest * 1000);
    timer = setTimeout(() => void turn().finally(schedule), Math.max(0, next - core.clock.now()));
    timer.unref();
  }

  async function once(): Promise<void> {
    const names = current();
    forget(names);
    const now = core.clock.now();
    const waiting = [...names].filter((name) => (due.get(name) ?? 0) <= now);
    const work = async () => {
      for (let name = waiting.pop(); name !== undefined && !closed; name = waiting.pop()) await lookUp(name);
    };
    await Promise.all(Array.from({ length: width }, work));
  }

  /** A name that left the inventory and comes back begins without its old addresses. */
  function forget(names: ReadonlySet<string>): void {
    const gone = [...core.state.names.keys()].filter((name) => !names.has(name));
    for (const name of gone) due.delete(name);
    core.record(gone.map((name) => entry(name, { addresses: [], forgotten: true })));
  }

  async function lookUp(name: string): Promise<void> {
    let seconds = shortest;
    try {
      const { addresses, ttl } = await resolve(name);
      if (closed || !current().has(name)) return;
      seconds = Math.min(longest, Math.max(shortest, ttl));
      const former = core.state.names.get(name);
      answered.set(name, core.clock.now());
      if (former && former.error === undefined && former.addresses.join(' ') === addresses.join(' ')) return;
      core.decide([entry(name, { addresses: [...addresses] })]);
    } catch (error) {
      if (closed || !current().has(name)) return;
      failed(name, error);
    } finally {
      due.set(name, core.clock.now() + seconds * 1000 * (0.9 + 0.2 * random()));
    }
  }

  function failed(name: string, error: unknown): void {
    if (!(error instanceof Failure)) {
      note(`defect in looking up ${name}: ${error instanceof Error ? error.stack : error}`);
      return;
    }
    const former = core.state.names.get(name);
    const why = describeFailure(error);
    if (former?.error === why) return;
    core.record([entry(name, { addresses: [...(former?.addresses ?? [])], error: why })]);
  }
}

function entry(subject: string, data: NewEntry['data']): NewEntry {
  return { kind: 'resolved', actor: 'controller', subject, data };
}
