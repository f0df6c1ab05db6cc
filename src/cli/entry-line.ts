// An entry of the log as one line for people: when, what kind, about what, and a sentence.
import type { Entry, EntryKind, NewEntry } from '../model/entry.ts';
import { flawsFolded } from './fold-tags.ts';
import { partyText, printable, timeText } from './table.ts';

type Data = NewEntry['data'];

/** Longer than this, a line is cut: `-o json` has everything. */
const longest = 400;

/** `   22  2026-11-23 16:06:41Z  stage     lab/cp  CVE-2018-1002105 block → inspect: the gate is healthy …  (controller)` */
export function renderEntry(entry: Entry): string {
  const { seq, at, kind, subject, actor, data } = entry;
  const sentence = (sentences[kind] ?? fields)(data);
  const when = timeText(at);
  const line = printable(
    `${String(seq).padStart(5)}  ${when}  ${kind.padEnd(10)}  ${subject}  ${sentence}  (${actor})`,
  );
  return line.length > longest ? `${line.slice(0, longest - 1)}…` : line;
}

/** As lines; shields that were read one after the other, as at a first start, are one. */
export function renderEntries(entries: readonly Entry[]): string[] {
  const lines: string[] = [];
  for (let at = 0; at < entries.length; ) {
    const first = entries[at] as Entry;
    let end = at + 1;
    while (first.kind === 'shield' && entries[end]?.kind === 'shield') end += 1;
    const run = entries.slice(at, end);
    if (run.length <= 3) lines.push(...run.map(renderEntry));
    else {
      const title = `${run.length} shields are new or changed, to entry ${run.at(-1)?.seq}: --kind shield shows each`;
      lines.push(
        renderEntry({ ...first, subject: 'catalogue', data: { severity: 'shields', title } }).replace(
          'shields: ',
          '',
        ),
      );
    }
    at = end;
  }
  return lines;
}

/** What each kind of entry says. A kind that isn't here shows its members as they are. */
const sentences: Readonly<Partial<Record<EntryKind, (data: Data) => string>>> = {
  genesis: () => 'the log begins',
  inventory: (data) =>
    `in force: servers ${list(data['servers'])}; ${data['hosts']} hosts, ${data['groups']} groups`,
  tagged: (data) => [...words(data['added'], '+'), ...words(data['removed'], '-')].join(' ') || 'no change',
  policy: policySentence,
  draft: (data) => (data['what'] === 'saved' ? `saved, from generation ${data['base']}` : 'dropped'),
  approval: (data) =>
    data['stage'] === undefined && data['what'] === undefined
      ? `approved: ${list(data['changes'])}`
      : askedSentence(data),
  confirmed: (data) => `generation ${data['generation']} stays`,
  expired: (data) => `the rule expired at ${data['expires']}`,
  shield: (data) => `${data['severity']}: ${data['title']}`,
  advisory: (data) =>
    data['summary'] === undefined ? `${data['count']} known` : `${data['severity']}: ${data['summary']}`,
  probe: (data) => (data['ok'] ? 'answers again' : `FAILED: ${data['error']}`),
  tags: (data) =>
    data['forgotten']
      ? 'nothing is known of it any more'
      : `${data['version']}: ${flawsFolded(words(data['tags'], '')).join(', ') || 'no tags'}`,
  'safe-probe': (data) => `${data['result']}: ${data['detail']}`,
  stage: (data) => `${data['shield']} ${data['from']} → ${data['stage']}: ${data['why']}${alsoText(data)}`,
  mode: (data) => `${data['shield']} ${data['from']} → ${data['mode']}: ${data['why']}${alsoText(data)}`,
  exemption: (data) => {
    if (data['what'] === 'removed') return `ended: ${data['why']}`;
    if (data['what'] === 'expired') return `expired at ${data['expires']}`;
    const { shield, owner, expires, reason } = record(data['exemption']);
    return `from ${shield} until ${expires}, owner ${owner}: ${reason}${alsoText(data)}`;
  },
  drift: (data) => `the host's table was repaired: ${data['found']}`,
  token: (data) => `for ${data['role']} ${data['name']}, good until ${data['expiresAt']}`,
  resolved: (data) =>
    data['error'] === undefined
      ? data['forgotten']
        ? 'no longer named'
        : `resolves to ${list(data['addresses']) || 'nothing'}`
      : `FAILED: ${data['error']}; stays ${list(data['addresses']) || 'without addresses'}`,
  denied: (data) => `refused: a ${data['role']} may not, this is for ${list(data['roles'])}`,
  enrolled: (data) => `${data['role']}${data['from'] === undefined ? '' : ` from ${data['from']}`}`,
  renewed: (data) =>
    data['what'] === 'used'
      ? `the ${data['role']} uses its new identity, the one before is void`
      : `${data['role']} from ${data['from']}, until ${data['expires']}`,
  plan: (data) => `plan ${data['generation']} for the ${data['kind']}`,
  receipt: (data) =>
    data['ok']
      ? `${data['kind']} applied plan ${data['generation']} in ${Math.round(Number(data['milliseconds']))} ms, ${data['connectionsCut']} connections cut${cutText(data['cut'])}`
      : `${data['kind']} REFUSED plan ${data['generation']}: ${data['error']}`,
  health: (data) => `${data['kind'] ?? ''} ${data['ok'] ? 'ok' : 'NOT OK'}: ${data['detail']}`.trim(),
  bundle: bundleSentence,
  verification: (data) => {
    const results = record(data['results']);
    const failed = Number(results['fail'] ?? 0);
    return `${failed > 0 ? `${failed} FAILED, ` : ''}${results['pass'] ?? 0} passed, ${results['open'] ?? 0} open, ${results['skipped'] ?? 0} skipped`;
  },
  incident: (data) => {
    const who = record(data['who']);
    const what = record(data['what']);
    const method = String(who['method']);
    const caller =
      who['user'] ??
      who['serviceAccount'] ??
      (method === 'none' ? 'somebody anonymous' : `somebody with a ${method}`);
    const request = what['requestLine'] ? `: ${what['requestLine']}` : '';
    const held = Number(what['heldLength']) > 0 ? `, ${what['heldLength']} bytes held back` : '';
    const done = actions[String(data['action'])] ?? String(data['action']);
    const instead =
      data['exemption'] === undefined
        ? data['shadow']
          ? ' in shadow'
          : ''
        : ` by exemption ${data['exemption']}`;
    const times = data['count'] === undefined ? '' : `, ${data['count']} times`;
    return `${data['severity']} ${data['rule']}, ${done}${instead}${times}: ${caller} at ${partyText(record(who['from']))}${request}${held}: ${data['message']}`;
  },
};

