// portcullis policy draft, rebase and drop
import { Failure } from '../base/failure.ts';
import { readDocument } from '../model/document.ts';
import { Policy } from '../model/policy.ts';
import { readText } from '../platform/files.ts';
import { adminOptions, withAdmin } from './admin.ts';
import { type Command, wholeNumber, wrongUsage } from './command.ts';
import { reviewText } from './review-text.ts';

const defaultName = 'next';

export const policyDraft: Command = {
  name: 'policy draft',
  summary: 'make a draft from a YAML file or a former policy, or replace it, and show what it changes',
  usage: '[FILE]',
  details:
    'Nothing comes into force. A draft remembers the generation that it was made from, and can be committed only on top of\nthat one: `policy rebase` brings it up to date.',
  options: {
    ...adminOptions,
    name: {
      type: 'string',
      value: 'NAME',
      default: defaultName,
      help: `the draft's name (default ${defaultName})`,
    },
    base: {
      type: 'string',
      value: 'N',
      help: 'the generation that it was made from (default: the one in force; of a draft that is replaced, its own)',
    },
    generation: { type: 'string', value: 'N', help: 'take the policy of this generation instead of a file' },
  },
  arity: [0, 1],
  async run(context) {
    const [file] = context.args;
    const generation = wholeNumber(context, 'generation', 0, Number.MAX_SAFE_INTEGER);
    const base = wholeNumber(context, 'base', 0, Number.MAX_SAFE_INTEGER);
    if ((file === undefined) === (generation === undefined))
      throw wrongUsage('a draft is made from a file or from --generation');
    const written = file === undefined ? undefined : readDocument(Policy, readText(file), file, 'bad-policy');
    const review = await withAdmin(context, async (admin) => {
      const policy = written ?? (await admin.policy(generation));
      const name = context.option('name') ?? defaultName;
      return admin.policyLife.save({ name, policy, ...(base === undefined ? {} : { base }) });
    }).catch((error) => {
      if (!(error instanceof Failure) || error.code !== 'bad-policy' || file === undefined) throw error;
      throw new Failure(error.code, error.message, { place: `${file}: ${error.place}`, cause: error });
    });
    context.print(context.json ? JSON.stringify(review) : reviewText(review));
    return review.refused ? 3 : 0;
  },
};

export const policyRebase: Command = {
  name: 'policy rebase',
  summary: "put a draft's changes on top of the policy in force",
  usage: 'DRAFT',
  details: 'Refused when both have changed the same rule or setting: that a person must decide.',
  options: adminOptions,
  arity: [1, 1],
  async run(context) {
    const [name = ''] = context.args;
    const review = await withAdmin(context, (admin) => admin.policyLife.rebase(name));
    context.print(context.json ? JSON.stringify(review) : reviewText(review));
    return review.refused ? 3 : 0;
  },
};

export const policyDrop: Command = {
  name: 'policy drop',
  summary: 'throw a draft away',
  usage: 'DRAFT',
  options: adminOptions,
  arity: [1, 1],
  async run(context) {
    const [name = ''] = context.args;
    await withAdmin(context, (admin) => admin.policyLife.drop(name));
    context.print(context.json ? JSON.stringify({ ok: true, name }) : `draft ${name}: dropped`);
    return 0;
  },
};
