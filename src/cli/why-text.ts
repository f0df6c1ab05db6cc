// The answer of `portcullis why`, for people.
import type { WhyAnswer } from '../model/api.ts';
import { explainText } from './explain.ts';
import { partyText, printable } from './table.ts';

type OfRequest = Extract<WhyAnswer, { kind: 'request' }>;
type OfSession = Extract<WhyAnswer, { kind: 'session' }>;
type Finding = OfRequest['findings'][number];

/** Evidence shown, in bytes; `-o json` has all that was kept. */
const shownBytes = 512;

export function explanation(answer: WhyAnswer): string {
  if (answer.kind === 'session') return sessionText(answer);
  const { id, findings } = answer;
  return [`${id}: ${count(findings.length)}`, ...findings.map(paragraph)].join('\n\n');
}

/** A request of which nothing was found, or that was let through. */
export function recordText(id: string, record: Readonly<Record<string, unknown>>): string {
  const refused = record['refusal'] === undefined ? 'nothing refused it' : `refused: ${record['refusal']}`;
  const lines = Object.entries(record)
    .filter(([, value]) => !Array.isArray(value) || value.length > 0)
    .map(([name, value]) => {
      const text = Array.isArray(value) ? value.join(', ') : String(value);
      return `${name.padEnd(10)}  ${printable(text)}`;
    });
  return [`${id}: ${refused}`, '', ...lines].join('\n');
}

/** A session as an agent recorded it, and what decides about its caller now. */
function sessionText({ id, session, now }: OfSession): string {
  const { from, to, verdict, rule, agent, generation, attempts, startedAt, endedAt, reason } = session;
  const times = verdict === 'denied' ? `, ${attempts} packets refused` : '';
  const lines = [
    `${id}: a session that was ${verdict}`,
    '',
    `rule        ${rule}${reason === undefined ? '' : `: ${reason}`}`,
    `from        ${partyText(from)}${tags(from.tags)}`,
    `to          ${session.server} at ${to.address} port ${to.port}`,
    `when        ${startedAt} to ${endedAt}${times}, by agent ${agent}, plan ${generation}`,
  ].map(printable);
  return now ? [...lines, '', 'now:', explainText(now)].join('\n') : lines.join('\n');
}

function count(findings: number): string {
  return findings === 1 ? 'one finding' : `${findings} findings about one request`;
}

function paragraph({ seq, incident, shield, mode, exemption, now }: Finding): string {
  const { who, what } = incident;
  const own = incident.shield === 'portcullis';
  const rule = shield?.rule;
  const caller =
    who.user ??
    (who.serviceAccount === undefined ? undefined : `${who.serviceAccount} (as its token says)`) ??
    (who.method === 'bearer' ? 'somebody with a bearer token' : 'somebody anonymous');
  const groups = who.groups.length > 0 ? `, groups ${who.groups.join(', ')}` : '';
  const lines: (readonly [label: string, text: string] | undefined)[] = [
    ['said', incident.message],
    ['done', `${done[incident.action] ?? incident.action} (${incident.severity})${insteadOf(incident)}`],
    incident.exemption === undefined
      ? undefined
      : [
          'exemption',
          exemption
            ? `${incident.exemption}, until ${exemption.expires}: ${exemption.reason} (owner ${exemption.owner}, by ${exemption.author})`
            : `${incident.exemption}, no longer in force`,
        ],
    incident.count === undefined
      ? undefined
      : ['count', `it stands for ${incident.count} like it, of which this was the first`],
    mode && ['mode', `${mode} now`],
    ['rule', own ? `${incident.rule}, the gate's own` : `${incident.rule} of ${incident.shield}`],
    shield && ['shield', shield.title],
    rule && ['fires', `${rule.phase}: ${rule.when.replaceAll(/\s+/g, ' ')}`],
    ['when', `${incident.at}, by gate ${incident.gate}, plan ${incident.generation}`],
    ['who', `${caller}${groups}`],
    ['from', `${partyText(who.from)} port ${who.port}${tags(who.from.tags)}`],
    ['to', `${incident.server}${tags(incident.serverTags ?? [])}`],
    incident.stage && [
      'stage',
      `${incident.stage} at the time${now ? `; ${now.stage} now, since ${now.since}: ${now.why}` : ''}`,
    ],
    what.requestLine === '' ? undefined : ['request', what.requestLine],
    what.headerNames.length === 0 ? undefined : ['headers', what.headerNames.join(', ')],
    what.connection === undefined ? undefined : ['connection', what.connection],
    what.upgrade === undefined ? undefined : ['upgrade', what.upgrade],
    what.responseStatus === undefined ? undefined : ['answer', `the server answered ${what.responseStatus}`],
    what.heldLength === 0 ? undefined : ['held', `${what.heldLength} bytes that never reached the server`],
    what.heldBytes === '' ? undefined : ['evidence', evidence(what.heldBytes)],
    ['log', `entry ${seq}`],
  ];
  return lines.flatMap((line) => (line ? [`${line[0].padEnd(10)}  ${printable(line[1])}`] : [])).join('\n');
}

/** Why no more was done. */
function insteadOf({ would, shadow, exemption }: Finding['incident']): string {
  if (would === undefined) return '';
  const why =
    exemption === undefined
      ? shadow
        ? 'the shield is in shadow'
        : 'it was let be'
      : 'an exemption covers it';
  return `; ${why}, otherwise it would have been ${done[would] ?? would}`;
}

/** What was done, as the end of a sentence. */
const done: Readonly<Record<string, string>> = {
  log: 'noted, and let through',
  deny: 'refused with an answer',
  'close-client': 'cut',
  'close-server': 'cut',
  'close-client-and-server': 'cut on both sides',
};

function tags(list: readonly string[]): string {
  return list.length > 0 ? ` (${list.join(', ')})` : '';
}

function evidence(base64: string): string {
  const bytes = Buffer.from(base64, 'base64');
  const text = JSON.stringify(bytes.subarray(0, shownBytes).toString('latin1'));
  return bytes.length > shownBytes ? `${text} and ${bytes.length - shownBytes} bytes more` : text;
}
