// What a plan allows but is worth a look, a sentence each.
import type { ApiServer } from '../model/inventory.ts';
import type { Tag } from '../model/tag.ts';
import type { AddressBook } from './address-book.ts';
import { isEmpty } from './address-set.ts';
import { matches, parseExpression } from './expression.ts';
import { hostServiceNames } from './host-services.ts';
import type { JudgedService } from './invariants.ts';
import { endsOf } from './rule-ends.ts';
import type { ServerStages } from './stages.ts';
import { inspectionGap, opensWithoutGate } from './uninspected.ts';
import type { WrittenRule } from './written-rules.ts';

/** Rules that select nobody, or no server: allowed, for tags come and go, but often a slip of the pen. */
export function unheededRules(
  rules: readonly WrittenRule[],
  book: AddressBook,
  tags: ReadonlyMap<string, Tag[]>,
): string[] {
  // Every expression is read here, also of rules that speak of no server, so that a broken one never waits unseen.
  return rules.flatMap(({ rule, place, servers }) => {
    if (servers) parseExpression(servers.text, servers.place);
    return endsOf(rule).flatMap(([mine, theirs]) => {
      const service = parseExpression(rule[mine], `${place}.${mine}`);
      const callers = book.select(rule[theirs], `${place}.${theirs}`);
      // Of services beside the API server hosts are meant, not servers.
      if (rule.direction === '<>' || hostServiceNames.has(rule.service ?? 'api')) return [];
      return [
        ...(isEmpty(callers) ? [`rule '${rule.id}': no address matches ${theirs}: ${rule[theirs]}`] : []),
        ...([...tags.values()].some((own) => matches(service, own))
          ? []
          : [`rule '${rule.id}': no server matches ${mine}: ${rule[mine]}`]),
      ];
    });
  });
}

export function gapWarnings(server: ApiServer, { inspecting, shadow }: ServerStages): string[] {
  const ids = inspecting.map(({ id }) => id).filter((id) => !shadow.has(id));
  const gap = ids.length > 0 ? inspectionGap(server, ids) : undefined;
  const open = ids.length > 0 && opensWithoutGate(server);
  return [
    ...(gap === undefined ? [] : [`server '${server.name}' is in ${gap}`]),
    ...(open
      ? [
          `server '${server.name}' is open to ${ids.join(', ')} whenever its gate is down (failure.gateDown: open)`,
        ]
      : []),
  ];
}

export function breakGlassWarnings({ server, people }: JudgedService, stages: ServerStages): string[] {
  if (stages.blocking.length === 0) return [];
  const doors = people.filter(({ rule }) => rule.tier === 'break-glass' && rule.action === 'pass');
  if (doors.some(({ from }) => !isEmpty(from))) return [];
  const why =
    doors.length === 0 ? 'there is no break-glass rule for it' : 'its break-glass rules select nobody';
  return [`server '${server.name}' is blocked and ${why}: nobody outside the cluster can reach it`];
}

export function unwatchedHosts(cluster: string, hosts: readonly string[]): string[] {
  if (hosts.length === 0) return [];
  return [
    `cluster '${cluster}' has hosts without an agent (${someOf(hosts)}): what they forward under their own address, as masqueraded pods, reaches its servers like the hosts themselves, past block and inspect`,
  ];
}

export function bareHosts(cluster: string, hosts: readonly string[]): string[] {
  return [
    `cluster '${cluster}' has hosts without an agent (${someOf(hosts)}): their kubelet and other services stay open to everybody`,
  ];
}

function someOf(hosts: readonly string[]): string {
  return `${hosts.slice(0, 3).join(', ')}${hosts.length > 3 ? ` and ${hosts.length - 3} more` : ''}`;
}
