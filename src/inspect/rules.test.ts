import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../base/failure.ts';
import type { ShieldRule } from '../model/shield.ts';
import type { Attributes } from './attributes.ts';
import { compileRules, judge, noRules, severest } from './rules.ts';

function rule(over: Partial<ShieldRule>): ShieldRule {
  return {
    id: 'some-rule',
    phase: 'request',
    when: 'true',
    action: 'deny',
    severity: 'major',
    message: 'No.',
    ...over,
  };
}

function attributes(request: Partial<Attributes['request']> = {}, status = 0n): Attributes {
  return {
    request: {
      method: 'GET',
      path: '/api/v1/pods',
      proxyPath: '',
      verb: 'list',
      isResource: true,
      group: '',
      version: 'v1',
      namespace: '',
      resource: 'pods',
      subresource: '',
      name: '',
      watch: false,
      queryNames: [],
      groupResource: 'pods',
      fieldSelector: '',
      continueStart: '',
      upgrade: false,
      upgradeProtocols: [],
      contentType: '',
      contentLength: 0n,
      query: new Map([['command', ['id']]]),
      headers: new Map([['x-trace', ['one', 'two']]]),
      user: 'developer',
      groups: ['lab'],
      authMethod: 'certificate',
      serviceAccount: '',
      source: '192.0.2.7',
      sourceTags: ['office'],
      ...request,
    },
    response: { status, headers: new Map() },
    upgrade: { event: '' },
  };
}

const facts = { verb: 'list', resource: 'pods', isResource: true, subresource: '', group: '' };

const fires: readonly [string, boolean][] = [
  ['request.user == "developer" && "lab" in request.groups', true],
  ['request.headers["x-trace"].exists(value, value == "two")', true],
  ['"x-other" in request.headers', false],
  ['has(request.headers.accept) && request.headers.accept[0] == "a"', false],
  ['request.path.matches("^/(exec|run)(/|$)")', false],
  ['request.path.matches("^/api/v[0-9]+/") && size(request.groups) == 1', true],
  ['size(request.groups) == 1 && request.path . matches("pods$")', true],
  ['request.verb in ["list", "watch"] && request.resource == "pods"', true],
  ['request.verb in ["get"]', false],
  ['!request.upgrade && request.isResource', true],
  ['request.upgrade', false],
  ['"command" in request.query && request.query["command"].exists(value, value == "id")', true],
  ['"office" in request.sourceTags && request.source == "192.0.2.7"', true],
  ['request.contentLength > 0', false],
  ['request.serviceAccount.startsWith("system:serviceaccount:kube-system:")', false],
];
for (const [when, expected] of fires) {
  test(`${when} → ${expected}`, () => {
    const set = compileRules([{ id: 'CVE-1-1', rules: [rule({ when })] }]);
    assert.equal(judge(set.request(facts, false), attributes()).length === 1, expected);
  });
}

const refused: readonly [string, RegExp, Partial<ShieldRule>?][] = [
  ['request.verv == "get"', /verv/],
  ['object.spec', /object/],
  ['request.verb', /string, not a bool/],
  ['request.verb ==', /./],
  ['request.verb == 1', /overload/],
  ['response.status == 200', /response/],
  ['upgrade.event == "switched"', /upgrade/, { phase: 'response' }],
  ['request["ve" + "rb"] == "get"', /not an index/],
  ['dyn(request).verv == "get"', /dyn/],
  ['request.path.matches(request.name)', /literal/],
  ['request.path.matches("(a)\\\\1")', /not admitted/],
  ['request.path.matches("(?=a)")', /not admitted/],
  ['request.path.linearMatches("a")', /linearMatches/],
  ['"authorization" in request.headers && request.headers["authorization"][0] == "x"', /credentials/],
  ['has(request.headers.cookie)', /credentials/],
  ['has(request.headers.Accept)', /lower case/],
  ['request.groups.exists(g, g.foo())', /foo/],
];
for (const [when, why, over] of refused) {
  test(`refuses at load: ${when}`, () => {
    assert.throws(
      () => compileRules([{ id: 'CVE-1-1', rules: [rule({ when, ...over })] }]),
      (error) =>
        error instanceof Failure &&
        error.code === 'bad-predicate' &&
        why.test(error.message) &&
        /^CVE-1-1: rule some-rule: when, column \d+$/.test(error.place ?? ''),
    );
  });
}

