// Policy: ordered tag rules written by people. Shields compile into the same form and come before them.
import { z } from 'zod';
import { Name, Severity } from './common.ts';

/** Order of judgement: the first matching rule of the first tier decides. */
export const Tier = z.enum(['break-glass', 'control-plane', 'shields', 'security', 'platform', 'default']);
export type Tier = z.infer<typeof Tier>;

/**
 * What happens to a packet. `deny` answers with a TCP reset, `drop` with nothing, `steer` sends the connection to the
 * gate of the server.
 */
export const Verdict = z.enum(['pass', 'deny', 'drop', 'steer']);
export type Verdict = z.infer<typeof Verdict>;

/** One rule. `from` and `to` are tag expressions (`tier=node AND NOT site=lab`), or `any`. First match wins. */
export const PolicyRule = z.strictObject({
  id: Name,
  tier: Tier.exclude(['shields', 'control-plane']).default('security'),
  from: z.string(),
  to: z.string(),
  action: Verdict,
  log: z.boolean().default(true),
  reason: z.string().optional(),
});
export type PolicyRule = z.infer<typeof PolicyRule>;

/** What is done by itself when a server is found vulnerable. */
export const ResponsePlan = z.strictObject({
  /** Advisories at or above this severity are answered. */
  minSeverity: Severity.default('critical'),
  /** `block` at once; `none` leaves the first response to people. */
  first: z.enum(['block', 'none']).default('block'),
  /** `inspect` as soon as the gate is healthy; `none` stays at `block`. */
  next: z.enum(['inspect', 'none']).default('inspect'),
  /** Lift by itself when the patch is proven. */
  lift: z.enum(['proven', 'manual']).default('proven'),
});
export type ResponsePlan = z.infer<typeof ResponsePlan>;

export const Policy = z.strictObject({
  apiVersion: z.literal('portcullis/v1'),
  rules: z.array(PolicyRule).default([]),
  /** Verdict for callers of a protected server that no rule names while no shield stands: today's behaviour is `pass`. */
  default: Verdict.exclude(['steer']).default('pass'),
  response: ResponsePlan.prefault({}),
});
export type Policy = z.infer<typeof Policy>;
