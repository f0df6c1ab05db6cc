// Step 7: what happened, and that nobody changed it.
import type { Lab } from './lab.ts';
import { type Proof, server, shield } from './step.ts';

export async function record(lab: Lab): Promise<Proof> {
  const verified = await lab.portcullis<{ ok: boolean; entries?: number }>('security', 'log', 'verify');
  const status = await lab.status();
  const stages = status.servers
    .find((one) => one.name === server)
    ?.stages.find((one) => one.shield === shield);
  lab.note(`  log verify: ${verified.ok ? 'clean' : 'NOT CLEAN'}, ${verified.entries} entries`);
  const window = Object.entries(stages?.seconds ?? {}).map(([stage, s]) => `${stage} ${s.toFixed(1)} s`);
  lab.note(`  exposure window: ${window.join(', ')}`);
  return {
    summary: `log verify ${verified.ok ? 'clean' : 'NOT CLEAN'}, ${verified.entries} entries; exposure window: ${window.join(', ')}`,
    checks: {
      'the log verifies': verified.ok,
      'every stage is on record': ['block', 'inspect', 'lifted'].every(
        (stage) => stages && stage in stages.seconds,
      ),
    },
    log: verified,
    secondsPerStage: stages?.seconds ?? {},
    sessions: status.sessions,
    incidents: status.incidents,
    workers: status.workers.map(({ kind, name, ok, applied }) => ({ kind, name, ok, generation: applied })),
  };
}
