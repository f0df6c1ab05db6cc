// `shields test --through-gate`: shields as they come, one with everything that a test can ask of a gate, and misses.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { assertClean, cli, scratch, start } from './kit.ts';

const own = scratch('through-gate');
after(() => own.remove());
mkdirSync(own.path('temporary'));
const place = { env: { TMPDIR: own.path('temporary') } };

type Row = {
  id: string;
  tier: number;
  attacks: { cut: number; of: number };
  innocents: { passed: number; of: number };
  exchanges?: number;
  skipped?: { name: string; reason: string }[];
};
type Document = { shields: Row[]; missed: { id: string; test: { name: string; reason: string } }[] };

async function answer(args: readonly string[], code: number): Promise<Document> {
  const got = await cli(['shields', 'test', '-o', 'json', ...args], place);
  assert.equal(got.code, code, got.stderr + got.stdout);
  assertClean(got);
  return JSON.parse(got.stdout);
}

function shieldFolder(name: string, text: string): string {
  mkdirSync(own.path(name));
  writeFileSync(own.path(name, 'CVE-2000-1.yaml'), text);
  return own.path(name);
}

test('the first shield, a response rule, a flood, one that closes ports: as the engine says', async () => {
  const ids = ['CVE-2018-1002105', 'CVE-2022-3172', 'CVE-2020-8552', 'CVE-2025-0426', 'CVE-2019-9514'];
  const plain = await answer(ids, 0);
  const through = await answer([...ids, '--through-gate'], 0);
  for (const [index, { skipped = [], exchanges = 0, ...row }] of through.shields.entries()) {
    const of = (shield?: Row) => (shield ? shield.attacks.of + shield.innocents.of : 0);
    assert.equal(of(row) + skipped.length, of(plain.shields[index]), row.id);
    assert.ok(exchanges >= of(row), row.id);
    if (skipped.length === 0) assert.deepEqual(row, plain.shields[index]);
    assert.equal(of(row) === 0, row.id === 'CVE-2025-0426', row.id);
  }
  assert.deepEqual(readdirSync(own.path('temporary')), []);
});

const head = `apiVersion: portcullis/v1
kind: Shield
id: CVE-2000-1
title: A title
tier: 2
severity: major
component: kube-apiserver
description: Text.
firstResponse: {pass: []}
lift: {when: [version]}
falsePositives: None.
references: ["https://example.invalid/"]
`;

const pod =
  '[{request: {path: /api/v1/namespaces/lab/pods, object: {apiVersion: v1, kind: Pod, spec: {volumes: [{name: evil, gitRepo: {repository: r}}]}}}}]';
const slow = '[{request: {path: /apis/slow}}]';

const everything = `${head}
deeperDefense:
  rules:
    - id: not-robots
      phase: body
      when: >-
        request.verb == "create" && request.serviceAccount != "system:serviceaccount:lab:robot" &&
        request.user != "admin" && !("tier=ops" in request.sourceTags) &&
        pods.exists(p, p.values("spec.volumes[*].gitRepo").size() > 0)
      action: deny
      severity: major
      message: No gitRepo.
    - id: twice-a-second
      phase: request
      when: request.path == "/apis/slow"
      rate: {over: 2, within: 1s, by: [user]}
      action: deny
      severity: major
      message: Too often.
    - id: twice-an-hour
      phase: request
      when: request.path == "/apis/rare"
      rate: {over: 2, within: 1h, by: [user]}
      action: deny
      severity: major
      message: Too often.
tests:
  - name: anybody
    kind: attack
    steps: ${pod}
    expect: {rules: [not-robots], neverToServer: [evil], toClient: [No gitRepo.]}
  - {name: a robot, kind: innocent, as: {serviceAccount: "lab:robot"}, steps: ${pod}, expect: {toServer: [evil]}}
  - {name: admin, kind: innocent, as: {user: admin, groups: ["system:masters"]}, steps: ${pod}, expect: {toServer: ["x-remote-user: admin"]}}
  - {name: operators, kind: innocent, sourceTags: [tier=ops], steps: ${pod}, expect: {}}
  - name: thrice, over three connections
    kind: attack
    as: {user: somebody}
    repeat: 3
    steps: [{request: {path: /apis/rare}}]
    expect: {rules: [twice-an-hour]}
  - name: thrice, at once
    kind: attack
    as: {user: somebody}
    steps: [{request: {path: /apis/slow}}, {request: {path: /apis/slow}}, {request: {path: /apis/slow}}]
    expect: {rules: [twice-a-second]}
  - name: thrice, slowly
    kind: innocent
    as: {user: somebody}
    steps:
      - request: {path: /apis/slow}
      - request: {path: /apis/slow}
      - wait: 2s
      - request: {path: /apis/slow}
    expect: {connection: open}
  - name: after an hour
    kind: innocent
    steps: [{request: {path: /apis/slow}}, {wait: 1h}, {request: {path: /apis/slow}}]
    expect: {connection: open}
  - name: twice
    kind: innocent
    as: {user: somebody}
    repeat: 2
    steps: ${slow}
    expect: {}
`;

