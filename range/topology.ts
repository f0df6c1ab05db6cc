// Hosts as network namespaces: each has its own addresses, routes, kernel tables and sockets, and nothing of it is in
// the machine's own network. Outside hosts stand in subnets of their own behind a router; the cluster's hosts share one.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { Failure } from '../src/base/failure.ts';
import { type Ran, run } from '../src/platform/run.ts';

export const hostNames = ['developer', 'attacker', 'breakglass', 'cp', 'node', 'security'] as const;
export type HostName = (typeof hostNames)[number];

export type RangeHost = { readonly namespace: string; readonly ipv4: string; readonly ipv6: string };

export type Topology = {
  readonly hosts: Readonly<Record<HostName, RangeHost>>;
  /** The cluster's service address of the API server (ClusterIP), DNATed on cp and node as kube-proxy does. */
  readonly service: { readonly address: string; readonly port: number };
  /** Starts a program on a host. Its pid is the program's own; it is killed with the topology at the latest. */
  spawnIn(host: HostName, argv: readonly [string, ...string[]], options?: SpawnOptions): ChildProcess;
  /** Runs a program on a host to its end. */
  runIn(
    host: HostName,
    argv: readonly string[],
    options?: { input?: string; signal?: AbortSignal; env?: NodeJS.ProcessEnv },
  ): Promise<Ran>;
  /** Kills what still runs in the namespaces and removes them. */
  [Symbol.asyncDispose](): Promise<void>;
};

export const apiServerPort = 6443;

type Segment = { readonly ipv4: string; readonly ipv6: string; readonly hosts: readonly HostName[] };
/** Subnets by their prefixes (/24 and /64); the router is `.1` and `::1` in each. Private and documentation ranges. */
const segments: readonly Segment[] = [
  { ipv4: '10.70.0', ipv6: 'fd70:0:0:0', hosts: ['cp', 'node', 'security'] },
  { ipv4: '10.70.1', ipv6: 'fd70:0:0:1', hosts: ['developer'] },
  { ipv4: '203.0.113', ipv6: '2001:db8:0:113', hosts: ['attacker'] },
  { ipv4: '198.51.100', ipv6: '2001:db8:0:100', hosts: ['breakglass'] },
];
const service = { address: '10.96.0.1', port: 443 } as const;

/**
 * Builds the namespaces `<prefix>-<pid>-<host>`. Those of a run whose process is gone (same prefix) are removed first.
 * Needs root. @throws Failure `range-failed` with what `ip` said
 */
