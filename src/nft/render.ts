// Table → text for `nft -f`.
import { addressText, type Range, rangeText } from './intervals.ts';
import {
  type AddressSet,
  type Caller,
  type CallerMap,
  type Chain,
  type Counter,
  challengeMark,
  type Key,
  type Match,
  type Rule,
  type Statement,
  type Store,
  type Table,
  tableName,
} from './table.ts';

/**
 * Refused callers that a record set holds; more are refused all the same, but not recorded one by one. They are listed
 * every few seconds, and anybody who makes up addresses can fill the set: a full one costs 0.2 s.
 */
export const maxRecords = 8_192;

/**
 * One script that replaces the private table in one transaction: either all of it stands afterwards or the former one.
 *
 * With `former`, the table that stands, its base chains stay and everything else is exchanged: while a base chain is
 * taken out of its hook and another put in, the kernel sends packets past both for a moment, which costs connections
 * through a gate their translation. The transaction fails when `former` is not what stands.
 */
export function renderTable(table: Table, former?: Table): string {
  const begin = former ? clearing(former) : renderRemoval();
  return `${begin}${contents(table)}`;
}

/** The script that deletes the table, whether or not it is there. */
export function renderRemoval(): string {
  return `table inet ${tableName} {\n}\ndelete table inet ${tableName}\n`;
}

/** Takes out everything but the base chains, what refers to other things first. */
function clearing({ stores, chains, counters }: Table): string {
  const lines = [`flush table inet ${tableName}`];
  const remove = (kind: string, name: string) => lines.push(`delete ${kind} inet ${tableName} ${name}`);
  for (const store of stores) remove(storeKind(store), store.name);
  for (const { name, base } of chains) if (!base) remove('chain', name);
  for (const { name } of counters) remove('counter', name);
  return `${lines.join('\n')}\n`;
}

function contents(table: Table): string {
  const lines = [`table inet ${tableName} {`];
  for (const counter of table.counters) {
    lines.push(`  counter ${counter.name} {`, `    ${counterBody(counter)}`, '  }');
  }
  for (const store of table.stores) lines.push(...storeLines(store));
  for (const chain of table.chains) lines.push(...chainLines(chain));
  lines.push('}', '');
  return lines.join('\n');
}

export function counterBody({ comment }: Counter): string {
  return `comment "${commentText(comment)}"`;
}

/** Rule ids come from outside: only what can't end the quoted text passes, and no more than nft takes. */
function commentText(text: string): string {
  return text.replace(/[^A-Za-z0-9 ._:/@=+-]/g, '_').slice(0, 120);
}

function storeLines(store: Store): string[] {
  const texts = elementsOf(store).map(elementText);
  return [
    `  ${storeKind(store)} ${store.name} {`,
    ...storeHead(store).map((line) => `    ${line}`),
    ...(texts.length > 0 ? [`    elements = { ${texts.join(',\n      ')} }`] : []),
    '  }',
  ];
}

/** `map` or `set`, as nft tells them apart. */
export function storeKind(store: Store): 'map' | 'set' {
  return store.kind === 'endpoints' || store.kind === 'callers' || store.kind === 'port-chains'
    ? 'map'
    : 'set';
}

/** Type and flags of a store, a line each. */
export function storeHead(store: Store): string[] {
  switch (store.kind) {
    case 'endpoints':
      return [`type ipv${store.family}_addr . inet_service : verdict`];
    case 'callers':
      return store.single
        ? [
            `type ipv${store.family}_addr : counter`,
            ...(store.capacity === undefined ? [] : [`size ${store.capacity}`]),
          ]
        : [`type ipv${store.family}_addr . inet_proto : counter`, 'flags interval'];
    case 'port-chains':
      return ['type inet_service : verdict'];
    case 'addresses':
      return [`type ipv${store.family}_addr . inet_proto`, 'flags interval'];
    case 'ports':
      return ['type inet_service'];
    case 'records':
      return [
        `type ipv${store.family}_addr . ipv${store.family}_addr . inet_service`,
        `size ${maxRecords}`,
        'flags dynamic,timeout',
        'timeout 10m',
        'counter',
      ];
  }
}

/** An element as `nft` writes it: its key, and what a map names for it. */
export type Element = { readonly key: string; readonly value?: string };

/** The elements that a store is made with. */
export function elementsOf(store: Store): Element[] {
  switch (store.kind) {
    case 'endpoints':
      return store.entries.map(({ address, port, chain }) => ({
        key: `${addressText(store.family, address)} . ${port}`,
        value: `goto ${chain}`,
      }));
    case 'callers':
      return store.entries.all().map((e) => callerElement(store, e));
    case 'port-chains':
      return store.entries.map(({ port, chain }) => ({ key: String(port), value: `goto ${chain}` }));
    case 'addresses':
      return store.entries.all().map((e) => ({ key: rangeKey(store, e) }));
    case 'ports':
      return store.ports.map((port) => ({ key: String(port) }));
    case 'records':
      return [];
  }
}

