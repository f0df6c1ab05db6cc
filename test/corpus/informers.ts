// Controllers, operators and nodes: list, watch from there, write small things, renew leases.
import { type Client, type CorpusExchange, patchTypes, read, write } from './exchange.ts';

const protobuf = 'application/vnd.kubernetes.protobuf,application/json';
function component(user: string, groups: readonly string[], binary = user.split(':').at(-1) ?? user): Client {
  return {
    name: binary,
    userAgent: `${binary}/v1.28.4 (linux/amd64) kubernetes/bae2c62/leader-election`,
    as: { user, groups },
    accept: protobuf,
  };
}
function operator(name: string, userAgent: string): Client {
  return { name, userAgent, accept: 'application/json' };
}

const controllerManager = component(
  'system:kube-controller-manager',
  ['system:authenticated'],
  'kube-controller-manager',
);
const scheduler = component('system:kube-scheduler', ['system:authenticated'], 'kube-scheduler');
const kubelet = component('system:node:node-1', ['system:nodes', 'system:authenticated'], 'kubelet');
const proxy = operator('kube-proxy', 'kube-proxy/v1.28.4 (linux/amd64) kubernetes/bae2c62');

/** Who watches what. */
const watched: readonly [Client, readonly string[]][] = [
  [
    controllerManager,
    [
      '/api/v1/pods',
      '/api/v1/nodes',
      '/api/v1/namespaces',
      '/api/v1/serviceaccounts',
      '/api/v1/secrets',
      '/api/v1/configmaps',
      '/api/v1/resourcequotas',
      '/api/v1/persistentvolumes',
      '/api/v1/persistentvolumeclaims',
      '/apis/apps/v1/deployments',
      '/apis/apps/v1/replicasets',
      '/apis/apps/v1/statefulsets',
      '/apis/apps/v1/daemonsets',
      '/apis/batch/v1/jobs',
      '/apis/batch/v1/cronjobs',
      '/apis/discovery.k8s.io/v1/endpointslices',
      '/apis/autoscaling/v2/horizontalpodautoscalers',
      '/apis/policy/v1/poddisruptionbudgets',
      '/apis/certificates.k8s.io/v1/certificatesigningrequests',
      '/apis/rbac.authorization.k8s.io/v1/clusterroles',
      '/apis/storage.k8s.io/v1/volumeattachments',
      '/apis/example.org/v1/things',
    ],
  ],
  [
    scheduler,
    [
      '/api/v1/pods?fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed',
      '/api/v1/nodes',
      '/api/v1/persistentvolumeclaims',
      '/apis/storage.k8s.io/v1/storageclasses',
      '/apis/storage.k8s.io/v1/csinodes',
      '/apis/policy/v1/poddisruptionbudgets',
    ],
  ],
  [
    kubelet,
    [
      '/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-1',
      '/api/v1/nodes?fieldSelector=metadata.name%3Dnode-1',
      '/api/v1/services',
      '/apis/node.k8s.io/v1/runtimeclasses',
      '/apis/storage.k8s.io/v1/csidrivers',
      '/api/v1/namespaces/shop/configmaps?fieldSelector=metadata.name%3Dweb-config',
      '/api/v1/namespaces/shop/secrets?fieldSelector=metadata.name%3Dweb-db',
    ],
  ],
  [
    proxy,
    [
      '/api/v1/services?labelSelector=%21service.kubernetes.io%2Fheadless%2C%21service.kubernetes.io%2Fservice-proxy-name',
      '/apis/discovery.k8s.io/v1/endpointslices?labelSelector=%21service.kubernetes.io%2Fheadless',
      '/api/v1/nodes?fieldSelector=metadata.name%3Dnode-1',
    ],
  ],
  [
    operator('coredns', 'coredns/v0.0.0 (linux/amd64) kubernetes/$Format'),
    ['/api/v1/services', '/api/v1/namespaces', '/apis/discovery.k8s.io/v1/endpointslices'],
  ],
  [
    operator('ingress-nginx', 'nginx-ingress-controller/v1.11.5 (linux/amd64) ingress-nginx/b4cfbb5'),
    [
      '/apis/networking.k8s.io/v1/ingresses',
      '/apis/networking.k8s.io/v1/ingressclasses',
      '/api/v1/secrets',
      '/api/v1/configmaps',
      '/api/v1/services',
    ],
  ],
  [
    operator('cert-manager', 'cert-manager-certificates-issuing/v1.15.3 (linux/amd64) cert-manager/b8a1cc0'),
    [
      '/apis/cert-manager.io/v1/certificates',
      '/apis/cert-manager.io/v1/issuers',
      '/apis/acme.cert-manager.io/v1/challenges',
    ],
  ],
  [
    operator('prometheus', 'Prometheus/2.54.1'),
    ['/api/v1/namespaces/shop/pods', '/api/v1/namespaces/shop/endpoints', '/api/v1/nodes'],
  ],
  [
    operator('prometheus-operator', 'PrometheusOperator/0.76.0'),
    ['/apis/monitoring.coreos.com/v1/prometheusrules', '/apis/monitoring.coreos.com/v1/servicemonitors'],
  ],
  [
    operator('argocd', 'argocd-application-controller/v0.0.0 (linux/amd64) kubernetes/$Format'),
    [
      '/apis/argoproj.io/v1alpha1/namespaces/argocd/applications',
      '/apis/apps/v1/deployments',
      '/api/v1/configmaps',
      '/apis/example.org/v1/things',
    ],
  ],
  [
    operator('flux', 'kustomize-controller/v0.0.0 (linux/amd64) kubernetes/$Format'),
    [
      '/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations',
      '/apis/source.toolkit.fluxcd.io/v1/gitrepositories',
    ],
  ],
  [
    operator('cilium', 'cilium-agent/1.16.1'),
    [
      '/apis/cilium.io/v2/ciliumnetworkpolicies',
      '/apis/cilium.io/v2/ciliumendpoints',
      '/apis/networking.k8s.io/v1/networkpolicies',
      '/api/v1/namespaces',
    ],
  ],
  [
    operator('cluster-autoscaler', 'cluster-autoscaler/v1.28.4 (linux/amd64) kubernetes/$Format'),
    ['/api/v1/nodes', '/api/v1/pods', '/apis/apps/v1/replicasets'],
  ],
  [
    operator('istiod', 'pilot-discovery/1.23.0'),
    [
      '/apis/networking.istio.io/v1/virtualservices',
      '/apis/security.istio.io/v1/authorizationpolicies',
      '/apis/gateway.networking.k8s.io/v1/httproutes',
    ],
  ],
  [
    operator('client-python', 'OpenAPI-Generator/30.1.0/python'),
    ['/api/v1/namespaces/shop/pods', '/apis/batch/v1/namespaces/shop/jobs'],
  ],
  [
    operator('client-node', 'kubernetes-javascript-client/2.0.1'),
    ['/api/v1/namespaces/shop/pods', '/api/v1/events'],
  ],
  [
    operator('fabric8', 'fabric8-kubernetes-client/6.13.1'),
    ['/apis/apps/v1/namespaces/shop/statefulsets', '/apis/kafka.strimzi.io/v1beta2/namespaces/shop/kafkas'],
  ],
];