export async function createTopology(options: {
  prefix: string;
  /** Route the service address from outside to the node, as networks that announce ClusterIPs do: one more way in. */
  serviceRouted: boolean;
}): Promise<Topology> {
  await removeLeftovers(options.prefix);
  const name = (host: string) => `${options.prefix}-${process.pid}-${host}`;
  const router = name('router');
  const hosts = Object.fromEntries(
    segments.flatMap((segment) =>
      segment.hosts.map((host, index) => [
        host,
        {
          namespace: name(host),
          ipv4: `${segment.ipv4}.${10 + index}`,
          ipv6: `${compress(segment.ipv6)}::${10 + index}`,
        },
      ]),
    ),
  ) as Record<HostName, RangeHost>;
  const children = new Set<ChildProcess>();

  async function dispose(): Promise<void> {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all([router, ...hostNames.map(name)].map(removeNamespace));
  }

  try {
    const all = [router, ...hostNames.map(name)];
    await ip(['-batch', '-'], all.map((ns) => `netns add ${ns}`).join('\n'));
    // Without this link-local addresses are tentative for a second, and the first IPv6 connection waits for them.
    const dad = ['net/ipv6/conf/default/accept_dad', 'net/ipv6/conf/all/accept_dad'];
    await Promise.all(all.map((ns) => sysctl(ns, dad, 0)));
    const route = options.serviceRouted ? [`route add ${service.address} via ${hosts.node.ipv4}`] : [];
    await ip(['-n', router, '-batch', '-'], [...routerCommands(name), ...route].join('\n'));
    await Promise.all(
      segments.flatMap((segment) =>
        segment.hosts.map((host) =>
          ip(['-n', name(host), '-batch', '-'], hostCommands(segment, hosts[host]).join('\n')),
        ),
      ),
    );
    await Promise.all([
      sysctl(router, ['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding']),
      // A node forwards for its pods, so the service address works through it from anywhere that routes to it.
      sysctl(name('node'), ['net/ipv4/ip_forward']),
      ...(['cp', 'node'] as const).map((host) => kubeProxy(name(host), hosts.cp.ipv4)),
    ]);
  } catch (error) {
    await dispose();
    throw error;
  }

  return {
    hosts,
    service,
    spawnIn(host, argv, spawnOptions = {}) {
      const child = spawn('ip', ['netns', 'exec', hosts[host].namespace, ...argv], {
        ...spawnOptions,
        env: { ...(spawnOptions.env ?? process.env), PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
      });
      children.add(child);
      child.once('exit', () => children.delete(child));
      return child;
    },
    runIn: (host, argv, runOptions) =>
      run('ip', ['netns', 'exec', hosts[host].namespace, ...argv], runOptions),
    [Symbol.asyncDispose]: dispose,
  };
}

function routerCommands(name: (host: string) => string): string[] {
  return [
    'link set lo up',
    ...segments.flatMap((segment, index) => [
      `link add seg${index} type bridge`,
      `link set seg${index} up`,
      `addr add ${segment.ipv4}.1/24 dev seg${index}`,
      `addr add ${compress(segment.ipv6)}::1/64 dev seg${index} nodad`,
      ...segment.hosts.flatMap((host) => [
        `link add ${host} type veth peer name eth0 netns ${name(host)}`,
        `link set ${host} master seg${index} up`,
      ]),
    ]),
  ];
}

function hostCommands(segment: Segment, host: RangeHost): string[] {
  return [
    'link set lo up',
    'link set eth0 up',
    `addr add ${host.ipv4}/24 dev eth0`,
    `addr add ${host.ipv6}/64 dev eth0 nodad`,
    `route add default via ${segment.ipv4}.1`,
    `route add ::/0 via ${compress(segment.ipv6)}::1`,
  ];
}

/**
 * What kube-proxy does for the `default/kubernetes` service, in a table of its own: the service address becomes the
 * server's, and callers from outside the cluster get the node's address, so that answers come back the same way.
 */
async function kubeProxy(namespace: string, server: string): Promise<void> {
  const rule = `ip daddr ${service.address} tcp dport ${service.port} dnat to ${server}:${apiServerPort}`;
  const table = `table ip kube_proxy {
  chain output { type nat hook output priority -100; ${rule}; }
  chain prerouting { type nat hook prerouting priority -100; ${rule}; }
  chain postrouting { type nat hook postrouting priority 100; ct status dnat ip saddr != ${segments[0]?.ipv4}.0/24 masquerade; }
}`;
  await checked('ip', ['netns', 'exec', namespace, 'nft', '-f', '-'], table);
}

async function sysctl(namespace: string, keys: readonly string[], value = 1): Promise<void> {
  const script = keys.map((key) => `echo ${value} > /proc/sys/${key}`).join(' && ');
  await checked('ip', ['netns', 'exec', namespace, 'sh', '-c', script]);
}

async function removeLeftovers(prefix: string): Promise<void> {
  const { stdout } = await run('ip', ['netns', 'list']);
  const leftovers = stdout
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
    .filter((ns) => {
      const pid = ns.startsWith(`${prefix}-`)
        ? /^(\d+)-[a-z]+$/.exec(ns.slice(prefix.length + 1))?.[1]
        : undefined;
      return pid !== undefined && !existsSync(`/proc/${pid}`);
    });
  await Promise.all(leftovers.map(removeNamespace));
}

async function removeNamespace(namespace: string): Promise<void> {
  const { stdout } = await run('ip', ['netns', 'pids', namespace]);
  for (const pid of stdout.split('\n').map(Number)) {
    if (pid > 0) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself between the listing and now.
      }
    }
  }
  await run('ip', ['netns', 'delete', namespace]);
}

async function ip(args: readonly string[], input: string): Promise<void> {
  await checked('ip', args, input);
}

async function checked(file: string, args: readonly string[], input = ''): Promise<void> {
  const ran = await run(file, args, { input });
  if (ran.code !== 0) {
    throw new Failure(
      'range-failed',
      `${file} ${args.join(' ')}: ${ran.stderr.trim() || `code ${ran.code}`}`,
      {
        hint: 'the range needs root and a kernel with network namespaces, bridges and nftables',
      },
    );
  }
}

/** `fd70:0:0:0` → `fd70`: the zeros join the `::` that follows. */
function compress(prefix: string): string {
  return prefix.replace(/(:0)+$/, '');
}
