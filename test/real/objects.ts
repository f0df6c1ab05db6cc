// What stands in the real cluster: the range's node and pods, its aggregated API, and who may do what.
import { nodePods, podObject } from '../../range/resources.ts';
import type { Topology } from '../../range/topology.ts';

const kubeletPort = 10_250;
const metricsPort = 4443;
const rbac = 'rbac.authorization.k8s.io/v1';

type Json = Readonly<Record<string, unknown>>;

/** Documents for `kubectl apply`, in order, as one List. Their statuses come with `statuses`: apply doesn't set them. */
export function objects({ hosts }: Topology): Json {
  const group = (name: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name });
  const user = (name: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name });
  const binding = (name: string, namespace: string, role: string, subjects: readonly Json[]) => ({
    apiVersion: rbac,
    kind: 'RoleBinding',
    metadata: { name, namespace },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects,
  });
  const items = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'lab' } },
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'bulk' } },
    { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node' } },
    ...nodePods.map((pod) => {
      const { status: _status, ...object } = podObject(pod, 'node', hosts.node.ipv4);
      return { apiVersion: 'v1', kind: 'Pod', ...object };
    }),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'metrics-server', namespace: 'kube-system' },
      spec: { ports: [{ port: 443, targetPort: metricsPort, protocol: 'TCP' }] },
    },
    {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { name: 'metrics-server', namespace: 'kube-system' },
      subsets: [{ addresses: [{ ip: hosts.node.ipv4 }], ports: [{ port: metricsPort, protocol: 'TCP' }] }],
    },
    {
      apiVersion: rbac,
      kind: 'ClusterRole',
      metadata: { name: 'runs-commands' },
      rules: [
        { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
        {
          apiGroups: [''],
          resources: ['pods/exec', 'pods/attach', 'pods/portforward'],
          verbs: ['get', 'create'],
        },
      ],
    },
    // Kubernetes' own roles `admin` and `view` are put together by the controller manager, which isn't here.
    {
      apiVersion: rbac,
      kind: 'ClusterRole',
      metadata: { name: 'develops' },
      rules: [{ apiGroups: ['', 'apps', 'coordination.k8s.io'], resources: ['*'], verbs: ['*'] }],
    },
    {
      apiVersion: rbac,
      kind: 'ClusterRole',
      metadata: { name: 'reads' },
      rules: [{ apiGroups: [''], resources: ['pods', 'configmaps'], verbs: ['get', 'list', 'watch'] }],
    },
    binding('developers', 'lab', 'develops', [group('developers')]),
    binding('developers', 'bulk', 'develops', [group('developers')]),
    binding('mallory', 'lab', 'runs-commands', [user('mallory')]),
    // Anyone may ask an aggregated API for its documents, as in every cluster of v1.12's time.
    {
      apiVersion: rbac,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'anyone-discovers' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:discovery' },
      subjects: [group('system:unauthenticated')],
    },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot', namespace: 'lab' } },
    binding('robot', 'lab', 'reads', [{ kind: 'ServiceAccount', name: 'robot', namespace: 'lab' }]),
  ];
  return { apiVersion: 'v1', kind: 'List', items };
}

/** The aggregated API. Applied by itself: everything that lists groups waits for it. */
export function apiService(caBundle: string): Json {
  return {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: 'v1beta1.metrics.k8s.io' },
    spec: {
      group: 'metrics.k8s.io',
      version: 'v1beta1',
      groupPriorityMinimum: 100,
      versionPriority: 100,
      service: { name: 'metrics-server', namespace: 'kube-system', port: 443 },
      caBundle: Buffer.from(caBundle).toString('base64'),
    },
  };
}

/** What a kubelet reports: merge patches of the `/status` of an object, by its path. */
export function statuses({ hosts }: Topology): readonly (readonly [path: string, patch: Json])[] {
  const node = {
    status: {
      addresses: [{ type: 'InternalIP', address: hosts.node.ipv4 }],
      daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort } },
      conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }],
    },
  };
  return [
    ['/api/v1/nodes/node', node],
    ...nodePods.map((pod) => {
      const [namespace, name] = pod;
      const { status } = podObject(pod, 'node', hosts.node.ipv4);
      return [`/api/v1/namespaces/${namespace}/pods/${name}`, { status: status as Json }] as const;
    }),
  ];
}
