// Shields: virtual patches as data, one YAML file per advisory.
import { z } from 'zod';
import { AdvisoryId, Component } from './advisory.ts';
import { Port, Severity } from './common.ts';
import { ParameterName, ParameterValues } from './mode.ts';
import { Tag } from './tag.ts';

/**
 * What a rule does when it fires. `log` records only; `deny` answers a request with a Kubernetes Status (or, on the
 * response side, replaces the answer where nothing of it was sent yet); the close actions end connections.
 */
export const RuleAction = z.enum([
  'allow',
  'log',
  'deny',
  'close-client',
  'close-server',
  'close-client-and-server',
]);
export type RuleAction = z.infer<typeof RuleAction>;

/**
 * When a rule is judged.
 * `request`: a request head is complete, nothing forwarded yet. `body`: a request's body is complete and decoded, nothing
 * of the request forwarded yet; requests without a body have none to judge. `response`: a final response head is complete, nothing
 * of it forwarded yet. `upgrade`: the upgrade machine saw something (attribute `upgrade.event`).
 */
export const RulePhase = z.enum(['request', 'body', 'response', 'upgrade']);
export type RulePhase = z.infer<typeof RulePhase>;

/** `10s`, `5m`: from a second to an hour. */
const RateWindow = z
  .string()
  .regex(/^[1-9][0-9]{0,3}[smh]$/)
  .refine((text) => rateMilliseconds(text) <= 3_600_000, 'longer than an hour');

/** Milliseconds of a text like `10s`. */
export function rateMilliseconds(text: string): number {
  const unit = text.endsWith('h') ? 3_600_000 : text.endsWith('m') ? 60_000 : 1_000;
  return Number.parseInt(text, 10) * unit;
}

/**
 * Makes a rule fire only when its predicate has held more than `over` times `within` for the same caller
 * (docs/decisions/0010-rates.md).
 */
const ShieldRate = z.strictObject({
  over: z.int().min(1).max(1_000_000),
  within: RateWindow,
  /**
   * Hits with all of these in common are counted together. `user`: of the client certificate, or the source where there is
   * none. `source`: an IPv4 address or the /64 of an IPv6 address. `connection`: this one alone.
   */
  by: z
    .array(z.enum(['user', 'source', 'connection']))
    .min(1)
    .max(3),
});
export type ShieldRate = z.infer<typeof ShieldRate>;

/**
 * What becomes of a request that rules over bodies would judge, and can't. `refuse`, which is what is done where nothing
 * is said: 415 and 413. `pass`: it goes on uninspected, and is recorded.
 */
export const OnBody = z.strictObject({
  /** The body is written in a way that the gate does not read, or that can be read in two. */
  undecodable: z.enum(['refuse', 'pass']).optional(),
  /** It is longer than the limit `bodyBytes`. */
  overBudget: z.enum(['refuse', 'pass']).optional(),
});
export type OnBody = z.infer<typeof OnBody>;

export const ShieldRule = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9-]{1,62}$/),
  phase: RulePhase,
  /** CEL over the attributes of docs/reference/attributes.md; must be a boolean. */
  when: z.string(),
  rate: ShieldRate.optional(),
  action: RuleAction,
  severity: Severity,
  /** HTTP status of a `deny`; 403 when left out. */
  status: z.int().min(400).max(599).optional(),
  /**
   * What becomes of a request on which the rule can't be evaluated. Left out: `closed`, both connections are cut. `open`: it
   * goes on, and is recorded like any other finding.
   */
  onError: z.enum(['closed', 'open']).optional(),
  /** What kubectl prints: a sentence for the person who is refused. */
  message: z.string(),
});
export type ShieldRule = z.infer<typeof ShieldRule>;

/** Ways to write an object, for one request. */
export const BodyTwin = z.enum(['json', 'yaml', 'protobuf', 'cbor']);
export type BodyTwin = z.infer<typeof BodyTwin>;

/**
 * A request in few words, which is sent in every way there is: its object as JSON, YAML, protobuf and CBOR where the API
 * server reads that, its body by length and in chunks, whole and byte by byte, over HTTP/1.1 and HTTP/2.
 */
