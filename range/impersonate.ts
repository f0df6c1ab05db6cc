// Impersonation as k8s.io/apiserver's filter does it: Impersonate-User, -Group, -Uid and -Extra-*, each checked against
// the rights of who asks.
import { decodeExtraKey, type User } from './authentication.ts';
import { type Field, values } from './http1.ts';

/** Who may: system:masters, and the gate's own identities (a ClusterRole with verb impersonate). */
const impersonators: ReadonlySet<string> = new Set([
  'portcullis-gate',
  'system:serviceaccount:portcullis:gate',
]);

/** Who the request is for. A string is the refusal. */
export function impersonate(user: User, fields: readonly Field[]): User | string {
  const name = values(fields, 'impersonate-user')[0];
  const groups = values(fields, 'impersonate-group');
  const uid = values(fields, 'impersonate-uid')[0];
  const extra: Record<string, string[]> = {};
  for (const [key, value] of fields) {
    const encoded = /^impersonate-extra-(.+)$/.exec(key.toLowerCase())?.[1];
    if (encoded === undefined) continue;
    const extraKey = decodeExtraKey(encoded);
    extra[extraKey] = [...(extra[extraKey] ?? []), value];
  }
  if (!name) {
    const more = groups.length > 0 || uid !== undefined || Object.keys(extra).length > 0;
    return more ? 'impersonating groups, UIDs or extras needs Impersonate-User' : user;
  }
  if (!user.groups.includes('system:masters') && !impersonators.has(user.name)) {
    return `users "${name}" is forbidden: User "${user.name}" cannot impersonate resource "users" in API group "" at the cluster scope`;
  }
  return {
    ...user,
    name,
    groups: [...new Set([...groups, 'system:authenticated'])],
    extra,
    ...(uid === undefined ? {} : { uid }),
    by: user.name,
  };
}
