import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Failure } from '../base/failure.ts';
import type { KeepOpen } from '../model/plan.ts';
import { exampleService, planOf } from '../nft/example-plan.ts';
import { checkKeepOpen } from './lockout.ts';
import { resolvePlan } from './protected.ts';

const local = ['10.0.0.1', '172.17.0.1', '127.0.0.1'];
const cases: [string, readonly string[], KeepOpen['to'], RegExp | undefined][] = [
  ['passes', ['10.9.0.7'], { address: '10.0.0.1', port: 6443 }, undefined],
  ['passes on IPv6', ['2001:db8:9:1::/64'], { address: '2001:db8::1', port: 6443 }, undefined],
  ['somebody else', ['192.0.2.1'], { address: '10.0.0.2', port: 6443 }, undefined],
  ['another port', ['192.0.2.1'], { address: '10.0.0.1', port: 2379 }, undefined],
  ['denied', ['10.9.0.8'], { address: '10.0.0.1', port: 6443 }, /10\.9\.0\.8: rule 'policy\/lab'.*deny/],
  [
    'one neighbour denied',
    ['10.9.0.6/31'],
    { address: '10.0.0.1', port: 6443 },
    /10\.9\.0\.6: rule 'policy\/lab'/,
  ],
  [
    'dropped inside a prefix',
    ['10.6.0.0/15'],
    { address: '10.0.0.1', port: 6443 },
    /10\.6\.0\.0: rule 'default'/,
  ],
  [
    'steered',
    ['192.0.2.1'],
    { address: '10.96.0.1', port: 443 },
    /rule 'default'.*steer at 10\.96\.0\.1 port 443/,
  ],
  ['an unnamed address', ['10.9.0.8'], { address: '172.17.0.1', port: 6443 }, /rule 'policy\/lab'/],
  ['the gate port', ['10.9.0.7'], { address: '172.17.0.1', port: 16443 }, /is a gate port/],
  ['the host to itself', ['172.17.0.1'], { address: '10.0.0.1', port: 6443 }, undefined],
  [
    'the second of two',
    ['10.9.0.7', '10.7.0.1'],
    { address: '10.0.0.1', port: 6443 },
    /10\.7\.0\.1: rule 'policy\/void'/,
  ],
];

for (const [name, from, to, refused] of cases) {
  test(`a path that must stay open: ${name}`, () => {
    const plan = { ...planOf([exampleService]), keepOpen: [{ name, from: [...from], to }] };
    const check = () => checkKeepOpen(resolvePlan(plan, local));
    if (!refused) return check();
    assert.throws(check, (error: Failure) => {
      assert.equal(error.code, 'plan-locks-out');
      assert.match(error.message, refused);
      return error.place === name;
    });
  });
}
