// Watches for the agent's plan at the controller, applies it, answers with a receipt, and takes it back when it turns
// out to have cut the agent off, or nobody confirmed it in time (commit-confirm).
import { canonicalJson } from '../base/canonical-json.ts';
import { type Clock, timestamp } from '../base/clock.ts';
import { describeFailure, Failure } from '../base/failure.ts';
import type { AgentPlan, Plan, Receipt } from '../model/plan.ts';
import type { ControllerLink } from '../platform/controller-client.ts';
import { pause } from '../platform/pause.ts';
import { orAfter, type Refused, refusedAgain } from '../platform/plan-retry.ts';
import type { Applied } from './apply.ts';
import type { Enforcer } from './enforcer.ts';
import type { StoredPlan } from './plan-store.ts';
import { notAllCut } from './tear-down.ts';
import { fallback, stored, type Unconfirmed, unconfirmed } from './unconfirmed.ts';

export type PlanFollower = {
  readonly name: string;
  readonly link: ControllerLink;
  readonly enforcer: Enforcer;
  readonly clock: Clock;
  readonly log: (event: string, fields?: Record<string, unknown>) => void;
  /** How long the controller may be out of reach after a plan before the plan is taken back, ms. */
  readonly confirmMs: number;
  /** How the stored plan was resumed. */
  readonly begun: Followed;
  readonly store: (stored: StoredPlan) => void;
  /** After every change of what is in force. */
  readonly changed: () => void;
};

/** What is known of plans beside the one in force. */
type Followed = {
  /** Digest of a plan that was taken back: it is not tried again. */
  readonly rejected?: string | undefined;
  /** The plan in force, while it waits to be confirmed. */
  readonly unconfirmed?: Unconfirmed | undefined;
  readonly refused?: Refused | undefined;
};

const waitSeconds = 30;
const minBackoffMs = 200;
const maxBackoffMs = 5_000;

/**
 * Runs until the signal is aborted. The first question is for any plan at all, so that a controller which began anew
 * (its generations start from 1 again) is followed too. While it is away, what is in force stays in force.
 */
export async function followPlan(follower: PlanFollower, signal: AbortSignal): Promise<void> {
  const { link, log, enforcer } = follower;
  let known = follower.begun;
  let after = 0;
  let backoff = minBackoffMs;
  let away = false;
  while (!signal.aborted) {
    const until = untilDeadline(follower, known, signal);
    if (until !== signal && until.aborted) {
      known = await giveUp(follower, known, signal);
      continue;
    }
    const { refused } = known;
    if (refused && refused.at <= follower.clock.mono()) {
      known = await takePlan(follower, refused.plan, known, signal);
      continue;
    }
    const asked = orAfter(until, refused && refused.at - follower.clock.mono());
    try {
      const plan = await link.nextPlan(after, waitSeconds, asked);
      if (away) log('controller-back');
      away = false;
      backoff = minBackoffMs;
      if (!plan) continue;
      if (known.rejected === undefined || canonicalJson(plan) !== known.rejected)
        known = await takePlan(follower, plan, known, signal);
      after = plan.generation;
    } catch (error) {
      if (signal.aborted) return;
      if (asked.aborted) continue;
      if (!away) log('controller-away', { error: describeFailure(error), generation: enforcer.generation });
      away = true;
      await pause(backoff, asked);
      backoff = Math.min(maxBackoffMs, backoff * 2);
    }
  }
}

/** Also aborted when the plan in force should have been confirmed. */
function untilDeadline({ clock }: PlanFollower, { unconfirmed }: Followed, signal: AbortSignal): AbortSignal {
  if (!unconfirmed) return signal;
  const left = unconfirmed.deadline - clock.mono();
  if (left <= 0) return AbortSignal.abort();
  return orAfter(signal, left);
}

/** Nobody confirmed the plan in force: what was before it comes back. */
async function giveUp(follower: PlanFollower, known: Followed, signal: AbortSignal): Promise<Followed> {
  const { enforcer, clock, log } = follower;
  const plan = known.unconfirmed?.plan;
  if (!plan) return known;
  try {
    const { milliseconds, connectionsCut } = await enforcer.apply(fallback(plan));
    log('plan-not-confirmed', { generation: plan.generation, milliseconds, connectionsCut });
  } catch (error) {
    log('plan-not-taken-back', { generation: plan.generation, error: describeFailure(error) });
    return { ...known, unconfirmed: { plan, deadline: clock.mono() + maxBackoffMs } };
  }
  follower.changed();
  const rejected = canonicalJson(plan);
  keep(follower, { plan: fallback(plan), rejected });
  const why = new Failure('not-confirmed', 'nobody confirmed it in time; what was in force before it stands');
  await deliver(follower, receiptOf(follower, plan, undefined, describeFailure(why)), signal);
  return { rejected, refused: known.refused };
}

