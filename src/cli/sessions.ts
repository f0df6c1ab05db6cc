// portcullis sessions
import { SessionRecord } from '../model/record.ts';
import { adminOptions, withAdmin } from './admin.ts';
import { type Command, wholeNumber, wrongUsage } from './command.ts';
import { renderSessions } from './session-text.ts';

export const sessions: Command = {
  name: 'sessions',
  summary: 'who talked to the protected servers, and who was denied, by which rule',
  options: {
    ...adminOptions,
    limit: {
      type: 'string',
      value: 'N',
      default: '50',
      help: 'at most this many, newest first (default 50)',
    },
    verdict: { type: 'string', value: 'VERDICT', help: 'only accepted, steered or denied' },
  },
  arity: [0, 0],
  async run(context) {
    const wanted = context.option('verdict');
    const verdict = SessionRecord.shape.verdict.optional().safeParse(wanted);
    if (!verdict.success) throw wrongUsage(`--verdict takes accepted, steered or denied, not '${wanted}'`);
    const limit = wholeNumber(context, 'limit', 1, 10_000) ?? 50;
    const found = await withAdmin(context, (admin) =>
      admin.sessions({ limit, ...(verdict.data ? { verdict: verdict.data } : {}) }),
    );
    if (context.json) context.print(JSON.stringify({ sessions: found }));
    else context.print(renderSessions(found, { verdict: verdict.data }));
    return 0;
  },
};
