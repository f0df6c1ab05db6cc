// What committing a draft would do: its changes in words, whose verdict changes, which sessions it ends or would have
// refused, and what forbids it.
import { setImmediate } from 'node:timers/promises';
import { canonicalJson } from '../base/canonical-json.ts';
import { parseCidr } from '../base/cidr.ts';
import { timestamp } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
import { sha256 } from '../log/chain.ts';
import type { CallerBatch } from '../log/sessions.ts';
import type { Review, ReviewRequest, SessionImpact } from '../model/lifecycle.ts';
import type { Verdict } from '../model/policy.ts';
import { addressText, families, judge, type ResolvedService, resolveService } from '../nft/intervals.ts';
import { addressBook } from '../policy/address-book.ts';
import { type AddressSet, addressSet, nobody, subtract, toCidrTexts } from '../policy/address-set.ts';
import { changesOf } from '../policy/changes.ts';
import { type CompiledPlans, compile } from '../policy/compile.ts';
import { createParties } from '../policy/parties.ts';
import { checkShieldSettings } from '../policy/shield-settings.ts';
import { expiryKey, writtenRules } from '../policy/written-rules.ts';
import type { Core } from './core.ts';
import { generationOf } from './lifecycle-state.ts';
import { baseOf, draftNamed, policyAt, selected } from './policy-drafts.ts';
import { checkSiteValues } from './site-values.ts';

/** What the review reads sessions from. */
export type SessionSources = {
  /** Who got through since then, from every record that is kept, in batches. */
  readonly recorded: (since: string) => Iterable<CallerBatch>;
  /** Open connections, as agents reported them last. */
  readonly open: () => readonly OpenSessions[];
};
/** Connections of one source to one server. */
export type OpenSessions = {
  readonly server: string;
  readonly address: string;
  readonly sessions: number;
  readonly at: string;
};

/** Rows told of one kind. */
const maxRows = 200;
const maxNames = 8;

/** @throws Failure `unknown-draft`, `unknown-change` */
export async function review(core: Core, request: ReviewRequest, sources: SessionSources): Promise<Review> {
  const { name, only, days } = request;
  const draft = draftNamed(core, name);
  const { lifecycle } = core.state;
  const outdated = draft.base !== baseOf(core);
  // Of an outdated draft it is told what it was meant to change; what it would do can't be said.
  const { policy, changes } = outdated
    ? { policy: undefined, changes: changesOf(policyAt(core, draft.base), core.policyOf(draft.document)) }
    : selected(core, { name, only });
  const approver = policy && lifecycle.approvals.get(sha256(canonicalJson(policy)));
  const base = {
    name,
    base: draft.base,
    generation: generationOf(lifecycle),
    author: draft.author,
    changes: changes.map(({ key, kind, words, before, after }) => ({
      key,
      kind,
      words,
      ...(before === undefined ? {} : { before: before as never }),
      ...(after === undefined ? {} : { after: after as never }),
    })),
    approval: {
      required: core.policy().approval === 'required',
      ...(approver === undefined ? {} : { by: approver }),
    },
  };
  const input = core.compileInput();
  if (!input || !policy) return { ...base, warnings: [], effects: [], invariants: [] };
  const now = core.clock.now();
  const over = writtenRules(policy).flatMap(({ rule }) =>
    rule.expires !== undefined && Date.parse(rule.expires) <= now ? (expiryKey(rule) ?? []) : [],
  );
  const expired = new Set([...(input.expired ?? []), ...over]);
  let after: CompiledPlans;
  const before = compile(input);
  try {
    checkShieldSettings(policy, input.shields);
    checkSiteValues(policy, input.shields);
    after = compile({ ...input, policy, expired });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { code, message, place, hint } = error;
    const refused = {
      code,
      message,
      ...(place === undefined ? {} : { place }),
      ...(hint === undefined ? {} : { hint }),
    };
    return { ...base, refused, warnings: [], effects: [], invariants: [] };
  }
  const pairs = pairServices(before, after);
  const known = new Set(before.warnings);
  return {
    ...base,
    warnings: after.warnings.filter((warning) => !known.has(warning)),
    effects: effectsOf(pairs, core),
    invariants: invariantsOf(before, after),
    ...(days === undefined
      ? {}
      : { sessions: await sessionImpacts(pairs, sources, now - days * 86_400_000, core) }),
  };
}

