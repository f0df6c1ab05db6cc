// Runs other programs: the only place that does.
import { spawn } from 'node:child_process';
import { Failure } from '../base/failure.ts';

export type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string };

/**
 * Runs a program to its end without a shell and collects what it printed. A code other than 0 is returned, not thrown.
 * @throws Failure `program-missing` when there is no such program, with what to install
 */
export function run(
  file: string,
  args: readonly string[],
  options: { input?: string; signal?: AbortSignal; env?: NodeJS.ProcessEnv } = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(options.signal ? { signal: options.signal } : {}),
      // Debian keeps nft, conntrack and ip in /usr/sbin, which a user's PATH may lack.
      env: { ...(options.env ?? process.env), PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.stdin.on('error', () => {}); // the program may end before it has read its input; its code tells
    child.on('error', (cause: NodeJS.ErrnoException) => {
      reject(cause.code === 'ENOENT' ? missing(file, cause) : cause);
    });
    child.on('close', (code) => {
      resolve({
        code: code ?? 128,
        stdout: Buffer.concat(out).toString(),
        stderr: Buffer.concat(err).toString(),
      });
    });
    child.stdin.end(options.input ?? '');
  });
}

const packages: Readonly<Record<string, string>> = {
  nft: 'nftables',
  conntrack: 'conntrack',
  ss: 'iproute2',
  ip: 'iproute2',
  kubectl: 'kubernetes-client',
  curl: 'curl',
  nghttp: 'nghttp2-client',
};

function missing(file: string, cause: unknown): Failure {
  const name = packages[file];
  return new Failure('program-missing', `the program '${file}' is not installed`, {
    cause,
    ...(name ? { hint: `apt-get install ${name}` } : {}),
  });
}
