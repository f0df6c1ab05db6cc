import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../base/failure.ts';
import { defaultHeadLimits, parseRequestHead, type RequestHead } from '../http/head.ts';
import type { ShieldRule } from '../model/shield.ts';
import { decodeRequest, isUndecodable } from './body-content.ts';
import { attributesOf } from './exchange-attributes.ts';
import { requestInfo } from './request-info.ts';
import { compileRules, heldFor, judge } from './rules.ts';

function rule(when: string, over: Partial<ShieldRule> = {}): ShieldRule {
  return {
    id: 'some-rule',
    phase: 'body',
    when,
    action: 'deny',
    severity: 'major',
    message: 'No.',
    ...over,
  };
}

function headOf(method: string, path: string, type: string): RequestHead {
  const text = `${method} ${path} HTTP/1.1\r\nHost: k\r\nContent-Type: ${type}\r\nContent-Length: 1\r\n\r\n`;
  const head = parseRequestHead(Buffer.from(text), 0, defaultHeadLimits);
  if (head.kind !== 'request') throw new Error('a good head');
  return head;
}

function fired(when: string, body: unknown, type = 'application/json', method = 'POST'): string | boolean {
  const path = method === 'PATCH' ? '/api/v1/namespaces/lab/pods/web' : '/api/v1/namespaces/lab/pods';
  const head = headOf(method, path, type);
  const info = requestInfo(method, path);
  if (typeof info === 'string') throw new Error(info);
  const content = decodeRequest(info, head, Buffer.from(JSON.stringify(body)));
  if (isUndecodable(content)) throw new Error(content.reason);
  const caller = { identity: { method: 'none' }, sourceAddress: '192.0.2.7' } as const;
  const attributes = attributesOf(
    info,
    () => head,
    Number.POSITIVE_INFINITY,
    caller,
    undefined,
    0,
    '',
    content,
  );
  const set = compileRules([{ id: 'CVE-1-1', rules: [rule(when)] }]);
  const [one] = judge(set.body(info, false), attributes);
  return one?.rule === 'rule-error' ? 'rule-error' : one !== undefined;
}

const pod = {
  kind: 'Pod',
  metadata: { name: 'web', annotations: { 'a.example/b': 'x\ny' } },
  spec: {
    replicas: 3,
    containers: [
      { image: 'a', securityContext: { privileged: true } },
      { image: 'b', ports: [80, 'http'] },
    ],
    volumes: [{ gitRepo: { repository: 'https://x' } }],
  },
};

const fires: readonly (readonly [when: string, expected: boolean])[] = [
  ["object.values('spec.volumes[*].gitRepo').size() > 0", true],
  ["object.values('spec.volumes[*].nfs').size() > 0", false],
  ["object.values('spec.absent.more[*].still').exists(v, v == 'x')", false],
  ["object.values('metadata.name.deeper').size() > 0", false],
  ["pods.exists(p, p.values('spec.containers[*].securityContext.privileged').exists(v, v == true))", true],
  ["pods.exists(p, p.strings('spec.containers[*].image').exists(v, v.matches('^b$')))", true],
  ["pods.exists(p, p.strings('spec.containers[*].ports[*]').exists(v, v.startsWith('ht')))", true],
  ["object.numbers('spec.replicas').exists(n, n > 2.0)", true],
  ["object.numbers('metadata.name').exists(n, n > 2.0)", false],
  ["object.values('kind').exists(k, k in ['Pod', 'Deployment'])", true],
  ["objects.all(o, o.values('kind').exists(k, k != 'Pod'))", false],
  ["patch.type == ''", true],
  ["patch.operations.exists(o, o.op == 'add')", false],
  ["body.format == 'json' && body.bytes > 10 && !body.aliases", true],
  ["request.verb == 'create' && request.contentLength == 1", true],
  ["object.values('spec.containers[*].ports').exists(l, l == [80])", false],
];
for (const [when, expected] of fires) {
  test(`${when} → ${expected}`, () => assert.equal(fired(when, pod), expected));
}

