import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Failure } from '../base/failure.ts';
import { exchangeBytes } from './exchange-text.ts';
import { loadShield, parseShield } from './load.ts';
import { selfTest } from './self-test.ts';

const folder = join(import.meta.dirname, '../../shields');
const own = readFileSync(join(folder, 'CVE-2018-1002105.yaml'), 'utf8');

const small = `apiVersion: portcullis/v1
kind: Shield
id: CVE-2000-1
title: A title
tier: 1
severity: major
component: kube-apiserver
description: Text.
firstResponse: {pass: [tier=node]}
deeperDefense:
  rules:
    - id: no-exec
      phase: request
      when: request.subresource == "exec"
      action: deny
      severity: major
      message: No exec.
lift: {when: [version]}
falsePositives: None.
references: ["https://example.invalid/"]
tests:
  - name: exec
    kind: attack
    steps: [{client: "POST /api/v1/namespaces/a/pods/b/exec HTTP/1.1\\nHost: k\\n\\n"}]
    expect: {rules: [no-exec], neverToServer: [exec], toClient: ["No exec."], connection: closed}
  - name: get
    kind: innocent
    steps:
      - client: "GET /api/v1/namespaces/a/pods/b HTTP/1.1\\nHost: k\\n\\n"
      - server: "HTTP/1.1 200 OK\\nContent-Length: 2\\n\\nok"
    expect: {toServer: [pods/b], toClient: [ok], connection: open}
`;

describe('the shield of CVE-2018-1002105', () => {
  test('loads: all its attacks are cut, all its innocent exchanges pass', () => {
    const result = selfTest(loadShield(own, 'CVE-2018-1002105.yaml'));
    assert.deepEqual(
      result.tests.filter((one) => !one.ok),
      [],
    );
    assert.ok(result.attacks.cut >= 50 && result.attacks.cut === result.attacks.of);
    assert.ok(result.innocents.passed >= 18 && result.innocents.passed === result.innocents.of);
  });

  test('the upgrade machine cuts them without the shield, but for the paths that only a rule knows', () => {
    const shield = parseShield(own, 'CVE-2018-1002105.yaml');
    const without = selfTest({
      ...shield,
      deeperDefense: { rules: [] },
      tests: shield.tests.map((one) => ({
        ...one,
        expect: {
          ...one.expect,
          rules: one.expect.rules.flatMap((id) => builtInFor[id] ?? []),
        },
      })),
    });
    const open = without.tests.filter((one) => !one.ok).map((one) => one.name);
    assert.deepEqual(open, [
      "a kubelet's path asked of the API server",
      "a kubelet's exec path, encoded, in capitals",
    ]);
  });
});

/** The gate's own name for what the shield's rule names. */
const builtInFor: Readonly<Record<string, string[]>> = {
  'talks-before-switch': ['early-bytes'],
  'talks-after-refusal': ['late-bytes'],
  'false-switch': ['unsolicited-switch'],
  'identity-header-stripped': ['identity-header-stripped'],
};

test('a small shield loads', () => {
  const shield = loadShield(small, 'small.yaml');
  assert.equal(shield.firstResponse.action, 'deny');
  assert.deepEqual(selfTest(shield).attacks, { cut: 1, of: 1 });
});

describe('parameters', () => {
  const named = small
    .replace('when: request.subresource == "exec"', 'when: request.subresource in parameters.closed')
    .replace('lift:', 'parameters:\n  closed: {meaning: Subresources., default: [attach, exec]}\nlift:');

  test('stay in the rules by their names, and the tests run with the defaults', () => {
    const shield = loadShield(named, 's.yaml');
    assert.equal(shield.deeperDefense.rules[0]?.when, 'request.subresource in parameters.closed');
    const quoted = parseShield(named.replace('[attach, exec]', `['a"b\\c', exec]`), 's.yaml');
    assert.ok(selfTest(quoted).ok);
  });

  test('an empty one makes a rule that never fires', () => {
    const empty = parseShield(named.replace('[attach, exec]', '[]'), 's.yaml');
    assert.deepEqual(selfTest(empty).attacks, { cut: 0, of: 1 });
    assert.deepEqual(selfTest(empty).innocents, { passed: 1, of: 1 });
  });

  const wrong: readonly [string, string, RegExp][] = [
    ['in parameters.closed', 'in parameters.open', /no parameter 'open'/],
    ['in parameters.closed', 'in ["exec"]', /no rule names the parameter 'closed'/],
    ['[attach, exec]', '["a\\u0000"]', /default/],
  ];
  for (const [from, to, why] of wrong) {
    test(`refused: ${to}`, () => assert.throws(() => loadShield(named.replace(from, to), 's.yaml'), why));
  }
});

