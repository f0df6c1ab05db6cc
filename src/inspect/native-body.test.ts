import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseRequestHead, type RequestHead } from '../http/head.ts';
import type { Attributes } from './attributes.ts';
import { decodeRequest, isUndecodable } from './body-content.ts';
import { attributesOf } from './exchange-attributes.ts';
import { compilePredicate, interpretPredicate } from './predicate.ts';
import { type RequestInfo, requestInfo } from './request-info.ts';

const leaf = fc.constantFrom(
  '',
  'a',
  'evil/x',
  '10.0.0.1',
  '::1',
  'x\n',
  true,
  false,
  0,
  1,
  1.5,
  null,
  2 ** 60,
);
const key = fc.constantFrom('a', 'b', 'name', 'Name', 'image', 'n.io/a', 'n.io/b', 'annotations');
const value: fc.Arbitrary<unknown> = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie('node'), { maxLength: 3 }),
    fc.dictionary(key, tie('node'), { maxKeys: 4 }),
  ),
})).node;
const containers = fc.array(fc.record({ name: leaf, image: leaf }, { requiredKeys: [] }), { maxLength: 3 });
const pod = fc.record(
  {
    kind: fc.constantFrom('Pod', 'X', 1),
    metadata: fc.record(
      { annotations: fc.oneof(fc.dictionary(key, leaf), leaf), a: value },
      { requiredKeys: [] },
    ),
    spec: fc.oneof(
      fc.record({ containers: fc.oneof(containers, value), a: value, b: leaf }, { requiredKeys: [] }),
      leaf,
    ),
    a: value,
  },
  { requiredKeys: [] },
);
const list = fc.record({ kind: fc.constant('List'), items: fc.array(pod, { maxLength: 3 }) });
const operations = fc.array(
  fc.record({
    op: fc.constantFrom('add', 'copy', 'move', 'test'),
    path: fc.constantFrom('/spec', '/metadata/annotations', '/a', '/spec/containers'),
    from: fc.constantFrom('/a', '/spec'),
    value: fc.oneof(leaf, pod),
  }),
  { maxLength: 4 },
);

type Sent = { readonly contentType: string; readonly method: string; readonly body: unknown };
const sent: fc.Arbitrary<Sent> = fc.oneof(
  fc.oneof(pod, list).map((body) => ({ contentType: 'application/json', method: 'POST', body })),
  operations.map((body) => ({ contentType: 'application/json-patch+json', method: 'PATCH', body })),
);

/** undefined where the decoders refuse it. */
function attributesFor({ contentType, method, body }: Sent, agent: string): Attributes | undefined {
  const path = method === 'POST' ? '/api/v1/namespaces/lab/pods' : '/api/v1/namespaces/lab/pods/web';
  const text = `${method} ${path}?a=1&a=2&b HTTP/1.1\r\nHost: k\r\nContent-Type: ${contentType}\r\nX-A: 1\r\nUser-Agent: ${agent}\r\nx-a: 2\r\nContent-Length: 1\r\n\r\n`;
  const head = parseRequestHead(
    Buffer.from(text),
    0,
    { bytes: 70_000, fields: 99 },
    undefined,
  ) as RequestHead;
  const info = requestInfo(head.method, head.target) as RequestInfo;
  const content = decodeRequest(info, head, Buffer.from(JSON.stringify(body)));
  if (isUndecodable(content)) return undefined;
  const caller = {
    identity: { method: 'certificate', user: 'system:node:web', groups: ['a'] } as const,
    sourceAddress: '192.0.2.1',
  };
  return attributesOf(info, () => head, Number.POSITIVE_INFINITY, caller, undefined, 0, '', content);
}

const paths = fc.constantFrom(
  'a',
  'spec.a',
  'spec.containers[*].image',
  'spec.containers[*].name',
  'spec.containers[*]',
  'metadata.annotations.*',
  'metadata.annotations.keys()',
  "metadata.annotations['n.io/'*]",
  "metadata.annotations['n.io/a']",
  'metadata.a.*',
  'a[*].b[*].a',
  'a[*][0]',
);
const texts = (name: string) =>
  fc.constantFrom(
    `${name}.matches('^evil/')`,
    `!${name}.matches('^[a-z]*$')`,
    `${name}.startsWith('e')`,
    `${name} == ''`,
    `${name} != 'a'`,
    `${name} in ['a', 'x\\n']`,
    `${name} in []`,
    `inCidrs(${name}, ['10.0.0.0/8', '::1'])`,
    `!['evil/', 'a'].exists(i, ${name}.startsWith(i))`,
  );