function query(target: string, more: string): string {
  return `${target}${target.includes('?') ? '&' : '?'}${more}`;
}

function* informers(): Generator<CorpusExchange> {
  for (const [client, targets] of watched) {
    for (const target of targets) {
      yield read(client, `list ${target}`, query(target, 'limit=500&resourceVersion=0'));
      yield read(
        client,
        `watch ${target}`,
        query(
          target,
          'allowWatchBookmarks=true&resourceVersion=80211&timeout=9m26s&timeoutSeconds=566&watch=true',
        ),
      );
    }
  }
  const streaming =
    'allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&sendInitialEvents=true&timeoutSeconds=421&watch=true';
  for (const target of ['/api/v1/pods', '/apis/apps/v1/deployments'])
    yield read(controllerManager, `a streamed list ${target}`, query(target, streaming));
}

const lease = (name: string, holder: string) => ({
  kind: 'Lease',
  apiVersion: 'coordination.k8s.io/v1',
  metadata: {
    name,
    namespace: name === 'node-1' ? 'kube-node-lease' : 'kube-system',
    resourceVersion: '80211',
  },
  spec: { holderIdentity: holder, leaseDurationSeconds: 15, renewTime: '2026-11-02T10:00:00.123456Z' },
});

const event = {
  kind: 'Event',
  apiVersion: 'v1',
  metadata: { name: 'web-1.17d2b0d8f3e4', namespace: 'shop' },
  involvedObject: { kind: 'Pod', namespace: 'shop', name: 'web-1', fieldPath: 'spec.containers{web}' },
  reason: 'BackOff',
  message: 'Back-off restarting failed container web in pod web-1_shop(0c2f7dbb); "exit code 1" $(x)',
  source: { component: 'kubelet', host: 'node-1' },
  type: 'Warning',
  count: 3,
};

