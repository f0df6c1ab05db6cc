import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import type { Kubeconfig } from './kubeconfig.ts';
import { createAuthority, issue } from './pki.ts';
import { readRequestHeaders } from './request-headers.ts';

let answer: { status: number; data?: object };
let config: Kubeconfig;
const server = createServer();
before(async () => {
  const authority = await createAuthority('kubernetes', 1);
  const pair = await issue(authority, {
    subject: { commonName: 'k' },
    use: ['server'],
    names: ['127.0.0.1'],
    days: 1,
  });
  server.setSecureContext({ cert: pair.certificate, key: pair.key });
  server.on('request', (request, response) => {
    assert.equal(request.url, '/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication');
    response.writeHead(answer.status, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ kind: 'ConfigMap', data: answer.data ?? {} }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const host = '127.0.0.1';
  config = {
    context: 'a',
    cluster: 'c',
    server: { url: `https://${host}:${port}`, host, address: host, port, serverName: host },
    ca: authority.certificate,
    credentials: {},
  };
});
after(() => server.close());

const json = JSON.stringify;
const kubeadm = {
  'client-ca-file': 'x',
  'requestheader-allowed-names': json(['front-proxy-client']),
  'requestheader-client-ca-file': 'x',
  'requestheader-username-headers': json(['X-Remote-User']),
  'requestheader-group-headers': json(['X-Remote-Group']),
  'requestheader-extra-headers-prefix': json(['X-Remote-Extra-']),
};
const defaults = { user: 'x-remote-user', group: 'x-remote-group', extraPrefix: 'x-remote-extra-', also: [] };
const rows: [what: string, status: number, data: object, expected: object | undefined][] = [
  ['as kubeadm sets it', 200, kubeadm, defaults],
  [
    'with a UID, as servers from v1.32 may',
    200,
    { ...kubeadm, 'requestheader-uid-headers': json(['X-Remote-Uid']) },
    { ...defaults, uid: 'x-remote-uid' },
  ],
  [
    'with several of each',
    200,
    {
      'requestheader-username-headers': json(['X-User', 'X-Remote-User']),
      'requestheader-group-headers': json(['X-Group', 'X-Other']),
      'requestheader-extra-headers-prefix': json(['X-Extra-', 'X-More-']),
    },
    {
      user: 'x-user',
      group: 'x-group',
      extraPrefix: 'x-extra-',
      also: ['x-remote-user', 'x-other', 'x-more-'],
    },
  ],
  ['of a server without a front proxy', 200, { 'client-ca-file': 'x' }, undefined],
  ['that may not be read', 403, {}, undefined],
  ['that is not there', 404, {}, undefined],
];
for (const [what, status, data, expected] of rows) {
  test(`names ${what}`, async () => {
    answer = { status, data };
    assert.deepEqual(await readRequestHeaders(config, 'kubeconfig'), expected);
  });
}

for (const [what, data] of [
  ['no JSON', { 'requestheader-username-headers': 'X-Remote-User' }],
  ['no list', { 'requestheader-username-headers': '"X-Remote-User"' }],
  ['an empty name', { 'requestheader-username-headers': '[""]' }],
] as const) {
  test(`${what} is not guessed at`, async () => {
    answer = { status: 200, data };
    await assert.rejects(
      readRequestHeaders(config, 'kubeconfig'),
      /does not answer as a Kubernetes API server/,
    );
  });
}
