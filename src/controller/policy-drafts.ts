// Drafts of the policy: kept by name, each made from one generation, approved as they are.
import { canonicalJson } from '../base/canonical-json.ts';
import { timestamp } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
import { sha256 } from '../log/chain.ts';
import type { NewEntry } from '../model/entry.ts';
import type {
  ApproveAnswer,
  ApproveRequest,
  Draft,
  DraftRequest,
  HistoryAnswer,
} from '../model/lifecycle.ts';
import type { Policy } from '../model/policy.ts';
import { type Change, changesOf, withChanges } from '../policy/changes.ts';
import { checkNames } from '../policy/written-rules.ts';
import type { Core } from './core.ts';
import { type DraftState, generationOf } from './lifecycle-state.ts';

/** Each holds a whole policy in the log for good. */
const maxDrafts = 100;

/** The generation in force, which a draft must stand on to be committed. */
export function baseOf(core: Core): number {
  return generationOf(core.state.lifecycle);
}

/** Makes a draft or replaces it. Who writes it last is its author. @throws Failure `bad-policy`, `unknown-generation` */
export function saveDraft(core: Core, { name, policy, base }: DraftRequest, person: string): void {
  const { drafts } = core.state.lifecycle;
  const known = drafts.get(name);
  if (!known && drafts.size >= maxDrafts)
    throw new Failure('bad-request', `there are ${maxDrafts} drafts already`, { hint: 'drop some' });
  checkNames(policy);
  const generation = base ?? known?.base ?? baseOf(core);
  if (generation > baseOf(core))
    throw new Failure('unknown-generation', `there was no policy of generation ${generation} yet`);
  save(core, name, { base: generation, policy }, person);
}

export function dropDraft(core: Core, name: string, person: string): void {
  draftNamed(core, name);
  core.record([{ kind: 'draft', actor: person, subject: name, data: { what: 'dropped' } }]);
}

/**
 * Puts the draft's changes on top of what is in force.
 * @throws Failure `draft-outdated` naming what both have changed: that a person must decide
 */
export function rebaseDraft(core: Core, name: string, person: string): void {
  const draft = draftNamed(core, name);
  const now = core.policy();
  const base = policyAt(core, draft.base);
  const theirs = new Map(changesOf(base, now).map((change) => [change.key, change]));
  const wanted = core.policyOf(draft.document);
  const mine = changesOf(base, wanted);
  const same = (change: Change) =>
    canonicalJson(theirs.get(change.key)?.after ?? null) === canonicalJson(change.after ?? null);
  const both = mine.filter((change) => theirs.has(change.key) && !same(change));
  if (both.length > 0) {
    throw new Failure(
      'draft-outdated',
      `draft '${name}' and what was committed since both change ${keysOf(both)}`,
      {
        hint: `look at portcullis policy show and write the draft anew: portcullis policy draft FILE --name ${name} --base ${baseOf(core)}`,
      },
    );
  }
  const policy = withChanges(
    now,
    wanted,
    mine.filter((change) => !theirs.has(change.key)),
  );
  checkNames(policy);
  save(core, name, { base: baseOf(core), policy }, person);
}

/** @throws Failure `own-approval`, and those of `selected` */
export function approve(core: Core, request: ApproveRequest, person: string): ApproveAnswer {
  const { draft, policy, changes } = selected(core, request);
  if (person === draft.author)
    throw new Failure('own-approval', `${person} wrote draft '${request.name}'`, {
      hint: 'ask somebody else',
    });
  const document = sha256(canonicalJson(policy));
  core.record([
    {
      kind: 'approval',
      actor: person,
      subject: request.name,
      data: { base: draft.base, document, changes: changes.map(({ key }) => key) },
    },
  ]);
  return { name: request.name, base: draft.base, approver: person, changes: changes.length };
}

export type Selected = {
  readonly draft: DraftState;
  /** What is put in force. */
  readonly policy: Policy;
  readonly changes: readonly Change[];
  /** All of the draft. */
  readonly whole: boolean;
};

