// Child processes of a benchmark: started, measured by /proc with all their children, ended with it.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

/** Starts a program whose standard input stays open until `stop`. Standard error goes to ours. */
export function start(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } });
}

/** Ends a child: by its standard input, which our own programs read, or by SIGTERM; then by SIGKILL. */
export async function stop(child: ChildProcess, reads: 'input' | 'signals' = 'input'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  if (reads === 'input') child.stdin?.end();
  else child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await gone;
  clearTimeout(late);
}

/** Reads a child's JSON lines one by one. Rejects when it ends without the next. */
export function lines(child: ChildProcess): () => Promise<unknown> {
  if (!child.stdout) throw new TypeError('no piped output');
  const reader = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return async () => {
    const { value, done } = await reader.next();
    if (done) throw new Error('a process of the benchmark ended before it had said what it measured');
    return JSON.parse(value) as unknown;
  };
}

export type Usage = { readonly cpuSeconds: number; readonly residentBytes: number };

/** CPU (user and system, resolution 10 ms) and memory of a process and its children, as they are now. */
export function usage(child: ChildProcess): Usage {
  let ticks = 0;
  let pages = 0;
  for (const pid of tree(child.pid ?? 0)) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field may hold spaces; it ends with the last parenthesis. utime, stime and rss are fields 14, 15, 24.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
    pages += Number(fields[21]);
  }
  return { cpuSeconds: ticks / 100, residentBytes: pages * 4096 };
}

function tree(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  return [pid, ...children.flatMap((child) => tree(Number(child)))];
}

/** A loopback port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
