// The cases of the gate's benchmark, and how each is measured.
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import type { LoadConfig, LoadResult } from './load.ts';
import { lines, median, start, stop, type Usage, usage } from './processes.ts';
import { type Ground, mostConnections, type ProxyName, type RunningProxy } from './proxies.ts';
import { type Row, rounded } from './report.ts';
import type { RuleSetName } from './rules.ts';

export type Bench = {
  readonly ground: Ground;
  readonly names: readonly ProxyName[];
  readonly rounds: number;
  readonly seconds: number;
  readonly watches: number;
  /** Names of cases; all when left out. */
  readonly only: readonly string[] | undefined;
  note(line: string): void;
  row(row: Row): void;
};

type Sample = { readonly result: LoadResult; readonly before: Usage; readonly after: Usage };
type Case = {
  readonly name: string;
  readonly unit: string;
  readonly rules: readonly RuleSetName[];
  readonly way: keyof RunningProxy['ports'];
  readonly load: Pick<LoadConfig, 'kind' | 'connections' | 'path'> & Partial<LoadConfig>;
  value(sample: Sample): number;
};

const list = '/api/v1/namespaces/default/pods?limit=500';
const exec = '/api/v1/namespaces/lab/pods/web/exec?command=sh&stdin=true&stdout=true';
const all = ['none', 'catalogue', 'catalogue-x10'] as const;
const none = ['none'] as const;

const cpuOf = ({ before, after }: Sample) => after.cpuSeconds - before.cpuSeconds;
const perDone = (sample: Sample) => (cpuOf(sample) * 1e6) / sample.result.count;
const perMegabyte = (sample: Sample) => (cpuOf(sample) * 1e3) / (sample.result.bytes / 1e6);

const keepAlive = { kind: 'http1', connections: 16, path: list } as const;
const cases: readonly Case[] = [
  {
    name: 'h1-keepalive',
    unit: 'us/request',
    rules: all,
    way: 'requests',
    load: keepAlive,
    value: perDone,
  },
  {
    name: 'h2-1-stream',
    unit: 'us/request',
    rules: none,
    way: 'requests',
    load: { kind: 'http2', connections: 16, streams: 1, path: list },
    value: perDone,
  },
  {
    name: 'h2-8-streams',
    unit: 'us/request',
    rules: all,
    way: 'requests',
    load: { kind: 'http2', connections: 4, streams: 8, path: list },
    value: perDone,
  },
  {
    name: 'bulk',
    unit: 'ms/MB',
    rules: all,
    way: 'requests',
    load: { kind: 'http1', connections: 4, path: '/bulk' },
    value: perMegabyte,
  },
  {
    name: 'h2-bulk',
    unit: 'ms/MB',
    rules: none,
    way: 'requests',
    load: { kind: 'http2', connections: 2, streams: 2, path: '/bulk' },
    value: perMegabyte,
  },
  {
    name: 'tunnel',
    unit: 'ms/MB',
    rules: none,
    way: 'stays',
    load: { kind: 'tunnels', connections: 4, path: exec },
    value: perMegabyte,
  },
  {
    name: 'handshake-full',
    unit: 'us/handshake',
    rules: none,
    way: 'requests',
    load: { kind: 'handshakes', connections: 8, path: '' },
    value: perDone,
  },
  {
    name: 'handshake-resumed',
    unit: 'us/handshake',
    rules: none,
    way: 'requests',
    load: { kind: 'handshakes', connections: 8, path: '', resume: true },
    value: perDone,
  },
];

const headRulesOnly =
  'rules: HAProxy is given the conditions over heads that it has words for; for rules over bodies, bytes of an upgrade and rates it has none';

