// Discovery documents: what kubectl reads before it asks for anything.
import { resourceTypes } from './resources.ts';

const listedGroups: Readonly<Record<string, readonly string[]>> = {
  'authentication.k8s.io': ['v1'],
  'authorization.k8s.io': ['v1'],
  'coordination.k8s.io': ['v1', 'v1beta1'],
  'metrics.k8s.io': ['v1beta1'],
};
/** Groups that the API server hands on to another server (APIService objects with a service). */
export const aggregatedGroups: ReadonlySet<string> = new Set(['metrics.k8s.io']);

const reviews: readonly (readonly [groupVersion: string, resource: string, kind: string])[] = [
  ['authentication.k8s.io/v1', 'selfsubjectreviews', 'SelfSubjectReview'],
  ['authorization.k8s.io/v1', 'selfsubjectaccessreviews', 'SelfSubjectAccessReview'],
];

/** The document at a decoded path without its trailing slash; undefined when there is none. */
export function discovery(path: string, serverAddress: string): unknown {
  if (path === '/api') {
    return {
      kind: 'APIVersions',
      versions: ['v1'],
      serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
    };
  }
  if (path === '/apis') {
    return {
      kind: 'APIGroupList',
      apiVersion: 'v1',
      groups: Object.keys(listedGroups).map((name) => group(name)),
    };
  }
  const core = path === '/api/v1';
  const [, apis, name = '', version] = path.split('/');
  if (!core && (apis !== 'apis' || !listedGroups[name])) return undefined;
  if (!core && version === undefined) return { kind: 'APIGroup', apiVersion: 'v1', ...group(name) };
  const groupVersion = core ? 'v1' : `${name}/${version}`;
  if (!core && !listedGroups[name]?.includes(version ?? '')) return undefined;
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: resources(groupVersion) };
}

function group(name: string) {
  const versions = (listedGroups[name] ?? []).map((version) => ({
    groupVersion: `${name}/${version}`,
    version,
  }));
  return { name, versions, preferredVersion: versions[0] };
}

function resources(groupVersion: string): unknown[] {
  const stored = resourceTypes
    .filter((type) => (type.group ? `${type.group}/${type.version}` : type.version) === groupVersion)
    .map((type) => ({
      name: type.resource,
      singularName: type.kind.toLowerCase(),
      namespaced: type.namespaced,
      kind: type.kind,
      verbs: type.verbs,
      ...(type.shortNames ? { shortNames: type.shortNames } : {}),
    }));
  const pods =
    groupVersion === 'v1'
      ? [
          ['pods/attach', 'PodAttachOptions'],
          ['pods/exec', 'PodExecOptions'],
          ['pods/log', 'Pod'],
          ['pods/portforward', 'PodPortForwardOptions'],
        ].map(([name, kind]) => ({
          name,
          singularName: '',
          namespaced: true,
          kind,
          verbs: ['create', 'get'],
        }))
      : [];
  const posted = reviews
    .filter(([at]) => at === groupVersion)
    .map(([, name, kind]) => ({
      name,
      singularName: kind.toLowerCase(),
      namespaced: false,
      kind,
      verbs: ['create'],
    }));
  return [...stored, ...pods, ...posted];
}
