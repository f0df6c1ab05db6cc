import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../base/failure.ts';
import { Inventory } from '../model/inventory.ts';
import { checkInventory } from './inventory.ts';

type Draft = {
  clusters: { name: string; tags?: string[] }[];
  hosts: { name: string; addresses: string[]; cluster?: string; tags?: string[] }[];
  servers: Record<string, unknown>[];
  groups: { name: string; addresses: string[]; tags?: string[] }[];
};

/** Two servers of one cluster behind one service address, and one of another. */
function draft(): Draft {
  return {
    clusters: [{ name: 'prod' }, { name: 'lab' }],
    hosts: [
      { name: 'cp-1', addresses: ['10.0.0.1'], cluster: 'prod' },
      { name: 'cp-2', addresses: ['10.0.0.2', '2001:db8::2'], cluster: 'prod' },
      { name: 'lab', addresses: ['10.1.0.1'], cluster: 'lab' },
      { name: 'worker', addresses: ['10.0.0.9'], cluster: 'prod', tags: ['tier=node'] },
    ],
    servers: [
      {
        name: 'api-1',
        cluster: 'prod',
        host: 'cp-1',
        address: '10.0.0.1',
        also: [{ address: '10.96.0.1', port: 443 }],
      },
      {
        name: 'api-2',
        cluster: 'prod',
        host: 'cp-2',
        address: '10.0.0.2',
        also: [{ address: '10.96.0.1', port: 443 }],
      },
      { name: 'lab-api', cluster: 'lab', host: 'lab', address: '10.1.0.1' },
    ],
    groups: [{ name: 'developers', addresses: ['192.0.2.0/24'], tags: ['site=paris', 'label=a', 'label=b'] }],
  };
}

function check(change: (draft: Draft) => void): string[] {
  const changed = draft();
  change(changed);
  return checkInventory(Inventory.parse({ apiVersion: 'portcullis/v1', ...changed }));
}

test('a consistent inventory passes without a word', () => {
  assert.deepEqual(
    check(() => {}),
    [],
  );
});

