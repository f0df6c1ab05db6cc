import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../base/failure.ts';
import { waysOf } from './exchange-ways.ts';
import { loadShield, parseShield } from './load.ts';
import { selfTest } from './self-test.ts';

const shield = `apiVersion: portcullis/v1
kind: Shield
id: CVE-2000-1
title: A title
tier: 2
severity: major
component: kubelet
description: Text.
firstResponse: {pass: []}
deeperDefense:
  rules:
    - id: git-repo
      phase: body
      when: >-
        request.verb in ["create", "update", "patch"] && request.serviceAccount != "system:serviceaccount:lab:robot" &&
        !("trusted" in request.sourceTags) && pods.exists(p, p.values("spec.volumes[*].gitRepo").size() > 0)
      action: deny
      severity: major
      message: No gitRepo.
    - id: no-redirect
      phase: response
      when: response.status >= 300 && response.status <= 399
      action: deny
      severity: major
      status: 502
      message: No redirects.
lift: {when: [version]}
falsePositives: None.
references: ["https://example.invalid/"]
tests:
  - name: a pod
    kind: attack
    steps:
      - request:
          path: /api/v1/namespaces/lab/pods
          object: {kind: Pod, apiVersion: v1, spec: {volumes: [{name: a, gitRepo: {repository: evil}}]}}
    expect: {rules: [git-repo], neverToServer: [evil], toClient: ["No gitRepo."]}
  - name: a redirect
    kind: attack
    steps:
      - request: {path: /api/v1/pods, headers: {Accept: [a, b]}}
        answer: {status: 302, headers: {Location: "https://secret.invalid"}, body: gone}
    expect: {rules: [no-redirect], toServer: ["Accept: b"], neverToClient: [secret.invalid, gone]}
  - name: an ordinary pod, twice on one connection
    kind: innocent
    steps:
      - request:
          path: /api/v1/namespaces/lab/pods
          object: {kind: Pod, apiVersion: v1, spec: {volumes: [{name: a, emptyDir: {}}]}}
        answer: 201
      - request: {path: /api/v1/namespaces/lab/pods, object: {kind: Pod, spec: {}}}
        answer: 409
    expect: {toServer: [emptyDir]}
  - name: the robot may
    kind: innocent
    as: {serviceAccount: "lab:robot"}
    steps:
      - request: {path: /api/v1/namespaces/lab/pods, object: {kind: Pod, spec: {volumes: [{gitRepo: {}}]}}}
    expect: {}
  - name: from a trusted address
    kind: innocent
    sourceTags: [trusted]
    steps: [{request: {path: /api/v1/namespaces/lab/pods, object: {kind: Pod, spec: {volumes: [{gitRepo: {}}]}}}}]
    expect: {}
  - name: a merge patch
    kind: attack
    as: {user: someone}
    steps:
      - request:
          path: /api/v1/namespaces/lab/pods/web
          patch: merge
          object: {spec: {volumes: [{gitRepo: {}}]}}
    expect: {rules: [git-repo]}
  - name: what is no JSON
    kind: attack
    steps:
      - request: {path: /api/v1/namespaces/lab/pods, contentType: application/json, body: '{"a":'}
    expect: {rules: [body-syntax]}
`;

test('request steps: refused ones never reach the server, others do and are answered, in every way', () => {
  const result = selfTest(loadShield(shield, 'x.yaml'));
  assert.deepEqual(
    result.tests.filter(({ ok }) => !ok),
    [],
  );
  assert.deepEqual([result.attacks.cut, result.innocents.passed], [4, 3]);
});

test('each body is sent whole and byte by byte, by length and in chunks', () => {
  const [pod, redirect] = parseShield(shield, 'x.yaml').tests.map(waysOf);
  const names = pod?.map(({ name }) => name) ?? [];
  for (const name of [
    '',
    'byte by byte',
    'in chunks',
    'in chunks, byte by byte',
    'as yaml',
    'as protobuf',
    'as cbor',
    'over HTTP/2',
    'over HTTP/2, byte by byte',
  ]) {
    assert.ok(names.includes(name), name);
  }
  assert.ok(!redirect?.some(({ name }) => name.includes('chunks')));
});

const wrong: readonly (readonly [what: string, from: string, to: string, message: RegExp])[] = [
  [
    'a rule that does not fire',
    'gitRepo: {repository: evil}',
    'emptyDir: {evil: x}',
    /a pod' did not go as expected: the rules that fired were \[\], not \[git-repo\]/,
  ],
  [
    'an innocent request that is cut',
    'volumes: [{name: a, emptyDir: {}}]',
    'volumes: [{name: a, gitRepo: {emptyDir: x}}]',
    /'an ordinary pod, twice on one connection' did not go as expected: the rules that fired were \[git-repo\]/,
  ],
  ['two bodies', 'body: \'{"a":\'', 'body: "{", object: {}', /give one of object, body and base64/],
  ['a body of no type', 'contentType: application/json, body', 'body', /needs its contentType/],
  [
    'a patch without an object',
    'path: /api/v1/pods,',
    'path: /api/v1/pods, patch: merge,',
    /a patch needs its object/,
  ],
  [
    'twins of what has one writing',
    'contentType: application/json, body: \'{"a":\'',
    'contentType: application/json, object: {}, twins: [json]',
    /twins are for an object without a contentType/,
  ],
  [
    'a list that is no patch',
    'object: {spec: {volumes: [{gitRepo: {}}]}}',
    'object: []',
    /only a JSON patch is a list/,
  ],
  ['a text that nobody sends', 'neverToServer: [evil]', 'neverToServer: [absent]', /proves nothing/],
  [
    'no word of the connection',
    'steps: [{request: {path: /api/v1/namespaces/lab/pods, object: {kind: Pod, spec: {volumes: [{gitRepo: {}}]}}}}]',
    'steps: [{request: {path: /api/v1/namespaces/lab/pods, object: {kind: Pod, spec: {volumes: [{gitRepo: {}}]}}}}, {end: client}]',
    /say how the connection must stand/,
  ],
  ['an unknown part of a request', 'patch: merge', 'path2: merge', /path2/],
];
for (const [what, from, to, message] of wrong) {
  test(`refused: ${what}`, () => {
    assert.ok(shield.includes(from));
    assert.throws(
      () => loadShield(shield.replace(from, to), 'x.yaml'),
      (error) => error instanceof Failure && message.test(error.message),
    );
  });
}
