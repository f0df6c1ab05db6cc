// What is read of a cluster's parts beside its API servers: a version for each, and where a webhook listens.
import { z } from 'zod';
import { Component } from './advisory.ts';
import { Endpoint, Name } from './common.ts';

/**
 * Where a version comes from: `declared` in the inventory, found by an `import`, read by the controller from the cluster's
 * API (`cluster`) or from the part itself (`probe`). What was read goes before what is declared.
 */
export const PartSource = z.enum(['declared', 'import', 'cluster', 'probe']);
export type PartSource = z.infer<typeof PartSource>;

/** What was read of one part. */
export const PartFact = z.strictObject({
  component: Component,
  /** The host, as its inventory or the source names it; left out for a part of the cluster as a whole. */
  host: Name.optional(),
  /** As the part says it, or as its image is tagged. */
  version: z.string().min(1).max(200),
  os: z.enum(['linux', 'windows']).optional(),
  /** Of ingress-nginx: where its admission webhook listens. */
  endpoints: z.array(Endpoint).max(1024).optional(),
});
export type PartFact = z.infer<typeof PartFact>;
