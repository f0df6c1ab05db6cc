// Network namespaces for kernel tests: a protected host in the middle, callers on one side, a back end on the other.
// Everything is made here and removed here; nothing touches the host's own network.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { OpenSockets } from '../../src/agent/challenge.ts';
import type { Runner } from '../../src/agent/host.ts';
import { openRawSockets } from '../../src/platform/raw-sockets.ts';
import { run } from '../../src/platform/run.ts';

/** A process inside a namespace that opens real connections (end.ts). */
export type End = {
  listen(port: number, host?: string): Promise<void>;
  closeListener(port: number): Promise<void>;
  /** Connections that this end accepted and still holds. */
  open(): Promise<number>;
  /** Waits until so many connections that it accepted have ended; how they did, those told of before left out. */
  ended(count: number, timeoutMs?: number): Promise<string[]>;
  /** Writes to everybody it accepted, every 2 ms, while on. */
  push(on: boolean): Promise<void>;
  /** Connects from an address (and a port of its own, where one is given); `said` is `<port> <caller as seen>`, or an error code, or `timeout`. */
  connect(from: string, to: string, port: number, timeoutMs?: number, fromPort?: number): Promise<Connection>;
  readonly process: ChildProcess;
};
export type Connection = {
  readonly said: string;
  /** Sends a line and waits for it: `hello`, or how the connection ended, or `timeout`. */
  echo(timeoutMs?: number): Promise<string>;
  /** Waits for the end: an error code, `end`, or `timeout`. */
  closed(timeoutMs?: number): Promise<{ readonly why: string; readonly at: number }>;
  end(): Promise<string>;
};

