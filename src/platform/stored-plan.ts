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
  const text = readText(place);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Failure('bad-plan', 'the plan is not JSON', { place, cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new Failure('bad-plan', `${issue?.path.join('.') || 'the plan'}: ${issue?.message ?? 'malformed'}`, {
    place,
  });
}
