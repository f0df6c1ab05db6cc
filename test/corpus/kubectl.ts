// What kubectl sends, read from its verbose output (-v=8) in several versions.
import {
  type Client,
  type CorpusExchange,
  collectionOf,
  isBuiltIn,
  manifests,
  patchTypes,
  pathOf,
  read,
  write,
} from './exchange.ts';

const table =
  'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json';
const certificate: Client = {
  name: 'kubectl 1.28',
  userAgent: 'kubectl/v1.28.4 (linux/amd64) kubernetes/bae2c62',
  as: { user: 'developer', groups: ['shop-team', 'system:authenticated'] },
};
const token: Client = {
  name: 'kubectl 1.32',
  userAgent: 'kubectl/v1.32.1 (darwin/arm64) kubernetes/e9c9be4',
};
const old: Client = {
  name: 'kubectl 1.12',
  userAgent: 'kubectl/v1.12.2 (windows/amd64) kubernetes/17c77c7',
  accept: 'application/json',
};
const printed: Client = { ...certificate, name: 'kubectl 1.28 get', accept: table };

const discovery = [
  '/api',
  '/apis',
  '/api/v1',
  '/apis/apps/v1',
  '/apis/batch/v1',
  '/apis/networking.k8s.io/v1',
  '/apis/rbac.authorization.k8s.io/v1',
  '/apis/example.org/v1',
  '/apis/metrics.k8s.io/v1beta1',
  '/openapi/v2?timeout=32s',
  '/openapi/v3',
  '/openapi/v3/apis/apps/v1?hash=014fbff9a07c',
  '/version',
  '/version?timeout=32s',
];

const lists: readonly [string, string][] = [
  ['pods', '/api/v1/namespaces/shop/pods?limit=500'],
  ['all pods', '/api/v1/pods?limit=500'],
  [
    'pods, the next page',
    '/api/v1/pods?continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MTIzNDUsInN0YXJ0Ijoic2hvcC93ZWItNWQ4XHUwMDAwIn0&limit=500',
  ],
  [
    'pods by label',
    '/api/v1/namespaces/shop/pods?labelSelector=app%3Dworker%2Ctier+in+%28front%2Cback%29&limit=500',
  ],
  [
    'pods of a node',
    '/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-1%2Cstatus.phase%21%3DSucceeded&limit=500',
  ],
  [
    'events of a pod',
    '/api/v1/namespaces/shop/events?fieldSelector=involvedObject.name%3Dweb-1%2CinvolvedObject.namespace%3Dshop&limit=500',
  ],
  ['nodes', '/api/v1/nodes?limit=500'],
  ['deployments', '/apis/apps/v1/namespaces/shop/deployments?limit=500'],
  ['ingresses everywhere', '/apis/networking.k8s.io/v1/ingresses?limit=500'],
  ['custom resources', '/apis/example.org/v1/namespaces/lab/things?limit=500'],
  ['node metrics', '/apis/metrics.k8s.io/v1beta1/nodes'],
  ['component statuses', '/api/v1/componentstatuses?limit=500'],
  ['api services', '/apis/apiregistration.k8s.io/v1/apiservices?limit=500'],
];

