// Connections that this host only forwards (a load balancer, a service address): their conntrack entries are deleted
// when the plan refuses them. The table answers the next packet of either end with a reset.
import { judge } from '../nft/intervals.ts';
import { deleteEntries, familyOf } from './conntrack-delete.ts';
import { type Flow, parseFlow } from './conntrack-events.ts';
import { kernelRefused, type Runner } from './host.ts';
import type { Protected } from './protected.ts';

/** Endpoints beyond which everything is listed at once, and looked through here. */
const maxListings = 16;

/** Connections to protected services of other hosts that conntrack holds, this host's own among them. */
async function listFlows(run: Runner, resolved: Protected): Promise<readonly Flow[]> {
  const remote = resolved.plan.services
    .flatMap((service) => service.endpoints)
    .filter(({ address }) => !resolved.localAddresses.has(address));
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

/** Deletes the entries of forwarded connections that the plan no longer allows; answers which. */
export async function cutForwarded(run: Runner, resolved: Protected): Promise<readonly Flow[]> {
  const flows = await listFlows(run, resolved);
  const cut = flows.filter((flow) => mustCut(resolved, flow));
  await deleteEntries(run, filtersFor(flows, cut).slice(0, maxDeletions));
  return cut;
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
