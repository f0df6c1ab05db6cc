// Child processes of a benchmark: started, measured by /proc, ended with it.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';

/** Starts a program whose standard input stays open until `stop`. Standard error goes to ours. */
export function start(file: string, args: readonly string[]): ChildProcess {
  return spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
}

/** Ends a child: by its standard input, then SIGTERM for a program that doesn't read it, then SIGKILL. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.stdin?.end();
  const timers = [
    setTimeout(() => child.kill('SIGTERM'), 1_000),
    setTimeout(() => child.kill('SIGKILL'), 5_000),
  ];
  await gone;
  for (const timer of timers) clearTimeout(timer);
}

/** The first line that a child prints, as JSON. */
export function firstLine(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('\n')) resolve(JSON.parse(text.slice(0, text.indexOf('\n'))));
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`ended with code ${code} before it said anything`)));
  });
}

/** CPU seconds, user and system, of a process and all its threads. Resolution: 10 ms. */
export function cpuSeconds(child: ChildProcess): number {
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8');
  // The second field may hold spaces; it ends with the last parenthesis. utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Waits until something accepts on a loopback port. @throws after ten seconds */
export async function waitForPort(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const up = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.on('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing listens on port ${port}`);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
