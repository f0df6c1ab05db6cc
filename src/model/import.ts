// What an import found: a part of an inventory, which the controller keeps apart from what people declare.
import { z } from 'zod';
import { Name } from './common.ts';
import { AddressGroup, ApiServer, Cluster, Host, Site } from './inventory.ts';
import { PartFact } from './part.ts';

const stamped = { source: true, imported: true } as const;

/** A part of an inventory. `tags` are those that the source says. */
export const ImportDocument = z.strictObject({
  apiVersion: z.literal('portcullis/v1'),
  sites: z.array(Site.omit(stamped)).default([]),
  clusters: z.array(Cluster.omit(stamped)).default([]),
  hosts: z.array(Host.omit(stamped)).default([]),
  servers: z.array(ApiServer.omit(stamped)).default([]),
  groups: z.array(AddressGroup.omit(stamped)).default([]),
});
export type ImportDocument = z.infer<typeof ImportDocument>;

export const ImportChange = z.strictObject({
  /** `host/node-1`. */
  object: z.string(),
  /**
   * `kept`: people declared it, or another import owns it, and it stays as it is. `gone`: the source no longer has it; it
   * stays until an import with `prune` removes it.
   */
  change: z.enum(['added', 'changed', 'kept', 'gone', 'removed']),
  details: z.array(z.string()),
});
export type ImportChange = z.infer<typeof ImportChange>;

/** POST /v1/import (admin). */
export const ImportRequest = z.strictObject({
  /** Owns what it imports: `kubernetes/prod`. */
  source: Name,
  found: ImportDocument,
  /** What was read of the clusters' parts. Not a part of the inventory: observed, like a server's version. */
  facts: z
    .array(z.strictObject({ cluster: Name, parts: z.array(PartFact).max(1_000_000) }))
    .max(1024)
    .optional(),
  /** Remove what the source no longer has. */
  prune: z.boolean().default(false),
  /** Say what would change, and change nothing. */
  dryRun: z.boolean().default(false),
});
export type ImportRequest = z.infer<typeof ImportRequest>;
export const ImportAnswer = z.strictObject({ changes: z.array(ImportChange), unchanged: z.int() });
export type ImportAnswer = z.infer<typeof ImportAnswer>;
