// What the steps look at: exploit results, heartbeats, incidents, log entries.
import { Failure } from '../../src/base/failure.ts';
import type { Entry } from '../../src/model/entry.ts';
import { Incident } from '../../src/model/record.ts';
import type { ExploitResult } from '../exploit.ts';
import { everyMs } from '../heartbeat.ts';
import { type Lab, longestSeconds } from './lab.ts';
import { shield } from './step.ts';

/** Enough to see whether the door is open. */
export const fewVariants = [
  'exec-websocket',
  'exec-early',
  'aggregated-websocket',
  'aggregated-connection-only',
];

export function isStage(stage: string): (entry: Entry) => boolean {
  return ({ kind, data }) => kind === 'stage' && data['shield'] === shield && data['stage'] === stage;
}

/** The receipt for the first plan after an entry, or for a later one. A plan that was refused is tried again. */
export async function receipt(
  lab: Lab,
  what: string,
  { kind = 'agent', host = 'cp', after = 0 }: { kind?: 'agent' | 'gate'; host?: string; after?: number } = {},
): Promise<Entry> {
  const plan = await lab.entry(
    `a plan for ${what}`,
    (entry) =>
      entry.kind === 'plan' && entry.data['kind'] === kind && entry.subject === host && entry.seq > after,
  );
  const wanted = Number(plan.data['generation']);
  return lab.entry(
    `${what} (generation ${wanted})`,
    ({ kind: entryKind, actor, data }) =>
      entryKind === 'receipt' &&
      actor === `${kind}:${host}` &&
      Number(data['generation']) >= wanted &&
      data['ok'] === true,
  );
}

/** A quarter of a kubelet's lease: a longer silence would put a node at risk. */
export const longestPauseMs = 10_000;

export async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Failure('demo-timeout', `waited ${longestSeconds} s for ${what}`)),
    longestSeconds * 1000,
  );
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Looks again and again until there is something. @throws Failure `demo-timeout` */
export async function eventually<T>(look: () => Promise<T | undefined>, what: string): Promise<T> {
  const began = performance.now();
  while (performance.now() - began < longestSeconds * 1000) {
    const found = await look();
    if (found !== undefined) return found;
  }
  throw new Failure('demo-timeout', `waited ${longestSeconds} s for ${what}`);
}

export function byVariant(exploits: readonly ExploitResult[]): Record<string, string> {
  return Object.fromEntries(
    exploits.map((one) => [
      one.variant,
      one.succeeded
        ? 'succeeded'
        : `failed: ${one.error || `status ${one.firstStatus}${one.closed ? ', closed' : ''}`}`,
    ]),
  );
}

export function exploitLine(exploits: readonly ExploitResult[]): string {
  return `exploits: ${exploits.filter((one) => one.succeeded).length} of ${exploits.length} variants succeed`;
}

/**
 * The cluster's own beats since a moment: how many, and the longest time that one way to the server was silent, by the beats
 * that it missed: while the machine stands still there are none.
 */
export function heartbeatsSince(
  lab: Lab,
  since: number,
): { ok: number; failed: number; longestPauseMs: number; failures: string[] } {
  const beats = lab.range.heartbeats().filter((beat) => Date.parse(beat.time) >= since);
  const lastByWay = new Map<string, number>();
  let most = 0;
  for (const { lease, via, turn } of beats.filter((one) => one.ok).sort((a, b) => a.turn - b.turn)) {
    const way = `${lease} via ${via}`;
    most = Math.max(most, turn - (lastByWay.get(way) ?? turn));
    lastByWay.set(way, turn);
  }
  const failed = beats.filter((beat) => !beat.ok);
  return {
    ok: beats.length - failed.length,
    failed: failed.length,
    longestPauseMs: most * everyMs,
    failures: failed.slice(0, 5).map((beat) => `${beat.via}: ${beat.error}`),
  };
}

export type SeenIncident = {
  readonly entry: Entry;
  readonly rule: string;
  readonly severity: string;
  readonly from: string;
  /** The caller's port: which attempt it was. */
  readonly port: number;
  /** Bytes that were held back. */
  readonly heldLength: number;
};

/** Incidents logged after an entry. */
export function incidentsSince(lab: Lab, seq: number): SeenIncident[] {
  return lab.entries
    .filter((entry) => entry.kind === 'incident' && entry.seq > seq)
    .map((entry) => {
      const { rule, severity, who, what } = Incident.parse(entry.data);
      return { entry, rule, severity, from: who.from.address, port: who.port, heldLength: what.heldLength };
    });
}

/** Milliseconds until kubectl works from outside again; null when it doesn't. */
export async function worksAgain(lab: Lab): Promise<number | null> {
  const started = performance.now();
  while (performance.now() - started < longestSeconds * 1000) {
    const ran = await lab.range.kubectl('developer', 'developer', ['get', 'pods', '-n', 'lab']);
    if (ran.code === 0) return Math.round(performance.now() - started);
  }
  return null;
}