for (const [onError, action] of [
  [undefined, 'close-client-and-server'],
  ['closed', 'close-client-and-server'],
  ['open', 'log'],
] as const) {
  test(`an error of evaluation counts as fired; onError ${onError}: ${action}`, () => {
    const broken = rule({ when: 'request.headers["none"][0] == "x"', action: 'deny' });
    const set = compileRules([{ id: 'CVE-1-1', rules: [{ ...broken, ...(onError ? { onError } : {}) }] }]);
    const fired = judge(set.request(facts, false), attributes());
    assert.deepEqual(
      fired.map((one) => [one.shield, one.rule, one.action]),
      [['CVE-1-1', 'rule-error', action]],
    );
  });
}

test('all rules that fire are told in order; the most severe action is carried out', () => {
  const set = compileRules([
    {
      id: 'CVE-1-1',
      rules: [rule({ id: 'one-rule', action: 'log' }), rule({ id: 'two-rule', action: 'close-server' })],
    },
    {
      id: 'CVE-1-2',
      rules: [rule({ id: 'three-rule', action: 'deny' }), rule({ id: 'four-rule', when: 'false' })],
    },
  ]);
  const fired = judge(set.request(facts, false), attributes());
  assert.deepEqual(
    fired.map((one) => one.rule),
    ['one-rule', 'two-rule', 'three-rule'],
  );
  assert.equal(severest(fired), 'close-server');
  assert.equal(severest([]), 'allow');
});

test('a request meets only the rules that could fire on it', () => {
  const set = compileRules([
    {
      id: 'CVE-1-1',
      rules: [
        rule({ id: 'upgrades', when: 'request.upgrade && request.path.contains("x")' }),
        rule({ id: 'node-lists', when: 'request.resource == "nodes" && request.verb in ["list", "watch"]' }),
        rule({ id: 'off-api', when: 'request.isResource == false && request.path.startsWith("/exec")' }),
        rule({ id: 'answers', phase: 'response', when: 'request.upgrade && response.status < 400' }),
        rule({
          id: 'anonymous',
          phase: 'response',
          when: 'request.authMethod == "none" && (response.status < 300 || response.status == 403)',
        }),
        rule({ id: 'exec', when: 'request.subresource == "exec" && request.group in ["", "x.io"]' }),
      ],
    },
  ]);
  const ids = (over: Partial<typeof facts>, upgrade = false) =>
    set.request({ ...facts, ...over }, upgrade).map((one) => one.rule);
  assert.deepEqual(ids({}), []);
  assert.deepEqual(ids({}, true), ['upgrades']);
  assert.deepEqual(ids({ resource: 'nodes' }), ['node-lists']);
  assert.deepEqual(ids({ resource: 'nodes', verb: 'get' }), []);
  assert.deepEqual(ids({ isResource: false }), ['off-api']);
  assert.deepEqual(ids({ subresource: 'exec' }), ['exec']);
  assert.deepEqual(ids({ subresource: 'exec', group: 'y.io' }), []);
  const answers = (upgrade: boolean, status: number, authMethod: 'none' | 'bearer') =>
    set.response(facts, upgrade, status, authMethod).map((one) => one.rule);
  assert.deepEqual(answers(false, 200, 'bearer'), []);
  assert.deepEqual(answers(true, 200, 'bearer'), ['answers']);
  assert.deepEqual(answers(true, 500, 'none'), []);
  assert.deepEqual(answers(true, 200, 'none'), ['answers', 'anonymous']);
  assert.deepEqual(answers(true, 403, 'none'), ['anonymous']);
  assert.deepEqual(noRules.request(facts, true), []);
});
