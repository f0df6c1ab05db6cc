// The wire between the CLI, agents, gates and the controller: HTTPS with mutual TLS, JSON bodies.
// Roles are in the client certificate: O=portcullis:agent | gate | admin | viewer, CN=the name. `(people)`: admins and viewers.
import { z } from 'zod';
import { Advisory, AdvisoryChange, AdvisoryId, Component, Exposure } from './advisory.ts';
import { BundleSource, UsedBundle } from './bundle.ts';
import { Address, Endpoint, Name, Severity, Stage, Timestamp } from './common.ts';
import { Cover } from './cover.ts';
import { Entry } from './entry.ts';
import { Exemption } from './exemption.ts';
import { ExplainAnswer } from './explain.ts';
import { Inventory } from './inventory.ts';
import { ShieldMode } from './mode.ts';
import { PartSource } from './part.ts';
import { Policy } from './policy.ts';
import { Incident, SessionRecord } from './record.ts';
import { RuleAction, ShieldRule } from './shield.ts';
import { DeclaredTag, Tag } from './tag.ts';

/** People are admins, who may do everything, or viewers, who read and change nothing. */
export const Role = z.enum(['agent', 'gate', 'admin', 'viewer']);
export type Role = z.infer<typeof Role>;
export type WorkerRole = Extract<Role, 'agent' | 'gate'>;

/** POST /v1/enrol — no client certificate; the one-time token is the proof. Answer: EnrolAnswer. */
export const EnrolRequest = z.strictObject({
  token: z.string(),
  role: Role,
  name: Name,
  /** PKCS #10, PEM. Its key never leaves the host; its subject is ignored. */
  csr: z.string(),
});
export type EnrolRequest = z.infer<typeof EnrolRequest>;
export const EnrolAnswer = z.strictObject({ certificate: z.string(), ca: z.string() });
export type EnrolAnswer = z.infer<typeof EnrolAnswer>;

/** POST /v1/renew (agent, gate): as `EnrolRequest`, of who calls and of nobody else. Answer: RenewAnswer. */
export const RenewRequest = z.strictObject({ role: Role, name: Name, csr: z.string() });
export type RenewRequest = z.infer<typeof RenewRequest>;
export const RenewAnswer = z.strictObject({ certificate: z.string() });

/** POST /v1/tokens (admin). The answer's token holds the controller's CA pin: `<id>.<secret>.<sha256 of CA, hex>`. */
export const TokenRequest = z.strictObject({
  role: Role,
  name: Name,
  ttlSeconds: z.int().min(1).max(86400).default(3600),
});
export type TokenRequest = z.infer<typeof TokenRequest>;
export const TokenAnswer = z.strictObject({ token: z.string(), expiresAt: Timestamp });
export type TokenAnswer = z.infer<typeof TokenAnswer>;

/**
 * GET /v1/plan?after=N&wait=SECONDS&have=DIGEST (agent, gate) — answers 200 with a Plan whose generation is above N as soon
 * as there is one, or 204 after `wait` (at most 60). To who says the digest of the plan that it has: a PlanChange, when the
 * controller remembers that plan.
 * POST /v1/receipts (agent, gate) — Receipt. 204.
 * POST /v1/health (agent, gate) — HealthReport. 204.
 * POST /v1/incidents (gate) — IncidentBatch. 204.  POST /v1/sessions (agent) — SessionBatch. 204.
 */
export const HealthReport = z.strictObject({
  kind: z.enum(['agent', 'gate']),
  name: Name,
  /** Generation in force; 0 before the first. */
  generation: z.int().min(0),
  ok: z.boolean(),
  detail: z.string(),
  /** Gate: ports that accept connections and reach their server. */
  listening: z.array(z.int()).default([]),
  counters: z.record(z.string(), z.number()).default({}),
  /** Agent: what somebody else had changed in the kernel, and was put right since the last report. It is logged. */
  repaired: z.string().max(1_024).optional(),
});
export type HealthReport = z.infer<typeof HealthReport>;
export const IncidentBatch = z.strictObject({ incidents: z.array(Incident).max(1000) });
export type IncidentBatch = z.infer<typeof IncidentBatch>;
/** POST /v1/open (agent): connections that are open now, by source and server; takes the place of the last report. 204. */
export const OpenSession = z.strictObject({
  server: Name,
  address: Address,
  sessions: z.int().min(1),
  /** The agent's host only forwards them; where they end they may be told of as well. */
  forwarded: z.literal(true).optional(),
});
export type OpenSession = z.infer<typeof OpenSession>;
export const OpenReport = z.strictObject({ agent: Name, open: z.array(OpenSession).max(5000) });
export type OpenReport = z.infer<typeof OpenReport>;
export const SessionBatch = z.strictObject({ sessions: z.array(SessionRecord).max(5000) });
export type SessionBatch = z.infer<typeof SessionBatch>;

