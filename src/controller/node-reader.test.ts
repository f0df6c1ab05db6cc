// Against a server that answers as a Kubernetes API does, over real TLS.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Inventory } from '../model/inventory.ts';
import { createAuthority, issue } from '../platform/pki.ts';
import type { Core } from './core.ts';
import { createNodeReader } from './node-reader.ts';
import type { PartWatch } from './part-watch.ts';

const inventory = Inventory.parse({
  apiVersion: 'portcullis/v1',
  clusters: [{ name: 'lab' }, { name: 'other' }],
  hosts: [
    { name: 'cp', cluster: 'lab', addresses: ['10.0.0.1'], tags: ['tier=control-plane'] },
    { name: 'worker', cluster: 'lab', addresses: ['10.0.0.2'], tags: ['tier=node'] },
    { name: 'node-3', cluster: 'other', addresses: ['10.0.0.3'], tags: ['tier=node'] },
  ],
  servers: [{ name: 'lab/api', cluster: 'lab', host: 'cp', address: '10.0.0.1' }],
});
const node = (name: string, address: string, version: string) => ({
  metadata: { name },
  status: {
    addresses: [{ type: 'InternalIP', address }],
    nodeInfo: {
      kubeletVersion: version,
      containerRuntimeVersion: 'cri-o://1.23.1',
      operatingSystem: 'linux',
    },
  },
});

test('nodes are the hosts that have their addresses; what fails is told once, and nothing is forgotten by it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-nodes-'));
  const authority = await createAuthority('cluster', 1);
  const identity = await issue(authority, {
    ...{ subject: { commonName: 'kube-apiserver' }, use: ['server'], names: ['127.0.0.1'], days: 1 },
  });
  let nodes: unknown[] | undefined = [
    node('node-2', '10.0.0.2', 'v1.31.2'),
    // A host of another cluster by name and address, and one that nobody knows.
    node('node-3', '10.0.0.3', 'v1.31.2'),
    node('node-4', '10.0.0.4', 'v1.31.2'),
  ];
  const server = createServer({ key: identity.key, cert: identity.certificate }, (request, response) => {
    const isNodes = request.url?.startsWith('/api/v1/nodes') === true;
    const status = isNodes && nodes ? 200 : 403;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(status === 200 ? { items: nodes } : { kind: 'Status', code: 403 }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    const kubeconfig = join(folder, 'kubeconfig');
    const ca = Buffer.from(authority.certificate).toString('base64');
    const cluster = { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': ca };
    writeFileSync(
      kubeconfig,
      JSON.stringify({
        ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'c' },
        contexts: [{ name: 'c', context: { cluster: 'x', user: 'u' } }],
        clusters: [{ name: 'x', cluster }],
        users: [{ name: 'u', user: { token: 'secret' } }],
      }),
      { mode: 0o600 },
    );
    const seen: string[] = [];
    const notes: string[] = [];
    let runs = 0;
    const parts: Pick<PartWatch, 'observe'> = {
      observe: (name, facts, source) =>
        void seen.push(
          ...facts.map(({ component, host, version }) => `${name} ${component}/${host} ${version} ${source}`),
        ),
    };
    const core = { inventory: () => inventory } as unknown as Core;
    const sources = [
      { cluster: 'lab', kubeconfig },
      { cluster: 'gone', kubeconfig },
    ];
    const reader = createNodeReader(core, parts, { run: () => void runs++ }, sources, (line) =>
      notes.push(line),
    );
    await reader.read();
    assert.deepEqual(seen, ['lab kubelet/worker v1.31.2 cluster', 'lab cri-o/worker 1.23.1 cluster']);
    assert.equal(runs, 1);
    assert.equal(notes.length, 2);
    assert.match(notes[0] ?? '', /pods may not be listed.*2 nodes are no hosts of the inventory/);
    assert.match(notes[1] ?? '', /'gone', which the inventory lacks/);
    nodes = undefined;
    await reader.read();
    await reader.read();
    assert.equal(runs, 1);
    assert.deepEqual(notes.slice(2).length, 2, 'once for each of the two');
    assert.match(notes[2] ?? '', /nodes of lab can't be read: .*403/);
    assert.doesNotMatch(notes.join(), /secret/);
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  }
});