/** Of the first of two people. */
function askedSentence(data: Data): string {
  const what = String(data['stage'] ?? data['what']).replace(/^(exemption|bundle) .*/, '$1');
  return `${data['shield']} → ${what} asked for by one of two people: ${data['why']}`;
}

function alsoText(data: Data): string {
  const cut = data['cut'] ? '; open connections are cut' : '';
  return data['first'] === undefined ? cut : `${cut}; asked for by ${data['first']} too`;
}

/** Whose connections were cut, the first few. */
function cutText(cut: unknown): string {
  if (!Array.isArray(cut) || cut.length === 0) return '';
  const some = cut.slice(0, 3).map((each) => {
    const { from, connections, rule } = record(each);
    return `${from} ${connections} by ${rule}`;
  });
  return ` (${some.join(', ')}${cut.length > 3 ? ' …' : ''})`;
}

/** What was done, in a word. */
const actions: Readonly<Record<string, string>> = {
  allow: 'allowed',
  log: 'noted',
  deny: 'denied',
  'close-client': 'cut',
  'close-server': 'cut',
  'close-client-and-server': 'cut',
};

function policySentence(data: Data): string {
  const has = (key: string, say: (value: unknown) => string) =>
    data[key] === undefined ? '' : say(data[key]);
  const why = data['how'] === 'unconfirmed' ? ', for nobody confirmed the last one' : '';
  return [
    has('generation', (number) => `generation ${number} `),
    'in force',
    has('restores', (number) => `, as ${number} was${why}`),
    `: ${data['rules']} rules, otherwise ${data['default']}`,
    has('approver', (name) => `; approved by ${name}`),
    has('confirmBy', (time) => `; to be confirmed by ${time}`),
    has('message', (text) => `: ${text}`),
  ].join('');
}

function bundleSentence(data: Data): string {
  const version = data['version'] === undefined ? '' : `version ${data['version']} `;
  switch (data['what']) {
    case 'trusted':
      return `key trusted, from ${data['place']}${alsoText(data)}`;
    case 'revoked':
      return `KEY REVOKED: ${[data['why'], ...(Array.isArray(data['consequences']) ? data['consequences'] : [])].join('; ')}${alsoText(data)}`;
    case 'used': {
      const changes = Array.isArray(data['changes']) ? data['changes'].map(record) : [];
      const what = changes.map((each) => `${each['shield']} ${each['change']}`).join(', ');
      return `${version}in force, signed by key ${data['key']}: ${what || 'no shield changed'}${alsoText(data)}`;
    }
    case 'expired':
      return `${version}EXPIRED; it stays in force`;
    case 'unusable':
      return data['why'] === undefined
        ? `${version}can be used again`
        : `${version}is VOID, this program can't use it: ${data['why']}`;
    default:
      return data['error'] === undefined ? 'can be fetched again' : `NOT FETCHED: ${data['error']}`;
  }
}

function fields(data: Data): string {
  return Object.entries(data)
    .filter(([, value]) => value !== null && typeof value !== 'object')
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(' ');
}

function list(value: unknown): string {
  return Array.isArray(value) ? value.join(', ') : '';
}

function words(value: unknown, sign: string): string[] {
  return Array.isArray(value) ? value.map((each) => `${sign}${each}`) : [];
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