/** Applies one plan and sees to its receipt. */
async function takePlan(
  follower: PlanFollower,
  plan: Plan,
  known: Followed,
  signal: AbortSignal,
): Promise<Followed> {
  const { enforcer, log, clock } = follower;
  const former = enforcer.plan;
  if (former && samePlan(former, plan)) {
    const until = untilDeadline(follower, known, signal);
    await deliver(
      follower,
      receiptOf(follower, plan, { milliseconds: 0, connectionsCut: 0, leftOpen: 0 }),
      until,
    );
    return { ...known, refused: undefined };
  }
  let receipt: Receipt;
  let next: AgentPlan;
  let waiting: Unconfirmed | undefined;
  try {
    next = forUs(follower, plan);
    const applied = await enforcer.apply(next);
    receipt = receiptOf(follower, plan, applied);
    waiting = unconfirmed(next, clock);
    keep(follower, stored(next, waiting, clock));
    const { milliseconds, connectionsCut, leftOpen, failed, how } = applied;
    log('plan-applied', { generation: plan.generation, milliseconds, connectionsCut, leftOpen, failed, how });
  } catch (error) {
    return refuse(follower, plan, known, describeFailure(error), signal);
  }
  follower.changed();
  const taken: Followed = { unconfirmed: waiting };
  const until = untilDeadline(follower, taken, signal);
  // Taking a plan back opens what it closed: only a plan that could have cut us off is suspected of it.
  const bound = mayCutUsOff(next, follower.link.controllerPort) ? follower.confirmMs : undefined;
  if ((await reached(follower, receipt, until, bound)) || until.aborted) return taken;
  return rollBack(follower, { plan: next, waiting }, { plan: former, known }, receipt, signal);
}

/** The former plan stands. Told once for every reason. */
async function refuse(
  follower: PlanFollower,
  plan: Plan,
  known: Followed,
  error: string,
  signal: AbortSignal,
): Promise<Followed> {
  const before = known.refused?.plan === plan ? known.refused : undefined;
  if (before?.told === error) return { ...known, refused: refusedAgain(plan, follower.clock, before) };
  follower.log('plan-refused', { generation: plan.generation, error });
  const receipt = receiptOf(follower, plan, undefined, error);
  const told = await deliver(follower, receipt, untilDeadline(follower, known, signal), maxBackoffMs);
  return { ...known, refused: refusedAgain(plan, follower.clock, before, told ? error : undefined) };
}

/** Plans may be megabytes: most that differ do so in what names them. */
function samePlan(former: AgentPlan, plan: Plan): boolean {
  if (former.generation !== plan.generation || former.issuedAt !== plan.issuedAt) return false;
  return canonicalJson(former) === canonicalJson(plan);
}

/** The table judges the ports of its services and gates, and nothing else: can the controller's be one of them? */
function mayCutUsOff({ services }: AgentPlan, controllerPort: number): boolean {
  return services.some(
    ({ endpoints, gatePort }) =>
      gatePort === controllerPort || endpoints.some(({ port }) => port === controllerPort),
  );
}

/**
 * The controller answered before the plan and doesn't after it. With the former plan in force again, either it answers,
 * and the plan was to blame; or it doesn't, and it is away for a reason of its own: then the plan holds.
 */
