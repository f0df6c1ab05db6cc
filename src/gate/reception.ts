// Who may come in: connections counted by source, those that have not shown a credential yet, and the pace of handshakes.
// No sockets and no clock: the listener tells what happens and is told what to close.
import { parseCidr } from '../base/cidr.ts';
import type { Limits } from '../model/limits.ts';
import {
  type Beside,
  type ListenerStanding,
  nobodyBeside,
  standingEntries,
  worthTelling,
} from './standing.ts';

/** Why a connection is closed before anything is said to it. Each is a value of `refusals_total{code}`. */
export type ReceptionRefusal =
  | 'too-many-from-source'
  | 'too-many-unauthenticated'
  | 'too-many-handshakes'
  | 'unauthenticated-over-limit';

/** One connection that was let in. */
export type Guest = {
  /** Its TLS handshake is done. */
  handshaken(): void;
  /** It has shown a credential: a client certificate, or a request with one. */
  authenticated(): void;
  left(): void;
};

export type Reception = {
  /**
   * @param trusted the cluster's own control plane: counted, never refused or closed here
   * @param close called when the connection has to make room, or is too slow in its handshake; `left` follows
   */
  arrive(
    address: string,
    trusted: boolean,
    now: number,
    close: (why: ReceptionRefusal | 'handshake') => void,
  ): Guest | ReceptionRefusal;
  /** Closes what is too slow in its handshake, and forgets sources that are gone. */
  sweep(now: number): void;
  update(limits: Limits): void;
  /** For the gate's other workers; what arrived is told once. */
  standing(): ReceptionStanding;
  /** What the others have now, and what arrived at them since they were last heard. */
  heard(beside: Beside, arrived: readonly (readonly [source: string, count: number])[], now: number): void;
  readonly unauthenticated: number;
  readonly sources: number;
};

export type ReceptionStanding = Pick<ListenerStanding, 'open' | 'unauthenticated' | 'sources' | 'arrived'>;

type Source = { open: number; unauthenticated: number; tokens: number; at: number; untold: number };
type Waiting = {
  readonly source: Source;
  readonly since: number;
  readonly trusted: boolean;
  handshaken: boolean;
  readonly close: (why: ReceptionRefusal | 'handshake') => void;
};

/** A source may open this many seconds' worth of connections at once: kubectl opens one for each call. */
const burstSeconds = 5;

/**
 * Times are milliseconds of one clock.
 * @param workers of the gate: limits are theirs together
 */
export function createReception(first: Limits, workers = 1): Reception {
  let limits = first;
  let beside = nobodyBeside;
  let open = 0;
  const sources = new Map<string, Source>();
  /** Without a credential so far, the oldest first. */
  const waiting = new Set<Waiting>();

  function sourceOf(key: string, now: number): Source {
    const burst = limits.handshakesPerSource * burstSeconds;
    let source = sources.get(key);
    if (!source) {
      source = { open: 0, unauthenticated: 0, tokens: burst, at: now, untold: 0 };
      sources.set(key, source);
    } else {
      const gained = ((now - source.at) / 1000) * limits.handshakesPerSource;
      source.tokens = Math.min(burst, source.tokens + gained);
      source.at = now;
    }
    return source;
  }

  function refusal(key: string, source: Source): ReceptionRefusal | undefined {
    const there = beside.sources.get(key);
    if (source.open + (there?.open ?? 0) >= limits.connectionsPerSource) return 'too-many-from-source';
    if (source.unauthenticated + (there?.unauthenticated ?? 0) >= limits.unauthenticatedPerSource) {
      return 'too-many-unauthenticated';
    }
    return source.tokens < 1 ? 'too-many-handshakes' : undefined;
  }

  /** It waits no longer, for whatever reason. @returns did it until now? */
  function known(one: Waiting): boolean {
    if (!waiting.delete(one)) return false;
    one.source.unauthenticated -= 1;
    return true;
  }

  /** A worker that has no more than its part of them makes nobody leave: others have more than theirs, and will. */
  function tooMany(): boolean {
    const most = limits.unauthenticated;
    return waiting.size + beside.unauthenticated > most && waiting.size > most / workers;
  }

  return {
    arrive(address, trusted, now, close) {
      const key = sourceKey(address);
      const source = sourceOf(key, now);
      const refused = trusted ? undefined : refusal(key, source);
      if (refused) return refused;
      if (!trusted) {
        source.tokens -= 1;
        source.untold += 1;
      }
      open += 1;
      source.open += 1;
      source.unauthenticated += 1;
      const one: Waiting = { source, since: now, trusted, handshaken: false, close };
      waiting.add(one);
      if (tooMany()) {
        const first = oldest(waiting);
        if (first && known(first)) first.close('unauthenticated-over-limit');
      }
      let here = true;
      return {
        handshaken() {
          one.handshaken = true;
        },
        authenticated: () => void known(one),
        left() {
          if (!here) return;
          here = false;
          known(one);
          open -= 1;
          source.open -= 1;
        },
      };
    },
    sweep(now) {
      for (const one of [...waiting]) {
        if (!one.handshaken && now - one.since > limits.handshakeMs && known(one)) one.close('handshake');
      }
      for (const [key, { open, at }] of sources) {
        if (open === 0 && now - at > burstSeconds * 1000) sources.delete(key);
      }
    },
    update(next) {
      limits = next;
    },
    standing() {
      const least = {
        open: worthTelling(limits.connectionsPerSource, workers),
        unauthenticated: worthTelling(limits.unauthenticatedPerSource, workers),
        arrived: worthTelling(limits.handshakesPerSource * burstSeconds, workers),
      };
      const many: [string, number, number][] = [];
      const arrived: [string, number][] = [];
      for (const [key, source] of sources) {
        if (source.open >= least.open || source.unauthenticated >= least.unauthenticated) {
          many.push([key, source.open, source.unauthenticated]);
        }
        if (source.untold < least.arrived || arrived.length === standingEntries) continue;
        arrived.push([key, source.untold]);
        source.untold = 0;
      }
      many.sort(([, one], [, other]) => other - one);
      return { open, unauthenticated: waiting.size, sources: many.slice(0, standingEntries), arrived };
    },
    heard(next, arrived, now) {
      beside = next;
      const burst = limits.handshakesPerSource * burstSeconds;
      for (const [key, count] of arrived) {
        // Below nothing: else each worker would let in as many a second as the gate may.
        const source = sourceOf(key, now);
        source.tokens = Math.max(-burst, source.tokens - count);
      }
      while (tooMany()) {
        const first = oldest(waiting);
        if (!first || !known(first)) return;
        first.close('unauthenticated-over-limit');
      }
    },
    get unauthenticated() {
      return waiting.size;
    },
    get sources() {
      return sources.size;
    },
  };
}

/** The control plane's connections never make room. */
function oldest(waiting: ReadonlySet<Waiting>): Waiting | undefined {
  for (const one of waiting) if (!one.trusted) return one;
  return undefined;
}

/** What counts as one source: an IPv4 address, or the /64 that one subscriber's IPv6 addresses are from. */
export function sourceKey(address: string): string {
  if (!address.includes(':')) return address;
  return (parseCidr(address).first >> 64n).toString(16);
}
