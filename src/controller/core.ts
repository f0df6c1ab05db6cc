// The one place where state changes: entries are compiled into plans before they are logged, so that a change which
// can't be compiled changes nothing, and logged before they are applied, so that state never runs ahead of the log.
import { canonicalJson } from '../base/canonical-json.ts';
import { type Clock, timestamp } from '../base/clock.ts';
import { describeFailure, Failure } from '../base/failure.ts';
import { sha256 } from '../log/chain.ts';
import { createWaiters, type Log } from '../log/log.ts';
import { Advisory } from '../model/advisory.ts';
import type { Endpoint } from '../model/common.ts';
import type { Entry, NewEntry } from '../model/entry.ts';
import { Inventory } from '../model/inventory.ts';
import { Policy } from '../model/policy.ts';
import type { Tag } from '../model/tag.ts';
import { type CompiledPlans, type CompileInput, compile } from '../policy/compile.ts';
import { withWebhooks } from '../policy/observed-webhooks.ts';
import { parsePart, partName } from '../policy/part-name.ts';
import { withNames } from '../policy/resolved-names.ts';
import { withTags } from '../policy/retag.ts';
import { createBundleReader } from './bundle-reader.ts';
import type { Standing } from './bundle-state.ts';
import { carriedExposures } from './carried.ts';
import { withFallback } from './fallback-plans.ts';
import { type Knowledge, withPublished, withShields } from './knowledge.ts';
import { type Body, createPlanShelf, type NewPlan, type PlanInForce } from './plan-shelf.ts';
import { apply, emptyState, fork, isExposed, type State, workerKey } from './state.ts';

export type CoreOptions = {
  readonly log: Log;
  readonly knowledge: Knowledge;
  readonly clock: Clock;
  /** Where agents reach the controller, and the addresses it probes from. */
  readonly controllers: readonly Endpoint[];
  readonly probers: readonly string[];
  /** Takes what the compiler found worth a look, once per sentence. */
  readonly note: (line: string) => void;
};

export type Core = {
  readonly state: Readonly<State>;
  /** Of the folders, what was published, and the bundles in force. */
  readonly knowledge: Knowledge;
  /** What of the bundles stands. */
  readonly bundles: Standing;
  /** What would be known after these entries, which change nothing. */
  preview(
    entries: readonly NewEntry[],
    documents?: readonly string[],
  ): { readonly knowledge: Knowledge; readonly bundles: Standing };
  readonly clock: Clock;
  readonly log: Log;
  /** The inventory in force, DNS names unresolved; undefined before the first. */
  inventory(): Inventory | undefined;
  policy(): Policy;
  /** The policy in a document of the log; the one without rules for none. */
  policyOf(document: string | undefined): Policy;
  /** What plans are made from now; undefined before the first inventory. */
  compileInput(): CompileInput | undefined;
  /**
   * Changes what plans are made from: compiles, then logs the entries with the plans that they change and wakes who
   * waits for those. @throws Failure of the compiler, and nothing is changed
   */
  decide(entries: readonly NewEntry[], documents?: readonly string[]): readonly Entry[];
  /**
   * Compiles anew after something beside the decisions changed: an agent was enrolled. What can't be compiled is told, and
   * the former plans stand.
   */
  replan(): void;
  /** Logs entries that plans don't depend on, with the documents that they name. */
  record(entries: readonly NewEntry[], documents?: readonly string[]): readonly Entry[];
  /** The plan of an agent or gate; undefined when it has none. */
  plan(kind: 'agent' | 'gate', target: string): PlanInForce | undefined;
  /** True as soon as its plan's generation is above `after`; false when aborted or closed first. */
  waitForPlan(kind: 'agent' | 'gate', target: string, after: number, signal: AbortSignal): Promise<boolean>;
  /** Called after entries were logged and applied. */
  onChange(listener: (entries: readonly Entry[]) => void): void;
  close(): void;
};

