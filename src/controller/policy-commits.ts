// Puts policies in force: directly, from a draft, back to a former one, on trial until confirmed.
import { canonicalJson } from '../base/canonical-json.ts';
import { timestamp } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
import { sha256 } from '../log/chain.ts';
import type { NewEntry } from '../model/entry.ts';
import type { Commit, CommitRequest, RollbackRequest } from '../model/lifecycle.ts';
import type { Policy } from '../model/policy.ts';
import { checkShieldSettings } from '../policy/shield-settings.ts';
import { expiryKey, writtenRules } from '../policy/written-rules.ts';
import type { Core } from './core.ts';
import { overExemptions } from './exemptions.ts';
import { generationOf } from './lifecycle-state.ts';
import { baseOf, selected } from './policy-drafts.ts';
import { checkSiteValues } from './site-values.ts';

type Details = {
  readonly how: Commit['how'];
  readonly message?: string | undefined;
  readonly restores?: number;
  readonly confirmSeconds?: number | undefined;
  readonly draft?: { readonly name: string; readonly author: string; readonly whole: boolean };
  readonly approver?: string;
};

/**
 * The entries that put a policy in force, and its document. Rules whose time is over already never come into force.
 * @throws Failure `unknown-shield`, `bad-policy` of what it says of shields, unless it is gone back to by itself
 */
export function policyEntries(
  core: Core,
  policy: Policy,
  actor: string,
  details: Details,
): { entries: NewEntry[]; document: string; text: string } {
  if (details.how !== 'unconfirmed') {
    checkShieldSettings(policy, core.knowledge.shields);
    checkSiteValues(policy, core.knowledge.shields);
  }
  const text = canonicalJson(policy);
  const document = sha256(text);
  const now = core.clock.now();
  const { confirmSeconds, message, ...rest } = details;
  const entry: NewEntry = {
    kind: 'policy',
    actor,
    subject: 'policy',
    data: {
      document,
      rules: writtenRules(policy).length,
      default: policy.default,
      response: { ...policy.response, twoPeople: policy.response.twoPeople ?? [] },
      shields: policy.shields.length,
      generation: generationOf(core.state.lifecycle) + 1,
      ...rest,
      ...(message === undefined ? {} : { message }),
      ...(confirmSeconds === undefined ? {} : { confirmBy: timestamp(now + confirmSeconds * 1000) }),
    },
  };
  return { entries: [entry, ...expiredEntries(policy, now, core.state.lifecycle.expired)], document, text };
}

/** One for each rule whose time is over and that was not told of yet. */
export function expiredEntries(policy: Policy, now: number, told: ReadonlySet<string>): NewEntry[] {
  return writtenRules(policy).flatMap(({ rule }): NewEntry[] => {
    const key = expiryKey(rule);
    if (key === undefined || told.has(key) || Date.parse(rule.expires ?? '') > now) return [];
    const { id, expires = '' } = rule;
    return [{ kind: 'expired', actor: 'controller', subject: id, data: { key, expires } }];
  });
}

/**
 * What comes into force without a draft: a whole document of a person.
 * @throws Failure `approval-required`, `unconfirmed`
 */
export function requireDirect(core: Core): void {
  requireConfirmed(core);
  if (core.policy().approval !== 'required') return;
  throw new Failure(
    'approval-required',
    'the policy in force asks for a second person before it is changed',
    {
      hint: 'make a draft, have it approved, and commit that',
    },
  );
}

/** Commits a draft, or some of its changes. @throws Failure of `selected`, the compiler's, `approval-required`, `unconfirmed` */
export function commitDraft(core: Core, request: CommitRequest, person: string): Commit {
  requireConfirmed(core);
  const { name, message, confirmSeconds } = request;
  const { draft, policy, whole, changes } = selected(core, request);
  if (changes.length === 0)
    throw new Failure('nothing-to-change', `draft '${name}' changes nothing`, { hint: 'drop it' });
  const approver = core.state.lifecycle.approvals.get(sha256(canonicalJson(policy)));
  const approved = approver !== undefined && approver !== draft.author;
  if (core.policy().approval === 'required' && !approved) {
    throw new Failure(
      'approval-required',
      `nobody has approved ${whole ? 'this draft' : 'these changes'} as it is now`,
      {
        hint: `somebody other than ${draft.author}: portcullis policy approve ${name}`,
      },
    );
  }
  const { entries, text } = policyEntries(core, policy, person, {
    how: 'commit',
    message,
    confirmSeconds,
    draft: { name, author: draft.author, whole },
    ...(approved ? { approver } : {}),
  });
  // What is left of the draft stands on what was committed of it.
  const rest: NewEntry = {
    kind: 'draft',
    actor: person,
    subject: name,
    data: { what: 'saved', base: draft.base + 1, document: draft.document, author: draft.author },
  };
  core.decide(whole ? entries : [...entries, rest], [text]);
  return lastCommit(core);
}

