import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FailureCode } from '../base/failure-codes.ts';
import { readDocument } from './document.ts';
import { Inventory } from './inventory.ts';
import { Policy } from './policy.ts';

const good = `apiVersion: portcullis/v1
clusters: [{name: lab}]
hosts: [{name: cp, addresses: [10.0.0.1], tags: [tier=control-plane]}]
servers:
  - {name: lab/cp, cluster: lab, host: cp, address: 10.0.0.1}
`;

test('an inventory is read and its defaults filled in', () => {
  const inventory = readDocument(Inventory, good, 'inventory.yaml', 'bad-inventory');
  assert.equal(inventory.servers[0]?.port, 6443);
  assert.equal(inventory.servers[0]?.gatePort, 16443);
  assert.equal(readDocument(Policy, 'apiVersion: portcullis/v1', 'p', 'bad-policy').response.first, 'block');
});

const cases: readonly { name: string; text: string; code: FailureCode; place: string; says: RegExp }[] = [
  { name: 'broken YAML', text: 'a: [1', code: 'bad-yaml', place: 'f.yaml:1:6', says: /not valid YAML/ },
  { name: 'a duplicate key', text: 'a: 1\na: 2', code: 'bad-yaml', place: 'f.yaml:2:1', says: /unique/ },
  {
    name: 'a bad address, with the line and the field',
    text: good.replace('address: 10.0.0.1', 'address: 10.0.1'),
    code: 'bad-inventory',
    place: 'f.yaml:5:53',
    says: /servers\.0\.address: .*not an IP address/,
  },
  {
    name: 'an unknown field',
    text: `${good}extra: 1\n`,
    code: 'bad-inventory',
    place: 'f.yaml:1:1',
    says: /extra/,
  },
  {
    name: 'an observed tag set by hand',
    text: good.replace('tier=control-plane', 'cve=CVE-2018-1002105'),
    code: 'bad-inventory',
    place: 'f.yaml:3:50',
    says: /observed tags/,
  },
  { name: 'an alias', text: 'a: &x [1]\nb: *x', code: 'bad-yaml', place: 'f.yaml', says: /aliases/ },
];
for (const { name, text, code, place, says } of cases) {
  test(`refused: ${name}`, () => {
    assert.throws(
      () => readDocument(Inventory, text, 'f.yaml', code),
      (error: { code: string; place: string; message: string }) => {
        assert.deepEqual([error.code, error.place], [code, place]);
        assert.match(error.message, says);
        return true;
      },
    );
  });
}
