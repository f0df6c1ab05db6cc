import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Stage } from '../model/common.ts';
import type { Cover } from '../model/cover.ts';
import { Inventory } from '../model/inventory.ts';
import { Policy } from '../model/policy.ts';
import type { Shield } from '../model/shield.ts';
import { partsOf } from '../policy/parts.ts';
import type { Core } from './core.ts';
import { createPartGaps } from './part-gaps.ts';
import { pairKey } from './state.ts';

const inventory = Inventory.parse({
  apiVersion: 'portcullis/v1',
  clusters: [{ name: 'lab', versions: { 'ingress-nginx': '1.11.4' } }],
  hosts: [{ name: 'cp', cluster: 'lab', addresses: ['10.0.0.1'], tags: ['tier=control-plane'] }],
  servers: [
    { name: 'api-1', cluster: 'lab', host: 'cp', address: '10.0.0.1' },
    { name: 'api-2', cluster: 'lab', host: 'cp', address: '10.0.0.1', port: 7443, gatePort: 17443 },
  ],
});
const shield = {
  id: 'CVE-2099-0001',
  tier: 1,
  component: 'ingress-nginx',
  firstResponse: { pass: [], action: 'deny' },
  deeperDefense: { rules: [{ id: 'a-rule' }] },
  residual: 'What stays.',
} as unknown as Shield;

test('rules stand at the servers of the cluster: the weakest counts, and who only looks on is said', () => {
  const rows: readonly [[Stage, Stage], 'enforce' | 'shadow', Stage, RegExp, Cover][] = [
    [['observe', 'inspect'], 'enforce', 'observe', /^nothing looks at requests to api-1$/, 'waits'],
    [['inspect', 'inspect'], 'enforce', 'inspect', /^What stays\.$/, 'acts'],
    [['inspect', 'block'], 'enforce', 'inspect', /^What stays\.$/, 'acts'],
    [['inspect', 'block'], 'shadow', 'inspect', /^the shield only looks on at api-1$/, 'shadow'],
    [['lifted', 'inspect'], 'shadow', 'lifted', /api-1; the shield only looks on at api-2$/, 'shadow'],
  ];
  const [part] = partsOf(inventory).filter(({ component }) => component === 'ingress-nginx');
  assert.ok(part);
  for (const [[first, second], mode, stage, gap, cover] of rows) {
    const stages = new Map([
      [pairKey('api-1', shield.id), { stage: first }],
      [pairKey('api-2', shield.id), { stage: second }],
    ]);
    const policy = Policy.parse({ apiVersion: 'portcullis/v1', shields: [{ shield: shield.id, mode }] });
    const core = {
      inventory: () => inventory,
      policy: () => policy,
      state: { stages, modes: new Map(), servers: new Map(), identities: new Map() },
    } as unknown as Core;
    const gaps = createPartGaps(core);
    assert.equal(gaps.stage(part, shield), stage);
    assert.match(gaps.gap(part, shield), gap);
    assert.equal(gaps.cover(part, shield), cover);
    assert.equal(gaps.unenforced(part, shield), false, 'it closes nothing');
  }
});
