import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { coverageOf } from './coverage.ts';
import { parseShield } from './load.ts';
import { selfTest } from './self-test.ts';

const attack = (name: string, line: string, more = '', rule = 'one') => `
  - name: ${name}
    kind: attack
    steps: [{client: "${line} HTTP/1.1\\nHost: k\\n${more}\\n"}]
    expect: {rules: [${rule}], connection: closed}`;
const innocent = (name: string, line: string, more = '') => `
  - name: ${name}
    kind: innocent
    steps:
      - client: "${line} HTTP/1.1\\nHost: k\\n${more}\\n"
      - server: "HTTP/1.1 200 OK\\nContent-Length: 0\\n\\n"
    expect: {connection: open}`;

function shieldOf(when: string, tests: readonly string[], more = '', phase = 'request') {
  return parseShield(
    `apiVersion: portcullis/v1
kind: Shield
id: CVE-2000-1
title: A title
tier: 1
severity: major
component: kube-apiserver
description: Text.
firstResponse: {pass: []}
${more}
deeperDefense:
  rules:
    - {id: one, phase: ${phase}, when: '${when}', action: deny, severity: major, message: No.}
lift: {when: [version]}
falsePositives: None.
references: ["https://example.invalid/"]
tests:${tests.join('')}
`,
    's.yaml',
  );
}

/** `COLUMN TEXT` of each operand with the outcomes that were seen. */
const seen = (shield: ReturnType<typeof shieldOf>) =>
  coverageOf(shield).branches.map(
    (branch) => `${branch.column} ${branch.text}: ${branch.true ? 'T' : '-'}${branch.false ? 'F' : '-'}`,
  );

const del = 'DELETE /api/v1/namespaces/a/pods/b';
const get = 'GET /api/v1/namespaces/a/pods/b';
const table: readonly [string, string, readonly string[], readonly string[], string?][] = [
  [
    'one attack and one innocent leave what the first operand settled',
    'request.verb == "delete" && request.resource == "pods"',
    [attack('a', del), innocent('b', get)],
    ['1 request.verb == "delete": TF', '29 request.resource == "pods": T-'],
  ],
  [
    'the innocent neighbour of the second operand completes it',
    'request.verb == "delete" && request.resource == "pods"',
    [attack('a', del), innocent('b', get), innocent('c', 'DELETE /api/v1/namespaces/a/secrets/b')],
    ['1 request.verb == "delete": TF', '29 request.resource == "pods": TF'],
  ],
  [
    'an alternative that no attack needs was not tried',
    'request.verb == "delete" && (request.name == "b" || request.name == "c")',
    [attack('a', del), innocent('b', get), innocent('c', 'DELETE /api/v1/namespaces/a/pods/d')],
    ['1 request.verb == "delete": TF', '30 request.name == "b": TF', '53 request.name == "c": -F'],
  ],
  [
    'what can not be evaluated where it is not reached is not counted',
    '"x-a" in request.headers && request.headers["x-a"][0] == "1"',
    [attack('a', get, 'X-A: 1\\n'), innocent('b', get)],
    ['1 "x-a" in request.headers: TF', '29 request.headers["x-a"][0] == "1": T-'],
  ],
  [
    'columns are those of the rule as it is written, before the values of parameters stand in it',
    'request.verb in parameters.closed && request.name != "x"',
    [attack('a', del), innocent('b', get), innocent('c', 'DELETE /api/v1/namespaces/a/pods/x')],
    ['1 request.verb in parameters.closed: TF', '38 request.name != "x": TF'],
    'parameters: {closed: {meaning: M., default: [delete, patch, update, create]}}',
  ],
];
for (const [name, when, tests, wanted, more] of table) {
  test(name, () => {
    const shield = shieldOf(when, tests, more);
    assert.ok(selfTest(shield).ok);
    assert.deepEqual(seen(shield), wanted);
  });
}

test('what an earlier request of a connection showed counts, and nothing after it was cut', () => {
  const steps = `
  - name: two
    kind: attack
    steps:
      - client: "${get} HTTP/1.1\\nHost: k\\n\\n"
      - server: "HTTP/1.1 200 OK\\nContent-Length: 0\\n\\n"
      - client: "${del} HTTP/1.1\\nHost: k\\n\\n"
      - client: "GET /healthz HTTP/1.1\\nHost: k\\n\\n"
    expect: {rules: [one], connection: closed}`;
  const shield = shieldOf('request.verb == "delete" || !request.isResource && request.path == "/x"', [
    steps,
    innocent('b', get),
  ]);
  assert.deepEqual(seen(shield), [
    '1 request.verb == "delete": TF',
    '30 request.isResource: T-',
    '52 request.path == "/x": --',
  ]);
});

test('a rule over bodies: of the head every request counts, of the body those that were held', () => {
  const post = (kind: string) => `
    steps:
      - request: {path: /api/v1/namespaces/a/configmaps, object: {apiVersion: v1, kind: ConfigMap, metadata: {name: ${kind}}}}
`;
  const shield = shieldOf(
    'request.resource == "configmaps" && object.values("metadata.name").exists(n, n == "bad")',
    [
      `\n  - name: bad\n    kind: attack${post('bad')}    expect: {rules: [one], connection: closed}`,
      `\n  - name: good\n    kind: innocent${post('good')}    expect: {connection: open}`,
      innocent('other', get),
    ],
    '',
    'body',
  );
  assert.deepEqual(
    selfTest(shield).tests.filter(({ ok }) => !ok),
    [],
  );
  assert.deepEqual(seen(shield), [
    '1 request.resource == "configmaps": TF',
    '37 object.values("metadata.name").exists(n, n == "bad"): TF',
  ]);
});

describe('the catalogue', () => {
  const folder = join(import.meta.dirname, '../../shields');
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.yaml'))) {
    test(`what ${name} leaves untried can be said`, () => {
      const shield = parseShield(readFileSync(join(folder, name), 'utf8'), name);
      const { branches, tried, of } = coverageOf(shield);
      assert.equal(of, branches.length * 2);
      assert.equal(
        tried,
        branches.filter((one) => one.true).length + branches.filter((one) => one.false).length,
      );
      // Every rule has a test that fires it, and so an operand that was true or false.
      for (const rule of new Set(branches.map((one) => one.rule)))
        assert.ok(
          branches.some((one) => one.rule === rule && (one.true || one.false)),
          rule,
        );
    });
  }
});
