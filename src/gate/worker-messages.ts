// What a gate's parent and its workers tell each other. A worker believes its parent; the parent believes nothing that a
// worker says before it has been read here, because a worker parses what callers send.
import { z } from 'zod';
import { Failure } from '../base/failure.ts';
import { foreignCode } from '../base/failure-codes.ts';
import type { GatePlan } from '../model/plan.ts';
import { Incident } from '../model/record.ts';
import type { ServedMaterial } from './identity-files.ts';
import type { GateLimits } from './limits.ts';
import { Standing } from './standing.ts';

export type WorkerSettings = {
  readonly gate: string;
  readonly limits: GateLimits;
  /** Names, beside those of the plan, that servers read identity from. */
  readonly identityHeaders: readonly string[];
  /** Of the gate, this one included. */
  readonly workers: number;
  /** One of so many requests is recorded; undefined: none. */
  readonly accessEvery: number | undefined;
};

/** All that one generation is enforced with. */
export type Orders = {
  readonly plan: GatePlan;
  /** By server: what the identity files held. */
  readonly materials: Readonly<Record<string, ServedMaterial>>;
};

/** A question has a number, and its answer carries the same. */
export type Question =
  /** Makes everything ready that the orders need, changing nothing. */
  | { readonly ask: 'prepare'; readonly orders: Orders }
  /** Puts what was prepared into force. Answers `Committed`. */
  | { readonly ask: 'commit' }
  /** Forgets what was prepared. */
  | { readonly ask: 'discard' }
  /** Answers `Counts`. */
  | { readonly ask: 'count' }
  /** Are the servers reached? Answers `Reached`. */
  | { readonly ask: 'reach'; readonly timeoutMs: number }
  /** Accepts no more; answers `Drained` when the last connection has ended, or the time is over and the rest was ended. */
  | { readonly ask: 'drain'; readonly forMs: number };

export type ToWorker =
  | { readonly tell: 'settings'; readonly settings: WorkerSettings }
  /** Comes with the bound socket of a listener that a later `prepare` names. */
  | { readonly tell: 'port'; readonly key: string }
  /** Another worker has this; undefined: it is gone. */
  | { readonly tell: 'beside'; readonly worker: number; readonly standing?: Standing }
  | (Question & { readonly number: number });

export const Committed = z.strictObject({ connectionsCut: z.int().min(0) });
export type Committed = z.infer<typeof Committed>;

export const Counts = z.record(z.string().max(1_024), z.number());
export type Counts = z.infer<typeof Counts>;

export const Reached = z.strictObject({
  ok: z.boolean(),
  detail: z.string().max(8_192),
  listening: z.array(z.int()).max(1_024),
});
export type Reached = z.infer<typeof Reached>;

export const Drained = z.strictObject({ ended: z.int().min(0) });
export type Drained = z.infer<typeof Drained>;

const FailureText = z.strictObject({
  code: z.string().max(64),
  message: z.string().max(8_192),
  place: z.string().max(4_096).optional(),
  hint: z.string().max(4_096).optional(),
});

/** Access records of one message. */
export const accessLines = 500;
/** Characters of one; the parent ends a worker that sends longer ones. */
export const accessLineLength = 65_536;
const AccessLine = z
  .string()
  .max(accessLineLength)
  .regex(/^\{[^\r\n]*\}$/);

export const FromWorker = z.discriminatedUnion('say', [
  z.strictObject({ say: z.literal('answer'), number: z.int(), answer: z.unknown().optional() }),
  z.strictObject({ say: z.literal('failed'), number: z.int(), failure: FailureText }),
  z.strictObject({ say: z.literal('incident'), incident: Incident }),
  z.strictObject({ say: z.literal('standing'), standing: Standing }),
  /** A line of its log. */
  z.strictObject({ say: z.literal('line'), line: z.string().max(65_536) }),
  /** Access records, each one line of JSON. */
  z.strictObject({ say: z.literal('access'), lines: z.array(AccessLine).max(accessLines) }),
]);
export type FromWorker = z.infer<typeof FromWorker>;

export function failureText(error: unknown): z.infer<typeof FailureText> {
  if (error instanceof Failure) {
    const { code, message, place, hint } = error;
    return { code, message, ...(place ? { place } : {}), ...(hint ? { hint } : {}) };
  }
  return { code: 'internal', message: error instanceof Error ? error.message : String(error) };
}

export function toFailure({ code, message, place, hint }: z.infer<typeof FailureText>): Failure {
  return new Failure(foreignCode(code), message, { ...(place ? { place } : {}), ...(hint ? { hint } : {}) });
}
