// The agent's plan on disk: the last one in force, re-applied at the next start before the controller is reached. A large
// plan is written whole once, and then what changes is added to a second file, a line each.
import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { z } from 'zod';
import { Failure } from '../base/failure.ts';
import { applyPatch, diff, type Patch } from '../base/patch.ts';
import { Timestamp } from '../model/common.ts';
import { AgentPlan } from '../model/plan.ts';
import { readText, writeWhole } from '../platform/files.ts';
import { parsePlan, planJson, planPath } from '../platform/stored-plan.ts';

const StoredPlan = z.strictObject({
  /** In force, or to be; left out when the first plan of all was rolled back. */
  plan: AgentPlan.optional(),
  /** By this host's clock, when `plan` is given up unless it was confirmed; left out for one that waits for nothing. */
  confirmBy: Timestamp.optional(),
  /** Digest of a plan that was rolled back: it is not tried again. */
  rejected: z.string().optional(),
});
export type StoredPlan = z.infer<typeof StoredPlan>;

/** As it is written whole: with the name of the changes that belong to it. */
type Written = StoredPlan & { readonly changes?: string };

export type PlanStore = {
  /** Undefined before the first plan. @throws Failure `unreadable`, `bad-plan` */
  read(): StoredPlan | undefined;
  /** Durable when it returns. What is stored is not changed in place afterwards. */
  store(stored: StoredPlan): void;
};

/** Characters up to which a plan is always written whole. */
const smallPlan = 65_536;
/** Changes that a start has to go through, at most. */
const longestChain = 200;

/** Owner-only: it names who may reach what. */
export function createPlanStore(dataDir: string): PlanStore {
  const path = planPath(dataDir);
  const changesPath = `${path}.changes`;
  let last: { readonly stored: StoredPlan; readonly id: string; left: number; room: number } | undefined;

  return {
    read() {
      if (!existsSync(path)) return undefined;
      const { changes: id, ...whole } = planJson(path) as Written;
      const lines = id !== undefined && existsSync(changesPath) ? readText(changesPath).split('\n') : [];
      // Of another whole: written before this one, and not yet taken away.
      const changes = lines[0] === id ? lines.slice(1) : [];
      // What was being written when the host went down ends without its newline: it was not in force for long.
      changes.pop();
      return parsePlan(StoredPlan, changes.reduce(patched, whole), path);
    },
    store(stored) {
      if (!last || !append(last, stored)) last = writeAll(stored);
    },
  };

  /** False when the whole is to be written. */
  function append(former: NonNullable<typeof last>, stored: StoredPlan): boolean {
    const line = `${JSON.stringify(diff(former.stored, stored) ?? { members: {} })}\n`;
    if (former.left === 0 || line.length > former.room) return false;
    const first = !existsSync(changesPath);
    const file = openSync(changesPath, first ? 'wx' : 'a', 0o600);
    try {
      writeSync(file, first ? `${former.id}\n${line}` : line);
      fsyncSync(file);
    } catch (error) {
      // Half a line may stand there: nothing is added behind it.
      last = undefined;
      throw error;
    } finally {
      closeSync(file);
    }
    last = { ...former, stored, left: former.left - 1, room: former.room - line.length };
    return true;
  }

  function writeAll(stored: StoredPlan): typeof last {
    last = undefined;
    const id = randomUUID();
    const written: Written = { ...stored, changes: id };
    const text = `${JSON.stringify(written)}\n`;
    writeWhole(path, text, 0o600);
    rmSync(changesPath, { force: true });
    return { stored, id, left: text.length < smallPlan ? 0 : longestChain, room: text.length / 2 };
  }

  function patched(value: unknown, line: string): unknown {
    try {
      return applyPatch(value, JSON.parse(line) as Patch).value;
    } catch (cause) {
      throw new Failure('bad-plan', 'a change of the plan is damaged', { place: changesPath, cause });
    }
  }
}
