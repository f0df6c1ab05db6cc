// The range's processes: `range/main.ts <part> --config FILE | --json TEXT`. Servers print {"ready":true} when they
// listen and serve until they are killed; clients print what they saw as JSON lines and end.
import { readText } from '../src/platform/files.ts';
import { type ApiServerConfig, runApiServer } from './apiserver.ts';
import { type ExploitConfig, runExploits } from './exploit.ts';
import { type HeartbeatConfig, startHeartbeat } from './heartbeat.ts';
import { type HoldConfig, runHold } from './hold.ts';
import { type KubeletConfig, runKubelet } from './kubelet.ts';
import { type MetricsApiConfig, runMetricsApi } from './metrics-api.ts';
import { type RawRequest, runRequests } from './request.ts';

const print = (line: unknown) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** Aborts at the end of standard input: told to stop, or whoever started this process is gone. */
const stop = new AbortController();
process.stdin.on('end', () => stop.abort());
process.stdin.resume();

/** Servers serve until they are told to stop. */
async function serve(start: Promise<void> | void): Promise<void> {
  await start;
  print({ ready: true });
  stop.signal.addEventListener('abort', () => process.exit(0));
  await new Promise(() => {});
}

const parts: Readonly<Record<string, (config: unknown) => Promise<unknown>>> = {
  apiserver: (config) => serve(runApiServer(config as ApiServerConfig)),
  kubelet: (config) => serve(runKubelet(config as KubeletConfig)),
  'metrics-api': (config) => serve(runMetricsApi(config as MetricsApiConfig)),
  heartbeat: (config) => serve(startHeartbeat(config as HeartbeatConfig)),
  exploit: (config) => runExploits(config as ExploitConfig).then(print),
  request: (config) => runRequests(config as RawRequest[]).then(print),
  hold: (config) => runHold(config as HoldConfig, stop.signal, print),
};

const [part = '', flag, value = ''] = process.argv.slice(2);
const start = parts[part];
if (!start || (flag !== '--config' && flag !== '--json')) {
  console.error(`usage: range/main.ts ${Object.keys(parts).join('|')} --config FILE | --json TEXT`);
  process.exitCode = 2;
} else {
  await start(JSON.parse(flag === '--config' ? readText(value) : value));
}
process.stdin.destroy();
