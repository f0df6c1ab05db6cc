// How a plan that follows another comes over the wire: what differs, and the digest of what must come out.
import { z } from 'zod';
import type { Patch } from '../base/patch.ts';
import { Sha256, Timestamp } from './common.ts';
import { AgentPlan, GatePlan } from './plan.ts';

const Count = z.int().min(1);
const PatchSchema: z.ZodType<Patch> = z.lazy(() =>
  z.union([
    z.strictObject({ value: z.json() }),
    z.strictObject({ members: z.record(z.string(), PatchSchema.nullable()) }),
    z.strictObject({
      list: z.array(
        z.union([
          z.strictObject({ keep: Count }),
          z.strictObject({ drop: Count }),
          z.strictObject({ add: z.array(z.json()) }),
          z.strictObject({ edit: PatchSchema }),
        ]),
      ),
    }),
  ]),
);

/** A plan as the changes of one that the worker has. Digests are of bodies (plan-digest.ts). */
export const PlanChange = z.strictObject({
  kind: z.literal('change'),
  /** Of the body that it changes. */
  from: Sha256,
  /** Of the body that comes out. */
  digest: Sha256,
  generation: z.int().min(1),
  issuedAt: Timestamp,
  patch: PatchSchema,
});
export type PlanChange = z.infer<typeof PlanChange>;

/** What GET /v1/plan answers: a change only to a worker that said what it has. */
export const PlanAnswer = z.discriminatedUnion('kind', [AgentPlan, GatePlan, PlanChange]);
export type PlanAnswer = z.infer<typeof PlanAnswer>;
