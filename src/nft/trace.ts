// The packet tracer: walks a table as the kernel would, so that tests can ask what happens to a connection.
import { parseCidr } from '../base/cidr.ts';
import type { Family, Range } from './intervals.ts';
import type { Caller, Chain, Hook, Key, Match, Rule, Store, Table } from './table.ts';

/** A TCP packet at one hook, with what conntrack knows of its connection. */
export type Packet = {
  readonly family: Family;
  readonly source: bigint;
  readonly sourcePort: number;
  readonly destination: bigint;
  readonly destinationPort: number;
  readonly reset: boolean;
  readonly loopback: boolean;
  /** The destination is an address of this host. */
  readonly local: boolean;
  /** The source is. */
  readonly fromLocal: boolean;
  readonly direction: 'original' | 'reply';
  /** It opens a connection, for a process of this user of the host. */
  readonly opener?: number;
  /** Destination before NAT, when NAT changed it. */
  readonly translatedFrom?: { readonly address: bigint; readonly port: number };
};

export type Outcome =
  | { readonly outcome: 'accept' | 'drop' | 'reset' }
  | { readonly outcome: 'redirect'; readonly port: number; readonly to?: bigint }
  | { readonly outcome: 'masquerade' };
/** What became of a packet, the counters it met, and the chains it went through. */
export type Trace = Outcome & {
  readonly counters: readonly string[];
  readonly chains: readonly string[];
  readonly recorded: boolean;
};

/** Walks one hook. A hook without a chain accepts. */
export function tracePacket(table: Table, hook: Hook, packet: Packet): Trace {
  const counters: string[] = [];
  const chains: string[] = [];
  let recorded = false;
  const chainNamed = (name: string): Chain => {
    const chain = table.chains.find((each) => each.name === name);
    if (!chain) throw new Error(`no chain '${name}'`);
    return chain;
  };
  const walk = (chain: Chain): Outcome | undefined => {
    chains.push(chain.name);
    for (const rule of chain.rules) {
      if (!rule.when.every((match) => matches(table, match, packet))) continue;
      const step = run(rule);
      if (step === 'next') continue;
      if (step === 'end') return undefined;
      return step;
    }
    return undefined;
  };
  /** `next`: on to the next rule; `end`: this chain is done without a verdict. */
  const run = (rule: Rule): Outcome | 'next' | 'end' => {
    for (const statement of rule.act) {
      switch (statement.do) {
        case 'count':
          counters.push(statement.counter);
          break;
        case 'count-caller': {
          const counter = callerIn(table, statement.map, statement, packet)?.counter;
          if (counter === undefined) return 'next';
          counters.push(counter);
          break;
        }
        case 'record':
          if (statement.family === packet.family && packet.direction === 'original') recorded = true;
          break;
        case 'accept':
        case 'drop':
        case 'reset':
          return { outcome: statement.do };
        case 'redirect':
          return {
            outcome: 'redirect',
            port: statement.port,
            ...(statement.to ? { to: statement.to.address } : {}),
          };
        case 'masquerade':
          return { outcome: 'masquerade' };
        case 'untrack':
          break;
        case 'jump': {
          const result = walk(chainNamed(statement.chain));
          if (result) return result;
          break;
        }
        case 'goto':
          return walk(chainNamed(statement.chain)) ?? 'end';
        case 'lookup': {
          const chain = lookUp(table, statement.key, statement.map, packet);
          if (chain !== undefined) return walk(chainNamed(chain)) ?? 'end';
          break;
        }
      }
    }
    return 'next';
  };
  // In the order of their priority; what one accepts goes on to the next.
  let outcome: Outcome = { outcome: 'accept' };
  for (const base of table.chains.filter((chain) => chain.base?.hook === hook)) {
    if (outcome.outcome === 'accept') outcome = walk(base) ?? outcome;
  }
  return { ...outcome, counters, chains, recorded };
}

/** A connection from outside: where it goes and whether that is an address of this host. */
export type Attempt = {
  readonly from: string;
  readonly fromPort?: number;
  readonly to: string;
  readonly port: number;
  readonly local?: boolean;
};

/** What becomes of a new connection: at the server, at a gate port, refused, or lost. `reply` is its answer's fate. */
export type ConnectionTrace = {
  readonly request: 'direct' | 'steered' | 'reset' | 'drop';
  readonly reply: 'accept' | 'reset' | 'drop';
  /** Counters that the request met. */
  readonly counters: readonly string[];
  readonly recorded: boolean;
};

/** Traces a new connection from prerouting to input (or forward), and the answer to it on its way back. */
export function traceConnection(table: Table, attempt: Attempt): ConnectionTrace {
  return traceOpen(table, attempt, tracePacket(table, 'prerouting', firstPacket(attempt)));
}

/**
 * Traces the next packet of a connection that is open already: NAT is as it was decided when it opened.
 * `through` is the gate port that it was sent to, if it was.
 */
export function traceOpenConnection(
  table: Table,
  attempt: Attempt,
  through: number | undefined,
): ConnectionTrace {
  return traceOpen(
    table,
    attempt,
    through === undefined ? { outcome: 'accept' } : { outcome: 'redirect', port: through },
  );
}

