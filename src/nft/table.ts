// The private table as data: rendered to text for `nft`, and walked by the packet tracer. Both read the same rules.
import type { Family, Range, RangeChange, RuleRange } from './intervals.ts';

export const tableName = 'portcullis';
/** The name of an empty chain, with the generation behind it. */
export const generationChain = 'generation_';
/** The set of gate ports, which remove and restart read back. */
export const gatePortSet = 'gate_ports';

/**
 * Of packets by which the agent has both ends of a cut connection answer. No bit of it is one that kube-proxy, Calico,
 * Cilium, Tailscale or the AWS CNI give a meaning to.
 */
export const challengeMark = 0x3053;

/** What a rule asks of a packet. A packet that isn't TCP matches nothing but `sends-other`. */
export type Match =
  /** It carries `challengeMark`, and no data and no options. */
  | { readonly match: 'challenge'; readonly family: Family }
  | { readonly match: 'loopback'; readonly side: 'in' | 'out' }
  /** It came from elsewhere, for an address that only this host's own programs may use. */
  | { readonly match: 'foreign-to-loopback'; readonly family: Family }
  | { readonly match: 'reset' }
  | { readonly match: 'port'; readonly side: 'source' | 'destination'; readonly port: number }
  | { readonly match: 'ports'; readonly side: 'source' | 'destination'; readonly set: string }
  | ({ readonly match: 'caller'; readonly in: string } & Caller)
  | { readonly match: 'family'; readonly family: Family }
  /** The connection's destination was changed by NAT. */
  | { readonly match: 'translated'; readonly direction: 'original' | 'reply' }
  /** The destination is an address of this host. */
  | { readonly match: 'local' }
  /** The source is: the packet is this host's own answer. */
  | { readonly match: 'from-local' }
  /** A process of that user opens a TCP connection, or sends anything that isn't TCP. */
  | { readonly match: 'opens' | 'sends-other'; readonly uid: number };

/** The caller's address in a packet. `single`: whether the store that is asked holds single addresses. */
export type Caller = {
  readonly side: 'source' | 'destination';
  readonly family: Family;
  readonly single: boolean;
};

/**
 * What a verdict map is asked with. `to` and `from`: address and port of the packet's destination, or source.
 * `original`: destination of the connection before NAT.
 */
export type Key =
  | { readonly key: 'to' | 'from' | 'original'; readonly family: Family }
  | { readonly key: 'to-port' | 'from-port' | 'original-port' };

export type Statement =
  | { readonly do: 'count'; readonly counter: string }
  /** Counts with the counter that the map names for the caller; on to the next rule when it names none. */
  | ({ readonly do: 'count-caller'; readonly map: string } & Caller)
  /** Notes caller, original destination and original port of a refused packet in the set `denied4` or `denied6`. */
  | { readonly do: 'record'; readonly family: Family }
  | { readonly do: 'accept' | 'drop' | 'reset' }
  /** Conntrack lets it be: no entry, no NAT. */
  | { readonly do: 'untrack' }
  /** Sends to a gate: at an address, or at whatever address the packet's interface has. */
  | {
      readonly do: 'redirect';
      readonly port: number;
      readonly to?: { readonly family: Family; readonly address: bigint };
    }
  /** Gives this host's address as the source. */
  | { readonly do: 'masquerade' }
  | { readonly do: 'jump' | 'goto'; readonly chain: string }
  /** Goes to the chain that the map names for the key; on to the next rule when it names none. */
  | { readonly do: 'lookup'; readonly key: Key; readonly map: string };

export type Rule = {
  readonly when: readonly Match[];
  readonly act: readonly Statement[];
  readonly comment?: string;
};

export type Hook = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';
export type Chain = {
  readonly name: string;
  readonly base?: { readonly type: 'filter' | 'nat'; readonly hook: Hook; readonly priority: string };
  readonly rules: readonly Rule[];
};

/** (address, port) → chain. */
export type EndpointMap = {
  readonly kind: 'endpoints';
  readonly name: string;
  readonly family: Family;
  readonly entries: readonly { readonly address: bigint; readonly port: number; readonly chain: string }[];
};
/**
 * Entries by address, made from a service's ranges when they are first asked for: a delta needs only what changed.
 * `change` tells how they differ from the entries that were made from other ranges.
 */
export type Entries<Entry> = {
  readonly all: () => readonly Entry[];
  readonly source: readonly RuleRange[];
  readonly change?: {
    readonly since: readonly RuleRange[];
    readonly removed: readonly Entry[];
    readonly added: readonly Entry[];
  };
};

/** `make` filters and maps ranges one by one, so what changed in them is what changed in the entries. */
export function entriesOf<Entry>(
  source: readonly RuleRange[],
  make: (ranges: readonly RuleRange[]) => Entry[],
  change: RangeChange | undefined,
): Entries<Entry> {
  let all: readonly Entry[] | undefined;
  return {
    all() {
      all ??= make(source);
      return all;
    },
    source,
    ...(change
      ? { change: { since: change.since, removed: make(change.removed), added: make(change.added) } }
      : {}),
  };
}

/**
 * Callers of one verdict: address range → the counter of the rule that decides; ranges are disjoint and in order. It leads to
 * no chain: before it takes an element that does, the kernel walks all elements of all maps on every way through the table.
 */
export type CallerMap = {
  readonly kind: 'callers';
  readonly name: string;
  readonly family: Family;
  /**
   * Every range is one address: a hash in the kernel. Other ranges are kept with the protocol as a second field: the
   * kernel then holds them in an array of its own for such sets (pipapo), to which elements are added without `nft`
   * reading all of them first, as it does for a tree of plain intervals.
   */
  readonly single: boolean;
  /** Of single addresses, how many it may hold. Told that, the kernel makes a hash of fixed size, which is looked up sooner. */
  readonly capacity?: number;
  readonly entries: Entries<Range & { readonly counter: string }>;
};
export type PortMap = {
  readonly kind: 'port-chains';
  readonly name: string;
  readonly entries: readonly { readonly port: number; readonly chain: string }[];
};
/** Ranges that are disjoint and in order, with the protocol as a second field. */
export type AddressSet = {
  readonly kind: 'addresses';
  readonly name: string;
  readonly family: Family;
  readonly entries: Entries<Range>;
};
export type PortSet = { readonly kind: 'ports'; readonly name: string; readonly ports: readonly number[] };
/** Filled by packets: refused callers with a packet counter each. */
export type RecordSet = { readonly kind: 'records'; readonly name: string; readonly family: Family };
export type Store = EndpointMap | CallerMap | PortMap | AddressSet | PortSet | RecordSet;

export type Counter = { readonly name: string; readonly comment: string };

export type Table = {
  /** Kept in the table as the name of an empty chain. */
  readonly generation: number;
  readonly counters: readonly Counter[];
  readonly stores: readonly Store[];
  readonly chains: readonly Chain[];
};
