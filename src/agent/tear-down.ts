// Cuts what a plan in force no longer allows: this host's own connections, and those that it forwards. The table refuses
// their packets already, so nothing that goes wrong here takes the plan back: what is left is told, and tried again.
import { describeFailure, Failure } from '../base/failure.ts';
import type { AgentPlan } from '../model/plan.ts';
import type { Kernel } from './apply.ts';
import { challengeEnds } from './challenge.ts';
import { deleteEntries, forgetSockets } from './conntrack-delete.ts';
import { type Cut, flowEnds, socketEnds, summarise } from './cut.ts';
import { type ForwardedCut, forwardedToCut, remoteEndpoints } from './forwarded.ts';
import type { Runner } from './host.ts';
import type { Protected } from './protected.ts';
import { destroySockets, listSockets, mustCut, type Socket } from './sockets.ts';

export type TornDown = {
  readonly connectionsCut: number;
  /** Whose they were. */
  readonly cut: readonly Cut[];
  /** Connections that the kernel would not destroy. Their packets are refused all the same. */
  readonly leftOpen: number;
  /** What failed, for people: others may be open that should not be. Their packets are refused all the same. */
  readonly failed?: string;
  /** Why forwarded connections that are cut and idle end at their next packet only, for people. */
  readonly unheard: string | undefined;
};

/** What is still to be cut, as sentences; empty when nothing is. */
export function notAllCut({ leftOpen, failed }: Pick<TornDown, 'leftOpen' | 'failed'>): string[] {
  const packets = 'their packets are refused';
  const left = [
    ...(leftOpen > 0 ? [`the kernel would not destroy ${leftOpen} connections; ${packets}`] : []),
    ...(failed === undefined ? [] : [`connections may be open that should not be; ${packets}: ${failed}`]),
  ];
  return left.map((what) => describeFailure(new Failure('cut-incomplete', what)));
}

/** What was before the plan whose connections are cut. */
export type FormerPlan = {
  /** A service may have given up its gate: connections to that are looked at too. */
  readonly plan: AgentPlan | undefined;
  /** There was a table: who came to a gate was steered there. */
  readonly stood: boolean;
  /** It has been tried before, and not everything was cut. */
  readonly unfinished?: boolean;
};

/** Sockets come and go while they are cut: `ss` takes some of that for failures. */
const rounds = 3;

const noneForwarded: ForwardedCut = { flows: [], told: [], filters: [] };

/** Never rejects. `at` is when the last connection was cut, monotonic ms; or was looked for when there was none. */
export async function tearDown(
  { run, clock, openSockets }: Pick<Kernel, 'run' | 'clock' | 'openSockets'>,
  resolved: Protected,
  former: FormerPlan,
): Promise<TornDown & { readonly at: number }> {
  const failures: string[] = [];
  const attempt = <T>(work: Promise<T>): Promise<T | undefined> =>
    work.catch((error: unknown) => void failures.push(describeFailure(error)));
  const ports = portsOf(resolved, former.plan);
  const find = socketsToCut(run, resolved, ports, former.stood);
  const gone: Socket[] = [];
  let connectionsCut = 0;
  let doomed = (await attempt(find())) ?? [];
  for (let round = 0; round < rounds && doomed.length > 0; round += 1) {
    failures.length = 0;
    const destroyed = await attempt(destroySockets(run, doomed));
    const left = destroyed === doomed.length ? [] : ((await attempt(find())) ?? doomed);
    const open = new Set(left.map(socketKey));
    const closed = doomed.filter((socket) => !open.has(socketKey(socket)));
    connectionsCut += destroyed ?? closed.length;
    gone.push(...closed);
    doomed = left;
  }
  const socketsAt = clock.mono();
  const ended = former.unfinished ? everyEnd(ports) : gone;
  await attempt(forgetSockets(run, ended));
  const forwarded = (await attempt(forwardedToCut(run, resolved))) ?? noneForwarded;
  await attempt(deleteEntries(run, forwarded.filters));
  // Also when there is none: what keeps it from working is better known before it is needed.
  const why =
    openSockets && remoteEndpoints(resolved).length > 0
      ? await challengeEnds(openSockets, forwarded.told)
      : undefined;
  return {
    at: forwarded.flows.length > 0 ? clock.mono() : socketsAt,
    connectionsCut: connectionsCut + forwarded.flows.length,
    cut: summarise(resolved, [...gone.map(socketEnds), ...forwarded.flows.map(flowEnds)]),
    leftOpen: doomed.length,
    ...(failures.length > 0 ? { failed: failures.join('; ') } : {}),
    unheard:
      why && `idle connections that this host forwards learn of a cut at their next packet only: ${why}`,
  };
}

/** Ports of this host whose connections the plan, or the one before it, decides about. */
function portsOf(resolved: Protected, former: AgentPlan | undefined): number[] {
  const formerGates = former?.services.flatMap((service) => service.gatePort ?? []) ?? [];
  return [...new Set([...resolved.localPorts, ...resolved.gatePorts, ...formerGates])];
}

/** Of connections that were cut before, and are not known any more. */
function everyEnd(ports: readonly number[]): Pick<Socket, 'local' | 'localPort'>[] {
  return ports.flatMap((localPort) => ['0.0.0.0', '::'].map((local) => ({ local, localPort })));
}

/** A look for the open connections of this host that have to go. */
function socketsToCut(
  run: Runner,
  resolved: Protected,
  ports: readonly number[],
  stood: boolean,
): () => Promise<Socket[]> {
  const verdicts = new Map<string, boolean>();
  const decide = (socket: Socket): boolean => {
    const key = `${socket.local} ${socket.localPort} ${socket.peer}`;
    const known = verdicts.get(key) ?? mustCut(resolved, socket, stood);
    verdicts.set(key, known);
    return known;
  };
  return async () => (await listSockets(run, ports)).filter(decide);
}

function socketKey({ local, localPort, peer, peerPort }: Socket): string {
  return `${local} ${localPort} ${peer} ${peerPort}`;
}
