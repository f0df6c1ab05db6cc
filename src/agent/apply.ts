// One plan into the kernel: check, replace the table; then cut what the plan no longer allows.
import type { Clock } from '../base/clock.ts';
import type { AgentPlan } from '../model/plan.ts';
import { buildTable } from '../nft/build.ts';
import { renderDelta } from '../nft/delta.ts';
import { renderTable } from '../nft/render.ts';
import type { Table } from '../nft/table.ts';
import { pause } from '../platform/pause.ts';
import type { OpenSockets } from './challenge.ts';
import { type Standing, standingAfter, standingOf } from './drift.ts';
import { localAddresses, type Runner } from './host.ts';
import { readTable, replaceTable, type StandingTable } from './kernel-table.ts';
import { checkKeepOpen } from './lockout.ts';
import { type Protected, resolvePlan } from './protected.ts';
import { type FormerPlan, type TornDown, tearDown } from './tear-down.ts';

export type Kernel = {
  readonly run: Runner;
  readonly clock: Clock;
  /** Raw sockets of this host. Without, idle connections that it forwards end at their next packet only. */
  readonly openSockets?: OpenSockets;
  /** HostFacts.gateUser */
  readonly gateUser?: number;
};

/** What was before the plan. */
export type Before = {
  /**
   * What is in force: its gate ports are looked at as well, for a service may have given up its gate. With its table and
   * what stands of it, only what differs is changed; without, for it was found changed, everything is.
   */
  readonly former?: Pick<Applied, 'resolved'> & Partial<Pick<Applied, 'table' | 'standing'>>;
  /** Last look at a table that goes. It is not waited for when it takes long. */
  readonly beforeReplacing?: () => Promise<void>;
};

/** Patience with `beforeReplacing`, ms. Whoever floods a host must not put off what closes it. */
const lastLookMs = 100;

export type Applied = TornDown & {
  readonly resolved: Protected;
  readonly table: Table;
  /** What later checks compare with. */
  readonly standing: Standing;
  /**
   * `changed`: element by element and rule by rule; counts and recorded callers are kept. `in place`: everything but the
   * hooks. In both connections through a gate notice nothing. `whole`: the hooks too.
   */
  readonly how: 'changed' | 'in place' | 'whole';
  /** From the call until the kernel judged by the plan. */
  readonly inKernelMs: number;
  /** From the call to the last connection cut, or to the look for connections when there was none to cut. */
  readonly milliseconds: number;
  readonly before: FormerPlan;
};

/**
 * Applies a plan. Each way into the kernel is one transaction, so a failure before that changes nothing.
 * @throws Failure `plan-locks-out`, `bad-plan`, `bad-address`, `too-large`, `kernel-refused`
 */
export async function applyPlan(
  kernel: Kernel,
  plan: AgentPlan,
  { former, beforeReplacing }: Before = {},
): Promise<Applied> {
  const { run, clock, gateUser } = kernel;
  const began = clock.mono();
  const prepare = (addresses: readonly string[]) => {
    const resolved = resolvePlan(plan, addresses, former?.resolved);
    const facts = { localAddresses: addresses, ...(gateUser === undefined ? {} : { gateUser }) };
    return { addresses, resolved, table: buildTable(plan, facts, resolved.services) };
  };
  // A host's addresses are mostly what they were: everything is got ready by those while they are asked for.
  const asked = localAddresses(run);
  asked.catch(() => {});
  const guess = former && prepare([...former.resolved.localAddresses]);
  const addresses = await asked;
  const { resolved, table } = guess && sameSet(guess.addresses, addresses) ? guess : prepare(addresses);
  checkKeepOpen(resolved);
  const replaced = await replace(run, table, resolved, former, beforeReplacing);
  const inKernelMs = clock.mono() - began;
  const { standing, how, stood } = replaced;
  const before: FormerPlan = { plan: former?.resolved.plan, stood };
  const { at, ...gone } = await tearDown(kernel, resolved, before);
  return { resolved, table, standing, how, inKernelMs, milliseconds: at - began, before, ...gone };
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  const both = new Set([...a, ...b]);
  return both.size === new Set(a).size && both.size === new Set(b).size;
}

type Replaced = Pick<Applied, 'standing' | 'how'> & {
  /** There was a table before: who came to a gate was steered there. */
  readonly stood: boolean;
};

async function replace(
  run: Runner,
  table: Table,
  { plan }: Protected,
  former: Before['former'],
  beforeReplacing: Before['beforeReplacing'],
): Promise<Replaced> {
  if (former?.table && former.standing) {
    const delta = renderDelta(former.table, table);
    if (delta && (await accepted(run, delta.script))) {
      return { standing: standingAfter(former.standing, delta, table), how: 'changed', stood: true };
    }
  }
  const [before] = await Promise.all([
    readTable(run),
    beforeReplacing && Promise.race([beforeReplacing(), pause(lastLookMs, AbortSignal.timeout(lastLookMs))]),
  ]);
  const stood = before !== undefined;
  const standing = standingOf(table);
  const inPlace = before && replacing(before, former?.resolved.plan ?? plan, table);
  if (inPlace !== undefined && (await accepted(run, inPlace))) return { standing, how: 'in place', stood };
  await replaceTable(run, renderTable(table));
  return { standing, how: 'whole', stood };
}

/** False when the kernel says no: somebody has changed what stands. What comes next says so if there is more to it. */
async function accepted(run: Runner, script: string): Promise<boolean> {
  try {
    await replaceTable(run, script);
    return true;
  } catch {
    return false;
  }
}

/** The script that replaces the standing table but for its base chains, when `former` is the plan that it is of. */
function replacing(standing: StandingTable, former: AgentPlan, table: Table): string | undefined {
  // Names don't depend on the host.
  const known = buildTable(former, { localAddresses: [] });
  const names = (chains: Iterable<string>) => [...chains].sort().join();
  if (names(known.chains.map(({ name }) => name)) !== names(standing.chains)) return undefined;
  return renderTable(table, known);
}