/** By server: its rules as they are and as they would be. */
type Pairs = ReadonlyMap<string, { readonly before: ResolvedService; readonly after: ResolvedService }>;

/** Each server as the agent of its own host judges it, and webhooks. */
function pairServices(before: CompiledPlans, after: CompiledPlans): Pairs {
  const own = (plans: CompiledPlans) =>
    new Map(
      [...plans.agents.values()].flatMap(({ services }) =>
        services
          // Webhooks are of no host: every agent of their cluster judges them alike.
          .filter(({ gateAddresses = [] }) => gateAddresses.length === 0)
          .map((service) => [service.server, service]),
      ),
    );
  const [was, now] = [own(before), own(after)];
  return new Map(
    [...was].flatMap(([server, service]) => {
      const next = now.get(server);
      if (!next || canonicalJson(service) === canonicalJson(next)) return [];
      return [[server, { before: resolveService(service), after: resolveService(next) }] as const];
    }),
  );
}

function effectsOf(pairs: Pairs, core: Core): Review['effects'] {
  const inventory = core.compileInput()?.inventory;
  if (!inventory) return [];
  const { entries } = addressBook(inventory);
  const placed = entries.map(({ address, name }) => ({ name, cidr: parseCidr(address) }));
  const nameOf = createParties(entries);
  return [...pairs].flatMap(([server, { before, after }]) => {
    const changed = new Map<
      string,
      { from: Verdict; to: Verdict; names: Set<string>; addresses: string[]; more: number }
    >();
    const into = (from: Verdict, to: Verdict) => {
      const key = `${from} ${to}`;
      const known = changed.get(key) ?? { from, to, names: new Set(), addresses: [], more: 0 };
      changed.set(key, known);
      return known;
    };
    for (const family of families) {
      for (const { first, last, from, to } of changedRanges(before, after, family)) {
        const effect = into(from, to);
        const { name } = nameOf(addressText(family, first));
        effect.names.add(name === 'unknown' ? 'addresses that nobody named' : name);
        if (effect.addresses.length < maxNames)
          effect.addresses.push(
            first === last
              ? addressText(family, first)
              : `${addressText(family, first)}-${addressText(family, last)}`,
          );
        else effect.more += 1;
      }
    }
    for (const { name, cidr } of placed) {
      const text = cidr.text.split('/')[0] ?? '';
      const [was, now] = [judge(before, text).verdict, judge(after, text).verdict];
      if (was !== now) into(was, now).names.add(name);
    }
    return [...changed.values()].map(({ from, to, names, addresses, more }) => ({
      server,
      from,
      to,
      names: [...names].slice(0, maxNames),
      named: names.size,
      addresses: more > 0 ? [...addresses, `and ${more} more ranges`] : addresses,
    }));
  });
}

/** Of the invariants a policy decides one by itself, who has a way in by break-glass. The others hold, or it is refused. */
function invariantsOf(before: CompiledPlans, after: CompiledPlans): Review['invariants'] {
  const [was, now] = [doorsOf(before), doorsOf(after)];
  return [...new Set([...was.keys(), ...now.keys()])].flatMap((server) => {
    const [old, fresh] = [was.get(server) ?? nobody, now.get(server) ?? nobody];
    const [lost, gained] = [addressesIn(subtract(old, fresh)), addressesIn(subtract(fresh, old))];
    return lost.length + gained.length > 0 ? [{ name: 'break-glass' as const, server, lost, gained }] : [];
  });
}