/** PUT /v1/inventory, PUT /v1/policy (admin): the whole document; refused whole, with `Problem`, when anything is wrong. */
export const InventoryBody = Inventory;
export const PolicyBody = Policy;

/**
 * POST /v1/tags (admin): declared tags of one thing, without a new inventory. `object` is a kind and a name (`host/node-1`);
 * `remove` names tags, or types of which all are removed. Answer: TagAnswer.
 */
export const TagRequest = z.strictObject({
  object: z.string().max(256),
  set: z.array(DeclaredTag).max(64).default([]),
  remove: z.array(z.string().max(320)).max(64).default([]),
});
export type TagRequest = z.input<typeof TagRequest>;
export const TagAnswer = z.strictObject({ tags: z.array(Tag), added: z.array(Tag), removed: z.array(Tag) });
export type TagAnswer = z.infer<typeof TagAnswer>;

/** POST /v1/stage (admin): by hand. `why` goes into the log. Answer: StageAnswer. */
export const StageRequest = z.strictObject({
  server: Name,
  shield: z.string(),
  stage: Stage,
  why: z.string().min(1),
  /** Connections that are open through the gate are cut, watches and tunnels too. */
  now: z.boolean().optional(),
});
export type StageRequest = z.infer<typeof StageRequest>;
export const StageAnswer = z.strictObject({
  server: Name,
  shield: z.string(),
  /** The stage before. */
  from: Stage,
  stage: Stage,
  /** What the shield does there at `inspect`, and who says so. */
  mode: ShieldMode,
  modeFrom: z.enum(['person', 'policy', 'tier']),
  /** What keeps it from doing what the stage promises, and what to do: a sentence each. */
  warnings: z.array(z.string()),
});
export type StageAnswer = z.infer<typeof StageAnswer>;

/** POST /v1/mode (admin): by hand. `default` goes back to what the policy or the tier says. Answer: ModeAnswer. */
export const ModeRequest = z.strictObject({
  server: Name,
  shield: z.string(),
  mode: z.union([ShieldMode, z.literal('default')]),
  why: z.string().min(1).max(2048),
  now: z.boolean().optional(),
});
export type ModeRequest = z.infer<typeof ModeRequest>;
export const ModeAnswer = z.strictObject({
  server: Name,
  shield: z.string(),
  from: ShieldMode,
  mode: ShieldMode,
  changed: z.boolean(),
  /** Where it stands now. */
  stage: Stage,
  /** Parameters that the site has not set: rules that need them are off. */
  unset: z.array(z.string()),
});
export type ModeAnswer = z.infer<typeof ModeAnswer>;

/** GET /v1/shadow?server=&shield=&days= (people): what it would have refused, were it enforced. Most found first. */
export const ShadowRow = z.strictObject({
  rule: z.string(),
  would: RuleAction,
  /** User, service account, `a bearer token` or `anonymous`. */
  who: z.string(),
  address: Address,
  name: z.string(),
  /** The newest request of which more than the number is known. */
  request: z.string(),
  last: Timestamp,
  count: z.int().min(1),
});
export type ShadowRow = z.infer<typeof ShadowRow>;
export const ShadowAnswer = z.strictObject({
  server: Name,
  shield: z.string(),
  since: Timestamp,
  /** Entries looked at; not all of that time where `complete` is false. */
  looked: z.int(),
  complete: z.boolean(),
  found: z.int(),
  callers: z.int(),
  rows: z.array(ShadowRow),
});
export type ShadowAnswer = z.infer<typeof ShadowAnswer>;

/** POST /v1/exemptions (admin). Answer: ExemptionAnswer. The same again changes nothing. */
export const ExemptionRequest = z.strictObject({
  exemption: Exemption,
  /** It may hold for more than 90 days. */
  long: z.boolean().optional(),
});
export type ExemptionRequest = z.infer<typeof ExemptionRequest>;
export const ExemptionAnswer = z.strictObject({ ...Exemption.shape, author: z.string(), addedAt: Timestamp });
export type ExemptionAnswer = z.infer<typeof ExemptionAnswer>;
/** GET /v1/exemptions (people): those in force, the first to expire first. */
export const ExemptionsAnswer = z.strictObject({ exemptions: z.array(ExemptionAnswer) });
/** POST /v1/exemptions/remove (admin). */
export const ExemptionRemoval = z.strictObject({ id: Name, why: z.string().min(1).max(2048) });
export type ExemptionRemoval = z.infer<typeof ExemptionRemoval>;

