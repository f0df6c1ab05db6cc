// One flood budget for each caller of a listener: all HTTP/2 connections of a user, or of a source without a certificate.
import type { ConnectionLimits, Identity } from '../inspect/connection-types.ts';
import { createFloodBudget, type FloodBudget } from '../inspect/h2/flood-budget.ts';
import { sourceKey } from './reception.ts';

export type FloodBudgets = {
  of(identity: Identity, address: string, limits: ConnectionLimits): FloodBudget;
  /** Forgets callers who have spent nothing lately. */
  sweep(): void;
};

/** @param clock milliseconds, moved on by its owner */
export function createFloodBudgets(clock: { readonly now: number }): FloodBudgets {
  const budgets = new Map<string, { readonly limits: ConnectionLimits; readonly budget: FloodBudget }>();
  return {
    of(identity, address, limits) {
      const key = identity.method === 'certificate' ? `user ${identity.user}` : `from ${sourceKey(address)}`;
      const known = budgets.get(key);
      // New limits come with a new, full budget.
      if (known?.limits === limits) return known.budget;
      const budget = createFloodBudget(limits, clock);
      budgets.set(key, { limits, budget });
      return budget;
    },
    sweep() {
      // A connection that still holds a forgotten one has a full one to itself, as its next would.
      for (const [key, { budget }] of budgets) if (budget.rested) budgets.delete(key);
    },
  };
}
