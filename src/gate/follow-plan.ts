// Watches for the gate's plan at the controller, applies it, answers with a receipt.
import { type Clock, timestamp } from '../base/clock.ts';
import { describeFailure, Failure } from '../base/failure.ts';
import type { GatePlan, Plan, Receipt } from '../model/plan.ts';
import type { ControllerLink } from '../platform/controller-client.ts';
import { pause } from '../platform/pause.ts';
import { orAfter, type Refused, refusedAgain } from '../platform/plan-retry.ts';
import type { Log } from './json-log.ts';

export type PlanFollower = {
  readonly name: string;
  readonly link: ControllerLink;
  readonly log: Log;
  readonly clock: Clock;
  /** Puts a plan into force, whole. Answers how many connections were cut. @throws Failure; then the former one stands */
  readonly apply: (plan: GatePlan) => Promise<number>;
  /** After each receipt, sent or not. */
  readonly applied: () => void;
};

const waitSeconds = 30;
const minBackoffMs = 200;
const maxBackoffMs = 5_000;
/** What a later attempt may find otherwise. */
const passing: ReadonlySet<string> = new Set(['controller-unreachable', 'overloaded']);

/**
 * Runs until the signal is aborted. The first question is for any plan at all, so that a controller which began anew
 * (its generations start from 1 again) is followed too. While it is away, what is in force stays in force.
 */
export async function followPlan(follower: PlanFollower, signal: AbortSignal): Promise<void> {
  const { link, log, clock } = follower;
  let after = 0;
  let backoff = minBackoffMs;
  let away = false;
  let refused: Refused | undefined;
  while (!signal.aborted) {
    if (refused && refused.at <= clock.mono()) {
      refused = await takePlan(follower, refused.plan, refused, signal);
      continue;
    }
    const asked = orAfter(signal, refused && refused.at - clock.mono());
    try {
      const plan = await link.nextPlan(after, waitSeconds, asked);
      if (away) log('info', 'controller-back');
      away = false;
      backoff = minBackoffMs;
      if (!plan) continue;
      after = plan.generation;
      refused = await takePlan(follower, plan, undefined, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (asked.aborted) continue;
      if (!away) log('warning', 'controller-away', { error: describeFailure(error) });
      away = true;
      await pause(backoff, asked);
      backoff = Math.min(maxBackoffMs, backoff * 2);
    }
  }
}

/** Applies one plan and sees to its receipt. Answers what is to be tried again; the controller is told of each reason once. */
async function takePlan(
  follower: PlanFollower,
  plan: Plan,
  before: Refused | undefined,
  signal: AbortSignal,
): Promise<Refused | undefined> {
  const { log, clock, applied } = follower;
  const { generation } = plan;
  const receipt = await applyPlan(follower, plan);
  const { ok, error } = receipt;
  const told = !ok && before?.told === error;
  if (ok)
    log('info', 'plan-applied', { generation, listeners: plan.kind === 'gate' ? plan.listeners.length : 0 });
  else if (!told) log('error', 'plan-refused', { generation, error });
  applied();
  if (told) return refusedAgain(plan, clock, before);
  const delivered = await deliver(follower, receipt, ok ? signal : orAfter(signal, maxBackoffMs));
  return ok ? undefined : refusedAgain(plan, clock, before, delivered ? error : undefined);
}

async function applyPlan({ name, clock, apply }: PlanFollower, plan: Plan): Promise<Receipt> {
  const began = clock.now();
  let error: string | undefined;
  let connectionsCut = 0;
  try {
    if (plan.kind !== 'gate' || plan.target !== name) {
      throw new Failure('wrong-plan', `this plan is for the ${plan.kind} '${plan.target}'`);
    }
    connectionsCut = await apply(plan);
  } catch (cause) {
    error = describeFailure(cause);
  }
  const ended = clock.now();
  return {
    kind: 'gate',
    target: name,
    generation: plan.generation,
    ok: error === undefined,
    ...(error === undefined ? {} : { error }),
    milliseconds: Math.max(0, ended - began),
    connectionsCut,
    appliedAt: timestamp(ended),
  };
}

/**
 * Tries until the controller has it or says no; a later plan waits behind it, so receipts keep their order. False when the
 * signal was aborted first.
 */
async function deliver({ link, log }: PlanFollower, receipt: Receipt, signal: AbortSignal): Promise<boolean> {
  let backoff = minBackoffMs;
  while (!signal.aborted) {
    try {
      await link.sendReceipt(receipt);
      return true;
    } catch (error) {
      if (!(error instanceof Failure) || !passing.has(error.code)) {
        log('error', 'receipt-refused', { error: describeFailure(error) });
        return true;
      }
      await pause(backoff, signal);
      backoff = Math.min(maxBackoffMs, backoff * 2);
    }
  }
  return false;
}
