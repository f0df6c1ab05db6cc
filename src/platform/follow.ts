// Runs a program that goes on until it is stopped, and hands over its output line by line.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/**
 * Resolves when the program has ended, with what it last wrote on standard error. It is stopped (SIGTERM) when the
 * signal is aborted, and doesn't outlive a reader who is too slow: lines wait in the pipe, not in memory.
 */
export function follow(
  file: string,
  args: readonly string[],
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<{ readonly code: number; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return resolve({ code: 0, stderr: '' });
    const child = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
    });
    const stop = () => child.kill('SIGTERM');
    signal.addEventListener('abort', stop);
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-1000);
    });
    createInterface({ input: child.stdout }).on('line', onLine);
    child.on('error', (error) => {
      signal.removeEventListener('abort', stop);
      reject(error);
    });
    child.on('close', (code) => {
      signal.removeEventListener('abort', stop);
      resolve({ code: code ?? 128, stderr });
    });
  });
}
