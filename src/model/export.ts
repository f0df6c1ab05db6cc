// Policies for networks that enforce some already.
import { z } from 'zod';

export const ExportTarget = z.enum(['networkpolicy', 'calico', 'cilium']);
export type ExportTarget = z.infer<typeof ExportTarget>;

/** GET /v1/export?to=TARGET&server=NAME (admin): of one server, or of all. */
export const ExportAnswer = z.strictObject({
  /** Kubernetes objects. */
  objects: z.array(z.record(z.string(), z.unknown())),
  /** What is lost on the way there. */
  cannot: z.array(z.strictObject({ what: z.string(), why: z.string() })),
});
export type ExportAnswer = z.infer<typeof ExportAnswer>;
