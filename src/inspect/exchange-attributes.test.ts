import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRequestHead, type RequestHead } from '../http/head.ts';
import { type AttributeType, attributeTable, type ContentAttributes } from './attributes.ts';
import { attributesOf } from './exchange-attributes.ts';
import { compilePredicate } from './predicate.ts';
import { requestInfo } from './request-info.ts';

const wire = 'GET /api/v1/pods HTTP/1.1\r\nHost: k\r\n\r\n';
const limits = { bytes: 1_000, fields: 10 };
const head = parseRequestHead(Buffer.from(wire), 0, limits, undefined) as RequestHead;
const info = requestInfo('GET', '/api/v1/pods');
assert.ok(typeof info === 'object');
const caller = { identity: { method: 'none' }, sourceAddress: '192.0.2.7' } as const;
const content: ContentAttributes = {
  object: {},
  objects: [],
  pods: [],
  patch: { type: 'json', operations: [], copies: true },
  body: { format: 'json', bytes: 2n, aliases: true, unknownFields: true },
};
const attributes = (readHead: () => RequestHead) =>
  attributesOf(info, readHead, Number.POSITIVE_INFINITY, caller, undefined, 200, 'switched', content);

/** Never true, and nothing that is answered without the evaluator. */
const impossible: Readonly<Record<AttributeType, (name: string) => string>> = {
  string: (name) => `size(${name}) < 0`,
  bool: (name) => `string(${name}) == ""`,
  int: (name) => `string(${name}) == ""`,
  'list<string>': (name) => `size(${name}) < 0`,
  'map<string, list<string>>': (name) => `size(${name}) < 0`,
  dyn: (name) => `${name} == "never"`,
  'list<dyn>': (name) => `size(${name}) < 0`,
  'list<operation>': (name) => `size(${name}) < 0`,
};
for (const { name, type, phases } of attributeTable) {
  test(`the evaluator reads ${name}`, () => {
    const predicate = compilePredicate(impossible[type](name), phases[0], 'here');
    assert.equal(predicate.test(attributes(() => head)), false);
  });
}

test('the evaluator reads nothing but what it is asked for', () => {
  const { test: holds } = compilePredicate('size(request.groups) == 0', 'request', 'here');
  assert.equal(holds(attributes(() => assert.fail('the head was read'))), true);
});

test('a media type is read as the server reads it, whatever spaces stand around it', () => {
  const types: readonly [string, string][] = [
    ['application/yaml', 'application/yaml'],
    ['Application/YAML ; charset=utf-8', 'application/yaml'],
    ['application/yaml\u00a0', 'application/yaml'],
    ['application/yaml\u0085', 'application/yaml'],
    ['\u2003application/yaml;a=b', 'application/yaml'],
    ['application/json, application/yaml', 'application/json, application/yaml'],
    ['', ''],
  ];
  for (const [sent, read] of types) {
    const text = `POST /api/v1/pods HTTP/1.1\r\nHost: k\r\nContent-Type: ${sent}\r\nContent-Length: 0\r\n\r\n`;
    const typed = parseRequestHead(Buffer.from(text), 0, limits, undefined) as RequestHead;
    assert.equal(attributes(() => typed).request.contentType, read, JSON.stringify(sent));
  }
});
