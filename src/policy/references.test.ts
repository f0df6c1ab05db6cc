import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../base/failure.ts';
import { Inventory } from '../model/inventory.ts';
import { Policy } from '../model/policy.ts';
import { checkInventory } from './inventory.ts';
import { requireReferences } from './references.ts';
import { rulesInForce } from './written-rules.ts';

type Group = Partial<Inventory['groups'][number]> & { name: string };

function check(
  rules: readonly object[],
  groups: readonly Group[] = [{ name: 'developers' }],
  more: object = {},
): void {
  const inventory = Inventory.parse({
    apiVersion: 'portcullis/v1',
    clusters: [{ name: 'prod' }],
    hosts: [{ name: 'cp-1', addresses: ['10.0.0.1'], cluster: 'prod', tags: ['tier=control-plane'] }],
    servers: [{ name: 'prod/cp-1', cluster: 'prod', host: 'cp-1', address: '10.0.0.1' }],
    groups,
  });
  const policy = Policy.parse({
    apiVersion: 'portcullis/v1',
    rules: rules.map((rule, i) => ({ id: `r${i}`, from: 'any', to: 'any', action: 'deny', ...rule })),
    ...more,
  });
  checkInventory(inventory);
  requireReferences(inventory, rulesInForce(policy));
}

test('names that the inventory holds may be used', () => {
  check([
    { from: 'group=developers AND NOT host in (cp-1)', to: 'server=prod/cp-1 OR cluster=prod' },
    { from: 'exists group' },
    { from: 'label=nobody' },
  ]);
  check([], [{ name: 'all', members: 'group=developers OR tier=node' }, { name: 'developers' }]);
});

const refusals: readonly [code: string, place: string, message: RegExp, () => void][] = [
  [
    'unknown-name',
    'rules[0].from',
    /no group 'gone' in the inventory, and rule 'r0' names it/,
    () => check([{ from: 'tier=a OR group=gone' }]),
  ],
  [
    'unknown-name',
    'rules[0].to',
    /rule 'r0', rule 'r1', rule 'r2' and 1 more names it/,
    () =>
      check([
        { to: 'cluster=lab' },
        { to: 'NOT cluster=lab' },
        { to: 'cluster in (prod, lab)' },
        { from: 'cluster=lab' },
      ]),
  ],
  [
    'unknown-name',
    'groups[0].members',
    /no host 'x' in the inventory, and group 'a' names it/,
    () => check([], [{ name: 'a', members: 'host=x' }]),
  ],
  [
    'unknown-name',
    'sets[0].servers',
    /no server 'x' in the inventory, and policy set 'main' names it/,
    () =>
      check([], [], {
        sets: [
          {
            name: 'main',
            servers: 'server=x',
            policies: [{ name: 'p', rules: [{ id: 'r', from: 'any', to: 'any', action: 'pass' }] }],
          },
        ],
      }),
  ],
  [
    'bad-inventory',
    'groups[0].members',
    /a → b → a/,
    () =>
      check(
        [],
        [
          { name: 'a', members: 'group=b' },
          { name: 'b', members: 'label=x OR group=a' },
        ],
      ),
  ],
  ['bad-inventory', 'groups[0].members', /a → a/, () => check([], [{ name: 'a', members: 'group=a' }])],
  [
    'bad-inventory',
    'groups[0].members',
    /addresses that have no tags/,
    () => check([], [{ name: 'a', members: 'tier!=node' }]),
  ],
  [
    'bad-expression',
    'groups[0].members, character 6',
    /a tag value/,
    () => check([], [{ name: 'a', members: 'tier=' }]),
  ],
];

test('a name that nothing has, and groups in a circle, are refused with who names them', () => {
  for (const [code, place, message, run] of refusals) {
    assert.throws(
      run,
      (error: unknown) => {
        assert.ok(error instanceof Failure, String(error));
        assert.equal(error.code, code, error.message);
        assert.equal(error.place, place);
        assert.match(error.message, message);
        return true;
      },
      place,
    );
  }
});
