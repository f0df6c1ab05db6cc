// Runs the demo: builds the range, takes the seven steps, and tells what was seen.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeFailure } from '../../src/base/failure.ts';
import { startRange } from '../range.ts';
import { createLab } from './lab.ts';
import type { Carried, Proof } from './step.ts';
import { steps } from './steps.ts';

export type StepResult = {
  readonly name: string;
  readonly ok: boolean;
  readonly seconds: number;
  readonly proof: Proof | { readonly error: string };
};
export type DemoResult = { readonly ok: boolean; readonly steps: readonly StepResult[] };

/**
 * @param options.signal when it aborts, the step under way fails as interrupted, and everything is taken down
 * @param options.keep leave the range's folder (logs, audit, kubeconfigs) behind
 * @throws Failure `range-failed` when the range can't be built; a step that fails is in the result, and ends the demo
 */
export async function runDemo(options: {
  note(line: string): void;
  keep: boolean;
  signal?: AbortSignal;
}): Promise<DemoResult> {
  const interrupted = new Promise<never>((_, reject) => {
    const stop = () => reject(new Error('interrupted'));
    options.signal?.addEventListener('abort', stop, { once: true });
  });
  interrupted.catch(() => {}); // told to the step that it ends
  const dir = mkdtempSync(join(tmpdir(), 'portcullis-demo-'));
  chmodSync(dir, 0o711); // the gate's user passes through to its own folder
  options.note(
    `building the range: hosts as network namespaces, a kube-apiserver v1.12.2, a kubelet, an attacker (${dir})`,
  );
  const results: StepResult[] = [];
  try {
    await using range = await startRange({
      dir: join(dir, 'range'),
      prefix: 'pcd',
      version: 'v1.12.2',
      serviceRouted: true,
    });
    const lab = createLab(range, dir, options.note);
    const carried: Carried = {};
    try {
      for (const [index, step] of steps.entries()) {
        options.note(`\n${index + 1}. ${step.title}`);
        const started = performance.now();
        const proof = await Promise.race([step.run(lab, carried), interrupted]).catch((error: unknown) => ({
          error: describeFailure(error),
        }));
        const seconds = Math.round((performance.now() - started) / 100) / 10;
        const checks = 'checks' in proof ? Object.entries(proof.checks) : [];
        const ok = checks.length > 0 && checks.every(([, holds]) => holds);
        for (const [what, holds] of checks) options.note(`  ${holds ? 'ok  ' : 'FAIL'} ${what}`);
        if ('error' in proof) options.note(`  FAIL ${String(proof.error)}`);
        results.push({ name: step.name, ok, seconds, proof });
        if (ok) continue;
        // Also where it is interrupted: perhaps because it hangs.
        options.note(`${JSON.stringify(proof)}\n${lab.evidence()}`);
        break;
      }
    } finally {
      await lab.dispose();
    }
  } finally {
    if (options.keep) options.note(`\nkept: ${dir}`);
    else rmSync(dir, { recursive: true, force: true });
  }
  return { ok: results.length === steps.length && results.every((step) => step.ok), steps: results };
}
