// Whose identity ends soon, or has ended, and what somebody has to do about it.
import { timestamp } from '../base/clock.ts';
import type { EndingIdentity, Role } from '../model/api.ts';
import type { Core } from './core.ts';
import { splitWorkerKey } from './state.ts';

const dayMs = 86_400_000;
/** Workers renew themselves before this, and the controller its own. */
const warnedMs = 30 * dayMs;
/** Every agent, gate and person has to enrol anew: that wants planning. */
const authorityWarnedMs = 365 * dayMs;

export type Asking = { readonly role: Role; readonly name: string };

/** @param asking who wants to know: other people's are theirs to look after */
export function endingIdentities(
  core: Core,
  authorityEnds: number,
  asking: Asking | undefined,
): EndingIdentity[] {
  const now = core.clock.now();
  const hosts = new Set(core.inventory()?.hosts.map(({ name }) => name));
  const found = (role: EndingIdentity['role'], name: string, ends: number, todo: string, warned: number) =>
    ends - now > warned
      ? []
      : [{ role, name, ends: timestamp(ends), ended: ends <= now, todo: todo.replaceAll('NAME', name) }];
  const identities = [...core.state.identities].flatMap(([key, { expires }]) => {
    const { role, name } = splitWorkerKey(key);
    // A host that left the inventory has its identity end by itself.
    const concerned =
      role === 'agent' || role === 'gate' ? hosts.has(name) : role === asking?.role && name === asking.name;
    return concerned ? found(role, name, expires, todoOf(role, name, expires <= now), warnedMs) : [];
  });
  const authority = 'docs/operating.md: when the authority ends';
  return [
    ...identities,
    ...found('authority', 'controller', authorityEnds, authority, authorityWarnedMs),
  ].sort((a, b) => (a.ends < b.ends ? -1 : 1));
}

function todoOf(role: Role, name: string, ended: boolean): string {
  if (role === 'admin' && name === 'admin')
    return 'the controller renews its own: its log says what kept it; start it again';
  if (role === 'admin' || role === 'viewer')
    return `${role === 'viewer' ? 'ask an admin for: ' : ''}portcullis token ${role} NAME; take the folder of the identity away; run what that prints`;
  return ended
    ? `portcullis token ${role} NAME; run what that prints on the host`
    : `it should have renewed itself: identity-not-renewed in the log of the ${role} says what keeps it`;
}
