// Requests that a cluster sees all day, as bytes, for the benchmark of rules.

export type Kind = 'get' | 'list' | 'watch' | 'create' | 'patch' | 'configmap';
export type KindRequest = { readonly kind: Kind; readonly bytes: Buffer; readonly answer: Buffer };

const container = (name: string) => ({
  name,
  image: `registry.example/team/${name}:1.27.${name.length}`,
  args: ['--listen=0.0.0.0:8080', '--log-level=info'],
  env: Array.from({ length: 8 }, (_, n) => ({ name: `SETTING_${n}`, value: `value-of-setting-${n}` })),
  ports: [{ containerPort: 8080, protocol: 'TCP' }],
  resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
  volumeMounts: [{ name: 'config', mountPath: '/etc/app', readOnly: true }],
  securityContext: { runAsNonRoot: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
});

/** About 4 KB as JSON. */
export const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'web-7d4b9',
    namespace: 'lab',
    labels: { app: 'web', tier: 'frontend', 'pod-template-hash': '7d4b9' },
    annotations: { 'example.org/checksum': 'a3f5'.repeat(16) },
  },
  spec: {
    serviceAccountName: 'web',
    containers: ['web', 'proxy', 'metrics', 'reloader'].map(container),
    volumes: [{ name: 'config', configMap: { name: 'web' } }],
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    tolerations: [{ key: 'example.org/shared', operator: 'Exists', effect: 'NoSchedule' }],
  },
};

/** About 1 MB as JSON. */
export const configMap = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'dashboards', namespace: 'lab' },
  data: Object.fromEntries(
    Array.from({ length: 100 }, (_, n) => [
      `dashboard-${n}.json`,
      `{"panel":${n},"text":"${'lorem ipsum dolor sit amet '.repeat(375)}"}\n`,
    ]),
  ),
};

const strategic = {
  spec: {
    template: {
      metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': '2026-01-01T00:00:00Z' } },
      spec: { containers: [{ name: 'web', image: 'registry.example/team/web:1.28.0' }] },
    },
  },
};

function request(line: string, body?: object, contentType = 'application/json'): Buffer {
  const content = body === undefined ? '' : JSON.stringify(body);
  const fields = [
    'Host: kubernetes',
    'User-Agent: kubectl/v1.33.0 (linux/amd64) kubernetes/60a317e',
    'Accept: application/json',
    'Accept-Encoding: gzip',
    ...(body === undefined
      ? []
      : [`Content-Type: ${contentType}`, `Content-Length: ${Buffer.byteLength(content)}`]),
  ];
  return Buffer.from(`${line} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n${content}`);
}

const common =
  'Audit-Id: 0b2f3c1e-8b0e-4a52-9d5b-5c4f2d1a7e11\r\nCache-Control: no-cache, private\r\nContent-Type: application/json\r\n';
const answer = Buffer.from(`HTTP/1.1 200 OK\r\n${common}Content-Length: 2700\r\n\r\n${'y'.repeat(2700)}`);
const events = Buffer.from(
  `HTTP/1.1 200 OK\r\n${common}Transfer-Encoding: chunked\r\n\r\na8c\r\n${'y'.repeat(2700)}\r\n0\r\n\r\n`,
);

const core = '/api/v1/namespaces/lab';
export const kindRequests: readonly KindRequest[] = [
  { kind: 'get', bytes: request(`GET ${core}/pods/web`), answer },
  { kind: 'list', bytes: request(`GET ${core}/pods?limit=500&labelSelector=app%3Dweb`), answer },
  {
    kind: 'watch',
    bytes: request(
      'GET /api/v1/pods?allowWatchBookmarks=true&resourceVersion=81&timeoutSeconds=401&watch=true',
    ),
    answer: events,
  },
  { kind: 'create', bytes: request(`POST ${core}/pods?fieldManager=kubectl-create`, pod), answer },
  {
    kind: 'patch',
    bytes: request(
      'PATCH /apis/apps/v1/namespaces/lab/deployments/web?fieldManager=kubectl-rollout',
      strategic,
      'application/strategic-merge-patch+json',
    ),
    answer,
  },
  { kind: 'configmap', bytes: request(`PUT ${core}/configmaps/dashboards`, configMap), answer },
];
