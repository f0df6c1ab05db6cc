// The gate as the benchmark runs it: a static plan, a kubeadm-like folder of keys. Ends with its standard input.
//   gate-process.ts PLAN PKI-FOLDER DATA-FOLDER
import { kubeadmFiles } from '../../src/gate/identity-files.ts';
import { runGate } from '../../src/gate/run.ts';

const [plan = '', folder = '', dataDir = ''] = process.argv.slice(2);
const stop = new AbortController();
process.stdin.resume().on('end', () => stop.abort());
await runGate(
  { name: 'bench', dataDir, plans: { from: 'file', path: plan }, files: kubeadmFiles(folder) },
  stop.signal,
);
