// One plan into the kernel: check, replace the table, cut what the plan no longer allows.
import type { Clock } from '../base/clock.ts';
import type { AgentPlan } from '../model/plan.ts';
import { buildTable } from '../nft/build.ts';
import { renderTable } from '../nft/render.ts';
import type { Table } from '../nft/table.ts';
import { pause } from '../platform/pause.ts';
import { forgetSockets } from './conntrack-delete.ts';
import { cutForwarded } from './forwarded.ts';
import { localAddresses, type Runner } from './host.ts';
import { readTable, replaceTable, type StandingTable } from './kernel-table.ts';
import { checkKeepOpen } from './lockout.ts';

import { type Protected, resolvePlan } from './protected.ts';
import { destroySockets, listSockets, mustCut, type Socket } from './sockets.ts';

export type Kernel = { readonly run: Runner; readonly clock: Clock };

/** What was before the plan. */
export type Before = {
  /** The plan that it follows: its gate ports are looked at as well, for a service may have given up its gate. */
  readonly former?: AgentPlan | undefined;
  /** Last look at the table that goes. It is not waited for when it takes long. */
  readonly beforeReplacing?: () => Promise<void>;
};

/** Patience with `beforeReplacing`, ms. Whoever floods a host must not put off what closes it. */
const lastLookMs = 100;

export type Applied = {
  readonly resolved: Protected;
  /** The table as it reads back: what later checks compare with. */
  readonly standing: StandingTable;
  /** The table is too large to list every few seconds. */
  readonly brief: boolean;
  /** The table was replaced in place: connections through a gate noticed nothing. */
  readonly undisturbed: boolean;
  /** From the call to the last connection cut, or to the look for connections when there was none to cut. */
  readonly milliseconds: number;
  readonly connectionsCut: number;
  /** Connections that the kernel would not destroy. Their packets are refused all the same. */
  readonly leftOpen: number;
};

/** Script size, characters, above which drift is looked for in the names of chains only. */
const briefAbove = 512 * 1024;

/**
 * Applies a plan. The table is replaced in one transaction, so a failure before that changes nothing.
 * @throws Failure `plan-locks-out`, `bad-plan`, `bad-address`, `kernel-refused`
 */
export async function applyPlan(
  kernel: Kernel,
  plan: AgentPlan,
  { former, beforeReplacing }: Before = {},
): Promise<Applied> {
  const { run, clock } = kernel;
  const began = clock.mono();
  const [addresses, before] = await Promise.all([
    localAddresses(run),
    readTable(run, true),
    beforeReplacing && Promise.race([beforeReplacing(), pause(lastLookMs, AbortSignal.timeout(lastLookMs))]),
  ]);
  const resolved = resolvePlan(plan, addresses);
  checkKeepOpen(resolved);
  const table = buildTable(plan, { localAddresses: addresses }, resolved.services);
  const script = renderTable(table);
  const inPlace = before && replacing(before, former ?? plan, table);
  const undisturbed = await replace(run, inPlace, script);
  const ports = portsOf(resolved, former);
  const { doomed, cut, leftOpen } = await cutSockets(run, resolved, ports, before !== undefined);
  const cutSocketsAt = clock.mono();
  await forgetSockets(run, doomed);
  const forwarded = await cutForwarded(run, resolved);
  const milliseconds = (forwarded > 0 ? clock.mono() : cutSocketsAt) - began;
  const brief = script.length > briefAbove;
  const standing = (await readTable(run, brief)) ?? { generation: 0, chains: [], fingerprint: '' };
  return { resolved, standing, brief, undisturbed, milliseconds, connectionsCut: cut + forwarded, leftOpen };
}

/** The script that replaces the standing table but for its base chains, when `former` is the plan that it is of. */
function replacing(standing: StandingTable, former: AgentPlan, table: Table): string | undefined {
  // Names don't depend on the host.
  const known = buildTable(former, { localAddresses: [] });
  const names = (chains: Iterable<string>) => [...chains].sort().join();
  if (names(known.chains.map(({ name }) => name)) !== names(standing.chains)) return undefined;
  return renderTable(table, known);
}

/** True when it could be done in place. Else somebody has changed what stands, in ways that chain names don't show. */
async function replace(run: Runner, inPlace: string | undefined, whole: string): Promise<boolean> {
  try {
    if (inPlace !== undefined) {
      await replaceTable(run, inPlace);
      return true;
    }
  } catch {
    // The whole table is replaced below, and that says what is wrong if it can't be.
  }
  await replaceTable(run, whole);
  return false;
}

/** Ports of this host whose connections the plan, or the one before it, decides about. */
function portsOf(resolved: Protected, former: AgentPlan | undefined): number[] {
  const formerGates = former?.services.flatMap((service) => service.gatePort ?? []) ?? [];
  return [...new Set([...resolved.localPorts, ...resolved.gatePorts, ...formerGates])];
}

async function cutSockets(
  run: Runner,
  resolved: Protected,
  ports: readonly number[],
  gateTrusted: boolean,
): Promise<{ doomed: readonly Socket[]; cut: number; leftOpen: number }> {
  const verdicts = new Map<string, boolean>();
  const decide = (socket: Socket): boolean => {
    const ends = `${socket.local} ${socket.localPort} ${socket.peer}`;
    const known = verdicts.get(ends) ?? mustCut(resolved, socket, gateTrusted);
    verdicts.set(ends, known);
    return known;
  };
  const find = async () => (await listSockets(run, ports)).filter(decide);
  const doomed = await find();
  if (doomed.length === 0) return { doomed, cut: 0, leftOpen: 0 };
  const cut = await destroySockets(run, doomed);
  return { doomed, cut, leftOpen: cut < doomed.length ? (await find()).length : 0 };
}
