// A plan on disk, as an agent or a gate keeps it, read against its schema.
import { join } from 'node:path';
import type { z } from 'zod';
import { Failure } from '../base/failure.ts';
import { readText } from './files.ts';

/** Where a worker keeps the plan that was in force when it last ran. */
export function planPath(dataDir: string): string {
  return join(dataDir, 'plan.json');
}

/** @throws Failure `unreadable`, `bad-plan` naming the file and the field */
export function readPlanFile<S extends z.ZodType>(schema: S, place: string): z.output<S> {
  return parsePlan(schema, planJson(place), place);
}

/** @throws Failure `unreadable`, `bad-plan` for what is no JSON object */
export function planJson(place: string): object {
  const text = readText(place);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch (cause) {
    throw new Failure('bad-plan', 'the plan is not JSON', { place, cause });
  }
  throw new Failure('bad-plan', 'the plan is no JSON object', { place });
}

/** @throws Failure `bad-plan` naming the file and the field */
export function parsePlan<S extends z.ZodType>(schema: S, value: unknown, place: string): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new Failure('bad-plan', `${issue?.path.join('.') || 'the plan'}: ${issue?.message ?? 'malformed'}`, {
    place,
  });
}
