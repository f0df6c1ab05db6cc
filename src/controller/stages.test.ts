import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Stage } from '../model/common.ts';
import type { Core } from './core.ts';
import { stageAnswer } from './stages.ts';
import { pairKey } from './state.ts';

type Around = {
  readonly tier?: number;
  readonly component?: string;
  readonly firstResponse?: object;
  readonly deeperDefense?: object;
  readonly parameters?: object;
  readonly mode?: string;
  readonly policy?: object;
  readonly identity?: object;
};
const id = 'CVE-1-1';

function coreWith({ mode, policy, identity, ...shield }: Around): Core {
  const server = { name: 'p', cluster: 'prod', host: 'p', tags: [], ...(identity ? { identity } : {}) };
  return {
    knowledge: {
      shields: [
        {
          ...{ id, tier: 1, component: 'kube-apiserver' },
          ...{ firstResponse: { pass: [], action: 'deny' }, deeperDefense: { rules: [{ id: 'r' }] } },
          ...shield,
        },
      ],
    },
    inventory: () => ({ clusters: [{ name: 'prod' }], hosts: [{ name: 'p', tags: [] }], servers: [server] }),
    policy: () => ({ shields: policy ? [{ shield: id, ...policy }] : [] }),
    state: {
      modes: new Map(mode ? [['', { server: 'p', shield: id, mode }]] : []),
      ...{
        stages: new Map([[pairKey('kubelet/p', id), { stage: 'block' }]]),
        servers: new Map(),
        identities: new Map(),
      },
    },
  } as unknown as Core;
}

const said = (around: Around, stage: Stage, lacks: readonly string[] = [], server = 'p') =>
  stageAnswer(coreWith(around), { server, shield: id, stage, why: 'w' }, 'observe', lacks);

const enforce = `portcullis mode p ${id} enforce shows what it would refuse; with --yes --why "…" it acts`;
const only = (why: string) => [`it is in shadow here (${why}): it looks on, and refuses nothing`, enforce];
const tier = 'as shields of tier 2 are until somebody says else';
const l4 = 'identity mode l4: no gate ends its TLS, so no request to it is inspected';
const unset = 'rules are off until the policy sets sites';
const sites = { sites: { meaning: '', default: [], site: true } };
const noGate = ['the gate is not ready'];

const rows: readonly [what: string, around: Around, lacks: readonly string[], under: readonly string[]][] = [
  ['enforced: nothing is amiss', {}, [], []],
  ['enforced, and no gate is there', {}, noGate, ['callers may be refused: the gate is not ready']],
  ['in shadow by its tier', { tier: 2 }, [], [...only(tier)]],
  ['in shadow by the policy', { policy: { mode: 'shadow' } }, [], [...only('the policy says so')]],
  ['in shadow by hand', { tier: 2, mode: 'shadow' }, [], [...only('a person said so')]],
  ['enforced by hand', { tier: 2, mode: 'enforce' }, [], []],
  ['without what only the site knows', { parameters: sites }, [], [unset]],
  ['in shadow, and that', { tier: 3, parameters: sites }, [], [...only(tier.replace('2', '3')), unset]],
  [
    'an alert, enforced or not',
    { tier: 4, mode: 'enforce' },
    [],
    [
      'it only tells: its rules refuse nothing in any mode; portcullis events --kind incident shows what they find',
    ],
  ],
  [
    'the gate’s own refusals, which no shadow keeps',
    { tier: 2, deeperDefense: { rules: [], byGate: ['b'] } },
    [],
    [],
  ],
  [
    'no gate can be there',
    { identity: { mode: 'l4' } },
    noGate,
    [`${l4}; at stage inspect ${id} keeps to its first response`],
  ],
  ['nor will be, in shadow', { tier: 2, identity: { mode: 'l4' } }, noGate, [...only(tier), l4]],
];
for (const [what, around, lacks, warnings] of rows)
  test(`inspect, ${what}`, () => {
    assert.deepEqual(said(around, 'inspect', lacks).warnings, warnings);
  });

test('other stages do in shadow what they say', () => {
  for (const stage of ['observe', 'block', 'lifted'] as const)
    assert.deepEqual(said({ tier: 2 }, stage, noGate), {
      ...{ server: 'p', shield: id, from: 'observe', stage, mode: 'shadow', modeFrom: 'tier' },
      warnings: [],
    });
});

test('a block of a part that closes nothing says why', () => {
  const ports = {
    component: 'kubelet',
    firstResponse: { services: ['kubelet'], pass: [], action: 'deny' },
    deeperDefense: { rules: [] },
  };
  assert.deepEqual(said(ports, 'block', [], 'kubelet/p').warnings, [
    'it closes nothing: host p has no agent: nothing is closed there',
  ]);
  assert.deepEqual(said(ports, 'lifted', [], 'kubelet/p').warnings, []);
});
