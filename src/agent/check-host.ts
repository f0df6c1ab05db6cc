// May and can this host enforce? Asked before anything else, so that what is missing has a name.
import { readFileSync } from 'node:fs';
import { Failure } from '../base/failure.ts';
import { run as runProgram } from '../platform/run.ts';
import { kernelRefused, type Runner } from './host.ts';

/** CAP_NET_ADMIN, capability(7). */
const netAdmin = 12n;

const programs: readonly (readonly [string, string])[] = [
  ['nft', '--version'],
  ['conntrack', '--version'],
  ['ss', '-V'],
  ['ip', '-V'],
];

/**
 * @throws Failure `not-privileged` (neither root nor CAP_NET_ADMIN), `program-missing` (with the Debian package),
 * `kernel-refused` (the kernel has no nf_tables)
 */
export async function checkHost(run: Runner = runProgram): Promise<void> {
  if (!hasNetAdmin(readFileSync('/proc/self/status', 'utf8'))) {
    throw new Failure('not-privileged', 'the agent changes kernel tables and is not allowed to', {
      hint: 'run it as root, or with CAP_NET_ADMIN',
    });
  }
  for (const [file, version] of programs) await run(file, [version]);
  const tables = await run('nft', ['list', 'tables']);
  if (tables.code !== 0) throw kernelRefused('nf_tables', tables);
}

/** Does /proc/<pid>/status, proc_pid_status(5), show CAP_NET_ADMIN in the effective set? */
export function hasNetAdmin(status: string): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return effective !== undefined && ((BigInt(`0x${effective}`) >> netAdmin) & 1n) === 1n;
}