/** Rebuilds state from the log. @throws Failure `bad-log` when an entry is not what a controller writes */
export function openCore(options: CoreOptions): Core {
  const { log, clock, controllers, probers, note } = options;
  const state = emptyState();
  const shelf = createPlanShelf();
  const waiters = createWaiters();
  const listeners: ((entries: readonly Entry[]) => void)[] = [];
  const inventories = cached((text) => Inventory.parse(JSON.parse(text)));
  const policies = cached((text) => Policy.parse(JSON.parse(text)));
  const formerPolicies = cached((text) => Policy.parse(JSON.parse(text)));
  const warned = new Set<string>();
  const noPolicy = Policy.parse({ apiVersion: 'portcullis/v1' });
  const readBundles = createBundleReader((hash) => log.document(hash));
  let lastFound:
    | { readonly inventory: Inventory; readonly key: string; readonly made: Inventory }
    | undefined;
  replay();
  let { knowledge, bundles } = readKnowledge(state, []);

  return {
    state,
    get knowledge() {
      return knowledge;
    },
    get bundles() {
      return bundles;
    },
    preview(entries, documents = []) {
      const next = fork(state);
      for (const entry of entries) apply(next, entry, clock.now());
      return readKnowledge(next, documents);
    },
    clock,
    log,
    inventory: () => inventoryOf(state, []),
    policy: () => policies(state.policy, []) ?? noPolicy,
    policyOf: (document) => formerPolicies(document, []) ?? noPolicy,
    compileInput: () => compileInput(state, []),
    decide,
    replan() {
      try {
        decide([]);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        note(`the plans stay as they are: ${describeFailure(error)}`);
      }
    },
    record: (entries, documents = []) => commit(entries, documents, []),
    plan: (kind, target) => shelf.get(workerKey(kind, target)),
    waitForPlan: (kind, target, after, signal) =>
      waiters.wait(() => (shelf.get(workerKey(kind, target))?.generation ?? 0) > after, signal),
    onChange: (listener) => void listeners.push(listener),
    close: () => waiters.close(),
  };

  function decide(entries: readonly NewEntry[], documents: readonly string[] = []): readonly Entry[] {
    const now = clock.now();
    const next = fork(state);
    for (const entry of entries) apply(next, entry, now);
    const plans = changedPlans(next, documents, now);
    return commit(
      [...entries, ...plans.map((plan) => plan.entry)],
      [...documents, ...plans.map((plan) => plan.text)],
      plans,
    );
  }

  function commit(
    entries: readonly NewEntry[],
    documents: readonly string[],
    plans: readonly NewPlan[],
  ): readonly Entry[] {
    if (entries.length === 0) return [];
    const logged = log.append(entries, documents);
    for (const entry of logged) apply(state, entry, Date.parse(entry.at));
    if (logged.some(({ kind }) => kind === 'advisory' || kind === 'bundle'))
      ({ knowledge, bundles } = readKnowledge(state, []));
    const old = shelf.put(plans);
    if (plans.length > 0) waiters.notify();
    if (old.length > 0) log.prune(old);
    for (const listener of listeners) listener(logged);
    return logged;
  }

  function readKnowledge(from: State, documents: readonly string[]) {
    const found = readBundles(from.bundles, documents);
    const known = withShields(readPublished(), found.shields, found.standing.revokedShields);
    return { knowledge: known, bundles: found.standing };
  }

  function readPublished(): Knowledge {
    return withPublished(
      options.knowledge,
      [...state.published].map(([id, document]) => {
        const text = log.document(document);
        if (text === undefined) throw new Failure('bad-log', `the log lacks the document of ${id}`);
        const parsed = Advisory.safeParse(JSON.parse(text));
        if (parsed.success) return parsed.data;
        throw new Failure('bad-log', `the document of ${id} is not what a controller writes`, {
          cause: parsed.error,
        });
      }),
    );
  }

  function changedPlans(next: State, documents: readonly string[], now: number): NewPlan[] {
    const input = compileInput(next, documents);
    if (!input) return [];
    const compiled = compileWithFallback(next, input);
    warn(compiled.warnings);
    const bodies: Body[] = [...compiled.agents.values(), ...compiled.gates.values()];
    const present = new Set(bodies.map((body) => workerKey(body.kind, body.target)));
    // A host that left the inventory has what it enforces taken away; it is not left with its last plan.
    for (const { kind, target } of shelf.keys()) {
      if (present.has(workerKey(kind, target))) continue;
      bodies.push(
        kind === 'agent'
          ? { kind, target, services: [], keepOpen: [], addressTags: [] }
          : { kind, target, listeners: [], addressTags: [] },
      );
    }
    return bodies.flatMap((body) => shelf.next(body, now) ?? []);
  }

  /** While a commit waits to be confirmed, the policy before it must compile too: agents fall back to that. */
  function compileWithFallback(next: State, input: CompileInput): CompiledPlans {
    const compiled = compile(input);
    const { unconfirmed } = next.lifecycle;
    if (!unconfirmed) return compiled;
    const policy = formerPolicies(unconfirmed.former, []) ?? noPolicy;
    return withFallback(compiled, compile({ ...input, policy }), timestamp(unconfirmed.deadline));
  }

  function compileInput(next: State, documents: readonly string[]): CompileInput | undefined {
    const inventory = inventoryOf(next, documents);
    if (!inventory) return undefined;
    const names = new Set(inventory.servers.map((server) => server.name));
    // Of parts the compiler asks itself which are there: an inventory may have a hundred thousand hosts.
    const servers = { has: (name: string) => names.has(name) || parsePart(name) !== undefined };
    const addresses = new Map([...next.names].map(([name, known]) => [name, known.addresses]));
    const shields = (next.bundles === state.bundles ? knowledge : readKnowledge(next, documents).knowledge)
      .shields;
    return {
      inventory: withFound(withNames(inventory, addresses), next),
      policy: policies(next.policy, documents) ?? noPolicy,
      shields,
      observed: observedTags(next, inventory, shields),
      stages: [...next.stages.values()].filter((item) => servers.has(item.server)),
      controllers,
      probers,
      enrolled: [...next.identities.keys()].flatMap((key) =>
        key.startsWith('agent:') ? key.slice('agent:'.length) : [],
      ),
      expired: next.lifecycle.expired,
      modes: [...next.modes.values()].filter((item) => servers.has(item.server)),
      exemptions: [...next.exemptions.values()],
      cuts: next.cuts,
    };
  }

  /** As it was written, with the tags that were changed since. */
  function inventoryOf({ inventory, retagged }: State, documents: readonly string[]): Inventory | undefined {
    const written = inventories(inventory, documents);
    return written && withTags(written, retagged);
  }

  /** What was made of the same inventory and the same webhooks is the same object: much is kept by it. */
  function withFound(inventory: Inventory, next: State): Inventory {
    const found = new Map(
      inventory.clusters.map(({ name }) => {
        const known = next.servers.get(partName('ingress-nginx', name))?.observation;
        return [name, known?.endpoints ?? []];
      }),
    );
    const key = canonicalJson([...found]);
    if (lastFound?.inventory !== inventory || lastFound.key !== key)
      lastFound = { inventory, key, made: withWebhooks(inventory, found) };
    return lastFound.made;
  }

  function warn(warnings: readonly string[]): void {
    for (const warning of warnings) {
      if (warned.has(warning)) continue;
      warned.add(warning);
      note(`warning: ${warning}`);
    }
  }

  function replay(): void {
    for (let entries = log.read(0, 1000); entries.length > 0; ) {
      for (const entry of entries) {
        try {
          apply(state, entry, Date.parse(entry.at));
        } catch (cause) {
          throw new Failure('bad-log', `entry ${entry.seq} (${entry.kind}) is not what a controller writes`, {
            cause,
          });
        }
        const plan =
          entry.kind === 'plan' && state.plans.get(workerKey(String(entry.data['kind']), entry.subject));
        if (plan) shelf.replayed(plan);
      }
      entries = log.read(entries.at(-1)?.seq ?? 0, 1000);
    }
    shelf.restore(state.plans, log.document);
  }

  /** Parses a document once per hash; only the latest is kept. */
  function cached<T>(parse: (text: string) => T) {
    let last: { hash: string; value: T } | undefined;
    return (hash: string | undefined, fresh: readonly string[]): T | undefined => {
      if (hash === undefined) return undefined;
      if (last?.hash === hash) return last.value;
      const text = fresh.find((item) => sha256(item) === hash) ?? log.document(hash);
      if (text === undefined) throw new Failure('bad-log', `the log lacks document ${hash}`);
      const value = parse(text);
      last = { hash, value };
      return value;
    };
  }
}

/** Of each server, with the flaws of other parts that its gate can stop. */
function observedTags(
  state: State,
  inventory: Inventory,
  shields: Knowledge['shields'],
): ReadonlyMap<string, readonly Tag[]> {
  const carried = carriedExposures(state, shields);
  return new Map(
    inventory.servers.map(({ name, cluster }) => {
      const own = state.servers.get(name)?.observation?.tags ?? [];
      const more = (carried.get(cluster) ?? [])
        .filter(({ status }) => isExposed(status))
        .map(({ advisory }): Tag => `cve=${advisory}`);
      return [name, more.length === 0 ? own : [...new Set([...own, ...more])].sort()];
    }),
  );
}
