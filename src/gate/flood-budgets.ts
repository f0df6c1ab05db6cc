// One flood budget for each caller of a listener: all HTTP/2 connections of a user, or of a source without a certificate.
import { createHash } from 'node:crypto';
import type { ConnectionLimits, Identity } from '../inspect/connection-types.ts';
import { createFloodBudget, type FloodBudget, type FloodKind, limitOf } from '../inspect/h2/flood-budget.ts';
import { sourceKey } from './reception.ts';
import { type ListenerStanding, standingEntries, worthTelling } from './standing.ts';

export type FloodBudgets = {
  of(identity: Identity, address: string, limits: ConnectionLimits): FloodBudget;
  /** Forgets callers who have spent nothing lately. */
  sweep(): void;
  /** For the gate's other workers: what was spent since this was last asked, where it is much. */
  spent(): ListenerStanding['spent'];
  /** What was spent there. */
  heard(spent: ListenerStanding['spent'], limits: ConnectionLimits): void;
};

type Kept = {
  readonly limits: ConnectionLimits;
  readonly budget: FloodBudget;
  readonly told: Record<FloodKind, number>;
};

const kinds = Object.keys(limitOf) as FloodKind[];

/**
 * @param clock milliseconds, moved on by its owner
 * @param workers of the gate: a budget is of all of them together
 */
export function createFloodBudgets(clock: { readonly now: number }, workers = 1): FloodBudgets {
  const budgets = new Map<string, Kept>();

  function keep(key: string, limits: ConnectionLimits): FloodBudget {
    const known = budgets.get(key);
    // New limits come with a new, full budget.
    if (known?.limits === limits) return known.budget;
    const budget = createFloodBudget(limits, clock);
    budgets.set(key, { limits, budget, told: { reset: 0, ping: 0, settings: 0, idle: 0 } });
    return budget;
  }

  return {
    of: (identity, address, limits) => keep(callerKey(identity, address), limits),
    sweep() {
      // A connection that still holds a forgotten one has a full one to itself, as its next would.
      for (const [key, { budget }] of budgets) if (budget.rested) budgets.delete(key);
    },
    spent() {
      const all: ListenerStanding['spent'] = [];
      for (const [key, { limits, budget, told }] of budgets) {
        for (const kind of kinds) {
          const news = budget.spent[kind] - told[kind];
          if (news < worthTelling(limits[limitOf[kind]], workers) || all.length === standingEntries) continue;
          all.push([key, kind, news]);
          told[kind] += news;
        }
      }
      return all;
    },
    heard(spent, limits) {
      for (const [key, kind, count] of spent) keep(key, limits).charge(kind, count);
    },
  };
}

/** The same in every worker, and of one length whatever a certificate holds. */
function callerKey(identity: Identity, address: string): string {
  const text = identity.method === 'certificate' ? `user ${identity.user}` : `from ${sourceKey(address)}`;
  return createHash('sha256').update(text).digest('base64url');
}
