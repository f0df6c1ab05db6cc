// The programs of other projects that the benchmark runs, and what to do when they are missing.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../src/platform/run.ts';

const needed: readonly (readonly [program: string, debianPackage: string])[] = [
  ['/usr/sbin/haproxy', 'haproxy'],
  ['/usr/sbin/nginx', 'nginx-light'],
];
const bunVersion = '1.4.5';

/** Debian's packages that are missing. */
export function missingPackages(): string[] {
  return needed.filter(([program]) => !existsSync(program)).map(([, name]) => name);
}

export async function versions(): Promise<{ haproxy: string; nginx: string; node: string }> {
  const [haproxy, nginx] = await Promise.all([
    run('/usr/sbin/haproxy', ['-v']),
    run('/usr/sbin/nginx', ['-v']),
  ]);
  const version = (text: string) => /\d+\.\d+\.\d+/.exec(text)?.[0] ?? 'unknown';
  return { haproxy: version(haproxy.stdout), nginx: version(nginx.stderr), node: process.version };
}

/**
 * Bun, fetched once into our cache folder: it is part of no installation. A string that isn't a path says why there is
 * none.
 */
export async function fetchBun(): Promise<
  { readonly program: string; readonly version: string } | { readonly why: string }
> {
  if (process.arch !== 'x64') return { why: `no Bun is fetched for ${process.arch}` };
  const folder = join(
    process.env['PORTCULLIS_CACHE'] ??
      join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'portcullis'),
    `bun-${bunVersion}`,
  );
  const program = join(folder, 'node_modules/@oven/bun-linux-x64/bin/bun');
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
    const name = `@oven/bun-linux-x64@${bunVersion}`;
    const ran = await run('npm', ['install', '--prefix', folder, '--no-audit', '--no-fund', name]);
    if (ran.code !== 0) return { why: `npm can't fetch ${name}: ${ran.stderr.split('\n')[0]}` };
  }
  const ran = await run(program, ['--version']);
  return ran.code === 0
    ? { program, version: bunVersion }
    : { why: `Bun does not start here: ${ran.stderr.trim()}` };
}