describe('fields that are taken out', () => {
  const strips = small
    .replace(/deeperDefense:[\s\S]*lift:/, 'deeperDefense: {rules: [], stripHeaders: [user-agent]}\nlift:')
    .replace('\\nHost: k', '\\nUSER-agent: x1\\nHost: k\\nuser_agent: x2')
    .replace(
      'expect: {rules: [no-exec], neverToServer: [exec], toClient: ["No exec."], connection: closed}',
      'expect: {neverToServer: [x1, x2], toServer: ["Host: k"], connection: open}',
    );

  test('never reach the server, and nothing is found', () => {
    assert.deepEqual(selfTest(loadShield(strips, 's.yaml')).attacks, { cut: 1, of: 1 });
  });

  const wrong: readonly [string, string, RegExp][] = [
    ['[user-agent]', '[host]', /stripHeaders/],
    ['[user-agent]', '[]', /neither/],
    ['neverToServer: [x1, x2], ', '', /must fire a rule/],
  ];
  for (const [from, to, why] of wrong) {
    test(`refused: ${from} → ${to}`, () =>
      assert.throws(() => loadShield(strips.replace(from, to), 's.yaml'), why));
  }
});

describe('a rule with a rate', () => {
  const get = '"GET /api/v1/namespaces/a/secrets/b HTTP/1.1\\nHost: k\\n\\n"';
  const ok = '"HTTP/1.1 200 OK\\nContent-Length: 2\\n\\nok"';
  const pair = `[{client: ${get}}, {server: ${ok}}]`;
  const rated = small
    .replace('when: request.subresource == "exec"', 'when: request.resource == "secrets"')
    .replace('action: deny', 'action: deny\n      rate: {over: 100, within: 10s, by: [user, connection]}')
    .replace(
      /tests:[\s\S]*/,
      `tests:
  - name: a hundred and one in a second
    kind: attack
    as: {user: reader}
    steps: [{repeat: 100, steps: ${pair}}, {client: ${get}}]
    expect: {rules: [no-exec], toServer: [secrets/b], toClient: ["No exec."], connection: closed}
  - name: a hundred, a pause, a hundred
    kind: innocent
    as: {user: reader}
    steps: [{repeat: 100, steps: ${pair}}, {wait: 12s}, {repeat: 100, steps: ${pair}}]
    expect: {toClient: [ok], connection: open}
  - name: slowly for long
    kind: innocent
    as: {user: reader}
    steps: [{repeat: 500, steps: [{client: ${get}}, {server: ${ok}}, {wait: 1s}]}]
    expect: {toClient: [ok], connection: open}
`,
    );
  const failures = (text: string) =>
    selfTest(parseShield(text, 's.yaml'))
      .tests.filter((one) => !one.ok)
      .map((one) => one.name);

  test('is proven by repetition and by time that passes', () => {
    assert.ok(selfTest(loadShield(rated, 's.yaml')).ok);
    assert.deepEqual(failures(rated.replace('repeat: 100, steps', 'repeat: 99, steps')), [
      'a hundred and one in a second',
    ]);
    assert.deepEqual(failures(rated.replace('wait: 12s', 'wait: 9s')), ['a hundred, a pause, a hundred']);
    assert.deepEqual(failures(rated.replace('within: 10s', 'within: 2m')), [
      'a hundred, a pause, a hundred',
      'slowly for long',
    ]);
  });

  test('counts over connections, unless it is by connection', () => {
    const again = rated
      .replace('[{repeat: 100, steps', '[{repeat: 60, steps')
      .replace(
        `{client: ${get}}]\n    expect`,
        `{reconnect: true}, {repeat: 40, steps: ${pair}}, {client: ${get}}]\n    expect`,
      );
    assert.notEqual(again, rated);
    assert.deepEqual(failures(again), ['a hundred and one in a second']);
    assert.deepEqual(failures(again.replace('[user, connection]', '[user]')), []);
    const whole = rated
      .replace('by: [user, connection]', 'by: [source]')
      .replace(
        `[{repeat: 100, steps: ${pair}}, {client: ${get}}]`,
        `[{client: ${get}}, {server: ${ok}}]\n    repeat: 101`,
      );
    assert.deepEqual(failures(whole), []);
    assert.deepEqual(failures(whole.replace('repeat: 101', 'repeat: 100')), [
      'a hundred and one in a second',
    ]);
  });

  const wrong: readonly [string, string, RegExp][] = [
    ['within: 10s', 'within: 2h', /longer than an hour/],
    ['within: 10s', 'within: 10', /within/],
    ['over: 100', 'over: 0', /over/],
    ['by: [user, connection]', 'by: []', /by/],
    ['repeat: 500', 'repeat: 9999', /more than 20000/],
    ['repeat: 100, steps: [{client: "GET', 'repeat: 100, steps: [{client: "\\\\qGET', /escape/],
  ];
  for (const [from, to, why] of wrong) {
    test(`refused: ${to}`, () => assert.throws(() => parseShield(rated.replace(from, to), 's.yaml'), why));
  }
});

test('texts that must never reach the caller', () => {
  const answers = small.replace('toClient: [ok]', 'neverToClient: [ok]');
  assert.throws(() => loadShield(answers, 's.yaml'), /'ok' reached the caller/);
  const nothing = small.replace('toClient: [ok]', 'neverToClient: [ko]');
  assert.throws(() => loadShield(nothing, 's.yaml'), /no step of the server sends this/);
});