export function elementText({ key, value }: Element): string {
  return value === undefined ? key : `${key} : ${value}`;
}

export function callerElement(store: CallerMap, entry: Range & { readonly counter: string }): Element {
  return { key: rangeKey(store, entry), value: `"${entry.counter}"` };
}

export function rangeKey(store: CallerMap | AddressSet, range: Range): string {
  const text = rangeText(store.family, range);
  return store.kind === 'callers' && store.single ? text : `${text} . tcp`;
}

function chainLines(chain: Chain): string[] {
  const lines = [`  chain ${chain.name} {`];
  if (chain.base) {
    const { type, hook, priority } = chain.base;
    lines.push(`    type ${type} hook ${hook} priority ${priority}; policy accept;`);
  }
  for (const rule of chain.rules) lines.push(`    ${ruleText(rule)}`);
  lines.push('  }');
  return lines;
}

export function ruleText(rule: Rule): string {
  const parts = [...rule.when.map(matchText), ...rule.act.map(statementText)];
  if (rule.comment !== undefined) parts.push(`comment "${commentText(rule.comment)}"`);
  return parts.join(' ');
}

function matchText(match: Match): string {
  const port = (side: 'source' | 'destination') => (side === 'source' ? 'tcp sport' : 'tcp dport');
  switch (match.match) {
    case 'challenge': {
      const length = match.family === 4 ? 'ip length 40' : 'ip6 length 20';
      return `meta mark ${challengeMark} ${length} meta l4proto tcp`;
    }
    case 'loopback':
      return match.side === 'in' ? 'iif "lo"' : 'oif "lo"';
    case 'foreign-to-loopback':
      return match.family === 4 ? 'iif != "lo" ip daddr 127.0.0.0/8' : 'iif != "lo" ip6 daddr ::1';
    case 'reset':
      return 'tcp flags rst';
    case 'port':
      return `${port(match.side)} ${match.port}`;
    case 'ports':
      return `${port(match.side)} @${match.set}`;
    case 'caller':
      return `${callerText(match)} @${match.in}`;
    case 'family':
      return `meta nfproto ipv${match.family}`;
    case 'translated':
      return `ct status dnat ct direction ${match.direction}`;
    case 'local':
      return 'fib daddr type local';
    case 'from-local':
      return 'fib saddr type local';
    case 'opens':
      return `meta skuid ${match.uid} tcp flags & (syn | ack) == syn`;
    case 'sends-other':
      return `meta skuid ${match.uid} meta l4proto != tcp`;
  }
}

function callerText({ family, side, single }: Caller): string {
  const address = `${family === 4 ? 'ip' : 'ip6'} ${side === 'source' ? 'saddr' : 'daddr'}`;
  return single ? address : `${address} . meta l4proto`;
}

function keyText(key: Key): string {
  const ip = 'family' in key && key.family === 6 ? 'ip6' : 'ip';
  switch (key.key) {
    case 'to':
      return `${ip} daddr . tcp dport`;
    case 'from':
      return `${ip} saddr . tcp sport`;
    case 'original':
      return `meta l4proto tcp ct original ${ip} daddr . ct original proto-dst`;
    case 'to-port':
      return 'tcp dport';
    case 'from-port':
      return 'tcp sport';
    case 'original-port':
      return 'meta l4proto tcp ct original proto-dst';
  }
}

function statementText(statement: Statement): string {
  switch (statement.do) {
    case 'count':
      return `counter name "${statement.counter}"`;
    case 'count-caller':
      return `counter name ${callerText(statement)} map @${statement.map}`;
    case 'record': {
      const { family } = statement;
      const ip = family === 4 ? 'ip' : 'ip6';
      const key = `ct original ${ip} saddr . ct original ${ip} daddr . ct original proto-dst`;
      return `meta l4proto tcp ct direction original update @denied${family} { ${key} }`;
    }
    case 'accept':
    case 'drop':
      return statement.do;
    case 'untrack':
      return 'notrack';
    case 'reset':
      return 'meta l4proto tcp reject with tcp reset';
    case 'redirect': {
      const { to, port } = statement;
      if (!to) return `meta l4proto tcp redirect to :${port}`;
      const address = addressText(to.family, to.address);
      return to.family === 4
        ? `meta l4proto tcp dnat ip to ${address}:${port}`
        : `meta l4proto tcp dnat ip6 to [${address}]:${port}`;
    }
    case 'masquerade':
      return 'masquerade';
    case 'jump':
    case 'goto':
      return `${statement.do} ${statement.chain}`;
    case 'lookup':
      return `${keyText(statement.key)} vmap @${statement.map}`;
  }
}
