// Clients of the controller's API (model/api.ts): the link of an agent or gate, and the CLI's calls for people.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  AdvisoriesAnswer,
  AdvisoryAnswer,
  type AdvisoryRequest,
  EventsAnswer,
  ExemptionAnswer,
  type ExemptionRemoval,
  type ExemptionRequest,
  ExemptionsAnswer,
  ExposureAnswer,
  type HealthReport,
  type IncidentBatch,
  ModeAnswer,
  type ModeRequest,
  type OpenReport,
  type ProbeRequest,
  type SessionBatch,
  type SessionPair,
  SessionPairsAnswer,
  SessionSeriesAnswer,
  type SessionStep,
  SessionsAnswer,
  type SessionTop,
  SessionTopAnswer,
  ShadowAnswer,
  StageAnswer,
  type StageRequest,
  Status,
  TagAnswer,
  type TagRequest,
  TagsAnswer,
  TokenAnswer,
  type TokenRequest,
  WhyAnswer,
} from '../model/api.ts';
import {
  BundleAnswer,
  type BundleRequest,
  BundlesAnswer,
  KeyAnswer,
  type RevokeRequest,
  type TrustRequest,
} from '../model/bundle.ts';
import { type ListedShield, ShieldAnswer, ShieldsAnswer } from '../model/catalogue.ts';
import type { Entry } from '../model/entry.ts';
import { ExplainAnswer, type ExplainRequest } from '../model/explain.ts';
import { ExportAnswer, type ExportTarget } from '../model/export.ts';
import { ImportAnswer, type ImportRequest } from '../model/import.ts';
import { Inventory } from '../model/inventory.ts';
import {
  ApproveAnswer,
  type ApproveRequest,
  Commit,
  type CommitRequest,
  type DraftRequest,
  HistoryAnswer,
  Review,
  type ReviewRequest,
  type RollbackRequest,
} from '../model/lifecycle.ts';
import type { Plan, Receipt } from '../model/plan.ts';
import { PlanAnswer } from '../model/plan-change.ts';
import { Policy } from '../model/policy.ts';
import type { SessionRecord } from '../model/record.ts';
import {
  SignedVerification,
  type Verification,
  VerificationKept,
  VerificationList,
  VerifyPlan,
} from '../model/verification.ts';
import { createHeldPlan } from './held-plan.ts';
import { badAnswer, parseAnswer } from './https-json.ts';
import { parseHostPort } from './identity.ts';
import { openIdentityClient } from './identity-client.ts';
import { createRenewals, type RenewalLog } from './identity-renewal.ts';
import { signReport } from './report-signature.ts';

/** An agent's or gate's connection to its controller. Every call may throw as JsonClient.call says. */
export type ControllerLink = {
  /** Our name, as enrolled. */
  readonly name: string;
  /** Port of the controller. */
  readonly controllerPort: number;
  /** The first plan with a generation above `after`, waiting up to `waitSeconds` (at most 60); undefined when none came. */
  nextPlan(after: number, waitSeconds: number, signal: AbortSignal): Promise<Plan | undefined>;
  sendReceipt(receipt: Receipt): Promise<void>;
  sendHealth(report: HealthReport): Promise<void>;
  sendIncidents(batch: IncidentBatch): Promise<void>;
  sendSessions(batch: SessionBatch): Promise<void>;
  sendOpen(report: OpenReport): Promise<void>;
  /** Renews our identity in time, until the signal is aborted. For whoever has the data folder to themselves. */
  keepIdentity(log: RenewalLog, signal: AbortSignal): Promise<void>;
  close(): void;
};

