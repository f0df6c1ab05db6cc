// The life of the policy as a projection of the log: what was in force when, drafts, approvals, what waits to be confirmed,
// which rules have expired. Values are replaced, never changed in place.
import { z } from 'zod';
import { timestamp } from '../base/clock.ts';
import { Sha256, Stage, Timestamp } from '../model/common.ts';
import { Commit } from '../model/lifecycle.ts';

/** Entries of before there were generations have a document alone: those of the controller came from its file. */
export const PolicyData = z.object({
  document: Sha256,
  rules: z.int().default(0),
  how: Commit.shape.how.optional(),
  message: z.string().optional(),
  restores: z.int().optional(),
  confirmBy: Timestamp.optional(),
  /** The draft that it came from, and whether all of it. */
  draft: z.object({ name: z.string(), author: z.string(), whole: z.boolean() }).optional(),
  approver: z.string().optional(),
});
type PolicyData = z.infer<typeof PolicyData>;

export const DraftData = z.union([
  z.object({ what: z.literal('saved'), base: z.int(), document: Sha256, author: z.string() }),
  z.object({ what: z.literal('dropped') }),
]);
type DraftData = z.infer<typeof DraftData>;

/**
 * Of exactly one document on top of one generation: whatever is committed must be that. Or of one stage or mode for a pair,
 * or of one exemption: the first of two people asked for it.
 */
export const ApprovalData = z.union([
  z.object({ base: z.int(), document: Sha256 }),
  z.object({ shield: z.string(), stage: Stage }),
  /** `mode off`, `exemption DIGEST`; of a bundle or its key, which stand for the shield: `trust`, `revoke`, `bundle DIGEST`. */
  z.object({ shield: z.string(), what: z.string() }),
]);
type ApprovalData = z.infer<typeof ApprovalData>;

export type DraftState = {
  readonly base: number;
  readonly document: string;
  readonly author: string;
  /** Ms since the epoch. */
  readonly at: number;
};
type CommitState = Commit & { readonly document: string };

export type Lifecycle = {
  /** Every policy that was in force, oldest first: that of generation n is at n - 1. */
  commits: readonly CommitState[];
  drafts: ReadonlyMap<string, DraftState>;
  /** Who approved, by document, for the generation in force; a new generation voids them. */
  approvals: ReadonlyMap<string, string>;
  /** The last commit waits to be confirmed: until when (ms since the epoch), and the document in force before it. */
  unconfirmed: { readonly deadline: number; readonly former: string | undefined } | undefined;
  /** Keys of rules that have expired. */
  expired: ReadonlySet<string>;
  /** Stages and the like that one person asked for, by `stageKey`. */
  asked: ReadonlyMap<string, { readonly by: string; readonly at: number }>;
  /** The last document that came from the controller's policy file. */
  file: string | undefined;
};

export function emptyLifecycle(): Lifecycle {
  return {
    commits: [],
    drafts: new Map(),
    approvals: new Map(),
    unconfirmed: undefined,
    expired: new Set(),
    asked: new Map(),
    file: undefined,
  };
}

/** The generation in force; 0 before the first policy. */
export function generationOf({ commits }: Lifecycle): number {
  return commits.length;
}

export function applyPolicy(lifecycle: Lifecycle, data: PolicyData, actor: string, at: number): void {
  const { document, rules, message, restores, confirmBy, draft, approver } = data;
  const how = data.how ?? (actor === 'controller' ? 'file' : 'apply');
  const former = lifecycle.commits.at(-1)?.document;
  const commit: CommitState = {
    generation: lifecycle.commits.length + 1,
    at: timestamp(at),
    by: actor,
    how,
    rules,
    document,
    ...(draft ? { author: draft.author } : {}),
    ...(approver === undefined ? {} : { approver }),
    ...(message === undefined ? {} : { message }),
    ...(restores === undefined ? {} : { restores }),
    ...(confirmBy === undefined ? {} : { confirmBy }),
  };
  lifecycle.commits = [...lifecycle.commits, commit];
  lifecycle.approvals = new Map();
  lifecycle.unconfirmed = confirmBy === undefined ? undefined : { deadline: Date.parse(confirmBy), former };
  if (how === 'file') lifecycle.file = document;
  if (draft?.whole) applyDraft(lifecycle, draft.name, { what: 'dropped' }, at);
}

export function applyDraft(lifecycle: Lifecycle, name: string, data: DraftData, at: number): void {
  const drafts = new Map(lifecycle.drafts);
  drafts.delete(name);
  if (data.what === 'saved') {
    const { base, document, author } = data;
    drafts.set(name, { base, document, author, at });
  }
  lifecycle.drafts = drafts;
}

export function applyApproval(
  lifecycle: Lifecycle,
  data: ApprovalData,
  { actor, subject, at }: { readonly actor: string; readonly subject: string; readonly at: number },
): void {
  if ('document' in data) {
    if (data.base !== generationOf(lifecycle)) return;
    lifecycle.approvals = new Map([...lifecycle.approvals, [data.document, actor]]);
  } else {
    const key = stageKey(subject, data.shield, 'stage' in data ? data.stage : data.what);
    lifecycle.asked = new Map([...lifecycle.asked, [key, { by: actor, at }]]);
  }
}

/** What one person asked for is done, or no longer fits: the pair stands elsewhere now. */
export function applyStaged(lifecycle: Lifecycle, server: string, shield: string): void {
  if (lifecycle.asked.size === 0) return;
  const pair = `${server} ${shield} `;
  lifecycle.asked = new Map([...lifecycle.asked].filter(([key]) => !key.startsWith(pair)));
}

export const stageKey = (server: string, shield: string, stage: string): string =>
  `${server} ${shield} ${stage}`;

export function applyConfirmed(lifecycle: Lifecycle, generation: number, actor: string): void {
  lifecycle.unconfirmed = undefined;
  lifecycle.commits = lifecycle.commits.map((commit) =>
    commit.generation === generation ? { ...commit, confirmedBy: actor } : commit,
  );
}

export function applyExpired(lifecycle: Lifecycle, key: string): void {
  lifecycle.expired = new Set([...lifecycle.expired, key]);
}