const nodeStatus = {
  status: {
    addresses: [
      { type: 'InternalIP', address: '10.0.0.11' },
      { type: 'InternalIP', address: 'fd00::11' },
      { type: 'Hostname', address: 'node-1' },
    ],
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        lastHeartbeatTime: '2026-11-02T10:00:00Z',
        reason: 'KubeletReady',
        message: 'kubelet is posting ready status',
      },
    ],
    nodeInfo: { kubeletVersion: 'v1.28.4', containerRuntimeVersion: 'containerd://1.7.22' },
    images: [{ names: ['registry.example.org/shop/web@sha256:3fc9'], sizeBytes: 12345678 }],
  },
};

const podStatus = {
  metadata: { uid: '0c2f7dbb-5f5b-4a5e-8d3b-2f7a9a1b7c01' },
  status: {
    phase: 'Running',
    podIP: '10.244.1.17',
    podIPs: [{ ip: '10.244.1.17' }],
    hostIP: '10.0.0.11',
    containerStatuses: [
      {
        name: 'web',
        ready: true,
        restartCount: 0,
        image: 'web:1',
        imageID: 'sha256:ab',
        containerID: 'containerd://cd',
        state: { running: { startedAt: '2026-11-02T10:00:00Z' } },
      },
    ],
  },
};

const mirror = {
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: {
    name: 'kube-proxy-node-1',
    namespace: 'kube-system',
    annotations: {
      'kubernetes.io/config.mirror': '7a3f',
      'kubernetes.io/config.source': 'file',
      'kubernetes.io/config.hash': '7a3f',
      'kubernetes.io/config.seen': '2026-11-02T10:00:00Z',
    },
    ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'node-1', uid: 'aa', controller: true }],
  },
  spec: {
    nodeName: 'node-1',
    hostNetwork: true,
    priorityClassName: 'system-node-critical',
    containers: [
      {
        name: 'kube-proxy',
        image: 'registry.k8s.io/kube-proxy:v1.28.4',
        command: ['/usr/local/bin/kube-proxy', '--config=/var/lib/kube-proxy/config.conf'],
        volumeMounts: [{ name: 'lib', mountPath: '/lib/modules' }],
      },
    ],
    volumes: [{ name: 'lib', hostPath: { path: '/lib/modules' } }],
  },
};

const newNode = {
  kind: 'Node',
  apiVersion: 'v1',
  metadata: {
    name: 'node-1',
    labels: { 'kubernetes.io/hostname': 'node-1', 'kubernetes.io/os': 'linux' },
    annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
  },
  spec: { taints: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }] },
  ...nodeStatus,
};

const replicaSetPod = {
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: {
    generateName: 'web-5d8f7b9c6d-',
    namespace: 'shop',
    labels: { app: 'web', 'pod-template-hash': '5d8f7b9c6d' },
    ownerReferences: [
      {
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        name: 'web-5d8f7b9c6d',
        uid: 'bb',
        controller: true,
        blockOwnerDeletion: true,
      },
    ],
  },
  spec: { containers: [{ name: 'web', image: 'web:1' }], serviceAccountName: 'web' },
};

const slice = {
  kind: 'EndpointSlice',
  apiVersion: 'discovery.k8s.io/v1',
  metadata: { name: 'web-x7k2p', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'web' } },
  addressType: 'IPv6',
  endpoints: [{ addresses: ['fd00:10:244:1::11'], conditions: { ready: true } }],
  ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
};

const review = {
  kind: 'SubjectAccessReview',
  apiVersion: 'authorization.k8s.io/v1',
  spec: {
    user: 'system:serviceaccount:monitoring:prometheus',
    groups: ['system:serviceaccounts'],
    resourceAttributes: { verb: 'get', resource: 'nodes', subresource: 'metrics' },
  },
};

