// Plans: compiled, numbered instructions for one agent or one gate, and the receipts they send back.
import { z } from 'zod';
import { Address, CidrText, DnsName, Endpoint, Name, Port, Stage, Timestamp } from './common.ts';
import { GateExemption } from './exemption.ts';
import { ServerIdentity } from './identity.ts';
import { LimitSettings } from './limits.ts';
import { ParameterName, ParameterValues } from './mode.ts';
import { Tier, Verdict } from './policy.ts';
import { OnBody, ShieldRule } from './shield.ts';
import { Tag } from './tag.ts';

/** One compiled rule: callers by address. First match wins within a service. */
export const PlanRule = z.strictObject({
  /** Stable across compiles: `shield/CVE-…/deny`, `policy/<rule id>`, `portcullis/control-plane`. */
  id: z.string(),
  tier: Tier,
  /** Prefixes of the callers. Empty matches nobody; `0.0.0.0/0` and `::/0` together match everybody. */
  from: z.array(CidrText),
  /** The tag expression that `from` was made from, for people. */
  because: z.string(),
  verdict: Verdict,
  log: z.boolean(),
  /** Record one of so many sessions; every one when left out. */
  sample: z.int().min(2).optional(),
});
export type PlanRule = z.infer<typeof PlanRule>;

/** One protected service: every (address, port) by which callers reach it, and its ordered rules. */
export const ProtectedService = z.strictObject({
  /** Safe as part of an nftables name: `[a-z0-9_]+`. */
  id: z.string().regex(/^[a-z0-9_]{1,48}$/),
  server: Name,
  stage: Stage,
  endpoints: z.array(Endpoint).min(1),
  /** Where `steer` sends: a gate listening on this port of the same host, or at `gateAddresses`. */
  gatePort: Port.optional(),
  /** For a service of another host, whose traffic this host forwards: where its gate is, an address for each family. */
  gateAddresses: z.array(Address).optional(),
  /** While the gate of this host does not answer, what would be steered to it passes uninspected. Left out: is refused. */
  gateDown: z.literal('open').optional(),
  rules: z.array(PlanRule),
  /** Verdict when no rule matches. */
  default: Verdict,
});
export type ProtectedService = z.infer<typeof ProtectedService>;

/** What is known of an address, for records: longest prefix wins. */
export const AddressTags = z.strictObject({ address: CidrText, name: z.string(), tags: z.array(Tag) });
export type AddressTags = z.infer<typeof AddressTags>;

/** A path that no plan may close: checked by the compiler, and again by the agent before it applies. */
export const KeepOpen = z.strictObject({ name: z.string(), from: z.array(CidrText), to: Endpoint });
export type KeepOpen = z.infer<typeof KeepOpen>;

export const AgentPlan = z.strictObject({
  kind: z.literal('agent'),
  /** Rises by one with every plan of this target. */
  generation: z.int().min(1),
  /** The agent it is for. */
  target: Name,
  issuedAt: Timestamp,
  services: z.array(ProtectedService),
  keepOpen: z.array(KeepOpen),
  addressTags: z.array(AddressTags).readonly(),
  /** Refuse what comes from elsewhere for 127.0.0.0/8 and ::1, where programs listen that trust their callers. */
  guardLoopback: z.boolean().optional(),
  /**
   * There while a commit waits to be confirmed: the agent falls back to `otherwise`, what the policy before it comes to
   * now, unless a later plan has come `before` that time. Counted from `issuedAt`, so that clocks needn't agree.
   */
  confirm: z
    .strictObject({
      before: Timestamp,
      otherwise: z.strictObject({ services: z.array(ProtectedService), keepOpen: z.array(KeepOpen) }),
    })
    .optional(),
});
export type AgentPlan = z.infer<typeof AgentPlan>;

/** A shield as a gate has it: its rules without the tests. */
export const GateShield = z.strictObject({
  id: z.string(),
  /** Judged and recorded, nothing done. Left out: enforced. */
  mode: z.literal('shadow').optional(),
  rules: z.array(ShieldRule),
  /** Values of what rules call `parameters.NAME`. */
  parameters: z.record(ParameterName, ParameterValues).optional(),
  /** Parameters that only a site can set and this one did not: rules that name one are left out. */
  unset: z.array(ParameterName).optional(),
  exemptions: z.array(GateExemption).optional(),
  /** Lower-case names of request fields that are taken out. */
  stripHeaders: z.array(z.string()).optional(),
  onBody: OnBody.optional(),
});
export type GateShield = z.infer<typeof GateShield>;

export const GateListener = z.strictObject({
  server: Name,
  stage: Stage,
  listen: z.strictObject({ address: Address, port: Port }),
  /** The API server as the gate reaches it; the name is verified in its certificate. */
  upstream: z.strictObject({ address: Address, port: Port, serverName: z.string() }),
  shields: z.array(GateShield),
  serverTags: z.array(Tag),
  limits: LimitSettings.optional(),
  /**
   * What becomes of connections that an earlier generation judged. Left out, or as it was: those between exchanges end,
   * the others when they are answered, watches and tunnels go on. Where it has risen, all are cut. A number and no mark
   * on one generation, for a gate may miss generations.
   */
  cut: z.int().min(1).optional(),
  /**
   * Where several servers share the port: what callers name this one by (TLS server name), and who may come to it at
   * all, since a caller chooses the name but the host's table judged the address.
   */
  shared: z.strictObject({ names: z.array(DnsName).min(1), callers: z.array(CidrText) }).optional(),
  /** Names and addresses by which callers reach the server, for a certificate that the gate issues. Left out: serverName. */
  names: z.array(z.string()).optional(),
  /** How callers' identity is carried. Left out: front-proxy, with kubeadm's names. */
  identity: ServerIdentity.optional(),
});
export type GateListener = z.infer<typeof GateListener>;

export const GatePlan = z.strictObject({
  kind: z.literal('gate'),
  generation: z.int().min(1),
  target: Name,
  issuedAt: Timestamp,
  listeners: z.array(GateListener),
  addressTags: z.array(AddressTags).readonly(),
});
export type GatePlan = z.infer<typeof GatePlan>;

export const Plan = z.discriminatedUnion('kind', [AgentPlan, GatePlan]);
export type Plan = z.infer<typeof Plan>;

/** What an agent or gate reports after applying a plan (or failing to: then the former plan stands). */
export const Receipt = z.strictObject({
  kind: z.enum(['agent', 'gate']),
  target: Name,
  generation: z.int().min(1),
  ok: z.boolean(),
  /** Why it was not applied: a code and a sentence. */
  error: z.string().optional(),
  /** From the plan's arrival to the last connection cut. */
  milliseconds: z.number().min(0),
  connectionsCut: z.int().min(0),
  /** Whose they were: callers with the rule that refuses them, the 100 with the most connections. */
  cut: z
    .array(
      z.strictObject({ from: Address, server: Name, rule: z.string().max(256), connections: z.int().min(1) }),
    )
    .max(100)
    .optional(),
  appliedAt: Timestamp,
});
export type Receipt = z.infer<typeof Receipt>;
