// The shields in force and how a site has set them, as the controller tells of them.
import { z } from 'zod';
import { AdvisoryId, Component } from './advisory.ts';
import { ExposedServer } from './api.ts';
import { BundleVersion } from './bundle.ts';
import { Name, Severity } from './common.ts';
import { ShieldMode } from './mode.ts';
import { Shield } from './shield.ts';

/** What is to be known of a shield without a site. */
export const CatalogueShield = z.strictObject({
  /** Of the advisory too. */
  id: AdvisoryId,
  title: z.string(),
  tier: z.int().min(1).max(4),
  severity: Severity,
  component: Component,
  /** Where neither a person nor the policy says else: what its tier says. */
  mode: ShieldMode,
});
export type CatalogueShield = z.infer<typeof CatalogueShield>;

export const ListedShield = CatalogueShield.extend({
  /** Left out of those of the folder that the controller was started with: the shipped catalogue. */
  bundle: z.strictObject({ name: Name, version: BundleVersion }).optional(),
  /** Where its mode is set, and is not that of its tier: a whole cluster, or a server or other part of it. */
  modes: z.array(
    z.strictObject({
      cluster: Name,
      server: Name.optional(),
      mode: ShieldMode,
      from: z.enum(['person', 'policy']),
    }),
  ),
  /** API servers and other parts that have the flaw or may have it, and at how many of them the shield acts. */
  applies: z.strictObject({ servers: z.int().min(0), parts: z.int().min(0), acts: z.int().min(0) }),
});
export type ListedShield = z.infer<typeof ListedShield>;

/** GET /v1/shields (people): every shield in force, by id. */
export const ShieldsAnswer = z.strictObject({ shields: z.array(ListedShield) });
export type ShieldsAnswer = z.infer<typeof ShieldsAnswer>;

/** A shield as it is written, without its tests. */
export const ShieldDocument = Shield.omit({ tests: true, reach: true });
export type ShieldDocument = z.infer<typeof ShieldDocument>;

/** GET /v1/shield?id=ID (people): one of them, with all that has its flaw. 404 `unknown-shield`. */
export const ShieldAnswer = ListedShield.extend({
  shield: ShieldDocument,
  places: z.array(ExposedServer),
  /** Ids of exemptions from it that are in force. */
  exemptions: z.array(Name),
});
export type ShieldAnswer = z.infer<typeof ShieldAnswer>;