const refused: readonly [string, (text: string) => string, string, RegExp, RegExp][] = [
  ['broken YAML', (text) => text.replace('lift: {', 'lift: {{'), 'bad-yaml', /^s\.yaml:\d+:\d+$/, /YAML/],
  [
    'an unknown field',
    (text) => text.replace('tier: 1', 'tier: 1\ncolour: red'),
    'bad-shield',
    /^s\.yaml:/,
    /colour/,
  ],
  ['a missing field', (text) => text.replace('title: A title\n', ''), 'bad-shield', /^s\.yaml:1:1$/, /title/],
  [
    'an unknown attribute, with line and column',
    (text) => text.replace('request.subresource ==', 'request.subresorce =='),
    'bad-shield',
    /^s\.yaml:14:13$/,
    /deeperDefense\.rules\.0\.when: rule no-exec, column 9: .*subresorce/,
  ],
  [
    'a predicate that is no bool',
    (text) => text.replace('request.subresource == "exec"', 'request.verb'),
    'bad-shield',
    /:14:/,
    /not a bool/,
  ],
  [
    'a second rule of the same id',
    (text) =>
      text.replace(
        'lift:',
        '    - {id: no-exec, phase: request, when: "true", action: log, severity: info, message: m}\nlift:',
      ),
    'bad-shield',
    /^s\.yaml:18:12$/,
    /second rule 'no-exec'/,
  ],
  [
    'the name of a rule of the gate',
    (text) => text.replaceAll('no-exec', 'late-bytes'),
    'bad-shield',
    /:12:/,
    /gate's own/,
  ],
  [
    'a rule that no test fires',
    (text) => text.replace('rules: [no-exec]', 'rules: [late-bytes]'),
    'bad-shield',
    /:12:/,
    /no test fires/,
  ],
  [
    'a test that names no rule there is',
    (text) => text.replace('rules: [no-exec]', 'rules: [no-exec, no-such]'),
    'bad-shield',
    /:25:/,
    /no rule 'no-such'/,
  ],
  [
    'an attack that fires nothing',
    (text) => text.replace('rules: [no-exec], ', ''),
    'bad-shield',
    /./,
    /must fire a rule/,
  ],
  [
    'an innocent that is denied',
    (text) => text.replace('toServer: [pods/b]', 'rules: [no-exec]'),
    'bad-shield',
    /:31:/,
    /innocent exchange can't fire/,
  ],
  [
    'tests of one kind',
    (text) => text.replace('kind: innocent', 'kind: attack'),
    'bad-shield',
    /./,
    /no innocent/,
  ],
  [
    'a second test of the same name',
    (text) => text.replace('name: get', 'name: exec'),
    'bad-shield',
    /:26:/,
    /second test/,
  ],
  [
    'an expectation that proves nothing',
    (text) => text.replace('neverToServer: [exec]', 'neverToServer: [exce]'),
    'bad-shield',
    /:25:/,
    /proves nothing/,
  ],
  [
    'an unknown escape',
    (text) => text.replace('ok"}', 'ok"}').replace('\\n\\nok', '\\n\\n\\\\q'),
    'bad-shield',
    /:30:/,
    /escape/,
  ],
  [
    'a tag expression that is none',
    (text) => text.replace('tier=node', 'tier=='),
    'bad-shield',
    /:9:/,
    /firstResponse\.pass\.0/,
  ],
  [
    'a self-test that fails',
    (text) => text.replace('toClient: [ok]', 'toClient: [ko]'),
    'shield-self-test',
    /^s\.yaml: tests\[1\]$/,
    /the innocent 'get' .*'ko' did not reach the caller/,
  ],
  [
    'an attack that gets through',
    (text) => text.replace('== "exec"', '== "exec" && request.name == "c"'),
    'shield-self-test',
    /^s\.yaml: tests\[0\]$/,
    /the attack 'exec' .*rules that fired were \[\], not \[no-exec\]/,
  ],
];
for (const [name, change, code, place, says] of refused) {
  test(`refused: ${name}`, () => {
    const text = change(small);
    assert.notEqual(text, small);
    assert.throws(
      () => loadShield(text, 's.yaml'),
      (error) => {
        assert.ok(error instanceof Failure, String(error));
        assert.equal(error.code, code);
        assert.match(error.message, says);
        assert.match(error.place ?? '', place);
        return true;
      },
    );
  });
}

test('exchange text', () => {
  assert.equal(exchangeBytes('a\nb\r\nc').toString(), 'a\r\nb\r\nc');
  assert.deepEqual([...exchangeBytes('\\x00\\xff\\n\\\\é')], [0, 255, 10, 92, 0xc3, 0xa9]);
  for (const text of ['\\q', '\\x1', '\\']) assert.throws(() => exchangeBytes(text), /escape/);
});
