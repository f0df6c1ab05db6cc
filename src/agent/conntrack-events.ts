// Lines of `conntrack -E -p tcp -o timestamp,id` and `conntrack -L -p tcp -o id` as values.
import { canonicalAddress } from '../base/cidr.ts';

/** One connection as conntrack has it. */
export type Flow = {
  /** The kernel's id of the entry; used anew after it is gone. */
  readonly id: string;
  /** TCP state by conntrack's names. */
  readonly state: string;
  readonly source: string;
  readonly sourcePort: number;
  /** Where the caller was going, before NAT. */
  readonly destination: string;
  readonly port: number;
  /** Where it went, after NAT. */
  readonly server: string;
  readonly serverPort: number;
  /** Whom the server sees, after NAT. */
  readonly caller: string;
  readonly callerPort: number;
  /** Seconds since it began; not known while events of a change are reported. */
  readonly seconds: number;
  readonly packetsOut: number;
  readonly bytesOut: number;
  readonly packetsIn: number;
  readonly bytesIn: number;
};

export type FlowEvent = Flow & {
  readonly kind: 'new' | 'update' | 'destroy';
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
};

const kinds = { NEW: 'new', UPDATE: 'update', DESTROY: 'destroy' } as const;
const eventHead = /^\[([0-9]+\.[0-9]+)\]\s+\[(NEW|UPDATE|DESTROY)\]\s+/;
const flowHead = /^tcp\s+6\s+(?:[0-9]+\s+)?([A-Z_0-9]+)?/;
const tuple = /src=(\S+) dst=(\S+) sport=([0-9]+) dport=([0-9]+)(?: packets=([0-9]+) bytes=([0-9]+))?/g;

/** One line of events; undefined when it is no event of a TCP connection. */
export function parseEvent(line: string): FlowEvent | undefined {
  const head = eventHead.exec(line);
  const flow = head && parseFlow(line.slice(head[0].length));
  if (!head || !flow) return undefined;
  return { ...flow, kind: kinds[head[2] as keyof typeof kinds], at: Math.round(Number(head[1]) * 1000) };
}

/** One line of a listing; undefined when it is no TCP connection with an id. */
export function parseFlow(line: string): Flow | undefined {
  const head = flowHead.exec(line);
  const id = / id=([0-9]+)/.exec(line)?.[1];
  const [out, back] = [...line.matchAll(tuple)];
  if (!head || !id || !out || !back) return undefined;
  return {
    id,
    state: head[1] ?? '',
    source: canonicalAddress(out[1] ?? ''),
    destination: canonicalAddress(out[2] ?? ''),
    sourcePort: Number(out[3]),
    port: Number(out[4]),
    server: canonicalAddress(back[1] ?? ''),
    serverPort: Number(back[3]),
    caller: canonicalAddress(back[2] ?? ''),
    callerPort: Number(back[4]),
    seconds: Number(/ delta-time=([0-9]+)/.exec(line)?.[1] ?? 0),
    packetsOut: Number(out[5] ?? 0),
    bytesOut: Number(out[6] ?? 0),
    packetsIn: Number(back[5] ?? 0),
    bytesIn: Number(back[6] ?? 0),
  };
}
