// The cluster's objects, in memory: a fixed few to begin with. Leases and node status can be written, as kubelets and
// controllers do, and config maps by whoever may.
import { randomUUID } from 'node:crypto';

export type KubeObject = {
  kind: string;
  apiVersion: string;
  metadata: {
    name: string;
    namespace?: string;
    uid: string;
    resourceVersion: string;
    creationTimestamp: string;
    labels?: Record<string, string>;
  };
  [field: string]: unknown;
};

export type ResourceType = {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly shortNames?: readonly string[];
  readonly verbs: readonly string[];
};

const read = ['get', 'list', 'watch'];
const write = ['create', 'update', 'patch'];
const core = { group: '', version: 'v1' };
export const resourceTypes: readonly ResourceType[] = [
  { ...core, resource: 'pods', kind: 'Pod', namespaced: true, shortNames: ['po'], verbs: read },
  {
    ...core,
    resource: 'nodes',
    kind: 'Node',
    namespaced: false,
    shortNames: ['no'],
    verbs: [...read, ...write],
  },
  { ...core, resource: 'namespaces', kind: 'Namespace', namespaced: false, shortNames: ['ns'], verbs: read },
  {
    ...core,
    resource: 'events',
    kind: 'Event',
    namespaced: true,
    shortNames: ['ev'],
    verbs: [...read, ...write],
  },
  { ...core, resource: 'services', kind: 'Service', namespaced: true, shortNames: ['svc'], verbs: read },
  {
    ...core,
    resource: 'endpoints',
    kind: 'Endpoints',
    namespaced: true,
    shortNames: ['ep'],
    verbs: read,
  },
  {
    ...core,
    resource: 'configmaps',
    kind: 'ConfigMap',
    namespaced: true,
    shortNames: ['cm'],
    verbs: [...read, ...write, 'delete'],
  },
  ...['v1', 'v1beta1'].map((version) => ({
    group: 'coordination.k8s.io',
    version,
    resource: 'leases',
    kind: 'Lease',
    namespaced: true,
    verbs: [...read, ...write],
  })),
];

export type Store = {
  list(type: ResourceType, namespace: string): KubeObject[];
  get(type: ResourceType, namespace: string, name: string): KubeObject | undefined;
  put(type: ResourceType, namespace: string, name: string, object: Record<string, unknown>): KubeObject;
  remove(type: ResourceType, namespace: string, name: string): KubeObject | undefined;
  /** Calls back for every change of the type after this resource version, past ones at once, until `signal` aborts. */
  follow(type: ResourceType, after: string, signal: AbortSignal, change: (change: Change) => void): void;
  /** The store's resource version, which rises with every change. */
  version(): string;
};

export type Change = { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: KubeObject };

export type ClusterFacts = {
  readonly nodeAddress: string;
  readonly controlPlaneAddress: string;
  readonly serviceAddress: string;
  readonly gitVersion: string;
  readonly clientCa: string;
  readonly frontProxyCa: string;
  readonly allowedNames: readonly string[];
};

/** What a watch can go back to. */
const keptChanges = 10_000;
const started = new Date().toISOString().replace(/\.\d+Z$/, 'Z');

export function createStore(facts: ClusterFacts): Store {
  let revision = 1000;
  const objects = new Map<string, KubeObject>();
  const history: (Change & { readonly resource: string; readonly revision: number })[] = [];
  const followers = new Set<(change: (typeof history)[number]) => void>();
  const keyOf = (type: ResourceType, namespace: string, name: string) =>
    `${type.group}/${type.resource}/${namespace}/${name}`;

  function put(
    type: ResourceType,
    namespace: string,
    name: string,
    object: Record<string, unknown>,
  ): KubeObject {
    const key = keyOf(type, namespace, name);
    const before = objects.get(key);
    revision += 1;
    const stored: KubeObject = {
      ...object,
      kind: type.kind,
      apiVersion: type.group ? `${type.group}/${type.version}` : type.version,
      metadata: {
        ...(object['metadata'] as object | undefined),
        name,
        ...(namespace ? { namespace } : {}),
        uid: before?.metadata.uid ?? randomUUID(),
        creationTimestamp: before?.metadata.creationTimestamp ?? started,
        resourceVersion: String(revision),
      },
    };
    objects.set(key, stored);
    changed(before ? 'MODIFIED' : 'ADDED', type, stored);
    return stored;
  }
  function changed(what: Change['type'], type: ResourceType, object: KubeObject): void {
    const change = { type: what, object, resource: type.resource, revision };
    history.push(change);
    if (history.length > keptChanges) history.shift();
    for (const follower of followers) follower(change);
  }

  for (const [kind, namespace, name, object] of initialObjects(facts)) {
    const type = resourceTypes.find((one) => one.kind === kind);
    if (type) put(type, namespace, name, object);
  }

  return {
    list: (type, namespace) => {
      const prefix = `${type.group}/${type.resource}/`;
      return [...objects]
        .filter(([key]) => key.startsWith(namespace ? `${prefix}${namespace}/` : prefix))
        .map(([, object]) => object);
    },
    get: (type, namespace, name) => objects.get(keyOf(type, namespace, name)),
    put,
    remove(type, namespace, name) {
      const key = keyOf(type, namespace, name);
      const before = objects.get(key);
      if (!before) return undefined;
      objects.delete(key);
      revision += 1;
      const metadata = { ...before.metadata, resourceVersion: String(revision) };
      const removed = { ...before, metadata };
      changed('DELETED', type, removed);
      return removed;
    },
    follow(type, after, signal, change) {
      const follower = (one: (typeof history)[number]) => {
        if (one.resource === type.resource && one.revision > Number(after)) change(one);
      };
      for (const one of [...history]) follower(one);
      followers.add(follower);
      signal.addEventListener('abort', () => followers.delete(follower));
    },
    version: () => String(revision),
  };
}

