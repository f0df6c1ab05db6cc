// The life of a policy on the wire: draft → review → approve → commit → confirm, and back.
import { z } from 'zod';
import { Name, Timestamp } from './common.ts';
import { Policy } from './policy.ts';

/** Seconds in which a commit must be confirmed. */
const ConfirmSeconds = z.int().min(5).max(86_400);
const Message = z.string().min(1).max(1024);

/** PUT /v1/drafts (admin): makes a draft or replaces the one of that name. Answer: Review. */
export const DraftRequest = z.strictObject({
  name: Name,
  policy: Policy,
  /** Generation that it was made from; the one in force, or that of the draft which it replaces, when left out. */
  base: z.int().min(0).optional(),
});
export type DraftRequest = z.infer<typeof DraftRequest>;

/** POST /v1/drafts/rebase, POST /v1/drafts/drop (admin). */
export const DraftName = z.strictObject({ name: Name });
export type DraftName = z.infer<typeof DraftName>;

/** A draft, or some of its changes by their keys. */
const Selection = z.strictObject({
  name: Name,
  only: z.array(z.string().max(256)).min(1).max(10_000).optional(),
});

/** POST /v1/policy/review (admin): what committing it would do. Answer: Review. */
export const ReviewRequest = Selection.extend({
  /** Look at the sessions of so many days; none when left out. */
  days: z.number().min(0).max(3660).optional(),
});
export type ReviewRequest = z.infer<typeof ReviewRequest>;

/** POST /v1/policy/approve (admin). Answer: ApproveAnswer. */
export const ApproveRequest = Selection;
export type ApproveRequest = z.infer<typeof ApproveRequest>;

/** POST /v1/policy/commit (admin). Answer: Commit. */
export const CommitRequest = Selection.extend({
  message: Message.optional(),
  confirmSeconds: ConfirmSeconds.optional(),
});
export type CommitRequest = z.infer<typeof CommitRequest>;

/** POST /v1/policy/rollback (admin). Answer: Commit. POST /v1/policy/confirm {} (admin). Answer: Commit. */
export const RollbackRequest = z.strictObject({
  generation: z.int().min(0),
  message: Message.optional(),
  confirmSeconds: ConfirmSeconds.optional(),
});
export type RollbackRequest = z.infer<typeof RollbackRequest>;

/** One policy that was put in force. */
export const Commit = z.strictObject({
  /** From 1, rising by one. 0 is before the first: no rules. */
  generation: z.int().min(1),
  at: Timestamp,
  /** `user:admin`, `controller`. */
  by: z.string(),
  how: z.enum(['file', 'apply', 'commit', 'rollback', 'unconfirmed']),
  /** Who wrote the draft, and who approved what was committed of it. */
  author: z.string().optional(),
  approver: z.string().optional(),
  message: z.string().optional(),
  /** The generation that was gone back to. */
  restores: z.int().min(0).optional(),
  /** Rules that it has. */
  rules: z.int().min(0),
  confirmBy: Timestamp.optional(),
  confirmedBy: z.string().optional(),
});
export type Commit = z.infer<typeof Commit>;

export const Draft = z.strictObject({
  name: Name,
  base: z.int().min(0),
  author: z.string(),
  at: Timestamp,
  /** How many changes, and whether the policy has moved on from its base. */
  changes: z.int().min(0),
  outdated: z.boolean(),
  approver: z.string().optional(),
});
export type Draft = z.infer<typeof Draft>;

/** GET /v1/policy/history (people): newest first. GET /v1/policy?generation=N: a former one. GET /v1/drafts?name=: Policy. */
export const HistoryAnswer = z.strictObject({
  generation: z.int().min(0),
  commits: z.array(Commit),
  drafts: z.array(Draft),
});
export type HistoryAnswer = z.infer<typeof HistoryAnswer>;

export const ReviewChange = z.strictObject({
  key: z.string(),
  kind: z.enum(['added', 'removed', 'changed', 'moved']),
  words: z.string(),
  before: z.json().optional(),
  after: z.json().optional(),
});

/** Sessions of one source and one server that the change would end or refuse. */
export const SessionImpact = z.strictObject({
  name: z.string(),
  address: z.string(),
  server: Name,
  /** The rule that would decide, and what it says. */
  rule: z.string(),
  verdict: z.enum(['deny', 'drop', 'steer', 'pass']),
  sessions: z.int().min(0),
  /** When the last of them was seen. */
  last: Timestamp,
});
export type SessionImpact = z.infer<typeof SessionImpact>;

export const Review = z.strictObject({
  name: Name,
  base: z.int().min(0),
  /** The generation in force: a draft of another base can't be committed. */
  generation: z.int().min(0),
  author: z.string(),
  changes: z.array(ReviewChange),
  /** What would be refused, and so can't be committed: an invariant, or an expression that can't be read. */
  refused: z
    .strictObject({
      code: z.string(),
      message: z.string(),
      place: z.string().optional(),
      hint: z.string().optional(),
    })
    .optional(),
  /** Allowed but worth a look. */
  warnings: z.array(z.string()),
  approval: z.strictObject({ required: z.boolean(), by: z.string().optional() }),
  /** Callers whose verdict changes, server by server. */
  effects: z.array(
    z.strictObject({
      server: Name,
      from: z.enum(['pass', 'deny', 'drop', 'steer']),
      to: z.enum(['pass', 'deny', 'drop', 'steer']),
      /** Inventory names of the callers, the first ones; then how many, and some of the addresses. */
      names: z.array(z.string()),
      named: z.int().min(0),
      addresses: z.array(z.string()),
    }),
  ),
  /** What it touches of what must not get lost: who loses or gets a way in that shields don't narrow. */
  invariants: z.array(
    z.strictObject({
      name: z.literal('break-glass'),
      server: Name,
      lost: z.array(z.string()),
      gained: z.array(z.string()),
    }),
  ),
  sessions: z
    .strictObject({
      since: Timestamp,
      /** Records that were looked at. */
      looked: z.int().min(0),
      /** Open as agents reported last: they would be cut. */
      live: z.array(SessionImpact),
      /** Let through then: they would have been refused. */
      recorded: z.array(SessionImpact),
    })
    .optional(),
});
export type Review = z.infer<typeof Review>;

export const ApproveAnswer = z.strictObject({
  name: Name,
  base: z.int(),
  approver: z.string(),
  changes: z.int(),
});
export type ApproveAnswer = z.infer<typeof ApproveAnswer>;
