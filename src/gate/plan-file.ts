// A gate's plan on disk: the last one in force, and the static one that an operator gives.
import { existsSync } from 'node:fs';
import { GatePlan } from '../model/plan.ts';
import { writeWhole } from '../platform/files.ts';
import { planPath, readPlanFile } from '../platform/stored-plan.ts';

/** @throws Failure `unreadable`, `bad-plan` */
export function readPlan(path: string): GatePlan {
  return readPlanFile(GatePlan, path);
}

/** The plan that was in force when the gate last ran; undefined on the first start. @throws as readPlan */
export function readStoredPlan(dataDir: string): GatePlan | undefined {
  const path = planPath(dataDir);
  return existsSync(path) ? readPlan(path) : undefined;
}

/** Owner-only: it names addresses and what the shields look for. */
export function storePlan(dataDir: string, plan: GatePlan): void {
  writeWhole(planPath(dataDir), `${JSON.stringify(plan)}\n`, 0o600);
}