const single: readonly [string, string][] = [
  ['a pod', '/api/v1/namespaces/shop/pods/web-1'],
  ['a pod with dots in its name', '/api/v1/namespaces/shop/pods/web.v1.2-x'],
  ['a deployment', '/apis/apps/v1/namespaces/shop/deployments/web'],
  ['a node', '/api/v1/nodes/node-1.eu.example.org'],
  ['a namespace', '/api/v1/namespaces/shop'],
  ['a config map', '/api/v1/namespaces/kube-system/configmaps/coredns'],
  ['a role with a colon', '/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node-proxier'],
  ['the same, encoded', '/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode-proxier'],
  ['a definition', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.example.org'],
  ['logs', '/api/v1/namespaces/shop/pods/web-1/log?container=web'],
  [
    'logs, followed',
    '/api/v1/namespaces/shop/pods/web-1/log?container=web&follow=true&tailLines=10&timestamps=true',
  ],
  [
    'logs of the container before',
    '/api/v1/namespaces/shop/pods/web-1/log?container=web&previous=true&sinceSeconds=3600',
  ],
];

function* reading(): Generator<CorpusExchange> {
  for (const client of [certificate, token, old]) {
    for (const target of discovery) yield read(client, `discovery ${target}`, target);
  }
  yield read(
    {
      ...token,
      accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json',
    },
    'aggregated discovery',
    '/apis',
  );
  for (const [name, target] of lists) yield read(printed, `get ${name}`, target);
  for (const [name, target] of lists.slice(0, 8))
    yield read({ ...old, accept: table }, `get ${name}`, target);
  for (const [name, target] of single) yield read(token, `get ${name}`, target);
  for (const [name, target] of [...lists.slice(0, 2), ...lists.slice(3, 5)]) {
    const watch = `${target.replace(/limit=500/g, '')}&watch=true&resourceVersion=4711`.replace('?&', '?');
    yield read(printed, `get -w ${name}`, watch);
  }
  for (const path of [
    '/healthz',
    '/readyz?verbose',
    '/livez/etcd',
    '/metrics',
    '/logs/',
    '/.well-known/openid-configuration',
  ]) {
    yield read(certificate, `get --raw ${path}`, path);
  }
  yield read(certificate, 'get --raw of a node', '/api/v1/nodes/node-1/proxy/stats/summary');
  yield read(certificate, 'get --raw of metrics', '/api/v1/nodes/node-1/proxy/metrics/cadvisor');
  yield {
    ...read(token, 'a pod that is not there', '/api/v1/namespaces/shop/pods/none'),
    answer: { status: 404, text: '{"kind":"Status","code":404}' },
  };
}

/** Objects that people change by hand, with the change. */
const changes: readonly [string, string, unknown][] = [
  ['scale', '/apis/apps/v1/namespaces/shop/deployments/web/scale', { spec: { replicas: 5 } }],
  [
    'set image',
    '/apis/apps/v1/namespaces/shop/deployments/web',
    {
      spec: {
        template: {
          spec: {
            containers: [{ name: 'web', image: 'registry.example.org/shop/web:1.27.4' }],
          },
        },
      },
    },
  ],
  [
    'rollout restart',
    '/apis/apps/v1/namespaces/shop/deployments/web',
    {
      spec: {
        template: {
          metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': '2026-11-02T10:00:00+01:00' } },
        },
      },
    },
  ],
  ['rollout pause', '/apis/apps/v1/namespaces/shop/deployments/web', { spec: { paused: true } }],
  [
    'set env',
    '/apis/apps/v1/namespaces/shop/deployments/web',
    {
      spec: {
        template: { spec: { containers: [{ name: 'web', env: [{ name: 'LEVEL', value: 'debug' }] }] } },
      },
    },
  ],
  [
    'set resources',
    '/apis/apps/v1/namespaces/shop/statefulsets/db',
    {
      spec: {
        template: { spec: { containers: [{ name: 'postgres', resources: { limits: { memory: '2Gi' } } }] } },
      },
    },
  ],
  [
    'taint',
    '/api/v1/nodes/node-1',
    { spec: { taints: [{ key: 'maintenance', effect: 'NoSchedule', value: 'true' }] } },
  ],
  ['cordon', '/api/v1/nodes/node-1', { spec: { unschedulable: true } }],
  ['uncordon', '/api/v1/nodes/node-1', { spec: { unschedulable: null } }],
  [
    'edit a service',
    '/api/v1/namespaces/shop/services/web',
    {
      spec: {
        ports: [
          { port: 80, $patch: 'delete' },
          { name: 'web', port: 8080, targetPort: 'http' },
        ],
        '$setElementOrder/ports': [{ port: 8080 }, { port: 443 }],
      },
    },
  ],
  [
    'edit an ingress',
    '/apis/networking.k8s.io/v1/namespaces/shop/ingresses/web',
    { metadata: { annotations: { 'nginx.ingress.kubernetes.io/proxy-body-size': '32m' } } },
  ],
  [
    'edit a config map',
    '/api/v1/namespaces/shop/configmaps/web-config',
    { data: { 'config.yaml': 'a: &b 1\nc: *b\n' } },
  ],
  [
    'a service account for a role',
    '/apis/rbac.authorization.k8s.io/v1/namespaces/shop/rolebindings/deployers',
    { subjects: [{ kind: 'ServiceAccount', name: 'ci', namespace: 'ci' }] },
  ],
  [
    'a finalizer removed',
    '/api/v1/namespaces/shop/persistentvolumeclaims/uploads',
    { metadata: { finalizers: null } },
  ],
];

function* writing(): Generator<CorpusExchange> {
  for (const [name, target, body] of changes) {
    yield write(
      certificate,
      name,
      'PATCH',
      `${target}?fieldManager=kubectl-edit`,
      body,
      patchTypes.strategic,
    );
    yield write(old, name, 'PATCH', target, body, patchTypes.strategic);
  }
  for (const [name, target] of single.slice(0, 6)) {
    yield write(
      token,
      `label ${name}`,
      'PATCH',
      `${target}?fieldManager=kubectl-label`,
      { metadata: { labels: { team: 'shop', old: null } } },
      patchTypes.merge,
    );
    yield write(
      token,
      `annotate ${name}`,
      'PATCH',
      `${target}?fieldManager=kubectl-annotate`,
      { metadata: { annotations: { note: 'see (https://example.org/?a=b;c)' } } },
      patchTypes.merge,
    );
    yield write(token, `delete ${name}`, 'DELETE', target, { propagationPolicy: 'Background' });
  }
  for (const operations of [
    [{ op: 'replace', path: '/spec/replicas', value: 4 }],
    [{ op: 'add', path: '/metadata/labels/team~1unit', value: 'shop' }],
    [
      { op: 'test', path: '/spec/template/spec/containers/0/name', value: 'web' },
      { op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'web:2' },
    ],
    [{ op: 'remove', path: '/metadata/finalizers' }],
    [{ op: 'add', path: '/spec/template/spec/containers/0/args/-', value: '--verbose' }],
    [{ op: 'copy', from: '/metadata/labels/app', path: '/metadata/labels/name' }],
  ]) {
    yield write(
      certificate,
      `patch --type=json ${operations.map(({ op }) => op).join()}`,
      'PATCH',
      '/apis/apps/v1/namespaces/shop/deployments/web?fieldManager=kubectl-patch',
      operations,
      patchTypes.json,
    );
  }
  for (const object of ['workloads', 'network', 'config', 'rights'].flatMap(manifests)) {
    const { kind } = object;
    const name = object.metadata.name ?? object.metadata.generateName ?? '';
    yield read(certificate, `apply ${kind} ${name}: is it there?`, pathOf(object), {
      status: 404,
      text: '{"kind":"Status","code":404}',
    });
    yield write(
      certificate,
      `apply ${kind} ${name}`,
      'POST',
      `${collectionOf(object)}?fieldManager=kubectl-client-side-apply&fieldValidation=Strict`,
      object,
    );
    if (object.metadata.name === undefined) continue;
    const patch = isBuiltIn(object) ? patchTypes.strategic : patchTypes.merge;
    yield write(
      certificate,
      `apply ${kind} ${name} again`,
      'PATCH',
      `${pathOf(object)}?fieldManager=kubectl-client-side-apply&fieldValidation=Strict`,
      {
        metadata: {
          annotations: { 'kubectl.kubernetes.io/last-applied-configuration': `${JSON.stringify(object)}\n` },
        },
      },
      patch,
    );
    yield write(
      token,
      `apply --server-side ${kind} ${name}`,
      'PATCH',
      `${pathOf(object)}?fieldManager=kubectl&fieldValidation=Strict&force=false`,
      object,
      patchTypes.apply,
    );
  }
  yield write(
    certificate,
    'replace',
    'PUT',
    '/api/v1/namespaces/shop/pods/debug?fieldManager=kubectl-replace',
    manifests('workloads').find(({ kind }) => kind === 'Pod'),
  );
  yield write(
    certificate,
    'dry run',
    'POST',
    '/api/v1/namespaces/shop/pods?dryRun=All&fieldManager=kubectl-create',
    manifests('workloads').find(({ kind }) => kind === 'Pod'),
  );
  yield write(
    certificate,
    'debug',
    'PATCH',
    '/api/v1/namespaces/shop/pods/web-1/ephemeralcontainers',
    {
      spec: {
        ephemeralContainers: [
          { name: 'debugger-x7k', image: 'busybox:1.36', stdin: true, tty: true, targetContainerName: 'web' },
        ],
      },
    },
    patchTypes.strategic,
  );
  yield write(certificate, 'drain', 'POST', '/api/v1/namespaces/shop/pods/web-1/eviction', {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name: 'web-1', namespace: 'shop' },
    deleteOptions: { gracePeriodSeconds: 30 },
  });
  yield write(certificate, 'create token', 'POST', '/api/v1/namespaces/shop/serviceaccounts/web/token', {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { audiences: null, expirationSeconds: 3600 },
  });
  yield write(certificate, 'auth can-i', 'POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { verb: 'create', resource: 'pods', namespace: 'shop' } },
  });
  yield write(
    certificate,
    'auth can-i --list',
    'POST',
    '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews',
    { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace: 'shop' } },
  );
  yield write(certificate, 'auth whoami', 'POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'SelfSubjectReview',
  });
  yield write(
    certificate,
    'certificate approve',
    'PUT',
    '/apis/certificates.k8s.io/v1/certificatesigningrequests/csr-alice/approval',
    {
      ...manifests('rights').find(({ kind }) => kind === 'CertificateSigningRequest'),
      status: {
        conditions: [
          {
            type: 'Approved',
            status: 'True',
            reason: 'KubectlApprove',
            message: 'This CSR was approved by kubectl certificate approve.',
          },
        ],
      },
    },
  );
  yield write(
    certificate,
    'delete all of a label',
    'DELETE',
    '/api/v1/namespaces/shop/pods?labelSelector=app%3Dworker',
    { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Foreground' },
  );
}

export const kubectlExchanges: readonly CorpusExchange[] = [...reading(), ...writing()];