const refusals: readonly [string, (draft: Draft) => void, RegExp][] = [
  ['clusters[1].name', (d) => d.clusters.splice(1, 1, { name: 'prod' }), /clusters\[0\]/],
  ['hosts[4].name', (d) => d.hosts.push({ name: 'cp-1', addresses: ['10.0.0.77'] }), /hosts\[0\]/],
  ['servers[3].name', (d) => d.servers.push({ ...d.servers[2] }), /servers\[2\]/],
  ['groups[1].name', (d) => d.groups.push({ name: 'developers', addresses: ['10.7.0.1'] }), /groups\[0\]/],
  [
    'clusters[0].site',
    (d) => Object.assign(d.clusters[0] ?? {}, { site: 'rome' }),
    /no site 'rome' for cluster 'prod'/,
  ],
  ['sites[1].name', (d) => Object.assign(d, { sites: [{ name: 'a' }, { name: 'a' }] }), /sites\[0\]/],
  [
    'serviceGroups[0].name',
    (d) => Object.assign(d, { serviceGroups: [{ name: 'kubelet', ports: [1] }] }),
    /knows by itself/,
  ],
  [
    'hosts[0].imported',
    (d) => Object.assign(d.hosts[0] ?? {}, { imported: ['zone=a', 'zone=b'] }),
    /both 'a' and 'b'/,
  ],
  [
    'hosts[4].cluster',
    (d) => d.hosts.push({ name: 'x', addresses: ['10.7.0.1'], cluster: 'nope' }),
    /no cluster 'nope'/,
  ],
  [
    'hosts[4].addresses[0]',
    (d) => d.hosts.push({ name: 'x', addresses: ['::ffff:10.0.0.1'] }),
    /host 'cp-1'/,
  ],
  [
    'hosts[4].addresses[0]',
    (d) => d.hosts.push({ name: 'x', addresses: ['224.0.0.1'] }),
    /can't be the address/,
  ],
  [
    'hosts[4].addresses[1]',
    (d) => d.hosts.push({ name: 'x', addresses: ['10.7.0.1', '::'] }),
    /can't be the address/,
  ],
  [
    'hosts[0].tags',
    (d) => Object.assign(d.hosts[0] ?? {}, { tags: ['site=a', 'site=b'] }),
    /both 'a' and 'b'/,
  ],
  ['servers[2].tags', (d) => Object.assign(d.servers[2] ?? {}, { tags: ['site=a', 'site=b'] }), /both/],
  [
    'groups[1].addresses[0]',
    (d) => d.groups.push({ name: 'x', addresses: ['192.0.2.0/24'], tags: ['site=rome'] }),
    /'paris' and 'rome'/,
  ],
  ['servers[2].cluster', (d) => Object.assign(d.servers[2] ?? {}, { cluster: 'nope' }), /no cluster 'nope'/],
  [
    'servers[2].cluster',
    (d) => Object.assign(d.servers[2] ?? {}, { cluster: 'prod' }),
    /its host 'lab' of 'lab'/,
  ],
  ['servers[2].host', (d) => Object.assign(d.servers[2] ?? {}, { host: 'nope' }), /no host 'nope'/],
  [
    'servers[2].address',
    (d) => Object.assign(d.servers[2] ?? {}, { address: '10.0.0.1' }),
    /not an address of host 'lab'/,
  ],
  [
    'servers[3].address',
    (d) => d.servers.push({ ...d.servers[0], name: 'twin', also: [] }),
    /endpoint of server 'api-1'/,
  ],
  [
    'servers[2].also[0]',
    (d) => Object.assign(d.servers[2] ?? {}, { also: [{ address: '10.96.0.1', port: 443 }] }),
    /another cluster/,
  ],
  [
    'servers[2].also[0]',
    (d) => Object.assign(d.servers[2] ?? {}, { also: [{ address: '10.0.0.2', port: 6443 }] }),
    /endpoint of server 'api-2'/,
  ],
  [
    'servers[2].also[0].address',
    (d) => Object.assign(d.servers[2] ?? {}, { also: [{ address: '0.0.0.0', port: 1 }] }),
    /machine/,
  ],
  [
    'servers[3].also[0]',
    (d) => d.servers.push({ ...d.servers[0], name: 'twin', port: 7443, gatePort: 17443 }),
    /on the same host/,
  ],
  ['servers[2].gatePort', (d) => Object.assign(d.servers[2] ?? {}, { gatePort: 6443 }), /the server itself/],
  [
    'servers[0].gatePort',
    (d) => d.servers.push({ ...d.servers[0], name: 'twin', port: 7443, also: [] }),
    /gate port of server 'twin'/,
  ],
  [
    'servers[0].gatePort',
    (d) => d.servers.push({ ...d.servers[0], name: 'twin', port: 16443, gatePort: 17443, also: [] }),
    /where server 'twin' listens/,
  ],
  [
    'servers[2].gatePort',
    (d) => Object.assign(d.servers[2] ?? {}, { also: [{ address: '10.1.0.1', port: 16443 }] }),
    /the server itself/,
  ],
];

test('what contradicts itself is refused at its field', () => {
  for (const [place, change, message] of refusals) {
    assert.throws(
      () => check(change),
      (error: unknown) => {
        assert.ok(error instanceof Failure, `${place}: ${String(error)}`);
        assert.equal(error.code, 'bad-inventory');
        assert.equal(error.place, place, error.message);
        assert.match(error.message, message);
        return true;
      },
      place,
    );
  }
});

const allowed: readonly ((draft: Draft) => void)[] = [
  (d) => d.groups.push({ name: 'x', addresses: ['192.0.2.0/24'], tags: ['site=paris', 'label=c'] }),
  (d) => d.groups.push({ name: 'x', addresses: ['192.0.2.0/25'], tags: ['site=rome'] }),
  (d) => d.servers.push({ ...d.servers[0], name: 'twin', port: 7443, gatePort: 17443, also: [] }),
  // On another machine's address the port is free here.
  (d) => Object.assign(d.servers[2] ?? {}, { also: [{ address: '10.77.0.1', port: 16443 }] }),
  (d) => Object.assign(d.hosts[0] ?? {}, { addresses: ['10.0.0.1', '10.0.0.1'] }),
  (d) =>
    Object.assign(d.clusters[0] ?? {}, { tags: ['site=a'] }) &&
    Object.assign(d.hosts[0] ?? {}, { tags: ['site=b'] }),
];

test('the innocent neighbours pass', () => {
  for (const change of allowed) assert.deepEqual(check(change), []);
});

test('what is worth a look is said', () => {
  const [group] = check((d) => d.groups.push({ name: 'wide', addresses: ['10.0.0.0/31'], tags: [] }));
  assert.match(group ?? '', /group 'wide' holds 10\.0\.0\.1, the address of server 'api-1'/);
  const [tierless] = check((d) => d.hosts.push({ name: 'bare', addresses: ['10.0.0.50'], cluster: 'prod' }));
  assert.match(tierless ?? '', /host 'bare' of cluster 'prod' has no tier/);
});
