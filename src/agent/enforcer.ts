// What is in force on this host: one plan at a time, applied, checked against the kernel, repaired.
import type { AgentPlan } from '../model/plan.ts';
import { type CountedRule, ruleCounters } from '../nft/service-parts.ts';
import { type Applied, applyPlan, type Kernel } from './apply.ts';
import { compare } from './drift.ts';
import { passing } from './gate-down.ts';
import { localAddresses } from './host.ts';
import { listTable, readCounters, readTable, removeTable } from './kernel-table.ts';
import type { Protected } from './protected.ts';
import type { SessionWatch } from './session-watch.ts';
import { notAllCut, type TornDown, tearDown } from './tear-down.ts';

/** Rules whose packets a health report tells. */
const maxRulesTold = 50;

export type Enforcer = {
  /** The plan in force; undefined before the first. */
  readonly plan: AgentPlan | undefined;
  /** The same, ready for questions. */
  readonly resolved: Protected | undefined;
  /** Its generation; of the table that stands when no plan is known; else 0. */
  readonly generation: number;
  /** What the plan in force can't do on this host, for people; empty when all is well. */
  problems(): string[];
  /**
   * What was done; the packets that met each verdict since the table was last replaced; and of the rules those that most
   * packets met, as `rule <server> <rule>`.
   */
  counters(): Promise<Record<string, number>>;
  /** Puts a plan into force. @throws as applyPlan; then the former one stands */
  apply(plan: AgentPlan): Promise<Applied>;
  /** Gates at these ports are down: where the plan says so, what would be steered to them passes. @throws as applyPlan */
  bypass(down: ReadonlySet<number>): Promise<void>;
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

/** What passes uninspected because its gate is down. */
function passedBy(asked: AgentPlan | undefined, { resolved }: Applied): string[] {
  const { services } = resolved.plan;
  return (asked?.services ?? [])
    .filter((service, index) => services[index] !== service)
    .map(
      ({ server, gatePort }) =>
        `the gate at port ${gatePort} is down: callers of '${server}' pass uninspected (failure.gateDown: open)`,
    );
}

export async function createEnforcer(kernel: Kernel, sessions: SessionWatch): Promise<Enforcer> {
  const { run } = kernel;
  let current: Applied | undefined;
  /** As the controller gave it; what is in force may pass by gates that are down. */
  let asked: AgentPlan | undefined;
  let down: ReadonlySet<number> = new Set();
  let generation = (await readTable(run))?.generation ?? 0;
  /** Odd while the kernel is being changed. */
  let changes = 0;
  const counters = { drifts: 0, connections_cut: 0, left_open: 0, gate_bypasses: 0 };
  let ruleOfCounter = new Map<string, CountedRule>();
  let last: Promise<unknown> = Promise.resolve();

  /** One change of the kernel at a time. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = last.then(work, work);
    last = mine.catch(() => {});
    return mine;
  }

  /** `drifted`: the standing table is not what it should be, and nothing of it is kept. */
  async function apply(wanted: AgentPlan, drifted = false): Promise<Applied> {
    const plan = passing(wanted, down);
    const former = drifted ? current && { resolved: current.resolved } : current;
    changes += 1;
    try {
      const applied = await applyPlan(kernel, plan, {
        ...(former ? { former } : {}),
        beforeReplacing: sessions.collect,
      });
      sessions.use(applied.resolved, applied.how === 'changed');
      current = applied;
      asked = wanted;
      ruleOfCounter = ruleCounters(plan);
      generation = plan.generation;
      told(applied);
    } finally {
      changes += 1;
    }
    const { standing } = current;
    // A large table takes seconds to read back: the next regular look does it, or every change would wait for the one before.
    const small = standing.size < 1_000 && rangesOf(current) < 5_000;
    if (small && [...standing.values()].includes(undefined)) await findDrift().catch(() => undefined);
    return current;
  }

  function told({ connectionsCut, leftOpen }: TornDown): void {
    counters.connections_cut += connectionsCut;
    counters.left_open = leftOpen;
  }

  /** What could not be cut when the plan came into force. */
  async function cutRest(): Promise<void> {
    if (!current || notAllCut(current).length === 0) return;
    const { at: _, ...gone } = await tearDown(kernel, current.resolved, {
      ...current.before,
      unfinished: true,
    });
    const { failed: __, ...rest } = current;
    current = { ...rest, ...gone };
    told(gone);
  }

  /** Undefined also when the table was changed by us meanwhile: what was read tells nothing then. */
  async function findDrift(): Promise<string | undefined> {
    const mark = changes;
    if (!current || mark % 2 === 1) return undefined;
    const [listing, addresses] = await Promise.all([listTable(run), localAddresses(run)]);
    if (mark !== changes) return undefined;
    if (listing === undefined) return 'the table was gone';
    const compared = compare(current.standing, listing);
    if ('drift' in compared) return `the table had been changed: ${compared.drift}`;
    current = { ...current, standing: compared.standing };
    const known = current.resolved.localAddresses;
    const same = addresses.every((address) => known.has(address)) && new Set(addresses).size === known.size;
    return same ? undefined : "the host's addresses had changed";
  }

  return {
    get plan() {
      return asked;
    },
    get resolved() {
      return current?.resolved;
    },
    get generation() {
      return generation;
    },
    problems: () =>
      current
        ? [
            ...notHere(current.resolved),
            ...passedBy(asked, current),
            ...notAllCut(current),
            ...(current.unheard === undefined ? [] : [current.unheard]),
          ]
        : [],
    async counters() {
      const packets: Record<string, number> = {};
      const met: [string, number][] = [];
      for (const [name, counter] of current ? await readCounters(run) : []) {
        const rule = ruleOfCounter.get(name);
        const what = rule?.verdict ?? name;
        packets[`packets_${what}`] = (packets[`packets_${what}`] ?? 0) + counter.packets;
        if (rule && counter.packets > 0) met.push([`rule ${rule.server} ${rule.rule}`, counter.packets]);
      }
      met.sort(([, a], [, b]) => b - a);
      return { ...counters, ...packets, ...Object.fromEntries(met.slice(0, maxRulesTold)) };
    },
    apply: (plan) => inTurn(() => apply(plan)),
    bypass: (next) =>
      inTurn(async () => {
        if (next.size > down.size) counters.gate_bypasses += 1;
        down = next;
        if (asked) await apply(asked);
      }),
    withdraw: () =>
      inTurn(async () => {
        changes += 1;
        try {
          await removeTable(run);
          current = undefined;
          asked = undefined;
          generation = 0;
        } finally {
          changes += 1;
        }
      }),
    async repair() {
      if (current && notAllCut(current).length > 0) await inTurn(cutRest);
      // Not in turn: reading a large table back must not keep a plan waiting.
      const drift = await findDrift();
      if (drift === undefined) return undefined;
      return inTurn(async () => {
        if (!asked) return undefined;
        counters.drifts += 1;
        await apply(asked, true);
        return drift;
      });
    },
  };
}

function rangesOf({ resolved }: Applied): number {
  return resolved.services.reduce((sum, { ranges }) => sum + ranges[4].length + ranges[6].length, 0);
}
