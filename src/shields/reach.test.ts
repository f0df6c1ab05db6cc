import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadShield, parseShield } from './load.ts';
import { selfTest } from './self-test.ts';

const closing = `apiVersion: portcullis/v1
kind: Shield
id: CVE-2000-2
title: A title
tier: 1
severity: major
component: kubelet
description: Text.
firstResponse: {services: [kubelet], pass: [application=scrape]}
lift: {when: [version]}
falsePositives: None.
references: ["https://example.invalid/"]
reach:
  - {name: a pod, kind: attack, caller: {at: pod}, to: kubelet, port: 10250, expect: deny}
  - {name: the API server, kind: innocent, caller: {at: api-server}, to: kubelet, port: 10250, expect: pass}
  - {name: one that passes, kind: innocent, caller: {at: pod, tags: [application=scrape]}, to: kubelet, port: 10250, expect: pass}
`;

test('a shield without rules loads when its connections end as it says', () => {
  const shield = loadShield(closing, 's.yaml');
  assert.deepEqual(shield.deeperDefense, { rules: [] });
  const { attacks, innocents, ok } = selfTest(shield);
  assert.deepEqual([attacks, innocents, ok], [{ cut: 1, of: 1 }, { passed: 2, of: 2 }, true]);
});

test('what ends otherwise is found, by name', () => {
  const wrong = selfTest(parseShield(closing.replace('pass: [application=scrape]', 'pass: []'), 's.yaml'));
  assert.deepEqual(
    wrong.tests.filter(({ ok }) => !ok),
    [
      {
        name: 'one that passes',
        kind: 'innocent',
        ok: false,
        reason: 'the connection would meet deny, not pass',
      },
    ],
  );
  const silent = closing.replace('pass: [application=scrape]}', 'pass: [application=scrape], action: drop}');
  assert.throws(() => loadShield(silent, 's.yaml'), { code: 'shield-self-test', place: 's.yaml: reach[0]' });
});

test('every service has its attack and its innocent, and nothing is closed that the component has not', () => {
  const rows: readonly (readonly [string, string, RegExp])[] = [
    ['services: [kubelet]', 'services: [kubelet, etcd]', /no attack among the connections to 'etcd'/],
    ['services: [kubelet]', 'services: [kubelet, webhook]', /'webhook' is closed for no flaw of kubelet/],
    ['component: kubelet', 'component: ingress-nginx', /'kubelet' is closed for no flaw of ingress-nginx/],
    ['component: kubelet', 'component: kube-apiserver', /closed for no flaw of kube-apiserver/],
    ['services: [kubelet], ', '', /neither a rule, nor a field to take out, nor a service to close/],
    ['port: 10250, expect: deny', 'port: 10250, expect: pass', /an attack must not pass/],
    ['to: kubelet, port: 10250, expect: deny', 'to: etcd, port: 2379, expect: deny', /does not close 'etcd'/],
    ['name: the API server', 'name: a pod', /a second test 'a pod'/],
    ['caller: {at: pod}', 'caller: {at: moon}', /caller/],
    ['caller: {at: pod},', 'caller: {at: pod}, named: "a =",', /named/],
    ['services: [kubelet]', 'services: []', /services/],
  ];
  for (const [from, to, why] of rows)
    assert.throws(() => loadShield(closing.replace(from, to), 's.yaml'), why, to);
});
