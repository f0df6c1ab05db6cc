// Has both ends of forwarded connections that were cut say something, idle as they are: the table answers with a reset.
// TCP answers a segment of its peer that is out of step with an acknowledgment (RFC 9293; of a SYN, RFC 5961's challenge
// ACK). That one goes past this host, which refuses it, with a reset that is exact as only an answer can be.
import { setImmediate, setTimeout } from 'node:timers/promises';
import { type Endpoint, emptySegment } from '../base/tcp-segment.ts';
import { challengeMark } from '../nft/table.ts';
import type { RawSockets } from '../platform/raw-sockets.ts';
import type { Flow } from './conntrack-events.ts';

/** As platform/raw-sockets opens them; tests open them in a network namespace. @throws Error */
export type OpenSockets = (mark: number) => RawSockets;

/** Connections beyond which ends are left to their next packet. */
const maxFlows = 50_000;
/** Longest time that packets wait for room, all together: the receipt and the next plan wait for them. */
const patienceMs = 3_000;
/** Packets after which others may have their turn: about a millisecond. */
const inOneGo = 200;

/** Never rejects. Answers what keeps ends from hearing of the cut before their next packet; undefined when nothing does. */
export async function challengeEnds(open: OpenSockets, flows: readonly Flow[]): Promise<string | undefined> {
  let patience = patienceMs;
  let refused = 0;
  let why: string | undefined;
  let packets = 0;
  try {
    using sockets = open(challengeMark);
    for (const flow of flows.slice(0, maxFlows)) {
      for (const packet of challenges(flow)) {
        packets += 1;
        if (packets % inOneGo === 0) await setImmediate();
        let failure = sockets.send(packet);
        for (; failure === 'full' && patience > 0; patience -= 1) {
          await setTimeout(1);
          failure = sockets.send(packet);
        }
        if (failure === undefined) continue;
        refused += 1;
        why = failure;
      }
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  if (refused > 0) return `${refused} of ${packets} packets could not be sent: ${why}`;
  return flows.length > maxFlows ? `${flows.length - maxFlows} were too many` : undefined;
}

/**
 * Each end is addressed as it knows the connection, before NAT or after it, in two ways, for what stops one lets the other
 * through. An acknowledgment is answered by every end, but firewalls on the way may drop it as invalid. A SYN, or to whoever
 * opened the connection the answer to one, passes them: conntrack takes it that its own view may be out of step. But older
 * kernels answer only a thousand of those a second, of all connections together. The acknowledgment comes first: an
 * end answers one of the two within half a second.
 */
function challenges(flow: Flow): Uint8Array[] {
  const source = { address: flow.source, port: flow.sourcePort };
  const destination = { address: flow.destination, port: flow.port };
  const caller = { address: flow.caller, port: flow.callerPort };
  const server = { address: flow.server, port: flow.serverPort };
  const say = (flags: 'ack' | 'syn' | 'syn-ack', from: Endpoint, to: Endpoint) =>
    emptySegment({
      from,
      to,
      flags,
      sequence: anyNumber(),
      acknowledgment: flags === 'syn' ? 0 : anyNumber(),
    });
  return [
    say('ack', destination, source),
    say('syn-ack', destination, source),
    say('ack', caller, server),
    say('syn', caller, server),
  ];
}

/** In step by chance once in thousands: then the other of the two is answered. */
function anyNumber(): number {
  return Math.floor(Math.random() * 2 ** 32);
}
