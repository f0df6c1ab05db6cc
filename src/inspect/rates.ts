// How often a rule's predicate held for one caller lately: what `rate:` of a rule asks. One set of counters for all
// connections of a listener (in one worker), in bounded memory.
//
// The window is a ring of sub-buckets, so a count is never too small: it holds every hit of the last `within`, and may hold
// hits that are up to an eighth of it older. Each rule knows a fixed number of callers. When that many have hit it within
// its window, further callers share a few counters, by a hash that callers can't foresee: their counts are too large, never
// too small, so a flood of callers makes the rule fire early and takes no memory.
import { rateMilliseconds, type ShieldRate, type ShieldRule } from '../model/shield.ts';

export type Rate = {
  /** The same for as long as the rule asks the same: its counts outlive a change of plan. */
  readonly id: string;
  /** Fires at the next hit after so many. */
  readonly over: number;
  readonly windowMs: number;
  readonly by: ShieldRate['by'];
};

export function rateOf(shield: string, { id, phase, when, rate }: ShieldRule): Rate | undefined {
  if (!rate) return undefined;
  const { over, within, by } = rate;
  return {
    id: JSON.stringify([shield, id, phase, when, within, by]),
    over,
    windowMs: rateMilliseconds(within),
    by,
  };
}

/** Who a hit is counted for. */
export type RateCaller = {
  /** Of the client certificate; undefined: not known, and the source stands in for it. */
  readonly user: string | undefined;
  /** The address, or the prefix that counts as one caller. */
  readonly source: string;
  /** Told apart from every other connection of the counters. */
  readonly connection: number;
};

/** A caller that is over a rate. */
export type Over = {
  /** Verdict id of the record that was made of it within this window; undefined: none was. Set by whoever makes one. */
  verdict: string | undefined;
};

/** The counters as one connection meets them. */
export type CallerRates = {
  /** Counts a hit. @returns undefined while there are no more than `over` */
  hit(rate: Rate): Over | undefined;
};

/** Hits that another worker counted: rule and caller by their names there, the window in ms, and how many. */
export type RateNews = [rule: string, windowMs: number, caller: string, hits: number][];

export type Rates = {
  of(caller: RateCaller): CallerRates;
  /** For the gate's other workers: hits since this was last asked, of callers that have many. At most so many callers. */
  news(most: number): RateNews;
  /** Counts what another worker counted. */
  heard(news: RateNews): void;
  /** Gives back what callers took who have not hit for a window. */
  sweep(): void;
  /** Callers that are counted for themselves, over all rules. */
  readonly callers: number;
};

/** Callers that one rule counts each for itself, and counters that all others share. About 1 MB and 60 KB. */
export const ownCounters = 4_096;
export const sharedCounters = 256;
/** Characters of a caller's key: who differ only behind them count as one. */
const maxKey = 256;
const parts = 8;

export type RatesOptions = {
  /** Milliseconds; may start anywhere, and is not expected to go back. */
  readonly now: () => number;
  /** 32 random bits, so that nobody can choose whose counter to share. */
  readonly seed?: number;
  /** Called for each hit that goes into a shared counter. */
  readonly shared?: () => void;
  /** Callers that a rule counts each for itself. */
  readonly own?: number;
  /** Workers that tell one another: of a caller each keeps to itself a sixteenth of a rate at most, over all of them. */
  readonly workers?: number;
  /** A short name of a rule or caller, the same in every worker. */
  readonly name?: (text: string) => string;
};

export function createRates({
  now,
  seed = 0,
  shared = () => {},
  own = ownCounters,
  workers = 1,
  name = (text) => text,
}: RatesOptions): Rates {
  /** By the rule's name. */
  const meters = new Map<string, RuleMeter>();
  const untold = new Map<
    Counter,
    { readonly rule: string; readonly windowMs: number; readonly key: string }
  >();

  function meterOf(rule: string, windowMs: number): RuleMeter {
    const known = meters.get(rule);
    if (known) return known;
    const made = new RuleMeter(windowMs, seed, own);
    meters.set(rule, made);
    return made;
  }

  return {
    of(caller) {
      let named: Map<string, { readonly rule: string; readonly key: string }> | undefined;
      return {
        hit(rate) {
          named ??= new Map();
          let names = named.get(rate.id);
          if (!names) {
            names = { rule: name(rate.id), key: name(keyOf(caller, rate.by)) };
            named.set(rate.id, names);
          }
          const at = now();
          const meter = meterOf(names.rule, rate.windowMs);
          const counter = meter.counter(names.key, at, shared);
          // A connection is of one worker alone.
          if (workers > 1 && !rate.by.includes('connection')) {
            counter.untold += 1;
            const worth = counter.untold >= Math.max(1, Math.floor(rate.over / (16 * workers)));
            if (worth && untold.size < ownCounters) {
              untold.set(counter, { ...names, windowMs: rate.windowMs });
            }
          }
          if (counter.add(meter.tick(at), 1) <= rate.over) return undefined;
          if (counter.verdict === undefined) counter.toldAt = at;
          else if (at - counter.toldAt >= rate.windowMs) {
            counter.toldAt = at;
            counter.verdict = undefined;
          }
          return counter;
        },
      };
    },
    news(most) {
      const all: RateNews = [];
      for (const [counter, { rule, windowMs, key }] of untold) {
        if (all.length === most) break;
        all.push([rule, windowMs, key, counter.untold]);
        counter.untold = 0;
        untold.delete(counter);
      }
      return all;
    },
    heard(news) {
      const at = now();
      for (const [rule, windowMs, key, hits] of news) {
        const meter = meterOf(rule, windowMs);
        meter.counter(key, at, shared).add(meter.tick(at), hits);
      }
    },
    sweep() {
      for (const [rule, meter] of meters) if (meter.sweep(now())) meters.delete(rule);
    },
    get callers() {
      let sum = 0;
      for (const meter of meters.values()) sum += meter.size;
      return sum;
    },
  };
}

