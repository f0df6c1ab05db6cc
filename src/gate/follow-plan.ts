// Watches for the gate's plan at the controller, applies it, answers with a receipt.
import { timestamp } from '../base/clock.ts';
import { describeFailure, Failure } from '../base/failure.ts';
import type { GatePlan, Plan, Receipt } from '../model/plan.ts';
import type { ControllerLink } from '../platform/controller-client.ts';
import { pause } from '../platform/pause.ts';
import type { Log } from './json-log.ts';

export type PlanFollower = {
  readonly name: string;
  readonly link: ControllerLink;
  readonly log: Log;
  readonly now: () => number;
  /** Puts a plan into force, whole. Answers how many connections were cut. @throws Failure; then the former one stands */
  readonly apply: (plan: GatePlan) => Promise<number>;
  /** After each receipt, sent or not. */
  readonly applied: () => void;
};

const waitSeconds = 30;
const minBackoffMs = 200;
const maxBackoffMs = 5_000;

/**
 * Runs until the signal is aborted. The first question is for any plan at all, so that a controller which began anew
 * (its generations start from 1 again) is followed too. While it is away, what is in force stays in force.
 */
export async function followPlan(follower: PlanFollower, signal: AbortSignal): Promise<void> {
  const { link, log } = follower;
  let after = 0;
  let backoff = minBackoffMs;
  let away = false;
  while (!signal.aborted) {
    try {
      const plan = await link.nextPlan(after, waitSeconds, signal);
      if (away) log('info', 'controller-back');
      away = false;
      backoff = minBackoffMs;
      if (!plan) continue;
      after = plan.generation;
      const receipt = await applyPlan(follower, plan);
      follower.applied();
      await deliver(follower, receipt, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!away) log('warning', 'controller-away', { error: describeFailure(error) });
      away = true;
      await pause(backoff, signal);
      backoff = Math.min(maxBackoffMs, backoff * 2);
    }
  }
}

async function applyPlan({ name, log, now, apply }: PlanFollower, plan: Plan): Promise<Receipt> {
  const began = now();
  let error: string | undefined;
  let connectionsCut = 0;
  try {
    if (plan.kind !== 'gate' || plan.target !== name) {
      throw new Failure('wrong-plan', `this plan is for the ${plan.kind} '${plan.target}'`);
    }
    connectionsCut = await apply(plan);
    log('info', 'plan-applied', { generation: plan.generation, listeners: plan.listeners.length });
  } catch (cause) {
    error = describeFailure(cause);
    log('error', 'plan-refused', { generation: plan.generation, error });
  }
  const ended = now();
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

/** Tries until the controller has it or says no; a later plan waits behind it, so receipts keep their order. */
async function deliver({ link, log }: PlanFollower, receipt: Receipt, signal: AbortSignal): Promise<void> {
  let backoff = minBackoffMs;
  while (!signal.aborted) {
    try {
      return await link.sendReceipt(receipt);
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== 'controller-unreachable') {
        return log('error', 'receipt-refused', { error: describeFailure(error) });
      }
      await pause(backoff, signal);
      backoff = Math.min(maxBackoffMs, backoff * 2);
    }
  }
}
