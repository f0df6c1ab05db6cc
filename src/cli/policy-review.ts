// portcullis policy diff and preview
import { adminOptions, withAdmin } from './admin.ts';
import { type Command, type CommandOption, type Context, wholeNumber } from './command.ts';
import { diffText, reviewText } from './review-text.ts';

export const onlyOption: Readonly<Record<string, CommandOption>> = {
  only: {
    type: 'string',
    multiple: true,
    value: 'KEY',
    help: 'only this change, as `policy diff` names it; may be repeated (default: all of the draft)',
  },
};

/** The draft that is named, and the changes of it. */
export function selection(context: Context): { name: string; only?: string[] } {
  const [name = ''] = context.args;
  const only = [...context.list('only')];
  return { name, ...(only.length > 0 ? { only } : {}) };
}

export const policyDiff: Command = {
  name: 'policy diff',
  summary: 'what a draft changes: key by key, before and after',
  usage: 'DRAFT',
  options: { ...adminOptions, ...onlyOption },
  arity: [1, 1],
  async run(context) {
    const review = await withAdmin(context, (admin) => admin.policyLife.review(selection(context)));
    context.print(context.json ? JSON.stringify(review) : diffText(review));
    return review.refused ? 3 : 0;
  },
};

export const policyPreview: Command = {
  name: 'policy preview',
  summary: 'what committing a draft would do: to whom, to open connections, to recorded sessions',
  usage: 'DRAFT',
  details:
    'Open connections are those that agents reported last; recorded ones show what the draft would have refused in the last\ndays. Exit code 3 when the draft would be refused.',
  options: {
    ...adminOptions,
    ...onlyOption,
    days: { type: 'string', value: 'N', default: '7', help: 'look so many days back (default 7)' },
  },
  arity: [1, 1],
  async run(context) {
    const days = wholeNumber(context, 'days', 0, 3660) ?? 7;
    const review = await withAdmin(context, (admin) =>
      admin.policyLife.review({ ...selection(context), days }),
    );
    context.print(context.json ? JSON.stringify(review) : reviewText(review));
    return review.refused ? 3 : 0;
  },
};
