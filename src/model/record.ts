// Records: sessions that agents saw, incidents that gates raised.
import { z } from 'zod';
import { Address, CidrText, Name, Port, Severity, Stage, Timestamp } from './common.ts';
import { Verdict } from './policy.ts';
import { RuleAction } from './shield.ts';
import { Tag } from './tag.ts';

/** One end of a session: the address and what the inventory knows of it. */
export const Party = z.strictObject({ address: Address, name: z.string(), tags: z.array(Tag) });
export type Party = z.infer<typeof Party>;

/**
 * A session record. Accepted sessions come from conntrack events (one record at the end of the connection), denied
 * ones from the table's counters (one record per source, service and interval, `attempts` packets).
 */
export const SessionRecord = z.strictObject({
  /** The same however often it is sent; sorts by its end. Records of older agents have none. */
  id: z
    .string()
    .regex(/^[0-9a-z-]{8,64}$/)
    .optional(),
  agent: Name,
  server: Name,
  generation: z.int(),
  verdict: z.enum(['accepted', 'steered', 'denied']),
  rule: z.string(),
  /** What the rule says: of what was denied, whether it was reset (`deny`, `steer` past the gate) or dropped. */
  action: Verdict.optional(),
  /** Why the rule is about this caller; where no rule is, why it was refused or let in all the same. */
  reason: z.string().max(2_048).optional(),
  /** `prefix`: the prefix of the inventory that the name and tags are of. `port`: of one connection. */
  from: Party.extend({ prefix: CidrText.optional(), port: Port.optional() }),
  /** The tags are those of the address, where the agent knows any. */
  to: z.strictObject({ address: Address, port: Port, tags: z.array(Tag).optional() }),
  startedAt: Timestamp,
  endedAt: Timestamp,
  /** How a connection ended: closed by both, reset by one, or gone without either: cut, or timed out. */
  end: z.enum(['closed', 'reset', 'gone']).optional(),
  /** Denied: packets refused. Accepted and steered: 1. */
  attempts: z.int().min(0),
  /** It stands for so many like it: the rule asks for a sample. */
  sample: z.int().min(2).optional(),
  bytesOut: z.int().min(0),
  bytesIn: z.int().min(0),
  packetsOut: z.int().min(0),
  packetsIn: z.int().min(0),
});
export type SessionRecord = z.infer<typeof SessionRecord>;

/** Of an incident, or of a verdict on one request. */
export const RecordId = z.string().regex(/^[0-9a-z-]{8,64}$/);
export type RecordId = z.infer<typeof RecordId>;

/**
 * What a shield saw and did. Bounded well above what a gate writes: a hostile one must not fill the log with one record.
 * Never holds Authorization, cookies, tokens or header values beyond those named here.
 */
export const Incident = z.strictObject({
  /** Unique and sortable by time. */
  id: RecordId,
  /** The request's: what the caller's Status names and `portcullis why` explains. Several incidents may share it. */
  verdict: RecordId.optional(),
  at: Timestamp,
  gate: Name,
  server: Name,
  generation: z.int(),
  /** Where the listener stood, and what was known of the server. */
  stage: Stage.optional(),
  serverTags: z.array(Tag).max(1_024).optional(),
  /** `CVE-2018-1002105`, or `portcullis` for the gate's own refusals. */
  shield: z.string().max(128),
  rule: z.string().max(128),
  action: RuleAction,
  /** The shield is in shadow: nothing was done. */
  shadow: z.literal(true).optional(),
  /** The exemption by which nothing was done. */
  exemption: Name.optional(),
  /** What the rule asks for, where nothing was done. */
  would: RuleAction.optional(),
  /** It stands for so many like it, of the same caller and rule; the request is the first of them. */
  count: z.int().min(1).optional(),
  severity: Severity,
  message: z.string().max(2_048),
  who: z.strictObject({
    /** How the caller means to prove who they are. A bearer token is the server's to verify. */
    method: z.enum(['certificate', 'bearer', 'none']),
    user: z.string().max(4_096).optional(),
    /** As a bearer token says of itself; the server verifies it, or answers 401. */
    serviceAccount: z.string().max(600).optional(),
    groups: z.array(z.string().max(1_024)).max(1_024),
    from: Party,
    port: z.int().min(0).max(65535),
  }),
  what: z.strictObject({
    /** The request's Audit-ID: the server's audit log names it so too, where it was forwarded. A caller may choose it. */
    auditId: z.string().max(64).optional(),
    /** Method, path and the names (not values) of query parameters. */
    requestLine: z.string().max(8_192),
    headerNames: z.array(z.string().max(256)).max(256),
    /** Values of Connection and Upgrade as sent. */
    connection: z.string().max(1_024).optional(),
    upgrade: z.string().max(1_024).optional(),
    responseStatus: z.int().optional(),
    /** Up to 4 KiB that the caller tried to send on and that were never forwarded, base64, secrets blanked. */
    heldBytes: z.base64().max(8_192),
    heldLength: z.int().min(0),
  }),
});
export type Incident = z.infer<typeof Incident>;
