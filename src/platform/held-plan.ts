// The plan that a worker got last, from which the next one may come as a change.
import { applyPatch } from '../base/patch.ts';
import { Plan } from '../model/plan.ts';
import type { PlanAnswer, PlanChange } from '../model/plan-change.ts';
import { digestOf } from '../model/plan-digest.ts';

export type HeldPlan = {
  /** Digest of the body that is held; undefined when there is none. */
  digest(): string | undefined;
  /** The plan of an answer; undefined when it is a change that doesn't fit. Then nothing is held any more. */
  take(answer: PlanAnswer): Plan | undefined;
};

type Body = Omit<Plan, 'generation' | 'issuedAt'>;

export function createHeldPlan(): HeldPlan {
  let held: { readonly body: Body; digest?: string } | undefined;
  const digest = (): string | undefined => {
    if (held) held.digest ??= digestOf(held.body);
    return held?.digest;
  };
  return {
    digest,
    take(answer) {
      if (answer.kind === 'change') {
        const former = digest() === answer.from ? held?.body : undefined;
        const plan = former && changed(former, answer);
        held = plan && { body: bodyOf(plan), digest: answer.digest };
        return plan;
      }
      held = { body: bodyOf(answer) };
      return answer;
    },
  };
}

function bodyOf({ generation: _, issuedAt: __, ...body }: Plan): Body {
  return body;
}

/**
 * The whole of it has been checked when it came, and what is new in it is checked here. That it was put together
 * rightly is known by its digest.
 */
function changed(former: Body, { patch, digest, generation, issuedAt }: PlanChange): Plan | undefined {
  let patched: ReturnType<typeof applyPatch>;
  try {
    patched = applyPatch(former, patch);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  const { value, fresh } = patched;
  if (digestOf(value, former) !== digest) return undefined;
  if (!Plan.safeParse({ ...(fresh as object), generation, issuedAt }).success) return undefined;
  return { ...(value as object), generation, issuedAt } as Plan;
}
