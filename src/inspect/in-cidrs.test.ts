import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../base/failure.ts';
import { inCidrs } from './in-cidrs.ts';
import { compileRules } from './rules.ts';

const cases: readonly [string, readonly string[], boolean][] = [
  ['10.1.2.3', ['10.0.0.0/8'], true],
  ['10.1.2.3', ['192.0.2.0/24', '10.1.2.3'], true],
  ['11.1.2.3', ['10.0.0.0/8'], false],
  ['::ffff:10.1.2.3', ['10.0.0.0/8'], true],
  ['2001:db8::1', ['2001:db8::/32'], true],
  ['2001:db9::1', ['2001:db8::/32', '0.0.0.0/0'], false],
  ['10.0.0.0/8', ['10.0.0.0/8'], false],
  ['010.0.0.1', ['0.0.0.0/0'], false],
  ['localhost', ['0.0.0.0/0', '::/0'], false],
  ['', ['0.0.0.0/0'], false],
  ['10.1.2.3', [], false],
  ['10.1.2.3', ['10.0.0.1/8', 'nonsense'], false],
];

for (const [address, prefixes, expected] of cases) {
  test(`inCidrs(${JSON.stringify(address)}, [${prefixes.join(', ')}]) is ${expected}`, () => {
    assert.equal(inCidrs(address, prefixes), expected);
  });
}

test('a predicate may call it, on the right types', () => {
  const rule = (when: string) =>
    compileRules([
      {
        id: 'CVE-2099-0001',
        parameters: { allowed: ['10.0.0.0/8'] },
        rules: [{ id: 'r1', phase: 'request', when, action: 'deny', severity: 'major', message: 'No.' }],
      },
    ]);
  assert.equal(rule('!inCidrs(request.name, parameters.allowed)').size, 1);
  assert.throws(() => rule('inCidrs(request.name, 1)'), Failure);
  assert.throws(() => rule('inCidrs(request.name)'), Failure);
});