async function rollBack(
  follower: PlanFollower,
  { plan, waiting }: { readonly plan: AgentPlan; readonly waiting: Unconfirmed | undefined },
  former: { readonly plan: AgentPlan | undefined; readonly known: Followed },
  receipt: Receipt,
  signal: AbortSignal,
): Promise<Followed> {
  const { enforcer, log, clock, confirmMs } = follower;
  const { generation } = plan;
  log('plan-rolled-back', { generation, to: former.plan?.generation ?? 0 });
  await (former.plan ? enforcer.apply(former.plan) : enforcer.withdraw());
  follower.changed();
  const before = former.plan ? stored(former.plan, former.known.unconfirmed, clock) : {};
  keep(follower, before);
  const away = `the controller was out of reach for ${confirmMs / 1000} s under this plan; the former one stands`;
  const error = describeFailure(new Failure('rolled-back', away));
  if (await reached(follower, receiptOf(follower, plan, undefined, error), signal, confirmMs)) {
    const rejected = canonicalJson(plan);
    keep(follower, { ...before, rejected });
    return { rejected, unconfirmed: former.known.unconfirmed };
  }
  const taken: Followed = { unconfirmed: waiting };
  if (signal.aborted) return taken;
  await enforcer.apply(plan);
  log('plan-reinstated', { generation, why: 'the controller is away under the former plan too' });
  keep(follower, stored(plan, waiting, clock));
  follower.changed();
  await deliver(follower, receipt, untilDeadline(follower, taken, signal));
  return taken;
}

/** Stores for the next start. A full disk doesn't stop enforcement. */
function keep({ store, log }: PlanFollower, plan: StoredPlan): void {
  try {
    store(plan);
  } catch (error) {
    log('plan-not-stored', { error: describeFailure(error) });
  }
}

function forUs({ name }: PlanFollower, plan: Plan): AgentPlan {
  if (plan.kind === 'agent' && plan.target === name) return plan;
  throw new Failure('wrong-plan', `this plan is for the ${plan.kind} '${plan.target}'`);
}

function receiptOf(
  { clock, name }: PlanFollower,
  plan: Plan,
  applied: (Pick<Applied, 'milliseconds' | 'connectionsCut' | 'leftOpen'> & Partial<Applied>) | undefined,
  refused?: string,
): Receipt {
  const incomplete = applied ? notAllCut(applied) : [];
  const error = refused ?? (incomplete.length > 0 ? incomplete.join('; ') : undefined);
  return {
    kind: 'agent',
    target: name,
    generation: plan.generation,
    ok: refused === undefined,
    ...(error === undefined ? {} : { error }),
    milliseconds: applied?.milliseconds ?? 0,
    connectionsCut: applied?.connectionsCut ?? 0,
    ...(applied?.cut && applied.cut.length > 0 ? { cut: [...applied.cut] } : {}),
    appliedAt: timestamp(clock.now()),
  };
}

/**
 * Delivers within `boundMs`, or at one more attempt after that: the whole time, and what was under way, may have gone by
 * while this host stood still.
 */
async function reached(
  follower: PlanFollower,
  receipt: Receipt,
  signal: AbortSignal,
  boundMs: number | undefined,
): Promise<boolean> {
  if (await deliver(follower, receipt, signal, boundMs)) return true;
  return !signal.aborted && (await tell(follower, receipt, aborted(signal)));
}

/**
 * Tries until the controller has the receipt or says no to it; that is an answer too. False when neither came within
 * `boundMs`, or the signal was aborted.
 */
async function deliver(
  follower: PlanFollower,
  receipt: Receipt,
  signal: AbortSignal,
  boundMs = Number.POSITIVE_INFINITY,
): Promise<boolean> {
  const bound = new AbortController();
  const timer = Number.isFinite(boundMs) ? setTimeout(() => bound.abort(), boundMs) : undefined;
  const until = AbortSignal.any([signal, bound.signal]);
  const stopped = aborted(until);
  let backoff = minBackoffMs;
  try {
    while (!until.aborted) {
      if (await tell(follower, receipt, stopped)) return true;
      await pause(backoff, until);
      backoff = Math.min(maxBackoffMs, backoff * 2);
    }
    return false;
  } finally {
    clearTimeout(timer);
  }
}

function aborted(signal: AbortSignal): Promise<'away'> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve('away'), { once: true });
  });
}

/** One attempt, unless it is stopped first. */
async function tell(
  { link, log }: PlanFollower,
  receipt: Receipt,
  stopped: Promise<'away'>,
): Promise<boolean> {
  const said = await Promise.race([attempt(link, receipt), stopped]);
  if (said instanceof Failure) log('receipt-refused', { error: describeFailure(said) });
  return said !== 'away';
}

async function attempt(link: ControllerLink, receipt: Receipt): Promise<'delivered' | 'away' | Failure> {
  try {
    await link.sendReceipt(receipt);
    return 'delivered';
  } catch (error) {
    if (error instanceof Failure && error.code !== 'controller-unreachable' && error.code !== 'overloaded') {
      return error;
    }
    return 'away';
  }
}
