// portcullis sessions top, series, pairs
import { sessionKeys } from '../log/session-queries.ts';
import { SessionRecord } from '../model/record.ts';
import { TagType } from '../model/tag.ts';
import type { SessionsWanted } from '../platform/controller-client.ts';
import { adminOptions, withAdmin } from './admin.ts';
import { type Command, type CommandOption, type Context, wholeNumber, wrongUsage } from './command.ts';
import { renderPairs, renderSeries, renderTop } from './session-text.ts';

const choosing: Readonly<Record<string, CommandOption>> = {
  ...adminOptions,
  since: {
    type: 'string',
    value: 'AGE',
    default: '24h',
    help: 'only what ended in the last 30m, 24h, 7d (default 24h)',
  },
  server: { type: 'string', value: 'NAME', help: 'only who talked to this server, or tried to' },
  verdict: { type: 'string', value: 'VERDICT', help: 'only accepted, steered or denied' },
};
const limited: CommandOption = {
  type: 'string',
  value: 'N',
  default: '20',
  help: 'at most this many, the most first (default 20)',
};
const counts =
  'A caller’s bytes go out, a server’s come in. Of connections that were let in one is counted, of refused ones each packet; a sample\n' +
  'counts for all that it stands for.';

export const sessionsTop: Command = {
  name: 'sessions top',
  summary: 'the callers, names, servers or rules with the most sessions',
  details: `The rules that refuse the most: portcullis sessions top --by rule --verdict denied.\n${counts}`,
  options: {
    ...choosing,
    by: {
      type: 'string',
      value: 'WHAT',
      default: 'source',
      help: `${sessionKeys.join(', ')} (default source)`,
    },
    limit: limited,
  },
  arity: [0, 0],
  async run(context) {
    const by = context.option('by') ?? 'source';
    if (!sessionKeys.some((key) => key === by))
      throw wrongUsage(`--by takes one of ${sessionKeys.join(', ')}, not '${by}'`);
    const limit = wholeNumber(context, 'limit', 1, 1_000) ?? 20;
    const wanted = chosen(context);
    const top = await withAdmin(context, (admin) => admin.sessionTop({ ...wanted, by, limit }));
    if (context.json) context.print(JSON.stringify({ top }));
    else context.print(renderTop(top, by, { ...wanted, limit }));
    return 0;
  },
};

export const sessionsSeries: Command = {
  name: 'sessions series',
  summary: 'sessions over time',
  details: `Steps without sessions are left out.\n${counts}`,
  options: {
    ...choosing,
    step: { type: 'string', value: 'SECONDS', default: '3600', help: 'length of one step (default 3600)' },
  },
  arity: [0, 0],
  async run(context) {
    const step = wholeNumber(context, 'step', 1, 86_400) ?? 3_600;
    const wanted = chosen(context);
    const series = await withAdmin(context, (admin) => admin.sessionSeries({ ...wanted, step }));
    if (context.json) context.print(JSON.stringify({ series }));
    else context.print(renderSeries(series, wanted));
    return 0;
  },
};

export const sessionsPairs: Command = {
  name: 'sessions pairs',
  summary: 'who talks to whom, by a tag of both ends',
  details: counts,
  options: {
    ...choosing,
    type: {
      type: 'string',
      value: 'TYPE',
      default: 'application',
      help: 'tag type of both ends (default application); an end without it is shown by its name',
    },
    limit: limited,
  },
  arity: [0, 0],
  async run(context) {
    const type = context.option('type') ?? 'application';
    if (!TagType.safeParse(type).success)
      throw wrongUsage(`--type takes a tag type, such as application, not '${type}'`);
    const limit = wholeNumber(context, 'limit', 1, 1_000) ?? 20;
    const wanted = chosen(context);
    const pairs = await withAdmin(context, (admin) => admin.sessionPairs({ ...wanted, type, limit }));
    if (context.json) context.print(JSON.stringify({ pairs }));
    else context.print(renderPairs(pairs, { ...wanted, limit }));
    return 0;
  },
};

/** @throws Failure `usage` */
function chosen(context: Context): SessionsWanted {
  const wanted = context.option('verdict');
  const verdict = SessionRecord.shape.verdict.optional().safeParse(wanted);
  if (!verdict.success) throw wrongUsage(`--verdict takes accepted, steered or denied, not '${wanted}'`);
  const age = context.option('since') ?? '24h';
  const parts = /^([0-9]{1,6})([smhd])$/.exec(age);
  if (!parts) throw wrongUsage(`--since takes a number and s, m, h or d, such as 24h, not '${age}'`);
  const seconds = { s: 1, m: 60, h: 3_600, d: 86_400 }[parts[2] as 's' | 'm' | 'h' | 'd'];
  const since = new Date(Date.now() - Number(parts[1]) * seconds * 1_000).toISOString();
  return { since, server: context.option('server'), verdict: verdict.data };
}
