// What is in force on this host: one plan at a time, applied, checked against the kernel, repaired.
import type { AgentPlan } from '../model/plan.ts';
import type { Verdict } from '../model/policy.ts';
import { ruleCounters } from '../nft/service-parts.ts';
import { type Applied, applyPlan, type Kernel } from './apply.ts';
import { localAddresses } from './host.ts';
import { readCounters, readTable, removeTable } from './kernel-table.ts';
import type { Protected } from './protected.ts';
import type { SessionWatch } from './session-watch.ts';

export type Enforcer = {
  /** The plan in force; undefined before the first. */
  readonly plan: AgentPlan | undefined;
  /** Its generation; of the table that stands when no plan is known; else 0. */
  readonly generation: number;
  /** What the plan in force can't do on this host, for people; empty when all is well. */
  problems(): string[];
  /** What was done, and the packets that met each verdict since the table was last replaced. */
  counters(): Promise<Record<string, number>>;
  /** Puts a plan into force. @throws as applyPlan; then the former one stands */
  apply(plan: AgentPlan): Promise<Applied>;
  /** Takes the table away: the way back from a first plan. */
  withdraw(): Promise<void>;
  /**
   * Compares the kernel with the plan in force and applies it again when the table is gone or was changed, or the
   * host's addresses are others. Answers what it found, or undefined. @throws as applyPlan
   */
  repair(): Promise<string | undefined>;
};

/** A service that should be of this host and isn't at any of its addresses: its callers arrive unjudged. */
function notHere({ services, localAddresses }: Protected): string[] {
  return services
    .filter(({ service }) => service.gateAddresses === undefined)
    .filter(({ service }) => !service.endpoints.some(({ address }) => localAddresses.has(address)))
    .map(
      ({ service }) =>
        `server '${service.server}' is at none of this host's addresses: only what is forwarded to it is judged`,
    );
}

export async function createEnforcer(kernel: Kernel, sessions: SessionWatch): Promise<Enforcer> {
  const { run } = kernel;
  let current: { plan: AgentPlan; applied: Applied } | undefined;
  let generation = (await readTable(run, true))?.generation ?? 0;
  const counters = { drifts: 0, connections_cut: 0, left_open: 0 };
  let verdictOfCounter = new Map<string, Verdict>();
  let last: Promise<unknown> = Promise.resolve();

  /** One change of the kernel at a time. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = last.then(work, work);
    last = mine.catch(() => {});
    return mine;
  }

  async function apply(plan: AgentPlan): Promise<Applied> {
    const applied = await applyPlan(kernel, plan, {
      former: current?.plan,
      beforeReplacing: sessions.collect,
    });
    sessions.use(applied.resolved);
    current = { plan, applied };
    verdictOfCounter = ruleCounters(plan);
    generation = plan.generation;
    counters.connections_cut += applied.connectionsCut;
    counters.left_open = applied.leftOpen;
    return applied;
  }

  async function findDrift(): Promise<string | undefined> {
    if (!current) return undefined;
    const { applied } = current;
    const [standing, addresses] = await Promise.all([readTable(run, applied.brief), localAddresses(run)]);
    if (!standing) return 'the table was gone';
    if (standing.generation !== applied.standing.generation)
      return `the table was of generation ${standing.generation}`;
    if (standing.fingerprint !== applied.standing.fingerprint) return 'the table had been changed';
    const known = applied.resolved.localAddresses;
    const same = addresses.every((address) => known.has(address)) && new Set(addresses).size === known.size;
    return same ? undefined : "the host's addresses had changed";
  }

  return {
    get plan() {
      return current?.plan;
    },
    get generation() {
      return generation;
    },
    problems: () => (current ? notHere(current.applied.resolved) : []),
    async counters() {
      const packets: Record<string, number> = {};
      for (const [name, counter] of current?.applied.brief ? [] : await readCounters(run)) {
        const what = verdictOfCounter.get(name) ?? name;
        packets[`packets_${what}`] = (packets[`packets_${what}`] ?? 0) + counter.packets;
      }
      return { ...counters, ...packets };
    },
    apply: (plan) => inTurn(() => apply(plan)),
    withdraw: () =>
      inTurn(async () => {
        await removeTable(run);
        current = undefined;
        generation = 0;
      }),
    repair: () =>
      inTurn(async () => {
        const drift = await findDrift();
        if (drift === undefined || !current) return undefined;
        counters.drifts += 1;
        await apply(current.plan);
        return drift;
      }),
  };
}