function traceOpen(table: Table, attempt: Attempt, nat: Outcome): ConnectionTrace {
  const packet = firstPacket(attempt);
  const gate = nat.outcome === 'redirect' ? nat.port : undefined;
  const to = nat.outcome === 'redirect' ? nat.to : undefined;
  const elsewhere = storeNamed(table, `gates${packet.family}`, 'endpoints').entries;
  const arrived: Packet =
    gate === undefined
      ? packet
      : {
          ...packet,
          destination: to ?? packet.destination,
          destinationPort: gate,
          local: !elsewhere.some((each) => each.address === to && each.port === gate),
          translatedFrom: { address: packet.destination, port: packet.destinationPort },
        };
  const judged = tracePacket(table, arrived.local ? 'input' : 'forward', arrived);
  const answer = tracePacket(table, arrived.local ? 'output' : 'forward', {
    ...arrived,
    source: arrived.destination,
    sourcePort: arrived.destinationPort,
    destination: arrived.source,
    destinationPort: arrived.sourcePort,
    direction: 'reply',
    local: false,
    fromLocal: arrived.local,
  });
  const outcome = filtered(judged);
  return {
    request: outcome === 'accept' ? (gate === undefined ? 'direct' : 'steered') : outcome,
    reply: filtered(answer),
    counters: judged.counters,
    recorded: judged.recorded,
  };
}

function filtered({ outcome }: Trace): 'accept' | 'drop' | 'reset' {
  if (outcome === 'redirect' || outcome === 'masquerade') throw new Error(`${outcome} outside of NAT`);
  return outcome;
}

function firstPacket({ from, fromPort = 40_000, to, port, local = true }: Attempt): Packet {
  const source = parseCidr(from);
  const destination = parseCidr(to);
  return {
    family: source.family,
    source: source.first,
    sourcePort: fromPort,
    destination: destination.first,
    destinationPort: port,
    reset: false,
    loopback: false,
    local,
    fromLocal: false,
    direction: 'original',
  };
}

function matches(table: Table, match: Match, packet: Packet): boolean {
  switch (match.match) {
    // Connections are traced, and those packets belong to none.
    case 'challenge':
      return false;
    case 'loopback':
      return packet.loopback;
    case 'foreign-to-loopback':
      return !packet.loopback && packet.family === match.family && isLoopback(packet);
    case 'reset':
      return packet.reset;
    case 'port':
      return portOf(packet, match.side) === match.port;
    case 'ports': {
      const set = storeNamed(table, match.set, 'ports');
      return set.ports.includes(portOf(packet, match.side));
    }
    case 'caller':
      return callerIn(table, match.in, match, packet) !== undefined;
    case 'family':
      return packet.family === match.family;
    case 'translated':
      return packet.translatedFrom !== undefined && packet.direction === match.direction;
    case 'local':
      return packet.local;
    case 'from-local':
      return packet.fromLocal;
    case 'opens':
      return packet.opener === match.uid;
    case 'sends-other':
      return false;
  }
}

function isLoopback({ family, destination }: Packet): boolean {
  return family === 4 ? destination >> 24n === 127n : destination === 1n;
}

function portOf(packet: Packet, side: 'source' | 'destination'): number {
  return side === 'source' ? packet.sourcePort : packet.destinationPort;
}

/** The entry of a store that holds the caller's address. */
function callerIn(
  table: Table,
  name: string,
  { side, family }: Caller,
  packet: Packet,
): { readonly counter?: string } | undefined {
  if (packet.family !== family) return undefined;
  const address = side === 'source' ? packet.source : packet.destination;
  const store = table.stores.find((each) => each.name === name);
  if (store?.kind !== 'callers' && store?.kind !== 'addresses') throw new Error(`no callers in '${name}'`);
  const entries: readonly (Range & { readonly counter?: string })[] = store.entries.all();
  return entries.find(({ first, last }) => first <= address && address <= last);
}

function lookUp(table: Table, key: Key, map: string, packet: Packet): string | undefined {
  if ('family' in key && key.family !== packet.family) return undefined;
  const before = packet.translatedFrom;
  const endpoint = (address: bigint | undefined, port: number | undefined) =>
    storeNamed(table, map, 'endpoints').entries.find((e) => e.address === address && e.port === port)?.chain;
  const byPort = (port: number | undefined) =>
    storeNamed(table, map, 'port-chains').entries.find((e) => e.port === port)?.chain;
  switch (key.key) {
    case 'to':
      return endpoint(packet.destination, packet.destinationPort);
    case 'from':
      return endpoint(packet.source, packet.sourcePort);
    case 'original':
      return endpoint(before?.address, before?.port);
    case 'to-port':
      return byPort(packet.destinationPort);
    case 'from-port':
      return byPort(packet.sourcePort);
    case 'original-port':
      return byPort(before?.port);
  }
}

function storeNamed<K extends Store['kind']>(
  table: Table,
  name: string,
  kind: K,
): Extract<Store, { kind: K }> {
  const store = table.stores.find((each) => each.name === name);
  if (store?.kind !== kind) throw new Error(`no ${kind} store '${name}'`);
  return store as Extract<Store, { kind: K }>;
}
