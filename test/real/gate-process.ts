// A gate by a static plan, with what the tests of modes need: gate-process.ts CONFIG.json, until its input ends.
import { readFileSync } from 'node:fs';
import { type IdentityFiles, kubeadmFiles } from '../../src/gate/identity-files.ts';
import { runGate } from '../../src/gate/run.ts';

export type GateConfig = {
  readonly name: string;
  readonly plan: string;
  readonly pki: string;
  readonly dataDir: string;
  readonly files: Partial<IdentityFiles>;
};

const config = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as GateConfig;
const stop = new AbortController();
process.stdin.resume().on('end', () => stop.abort());
await runGate(
  {
    name: config.name,
    dataDir: config.dataDir,
    plans: { from: 'file', path: config.plan },
    files: { ...kubeadmFiles(config.pki), ...config.files },
    workers: 2,
    limits: { filesMs: 200 },
  },
  stop.signal,
);
