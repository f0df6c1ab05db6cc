// An ordinary day of a developer with a real kubectl: get, watch, logs -f, exec; and what the server's audit says of it.

import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { AuditLine } from '../audit.ts';
import type { Kubeconfig } from '../pki.ts';
import type { HostName } from '../topology.ts';
import { type Lab, longestSeconds } from './lab.ts';

export type Day = {
  readonly get: boolean;
  readonly watch: boolean;
  readonly logs: boolean;
  readonly exec: boolean;
  /** What failed, as kubectl said it. */
  readonly said: readonly string[];
};

/** get, watch (three events), logs -f (five lines), exec with an answer. All four at once. */
export async function developerDay(lab: Lab, kubeconfig: Kubeconfig = 'developer'): Promise<Day> {
  const said: string[] = [];
  const ran = async (args: readonly string[], holds: (stdout: string) => boolean) => {
    const result = await lab.range.kubectl('developer', kubeconfig, args);
    const ok = result.code === 0 && holds(result.stdout);
    if (!ok) said.push(`kubectl ${args[0]}: ${result.stderr.trim() || result.stdout.trim()}`);
    return ok;
  };
  const goesOn = async (args: readonly string[], count: number) => {
    const { lines, stderr } = await followKubectl(lab, kubeconfig, args, count);
    if (lines.length < count)
      said.push(`kubectl ${args[0]}: ${lines.length} of ${count} lines: ${stderr.trim()}`);
    return lines.length >= count;
  };
  const [get, watch, logs, exec] = await Promise.all([
    ran(['get', 'pods', '-n', 'lab'], (out) => out.includes('web')),
    goesOn(['get', 'pods', '-n', 'lab', '-w', '--no-headers'], 3),
    goesOn(['logs', '-f', '-n', 'lab', 'web'], 5),
    ran(['exec', '-n', 'lab', 'web', '--', 'echo', 'hello from exec'], (out) =>
      out.includes('hello from exec'),
    ),
  ]);
  return { get, watch, logs, exec, said };
}

export function allWell(day: Day): boolean {
  return day.get && day.watch && day.logs && day.exec;
}

/** Lines of a kubectl that goes on, until there are `count` or the time is up; then it is ended. */
async function followKubectl(
  lab: Lab,
  kubeconfig: Kubeconfig,
  args: readonly string[],
  count: number,
): Promise<{ lines: string[]; stderr: string }> {
  const child = lab.range.startKubectl('developer', kubeconfig, args);
  const lines: string[] = [];
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), longestSeconds * 1000);
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      if (lines.length === count) child.kill('SIGKILL');
    });
  }
  await once(child, 'close');
  clearTimeout(timer);
  return { lines, stderr };
}

/** One kubectl get that is expected to fail: how it failed and how long it took. */
export async function refusedGet(
  lab: Lab,
  host: HostName,
  kubeconfig: Kubeconfig,
): Promise<{ refused: boolean; ms: number; said: string }> {
  const started = performance.now();
  const result = await lab.range.kubectl(host, kubeconfig, ['get', 'pods', '-n', 'lab']);
  const said = result.stderr.trim().split('\n').at(-1) ?? '';
  return {
    refused: result.code !== 0 && /refused|reset/i.test(result.stderr),
    ms: Math.round(performance.now() - started),
    said,
  };
}

export type Seen = {
  readonly user: string;
  readonly groups: readonly string[];
  readonly method: string;
  readonly sourceIPs: readonly string[];
};

/** Who the server's audit says was there, from `since` (milliseconds) on: each identity once. */
export function seenByServer(lab: Lab, since: number, by: (line: AuditLine) => boolean = () => true): Seen[] {
  const seen = new Map<string, Seen>();
  for (const line of lab.range.audit()) {
    if (Date.parse(line.time) < since || !by(line)) continue;
    const { user, groups, method, sourceIPs } = line;
    seen.set(JSON.stringify([user, method, sourceIPs]), { user, groups, method, sourceIPs });
  }
  return [...seen.values()];
}

/** Is this audit line a kubectl of the developer's host? */
export function fromDeveloper(lab: Lab): (line: AuditLine) => boolean {
  const { ipv4, ipv6 } = lab.range.topology.hosts.developer;
  return (line) => line.sourceIPs.includes(ipv4) || line.sourceIPs.includes(ipv6);
}