const strings = (of: string, name: string) =>
  fc
    .tuple(paths, fc.constantFrom('exists', 'all'), texts(name))
    .map(
      ([path, quantifier, inner]) =>
        `${of}.strings(${JSON.stringify(path)}).${quantifier}(${name}, ${inner})`,
    );
const found = (of: string) =>
  fc.oneof(
    strings(of, 's'),
    fc
      .tuple(paths, fc.constantFrom('values', 'strings', 'numbers'), fc.constantFrom('> 0', '== 2', '<= 1'))
      .map(([path, method, is]) => `${of}.${method}(${JSON.stringify(path)}).size() ${is}`),
    fc
      .tuple(paths, fc.constantFrom('== true', '!= false', "== ''", "!= 'a'"))
      .map(([path, is]) => `${of}.values(${JSON.stringify(path)}).exists(v, v ${is})`),
    fc
      .tuple(paths, fc.constantFrom('> 1.0', '<= 1.5', '== 1.5'))
      .map(([path, is]) => `${of}.numbers(${JSON.stringify(path)}).exists(n, n ${is})`),
    fc
      .tuple(paths, strings('v', 's'))
      .map(([path, inner]) => `${of}.values(${JSON.stringify(path)}).exists(v, ${inner})`),
    fc
      .tuple(paths, paths)
      .map((both) => both.map((path) => `${of}.strings(${JSON.stringify(path)}).size()`).join(' > ')),
  );
const joined = (one: fc.Arbitrary<string>) =>
  fc.oneof(
    one,
    one.map((inner) => `!(${inner})`),
    fc.tuple(one, fc.constantFrom('&&', '||'), one).map(([a, op, b]) => `(${a} ${op} ${b})`),
  );
const clause = fc.oneof(
  fc
    .tuple(fc.constantFrom('objects', 'pods'), fc.constantFrom('exists', 'all'), joined(found('o')))
    .map(([all, quantifier, inner]) => `${all}.${quantifier}(o, ${inner})`),
  found('object'),
  fc
    .tuple(
      fc.constantFrom('exists', 'all'),
      joined(fc.oneof(texts('p.path'), texts('p.op'), found('p.value'))),
    )
    .map(([quantifier, inner]) => `patch.operations.${quantifier}(p, ${inner})`),
  texts('p.op').map((inner) => `patch.operations.filter(p, ${inner}).size() > 1`),
  fc.constantFrom(
    'patch.copies',
    'body.aliases',
    'body.bytes > 40',
    'request.user == "system:node:" + request.name',
    '"x-a" in request.headers && request.headers["x-a"].exists(v, v == "2")',
    '"x-b" in request.headers && request.headers["x-b"].exists(v, v == "2")',
    '"user-agent" in request.headers && !request.headers["user-agent"].exists(v, v.matches("^k"))',
    '"a" in request.query && "2" in request.query["a"]',
    '"authorization" in request.headers',
    '"b" in request.queryNames',
    'request.headers["x-b"].exists(v, v == "2")',
    'request.groups.exists(g, g == "a")',
  ),
);
const predicate = fc.oneof(joined(clause), joined(joined(clause)));

test('rules over bodies answer natively what the CEL evaluator answers, also where others have asked before', () => {
  let held = 0;
  fc.assert(
    fc.property(fc.array(predicate, { minLength: 1, maxLength: 4 }), sent, (whens, what) => {
      const attributes = attributesFor(what, 'kubectl/v1.30');
      const fresh = attributesFor(what, 'kubectl/v1.30');
      if (!attributes || !fresh) return;
      for (const when of whens) {
        const truth = interpretPredicate(when, 'body')(fresh);
        const { test: native, mayHold } = compilePredicate(when, 'body', 'rule');
        assert.equal(native(attributes), truth, when);
        assert.equal(native(attributes), truth, `${when}, asked again`);
        if (truth !== false) assert.ok(mayHold(attributes), `${when}: mayHold`);
        if (truth === true) held++;
      }
    }),
    { numRuns: 3000 },
  );
  assert.ok(held > 500, `${held} held`);
});