/**
 * Goes back to a former policy, as a commit of its own. While a commit waits to be confirmed, going back to the one before
 * it needs no approval: that is what not confirming it does.
 */
export function rollBack(core: Core, request: RollbackRequest, person: string): Commit {
  const { lifecycle } = core.state;
  const { generation, message, confirmSeconds } = request;
  const current = generationOf(lifecycle);
  const undoes = lifecycle.unconfirmed !== undefined && generation === current - 1;
  if (!undoes) requireDirect(core);
  const former = lifecycle.commits[generation - 1];
  if (generation > current || (generation > 0 && !former))
    throw new Failure('unknown-generation', `there was no policy of generation ${generation} yet`);
  if (former?.document === lifecycle.commits.at(-1)?.document)
    throw new Failure('nothing-to-change', `generation ${generation} is what is in force`);
  const policy = core.policyOf(former?.document);
  const how = { how: 'rollback', restores: generation, message, confirmSeconds } as const;
  const { entries, text } = policyEntries(core, policy, person, how);
  core.decide(entries, [text]);
  return lastCommit(core);
}

/** @throws Failure `nothing-to-change` when nothing waits for it */
export function confirm(core: Core, person: string): Commit {
  if (!core.state.lifecycle.unconfirmed)
    throw new Failure('nothing-to-change', 'no commit waits to be confirmed');
  const generation = generationOf(core.state.lifecycle);
  core.decide([{ kind: 'confirmed', actor: person, subject: 'policy', data: { generation } }]);
  return lastCommit(core);
}

export type PolicyClock = {
  /** Takes back a commit that nobody confirmed in time, and lets rules and exemptions lapse whose time is over. Never throws. */
  tick(): void;
};

/** What happens to the policy by itself, as time goes by. */
export function createPolicyClock(core: Core): PolicyClock {
  const told = new Set<string>();
  return {
    tick() {
      const now = core.clock.now();
      const { lifecycle } = core.state;
      const { unconfirmed } = lifecycle;
      if (unconfirmed && unconfirmed.deadline <= now) {
        attempt(`generation ${generationOf(lifecycle)} was not confirmed, and can't be taken back`, () => {
          const { entries, text } = policyEntries(core, core.policyOf(unconfirmed.former), 'controller', {
            how: 'unconfirmed',
            restores: generationOf(lifecycle) - 1,
          });
          core.decide(entries, [text]);
        });
      }
      for (const entry of overExemptions(core))
        attempt(`exemption '${entry.subject}' has expired, and stays in force`, () => core.decide([entry]));
      // Agents may fall back to the policy before a commit on trial: its rules lapse too.
      const trial = core.state.lifecycle.unconfirmed;
      const policies = [core.policy(), ...(trial ? [core.policyOf(trial.former)] : [])];
      for (const policy of policies) {
        for (const entry of expiredEntries(policy, now, core.state.lifecycle.expired))
          attempt(`rule '${entry.subject}' has expired, and stays in force`, () => core.decide([entry]));
      }
    },
  };

  /** What the compiler refuses is told once, and the policy stays as it is: other decisions go on. */
  function attempt(what: string, change: () => void): void {
    try {
      change();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const detail = `${what}: ${error.message} [${error.code}]`;
      if (told.has(detail)) return;
      told.add(detail);
      core.record([{ kind: 'health', actor: 'controller', subject: 'policy', data: { ok: false, detail } }]);
    }
  }
}

function requireConfirmed(core: Core): void {
  const { unconfirmed } = core.state.lifecycle;
  if (!unconfirmed) return;
  const generation = generationOf(core.state.lifecycle);
  throw new Failure(
    'unconfirmed',
    `generation ${generation} waits until ${timestamp(unconfirmed.deadline)} to be confirmed`,
    { hint: `portcullis policy confirm, or portcullis policy rollback ${baseOf(core) - 1}` },
  );
}

function lastCommit(core: Core): Commit {
  const last = core.state.lifecycle.commits.at(-1);
  if (!last) throw new TypeError('a commit is in no generation');
  const { document: _, ...commit } = last;
  return commit;
}