/** Runs what is wanted, giving each row when it is known. */
export async function benchCases(bench: Bench): Promise<void> {
  const wanted = (name: string) => !bench.only || bench.only.includes(name);
  for (const rules of all) {
    const here = cases.filter((one) => wanted(one.name) && one.rules.includes(rules));
    if (here.length === 0) continue;
    if (rules !== 'none') bench.note(headRulesOnly);
    const names = bench.names.filter((name) => rules === 'none' || name !== 'nginx');
    await withProxies(bench, names, rules, 1, async (proxies) => {
      for (const one of here) await measureCase(bench, one, rules, proxies);
    });
  }
  if (wanted('latency')) await measureLatency(bench);
  if (wanted('workers')) await measureWorkers(bench);
  if (wanted('idle-watch')) await measureWatches(bench);
}

async function withProxies(
  { ground }: Bench,
  names: readonly ProxyName[],
  rules: RuleSetName,
  workers: number,
  act: (proxies: readonly RunningProxy[]) => Promise<void>,
): Promise<void> {
  const proxies = await Promise.all(names.map((name) => ground.start(name, rules, workers)));
  await act(proxies);
  await Promise.all(proxies.map((proxy) => ground.stop(proxy)));
}

async function measureCase(
  bench: Bench,
  one: Case,
  rules: RuleSetName,
  proxies: readonly RunningProxy[],
): Promise<ReadonlyMap<ProxyName, Sample[]>> {
  const samples = new Map<ProxyName, Sample[]>();
  const able: RunningProxy[] = [];
  for (const proxy of proxies) {
    if (one.load.kind !== 'http2' || (await offersHttp2(proxy.ports.requests))) able.push(proxy);
    else bench.note(`${one.name}: ${proxy.name} offers no HTTP/2`);
  }
  for (let round = 0; round < bench.rounds; round += 1) {
    for (const proxy of able) {
      // The first round warms up for longer: code is compiled, connections to the server are made.
      const warmSeconds = round === 0 ? bench.seconds / 2 : bench.seconds / 5;
      const sample = await measure(bench, proxy, proxy.ports[one.way], { ...one.load, warmSeconds });
      if (sample) samples.set(proxy.name, [...(samples.get(proxy.name) ?? []), sample]);
    }
  }
  const values = Object.fromEntries(
    [...samples].map(([name, own]) => [name, median(own.map((sample) => one.value(sample)))]),
  );
  report(bench, one.name, rules, one.unit, values);
  return samples;
}

function report(
  bench: Bench,
  name: string,
  rules: RuleSetName,
  unit: string,
  values: { readonly [Name in ProxyName]?: number },
): void {
  const value = (proxy: ProxyName) => {
    const found = values[proxy];
    return found === undefined || Number.isNaN(found) ? null : rounded(found);
  };
  const { portcullis, haproxy } = values;
  bench.row({
    case: name,
    rules,
    unit,
    portcullis: value('portcullis'),
    haproxy: value('haproxy'),
    nginx: value('nginx'),
    bun: value('bun'),
    ratio: portcullis !== undefined && haproxy !== undefined ? rounded(portcullis / haproxy) : null,
  });
  process.stderr.write(`bench:gate: ${name}, rules: ${rules}\n`);
}

/** One load on a port; what the proxy used meanwhile. Undefined when it failed: noted. */
async function measure(
  bench: Bench,
  proxy: RunningProxy,
  port: number,
  load: Case['load'],
): Promise<Sample | undefined> {
  const fresh = usage(proxy.process);
  const { before, after, result } = await drive(bench, port, load, () => usage(proxy.process));
  if (!result || !before || !after) {
    bench.note(`${proxy.name} failed under ${load.kind}`);
    return undefined;
  }
  return { result, before: load.kind === 'watches' ? fresh : before, after };
}

async function drive<Seen>(
  bench: Bench,
  port: number,
  load: Case['load'],
  look: () => Seen,
): Promise<{ before?: Seen; after?: Seen; result?: LoadResult }> {
  const config: LoadConfig = {
    port,
    folder: bench.ground.folder,
    warmSeconds: bench.seconds / 5,
    seconds: bench.seconds,
    ...load,
  };
  const program = fileURLToPath(import.meta.resolve('./load.ts'));
  const child = start(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    program,
    JSON.stringify(config),
  ]);
  const next = lines(child);
  try {
    await next();
    const before = look();
    const result = (await next()) as LoadResult;
    return { before, after: look(), result };
  } catch {
    return {};
  } finally {
    await stop(child);
  }
}