export const RequestStep = z.strictObject({
  request: z.strictObject({
    /** Left out: POST with an object, PATCH with a patch, GET without either. */
    method: z
      .string()
      .regex(/^[A-Z]+$/)
      .optional(),
    /** With the query, as it stands on the wire. */
    path: z.string().regex(/^\/[\x21-\x7e]*$/),
    /** Values by field name; several values make several lines. */
    headers: z.record(z.string(), z.union([z.string(), z.array(z.string())])).optional(),
    /** Left out: as the object is written. With it an object is written as JSON, or as YAML where it says so, and only so. */
    contentType: z.string().optional(),
    /** The body, as an object; of a JSON patch a list. */
    object: z.union([z.record(z.string(), z.json()), z.array(z.json())]).optional(),
    /** The object is a patch of that type. */
    patch: z.enum(['json', 'merge', 'strategic', 'apply']).optional(),
    /** The body as text, exactly; needs a contentType. */
    body: z.string().optional(),
    /** The body as bytes, in base64; needs a contentType. */
    base64: z.base64().optional(),
    /** Ways in which the object is written; left out: all that the API server reads for it. */
    twins: z.array(BodyTwin).min(1).optional(),
    /** `false`: the request is one that HTTP/2 has no form for. */
    http2: z.literal(false).optional(),
  }),
  /** What the server answers if the request reaches it; left out: 200. */
  answer: z
    .union([
      z.int().min(200).max(599),
      z.strictObject({
        status: z.int().min(200).max(599),
        headers: z.record(z.string(), z.string()).optional(),
        body: z.string().optional(),
      }),
    ])
    .optional(),
});
export type RequestStep = z.infer<typeof RequestStep>;

const FrameCount = z.int().min(1).max(5_000);

/** Many frames of the caller's at once. With one of these the whole test goes over HTTP/2, and only so. */
export const Http2Step = z.strictObject({
  http2: z.union([
    /** Watches begin. `reset: each`: the caller resets each at once; `by-server`: the server does, if they reach it. */
    z.strictObject({ open: FrameCount, reset: z.enum(['each', 'by-server']).optional() }),
    /** The caller resets all that are open. */
    z.strictObject({ reset: z.literal('all') }),
    z.strictObject({ ping: FrameCount }),
    z.strictObject({ settings: FrameCount }),
    /** A window is opened by so many bytes. */
    z.strictObject({ window: z.int().min(0).max(0x7fff_ffff) }),
    /** A request whose body is that many empty frames of data. */
    z.strictObject({ empty: FrameCount }),
    /** A request whose header block goes on for so many frames, each with a field of so many bytes, and ends or not. */
    z.strictObject({ continuation: FrameCount, bytes: z.int().min(0).max(16_000), ends: z.boolean() }),
  ]),
});
export type Http2Step = z.infer<typeof Http2Step>;

/** A step of a test exchange: a request, bytes from one side, an end, or time that passes. */
const PlainStep = z.union([
  RequestStep,
  Http2Step,
  /**
   * Bytes of the caller, in pieces of `split` bytes. Line ends in the text become CRLF; a trailing line end is kept only
   * as written. Escapes: `\n` and `\r` alone, `\t`, `\\`, `\xHH`.
   */
  z.strictObject({ client: z.string(), split: z.int().min(1).optional() }),
  /** Bytes of the server. */
  z.strictObject({ server: z.string(), split: z.int().min(1).optional() }),
  /** One side ends its stream. */
  z.strictObject({ end: z.enum(['client', 'server']) }),
  /** Time passes, for rules with a rate and the gate's own budgets. */
  z.strictObject({ wait: RateWindow }),
  /** The same caller comes with a new connection. The old one ends. */
  z.strictObject({ reconnect: z.literal(true) }),
]);
export type PlainStep = z.infer<typeof PlainStep>;

export const ExchangeStep = z.union([
  PlainStep,
  /** These steps, so many times. */
  z.strictObject({ repeat: z.int().min(2).max(10_000), steps: z.array(PlainStep).min(1).max(20) }),
]);
export type ExchangeStep = z.infer<typeof ExchangeStep>;

/** Values that a site may need to change. In a rule, `parameters.NAME` is the list. */
const ShieldParameter = z.strictObject({
  meaning: z.string(),
  /** What the tests are run with, and what counts where a site says nothing else. */
  default: ParameterValues,
  /** Only a site knows the values: until it sets them, rules that name the parameter are off, and the default is for tests. */
  site: z.literal(true).optional(),
});

/** Request fields that no rule is needed for: nothing of the server's depends on them but the flaw. */
const StrippableHeader = z.enum(['user-agent']);

export const ShieldTest = z.strictObject({
  name: z.string(),
  kind: z.enum(['attack', 'innocent']),
  /**
   * Who the caller is; left out: anonymous, no client certificate. A service account, `NAMESPACE:NAME`, brings its token
   * with each `request` step.
   */
  as: z
    .union([
      z.strictObject({ user: z.string(), groups: z.array(z.string()).default([]) }),
      z.strictObject({ serviceAccount: z.string().regex(/^[a-z0-9-]+:[a-z0-9.-]+$/) }),
    ])
    .optional(),
  /** Tags of the caller's address; left out: none. */
  sourceTags: z.array(z.string()).optional(),
  steps: z.array(ExchangeStep).min(1),
  /** The whole exchange so many times, each on a new connection of the same caller. */
  repeat: z.int().min(2).max(10_000).optional(),
  expect: z.strictObject({
    /** Ids of the rules that must fire, all of them, in order, the gate's own included; an innocent exchange names only rules whose action is `allow` or `log`. */
    rules: z.array(z.string()).default([]),
    /** Texts that must never reach the server. */
    neverToServer: z.array(z.string()).default([]),
    /** Texts that must reach the server. */
    toServer: z.array(z.string()).default([]),
    /** Texts that must reach the caller. */
    toClient: z.array(z.string()).default([]),
    /** Texts of the server's that must never reach the caller. */
    neverToClient: z.array(z.string()).default([]),
    /**
     * How the connection must stand at the end: over HTTP/1.1, or over HTTP/2 in a test of frames. Left out where all steps are requests: closed if one was
     * refused, else open.
     */
    connection: z.enum(['open', 'closed', 'tunnel']).optional(),
  }),
});
export type ShieldTest = z.infer<typeof ShieldTest>;

