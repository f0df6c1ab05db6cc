// The gate by a static plan and a kubeadm-like folder of keys, as benchmarks and client tests run it. Its log is its
// standard error; it ends with its standard input.
//   gate-process.ts PLAN PKI-FOLDER DATA-FOLDER [WORKERS]      (in this one process when left out, for a profile or Bun)
import { readFileSync } from 'node:fs';
import { kubeadmFiles } from '../../src/gate/identity-files.ts';
import { runGate } from '../../src/gate/run.ts';
import { GatePlan } from '../../src/model/plan.ts';

const [plan = '', folder = '', dataDir = '', workers] = process.argv.slice(2);
const { target } = GatePlan.parse(JSON.parse(readFileSync(plan, 'utf8')));
const stop = new AbortController();
process.stdin.resume().on('end', () => stop.abort());
await runGate(
  {
    name: target,
    dataDir,
    plans: { from: 'file', path: plan },
    files: kubeadmFiles(folder),
    ...(workers === undefined ? {} : { workers: Number(workers) }),
  },
  stop.signal,
);
