// Against a server that answers with the shapes of the Kubernetes API, over real TLS.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readClusterLists } from './kube-import.ts';
import { createAuthority, issue } from './pki.ts';

let folder: string;
let server: Server;
let kubeconfig: string;
/** Path and query → answer; 404 for the rest. */
let answers: Record<string, unknown> = {};
const asked: string[] = [];

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-import-'));
  const authority = await createAuthority('cluster', 1);
  const identity = await issue(authority, {
    subject: { commonName: 'kube-apiserver' },
    use: ['server'],
    names: ['127.0.0.1'],
    days: 1,
  });
  server = createServer({ key: identity.key, cert: identity.certificate }, (request, response) => {
    const path = request.url ?? '';
    asked.push(`${request.method} ${path}`);
    const answer = answers[path];
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? { kind: 'Status', code: 404 }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const data = (text: string) => Buffer.from(text).toString('base64');
  kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'c',
      contexts: [{ name: 'c', context: { cluster: 'prod', user: 'u' } }],
      clusters: [
        {
          name: 'prod',
          cluster: {
            server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
            'certificate-authority-data': data(authority.certificate),
          },
        },
      ],
      users: [{ name: 'u', user: { token: 'secret' } }],
    }),
    { mode: 0o600 },
  );
});
after(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

const node = (name: string) => ({
  metadata: { name, labels: { 'kubernetes.io/os': 'linux' }, uid: 'x' },
  spec: { podCIDR: '10.244.0.0/24' },
  status: {
    addresses: [
      { type: 'InternalIP', address: '10.0.0.1' },
      { type: 'Hostname', address: name },
    ],
    nodeInfo: { kubeletVersion: 'v1.31.2', osImage: 'x' },
  },
});
const service = (namespace: string, name: string, type: string, more: object = {}) => ({
  metadata: { name, namespace },
  spec: {
    type,
    clusterIP: '10.96.0.9',
    ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }],
    ...more,
  },
  status: {
    loadBalancer: type === 'LoadBalancer' ? { ingress: [{ ip: '203.0.113.9' }, { hostname: 'lb' }] } : {},
  },
});
const endpoints = (ip: string) => ({
  kind: 'Endpoints',
  subsets: [{ addresses: [{ ip }], ports: [{ name: 'https', port: 6443, protocol: 'TCP' }] }],
});
const list = (items: unknown, more: object = {}) => ({
  kind: 'List',
  metadata: { resourceVersion: '1', ...more },
  items,
});
const good = () => ({
  '/api/v1/nodes?limit=500': list([node('cp-1')], { continue: 'a/b=', remainingItemCount: 1 }),
  '/api/v1/nodes?limit=500&continue=a%2Fb%3D': list([node('node-1')]),
  '/api/v1/services?limit=500': list([
    service('default', 'kubernetes', 'ClusterIP'),
    service('infra', 'api', 'LoadBalancer'),
    service('shop', 'front', 'LoadBalancer'),
    service('shop', 'none', 'LoadBalancer'),
  ]),
  '/api/v1/namespaces/default/endpoints/kubernetes': endpoints('10.0.0.1'),
  '/api/v1/namespaces/infra/endpoints/api': endpoints('10.0.0.1'),
  '/api/v1/namespaces/shop/endpoints/front': endpoints('10.244.0.7'),
  '/api/v1/namespaces/shop/endpoints/none': { kind: 'Endpoints' },
});

test('lists are read page by page, and of services those that lead to the servers', async () => {
  answers = good();
  asked.length = 0;
  const found = await readClusterLists(kubeconfig);
  assert.deepEqual(
    found.nodes.map(({ metadata }) => metadata.name),
    ['cp-1', 'node-1'],
  );
  assert.deepEqual(found.endpoints, [{ address: '10.0.0.1', port: 6443 }]);
  assert.deepEqual(
    found.services.map(({ metadata }) => metadata.name),
    ['kubernetes', 'api'],
  );
  assert.ok(asked.every((line) => line.startsWith('GET ')));
});

test('a cluster without Endpoints is read by its EndpointSlices', async () => {
  const { '/api/v1/namespaces/default/endpoints/kubernetes': _, ...rest } = good();
  const slices =
    '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?limit=500&labelSelector=kubernetes.io%2Fservice-name%3Dkubernetes';
  answers = {
    ...rest,
    [slices]: list([
      {
        addressType: 'IPv4',
        endpoints: [{ addresses: ['10.0.0.1'], conditions: {} }],
        ports: [{ name: 'https', port: 6443 }],
      },
      { addressType: 'IPv6', endpoints: [{ addresses: ['2001:db8::1'] }], ports: [{ port: 6443 }] },
      { addressType: 'IPv4', endpoints: null, ports: null },
    ]),
  };
  assert.deepEqual((await readClusterLists(kubeconfig)).endpoints, [
    { address: '10.0.0.1', port: 6443 },
    { address: '2001:db8::1', port: 6443 },
  ]);
});

const refusals: readonly [string, Record<string, unknown>, string, RegExp][] = [
  [
    'nodes may not be listed',
    { '/api/v1/nodes?limit=500': undefined },
    'server-refused',
    /404 to GET \/api\/v1\/nodes/,
  ],
  [
    'a list that never ends',
    { '/api/v1/nodes?limit=500&continue=a%2Fb%3D': list([], { continue: 'a/b=' }) },
    'server-unreachable',
    /does not end/,
  ],
  [
    'a node without a name',
    { '/api/v1/nodes?limit=500': list([{ metadata: {} }]) },
    'server-unreachable',
    /items\.0\.metadata\.name/,
  ],
  [
    'a port that is none',
    {
      '/api/v1/namespaces/default/endpoints/kubernetes': {
        subsets: [{ addresses: [], ports: [{ port: 0 }] }],
      },
    },
    'server-unreachable',
    /subsets/,
  ],
];

for (const [name, change, code, message] of refusals) {
  test(`refused: ${name}`, async () => {
    answers = { ...good(), ...change };
    await assert.rejects(readClusterLists(kubeconfig), (error: Error & { code?: string }) => {
      assert.equal(error.code, code);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  });
}
