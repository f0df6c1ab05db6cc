// portcullis sessions
import { SessionRecord } from '../model/record.ts';
import { adminOptions, withAdmin } from './admin.ts';
import { type Command, wholeNumber, wrongUsage } from './command.ts';
import { partyText, table } from './table.ts';

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
    else {
      context.print(
        table(
          ['ENDED', 'VERDICT', 'FROM', 'TO', 'TRIES', 'BYTES OUT/IN', 'RULE'],
          found.map((s) => [
            `${s.endedAt.slice(0, 10)} ${s.endedAt.slice(11, 19)}Z`,
            s.verdict,
            partyText(s.from),
            `${s.server} ${s.to.address}:${s.to.port}`,
            String(s.attempts),
            `${s.bytesOut}/${s.bytesIn}`,
            s.rule,
          ]),
        ),
      );
    }
    return 0;
  },
};
