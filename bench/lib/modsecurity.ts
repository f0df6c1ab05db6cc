// ModSecurity with the OWASP Core Rule Set in Debian's Apache, for scale: the same requests, answered from a file, with the
// rules and without. What the rules cost is the difference. They only detect, as the Core Rule Set would refuse PATCH.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../src/platform/run.ts';
import { freePort, start, stop, usage } from './processes.ts';

const modules = '/usr/lib/apache2/modules';
const needed = {
  apache2: '/usr/sbin/apache2',
  'libapache2-mod-security2': `${modules}/mod_security2.so`,
  'modsecurity-crs': '/usr/share/modsecurity-crs/owasp-crs.load',
};

/** dpkg's own placeholders. */
const format = `${['Package', 'Version'].map((name) => `\${${name}}`).join(' ')}\n`;

/** Debian's packages that are missing. */
export function missingForModsecurity(): string[] {
  return Object.entries(needed)
    .filter(([, file]) => !existsSync(file))
    .map(([name]) => name);
}

export async function modsecurityVersions(): Promise<Record<string, string>> {
  const { stdout } = await run('dpkg-query', ['-W', '-f', format, ...Object.keys(needed)]);
  return Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ') as [string, string]),
  );
}

/** Nanoseconds of Apache's CPU a request, all its processes counted, with the rules less without. */
export async function modsecurityCost(requests: readonly Buffer[], seconds: number): Promise<number[]> {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-modsecurity-'));
  chmodSync(folder, 0o755);
  try {
    const bare = await measure(folder, false, requests, seconds);
    const ruled = await measure(folder, true, requests, seconds);
    return requests.map((_, index) => (ruled[index] ?? Number.NaN) - (bare[index] ?? Number.NaN));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(
  folder: string,
  rules: boolean,
  requests: readonly Buffer[],
  seconds: number,
): Promise<number[]> {
  const port = await freePort();
  mkdirSync(join(folder, 'www'), { recursive: true });
  writeFileSync(join(folder, 'www/answer'), 'y'.repeat(2700));
  const file = join(folder, 'apache.conf');
  writeFileSync(file, configuration(folder, port, rules));
  const apache = start('/usr/sbin/apache2', ['-D', 'FOREGROUND', '-f', file]);
  try {
    const socket = await reach(port);
    try {
      const found: number[] = [];
      for (const request of requests) {
        await load(socket, request, 0.2);
        const before = usage(apache).cpuSeconds;
        const count = await load(socket, request, seconds);
        found.push(((usage(apache).cpuSeconds - before) * 1e9) / count);
      }
      return found;
    } finally {
      socket.destroy();
    }
  } finally {
    await stop(apache, 'signals');
  }
}

function configuration(folder: string, port: number, rules: boolean): string {
  const load = (name: string) => `LoadModule ${name}_module ${modules}/mod_${name}.so\n`;
  return `ServerName kubernetes
ServerRoot ${folder}
DefaultRuntimeDir ${folder}
PidFile ${folder}/pid
ErrorLog ${folder}/error.log
LogLevel emerg
Listen 127.0.0.1:${port}
User www-data
Group www-data
${['mpm_event', 'authz_core', 'alias', 'unique_id'].map(load).join('')}StartServers 1
ServerLimit 1
ThreadsPerChild 4
MaxRequestWorkers 4
KeepAlive On
KeepAliveTimeout 60
MaxKeepAliveRequests 0
AliasMatch "^" "${folder}/www/answer"
<Directory ${folder}/www>
  Require all granted
  ForceType application/json
</Directory>
${
  rules
    ? `${load('security2')}Include /etc/modsecurity/modsecurity.conf-recommended
SecRuleEngine DetectionOnly
SecAuditEngine Off
SecAuditLog ${folder}/audit.log
SecRequestBodyLimit 4194304
SecRequestBodyNoFilesLimit 4194304
Include ${needed['modsecurity-crs']}
`
    : ''
}`;
}

async function reach(port: number): Promise<Socket> {
  const until = Date.now() + 20_000;
  for (;;) {
    try {
      return await new Promise<Socket>((resolve, reject) => {
        const socket = connect(port, '127.0.0.1');
        socket.once('connect', () => resolve(socket));
        socket.once('error', reject);
      });
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** One request after the other on the connection. @returns how many were answered */
async function load(socket: Socket, request: Buffer, seconds: number): Promise<number> {
  const until = performance.now() + seconds * 1000;
  let count = 0;
  while (performance.now() < until) {
    await ask(socket, request);
    count += 1;
  }
  return count;
}

function ask(socket: Socket, request: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    const done = (error?: Error) => {
      socket.off('data', read);
      socket.off('close', closed);
      if (error) reject(error);
      else resolve();
    };
    const closed = () => done(new Error(`Apache closed the connection after: ${text.slice(0, 200)}`));
    const read = (bytes: Buffer) => {
      text += bytes.toString('latin1');
      const head = text.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/^content-length: (\d+)/im.exec(text.slice(0, head))?.[1] ?? 0);
      if (text.length >= head + 4 + length) done();
    };
    socket.on('data', read);
    socket.on('close', closed);
    socket.write(request);
  });
}
