// Open connections of this host's protected services: listed and destroyed through `ss` (INET_DIAG, SOCK_DESTROY).
import { canonicalAddress } from '../base/cidr.ts';
import { judge } from '../nft/intervals.ts';
import { kernelRefused, type Runner } from './host.ts';
import type { Protected } from './protected.ts';

/** One socket as `ss` shows it. */
export type Socket = {
  readonly local: string;
  readonly localPort: number;
  readonly peer: string;
  readonly peerPort: number;
};

/** Every state in which data can still flow either way; sockets in TIME_WAIT hold nothing to cut. */
const openStates = [
  'established',
  'syn-recv',
  'fin-wait-1',
  'fin-wait-2',
  'close-wait',
  'last-ack',
  'closing',
];
const stateArgs = openStates.flatMap((state) => ['state', state]);

/** Peers in one filter: the kernel's filter program is limited to 64 KiB, and an IPv6 condition takes 40 bytes. */
const peersPerFilter = 400;

/** Sockets whose local port is one of these. @throws Failure `kernel-refused` */
export async function listSockets(run: Runner, ports: readonly number[]): Promise<Socket[]> {
  if (ports.length === 0) return [];
  const filter = ports.map((port) => `sport = :${port}`).join(' or ');
  const ran = await run('ss', ['-tnH', ...stateArgs, `( ${filter} )`]);
  if (ran.code !== 0) throw kernelRefused('ss', ran);
  return parseSockets(ran.stdout);
}

/** Reads `ss -tnH`: state, queues, local, peer. Addresses are canonical: no zone, IPv4-mapped as IPv4. */
export function parseSockets(text: string): Socket[] {
  const sockets: Socket[] = [];
  // A thousand connections come from few addresses, and parsing those is what costs.
  const known = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, , , local, peer] = line.trim().split(/\s+/);
    const from = splitEndpoint(local, known);
    const to = splitEndpoint(peer, known);
    if (from && to) {
      sockets.push({ local: from.address, localPort: from.port, peer: to.address, peerPort: to.port });
    }
  }
  return sockets;
}

function splitEndpoint(
  text: string | undefined,
  known: Map<string, string>,
): { address: string; port: number } | undefined {
  const parts = /^\[?([0-9a-fA-F.:]+)(?:%[^\]:]*)?\]?(?:%[^:]*)?:([0-9]+)$/.exec(text ?? '');
  if (!parts) return undefined;
  const written = parts[1] ?? '';
  const address = known.get(written) ?? canonicalAddress(written);
  known.set(written, address);
  return { address, port: Number(parts[2]) };
}

/**
 * Must this connection go? At the server's port only callers that pass stay; at a gate port those that pass or are
 * steered. Loopback and the host's own addresses (a gate's way to its server) always stay.
 * `gateTrusted` is false when no table stood before: nobody then saw to it that callers came to the gate by steering.
 */
export function mustCut(resolved: Protected, socket: Socket, gateTrusted: boolean): boolean {
  if (resolved.localAddresses.has(socket.peer) || isLoopback(socket.peer)) return false;
  const service = resolved.at(socket.local, socket.localPort);
  if (service) return judge(service, socket.peer).verdict !== 'pass';
  return resolved.behindGate(socket.localPort).some((each) => {
    const { verdict } = judge(each, socket.peer);
    return !gateTrusted || (verdict !== 'pass' && verdict !== 'steer');
  });
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}

/**
 * Destroys every connection between these sockets' local ends and peers' addresses. A connection made to the same end
 * from the same address meanwhile goes too: it has the same verdict. Answers how many the kernel destroyed.
 * @throws Failure `kernel-refused`; some may have been destroyed then
 */
export async function destroySockets(run: Runner, sockets: readonly Socket[]): Promise<number> {
  const peersByEnd = new Map<string, Set<string>>();
  for (const { local, localPort, peer } of sockets) {
    const end = local.includes(':') ? `[${local}]:${localPort}` : `${local}:${localPort}`;
    const peers = peersByEnd.get(end) ?? new Set();
    peersByEnd.set(end, peers.add(peer.includes(':') ? `[${peer}]` : peer));
  }
  let destroyed = 0;
  for (const [end, peers] of peersByEnd) {
    const all = [...peers];
    for (let start = 0; start < all.length; start += peersPerFilter) {
      const some = all.slice(start, start + peersPerFilter).map((peer) => `dst ${peer}`);
      const ran = await run('ss', ['-KtnH', ...stateArgs, `( src ${end} and ( ${some.join(' or ')} ) )`]);
      // When a socket has become another between being found and being destroyed, ss gives up, lists all of them from
      // /proc without destroying any, and calls that a success.
      if (ran.code !== 0 || ran.stderr.includes('SOCK_DESTROY answers')) throw kernelRefused('ss', ran);
      destroyed += ran.stdout.split('\n').filter((line) => line.trim() !== '').length;
    }
  }
  return destroyed;
}