/** Opens the link of an enrolled agent or gate. @throws Failure `not-enrolled` */
export function openLink(dataDir: string): ControllerLink {
  const client = openIdentityClient(join(dataDir, 'identity'));
  const { name, controller } = client.identity();
  const renewals = createRenewals(client);
  const held = createHeldPlan();
  const post = async (path: string, body: unknown) => {
    await client.call({ method: 'POST', path, body });
  };
  return {
    name,
    controllerPort: parseHostPort(controller).port,
    async nextPlan(after, waitSeconds, signal) {
      const wait = Math.min(60, Math.max(0, Math.floor(waitSeconds)));
      for (;;) {
        const have = held.digest();
        const answer = await client.call({
          method: 'GET',
          path: `/v1/plan?after=${after}&wait=${wait}${have === undefined ? '' : `&have=${have}`}`,
          timeoutMs: (wait + 10) * 1000,
          signal,
        });
        if (answer === undefined) return undefined;
        const plan = held.take(parseAnswer(PlanAnswer, answer));
        if (plan) return plan;
        // A change that doesn't fit: the next answer is the whole, for nothing is held any more.
        if (have === undefined) throw badAnswer('it changes a plan that was not named');
      }
    },
    sendReceipt: (receipt) => post('/v1/receipts', receipt),
    sendHealth: (report) =>
      post('/v1/health', { ...report, counters: { ...report.counters, ...renewals.counters() } }),
    sendIncidents: (batch) => post('/v1/incidents', batch),
    sendOpen: (report) => post('/v1/open', report),
    sendSessions: (batch) => post('/v1/sessions', batch),
    keepIdentity: renewals.keep,
    close: () => client.close(),
  };
}

/** Drafts, reviews, approvals and commits of the policy: model/lifecycle.ts says what each does. */
export type PolicyLife = {
  history(): Promise<HistoryAnswer>;
  draft(name: string): Promise<Policy>;
  save(request: DraftRequest): Promise<Review>;
  rebase(name: string): Promise<Review>;
  drop(name: string): Promise<void>;
  review(request: ReviewRequest): Promise<Review>;
  approve(request: ApproveRequest): Promise<ApproveAnswer>;
  commit(request: CommitRequest): Promise<Commit>;
  confirm(): Promise<Commit>;
  rollback(request: RollbackRequest): Promise<Commit>;
};

/** Which session records are asked about. */
export type SessionsWanted = {
  readonly since?: string | undefined;
  readonly server?: string | undefined;
  readonly verdict?: string | undefined;
};

/** The calls of people: an admin may make them all, a viewer those that change nothing. Every call may throw as JsonClient.call says. */
export type Admin = {
  /** `address:port` of the controller. */
  readonly controller: string;
  status(): Promise<Status>;
  /** Entries after `after`, oldest first; waits up to `waitSeconds` for the first one. */
  events(want: {
    after: number;
    waitSeconds?: number;
    limit?: number;
    signal?: AbortSignal;
  }): Promise<readonly Entry[]>;
  /** Newest first. */
  sessions(want?: { limit?: number; verdict?: SessionRecord['verdict'] }): Promise<readonly SessionRecord[]>;
  /** What a verdict's or an incident's id stands for. */
  why(id: string): Promise<WhyAnswer>;
  sessionTop(want: SessionsWanted & { by: string; limit: number }): Promise<readonly SessionTop[]>;
  sessionSeries(want: SessionsWanted & { step: number }): Promise<readonly SessionStep[]>;
  sessionPairs(want: SessionsWanted & { type: string; limit: number }): Promise<readonly SessionPair[]>;
  setStage(request: StageRequest): Promise<StageAnswer>;
  setMode(request: ModeRequest): Promise<ModeAnswer>;
  /** What a shield in shadow would have refused. */
  shadow(want: { server: string; shield: string; days: number }): Promise<ShadowAnswer>;
  addExemption(request: ExemptionRequest): Promise<ExemptionAnswer>;
  exemptions(): Promise<readonly ExemptionAnswer[]>;
  removeExemption(request: ExemptionRemoval): Promise<void>;
  /** Probes now, all servers or the one named, and answers when their stages are decided. */
  probe(request?: ProbeRequest): Promise<Status>;
  /** Of everything, or of what is named: tags with where they come from. */
  tags(object?: string): Promise<TagsAnswer>;
  /** Sets and removes declared tags of one thing. */
  tag(request: TagRequest): Promise<TagAnswer>;
  /** Brings what a source says into the inventory, or says what that would change. */
  importInventory(request: ImportRequest): Promise<ImportAnswer>;
  /** The rules of one server, or of all, for a network that enforces policy itself. */
  exportPolicy(to: ExportTarget, server?: string): Promise<ExportAnswer>;
  inventory(): Promise<Inventory>;
  putInventory(inventory: Inventory): Promise<void>;
  /** The one in force, or that of a generation. */
  policy(generation?: number): Promise<Policy>;
  putPolicy(policy: Policy): Promise<void>;
  readonly policyLife: PolicyLife;
  explain(request: ExplainRequest): Promise<ExplainAnswer>;
  createToken(request: TokenRequest): Promise<TokenAnswer>;
  advisories(): Promise<AdvisoriesAnswer>;
  exposure(): Promise<ExposureAnswer>;
  /** Those in force, by id. */
  shields(): Promise<readonly ListedShield[]>;
  shield(id: string): Promise<ShieldAnswer>;
  /** Bundles of shields, and the keys that sign them. */
  readonly bundles: {
    list(): Promise<BundlesAnswer>;
    use(request: BundleRequest): Promise<BundleAnswer>;
    trust(request: TrustRequest): Promise<KeyAnswer>;
    revoke(request: RevokeRequest): Promise<KeyAnswer>;
  };
  /** Answers when the stages that follow are decided. */
  addAdvisory(request: AdvisoryRequest): Promise<AdvisoryAnswer>;
  verifyPlan(cluster: string): Promise<VerifyPlan>;
  /** Signs the report with this identity's key and has it kept; answers its id. */
  keepVerification(report: Omit<Verification, 'by'>): Promise<string>;
  /** Newest first, of all clusters or of one. */
  verifications(cluster?: string): Promise<VerificationList['verifications']>;
  verification(id: string): Promise<SignedVerification>;
  close(): void;
};