/**
 * A draft, or those of its changes that are named, on top of what is in force.
 * @throws Failure `unknown-draft`, `unknown-change`, `draft-outdated` when the policy has moved on
 */
export function selected(
  core: Core,
  { name, only }: { name: string; only?: readonly string[] | undefined },
): Selected {
  const draft = draftNamed(core, name);
  requireCurrent(core, name, draft);
  const base = core.policy();
  const policy = core.policyOf(draft.document);
  const all = changesOf(base, policy);
  if (!only) return { draft, policy, changes: all, whole: true };
  const unknown = only.find((key) => !all.some((change) => change.key === key));
  if (unknown !== undefined) {
    throw new Failure('unknown-change', `draft '${name}' has no change '${unknown}'`, {
      hint: all.length === 0 ? 'it changes nothing' : `it has ${keysOf(all)}`,
    });
  }
  const changes = all.filter(({ key }) => only.includes(key));
  if (changes.length === all.length) return { draft, policy, changes, whole: true };
  const some = withChanges(base, policy, changes);
  checkNames(some);
  return { draft, policy: some, changes, whole: false };
}

/** @throws Failure `draft-outdated`, saying who has changed what since */
function requireCurrent(core: Core, name: string, draft: DraftState): void {
  const current = baseOf(core);
  if (draft.base === current) return;
  const since = core.state.lifecycle.commits.slice(draft.base);
  const who = since.map(({ generation, by }) => `${generation} by ${by}`).slice(-3);
  const theirs = changesOf(policyAt(core, draft.base), core.policy());
  throw new Failure(
    'draft-outdated',
    `draft '${name}' was made from generation ${draft.base}, and ${who.join(', ')} ${since.length === 1 ? 'has' : 'have'} come since (${keysOf(theirs)})`,
    { hint: `put it on top of that: portcullis policy rebase ${name}` },
  );
}

function keysOf(changes: readonly Change[]): string {
  const keys = changes.map(({ key }) => key);
  if (keys.length === 0) return 'nothing that differs';
  return `${keys.slice(0, 5).join(', ')}${keys.length > 5 ? ` and ${keys.length - 5} more` : ''}`;
}

/** @throws Failure `unknown-draft` */
export function draftNamed(core: Core, name: string): DraftState {
  const draft = core.state.lifecycle.drafts.get(name);
  if (draft) return draft;
  const names = [...core.state.lifecycle.drafts.keys()];
  throw new Failure('unknown-draft', `there is no draft '${name}'`, {
    hint: names.length === 0 ? 'there are none' : `there are: ${names.slice(0, 10).join(', ')}`,
  });
}

/** @throws Failure `unknown-generation` */
export function policyAt(core: Core, generation: number): Policy {
  const commit = core.state.lifecycle.commits[generation - 1];
  if (generation !== 0 && !commit)
    throw new Failure('unknown-generation', `there was no policy of generation ${generation} yet`);
  return core.policyOf(commit?.document);
}

export function history(core: Core): HistoryAnswer {
  const { commits, drafts, approvals } = core.state.lifecycle;
  return {
    generation: baseOf(core),
    commits: commits.map(({ document: _, ...commit }) => commit).reverse(),
    drafts: [...drafts].map(([name, { base, author, at, document }]): Draft => {
      const approver = base === baseOf(core) ? approvals.get(document) : undefined;
      return {
        name,
        base,
        author,
        at: timestamp(at),
        changes: changesOf(policyAt(core, base), core.policyOf(document)).length,
        outdated: base !== baseOf(core),
        ...(approver === undefined ? {} : { approver }),
      };
    }),
  };
}

function save(
  core: Core,
  name: string,
  { base, policy }: { readonly base: number; readonly policy: Policy },
  person: string,
): void {
  const text = canonicalJson(policy);
  const document = sha256(text);
  const known = core.state.lifecycle.drafts.get(name);
  if (known?.document === document && known.base === base) return;
  const entry: NewEntry = {
    kind: 'draft',
    actor: person,
    subject: name,
    data: { what: 'saved', base, document, author: person },
  };
  core.record([entry], [text]);
}
