// The inventory and policy of the demo's controller.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Inventory } from '../../src/model/inventory.ts';
import type { Policy } from '../../src/model/policy.ts';
import type { Lab } from './lab.ts';
import { gatePort, server } from './step.ts';

export function writeDocuments(lab: Lab): { inventory: string; policy: string } {
  const { hosts, service } = lab.range.topology;
  const addresses = (host: keyof typeof hosts) => [hosts[host].ipv4, hosts[host].ipv6];
  const inventory: Inventory = {
    apiVersion: 'portcullis/v1',
    clusters: [{ name: 'lab', tags: ['deployment=range'] }],
    hosts: [
      { name: 'cp', cluster: 'lab', addresses: addresses('cp'), tags: ['tier=control-plane'] },
      { name: 'node', cluster: 'lab', addresses: addresses('node'), tags: ['tier=node'] },
    ],
    servers: [
      {
        name: server,
        cluster: 'lab',
        host: 'cp',
        address: hosts.cp.ipv4,
        port: lab.range.server.port,
        also: [{ address: hosts.cp.ipv6, port: lab.range.server.port }, { ...service }],
        gatePort,
        tags: [],
        probe: { caFile: join(lab.range.files.pki, 'ca.crt') },
      },
    ],
    groups: [
      { name: 'break-glass', addresses: addresses('breakglass'), tags: ['label=break-glass'] },
      { name: 'developers', addresses: addresses('developer'), tags: ['site=office'] },
    ],
  };
  const policy = {
    apiVersion: 'portcullis/v1',
    rules: [
      {
        id: 'break-glass',
        tier: 'break-glass',
        from: 'label=break-glass',
        to: 'any',
        action: 'pass',
        reason: 'the way in when all else is shut',
      },
    ],
  } satisfies Partial<Record<keyof Policy, unknown>>;
  const files = { inventory: join(lab.dir, 'inventory.yaml'), policy: join(lab.dir, 'policy.yaml') };
  writeFileSync(files.inventory, stringify(inventory));
  writeFileSync(files.policy, stringify(policy));
  return files;
}
