// portcullis policy show, portcullis policy history
import { stringify } from 'yaml';
import type { Commit, HistoryAnswer } from '../model/lifecycle.ts';
import type { Policy } from '../model/policy.ts';
import { adminOptions, withAdmin } from './admin.ts';
import { type Command, wholeNumber, wrongUsage } from './command.ts';
import { table, timeText } from './table.ts';

export const policyShow: Command = {
  name: 'policy show',
  summary: 'print the policy in force, a former one, or a draft, as YAML',
  usage: '[DRAFT]',
  details: 'What it prints can be edited and given to `policy draft` or `policy apply`.',
  options: {
    ...adminOptions,
    generation: { type: 'string', value: 'N', help: 'the policy of that generation (see `policy history`)' },
  },
  arity: [0, 1],
  async run(context) {
    const [draft] = context.args;
    const generation = wholeNumber(context, 'generation', 0, Number.MAX_SAFE_INTEGER);
    if (draft !== undefined && generation !== undefined)
      throw wrongUsage('a draft or a generation is shown, not both');
    const policy = await withAdmin(context, (admin) =>
      draft === undefined ? admin.policy(generation) : admin.policyLife.draft(draft),
    );
    context.print(context.json ? JSON.stringify(policy) : policyText(policy));
    return 0;
  },
};

export const policyHistory: Command = {
  name: 'policy history',
  summary: 'every policy that was in force, newest first, and the drafts',
  options: adminOptions,
  arity: [0, 0],
  async run(context) {
    const found = await withAdmin(context, (admin) => admin.policyLife.history());
    context.print(context.json ? JSON.stringify(found) : historyText(found));
    return 0;
  },
};

/** A policy as people write it: without what goes without saying. */
export function policyText({ apiVersion, approval, rules, sets, shields, ...rest }: Policy): string {
  const document = {
    apiVersion,
    ...(approval === 'required' ? { approval } : {}),
    ...(sets.length > 0 ? { sets } : { rules }),
    ...rest,
    ...(shields.length > 0 ? { shields } : {}),
  };
  return stringify(document, { lineWidth: 0 }).trimEnd();
}

function historyText({ commits, drafts }: HistoryAnswer): string {
  const generations = table(
    ['GENERATION', 'AT', 'BY', 'RULES', 'WHAT'],
    commits.map((commit) => [
      String(commit.generation),
      timeText(commit.at),
      commit.by,
      String(commit.rules),
      commitText(commit),
    ]),
  );
  if (drafts.length === 0) return generations;
  const listed = table(
    ['DRAFT', 'FROM', 'AUTHOR', 'CHANGES', 'STATE'],
    drafts.map(({ name, base, author, changes, outdated, approver }) => [
      name,
      String(base),
      author,
      String(changes),
      outdated ? 'outdated: rebase it' : approver === undefined ? 'not approved' : `approved by ${approver}`,
    ]),
  );
  return `${generations}\n\n${listed}`;
}

/** How it came into force, in a phrase. */
function commitText({ how, author, approver, message, restores, confirmBy, confirmedBy }: Commit): string {
  const ways: Readonly<Record<Commit['how'], string>> = {
    file: "the controller's policy file",
    apply: 'applied as a whole',
    commit: `committed from a draft of ${author}`,
    rollback: `back to generation ${restores}`,
    unconfirmed: `back to generation ${restores}: nobody confirmed the one before in time`,
  };
  return [
    ways[how],
    ...(approver === undefined ? [] : [`approved by ${approver}`]),
    ...(confirmedBy === undefined ? [] : [`confirmed by ${confirmedBy}`]),
    ...(confirmBy !== undefined && confirmedBy === undefined ? [`to be confirmed by ${confirmBy}`] : []),
    ...(message === undefined ? [] : [message]),
  ].join('; ');
}