/** The user's name comes last: nothing else can hold a space, so that no two callers have one key. */
function keyOf({ user, source, connection }: RateCaller, by: ShieldRate['by']): string {
  const key = [
    by.includes('connection') ? `c${connection}` : '',
    by.includes('source') || (by.includes('user') && user === undefined) ? `s${source}` : '',
    by.includes('user') && user !== undefined ? `u${user}` : '',
  ].join(' ');
  return key.slice(0, maxKey);
}

class RuleMeter {
  readonly #partMs: number;
  readonly #seed: number;
  readonly #most: number;
  /** The one that has not been hit for longest is the first. */
  readonly #own = new Map<string, Counter>();
  #shared: (Counter | undefined)[] | undefined;

  constructor(windowMs: number, seed: number, most: number) {
    this.#partMs = windowMs / parts;
    this.#seed = seed;
    this.#most = most;
  }

  get size(): number {
    return this.#own.size;
  }

  tick(now: number): number {
    return Math.floor(now / this.#partMs);
  }

  counter(key: string, now: number, onShared: () => void): Counter {
    const known = this.#own.get(key);
    if (known) {
      this.#own.delete(key);
      this.#own.set(key, known);
      return known;
    }
    const tick = this.tick(now);
    const cell = hash(key, this.#seed) % sharedCounters;
    const inCell = this.#shared?.[cell];
    if (this.#own.size >= this.#most) this.#forget(tick, 2);
    if (this.#own.size < this.#most) {
      // Who shared a counter takes its count along.
      const made = inCell && !inCell.over(tick) ? inCell.copy() : new Counter(tick);
      this.#own.set(key, made);
      return made;
    }
    onShared();
    this.#shared ??= new Array<Counter | undefined>(sharedCounters).fill(undefined);
    const counter = inCell ?? new Counter(tick);
    this.#shared[cell] = counter;
    return counter;
  }

  /** @returns is nothing left to remember? */
  sweep(now: number): boolean {
    const tick = this.tick(now);
    this.#forget(tick, Number.POSITIVE_INFINITY);
    if (this.#shared?.every((counter) => !counter || counter.over(tick))) this.#shared = undefined;
    return this.#own.size === 0 && this.#shared === undefined;
  }

  /** Forgets at most so many whose window is over. */
  #forget(tick: number, most: number): void {
    let left = most;
    for (const [key, counter] of this.#own) {
      if (left-- <= 0 || !counter.over(tick)) return;
      this.#own.delete(key);
    }
  }
}

/** Hits of the last window: of the part that runs and of as many whole ones before it as the window has. */
class Counter implements Over {
  verdict: string | undefined;
  toldAt = 0;
  /** Hits that other workers have not heard of. */
  untold = 0;
  #tick: number;
  readonly #hits: number[];

  constructor(tick: number, hits = new Array<number>(parts + 1).fill(0)) {
    this.#tick = tick;
    this.#hits = hits;
  }

  /** @returns hits of the window, these among them */
  add(tick: number, count: number): number {
    const passed = Math.min(tick - this.#tick, parts + 1);
    for (let part = 1; part <= passed; part++) this.#hits[(this.#tick + part) % (parts + 1)] = 0;
    // More than a whole ring has passed: all are zero, and which stands for which part is free to choose.
    if (tick > this.#tick) this.#tick = tick;
    const at = this.#tick % (parts + 1);
    this.#hits[at] = (this.#hits[at] as number) + count;
    let sum = 0;
    for (const hits of this.#hits) sum += hits;
    return sum;
  }

  /** Is everything counted older than the window? */
  over(tick: number): boolean {
    return tick - this.#tick > parts;
  }

  copy(): Counter {
    return new Counter(this.#tick, [...this.#hits]);
  }
}

/** FNV-1a from a seed. */
function hash(text: string, seed: number): number {
  let value = (0x811c9dc5 ^ seed) >>> 0;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193) >>> 0;
  // Low bits of FNV alone depend on low bits alone.
  return (value ^ (value >>> 15)) >>> 0;
}

/** Settings with counters: where the owner keeps none, of this connection alone, and nothing is ever forgotten. */
export function withRates<S extends { readonly rates?: CallerRates }>(
  settings: S,
): S & { readonly rates: CallerRates } {
  const { rates } = settings;
  if (rates) return { ...settings, rates };
  return {
    ...settings,
    rates: createRates({ now: () => 0 }).of({ user: undefined, source: '', connection: 0 }),
  };
}
