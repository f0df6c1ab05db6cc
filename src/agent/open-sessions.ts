// Tells the controller which connections to this host's protected services are open, so that a change of the policy can be
// looked at before it cuts them.
import type { Clock } from '../base/clock.ts';
import type { OpenSession } from '../model/api.ts';
import type { ControllerLink } from '../platform/controller-client.ts';
import { pause } from '../platform/pause.ts';
import type { Flow } from './conntrack-events.ts';
import { forwardedFlows } from './forwarded.ts';
import type { Runner } from './host.ts';
import type { Protected } from './protected.ts';
import { listSockets, type Socket } from './sockets.ts';

export type OpenSessionsParts = {
  readonly name: string;
  readonly link: Pick<ControllerLink, 'sendOpen'>;
  readonly run: Runner;
  readonly clock: Clock;
  /** What is in force; undefined before the first plan. */
  readonly resolved: () => Protected | undefined;
};

/** Sources told of; the busiest first. */
const maxTold = 5_000;
const everyMs = 10_000;
/** What has not changed is told again after so long: the controller forgets what it doesn't hear of. */
const repeatMs = 30_000;

/** Runs until the signal is aborted. Nothing here stands in the way of enforcement: what fails is tried again later. */
export async function tellOpenSessions(parts: OpenSessionsParts, signal: AbortSignal): Promise<void> {
  const { name, link, run, clock } = parts;
  let told = '';
  let toldAt = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    const began = clock.mono();
    try {
      const resolved = parts.resolved();
      const sockets = resolved ? await listSockets(run, [...resolved.localPorts, ...resolved.gatePorts]) : [];
      const flows = resolved ? await forwardedFlows(run, resolved) : [];
      const open = resolved ? openSessions(resolved, sockets, flows) : [];
      const text = JSON.stringify(open);
      if (resolved && (text !== told || clock.mono() - toldAt >= repeatMs)) {
        await link.sendOpen({ agent: name, open });
        told = text;
        toldAt = clock.mono();
      }
    } catch {
      // The controller is away, or `ss` failed: enforcement says so where it matters.
    }
    // At most a twentieth of the time goes into listings.
    await pause(Math.max(everyMs, (clock.mono() - began) * 20), signal);
  }
}

/** By source and server, the busiest first. The host's own connections are never judged, and not told. */
export function openSessions(
  resolved: Protected,
  sockets: readonly Socket[],
  flows: readonly Pick<Flow, 'source' | 'destination' | 'port'>[] = [],
): OpenSession[] {
  const found = new Map<string, OpenSession>();
  for (const { local, localPort, peer } of sockets) {
    if (resolved.localAddresses.has(peer) || peer === '::1' || peer.startsWith('127.')) continue;
    const target = resolved.at(local, localPort) ?? resolved.behindGate(localPort)[0];
    if (!target) continue;
    const { server } = target.service;
    const key = `${server} ${peer}`;
    const known = found.get(key) ?? { server, address: peer, sessions: 0 };
    known.sessions += 1;
    found.set(key, known);
  }
  for (const { source, destination, port } of flows) {
    const server = resolved.at(destination, port)?.service.server;
    if (server === undefined) continue;
    const key = `${server} ${source} forwarded`;
    const known = found.get(key) ?? { server, address: source, sessions: 0, forwarded: true as const };
    known.sessions += 1;
    found.set(key, known);
  }
  return [...found.values()]
    .sort((a, b) => b.sessions - a.sessions || (a.address < b.address ? -1 : 1))
    .slice(0, maxTold);
}