/** POST /v1/probe (admin) {server?}: probe now. Answer: Status. */
export const ProbeRequest = z.strictObject({ server: Name.optional() });
export type ProbeRequest = z.infer<typeof ProbeRequest>;

/** Of one shield at one server or part that has the flaw, or where it has a stage. */
export const StandingStatus = z.strictObject({
  shield: z.string(),
  tier: z.int().min(1).max(4),
  severity: Severity,
  /** It has the flaw, or may have it. Without it only the stage is left to tell of. */
  exposed: z.boolean(),
  stage: Stage,
  since: Timestamp,
  why: z.string(),
  /** What it does there, and who says so. */
  mode: ShieldMode,
  modeFrom: z.enum(['person', 'policy', 'tier']),
  cover: Cover,
  /** What keeps it from doing what its stage says, or from the next stage, a clause each; `why` holds them too. */
  troubles: z.array(z.string()),
  /** In shadow at stage observe: its rules are judged on what goes through the gate for another reason. */
  rides: z.boolean(),
  /** Parameters that the site has not set: rules that need them are off. */
  unset: z.array(z.string()),
  /** Ids of exemptions from it that hold for the server. */
  exemptions: z.array(Name),
  /** Seconds spent in each stage so far, the exposure window. */
  seconds: z.record(z.string(), z.number()),
});
export type StandingStatus = z.infer<typeof StandingStatus>;

/** GET /v1/status (people). */
export const ServerStatus = z.strictObject({
  name: Name,
  cluster: Name,
  host: Name,
  endpoint: Endpoint,
  /** gitVersion as read; undefined before the first probe. */
  version: z.string().optional(),
  probedAt: Timestamp.optional(),
  probeError: z.string().optional(),
  /** Why nothing of it can be inspected, in words; left out where a gate can. */
  inspectionGap: z.string().optional(),
  /** Ways to it that no agent judges, a clause each. */
  uncovered: z.array(z.string()).default([]),
  tags: z.array(Tag),
  exposures: z.array(Exposure),
  stages: z.array(StandingStatus),
});
export type ServerStatus = z.infer<typeof ServerStatus>;
/** Another part of a cluster, of which a version is known or where a shield has a stage. */
export const PartStatus = z.strictObject({
  /** `kubelet/node-1`. */
  name: Name,
  component: Component,
  cluster: Name,
  host: Name.optional(),
  version: z.string().optional(),
  source: PartSource.optional(),
  /** Flaws that it has or may have and no shield is for. */
  unshielded: z.array(AdvisoryId),
  /** Stages of shields before API servers count too, where they look at requests for the part's flaw. */
  stages: z.array(StandingStatus.omit({ rides: true, exemptions: true, seconds: true })),
});
export type PartStatus = z.infer<typeof PartStatus>;
export const WorkerStatus = z.strictObject({
  kind: z.enum(['agent', 'gate']),
  name: Name,
  ok: z.boolean(),
  detail: z.string(),
  seenAt: Timestamp.optional(),
  /** Generation wanted and generation in force. */
  wanted: z.int().min(0),
  applied: z.int().min(0),
  counters: z.record(z.string(), z.number()),
  /** When its identity ends; left out where it has none. */
  identityEnds: Timestamp.optional(),
});
export type WorkerStatus = z.infer<typeof WorkerStatus>;
/** What ends soon or has ended: an identity of a worker or of who asks, or the controller's authority, and what to do. */
export const EndingIdentity = z.strictObject({
  role: z.enum([...Role.options, 'authority']),
  name: z.string(),
  ends: Timestamp,
  ended: z.boolean(),
  todo: z.string(),
});
export type EndingIdentity = z.infer<typeof EndingIdentity>;
/** A DNS name of the inventory. */
export const NameStatus = z.strictObject({
  name: z.string(),
  addresses: z.array(z.string()),
  /** When DNS last gave an answer. */
  answeredAt: Timestamp.optional(),
  /** Why the last look-up failed: the addresses are those of the last answer. */
  error: z.string().optional(),
});
export type NameStatus = z.infer<typeof NameStatus>;
export const Status = z.strictObject({
  at: Timestamp,
  servers: z.array(ServerStatus),
  parts: z.array(PartStatus).default([]),
  workers: z.array(WorkerStatus),
  names: z.array(NameStatus).default([]),
  /** The first to end first. */
  ending: z.array(EndingIdentity).default([]),
  authorityEnds: Timestamp.optional(),
  /** The generation in force (0: none was written), and until when it must be confirmed. */
  policy: z.strictObject({ generation: z.int(), confirmBy: Timestamp.optional() }).default({ generation: 0 }),
  /** Bundles in force, those that are void, and what is looked at for new ones. */
  bundles: z.array(UsedBundle.omit({ changes: true, shields: true })).default([]),
  bundleSource: BundleSource.optional(),
  /** Versions of kubectl that gates saw since they started, by what it says itself, and the flaws that each has. */
  kubectl: z
    .array(z.strictObject({ version: z.string(), connections: z.int(), advisories: z.array(AdvisoryId) }))
    .default([]),
  /** The last verification of each cluster that was verified. */
  verifications: z
    .array(z.strictObject({ cluster: Name, id: z.string(), at: Timestamp, failed: z.int().min(0) }))
    .default([]),
  log: z.strictObject({ entries: z.int(), head: z.string() }),
  incidents: z.int(),
  sessions: z.strictObject({ accepted: z.int(), steered: z.int(), denied: z.int() }),
});
export type Status = z.infer<typeof Status>;