test('operations of a JSON patch hold every field, absent or not', () => {
  const operations = [
    { op: 'test', path: '/spec/x', value: null },
    { op: 'remove', path: '/metadata/annotations/a' },
  ];
  const type = 'application/json-patch+json';
  for (const [when, expected] of [
    ["patch.operations.exists(o, o.op == 'remove' && o.path.matches('^/metadata/'))", true],
    ["patch.operations.exists(o, o.from != '')", false],
    ["patch.operations.exists(o, o.value.values('a').size() > 0)", false],
    ["patch.type == 'json' && !patch.copies", true],
  ] as const) {
    assert.equal(fired(when, operations, type, 'PATCH'), expected, when);
  }
});

const refused: readonly (readonly [when: string, message: RegExp])[] = [
  ["object.spec.values('x').size() > 0", /a field may be absent: write \.values\('spec'\)/],
  ["object['spec'] == 1", /an item may be absent/],
  ['objects[0] == 1', /an item may be absent/],
  ["object.values('x').exists(v, v.matches('y'))", /\.strings\('…'\)\.exists\(each, each\.matches\(…\)\)/],
  ["object.values('x').exists(v, v.startsWith('y'))", /strings/],
  ["object.values('x').exists(v, v > 3)", /numbers/],
  ["object.values('x').exists(v, v.exists(w, w == 1))", /values/],
  ["object.values('x').exists(v, size(v) > 3)", /size\(\) does not take it/],
  ["object.values('x').exists(v, v.size() > 3)", /any type/],
  ["object.values('x').exists(v, !v)", /any type/],
  ["object.values('x').exists(v, v && true)", /any type/],
  ['object.values(request.path).size() > 0', /one literal path/],
  ["object.values('spec[').size() > 0", /path is not admitted/],
  ["request.path.values('a').size() > 0", /is for object, objects, pods/],
  ["request['path'] == 'x'", /write request\.name/],
  ['response.status == 200', /Unknown variable/],
  ["object.strings('x').exists(v, v.matches('(a)\\\\1'))", /regular expression is not admitted/],
  ["patch.operations.exists(o, o.absent == 'x')", /No such key: absent/],
];
for (const [when, message] of refused) {
  test(`refused: ${when}`, () => {
    assert.throws(
      () => compileRules([{ id: 'CVE-1-1', rules: [rule(when)] }]),
      (error) => error instanceof Failure && error.code === 'bad-predicate' && message.test(error.message),
    );
  });
}

test('bodies are for rules of their phase only', () => {
  for (const phase of ['request', 'response', 'upgrade'] as const) {
    const when = "object.values('x').size() > 0";
    assert.throws(
      () => compileRules([{ id: 'CVE-1-1', rules: [rule(when, { phase })] }]),
      /bad-predicate|Unknown/,
    );
  }
});

const held: readonly (readonly [when: string, expected: boolean])[] = [
  ["object.values('x').size() > 0", true],
  ["request.verb == 'create' && object.values('x').size() > 0", true],
  ["request.verb == 'update' && object.values('x').size() > 0", false],
  ["request.namespace == 'other' && object.values('x').size() > 0", false],
  ["request.namespace.startsWith('la') && object.values('x').size() > 0", true],
  ["(request.namespace == 'other' || request.user == 'x') && patch.type == 'json'", false],
  ["request.namespace == 'other' || object.values('x').size() > 0", true],
  ["!(request.namespace == 'lab' && object.values('x').size() > 0)", true],
  ["!(request.namespace == 'lab') && object.values('x').size() > 0", false],
  ["request.contentType == 'application/yaml' && body.aliases", false],
  ["body.format == 'yaml'", true],
  ["request.groups.exists(g, g == 'x') && patch.type == 'json'", false],
  ["size(request.groups) == 9 && patch.type == 'json'", true],
];
for (const [when, expected] of held) {
  test(`held for ${when}: ${expected}`, () => {
    const path = '/api/v1/namespaces/lab/pods';
    const head = headOf('POST', path, 'application/json');
    const info = requestInfo('POST', path);
    if (typeof info === 'string') throw new Error(info);
    const caller = { identity: { method: 'none' }, sourceAddress: '192.0.2.7' } as const;
    const attributes = attributesOf(info, () => head, Number.POSITIVE_INFINITY, caller, undefined, 0, '');
    const set = compileRules([{ id: 'CVE-1-1', rules: [rule(when)] }]);
    assert.equal(heldFor(set.body(info, false), attributes).length === 1, expected);
  });
}
