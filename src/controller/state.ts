// What the controller knows, as a projection of the log: entries in, state out, nothing else.
// Values are replaced, never changed in place, so that a shallow copy is a snapshot.
import { z } from 'zod';
import { Exposure } from '../model/advisory.ts';
import { Role } from '../model/api.ts';
import { Endpoint, Sha256, Stage, Timestamp } from '../model/common.ts';
import type { NewEntry } from '../model/entry.ts';
import { Exemption } from '../model/exemption.ts';
import { ShieldMode } from '../model/mode.ts';
import { PartSource } from '../model/part.ts';
import { Receipt } from '../model/plan.ts';
import { Tag } from '../model/tag.ts';
import { CheckResult } from '../model/verification.ts';
import type { Retagged } from '../policy/retag.ts';
import type { TagChanges } from '../policy/tag-changes.ts';
import { applyBundle, BundleData, type BundleState, noBundles } from './bundle-state.ts';
import {
  applyEnrolled,
  applyRenewed,
  EnrolledData,
  type IdentityState,
  RenewedData,
} from './identity-state.ts';
import {
  ApprovalData,
  applyApproval,
  applyConfirmed,
  applyDraft,
  applyExpired,
  applyPolicy,
  applyStaged,
  DraftData,
  emptyLifecycle,
  type Lifecycle,
  PolicyData,
} from './lifecycle-state.ts';

/** The `data` of each kind of entry that state is made from. Written by the controller, read back at start. */
export const entryData = {
  /** `changes`: the document of what it changed in tags. Older versions logged none. */
  inventory: z.object({ document: Sha256, changes: Sha256.optional() }),
  /** Declared tags of one thing, changed by themselves: all that it has, and what that changed. */
  tagged: z.object({ tags: z.array(Tag), added: z.array(Tag), removed: z.array(Tag) }),
  policy: PolicyData,
  draft: DraftData,
  approval: ApprovalData,
  confirmed: z.object({ generation: z.int() }),
  expired: z.object({ key: z.string() }),
  /** A DNS name. With `error`, the addresses are those of the last good answer. */
  resolved: z.object({
    addresses: z.array(z.string()),
    error: z.string().optional(),
    forgotten: z.boolean().optional(),
  }),
  shield: z.object({ digest: Sha256 }),
  /** Of the folder's records together, or of one that was published. */
  advisory: z.union([z.object({ digest: Sha256 }), z.object({ document: Sha256 })]),
  probe: z.object({ ok: z.boolean(), error: z.string().optional() }),
  /** Of a server; with `source`, of another part of a cluster. `forgotten`: nothing is known of it any more. */
  tags: z.object({
    version: z.string(),
    buildDate: z.string().optional(),
    /** Feature gates that its exposures hang on, where they could be read. */
    gates: z.record(z.string(), z.boolean()).optional(),
    tags: z.array(Tag),
    exposures: z.array(Exposure),
    source: PartSource.optional(),
    /** Of a part. */
    cluster: z.string().optional(),
    os: z.enum(['linux', 'windows']).optional(),
    endpoints: z.array(Endpoint).optional(),
    forgotten: z.boolean().optional(),
  }),
  stage: z.object({
    shield: z.string(),
    stage: Stage,
    why: z.string(),
    by: z.enum(['policy', 'person']),
    version: z.string().optional(),
    /** Connections that were open are cut. */
    cut: z.boolean().optional(),
  }),
  /** By hand. `default`: what the policy or the tier says counts again. */
  mode: z.object({
    shield: z.string(),
    mode: z.union([ShieldMode, z.literal('default')]),
    why: z.string(),
    cut: z.boolean().optional(),
  }),
  /** About one exemption: the entry's subject is its id. */
  exemption: z.discriminatedUnion('what', [
    z.object({ what: z.literal('added'), exemption: Exemption }),
    z.object({ what: z.literal('removed') }),
    z.object({ what: z.literal('expired') }),
  ]),
  'safe-probe': z.object({
    version: z.string(),
    result: z.enum(['proven', 'vulnerable', 'unproven']),
    detail: z.string(),
  }),
  token: z.object({
    digest: Sha256,
    role: Role,
    name: z.string(),
    expiresAt: Timestamp,
  }),
  enrolled: EnrolledData,
  renewed: RenewedData,
  plan: z.object({
    kind: z.enum(['agent', 'gate']),
    generation: z.int(),
    /** Digest of the plan without generation and time (plan-digest.ts). */
    body: Sha256,
    document: Sha256,
    /** The document is what differs from the plan before. */
    change: z.boolean().optional(),
    /** An agent's plan has services, a gate's listeners. */
    services: z.array(z.object({ server: z.string() })).default([]),
    listeners: z.array(z.object({ server: z.string(), stage: Stage.optional() })).default([]),
  }),
  receipt: Receipt,
  bundle: BundleData,
  verification: z.object({ document: Sha256, at: Timestamp, results: z.record(CheckResult, z.int()) }),
} as const;
type DataOf<K extends keyof typeof entryData> = z.infer<(typeof entryData)[K]>;

