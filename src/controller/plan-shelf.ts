// The plans in force, by target, with the few before them: workers that have one of those are told what differs, and the
// log keeps large plans the same way, a whole one and then changes.
import { canonicalJson } from '../base/canonical-json.ts';
import { timestamp } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
import { applyPatch, diff, type Patch } from '../base/patch.ts';
import { sha256 } from '../log/chain.ts';
import type { NewEntry } from '../model/entry.ts';
import type { Plan } from '../model/plan.ts';
import type { PlanChange } from '../model/plan-change.ts';
import { digestOf } from '../model/plan-digest.ts';
import type { AgentPlanBody, GatePlanBody } from '../policy/compile.ts';
import { type PlanState, workerKey } from './state.ts';

export type Body = AgentPlanBody | GatePlanBody;

export type PlanInForce = {
  readonly generation: number;
  readonly plan: Plan;
  /** The whole of it, as JSON. */
  text(): string;
  /** The PlanChange from the body of that digest, as JSON; undefined when that is not remembered. */
  changeFrom(digest: string): string | undefined;
};

/** A plan that is not in force yet, and what is to be logged of it. */
export type NewPlan = {
  readonly key: string;
  readonly entry: NewEntry;
  /** The document that the entry names. */
  readonly text: string;
  readonly next: Shelved;
};

type Shelved = {
  readonly generation: number;
  readonly issuedAt: string;
  readonly digest: string;
  readonly body: Body;
  /** Newest first. They share with the body what didn't change. */
  readonly before: readonly { readonly digest: string; readonly body: Body }[];
  /** Documents of the log, oldest first: those that the body is made from, and some before. */
  readonly documents: readonly StoredDocument[];
};

/** `change`: it changes what the documents before it come to. `length`, in characters, is known of the last whole one on. */
type StoredDocument = { readonly hash: string; readonly length: number; readonly change: boolean };

/** Former plans that changes are told from. A worker that is further behind gets the whole. */
const remembered = 16;
/** Superseded plans that stay in the log. */
const plansKept = 3;
/** Characters up to which the log keeps every plan whole. */
const smallPlan = 65_536;
/** Changes that a start has to go through, at most. */
const longestChain = 100;

export type PlanShelf = {
  get(key: string): PlanInForce | undefined;
  keys(): readonly { readonly kind: Plan['kind']; readonly target: string }[];
  /** The next plan of a target; undefined when its body is what is in force. */
  next(body: Body, now: number): NewPlan | undefined;
  /** Puts logged plans into force. Answers hashes of documents that nothing needs any more. */
  put(plans: readonly NewPlan[]): readonly string[];
  /** Takes note of a plan's entry while the log is replayed. */
  replayed(plan: PlanState): void;
  /** After the replay. @param read a document of the log @throws Failure `bad-log` */
  restore(plans: ReadonlyMap<string, PlanState>, read: (hash: string) => string | undefined): void;
};

export function createPlanShelf(): PlanShelf {
  const shelf = new Map<string, Shelved>();
  const told = new WeakMap<Shelved, PlanInForce>();
  const replayed = new Map<string, { hash: string; change: boolean }[]>();

  return {
    get(key) {
      const shelved = shelf.get(key);
      if (!shelved) return undefined;
      const known = told.get(shelved) ?? inForce(shelved);
      told.set(shelved, known);
      return known;
    },
    keys: () => [...shelf.values()].map(({ body: { kind, target } }) => ({ kind, target })),
    next(body, now) {
      const key = workerKey(body.kind, body.target);
      const former = shelf.get(key);
      const digest = digestOf(body, former?.body);
      if (!former || former.digest !== digest) return newPlan(key, former, body, digest, now);
      // The same, but it shares more with the other plans than what was read from the log.
      shelf.set(key, { ...former, body });
      return undefined;
    },
    put(plans) {
      const old: string[] = [];
      for (const { key, next } of plans) {
        const first = firstNeeded(next.documents);
        old.push(...next.documents.slice(0, first).map(({ hash }) => hash));
        shelf.set(key, { ...next, documents: next.documents.slice(first) });
      }
      if (old.length === 0) return old;
      const needed = new Set([...shelf.values()].flatMap((each) => each.documents.map(({ hash }) => hash)));
      return old.filter((hash) => !needed.has(hash));
    },
    replayed({ kind, target, document, change = false }) {
      const key = workerKey(kind, target);
      const chain = replayed.get(key) ?? [];
      chain.push({ hash: document, change });
      replayed.set(key, chain);
    },
    restore(plans, read) {
      for (const [key, { generation, body: digest }] of plans) {
        const chain = replayed.get(key) ?? [];
        const whole = chain.findLastIndex(({ change }) => !change);
        const missing = () =>
          new Failure('bad-log', `the log lacks the documents of plan ${key} ${generation}`);
        const documents = chain.slice(Math.max(0, whole)).map(({ hash, change }) => {
          const text = read(hash);
          if (text === undefined) throw missing();
          return { hash, change, length: text.length, text };
        });
        const superseded = chain.slice(firstNeeded(chain), Math.max(0, whole));
        const [first, ...changes] = documents;
        if (!first || first.change) throw missing();
        const { generation: _, issuedAt: since, ...start } = JSON.parse(first.text) as Plan;
        let body: unknown = start;
        let issuedAt = since;
        for (const { text } of changes) {
          const change = JSON.parse(text) as PlanChange;
          body = applyPatch(body, change.patch).value;
          issuedAt = change.issuedAt;
        }
        if (changes.length > 0 && digestOf(body) !== digest)
          throw new Failure('bad-log', `the documents of plan ${key} ${generation} don't come to it`);
        shelf.set(key, {
          generation,
          issuedAt,
          digest,
          body: body as Body,
          before: [],
          documents: [
            ...superseded.map((each) => ({ ...each, length: 0 })),
            ...documents.map(({ hash, length, change }) => ({ hash, length, change })),
          ],
        });
      }
      replayed.clear();
    },
  };
}

