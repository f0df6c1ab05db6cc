// Policy: ordered tag rules written by people. Shields compile into the same form and come before them.
import { z } from 'zod';
import { Name, Severity, Stage, Timestamp } from './common.ts';
import { ShieldSettings } from './mode.ts';
import { TagType } from './tag.ts';

/** Order of judgement: the first matching rule of the first tier decides. */
export const Tier = z.enum(['break-glass', 'control-plane', 'shields', 'security', 'platform', 'default']);
export type Tier = z.infer<typeof Tier>;

/**
 * What happens to a packet. `deny` answers with a TCP reset, `drop` with nothing, `steer` sends the connection to the
 * gate of the server.
 */
export const Verdict = z.enum(['pass', 'deny', 'drop', 'steer']);
export type Verdict = z.infer<typeof Verdict>;

/** Who opens connections: the `from` end to the `to` end, the other way, or either. Answers always go with them. */
export const Direction = z.enum(['>', '<', '<>']);
export type Direction = z.infer<typeof Direction>;

/** One rule. `from` and `to` are tag expressions (`tier=node AND NOT site=lab`), or `any`. First match wins. */
export const PolicyRule = z.strictObject({
  /** Unique in the whole document, and the same across edits: drafts, counters and records know the rule by it. */
  id: Name,
  tier: Tier.exclude(['shields', 'control-plane']).default('security'),
  from: z.string(),
  to: z.string(),
  /** `api` (the protected API server), another protected service, or a service group of the inventory; `api` when left out. */
  service: Name.optional(),
  /** `>` when left out. */
  direction: Direction.optional(),
  /** Tag types of which both ends carry an equal value: `[site]` is "within one site". */
  match: z.array(TagType).min(1).max(8).optional(),
  action: Verdict,
  log: z.boolean().default(true),
  /** Record one of so many sessions; every one when left out. */
  sample: z.int().min(2).max(1_000_000).optional(),
  /** From then on the rule is as if it weren't there. */
  expires: Timestamp.optional(),
  owner: z.string().max(256).optional(),
  reason: z.string().max(2048).optional(),
});
export type PolicyRule = z.infer<typeof PolicyRule>;

/** Rules that belong together, in order. */
export const RuleList = z.strictObject({
  name: Name,
  owner: z.string().max(256).optional(),
  reason: z.string().max(2048).optional(),
  rules: z.array(PolicyRule).default([]),
});
export type RuleList = z.infer<typeof RuleList>;

/** Policies for some servers, in order. */
export const PolicySet = z.strictObject({
  name: Name,
  owner: z.string().max(256).optional(),
  /** Tag expression over servers; every server when left out. */
  servers: z.string().optional(),
  policies: z.array(RuleList).default([]),
});
export type PolicySet = z.infer<typeof PolicySet>;

/** What is done by itself when a server is found vulnerable. */
export const ResponsePlan = z.strictObject({
  /** Advisories at or above this severity are answered. */
  minSeverity: Severity.default('critical'),
  /** `block` at once; `none` leaves the first response to people. */
  first: z.enum(['block', 'none']).default('block'),
  /** `inspect` as soon as the gate is healthy; `none` stays at `block`. */
  next: z.enum(['inspect', 'none']).default('inspect'),
  /**
   * `gate`: while a server has a flaw whose shield is in shadow, its callers are steered through its gate so that the shield
   * has something to look at, as long as the gate is healthy. `none`: a shadow looks at what is steered for another reason.
   */
  observe: z.enum(['none', 'gate']).default('none'),
  /** Lift by itself when the patch is proven. */
  lift: z.enum(['proven', 'manual']).default('proven'),
  /** Stages that a person sets only together with another, who asks for the same within an hour; none when left out. */
  twoPeople: z.array(Stage).optional(),
});
export type ResponsePlan = z.infer<typeof ResponsePlan>;

/** The whole document: sets of policies of rules, or, for a short one, `rules` alone: one set with one policy. */
export const Policy = z
  .strictObject({
    apiVersion: z.literal('portcullis/v1'),
    rules: z.array(PolicyRule).default([]),
    sets: z.array(PolicySet).default([]),
    /** Verdict for callers of a protected server that no rule names while no shield stands: today's behaviour is `pass`. */
    default: Verdict.exclude(['steer']).default('pass'),
    /** `required`: a change of the policy needs a second person, who approves exactly what is put in force. */
    approval: z.enum(['none', 'required']).default('none'),
    response: ResponsePlan.prefault({}),
    /** Modes and parameters of shields, in order. */
    shields: z.array(ShieldSettings).max(1000).default([]),
  })
  .refine(({ rules, sets }) => rules.length === 0 || sets.length === 0, {
    path: ['rules'],
    message: "rules beside sets have no place in the sets' order: put them into a set",
  });
export type Policy = z.infer<typeof Policy>;
