// What the workers of a gate tell one another, so that limits of counts hold for the whole gate. Ten times a second each says
// what it has, if that changed; the parent passes it on. Nobody waits for an answer: a limit may be exceeded by what
// comes meanwhile, and by a sixteenth, for who has little is not spoken of.
import { z } from 'zod';

/** How often a worker says what it has, ms. */
export const standingMs = 100;

/** Sources and callers of one message; those with most come first. */
export const standingEntries = 2_048;

const Count = z.int().min(0);
const Key = z.string().max(64);

export const ListenerStanding = z.strictObject({
  /** Which listener of the plan. */
  listener: z.string().max(1_024),
  /** Connections, those in their handshake included. */
  open: Count,
  unauthenticated: Count,
  /** Of the sources that have many: open, and of those unauthenticated. */
  sources: z.array(z.tuple([Key, Count, Count])).max(standingEntries),
  /** Connections that came since this was last said, of sources that open many. */
  arrived: z.array(z.tuple([Key, Count])).max(standingEntries),
  /** Of flood budgets, since this was last said: caller, kind, count. */
  spent: z.array(z.tuple([Key, z.enum(['reset', 'ping', 'settings', 'idle']), Count])).max(standingEntries),
  /** Of rules with a rate, since this was last said: rule, window in ms, caller, count. */
  hits: z.array(z.tuple([Key, z.int().min(1_000).max(3_600_000), Key, Count])).max(standingEntries),
});
export type ListenerStanding = z.infer<typeof ListenerStanding>;

export const Standing = z.strictObject({
  openRequests: Count,
  listeners: z.array(ListenerStanding).max(1_024),
});
export type Standing = z.infer<typeof Standing>;

/** What the others have together on one listener. */
export type Beside = {
  readonly open: number;
  readonly unauthenticated: number;
  readonly sources: ReadonlyMap<string, { readonly open: number; readonly unauthenticated: number }>;
};
export const nobodyBeside: Beside = { open: 0, unauthenticated: 0, sources: new Map() };

/** From how much on of a limit a worker speaks of it: what all others keep to themselves is a sixteenth of the limit at most. */
export function worthTelling(limit: number, workers: number): number {
  return Math.max(1, Math.floor(limit / (16 * workers)));
}

/** Of a listener, from what all others said last. */
export function besideOf(listener: string, others: Iterable<Standing>): Beside {
  let open = 0;
  let unauthenticated = 0;
  const sources = new Map<string, { open: number; unauthenticated: number }>();
  for (const standing of others) {
    const one = standing.listeners.find((each) => each.listener === listener);
    if (!one) continue;
    open += one.open;
    unauthenticated += one.unauthenticated;
    for (const [source, has, waits] of one.sources) {
      const sum = sources.get(source) ?? { open: 0, unauthenticated: 0 };
      sources.set(source, { open: sum.open + has, unauthenticated: sum.unauthenticated + waits });
    }
  }
  return { open, unauthenticated, sources };
}

/** Is there anything that is said only once? */
export function hasNews(standing: Standing): boolean {
  return standing.listeners.some(
    ({ arrived, spent, hits }) => arrived.length + spent.length + hits.length > 0,
  );
}

/** As a worker that comes later is told it: what was said once has been heard by those who were there. */
export function withoutNews(standing: Standing): Standing {
  return {
    ...standing,
    listeners: standing.listeners.map((one) => ({ ...one, arrived: [], spent: [], hits: [] })),
  };
}
