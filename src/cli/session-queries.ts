// portcullis sessions top, series, pairs
import type { SessionTop } from '../model/api.ts';
import { SessionRecord } from '../model/record.ts';
import type { SessionsWanted } from '../platform/controller-client.ts';
import { adminOptions, withAdmin } from './admin.ts';
import { type Command, type CommandOption, type Context, wholeNumber, wrongUsage } from './command.ts';
import { table } from './table.ts';

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
const sumHeads = ['ACCEPTED', 'STEERED', 'DENIED', 'BYTES OUT/IN'];

export const sessionsTop: Command = {
  name: 'sessions top',
  summary: 'the callers, names, servers or rules with the most sessions',
  details: 'The rules that refuse the most: portcullis sessions top --by rule --verdict denied',
  options: {
    ...choosing,
    by: {
      type: 'string',
      value: 'WHAT',
      default: 'source',
      help: 'source, name, server, rule or agent (default source)',
    },
    limit: limited,
  },
  arity: [0, 0],
  async run(context) {
    const by = context.option('by') ?? 'source';
    const limit = wholeNumber(context, 'limit', 1, 1_000) ?? 20;
    const wanted = chosen(context);
    const top = await withAdmin(context, (admin) => admin.sessionTop({ ...wanted, by, limit }));
    if (context.json) context.print(JSON.stringify({ top }));
    else
      context.print(
        table(
          [by.toUpperCase(), ...sumHeads, 'LAST'],
          top.map((row) => [row.key, ...sums(row), row.last]),
        ),
      );
    return 0;
  },
};

export const sessionsSeries: Command = {
  name: 'sessions series',
  summary: 'sessions over time',
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
    else
      context.print(
        table(
          ['FROM', ...sumHeads],
          series.map((row) => [row.at, ...sums(row)]),
        ),
      );
    return 0;
  },
};

export const sessionsPairs: Command = {
  name: 'sessions pairs',
  summary: 'who talks to whom, by a tag of both ends',
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
    const limit = wholeNumber(context, 'limit', 1, 1_000) ?? 20;
    const wanted = chosen(context);
    const pairs = await withAdmin(context, (admin) => admin.sessionPairs({ ...wanted, type, limit }));
    if (context.json) context.print(JSON.stringify({ pairs }));
    else
      context.print(
        table(
          ['FROM', 'TO', ...sumHeads, 'LAST'],
          pairs.map((row) => [row.from, row.to, ...sums(row), row.last]),
        ),
      );
    return 0;
  },
};

function sums({ accepted, steered, denied, bytesOut, bytesIn }: Omit<SessionTop, 'key' | 'last'>): string[] {
  return [String(accepted), String(steered), String(denied), `${bytesOut}/${bytesIn}`];
}

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