export type World = {
  /** Runs a program in the protected host's namespace. */
  readonly run: Runner;
  /** Raw sockets of the protected host. */
  readonly openSockets: OpenSockets;
  readonly hostNamespace: string;
  readonly callerNamespace: string;
  readonly backNamespace: string;
  /** Runs commands in the callers' namespace; those that find nothing to do may fail. */
  inCaller(commands: readonly (readonly string[])[]): Promise<void>;
  /** 10.0.0.1, 2001:db8::1, and 172.17.0.1 that no plan names. */
  readonly host: End;
  /** Callers: any address of 10.1/16, 10.7/16, 10.9/16, 192.0.2/24; 2001:db8:8::5 and 2001:db8:9::5. */
  readonly caller: End;
  /** 10.2.0.1 and 2001:db8:2::1, reached through the host, which forwards. */
  readonly back: End;
  /** 10.244.0.5, a pod of a routed CNI: the host's end of its wire has no address. */
  readonly pod: End;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Silence is known by waiting, and not for long where it is expected. Whatever else is awaited, on a slow machine too. */
export function patienceFor(said: string): number | undefined {
  return said === 'timeout' ? 700 : undefined;
}

let count = 0;

export async function makeWorld(): Promise<World> {
  if (process.getuid?.() !== 0) throw new Error('kernel tests make network namespaces: run them as root');
  count += 1;
  const names = ['h', 'c', 'b', 'p'].map((part) => `pck-${process.pid}-${count}${part}`);
  const [host = '', caller = '', back = '', pod = ''] = names;
  const ends: End[] = [];
  const dispose = async () => {
    for (const end of ends) end.process.kill('SIGKILL');
    for (const name of names) await run('ip', ['netns', 'delete', name]);
  };
  try {
    for (const name of names) {
      await must('ip', ['netns', 'add', name]);
      // Duplicate address detection would hold every IPv6 address back for a second or two.
      await must('ip', ['netns', 'exec', name, 'tee', '/proc/sys/net/ipv6/conf/default/accept_dad'], '0');
      await must('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
    }
    const wire = async (a: string, aName: string, b: string, bName: string) => {
      await must('ip', ['link', 'add', aName, 'netns', a, 'type', 'veth', 'peer', 'name', bName, 'netns', b]);
      await must('ip', ['-n', a, 'link', 'set', aName, 'up']);
      await must('ip', ['-n', b, 'link', 'set', bName, 'up']);
    };
    await wire(host, 'front', caller, 'eth0');
    await wire(host, 'rear', back, 'eth0');
    await wire(host, 'cali0', pod, 'eth0');
    await batch(host, [
      'address add 10.0.0.1/24 dev front',
      'address add 2001:db8::1/64 dev front nodad',
      'address add 172.17.0.1/24 dev rear',
      'address add 10.2.0.254/24 dev rear',
      '-6 address add 2001:db8:2::254/64 dev rear nodad',
      'route add 10.244.0.5 dev cali0',
      'route add default via 10.0.0.2',
      '-6 route add default via 2001:db8::2',
    ]);
    await batch(caller, [
      'address add 10.0.0.2/24 dev eth0',
      'address add 2001:db8::2/64 dev eth0 nodad',
      ...['10.1.0.0/16', '10.7.0.0/16', '10.9.0.0/16', '192.0.2.0/24'].map(
        (net) => `route add local ${net} dev lo`,
      ),
      'address add 2001:db8:8::5/128 dev lo nodad',
      'address add 2001:db8:9::5/128 dev lo nodad',
      ...['10.96.0.0/12', '10.2.0.0/24', '172.17.0.0/24'].map((net) => `route add ${net} via 10.0.0.1`),
      '-6 route add 2001:db8:2::/64 via 2001:db8::1',
    ]);
    await batch(back, [
      'address add 10.2.0.1/24 dev eth0',
      'address add 2001:db8:2::1/64 dev eth0 nodad',
      'route add default via 10.2.0.254',
      '-6 route add default via 2001:db8:2::254',
    ]);
    await batch(pod, [
      'address add 10.244.0.5/32 dev eth0',
      'route add 169.254.1.1 dev eth0',
      'route add default via 169.254.1.1',
    ]);
    const inHost: Runner = (file, args, options) =>
      run('ip', ['netns', 'exec', host, file, ...args], options);
    await inHost('tee', ['/proc/sys/net/ipv4/ip_forward'], { input: '1' });
    await inHost('tee', ['/proc/sys/net/ipv6/conf/all/forwarding'], { input: '1' });
    await inHost('tee', ['/proc/sys/net/ipv4/conf/cali0/proxy_arp'], { input: '1' });
    await inHost('tee', ['/proc/sys/net/ipv4/neigh/cali0/proxy_delay'], { input: '0' });
    for (const name of names) ends.push(startEnd(name));
    const [hostEnd, callerEnd, backEnd, podEnd] = ends as [End, End, End, End];
    return {
      run: inHost,
      openSockets: (mark) => inNamespace(host, () => openRawSockets(mark)),
      hostNamespace: host,
      callerNamespace: caller,
      backNamespace: back,
      async inCaller(commands) {
        for (const command of commands) await run('ip', ['netns', 'exec', caller, ...command]);
      },
      host: hostEnd,
      caller: callerEnd,
      back: backEnd,
      pod: podEnd,
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function startEnd(namespace: string): End {
  const child = spawn(
    'ip',
    ['netns', 'exec', namespace, process.execPath, new URL('./end.ts', import.meta.url).pathname],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const waiting = new Map<number, (answer: { result: unknown; at: number }) => void>();
  createInterface({ input: child.stdout }).on('line', (text) => {
    const answer = JSON.parse(text) as { id: number; result: unknown; at: number };
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  let last = 0;
  const ask = (command: Record<string, unknown>) => {
    last += 1;
    const id = last;
    const answered = new Promise<{ result: unknown; at: number }>((resolve) => waiting.set(id, resolve));
    child.stdin.write(`${JSON.stringify({ id, ...command })}\n`);
    return { id, answered };
  };
  const result = async (command: Record<string, unknown>) => (await ask(command).answered).result;
  return {
    process: child,
    async listen(port, host) {
      const said = await result({ do: 'listen', port, ...(host === undefined ? {} : { host }) });
      if (said !== 'ok') throw new Error(`listen ${port}: ${said}`);
    },
    async closeListener(port) {
      await result({ do: 'close-listener', port });
    },
    async push(on) {
      await result({ do: 'push', on });
    },
    open: async () => Number(await result({ do: 'open' })),
    ended: async (count, ms) =>
      (await result({ do: 'ended', count, ...(ms ? { timeoutMs: ms } : {}) })) as string[],
    async connect(from, to, port, timeoutMs, fromPort) {
      const limit = {
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        ...(fromPort === undefined ? {} : { fromPort }),
      };
      const { id, answered } = ask({ do: 'connect', from, to, port, ...limit });
      const said = String((await answered).result);
      return {
        said,
        echo: async (ms) =>
          String(await result({ do: 'echo', connection: id, ...(ms ? { timeoutMs: ms } : {}) })),
        async closed(ms) {
          const answer = await ask({ do: 'closed', connection: id, ...(ms ? { timeoutMs: ms } : {}) })
            .answered;
          return { why: String(answer.result), at: answer.at };
        },
        end: async () => String(await result({ do: 'end', connection: id })),
      };
    },
  };
}

/** Sockets stay in the namespace that they are opened in. */
function inNamespace<T>(name: string, work: () => T): T {
  const ffi = process.getBuiltinModule('node:ffi');
  using library = ffi.dlopen(null, { setns: { return: 'int32', arguments: ['int32', 'int32'] } });
  const enter = (path: string) => {
    const file = openSync(path, 'r');
    try {
      if (library.functions.setns(file, 0) !== 0) throw new Error(`setns ${path}`);
    } finally {
      closeSync(file);
    }
  };
  const home = openSync('/proc/thread-self/ns/net', 'r');
  try {
    enter(`/run/netns/${name}`);
    return work();
  } finally {
    enter(`/proc/self/fd/${home}`);
    closeSync(home);
  }
}

async function batch(namespace: string, lines: readonly string[]): Promise<void> {
  const four = lines.filter((line) => !line.startsWith('-6 '));
  const six = lines.filter((line) => line.startsWith('-6 ')).map((line) => line.slice(3));
  await must('ip', ['-n', namespace, '-batch', '-'], `${four.join('\n')}\n`);
  if (six.length > 0) await must('ip', ['-6', '-n', namespace, '-batch', '-'], `${six.join('\n')}\n`);
}

async function must(file: string, args: readonly string[], input?: string): Promise<void> {
  const ran = await run(file, args, input === undefined ? {} : { input });
  if (ran.code !== 0) throw new Error(`${file} ${args.join(' ')}: ${ran.stderr}`);
}