/** What was observed of a server or part, and what follows from it. */
export type Observation = DataOf<'tags'>;
/** Of a server, or of another part of a cluster. */
export type ServerState = {
  readonly observation?: Observation;
  readonly probeError?: string;
  /** By advisory: since when it is known to be exposed, ms since the epoch. */
  readonly exposedSince: Readonly<Record<string, number>>;
  /** By observed tag: since when it is observed, ms since the epoch. */
  readonly observedSince?: Readonly<Record<string, number>>;
  readonly safeProbe?: DataOf<'safe-probe'>;
};
export type StageState = DataOf<'stage'> & {
  readonly server: string;
  /** Ms since the epoch. */
  readonly since: number;
  /** Seconds spent in stages that are over. */
  readonly seconds: Readonly<Record<string, number>>;
};
export type ModeState = {
  readonly server: string;
  readonly shield: string;
  readonly mode: ShieldMode;
  readonly why: string;
  readonly by: string;
  /** Ms since the epoch. */
  readonly since: number;
};
export type ExemptionState = Exemption & { readonly author: string; readonly addedAt: number };
export type PlanState = DataOf<'plan'> & { readonly target: string };

export type State = {
  /** Sha-256 of the document in force. */
  inventory: string | undefined;
  /** Declared tags that were changed since. */
  retagged: Retagged;
  /** What each inventory, by its document, and each change since changed in tags, and when: oldest first. */
  tagChanges: readonly {
    readonly at: number;
    readonly document?: string;
    readonly changes?: TagChanges;
  }[];
  policy: string | undefined;
  readonly lifecycle: Lifecycle;
  /** By DNS name: its addresses, and since when they, ms since the epoch; and why the last look-up failed. */
  readonly names: Map<
    string,
    { readonly addresses: readonly string[]; readonly at?: number; readonly error?: string }
  >;
  /** Servers, and other parts of clusters, by name. */
  readonly servers: Map<string, ServerState>;
  /** By `pairKey`. */
  readonly stages: Map<string, StageState>;
  /** Modes set by hand, by `pairKey`. */
  readonly modes: Map<string, ModeState>;
  /** In force, by id. */
  readonly exemptions: Map<string, ExemptionState>;
  /** By server: how often a person asked that open connections be cut. */
  readonly cuts: Map<string, number>;
  /** By id, without those used up. */
  readonly tokens: Map<string, DataOf<'token'>>;
  /** By `workerKey`. */
  readonly identities: Map<string, IdentityState>;
  /** By `workerKey`. */
  readonly plans: Map<string, PlanState>;
  readonly receipts: Map<string, Receipt>;
  /** By id: sha256 of the document of each advisory that was published. */
  readonly published: Map<string, string>;
  bundles: BundleState;
  /** Digest of each shield and of the folder's advisories, as last logged. */
  readonly digests: Map<string, string>;
  /** How many there were, and the ids of the last ones: gates may send one twice. */
  incidentCount: number;
  readonly recentIncidents: Set<string>;
  /** Oldest first. */
  verifications: readonly (DataOf<'verification'> & { readonly cluster: string; readonly by: string })[];
};

export function emptyState(): State {
  return {
    inventory: undefined,
    retagged: new Map(),
    tagChanges: [],
    policy: undefined,
    lifecycle: emptyLifecycle(),
    names: new Map(),
    servers: new Map(),
    stages: new Map(),
    modes: new Map(),
    exemptions: new Map(),
    cuts: new Map(),
    tokens: new Map(),
    identities: new Map(),
    plans: new Map(),
    receipts: new Map(),
    published: new Map(),
    bundles: noBundles,
    digests: new Map(),
    incidentCount: 0,
    recentIncidents: new Set(),
    verifications: [],
  };
}