/** Whom break-glass rules let in, by server. */
function doorsOf(plans: CompiledPlans): Map<string, AddressSet> {
  const doors = new Map<string, AddressSet>();
  for (const { services, keepOpen } of plans.agents.values()) {
    const paths = keepOpen.filter(({ name }) => name.startsWith('break-glass/'));
    if (paths.length === 0) continue;
    for (const { server, gateAddresses, endpoints } of services) {
      if (gateAddresses !== undefined) continue;
      const from = paths
        .filter(({ to }) => to.address === endpoints[0]?.address && to.port === endpoints[0].port)
        .flatMap((path) => path.from);
      if (from.length > 0) doors.set(server, addressSet(from.map((text) => parseCidr(text))));
    }
  }
  return doors;
}

function addressesIn(set: AddressSet): string[] {
  const all = toCidrTexts(set);
  return all.length <= maxNames
    ? all
    : [...all.slice(0, maxNames), `and ${all.length - maxNames} more ranges`];
}

/** Where the verdicts differ, as ranges in order: one pass over both. */
function* changedRanges(before: ResolvedService, after: ResolvedService, family: 4 | 6) {
  const verdict = ({ service }: ResolvedService, rule: number) =>
    service.rules[rule]?.verdict ?? service.default;
  const [was, now] = [before.ranges[family], after.ranges[family]];
  let open: { first: bigint; last: bigint; from: Verdict; to: Verdict } | undefined;
  for (let i = 0, j = 0; i < was.length && j < now.length; ) {
    const [a, b] = [was[i], now[j]];
    if (!a || !b) return;
    const first = a.first > b.first ? a.first : b.first;
    const last = a.last < b.last ? a.last : b.last;
    const [from, to] = [verdict(before, a.rule), verdict(after, b.rule)];
    if (open && open.from === from && open.to === to) open.last = last;
    else {
      if (open && open.from !== open.to) yield open;
      open = { first, last, from, to };
    }
    if (a.last === last) i += 1;
    if (b.last === last) j += 1;
  }
  if (open && open.from !== open.to) yield open;
}

async function sessionImpacts(
  pairs: Pairs,
  sources: SessionSources,
  since: number,
  core: Core,
): Promise<Review['sessions']> {
  const inventory = core.compileInput()?.inventory;
  const parties = createParties(inventory ? addressBook(inventory).entries : []);
  const impacts = () => new Map<string, SessionImpact>();
  const [live, recorded] = [impacts(), impacts()];
  const add = (
    into: Map<string, SessionImpact>,
    server: string,
    address: string,
    last: string,
    count: number,
    gone: Gone,
  ) => {
    const pair = pairs.get(server);
    if (!pair) return;
    const [was, now] = [judge(pair.before, address), judge(pair.after, address)];
    if (!gone(was.verdict, now.verdict)) return;
    const key = `${server} ${address}`;
    const known = into.get(key);
    into.set(key, {
      name: parties(address).name,
      address,
      server,
      rule: now.rule,
      verdict: now.verdict,
      sessions: (known?.sessions ?? 0) + count,
      last: known && known.last > last ? known.last : last,
    });
  };
  for (const { server, address, sessions, at } of sources.open())
    add(live, server, address, at, sessions, isCut);
  let looked = 0;
  for (const { records, callers } of sources.recorded(timestamp(since))) {
    looked += records;
    for (const { server, address, last, sessions } of callers)
      add(recorded, server, address, last, sessions, isRefused);
    // Agents and gates wait for nothing longer than a batch.
    await setImmediate();
  }
  const rows = (found: ReadonlyMap<string, SessionImpact>) =>
    [...found.values()].sort((a, b) => b.sessions - a.sessions).slice(0, maxRows);
  return { since: timestamp(since), looked, live: rows(live), recorded: rows(recorded) };
}

type Gone = (was: Verdict, now: Verdict) => boolean;
const isRefused: Gone = (was, now) =>
  (was === 'pass' || was === 'steer') && (now === 'deny' || now === 'drop');
/** A connection that goes to the server itself is cut as well when its caller is steered from now on. */
const isCut: Gone = (was, now) => isRefused(was, now) || (was === 'pass' && now === 'steer');