test('users, accounts, tags, rates and time', async () => {
  const folder = shieldFolder('everything', everything);
  const { shields, missed } = await answer(['--shields', folder, '--through-gate'], 0);
  assert.deepEqual(missed, []);
  const [row] = shields;
  assert.deepEqual(row?.skipped, [{ name: 'after an hour', reason: 'it waits 3600 s' }]);
  assert.deepEqual(row?.attacks, { cut: 3, of: 3 });
  assert.deepEqual(row?.innocents, { passed: 5, of: 5 });
  // A pod's four writings, its chunks, and HTTP/2; what is counted over both protocols, but for the hour.
  assert.equal(row?.exchanges, 4 * 6 + 4 * 2);
});

test('what is not as expected is a miss', async () => {
  const wrong = `${head}
deeperDefense:
  rules:
    - {id: no-pods, phase: request, when: request.resource == "pods", action: deny, severity: major, message: No.}
    - {id: no-teapots, phase: response, when: response.status == 418, action: deny, severity: major, message: No.}
tests:
  - {name: not matched, kind: attack, steps: [{request: {path: /api/v1/nodes}}], expect: {rules: [no-pods]}}
  - {name: refused, kind: innocent, steps: [{request: {path: /api/v1/pods}}], expect: {}}
  - {name: another answer, kind: attack, steps: [{request: {path: /api/v1/pods}}], expect: {rules: [no-pods], toClient: [Yes.]}}
  - {name: left open, kind: attack, steps: [{request: {path: /api/v1/pods}}], expect: {rules: [no-pods], connection: open}}
  - {name: a path that goes on, kind: attack, steps: [{request: {path: /apis/tea}, answer: 418}], expect: {rules: [no-teapots], neverToServer: [/apis/tea]}}
  - {name: as it should be, kind: attack, steps: [{request: {path: /api/v1/pods}}], expect: {rules: [no-pods]}}
`;
  const folder = shieldFolder('wrong', wrong);
  const { shields, missed } = await answer(['--shields', folder, '--through-gate'], 3);
  assert.deepEqual(
    missed.map((one) => [one.test.name, one.test.reason]),
    [
      ['not matched', 'the rules that fired were [], not [no-pods]'],
      ['refused', 'the rules that fired were [no-pods], not []'],
      ['another answer', "'Yes.' did not reach the caller"],
      ['left open', 'the connection ended as closed, not open'],
      ['a path that goes on', "'/apis/tea' reached the server"],
    ],
  );
  assert.deepEqual(shields[0]?.attacks, { cut: 1, of: 5 });
});

test('interrupted, it says so and leaves nothing behind', async () => {
  const running = start(['shields', 'test', '--through-gate'], place);
  await running.said('0 of ');
  const { code, stderr } = await running.end('SIGINT');
  assert.equal(code, 1);
  assert.match(stderr, /interrupted \[proof-failed\]/);
  assert.deepEqual(readdirSync(own.path('temporary')), []);
});
