// Why a caller meets the verdict that it meets, on the wire.
import { z } from 'zod';
import { Address, Endpoint, Name, Stage, Timestamp } from './common.ts';
import { Cover } from './cover.ts';
import { ShieldMode } from './mode.ts';
import { Tier, Verdict } from './policy.ts';
import { Tag } from './tag.ts';

/** POST /v1/explain (people). Answer: ExplainAnswer. */
export const ExplainRequest = z.strictObject({
  /** An address, a name of the inventory (group, host), or a tag expression. */
  from: z.string().min(1).max(4096),
  /** A server by its name, an address of it, or `address:port`. */
  to: z.string().min(1).max(512),
  /** Which service there: a kind (`kubelet`, `etcd`, `api`, …), a port, or a service group. `to` may be a host then. */
  service: z.string().min(1).max(128).optional(),
});
export type ExplainRequest = z.infer<typeof ExplainRequest>;

/** A tag and the thing that it was put on: `host/cp-1`; by whom. */
export const TagOrigin = z.strictObject({
  tag: Tag,
  object: z.string(),
  kind: z.enum(['observed', 'declared', 'imported', 'implicit']),
});
export type TagOrigin = z.infer<typeof TagOrigin>;

/** One rule on the way, in the order of judgement. */
export const ExplainStep = z.strictObject({
  rule: z.string(),
  tier: Tier,
  /** What it says where it stands now: a shield that inspects makes `pass` into `steer`. */
  verdict: Verdict,
  decides: z.boolean(),
  /** Why it decides, or why it was passed over. */
  why: z.string(),
  /** Of people's rules: where they are written, whose they are and what for. */
  set: z.string().optional(),
  policy: z.string().optional(),
  place: z.string().optional(),
  owner: z.string().optional(),
  reason: z.string().optional(),
});
export type ExplainStep = z.infer<typeof ExplainStep>;

export const Explanation = z.strictObject({
  from: z.strictObject({ address: Address, name: z.string(), tags: z.array(TagOrigin) }),
  /** How many more of the callers that were asked about meet the same rule, as ranges. */
  alike: z.array(z.string()),
  verdict: Verdict,
  rule: z.string(),
  steps: z.array(ExplainStep),
});
export type Explanation = z.infer<typeof Explanation>;

export const ExplainAnswer = z.strictObject({
  server: Name,
  endpoints: z.array(Endpoint),
  tags: z.array(TagOrigin),
  /** Generation of the policy in force, and of the plan of the server's agent, which this is read from. */
  policy: z.int(),
  plan: z.int(),
  /** Those that have a stage there, and those in shadow that ride along where callers are steered for another. */
  shields: z.array(
    z.strictObject({
      shield: z.string(),
      stage: Stage,
      since: Timestamp,
      why: z.string(),
      mode: ShieldMode,
      cover: Cover,
      /** Exemptions from it that hold there. Whom they fit their own terms say: `portcullis exempt list`. */
      exemptions: z.array(z.strictObject({ id: Name, owner: z.string(), expires: Timestamp })),
    }),
  ),
  /** One for each rule that decides about some of the callers. */
  callers: z.array(Explanation),
  /** More rules decide about them than are told. */
  more: z.int().min(0),
});
export type ExplainAnswer = z.infer<typeof ExplainAnswer>;
