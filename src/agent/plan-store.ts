// The agent's plan on disk: the last one in force, re-applied at the next start before the controller is reached.
import { existsSync } from 'node:fs';
import { z } from 'zod';
import { Timestamp } from '../model/common.ts';
import { AgentPlan } from '../model/plan.ts';
import { writeWhole } from '../platform/files.ts';
import { planPath, readPlanFile } from '../platform/stored-plan.ts';

const StoredPlan = z.strictObject({
  /** In force, or to be; left out when the first plan of all was rolled back. */
  plan: AgentPlan.optional(),
  /** By this host's clock, when `plan` is given up unless it was confirmed; left out for one that waits for nothing. */
  confirmBy: Timestamp.optional(),
  /** Digest of a plan that was rolled back: it is not tried again. */
  rejected: z.string().optional(),
});
export type StoredPlan = z.infer<typeof StoredPlan>;

/** Undefined before the first plan. @throws Failure `unreadable`, `bad-plan` */
export function readStoredPlan(dataDir: string): StoredPlan | undefined {
  const path = planPath(dataDir);
  return existsSync(path) ? readPlanFile(StoredPlan, path) : undefined;
}

/** Owner-only: it names who may reach what. */
export function storePlan(dataDir: string, stored: StoredPlan): void {
  writeWhole(planPath(dataDir), `${JSON.stringify(stored)}\n`, 0o600);
}
