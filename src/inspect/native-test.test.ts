import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Environment } from '@marcbachmann/cel-js';
import fc from 'fast-check';
import type { Attributes } from './attributes.ts';
import { noHeaders } from './attributes.ts';
import { compilePredicate } from './predicate.ts';

const words = ['', 'get', 'list', 'pods', 'nodes', 'exec', '/api', '/api/v1/pods', '/exec/x'];

const attributes: fc.Arbitrary<Attributes> = fc
  .record({
    verb: fc.constantFrom(...words),
    resource: fc.constantFrom(...words),
    path: fc.constantFrom(...words),
    subresource: fc.constantFrom('', 'exec', 'log'),
    authMethod: fc.constantFrom('none' as const, 'bearer' as const),
    upgrade: fc.boolean(),
    isResource: fc.boolean(),
    status: fc.constantFrom(0n, 101n, 200n, 302n, 400n),
    groups: fc.array(fc.constantFrom('a', 'b')),
    event: fc.constantFrom('early-bytes' as const, 'switched' as const),
  })
  .map((some) => ({
    request: {
      method: 'GET',
      path: some.path,
      proxyPath: '',
      verb: some.verb,
      isResource: some.isResource,
      group: '',
      version: 'v1',
      namespace: '',
      resource: some.resource,
      subresource: some.subresource,
      name: '',
      watch: false,
      queryNames: [],
      groupResource: some.resource,
      fieldSelector: '',
      continueStart: '',
      upgrade: some.upgrade,
      upgradeProtocols: [],
      contentType: '',
      contentLength: 0n,
      query: noHeaders,
      headers: noHeaders,
      user: '',
      groups: some.groups,
      authMethod: some.authMethod,
      serviceAccount: '',
      source: '',
      sourceTags: [],
    },
    response: { status: some.status, headers: noHeaders },
    upgrade: { event: some.event },
  }));

const text = fc.constantFrom('request.verb', 'request.resource', 'request.path');
const literal = fc.constantFrom(...words).map((word) => JSON.stringify(word));
const expression = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    fc.tuple(text, fc.constantFrom('==', '!=', '<', '>='), literal).map((parts) => parts.join(' ')),
    fc.tuple(text, fc.array(literal, { maxLength: 3 })).map(([name, list]) => `${name} in [${list.join()}]`),
    fc
      .tuple(text, fc.constantFrom('startsWith', 'endsWith', 'contains'), literal)
      .map(([name, method, value]) => `${name}.${method}(${value})`),
    fc
      .tuple(text, fc.constantFrom('^/(exec|api)(/|$)', 'e', '^$'))
      .map(([name, p]) => `${name}.matches('${p}')`),
    fc
      .tuple(fc.constantFrom('==', '!=', '<', '<=', '>', '>='), fc.constantFrom('101', '200', '-1'))
      .map(([op, value]) => `response.status ${op} ${value}`),
    fc.constantFrom(
      'request.upgrade',
      'request.isResource',
      '"a" in request.groups',
      'upgrade.event == "switched"',
    ),
    fc.constantFrom(
      'request.authMethod == "none"',
      'request.authMethod != "none"',
      'request.subresource in ["exec", "log"]',
      'request.upgrade == true',
      'request.isResource != false',
      'request.groups.exists(g, g == "b")',
    ),
    tie('node').map((inner) => `!(${inner})`),
    fc.tuple(tie('node'), fc.constantFrom('&&', '||'), tie('node')).map(([a, op, b]) => `(${a} ${op} ${b})`),
  ),
})).node;

test('the native tests answer what the CEL evaluator answers, and the index never hides a rule that fires', () => {
  const plain = new Environment({ unlistedVariablesAreDyn: true });
  fc.assert(
    fc.property(expression, attributes, (when, values) => {
      const predicate = compilePredicate(when, 'upgrade', 'rule');
      const truth: unknown = plain.parse(when)(values);
      assert.equal(predicate.test(values), truth, when);
      if (truth !== true) return;
      assert.ok(predicate.mayAnswer(Number(values.response.status)), `${when}: status`);
      for (const [name, value] of [
        ['request.verb', values.request.verb],
        ['request.resource', values.request.resource],
        ['request.subresource', values.request.subresource],
        ['request.authMethod', values.request.authMethod],
        ['request.upgrade', String(values.request.upgrade)],
        ['request.isResource', String(values.request.isResource)],
        ['upgrade.event', values.upgrade.event],
      ] as const) {
        assert.ok(predicate.possible(name)?.has(value) ?? true, `${when}: ${name}=${value}`);
      }
    }),
    { numRuns: 3000 },
  );
});
