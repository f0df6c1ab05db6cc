import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Shield } from '../model/shield.ts';
import { listShields, showShield } from './catalogue.ts';
import type { Core } from './core.ts';
import { pairKey } from './state.ts';

const shield = (id: string, more: object = {}) => ({
  ...{ id, title: `about ${id}`, tier: 2, severity: 'major', component: 'kube-apiserver' },
  ...{ firstResponse: { pass: [], action: 'deny' }, deeperDefense: { rules: [{ id: 'r' }] } },
  ...{ tests: ['a test'], reach: ['another'] },
  ...more,
});
const closes = {
  firstResponse: { services: ['kubelet'], pass: [], action: 'deny' },
  deeperDefense: { rules: [] },
};
const rules = shield('CVE-1-1');
const ports = shield('CVE-1-2', { tier: 1, component: 'kubelet', ...closes });

type Mode = readonly [server: string, shield: string, mode: string];
function coreWith(modes: readonly Mode[] = [], policy: readonly object[] = []): Core {
  const exposed = (name: string, advisory: string) =>
    [
      name,
      { observation: { tags: [], exposures: [{ advisory, status: 'vulnerable' }] }, exposedSince: {} },
    ] as const;
  const server = (name: string, cluster: string) => ({ name, cluster, host: name, tags: [] });
  return {
    knowledge: { shields: [rules, ports] as unknown as Shield[], advisories: [] },
    bundles: { inForce: [{ name: 'core', version: 3, shields: ['CVE-1-2'] }] },
    inventory: () => ({
      clusters: ['lab', 'prod'].map((name) => ({ name, tags: [] })),
      hosts: [{ name: 'n', cluster: 'prod', addresses: [], tags: ['tier=node'] }],
      servers: [server('l', 'lab'), server('p', 'prod'), server('q', 'prod')],
      groups: [],
    }),
    policy: () => ({ shields: policy }),
    state: {
      servers: new Map([exposed('p', 'CVE-1-1'), exposed('kubelet/n', 'CVE-1-2')] as never),
      stages: new Map([[pairKey('p', 'CVE-1-1'), { stage: 'block' }]]),
      modes: new Map(modes.map(([server, id, mode]) => [pairKey(server, id), { server, shield: id, mode }])),
      identities: new Map(),
      exemptions: new Map([
        ['b', { id: 'b', shield: 'CVE-1-1' }],
        ['a', { id: 'a', shield: 'CVE-1-1' }],
        ['c', { id: 'c', shield: 'CVE-1-2' }],
      ]),
    },
  } as unknown as Core;
}
const modesOf = (core: Core) => Object.fromEntries(listShields(core).map(({ id, modes }) => [id, modes]));

test('each shield with where it came from and how many it is there for', () => {
  assert.deepEqual(listShields(coreWith()), [
    {
      ...{ id: 'CVE-1-1', title: 'about CVE-1-1', tier: 2, severity: 'major', component: 'kube-apiserver' },
      ...{ mode: 'shadow', modes: [], applies: { servers: 1, parts: 0, acts: 1 } },
    },
    {
      ...{ id: 'CVE-1-2', title: 'about CVE-1-2', tier: 1, severity: 'major', component: 'kubelet' },
      ...{ mode: 'enforce', bundle: { name: 'core', version: 3 }, modes: [] },
      applies: { servers: 0, parts: 1, acts: 0 },
    },
  ]);
});

test('a mode is told of where it is not the tier’s: by cluster where all are set alike', () => {
  const person = { from: 'person' as const };
  const [l, p, q] = (['l', 'p', 'q'] as const).map((name) => [name, 'CVE-1-1', 'off'] as const);
  assert.ok(l && p && q);
  assert.deepEqual(modesOf(coreWith([p, q]))['CVE-1-1'], [{ cluster: 'prod', mode: 'off', ...person }]);
  assert.deepEqual(modesOf(coreWith([p, ['q', 'CVE-1-1', 'enforce'], l]))['CVE-1-1'], [
    { cluster: 'lab', server: 'l', mode: 'off', ...person },
    { cluster: 'prod', server: 'p', mode: 'off', ...person },
    { cluster: 'prod', server: 'q', mode: 'enforce', ...person },
  ]);
  // Said by a person, and no other than what goes without saying.
  assert.deepEqual(modesOf(coreWith([['p', 'CVE-1-1', 'shadow']]))['CVE-1-1'], []);
});

test('of a shield that closes services the parts count that have the flaw, not servers', () => {
  const off = coreWith([['p', 'CVE-1-2', 'off']], [{ shield: 'CVE-1-2', mode: 'shadow' }]);
  assert.deepEqual(modesOf(off), {
    'CVE-1-1': [],
    'CVE-1-2': [{ cluster: 'prod', server: 'kubelet/n', mode: 'shadow', from: 'policy' }],
  });
});

test('one shield, without its tests, with its places and exemptions', () => {
  const { shield: shown, places, exemptions, ...entry } = showShield(coreWith(), 'CVE-1-1');
  assert.deepEqual(entry, listShields(coreWith())[0]);
  const { tests: _, reach: __, ...written } = rules;
  assert.deepEqual(shown, written);
  assert.deepEqual(
    places.map(({ server, stage, cover }) => [server, stage, cover]),
    [['p', 'block', 'acts']],
  );
  assert.deepEqual(exemptions, ['a', 'b']);
  assert.throws(() => showShield(coreWith(), 'CVE-1-3'), { code: 'unknown-shield' });
});
