import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromKubernetes, type KubeFacts, type KubeNode, type LabelRules } from './import-kubernetes.ts';

const rules: LabelRules = {
  types: new Map([['topology.kubernetes.io/zone', 'zone']]),
  prefixes: ['example.org/'],
};
const node = (name: string, addresses: string[], labels: Record<string, string> = {}): KubeNode => ({
  name,
  addresses,
  labels,
  kubeletVersion: undefined,
});
const master = { 'node-role.kubernetes.io/control-plane': '' };
const facts = (more: Partial<KubeFacts> = {}): KubeFacts => ({
  cluster: 'Prod EU',
  server: { address: '10.0.0.1', port: 6443 },
  nodes: [node('cp-1', ['10.0.0.1'], master), node('node-1', ['10.0.0.11'])],
  endpoints: [{ address: '10.0.0.1', port: 6443 }],
  services: [],
  ...more,
});
const run = (more: Partial<KubeFacts> = {}) => fromKubernetes(facts(more), rules);

test('nodes become hosts and endpoints servers', () => {
  const { found, notes } = run();
  assert.deepEqual(notes, []);
  assert.equal(found.clusters[0]?.name, 'prod-eu');
  assert.deepEqual(
    found.hosts.map(({ name, tags, cluster }) => [name, tags, cluster]),
    [
      ['cp-1', ['tier=control-plane'], 'prod-eu'],
      ['node-1', ['tier=node'], 'prod-eu'],
    ],
  );
  assert.deepEqual(
    found.servers.map(({ name, host, address, port, also }) => ({ name, host, address, port, also })),
    [{ name: 'prod-eu/cp-1', host: 'cp-1', address: '10.0.0.1', port: 6443, also: [] }],
  );
});

test('every way to the servers is named at each of them, of both families', () => {
  const { found } = run({
    server: { address: '198.51.100.7', port: 443 },
    nodes: [
      node('cp-1', ['10.0.0.1', '2001:db8::1'], master),
      node('cp-2', ['10.0.0.2'], { 'node-role.kubernetes.io/master': '' }),
    ],
    endpoints: [
      { address: '10.0.0.1', port: 6443 },
      { address: '2001:db8::1', port: 6443 },
      { address: '10.0.0.2', port: 6443 },
    ],
    services: [
      {
        name: 'default/kubernetes',
        ports: [{ port: 443 }],
        clusterIps: ['10.96.0.1', 'fd00:96::1'],
        externalIps: [],
      },
      { name: 'infra/api', ports: [{ port: 6443 }], clusterIps: ['10.96.7.7'], externalIps: ['203.0.113.9'] },
    ],
  });
  const shared = [
    '10.96.0.1 443',
    'fd00:96::1 443',
    '10.96.7.7 6443',
    '203.0.113.9 6443',
    '198.51.100.7 443',
  ];
  assert.deepEqual(
    found.servers.map(({ name, also }) => [name, also.map(({ address, port }) => `${address} ${port}`)]),
    [
      ['prod-eu/cp-1', ['2001:db8::1 6443', ...shared]],
      ['prod-eu/cp-2', shared],
    ],
  );
});

test('a control plane that has no nodes becomes hosts of its own', () => {
  const { found, notes } = run({
    nodes: [node('node-1', ['10.0.0.11'])],
    endpoints: [
      { address: '172.16.0.5', port: 443 },
      { address: '2001:db8::5', port: 443 },
    ],
  });
  assert.deepEqual(
    found.servers.map(({ host }) => host),
    ['apiserver-172-16-0-5', 'apiserver-2001-db8-5'],
  );
  assert.match(notes[0] ?? '', /172\.16\.0\.5, where default\/kubernetes leads, is no node's/);
});

test('labels become tags where that was asked for', () => {
  const labels = {
    'topology.kubernetes.io/zone': 'eu-1a',
    'example.org/Team': 'payments',
    'example.org/cost.centre': '42',
    'example.org/': 'nothing',
    'example.org/empty': '',
    'other.org/zone': 'x',
    'kubernetes.io/hostname': 'node-1',
  };
  const nodes = [{ ...node('node-1', ['10.0.0.11'], labels), kubeletVersion: 'v1.29.3-gke.100' }];
  assert.deepEqual(run({ nodes, endpoints: [] }).found.hosts[0]?.tags, [
    'tier=node',
    'kubelet-version=v1.29.3-gke.100',
    'zone=eu-1a',
    'team=payments',
    'cost-centre=42',
  ]);
});

const hostile: readonly [string, Partial<KubeFacts>, RegExp][] = [
  [
    'a tier',
    { nodes: [node('n', ['10.0.0.11'], { 'example.org/tier': 'control-plane' })] },
    /the tier comes from the node's role/,
  ],
  [
    'an observed type',
    { nodes: [node('n', ['10.0.0.11'], { 'example.org/cve': 'none' })] },
    /can't be declared/,
  ],
  [
    'a name of the inventory',
    { nodes: [node('n', ['10.0.0.11'], { 'example.org/host': 'cp-1' })] },
    /can't be declared/,
  ],
  [
    'a value that is none',
    { nodes: [node('n', ['10.0.0.11'], { 'example.org/x': 'a b\u001b[2J' })] },
    /a tag is type=value/,
  ],
  [
    'two labels for one type',
    { nodes: [node('n', ['10.0.0.11'], { 'example.org/zone': 'b', 'topology.kubernetes.io/zone': 'a' })] },
    /another one sets 'zone'/,
  ],
  ['no address', { nodes: [node('n', ['not an address'])] }, /it is no address/],
  [
    'the address of another node',
    { nodes: [node('cp-1', ['10.0.0.1'], master), node('thief', ['10.0.0.1', '10.0.0.12'])] },
    /10\.0\.0\.1 of node 'thief' is left out: node 'cp-1' has it/,
  ],
  [
    'everybody as an address',
    { nodes: [node('n', ['0.0.0.0', '::', '224.0.0.1'])] },
    /can't be the address of a machine/,
  ],
  ['loopback', { nodes: [node('n', ['127.0.0.1'])] }, /can't be the address of a machine/],
  [
    'names that become one',
    { nodes: [node('a_b', ['10.0.0.11']), node('a b', ['10.0.0.12'])] },
    /another has its name/,
  ],
  ['no name at all', { nodes: [node('___', ['10.0.0.11'])] }, /no usable name/],
  [
    'a service without an address',
    { services: [{ name: 's', ports: [{ port: 1 }], clusterIps: ['None'], externalIps: [] }] },
    /'None' of service 's'/,
  ],
];

test('what a hostile cluster says is left out and told', () => {
  for (const [name, more, note] of hostile) {
    const { found, notes } = run({ endpoints: [], ...more });
    assert.ok(
      notes.some((line) => note.test(line)),
      `${name}: ${notes.join(' | ')}`,
    );
    assert.ok(
      notes.every((line) => /^[\x20-\x7e]*$/.test(line)),
      name,
    );
    for (const { name: host, tags } of found.hosts)
      assert.ok(host === 'cp-1' || !tags.includes('tier=control-plane'), name);
  }
});

test('notes are bounded', () => {
  const nodes = Array.from({ length: 1000 }, (_, i) => node(`n${i}`, ['nowhere']));
  const { notes } = run({ nodes, endpoints: [] });
  assert.equal(notes.length, 21);
  assert.match(notes.at(-1) ?? '', /and 1980 more/);
});