/** A copy whose decisions (documents, observations, stages) can be changed without touching the original. */
export function fork(state: State): State {
  const { lifecycle, names, servers, stages, modes, exemptions, cuts } = state;
  return {
    ...state,
    lifecycle: { ...lifecycle },
    names: new Map(names),
    servers: new Map(servers),
    stages: new Map(stages),
    modes: new Map(modes),
    exemptions: new Map(exemptions),
    cuts: new Map(cuts),
  };
}

export const pairKey = (server: string, shield: string): string => `${server} ${shield}`;
export const workerKey = (role: string, name: string): string => `${role}:${name}`;
/** The other way round. */
export function splitWorkerKey(key: string): { readonly role: Role; readonly name: string } {
  const colon = key.indexOf(':');
  return { role: key.slice(0, colon) as Role, name: key.slice(colon + 1) };
}
export const noServerState: ServerState = { exposedSince: {} };

/** Applies one entry. @throws ZodError when its data is not what the controller writes */
export function apply(state: State, entry: NewEntry, at: number): void {
  appliers[entry.kind]?.(state, entry, at);
}

const recentIncidentsKept = 100_000;

type Applier = (state: State, entry: NewEntry, at: number) => void;

/** Kinds that are not named here change no state. */
const appliers: Partial<Record<NewEntry['kind'], Applier>> = {
  inventory(state, entry, at) {
    const { document, changes } = entryData.inventory.parse(entry.data);
    state.inventory = document;
    state.retagged = new Map();
    if (changes !== undefined) state.tagChanges = [...state.tagChanges, { at, document: changes }];
  },
  tagged(state, { subject, data }, at) {
    const { tags, added, removed } = entryData.tagged.parse(data);
    state.retagged = new Map([...state.retagged, [subject, tags]]);
    const changes = { added: { [subject]: added }, removed: { [subject]: removed } };
    state.tagChanges = [...state.tagChanges, { at, changes }];
  },
  policy(state, entry, at) {
    const data = entryData.policy.parse(entry.data);
    applyPolicy(state.lifecycle, data, entry.actor, at);
    state.policy = data.document;
  },
  draft(state, entry, at) {
    applyDraft(state.lifecycle, entry.subject, entryData.draft.parse(entry.data), at);
  },
  approval(state, { data, actor, subject }, at) {
    applyApproval(state.lifecycle, entryData.approval.parse(data), { actor, subject, at });
  },
  confirmed(state, entry) {
    applyConfirmed(state.lifecycle, entryData.confirmed.parse(entry.data).generation, entry.actor);
  },
  expired(state, entry) {
    applyExpired(state.lifecycle, entryData.expired.parse(entry.data).key);
  },
  resolved(state, entry, at) {
    const { addresses, error, forgotten } = entryData.resolved.parse(entry.data);
    const former = state.names.get(entry.subject);
    if (forgotten) state.names.delete(entry.subject);
    else if (error === undefined) state.names.set(entry.subject, { addresses, at });
    else state.names.set(entry.subject, { ...former, addresses, error });
  },
  shield(state, entry) {
    state.digests.set(`shield:${entry.subject}`, entryData.shield.parse(entry.data).digest);
  },
  advisory(state, entry) {
    const data = entryData.advisory.parse(entry.data);
    if ('document' in data) state.published.set(entry.subject, data.document);
    else state.digests.set('advisories', data.digest);
  },
  probe(state, entry) {
    const { ok, error } = entryData.probe.parse(entry.data);
    const { probeError: _, ...rest } = state.servers.get(entry.subject) ?? noServerState;
    state.servers.set(entry.subject, ok ? rest : { ...rest, probeError: error ?? 'unknown' });
  },
  tags(state, entry, at) {
    const observation = entryData.tags.parse(entry.data);
    if (observation.forgotten) {
      state.servers.delete(entry.subject);
      return;
    }
    const known = state.servers.get(entry.subject) ?? noServerState;
    const { probeError: _, ...rest } = known;
    // A server is probed, and a probe says when it succeeds again; of a part a version that can be read is all there is.
    const former = observation.source === undefined ? known : rest;
    const exposedSince: Record<string, number> = {};
    for (const { advisory, status } of observation.exposures) {
      if (isExposed(status)) exposedSince[advisory] = former.exposedSince[advisory] ?? at;
    }
    const knownTags = former.observation?.tags ?? [];
    const observedSince = Object.fromEntries(
      observation.tags.map((tag) => [
        tag,
        (knownTags.includes(tag) ? former.observedSince?.[tag] : undefined) ?? at,
      ]),
    );
    state.servers.set(entry.subject, { ...former, observation, exposedSince, observedSince });
  },
  stage(state, entry, at) {
    const data = entryData.stage.parse(entry.data);
    const key = pairKey(entry.subject, data.shield);
    const former = state.stages.get(key);
    // Before its first stage a pair stands at `observe`, from the moment the exposure was known.
    const exposed = state.servers.get(entry.subject)?.exposedSince[data.shield];
    const stage = former?.stage ?? 'observe';
    const since = former?.since ?? exposed ?? at;
    const seconds = { ...former?.seconds, [stage]: (former?.seconds[stage] ?? 0) + (at - since) / 1000 };
    state.stages.set(key, { ...data, server: entry.subject, since: at, seconds });
    if (data.cut) countCut(state, entry.subject);
    applyStaged(state.lifecycle, entry.subject, data.shield);
  },
  mode(state, entry, at) {
    const { shield, mode, why, cut } = entryData.mode.parse(entry.data);
    const key = pairKey(entry.subject, shield);
    if (mode === 'default') state.modes.delete(key);
    else state.modes.set(key, { server: entry.subject, shield, mode, why, by: entry.actor, since: at });
    if (cut) countCut(state, entry.subject);
    applyStaged(state.lifecycle, entry.subject, shield);
  },
  exemption(state, entry, at) {
    const data = entryData.exemption.parse(entry.data);
    if (data.what === 'added') {
      const { exemption } = data;
      state.exemptions.set(entry.subject, { ...exemption, author: entry.actor, addedAt: at });
      applyStaged(state.lifecycle, entry.subject, exemption.shield);
    } else state.exemptions.delete(entry.subject);
  },
  'safe-probe'(state, entry) {
    const safeProbe = entryData['safe-probe'].parse(entry.data);
    state.servers.set(entry.subject, { ...(state.servers.get(entry.subject) ?? noServerState), safeProbe });
  },
  token(state, entry, at) {
    for (const [id, token] of state.tokens) if (Date.parse(token.expiresAt) <= at) state.tokens.delete(id);
    state.tokens.set(entry.subject, entryData.token.parse(entry.data));
  },
  enrolled(state, entry, at) {
    const data = entryData.enrolled.parse(entry.data);
    applyEnrolled(state.identities, workerKey(data.role, data.name), data, at);
    if (data.token !== undefined) state.tokens.delete(data.token);
  },
  renewed(state, entry) {
    const data = entryData.renewed.parse(entry.data);
    applyRenewed(state.identities, workerKey(data.role, data.name), data);
  },
  plan(state, entry) {
    const data = entryData.plan.parse(entry.data);
    state.plans.set(workerKey(data.kind, entry.subject), { ...data, target: entry.subject });
  },
  receipt(state, entry) {
    const receipt = entryData.receipt.parse(entry.data);
    state.receipts.set(workerKey(receipt.kind, receipt.target), receipt);
  },
  bundle(state, { subject, actor, data }, at) {
    state.bundles = applyBundle(state.bundles, entryData.bundle.parse(data), { subject, actor, at });
  },
  verification(state, { subject, actor, data }) {
    const report = {
      cluster: subject,
      by: actor.replace(/^user:/, ''),
      ...entryData.verification.parse(data),
    };
    state.verifications = [...state.verifications, report];
  },
  incident(state, entry) {
    state.incidentCount += 1;
    state.recentIncidents.add(String(entry.data['id']));
    for (const oldest of state.recentIncidents) {
      if (state.recentIncidents.size <= recentIncidentsKept) break;
      state.recentIncidents.delete(oldest);
    }
  },
};

function countCut(state: State, server: string): void {
  state.cuts.set(server, (state.cuts.get(server) ?? 0) + 1);
}

/** A version that may have the flaw counts as exposed: closed by default. */
export function isExposed(status: Exposure['status']): boolean {
  return status === 'vulnerable' || status === 'vendor-unknown';
}
