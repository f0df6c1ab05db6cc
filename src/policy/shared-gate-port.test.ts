import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Inventory } from '../model/inventory.ts';
import { Policy } from '../model/policy.ts';
import { compile } from './compile.ts';

function listeners(over: { prod?: object; lab?: object }) {
  const server = (name: string, address: string, more: object = {}) => ({
    name,
    cluster: name,
    host: 'edge',
    address,
    ...more,
  });
  const plans = compile({
    inventory: Inventory.parse({
      apiVersion: 'portcullis/v1',
      clusters: [{ name: 'prod' }, { name: 'lab' }],
      hosts: [{ name: 'edge', addresses: ['10.0.0.1', '10.0.0.2'], tags: ['tier=control-plane'] }],
      servers: [server('prod', '10.0.0.1', over.prod), server('lab', '10.0.0.2', over.lab)],
      groups: [
        { name: 'devs', addresses: ['192.0.2.0/25'], tags: ['application=dev'] },
        { name: 'guests', addresses: ['192.0.2.128/25'], tags: ['label=guest'] },
      ],
    }),
    policy: Policy.parse({
      apiVersion: 'portcullis/v1',
      default: 'deny',
      rules: [
        { id: 'no-guests', from: 'label=guest', to: 'deployment=prod', action: 'deny' },
        { id: 'prod', from: 'application=dev OR label=guest', to: 'deployment=prod', action: 'steer' },
        { id: 'lab', from: 'label=guest', to: 'deployment=lab', action: 'steer' },
      ],
    }),
    shields: [],
    observed: new Map(),
    stages: [],
    controllers: [{ address: '10.9.0.1', port: 7443 }],
    probers: ['10.9.0.1'],
  });
  return plans.gates.get('edge')?.listeners ?? [];
}
const prod = { tags: ['deployment=prod'], gateNames: ['Prod.Example'] };
const lab = { tags: ['deployment=lab'], gateNames: ['lab.example'] };

test('servers with names share a port, and each takes only whom its own rules let come', () => {
  const [ofLab, ofProd] = listeners({ prod, lab });
  assert.deepEqual(ofProd?.shared?.names, ['prod.example']);
  assert.deepEqual(ofLab?.shared?.names, ['lab.example']);
  assert.ok(ofProd?.names?.includes('prod.example'), 'an issued certificate covers it');
  const has = (listener: typeof ofLab, prefix: string) => listener?.shared?.callers.includes(prefix);
  assert.deepEqual([has(ofProd, '192.0.2.0/25'), has(ofProd, '192.0.2.128/25')], [true, false]);
  assert.deepEqual([has(ofLab, '192.0.2.0/25'), has(ofLab, '192.0.2.128/25')], [false, true]);
  assert.ok(has(ofLab, '10.9.0.1'), 'the controller');
  assert.ok(!ofLab?.shared?.callers.some((prefix) => /\/0$/.test(prefix)), 'nobody else');
});

for (const [what, over, expected] of [
  [
    'without names',
    { prod: { ...prod, gateNames: undefined }, lab: { ...lab, gateNames: undefined } },
    /already the gate port/,
  ],
  ['with names of one only', { prod, lab: { ...lab, gateNames: undefined } }, /already the gate port/],
  [
    'with a name in common',
    { prod, lab: { ...lab, gateNames: ['lab.example', 'prod.example'] } },
    /already a name of server/,
  ],
] as const) {
  test(`no port is shared ${what}`, () => {
    assert.throws(() => listeners(over), expected);
  });
}

test('with ports of their own names are no condition, and nothing is shared', () => {
  const apart = {
    prod: { ...prod, gateNames: undefined },
    lab: { ...lab, gateNames: undefined, gatePort: 17443 },
  };
  assert.deepEqual(
    listeners(apart).map(({ shared }) => shared),
    [undefined, undefined],
  );
});
