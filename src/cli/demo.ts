// portcullis demo
import type { Command } from './command.ts';
import { table } from './table.ts';

export const demo: Command = {
  name: 'demo',
  summary: 'the whole way once on the built-in range: exposed, known, blocked, inspected, patched, lifted',
  details:
    'Needs root, for network namespaces and kernel tables; touches nothing outside its own namespaces. Takes about a minute;\n' +
    'interrupting it takes everything down.\n' +
    'With --json: {"ok", "steps": [{"name", "ok", "seconds", "proof"}]}.',
  options: {
    keep: { type: 'boolean', help: "keep the range's folder: service logs, audit log, kubeconfigs" },
  },
  arity: [0, 0],
  async run(context) {
    const { runDemo } = await import('../../range/demo/run.ts');
    const result = await runDemo({ note: context.note, keep: context.flag('keep'), signal: context.signal });
    if (context.json) context.print(JSON.stringify(result));
    else {
      const rows = result.steps.map((step) => [
        step.name,
        step.ok ? 'proven' : 'FAILED',
        `${step.seconds.toFixed(1)} s`,
        'error' in step.proof ? String(step.proof.error) : String(step.proof.summary),
      ]);
      context.print(`\n${table(['STEP', '', 'TIME', 'PROOF'], rows)}`);
    }
    // What the interrupted step still waits for has been taken down.
    if (context.signal.aborted) process.exit(3);
    return result.ok ? 0 : 3;
  },
};
