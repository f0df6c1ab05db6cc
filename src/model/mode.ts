// What a shield does where it stands at the gate, and what a site says about it.
import { z } from 'zod';
import { AdvisoryId } from './advisory.ts';

/** `off`: nothing of it is in force. `shadow`: its rules are judged and what they find is recorded, and nothing is done. */
export const ShieldMode = z.enum(['off', 'shadow', 'enforce']);
export type ShieldMode = z.infer<typeof ShieldMode>;

export const ParameterName = z.string().regex(/^[a-z][A-Za-z0-9]{0,40}$/);
/** Values of one parameter: printable ASCII, so that they look the same to everybody who reads them. */
export const ParameterValues = z.array(z.string().regex(/^[\x20-\x7e]{1,253}$/)).max(300);

/** Part of the policy: how a site wants a shield. Of several entries the first that speaks of a server counts, for the mode and for each parameter. */
export const ShieldSettings = z.strictObject({
  shield: AdvisoryId,
  /** Tag expression over servers; every server when left out. */
  servers: z.string().optional(),
  /** Left out: what the shield's tier says. `portcullis mode` goes before it. */
  mode: ShieldMode.optional(),
  parameters: z.record(ParameterName, ParameterValues).optional(),
  owner: z.string().max(256).optional(),
  reason: z.string().max(2048).optional(),
});
export type ShieldSettings = z.infer<typeof ShieldSettings>;