/** Place of the first document that is needed for the plans that are kept. */
function firstNeeded(documents: readonly { readonly change: boolean }[]): number {
  const oldest = Math.max(0, documents.length - 1 - plansKept);
  return Math.max(
    0,
    documents.findLastIndex(({ change }, at) => !change && at <= oldest),
  );
}

function inForce({ generation, issuedAt, digest, body, before }: Shelved): PlanInForce {
  const changes = new Map<string, string>();
  return {
    generation,
    get plan() {
      return { ...body, generation, issuedAt } as Plan;
    },
    text: () => wholeText(generation, issuedAt, body),
    changeFrom(from) {
      const known = changes.get(from);
      if (known !== undefined) return known;
      const former = from === digest ? { body } : before.find((each) => each.digest === from);
      if (!former) return undefined;
      const patch = diff(former.body, body) ?? { members: {} };
      const text = changeText({ from, digest, generation, issuedAt, patch });
      changes.set(from, text);
      return text;
    },
  };
}

/** Bodies may be megabytes: the two members that make a plan of one are written in front of it. */
function wholeText(generation: number, issuedAt: string, body: Body): string {
  return `{"generation":${generation},"issuedAt":"${issuedAt}",${canonicalJson(body).slice(1)}`;
}

function changeText(change: Omit<PlanChange, 'kind'>): string {
  return JSON.stringify({ kind: 'change', ...change });
}

function newPlan(key: string, former: Shelved | undefined, body: Body, digest: string, now: number): NewPlan {
  const generation = (former?.generation ?? 0) + 1;
  const issuedAt = timestamp(now);
  const change =
    former &&
    worthwhile(former, body, (patch) =>
      changeText({ from: former.digest, digest, generation, issuedAt, patch }),
    );
  const text = change ?? wholeText(generation, issuedAt, body);
  const document = sha256(text);
  const stands =
    body.kind === 'agent'
      ? { services: body.services.map(({ server, stage }) => ({ server, stage })) }
      : { listeners: body.listeners.map(({ server, stage }) => ({ server, stage })) };
  return {
    key,
    text,
    entry: {
      kind: 'plan',
      actor: 'controller',
      subject: body.target,
      data: {
        kind: body.kind,
        generation,
        body: digest,
        document,
        ...(change === undefined ? {} : { change: true }),
        ...stands,
      },
    },
    next: {
      generation,
      issuedAt,
      digest,
      body,
      before: former
        ? [{ digest: former.digest, body: former.body }, ...former.before].slice(0, remembered)
        : [],
      documents: [
        ...(former?.documents ?? []),
        { hash: document, length: text.length, change: change !== undefined },
      ],
    },
  };
}

/** The change as the log keeps it; undefined when the whole is to be kept. */
function worthwhile(
  { body: former, documents }: Shelved,
  body: Body,
  write: (patch: Patch) => string,
): string | undefined {
  const whole = documents.findLastIndex(({ change }) => !change);
  const length = documents[whole]?.length ?? 0;
  const chain = documents.slice(whole + 1);
  if (length < smallPlan || chain.length >= longestChain) return undefined;
  const patch = diff(former, body);
  const text = patch && write(patch);
  const sum = chain.reduce((total, each) => total + each.length, text?.length ?? 0);
  return sum < length / 2 ? text : undefined;
}
