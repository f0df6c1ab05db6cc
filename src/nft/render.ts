// Table → text for `nft -f`.
import { addressText, rangeText } from './intervals.ts';
import {
  type Chain,
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
  for (const store of stores) remove(isMap(store) ? 'map' : 'set', store.name);
  for (const { name, base } of chains) if (!base) remove('chain', name);
  for (const { name } of counters) remove('counter', name);
  return `${lines.join('\n')}\n`;
}

function isMap(store: Store): boolean {
  return store.kind === 'endpoints' || store.kind === 'ranges' || store.kind === 'port-chains';
}

function contents(table: Table): string {
  const lines = [`table inet ${tableName} {`];
  for (const { name, comment } of table.counters) {
    lines.push(`  counter ${name} {`, `    comment "${commentText(comment)}"`, '  }');
  }
  for (const store of table.stores) lines.push(...storeLines(store));
  for (const chain of table.chains) lines.push(...chainLines(chain));
  lines.push('}', '');
  return lines.join('\n');
}

/** Rule ids come from outside: only what can't end the quoted text passes, and no more than nft takes. */
function commentText(text: string): string {
  return text.replace(/[^A-Za-z0-9 ._:/@=+-]/g, '_').slice(0, 120);
}

function storeLines(store: Store): string[] {
  const lines = [`  ${isMap(store) ? 'map' : 'set'} ${store.name} {`];
  const elements = (items: readonly string[]) => {
    if (items.length > 0) lines.push(`    elements = { ${items.join(',\n      ')} }`);
  };
  switch (store.kind) {
    case 'endpoints':
      lines.push(`    type ipv${store.family}_addr . inet_service : verdict`);
      elements(
        store.entries.map((e) => `${addressText(store.family, e.address)} . ${e.port} : goto ${e.chain}`),
      );
      break;
    case 'ranges':
      lines.push(
        `    type ipv${store.family}_addr : verdict`,
        ...(store.single ? [] : ['    flags interval']),
      );
      elements(store.entries.map((e) => `${rangeText(store.family, e)} : goto ${e.chain}`));
      break;
    case 'port-chains':
      lines.push('    type inet_service : verdict');
      elements(store.entries.map((e) => `${e.port} : goto ${e.chain}`));
      break;
    case 'addresses':
      lines.push(`    type ipv${store.family}_addr`, '    flags interval');
      elements(store.ranges.map((range) => rangeText(store.family, range)));
      break;
    case 'ports':
      lines.push('    type inet_service');
      elements(store.ports.map(String));
      break;
    case 'records':
      lines.push(
        `    type ipv${store.family}_addr . ipv${store.family}_addr . inet_service`,
        `    size ${maxRecords}`,
        '    flags dynamic,timeout',
        '    timeout 10m',
        '    counter',
      );
  }
  lines.push('  }');
  return lines;
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

function ruleText(rule: Rule): string {
  const parts = [...rule.when.map(matchText), ...rule.act.map(statementText)];
  if (rule.comment !== undefined) parts.push(`comment "${commentText(rule.comment)}"`);
  return parts.join(' ');
}

function matchText(match: Match): string {
  const port = (side: 'source' | 'destination') => (side === 'source' ? 'tcp sport' : 'tcp dport');
  switch (match.match) {
    case 'loopback':
      return match.side === 'in' ? 'iif "lo"' : 'oif "lo"';
    case 'reset':
      return 'tcp flags rst';
    case 'port':
      return `${port(match.side)} ${match.port}`;
    case 'ports':
      return `${port(match.side)} @${match.set}`;
    case 'addresses':
      return `${match.family === 4 ? 'ip' : 'ip6'} ${match.side === 'source' ? 'saddr' : 'daddr'} @${match.set}`;
    case 'translated':
      return `ct status dnat ct direction ${match.direction}`;
    case 'local':
      return 'fib daddr type local';
    case 'from-local':
      return 'fib saddr type local';
  }
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
    case 'caller-source':
      return `${ip} saddr`;
    case 'caller-destination':
      return `${ip} daddr`;
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
    case 'record': {
      const { family } = statement;
      const ip = family === 4 ? 'ip' : 'ip6';
      const key = `ct original ${ip} saddr . ct original ${ip} daddr . ct original proto-dst`;
      return `meta l4proto tcp ct direction original update @denied${family} { ${key} }`;
    }
    case 'accept':
    case 'drop':
      return statement.do;
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
