// The steps of a test exchange, with what is repeated written out.
import type { PlainStep, ShieldTest } from '../model/shield.ts';

/** Steps that one test may come to: each also runs byte by byte, whenever the shield is loaded. */
export const maxSteps = 20_000;

/** As they are run; `reconnect` stands between the rounds of an exchange that is repeated. */
export function* plainSteps(test: Pick<ShieldTest, 'steps' | 'repeat'>): Generator<PlainStep> {
  for (let round = 0; round < (test.repeat ?? 1); round++) {
    if (round > 0) yield { reconnect: true };
    for (const step of test.steps) {
      if (!('repeat' in step)) yield step;
      else for (let time = 0; time < step.repeat; time++) yield* step.steps;
    }
  }
}

/** Each step once, with where it stands. */
export function* writtenSteps(
  test: Pick<ShieldTest, 'steps'>,
): Generator<{ readonly step: PlainStep; readonly path: readonly (string | number)[] }> {
  for (const [at, step] of test.steps.entries()) {
    if (!('repeat' in step)) yield { step, path: ['steps', at] };
    else
      for (const [inner, one] of step.steps.entries())
        yield { step: one, path: ['steps', at, 'steps', inner] };
  }
}

/** How many steps are run. */
export function stepCount(test: Pick<ShieldTest, 'steps' | 'repeat'>): number {
  const once = test.steps.reduce(
    (sum, step) => sum + ('repeat' in step ? step.repeat * step.steps.length : 1),
    0,
  );
  return once * (test.repeat ?? 1);
}