/** Pods of the node, which its kubelet runs, and the control plane's own. */
export const nodePods: readonly (readonly [
  namespace: string,
  name: string,
  container: string,
  podAddress: string,
])[] = [
  ['lab', 'web', 'web', '10.244.1.2'],
  ['lab', 'worker', 'worker', '10.244.1.3'],
  ['kube-system', 'coredns-5c98db65d4', 'coredns', '10.244.1.4'],
  ['kube-system', 'kube-proxy-node', 'kube-proxy', '10.70.0.11'],
];

export function podObject(
  [namespace, name, container, address]: (typeof nodePods)[number],
  node: string,
  hostAddress: string,
): Record<string, unknown> {
  return {
    metadata: { name, namespace, labels: { app: container } },
    spec: {
      nodeName: node,
      containers: [{ name: container, image: `registry.example/${container}:1`, resources: {} }],
      restartPolicy: 'Always',
      serviceAccountName: 'default',
    },
    status: {
      phase: 'Running',
      hostIP: hostAddress,
      podIP: address,
      startTime: started,
      conditions: [{ type: 'Ready', status: 'True', lastProbeTime: null, lastTransitionTime: started }],
      containerStatuses: [
        {
          name: container,
          ready: true,
          restartCount: 0,
          image: `registry.example/${container}:1`,
          imageID: '',
          state: { running: { startedAt: started } },
        },
      ],
    },
  };
}

function* initialObjects(
  facts: ClusterFacts,
): Generator<readonly [kind: string, namespace: string, name: string, object: Record<string, unknown>]> {
  for (const name of ['default', 'kube-node-lease', 'kube-public', 'kube-system', 'lab']) {
    yield ['Namespace', '', name, { spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } }];
  }
  for (const [name, address] of [
    ['cp', facts.controlPlaneAddress],
    ['node', facts.nodeAddress],
  ] as const) {
    yield [
      'Node',
      '',
      name,
      {
        metadata: {
          labels: {
            'kubernetes.io/hostname': name,
            ...(name === 'cp' ? { 'node-role.kubernetes.io/master': '' } : {}),
          },
        },
        spec: {},
        status: {
          addresses: [{ type: 'InternalIP', address }],
          conditions: [
            { type: 'Ready', status: 'True', lastHeartbeatTime: started, lastTransitionTime: started },
          ],
          nodeInfo: { kubeletVersion: facts.gitVersion, operatingSystem: 'linux', architecture: 'amd64' },
        },
      },
    ];
  }
  for (const pod of nodePods) yield ['Pod', pod[0], pod[1], podObject(pod, 'node', facts.nodeAddress)];
  for (const name of ['kube-apiserver', 'etcd']) {
    const pod = ['kube-system', `${name}-cp`, name, facts.controlPlaneAddress] as const;
    yield ['Pod', pod[0], pod[1], podObject(pod, 'cp', facts.controlPlaneAddress)];
  }
  yield [
    'Service',
    'default',
    'kubernetes',
    {
      spec: {
        clusterIP: facts.serviceAddress,
        type: 'ClusterIP',
        ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }],
      },
    },
  ];
  yield [
    'Endpoints',
    'default',
    'kubernetes',
    {
      subsets: [
        {
          addresses: [{ ip: facts.controlPlaneAddress }],
          ports: [{ name: 'https', port: 6443, protocol: 'TCP' }],
        },
      ],
    },
  ];
  yield [
    'ConfigMap',
    'kube-system',
    'extension-apiserver-authentication',
    {
      data: {
        'client-ca-file': facts.clientCa,
        'requestheader-client-ca-file': facts.frontProxyCa,
        'requestheader-allowed-names': JSON.stringify(facts.allowedNames),
        'requestheader-username-headers': '["X-Remote-User"]',
        'requestheader-group-headers': '["X-Remote-Group"]',
        'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
      },
    },
  ];
}