/** GET /v1/exposure (people): every flaw that a server or another part of a cluster has or may have, gravest first. */
export const ExposedServer = z.strictObject({
  /** The server, or the part: `kubelet/node-1`. */
  server: Name,
  component: Component,
  cluster: Name,
  /** The host that the part runs on. */
  host: Name.optional(),
  /** Where the version of a part comes from. */
  source: PartSource.optional(),
  version: z.string(),
  summary: z.string(),
  severity: Severity,
  cvss: z.number().optional(),
  ...Exposure.shape,
  /** Since when it is known; left out when the log has no word of it. */
  since: Timestamp.optional(),
  /** Left out where no shield is for the flaw. */
  stage: Stage.optional(),
  /** What the shield does there. */
  mode: ShieldMode.optional(),
  tier: z.int().min(1).max(4).optional(),
  cover: Cover,
  /** Parameters that the site has not set: rules of the shield that need them are off. */
  unset: z.array(z.string()).optional(),
  /** Where `cover` is `waits`: the stage that would put it in force, and where. */
  next: z.strictObject({ at: Name, stage: Stage }).optional(),
  /** No release is without the flaw: there is nothing to upgrade to. */
  unfixed: z.literal(true).optional(),
  /** The stage does nothing: the host has no agent, nobody knows where to, or no gate can inspect and callers pass. */
  unenforced: z.literal(true).optional(),
  /** What stays open though the shield stands as it does. */
  gap: z.string(),
});
export type ExposedServer = z.infer<typeof ExposedServer>;
export const ExposureAnswer = z.strictObject({
  exposures: z.array(ExposedServer),
  /** Servers, and kubelets beside those that are known, whose version was never read: nothing is known of them. */
  unread: z.array(Name),
});
export type ExposureAnswer = z.infer<typeof ExposureAnswer>;

/** GET /v1/events?after=SEQ&wait=SECONDS&limit=N (people): entries with seq above SEQ, waiting for the first. */
export const EventsAnswer = z.strictObject({ entries: z.array(Entry) });
export type EventsAnswer = z.infer<typeof EventsAnswer>;
/** GET /v1/sessions?limit=N&verdict=… (people): newest first. */
export const SessionsAnswer = z.strictObject({ sessions: z.array(SessionRecord) });

/** Connections accepted and steered, packets denied, and bytes from callers and to them. */
const SessionSums = z.strictObject({
  accepted: z.int(),
  steered: z.int(),
  denied: z.int(),
  bytesOut: z.number(),
  bytesIn: z.number(),
});
export const SessionTop = SessionSums.extend({ key: z.string(), last: Timestamp });
export type SessionTop = z.infer<typeof SessionTop>;
export const SessionStep = SessionSums.extend({ at: Timestamp });
export type SessionStep = z.infer<typeof SessionStep>;
export const SessionPair = SessionSums.extend({ from: z.string(), to: z.string(), last: Timestamp });
export type SessionPair = z.infer<typeof SessionPair>;
/**
 * GET /v1/sessions/top?by=source|name|server|rule|agent&limit=N, /v1/sessions/series?step=SECONDS,
 * /v1/sessions/pairs?type=TAGTYPE&limit=N (people), each with `since` (RFC 3339), `server` and `verdict` to choose records.
 */
