// Who may do what: a fixed set of rules in the shape of RBAC roles.
import type { User } from './authentication.ts';
import type { RequestInfo } from './request-info.ts';

type Rule = {
  readonly subjects: readonly string[];
  readonly verbs: readonly string[];
  /** `*`, or resources as `<resource>[/<subresource>][.<group>]`. */
  readonly resources?: readonly string[];
  /** Left out: every namespace and what has none. */
  readonly namespaces?: readonly string[];
  /** Paths without a resource; a final `*` matches any rest. */
  readonly paths?: readonly string[];
};

const read = ['get', 'list', 'watch'];
const exec = ['pods/exec', 'pods/attach', 'pods/portforward'];
const rules: readonly Rule[] = [
  { subjects: ['system:masters'], verbs: ['*'], resources: ['*'], paths: ['*'] },
  { subjects: ['developers'], verbs: read, resources: ['pods', 'pods/log'], namespaces: ['lab'] },
  { subjects: ['developers'], verbs: ['get', 'create'], resources: exec, namespaces: ['lab'] },
  {
    subjects: ['developers'],
    verbs: [...read, 'create', 'update', 'patch', 'delete'],
    resources: ['configmaps'],
    namespaces: ['lab'],
  },
  // Just enough to run a command in a pod: what the flaw turns into the whole node.
  { subjects: ['mallory'], verbs: ['get'], resources: ['pods'], namespaces: ['lab'] },
  { subjects: ['mallory'], verbs: ['get', 'create'], resources: exec, namespaces: ['lab'] },
  {
    subjects: ['system:nodes'],
    verbs: [...read, 'create', 'update', 'patch'],
    resources: ['nodes', 'nodes/status', 'pods', 'pods/status', 'leases.coordination.k8s.io', 'events'],
  },
  {
    subjects: ['system:kube-controller-manager'],
    verbs: [...read, 'create', 'update', 'patch'],
    resources: ['nodes', 'pods', 'leases.coordination.k8s.io', 'events'],
  },
  {
    subjects: ['system:authenticated'],
    verbs: ['create'],
    resources: [
      'selfsubjectaccessreviews.authorization.k8s.io',
      'selfsubjectrulesreviews.authorization.k8s.io',
      'selfsubjectreviews.authentication.k8s.io',
    ],
  },
  // `system:discovery` as clusters born before v1.14 have it: anonymous callers too.
  {
    subjects: ['system:authenticated', 'system:unauthenticated'],
    verbs: ['get', 'head'],
    paths: [
      '/api',
      '/api/*',
      '/apis',
      '/apis/*',
      '/healthz',
      '/livez',
      '/readyz',
      '/openapi/*',
      '/version',
      '/version/',
    ],
  },
];

export type Access = Pick<RequestInfo, 'verb' | 'path' | 'resource'>;

export function isAllowed(user: User, access: Access): boolean {
  const subjects = new Set([user.name, ...user.groups]);
  return rules.some(
    (rule) =>
      rule.subjects.some((subject) => subjects.has(subject)) &&
      (rule.verbs.includes('*') || rule.verbs.includes(access.verb)) &&
      (access.resource ? matchesResource(rule, access.resource) : matchesPath(rule, access.path)),
  );
}

function matchesResource(rule: Rule, asked: NonNullable<Access['resource']>): boolean {
  const full =
    asked.resource +
    (asked.subresource ? `/${asked.subresource}` : '') +
    (asked.group ? `.${asked.group}` : '');
  const resources = rule.resources ?? [];
  if (!resources.includes('*') && !resources.includes(full)) return false;
  return !rule.namespaces || rule.namespaces.includes(asked.namespace);
}

function matchesPath(rule: Rule, path: string): boolean {
  return (rule.paths ?? []).some((pattern) =>
    pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern,
  );
}

/** The server's own sentence for a refusal. */
export function forbiddenMessage(user: User, { verb, path, resource }: Access): string {
  if (!resource) return `forbidden: User "${user.name}" cannot ${verb} path "${path}"`;
  const what = resource.resource + (resource.subresource ? `/${resource.subresource}` : '');
  const subject = `${resource.resource}${resource.group ? `.${resource.group}` : ''}${resource.name ? ` "${resource.name}"` : ''}`;
  const where = resource.namespace ? ` in the namespace "${resource.namespace}"` : ' at the cluster scope';
  return `${subject} is forbidden: User "${user.name}" cannot ${verb} resource "${what}" in API group "${resource.group}"${where}`;
}