/**
 * What hosts and pods of a cluster serve beside its API servers. `kubelet` 10250, `kubelet-read-only` 10255, `kubelet-health`
 * 10248, `etcd` 2379 and 2380, `components` 10248, 10249, 10257 and 10259; `webhook` where the cluster says that admission
 * webhooks listen; `loopback` whatever listens on 127.0.0.0/8, for others than the host itself.
 */
export const HostServiceName = z.enum([
  'kubelet',
  'kubelet-read-only',
  'kubelet-health',
  'etcd',
  'components',
  'webhook',
  'loopback',
]);
export type HostServiceName = z.infer<typeof HostServiceName>;

/** A caller of a service that the first response closes, and what becomes of its connection. */
export const ReachTest = z.strictObject({
  name: z.string(),
  kind: z.enum(['attack', 'innocent']),
  caller: z.strictObject({
    /** `member`: a control-plane host without an API server. `same-host`: a process of the host that is called. */
    at: z.enum(['api-server', 'member', 'node', 'pod', 'elsewhere', 'same-host']),
    tags: z.array(Tag).default([]),
  }),
  to: HostServiceName,
  port: Port,
  /** Callers whom a rule of people's lets pass to this service: a tag expression. */
  named: z.string().optional(),
  expect: z.enum(['pass', 'deny', 'drop']),
});
export type ReachTest = z.infer<typeof ReachTest>;

export const Shield = z.strictObject({
  apiVersion: z.literal('portcullis/v1'),
  kind: z.literal('Shield'),
  id: AdvisoryId,
  title: z.string(),
  /**
   * 1: exact, enforced by default. 2: in shadow until a person has looked at what it would refuse. 3: in shadow, and its
   * rules that need a site's data are off until they have it. 4: alerts, its rules only log.
   */
  tier: z.int().min(1).max(4),
  severity: Severity,
  component: Component,
  /** The flaw in two sentences: what it is, why the network can see it. */
  description: z.string(),
  /** First response at L4: who may still reach what is closed. Tag expressions; every other remote caller is denied. */
  firstResponse: z.strictObject({
    /** Closed to all but API servers, break-glass and whom people's rules name. Left out: the API server itself. */
    services: z.array(HostServiceName).min(1).optional(),
    pass: z.array(z.string()).default([]),
    action: z.enum(['deny', 'drop']).default('deny'),
  }),
  parameters: z.record(ParameterName, ShieldParameter).optional(),
  /**
   * The flaw is met before the server knows who asks, so what a token says of itself proves nothing yet: no exemption by
   * service account is taken.
   */
  beforeAuthentication: z.literal(true).optional(),
  /** Rules of the gate. Left out where the first response is all there is. */
  deeperDefense: z
    .strictObject({
      rules: z.array(ShieldRule).default([]),
      /** Taken out of every request, silently. */
      stripHeaders: z.array(StrippableHeader).optional(),
      onBody: OnBody.optional(),
      /**
       * Refusals of the gate's own that cut the attacks (docs/reference/refusals.md): they act for whoever is steered
       * through a gate, in shadow too, within the site's limits.
       */
      byGate: z.array(z.string()).min(1).optional(),
    })
    .default({ rules: [] }),
  lift: z.strictObject({
    /** `version`: the version read is patched. `probe`: the safe probe of that name agrees as well. */
    when: z.array(z.enum(['version', 'upgrade-probe'])).min(1),
  }),
  falsePositives: z.string(),
  /** What stays open though the shield stands. */
  residual: z.string().optional(),
  references: z.array(z.string()).min(1),
  /** Exchanges with an API server. */
  tests: z.array(ShieldTest).default([]),
  /** Connections to the services that the first response closes. */
  reach: z.array(ReachTest).optional(),
});
export type Shield = z.infer<typeof Shield>;

/** Has it anything for a gate to do? A shield that only closes services has not, and stands at no API server. */
export function looksAtRequests({ deeperDefense }: Shield): boolean {
  const { rules, stripHeaders = [], byGate = [] } = deeperDefense;
  return rules.length + stripHeaders.length + byGate.length > 0;
}