export const SessionTopAnswer = z.strictObject({ top: z.array(SessionTop) });
export const SessionSeriesAnswer = z.strictObject({ series: z.array(SessionStep) });
export const SessionPairsAnswer = z.strictObject({ pairs: z.array(SessionPair) });
export type SessionsAnswer = z.infer<typeof SessionsAnswer>;
/** Of a verdict, of an incident, or an Audit-ID. */
export const WhyId = z.string().regex(/^[0-9A-Za-z._-]{1,64}$/);
/**
 * GET /v1/why?id=ID (people): what is known of one verdict (the id in a refusal's message), of one incident, or of an
 * Audit-ID, which a caller may have chosen; or of one recorded session. 404 `unknown-id`. `kind` is what the id belongs to.
 */
const WhyRequest = z.strictObject({
  id: WhyId,
  kind: z.literal('request'),
  /** Everything that was found about the request, oldest first. */
  findings: z
    .array(
      z.strictObject({
        /** The entry of the log. */
        seq: z.int().min(1),
        incident: Incident,
        /** The shield as it is loaded now, where the finding was not the gate's own. */
        shield: z
          .strictObject({ title: z.string(), rule: ShieldRule.optional(), references: z.array(z.string()) })
          .optional(),
        /** Where that shield stands for the server now, since when and why. */
        now: z
          .strictObject({ stage: Stage, since: Timestamp, by: z.enum(['policy', 'person']), why: z.string() })
          .optional(),
        /** What that shield does there now. */
        mode: ShieldMode.optional(),
        /** The exemption that it names, where it is in force still. */
        exemption: ExemptionAnswer.optional(),
      }),
    )
    .min(1),
});
/** A session: as it was recorded, and what its caller would meet now. */
const WhySession = z.strictObject({
  id: WhyId,
  kind: z.literal('session'),
  session: SessionRecord,
  now: ExplainAnswer.optional(),
});
export const WhyAnswer = z.discriminatedUnion('kind', [WhyRequest, WhySession]);
export type WhyAnswer = z.infer<typeof WhyAnswer>;

/**
 * POST /v1/advisories (admin): publishes one record (OSV, CVE Program format 5, feed item, stackrox YAML); it takes the place
 * of one with the same id, but the official feed never that of another source. Answer: AdvisoryAnswer, with the advisory that is
 * in force now. `place` is where the record was found, for messages and provenance.
 */
export const AdvisoryRequest = z.strictObject({ place: z.string().max(4096), record: z.string() });
export type AdvisoryRequest = z.infer<typeof AdvisoryRequest>;
export const AdvisoryAnswer = z.strictObject({ advisory: Advisory, ...AdvisoryChange.shape });
export type AdvisoryAnswer = z.infer<typeof AdvisoryAnswer>;

/** GET /v1/advisories (people): what the controller knows. */
export const AdvisoriesAnswer = z.strictObject({
  advisories: z.array(Advisory),
  /** Ids of those that a shield is for. */
  shielded: z.array(AdvisoryId).default([]),
});
export type AdvisoriesAnswer = z.infer<typeof AdvisoriesAnswer>;
/**
 * GET /v1/inventory, GET /v1/policy (people): the documents in force; 404 `no-inventory` before the first inventory.
 * GET /v1/healthz (anyone): 200.
 */

/** GET /v1/tags?object=NAME (people): of everything, or of what is named, every tag it has in the end. */
export const TaggedObject = z.strictObject({
  /** `server/prod/cp-1`, `host/node-1`, `address/10.0.0.7`. */
  object: z.string(),
  tags: z.array(
    z.strictObject({
      tag: Tag,
      /** Observed by Portcullis, declared by people, found by an import, or given by a name in the inventory. */
      kind: z.enum(['observed', 'declared', 'imported', 'implicit']),
      /** The thing that the tag stands on. */
      from: z.string(),
      inherited: z.boolean(),
      /** The import. */
      source: z.string().optional(),
      /** Since when that thing has it; not known for what an older version logged. */
      since: Timestamp.optional(),
    }),
  ),
});
export type TaggedObject = z.infer<typeof TaggedObject>;
export const TagsAnswer = z.strictObject({
  objects: z.array(TaggedObject),
  /** How many there are, of which the answer may be the first. */
  total: z.int(),
});
export type TagsAnswer = z.infer<typeof TagsAnswer>;

/** Every refusal of the controller's API: a documented code and a sentence. */
export const Problem = z.strictObject({
  code: z.string(),
  message: z.string(),
  place: z.string().optional(),
  hint: z.string().optional(),
  /** Two lines: what was read, and a caret under the character at fault. */
  pointer: z.string().max(1000).optional(),
});
export type Problem = z.infer<typeof Problem>;