function offersHttp2(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(
      { port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2', 'http/1.1'] },
      () => {
        resolve(socket.alpnProtocol === 'h2');
        socket.destroy();
      },
    );
    socket.on('error', () => resolve(false));
  });
}

/** What each adds to a request's latency, all at the same rate: half of what the slowest of them can do. */
async function measureLatency(bench: Bench): Promise<void> {
  await withProxies(bench, bench.names, 'none', 1, async (proxies) => {
    const rates: number[] = [];
    for (const proxy of proxies) {
      const sample = await measure(bench, proxy, proxy.ports.requests, keepAlive);
      if (sample) rates.push(sample.result.count / sample.result.seconds);
    }
    const load = { ...keepAlive, rate: Math.min(...rates) / 2 };
    const added: Record<'p50' | 'p99', Map<ProxyName, number[]>> = { p50: new Map(), p99: new Map() };
    for (let round = 0; round < bench.rounds; round += 1) {
      const direct = await drive(bench, bench.ground.servers.requests, load, () => undefined);
      if (!direct.result) return bench.note('latency: the server itself failed');
      for (const proxy of proxies) {
        const sample = await measure(bench, proxy, proxy.ports.requests, load);
        for (const which of ['p50', 'p99'] as const) {
          const value = sample ? sample.result[which] - direct.result[which] : Number.NaN;
          added[which].set(proxy.name, [...(added[which].get(proxy.name) ?? []), value]);
        }
      }
    }
    for (const which of ['p50', 'p99'] as const) {
      const medians = [...added[which]].map(([name, values]) => [name, median(values)] as const);
      report(bench, `added-${which}`, 'none', 'ms', Object.fromEntries(medians));
    }
  });
}

/** Twice the workers: how much more is done, and what a request costs then. */
async function measureWorkers(bench: Bench): Promise<void> {
  const perSecond: Record<1 | 2, { [Name in ProxyName]?: number }> = { 1: {}, 2: {} };
  const names = bench.names.filter((name) => name !== 'bun');
  for (const workers of [1, 2] as const) {
    await withProxies(bench, names, 'none', workers, async (proxies) => {
      const costs: { [Name in ProxyName]?: number } = {};
      for (const proxy of proxies) {
        const samples: Sample[] = [];
        for (let round = 0; round < bench.rounds; round += 1) {
          const sample = await measure(bench, proxy, proxy.ports.requests, { ...keepAlive, connections: 64 });
          if (sample) samples.push(sample);
        }
        perSecond[workers][proxy.name] = median(samples.map(({ result }) => result.count / result.seconds));
        costs[proxy.name] = median(samples.map(perDone));
      }
      if (workers === 2) report(bench, 'h1-keepalive-2-workers', 'none', 'us/request', costs);
    });
  }
  const speedups = names.map((name) => [name, (perSecond[2][name] ?? 0) / (perSecond[1][name] ?? 0)]);
  report(bench, 'speedup-2-workers', 'none', 'times', Object.fromEntries(speedups));
}

async function measureWatches(bench: Bench): Promise<void> {
  const most = mostConnections() - 50;
  const connections = Math.min(bench.watches, most);
  if (connections < bench.watches)
    bench.note(`idle-watch: ${most} watches; more need a higher limit of open files`);
  const path = '/api/v1/namespaces/default/pods?watch=1';
  const values: { [Name in ProxyName]?: number } = {};
  for (const name of bench.names) {
    await withProxies(bench, [name], 'none', 1, async ([proxy]) => {
      if (!proxy) return;
      const load = { kind: 'watches', connections, path, warmSeconds: 1.5, seconds: 0.1 } as const;
      const sample = await measure(bench, proxy, proxy.ports.stays, load);
      if (!sample) return;
      values[name] = (sample.after.residentBytes - sample.before.residentBytes) / 1024 / sample.result.count;
    });
  }
  report(bench, 'idle-watch', 'none', 'KiB/watch', values);
}
