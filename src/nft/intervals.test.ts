import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contains, parseCidr } from '../base/cidr.ts';
import { planOf, ruleOf } from './example-plan.ts';
import { addressText, judge, lastAddress, overlapping, rangeText, resolveService } from './intervals.ts';

function resolve(rules: readonly [string, readonly string[], 'pass' | 'deny'][]) {
  const plan = planOf([
    {
      id: 'a',
      server: 'a',
      stage: 'block',
      endpoints: [{ address: '10.0.0.1', port: 6443 }],
      rules: rules.map(([id, from, verdict]) => ruleOf(id, from, verdict)),
      default: 'deny',
    },
  ]);
  return resolveService(plan.services[0] as (typeof plan.services)[0]);
}

test('first match wins whichever prefix is the longer one', () => {
  const wide = resolve([
    ['wide', ['10.0.0.0/8'], 'pass'],
    ['narrow', ['10.1.0.0/16'], 'deny'],
  ]);
  assert.equal(judge(wide, '10.1.2.3').rule, 'wide');
  const narrow = resolve([
    ['narrow', ['10.1.0.0/16'], 'deny'],
    ['wide', ['10.0.0.0/8'], 'pass'],
  ]);
  const cases: [string, string][] = [
    ['9.255.255.255', 'default'],
    ['10.0.0.0', 'wide'],
    ['10.0.255.255', 'wide'],
    ['10.1.0.0', 'narrow'],
    ['10.1.255.255', 'narrow'],
    ['10.2.0.0', 'wide'],
    ['10.255.255.255', 'wide'],
    ['11.0.0.0', 'default'],
    ['2001:db8::1', 'default'],
    ['::ffff:10.1.0.1', 'narrow'],
  ];
  for (const [address, rule] of cases) assert.equal(judge(narrow, address).rule, rule, address);
});

test('the whole space is covered once, also by rules for everybody', () => {
  const all = resolve([
    ['one', ['128.0.0.1', '::1'], 'pass'],
    ['all', ['0.0.0.0/0', '::/0'], 'deny'],
    ['never', ['1.2.3.4'], 'pass'],
  ]);
  for (const family of [4, 6] as const) {
    let next = 0n;
    for (const range of all.ranges[family]) {
      assert.equal(range.first, next);
      next = range.last + 1n;
    }
    assert.equal(next, lastAddress[family] + 1n);
  }
  assert.equal(all.ranges[4].length, 3);
  assert.equal(judge(all, '1.2.3.4').rule, 'all');
});

test('ranges that overlap a prefix', () => {
  const resolved = resolve([['hole', ['10.0.0.128/25'], 'pass']]);
  const find = (text: string) => {
    const cidr = parseCidr(text);
    return overlapping(resolved.ranges[4], cidr).map((range) => range.rule);
  };
  assert.deepEqual(find('10.0.0.0/24'), [-1, 0]);
  assert.deepEqual(find('10.0.0.0/25'), [-1]);
  assert.deepEqual(find('10.0.0.200'), [0]);
  assert.deepEqual(find('0.0.0.0/0'), [-1, 0, -1]);
});

test('addresses as text are read back as the same address', () => {
  for (const text of ['0.0.0.0', '255.255.255.255', '10.1.2.3', '::', '2001:db8::1', 'fe80::ff00:0:1']) {
    const cidr = parseCidr(text);
    assert.equal(parseCidr(addressText(cidr.family, cidr.first)).text, cidr.text);
    assert.ok(contains(cidr, parseCidr(addressText(cidr.family, cidr.last))));
  }
  assert.equal(rangeText(4, { first: 1n, last: 256n }), '0.0.0.1-0.0.1.0');
});
