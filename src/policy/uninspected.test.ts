import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Inventory } from '../model/inventory.ts';
import { Policy, type Verdict } from '../model/policy.ts';
import type { Shield } from '../model/shield.ts';
import { type CompiledPlans, compile } from './compile.ts';
import { evaluate } from './evaluate.ts';

const developer = '192.0.2.10';
const friend = '192.0.2.80';
const stranger = '203.0.113.7';
const node = '10.0.0.2';
const flaw = 'CVE-2018-1002105';

type Case = {
  identity?: object;
  failure?: object;
  stages?: readonly (readonly [shield: string, stage: 'block' | 'inspect' | 'lifted'])[];
  rules?: readonly object[];
};

function plans({ identity, failure, stages = [], rules = [] }: Case): CompiledPlans {
  const shield = (id: string): Shield => ({
    apiVersion: 'portcullis/v1',
    kind: 'Shield',
    id,
    title: id,
    tier: 1,
    severity: 'critical',
    component: 'kube-apiserver',
    description: 'A flaw.',
    firstResponse: { pass: ['label=friend'], action: 'deny' },
    deeperDefense: { rules: [] },
    lift: { when: ['version'] },
    falsePositives: 'None.',
    references: ['https://example.org/'],
    tests: [],
  });
  return compile({
    inventory: Inventory.parse({
      apiVersion: 'portcullis/v1',
      clusters: [{ name: 'prod' }],
      hosts: [
        { name: 'cp-1', addresses: ['10.0.0.1'], cluster: 'prod', tags: ['tier=control-plane'] },
        { name: 'node-1', addresses: [node], cluster: 'prod', tags: ['tier=node'] },
      ],
      servers: [
        {
          name: 'api',
          cluster: 'prod',
          host: 'cp-1',
          address: '10.0.0.1',
          ...(identity ? { identity } : {}),
          ...(failure ? { failure } : {}),
        },
      ],
      groups: [
        { name: 'developers', addresses: ['192.0.2.0/26'], tags: ['application=dev'] },
        { name: 'friends', addresses: ['192.0.2.64/26'], tags: ['label=friend'] },
      ],
    }),
    policy: Policy.parse({ apiVersion: 'portcullis/v1', rules }),
    shields: [shield(flaw), shield('CVE-9')],
    observed: new Map(),
    stages: stages.map(([id, stage]) => ({ server: 'api', shield: id, stage })),
    controllers: [{ address: '10.9.0.1', port: 7443 }],
    probers: ['10.9.0.1'],
  });
}

function verdicts(compiled: CompiledPlans): Record<'developer' | 'friend' | 'stranger' | 'node', Verdict> {
  const service = compiled.agents.get('cp-1')?.services[0];
  assert.ok(service);
  const of = (from: string) => evaluate(service, from).verdict;
  return { developer: of(developer), friend: of(friend), stranger: of(stranger), node: of(node) };
}

const blocked = { developer: 'deny', friend: 'pass', stranger: 'deny', node: 'pass' };
const open = { developer: 'pass', friend: 'pass', stranger: 'pass', node: 'pass' };
const steered = { developer: 'steer', friend: 'steer', stranger: 'steer', node: 'pass' };
const l4 = { mode: 'l4' };
const uninspected = { mode: 'l4', uninspected: 'pass' };
const steerDevelopers = [{ id: 'devs', from: 'application=dev', to: 'any', action: 'steer' }];

const rows: [what: string, given: Case, callers: object, listeners: number, warning: RegExp | undefined][] = [
  ['front-proxy is steered', { stages: [[flaw, 'inspect']] }, steered, 1, undefined],
  [
    'l4 at inspect stays blocked',
    { identity: l4, stages: [[flaw, 'inspect']] },
    blocked,
    0,
    /keeps to its first response/,
  ],
  ['l4 at block', { identity: l4, stages: [[flaw, 'block']] }, blocked, 0, undefined],
  [
    'l4, told to let pass at inspect',
    { identity: uninspected, stages: [[flaw, 'inspect']] },
    open,
    0,
    /CVE-2018-1002105 can be exploited/,
  ],
  [
    'l4, told to let pass, while another shield blocks',
    {
      identity: uninspected,
      stages: [
        [flaw, 'inspect'],
        ['CVE-9', 'block'],
      ],
    },
    blocked,
    0,
    /can be exploited/,
  ],
  ['l4, lifted', { identity: l4, stages: [[flaw, 'lifted']] }, open, 0, undefined],
  ['l4, nothing found', { identity: l4 }, open, 0, undefined],
  [
    "people's steering of it is a refusal",
    { identity: l4, rules: steerDevelopers },
    { ...open, developer: 'deny' },
    0,
    undefined,
  ],
  [
    "people's steering, told to let pass",
    { identity: uninspected, rules: steerDevelopers },
    open,
    0,
    undefined,
  ],
  [
    "people's steering of front-proxy",
    { rules: steerDevelopers },
    { ...open, developer: 'steer' },
    1,
    undefined,
  ],
];
for (const [what, given, callers, listeners, warning] of rows) {
  test(what, () => {
    const compiled = plans(given);
    assert.deepEqual(verdicts(compiled), callers);
    assert.equal(compiled.gates.get('cp-1')?.listeners.length, listeners);
    const service = compiled.agents.get('cp-1')?.services[0];
    assert.equal(service?.gatePort, given.identity ? undefined : 16443);
    const gaps = compiled.warnings.filter((sentence) => /mode l4/.test(sentence));
    assert.equal(gaps.length, warning ? 1 : 0, gaps.join());
    if (warning) assert.match(gaps[0] ?? '', warning);
  });
}

test('what passes while the gate is down: nothing, unless the inventory says so, and then people are warned', () => {
  const stages = [[flaw, 'inspect']] as const;
  const of = (more: Case) => {
    const { agents, warnings } = plans({ stages, ...more });
    return [
      agents.get('cp-1')?.services[0]?.gateDown,
      warnings.some((warning) => /CVE-2018-1002105 whenever its gate is down/.test(warning)),
    ];
  };
  assert.deepEqual(of({}), [undefined, false]);
  assert.deepEqual(of({ failure: {} }), [undefined, false]);
  assert.deepEqual(of({ failure: { gateDown: 'closed' } }), [undefined, false]);
  assert.deepEqual(of({ failure: { gateDown: 'open' } }), ['open', true]);
  assert.deepEqual(of({ failure: { gateDown: 'open' }, stages: [] }), ['open', false]);
  assert.deepEqual(of({ failure: { gateDown: 'open' }, identity: { mode: 'l4' } }), [undefined, false]);
});