const written: readonly CorpusExchange[] = [
  write(
    kubelet,
    'renew the lease of the node',
    'PUT',
    '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/node-1',
    lease('node-1', 'node-1'),
  ),
  write(kubelet, 'register', 'POST', '/api/v1/nodes', newNode),
  write(
    kubelet,
    'status of the node',
    'PATCH',
    '/api/v1/nodes/node-1/status',
    nodeStatus,
    patchTypes.strategic,
  ),
  write(
    kubelet,
    'status of a pod',
    'PATCH',
    '/api/v1/namespaces/shop/pods/web-1/status',
    podStatus,
    patchTypes.strategic,
  ),
  write(kubelet, 'a mirror pod', 'POST', '/api/v1/namespaces/kube-system/pods', mirror),
  write(kubelet, 'a pod is gone', 'DELETE', '/api/v1/namespaces/shop/pods/web-1', {
    kind: 'DeleteOptions',
    apiVersion: 'v1',
    gracePeriodSeconds: 0,
    preconditions: { uid: 'cc' },
  }),
  write(kubelet, 'an event', 'POST', '/api/v1/namespaces/shop/events', event),
  write(
    kubelet,
    'an event again',
    'PATCH',
    '/api/v1/namespaces/shop/events/web-1.17d2b0d8f3e4',
    { count: 4, lastTimestamp: '2026-11-02T10:01:00Z' },
    patchTypes.strategic,
  ),
  write(kubelet, 'who is this token', 'POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
    kind: 'TokenReview',
    apiVersion: 'authentication.k8s.io/v1',
    spec: { token: 'opaque' },
  }),
  write(kubelet, 'may they', 'POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', review),
  write(kubelet, 'a token for a pod', 'POST', '/api/v1/namespaces/shop/serviceaccounts/web/token', {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    spec: {
      audiences: ['https://kubernetes.default.svc'],
      expirationSeconds: 3607,
      boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'web-1', uid: 'cc' },
    },
  }),
  write(kubelet, 'a certificate', 'POST', '/apis/certificates.k8s.io/v1/certificatesigningrequests', {
    kind: 'CertificateSigningRequest',
    apiVersion: 'certificates.k8s.io/v1',
    metadata: { generateName: 'csr-' },
    spec: {
      request: 'LS0t',
      signerName: 'kubernetes.io/kubelet-serving',
      usages: ['digital signature', 'server auth'],
    },
  }),
  write(kubelet, 'its drivers', 'POST', '/apis/storage.k8s.io/v1/csinodes', {
    kind: 'CSINode',
    apiVersion: 'storage.k8s.io/v1',
    metadata: { name: 'node-1' },
    spec: { drivers: [{ name: 'nfs.csi.k8s.io', nodeID: 'node-1' }] },
  }),
  ...[
    ['kube-controller-manager', controllerManager],
    ['kube-scheduler', scheduler],
  ].map(([name, client]) =>
    write(
      client as Client,
      'renew the lease of the leader',
      'PUT',
      `/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/${name as string}`,
      lease(name as string, 'cp-1_5b'),
    ),
  ),
  write(scheduler, 'bind', 'POST', '/api/v1/namespaces/shop/pods/web-1/binding', {
    kind: 'Binding',
    apiVersion: 'v1',
    metadata: { name: 'web-1', namespace: 'shop', uid: 'cc' },
    target: { kind: 'Node', name: 'node-1' },
  }),
  write(
    scheduler,
    'no room',
    'PATCH',
    '/api/v1/namespaces/shop/pods/web-1/status',
    {
      status: {
        conditions: [
          {
            type: 'PodScheduled',
            status: 'False',
            reason: 'Unschedulable',
            message: '0/3 nodes are available: 3 Insufficient cpu.',
          },
        ],
      },
    },
    patchTypes.strategic,
  ),
  write(scheduler, 'an event of the new kind', 'POST', '/apis/events.k8s.io/v1/namespaces/shop/events', {
    kind: 'Event',
    apiVersion: 'events.k8s.io/v1',
    metadata: { name: 'web-1.a', namespace: 'shop' },
    eventTime: '2026-11-02T10:00:00.000000Z',
    action: 'Binding',
    reason: 'Scheduled',
    regarding: { kind: 'Pod', name: 'web-1', namespace: 'shop' },
    note: 'Successfully assigned shop/web-1 to node-1',
    type: 'Normal',
    reportingController: 'default-scheduler',
    reportingInstance: 'default-scheduler-cp-1',
  }),
  write(controllerManager, 'a pod of a replica set', 'POST', '/api/v1/namespaces/shop/pods', replicaSetPod),
  write(
    controllerManager,
    'status of a deployment',
    'PUT',
    '/apis/apps/v1/namespaces/shop/deployments/web/status',
    {
      kind: 'Deployment',
      apiVersion: 'apps/v1',
      metadata: { name: 'web', namespace: 'shop' },
      spec: { selector: {}, template: { spec: { containers: [{ name: 'web', image: 'web:1' }] } } },
      status: { replicas: 3, readyReplicas: 3 },
    },
  ),
  write(
    controllerManager,
    'a slice',
    'POST',
    '/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices',
    slice,
  ),
  write(
    controllerManager,
    'a slice again',
    'PUT',
    '/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices/web-x7k2p',
    slice,
  ),
  write(controllerManager, 'endpoints', 'PUT', '/api/v1/namespaces/shop/endpoints/web', {
    kind: 'Endpoints',
    apiVersion: 'v1',
    metadata: { name: 'web', namespace: 'shop' },
    subsets: [
      {
        addresses: [
          {
            ip: '10.244.1.17',
            nodeName: 'node-1',
            targetRef: { kind: 'Pod', name: 'web-1', namespace: 'shop' },
          },
        ],
        ports: [{ port: 8080 }],
      },
    ],
  }),
  write(controllerManager, 'finalize a namespace', 'PUT', '/api/v1/namespaces/old/finalize', {
    kind: 'Namespace',
    apiVersion: 'v1',
    metadata: { name: 'old' },
    spec: { finalizers: [] },
  }),
  write(controllerManager, 'pods of a namespace that goes', 'DELETE', '/api/v1/namespaces/old/pods', {
    kind: 'DeleteOptions',
    apiVersion: 'v1',
    propagationPolicy: 'Background',
  }),
  write(
    controllerManager,
    'taint a node that is away',
    'PATCH',
    '/api/v1/nodes/node-2',
    {
      spec: {
        taints: [
          { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute', timeAdded: '2026-11-02T10:00:00Z' },
        ],
      },
    },
    patchTypes.strategic,
  ),
  write(
    controllerManager,
    'a load balancer has an address',
    'PATCH',
    '/api/v1/namespaces/shop/services/web/status',
    { status: { loadBalancer: { ingress: [{ ip: '198.51.100.80', ipMode: 'VIP' }] } } },
    patchTypes.strategic,
  ),
  write(
    controllerManager,
    'approve a certificate',
    'PUT',
    '/apis/certificates.k8s.io/v1/certificatesigningrequests/csr-x/approval',
    {
      kind: 'CertificateSigningRequest',
      apiVersion: 'certificates.k8s.io/v1',
      metadata: { name: 'csr-x' },
      spec: {
        request: 'LS0t',
        signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
        usages: ['client auth'],
      },
      status: { conditions: [{ type: 'Approved', status: 'True', reason: 'AutoApproved' }] },
    },
  ),
  write(
    operator('argocd', 'argocd-application-controller/v0.0.0 (linux/amd64) kubernetes/$Format'),
    'status of an application',
    'PATCH',
    '/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/shop',
    { status: { sync: { status: 'Synced', revision: 'ab12' }, health: { status: 'Healthy' } } },
    patchTypes.merge,
  ),
  write(
    operator('cilium', 'cilium-agent/1.16.1'),
    'status of an endpoint',
    'PATCH',
    '/apis/cilium.io/v2/namespaces/shop/ciliumendpoints/web-1',
    [
      { op: 'replace', path: '/status/identity/id', value: 4711 },
      {
        op: 'add',
        path: '/status/networking',
        value: { addressing: [{ ipv4: '10.244.1.17' }], node: '10.0.0.11' },
      },
    ],
    patchTypes.json,
  ),
  write(
    operator('istiod', 'pilot-discovery/1.23.0'),
    'a root certificate',
    'PUT',
    '/api/v1/namespaces/shop/configmaps/istio-ca-root-cert',
    {
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: { name: 'istio-ca-root-cert', namespace: 'shop' },
      data: { 'root-cert.pem': '-----BEGIN CERTIFICATE-----\nMIIC...\n-----END CERTIFICATE-----\n' },
    },
  ),
  write(
    operator('client-python', 'OpenAPI-Generator/30.1.0/python'),
    'a job of a pipeline',
    'POST',
    '/apis/batch/v1/namespaces/shop/jobs',
    {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { generateName: 'train-' },
      spec: {
        template: {
          spec: {
            restartPolicy: 'Never',
            containers: [
              {
                name: 't',
                image: 'ml:2',
                command: ['python', '-c', 'print("a" + `b`)'.replaceAll('`', "'")],
              },
            ],
          },
        },
      },
    },
  ),
];

export const informerExchanges: readonly CorpusExchange[] = [...informers(), ...written];
