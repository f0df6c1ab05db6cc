// A review of a draft as text: changes as a diff, effects and sessions in words.
import { stringify } from 'yaml';
import type { Review, SessionImpact } from '../model/lifecycle.ts';
import { partyText, printable, table, timeText } from './table.ts';

/** Key by key: the words, then the rule before and after. */
export function diffText(review: Review): string {
  const lines = review.changes.flatMap(({ key, words, before, after }) => [
    `${key}: ${words}`,
    ...(before === undefined ? [] : [`- ${oneLine(before)}`]),
    ...(after === undefined ? [] : [`+ ${oneLine(after)}`]),
  ]);
  return [headline(review), ...lines, ...verdictLines(review)].map(printable).join('\n');
}

export function reviewText(review: Review): string {
  const words = review.changes.map((change) => `  ${change.words}`);
  const effects = review.effects.map(({ server, from, to, names, named, addresses }) => {
    const more = named > names.length ? ` and ${named - names.length} more` : '';
    return `  ${server}: ${from} → ${to} for ${names.join(', ')}${more} (${addresses.join(', ')})`;
  });
  const told = [
    headline(review),
    ...words,
    ...(effects.length > 0 ? ['who meets another verdict:', ...effects] : []),
    ...review.invariants.map(invariantWords),
    ...verdictLines(review),
  ].map(printable);
  const { sessions } = review;
  if (!sessions) return told.join('\n');
  return [
    ...told,
    section('open connections that it would cut', sessions.live, 'none that an agent has reported'),
    section(
      `recorded sessions since ${sessions.since} that it would have refused (${sessions.looked} records looked at)`,
      sessions.recorded,
      'none',
    ),
  ].join('\n');
}

function headline({ name, base, generation, author, changes, approval }: Review): string {
  const outdated =
    base === generation ? '' : `, OUTDATED: ${generation} is in force (portcullis policy rebase ${name})`;
  const approved =
    approval.by === undefined
      ? approval.required
        ? '; needs an approval'
        : ''
      : `; approved by ${approval.by}`;
  return `draft ${name} of ${author}, from generation ${base}${outdated}: ${changes.length} changes${approved}`;
}

function invariantWords({ name, server, lost, gained }: Review['invariants'][number]): string {
  const told = [
    lost.length > 0 ? `${lost.join(', ')} would have no way in any more` : '',
    gained.length > 0 ? `${gained.join(', ')} would have a way in` : '',
  ];
  return `touches ${name} of ${server}: ${told.filter(Boolean).join('; ')}`;
}

function verdictLines({ refused, warnings }: Review): string[] {
  const hint = refused?.hint === undefined ? '' : ` (${refused.hint})`;
  return [
    ...warnings.map((warning) => `warning: ${warning}`),
    ...(refused
      ? [`REFUSED: ${refused.place ?? 'policy'}: ${refused.message}${hint} [${refused.code}]`]
      : []),
  ];
}

function section(title: string, impacts: readonly SessionImpact[], none: string): string {
  if (impacts.length === 0) return `${title}: ${none}`;
  const rows = impacts.map((impact) => [
    partyText(impact),
    impact.server,
    String(impact.sessions),
    timeText(impact.last),
    impact.verdict,
    impact.rule,
  ]);
  return `${title}:\n${table(['FROM', 'SERVER', 'SESSIONS', 'LAST', 'VERDICT', 'RULE'], rows)}`;
}

function oneLine(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim();
}