/**
 * Opens the API as admin with the identity in `<folder>/admin/` (a controller's data folder), in `<folder>/identity/` (a
 * person's own, as `enrol` writes it) or in the folder itself.
 * @throws Failure `not-enrolled`
 */
export function openAdmin(folder: string): Admin {
  const inner = ['admin', 'identity'].map((name) => join(folder, name));
  const client = openIdentityClient(inner.find((path) => existsSync(join(path, 'identity.json'))) ?? folder);
  const get = (path: string) => client.call({ method: 'GET', path });
  // A change answers when its plans are compiled and logged; a probe when every server has answered or timed out.
  const send = (method: 'POST' | 'PUT', path: string, body: unknown) =>
    client.call({ method, path, body, timeoutMs: 60_000 });
  return {
    controller: client.identity().controller,
    status: async () => parseAnswer(Status, await get('/v1/status')),
    async events({ after, waitSeconds = 0, limit = 1000, signal }) {
      const wait = Math.min(60, Math.max(0, Math.floor(waitSeconds)));
      const answer = await client.call({
        method: 'GET',
        path: `/v1/events?after=${after}&wait=${wait}&limit=${limit}`,
        timeoutMs: (wait + 10) * 1000,
        ...(signal ? { signal } : {}),
      });
      return parseAnswer(EventsAnswer, answer).entries;
    },
    async sessions({ limit = 100, verdict } = {}) {
      const filter = verdict ? `&verdict=${verdict}` : '';
      return parseAnswer(SessionsAnswer, await get(`/v1/sessions?limit=${limit}${filter}`)).sessions;
    },
    why: async (id) => parseAnswer(WhyAnswer, await get(`/v1/why?id=${encodeURIComponent(id)}`)),
    sessionTop: async (want) =>
      parseAnswer(SessionTopAnswer, await get(`/v1/sessions/top?${search(want)}`)).top,
    sessionSeries: async (want) =>
      parseAnswer(SessionSeriesAnswer, await get(`/v1/sessions/series?${search(want)}`)).series,
    sessionPairs: async (want) =>
      parseAnswer(SessionPairsAnswer, await get(`/v1/sessions/pairs?${search(want)}`)).pairs,
    setStage: async (request) => parseAnswer(StageAnswer, await send('POST', '/v1/stage', request)),
    setMode: async (request) => parseAnswer(ModeAnswer, await send('POST', '/v1/mode', request)),
    shadow: async ({ server, shield, days }) =>
      parseAnswer(
        ShadowAnswer,
        await get(
          `/v1/shadow?server=${encodeURIComponent(server)}&shield=${encodeURIComponent(shield)}&days=${days}`,
        ),
      ),
    addExemption: async (request) =>
      parseAnswer(ExemptionAnswer, await send('POST', '/v1/exemptions', request)),
    exemptions: async () => parseAnswer(ExemptionsAnswer, await get('/v1/exemptions')).exemptions,
    async removeExemption(request) {
      await send('POST', '/v1/exemptions/remove', request);
    },
    probe: async (request = {}) => parseAnswer(Status, await send('POST', '/v1/probe', request)),
    tags: async (object) =>
      parseAnswer(
        TagsAnswer,
        await get(`/v1/tags${object === undefined ? '' : `?object=${encodeURIComponent(object)}`}`),
      ),
    tag: async (request) => parseAnswer(TagAnswer, await send('POST', '/v1/tags', request)),
    importInventory: async (request) => parseAnswer(ImportAnswer, await send('POST', '/v1/import', request)),
    exportPolicy: async (to, server) =>
      parseAnswer(
        ExportAnswer,
        await get(
          `/v1/export?to=${to}${server === undefined ? '' : `&server=${encodeURIComponent(server)}`}`,
        ),
      ),
    inventory: async () => parseAnswer(Inventory, await get('/v1/inventory')),
    async putInventory(inventory) {
      await send('PUT', '/v1/inventory', inventory);
    },
    policy: async (generation) =>
      parseAnswer(
        Policy,
        await get(`/v1/policy${generation === undefined ? '' : `?generation=${generation}`}`),
      ),
    explain: async (request) => parseAnswer(ExplainAnswer, await send('POST', '/v1/explain', request)),
    policyLife: {
      history: async () => parseAnswer(HistoryAnswer, await get('/v1/policy/history')),
      draft: async (name) => parseAnswer(Policy, await get(`/v1/drafts?name=${encodeURIComponent(name)}`)),
      save: async (request) => parseAnswer(Review, await send('PUT', '/v1/drafts', request)),
      rebase: async (name) => parseAnswer(Review, await send('POST', '/v1/drafts/rebase', { name })),
      async drop(name) {
        await send('POST', '/v1/drafts/drop', { name });
      },
      review: async (request) => parseAnswer(Review, await send('POST', '/v1/policy/review', request)),
      approve: async (request) =>
        parseAnswer(ApproveAnswer, await send('POST', '/v1/policy/approve', request)),
      commit: async (request) => parseAnswer(Commit, await send('POST', '/v1/policy/commit', request)),
      confirm: async () => parseAnswer(Commit, await send('POST', '/v1/policy/confirm', {})),
      rollback: async (request) => parseAnswer(Commit, await send('POST', '/v1/policy/rollback', request)),
    },
    bundles: {
      list: async () => parseAnswer(BundlesAnswer, await get('/v1/bundles')),
      use: async (request) => parseAnswer(BundleAnswer, await send('POST', '/v1/bundles', request)),
      trust: async (request) => parseAnswer(KeyAnswer, await send('POST', '/v1/bundles/trust', request)),
      revoke: async (request) => parseAnswer(KeyAnswer, await send('POST', '/v1/bundles/revoke', request)),
    },
    async putPolicy(policy) {
      await send('PUT', '/v1/policy', policy);
    },
    createToken: async (request) => parseAnswer(TokenAnswer, await send('POST', '/v1/tokens', request)),
    addAdvisory: async (request) =>
      parseAnswer(AdvisoryAnswer, await send('POST', '/v1/advisories', request)),
    exposure: async () => parseAnswer(ExposureAnswer, await get('/v1/exposure')),
    shields: async () => parseAnswer(ShieldsAnswer, await get('/v1/shields')).shields,
    shield: async (id) => parseAnswer(ShieldAnswer, await get(`/v1/shield?id=${encodeURIComponent(id)}`)),
    advisories: async () => parseAnswer(AdvisoriesAnswer, await get('/v1/advisories')),
    verifyPlan: async (cluster) =>
      parseAnswer(VerifyPlan, await get(`/v1/verify/plan?cluster=${encodeURIComponent(cluster)}`)),
    async keepVerification(report) {
      const identity = client.identity();
      const signed = signReport({ ...report, by: identity.name }, identity);
      return parseAnswer(VerificationKept, await send('POST', '/v1/verifications', signed)).id;
    },
    verifications: async (cluster) =>
      parseAnswer(
        VerificationList,
        await get(
          `/v1/verifications${cluster === undefined ? '' : `?cluster=${encodeURIComponent(cluster)}`}`,
        ),
      ).verifications,
    verification: async (id) =>
      parseAnswer(SignedVerification, await get(`/v1/verifications?id=${encodeURIComponent(id)}`)),
    close: () => client.close(),
  };
}

function search(want: Readonly<Record<string, string | number | undefined>>): string {
  const set = Object.entries(want).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return new URLSearchParams(set as [string, string][]).toString();
}
