// Connections that this host only forwards (a load balancer, a service address): their conntrack entries are deleted
// when the plan refuses them. The table answers the next packet of either end with a reset, and challenge.ts sees to one.
import type { ProtectedService } from '../model/plan.ts';
import { judge } from '../nft/intervals.ts';
import { familyOf } from './conntrack-delete.ts';
import { type Flow, parseFlow } from './conntrack-events.ts';
import { kernelRefused, type Runner } from './host.ts';
import type { Protected } from './protected.ts';

/** Endpoints beyond which everything is listed at once, and looked through here. */
const maxListings = 16;

/** Protected services that are elsewhere: connections to them may come through here. */
export function remoteEndpoints({ plan, localAddresses }: Protected): ProtectedService['endpoints'] {
  return plan.services
    .flatMap((service) => service.endpoints)
    .filter(({ address }) => !localAddresses.has(address));
}

/** Connections to protected services of other hosts that conntrack holds, this host's own among them. */
async function listFlows(run: Runner, resolved: Protected): Promise<readonly Flow[]> {
  const remote = remoteEndpoints(resolved);
  const filters =
    remote.length > maxListings
      ? [[]]
      : remote.map(({ address, port }) => ['-d', address, '--dport', String(port)]);
  const wanted = new Set(remote.map(({ address, port }) => `${address} ${port}`));
  const listed = await Promise.all(
    filters.map((filter) => run('conntrack', ['-L', '-p', 'tcp', '-o', 'id', ...filter])),
  );
  return listed.flatMap((ran) => {
    if (ran.code !== 0) throw kernelRefused('conntrack', ran);
    return ran.stdout
      .split('\n')
      .flatMap((line) => parseFlow(line) ?? [])
      .filter(({ destination, port }) => wanted.has(`${destination} ${port}`));
  });
}

/** Established connections that this host forwards to protected services of other hosts. */
export async function forwardedFlows(run: Runner, resolved: Protected): Promise<readonly Flow[]> {
  const flows = await listFlows(run, resolved);
  return flows.filter((flow) => flow.state === 'ESTABLISHED' && isForwarded(resolved, flow));
}

export type ForwardedCut = {
  /** Without those that are over. */
  readonly flows: readonly Flow[];
  /** Those whose ends are to hear of it: a rule that says `drop` answers nobody. */
  readonly told: readonly Flow[];
  /** Options for deleteEntries, by which conntrack forgets them and those that are over: NAT decides anew. */
  readonly filters: readonly string[];
};

/** Conntrack remembers connections for a while after they have ended. */
const over = new Set(['TIME_WAIT', 'CLOSE']);

/** Forwarded connections that the plan no longer allows. */
export async function forwardedToCut(run: Runner, resolved: Protected): Promise<ForwardedCut> {
  const listed = await listFlows(run, resolved);
  const refused = listed.filter((flow) => mustCut(resolved, flow));
  const flows = refused.filter(({ state }) => !over.has(state));
  return {
    flows,
    told: flows.filter(({ destination, port, source }) => {
      const target = resolved.at(destination, port);
      return target && judge(target, source).verdict !== 'drop';
    }),
    filters: filtersFor(listed, refused).slice(0, maxDeletions),
  };
}

/**
 * Each takes some milliseconds, a second where conntrack holds a million connections. Those left out are refused at
 * their next packet all the same, and forgotten when they time out.
 */
const maxDeletions = 64;

/** One filter for each destination none of whose connections stay, else one for each caller. */
function filtersFor(flows: readonly Flow[], cut: readonly Flow[]): string[] {
  const doomed = new Set(cut);
  const to = ({ destination, port }: Flow) => `-p tcp -d ${destination} --dport ${port}`;
  const staying = new Set(flows.filter((flow) => !doomed.has(flow)).map(to));
  const filters = cut.map((flow) => {
    const family = familyOf(flow.source);
    return staying.has(to(flow)) ? `${family} ${to(flow)} -s ${flow.source}` : `${family} ${to(flow)}`;
  });
  return [...new Set(filters)];
}

function mustCut(resolved: Protected, flow: Flow): boolean {
  const target = resolved.at(flow.destination, flow.port);
  if (!target || !isForwarded(resolved, flow)) return false;
  const { verdict } = judge(target, flow.source);
  if (verdict === 'pass') return false;
  const { gateAddresses = [], gatePort } = target.service;
  const throughGate = flow.serverPort === gatePort && gateAddresses.includes(flow.server);
  return verdict !== 'steer' || !throughGate;
}

/** What ends at this host is a socket here, and is cut and counted as one. */
function isForwarded({ localAddresses }: Protected, { source, server }: Flow): boolean {
  return !localAddresses.has(source) && !localAddresses.has(server);
}
