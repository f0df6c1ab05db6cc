import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeBody } from './decode.ts';
import { type BodyInput, type DecodedBody, defaultBodyLimits } from './types.ts';

const pods = {
  contentType: 'application/json',
  contentEncoding: '',
  verb: 'create',
  group: '',
  version: 'v1',
  resource: 'pods',
  subresource: '',
};

function decode(body: string | Uint8Array, more: Partial<BodyInput> = {}): DecodedBody {
  return decodeBody({ ...pods, bytes: Buffer.from(body), ...more }, defaultBodyLimits);
}

test('a JSON object', () => {
  assert.deepEqual(decode('{"kind":"Pod"}'), {
    kind: 'object',
    format: 'json',
    value: { kind: 'Pod' },
    usesAliases: false,
    unknownFields: false,
  });
});

test('merge and strategic patches are kept as they are', () => {
  const body = '{"spec":{"volumes":[{"$patch":"delete","name":"a"}],"$setElementOrder/volumes":[]}}';
  for (const patch of ['merge', 'strategic']) {
    const contentType = `application/${patch === 'merge' ? 'merge-patch' : 'strategic-merge-patch'}+json`;
    const decoded = decode(body, { verb: 'patch', contentType });
    assert.ok(decoded.kind === 'patch');
    assert.equal(decoded.patch, patch);
    assert.deepEqual(decoded.value, JSON.parse(body));
  }
});

test('a delete needs no body, anything else does', () => {
  assert.equal(decode('', { verb: 'delete' }).kind, 'object');
  assert.equal(decode('', { verb: 'deletecollection', contentType: '' }).kind, 'object');
  assert.equal(decode('').kind, 'undecodable');
  assert.equal(decode('', { verb: 'update' }).kind, 'undecodable');
});

const undecodable: readonly [string, string, Partial<BodyInput>, string][] = [
  ['gzip', '{}', { contentEncoding: 'gzip' }, 'body-encoding'],
  ['plain text', '{}', { contentType: 'text/plain' }, 'body-media-type'],
  ['a list', '[]', {}, 'body-syntax'],
  ['null', 'null', {}, 'body-syntax'],
  ['a string', '"x"', {}, 'body-syntax'],
  [
    'a merge patch that is a list',
    '[]',
    { verb: 'patch', contentType: 'application/merge-patch+json' },
    'body-syntax',
  ],
  ['a key twice', '{"a":1,"a":1}', {}, 'body-ambiguous'],
];
for (const [name, body, more, code] of undecodable) {
  test(`undecodable: ${name}`, () => {
    const decoded = decode(body, more);
    assert.ok(decoded.kind === 'undecodable');
    assert.equal(decoded.code, code);
  });
}

test('a JSON patch: operations, and what they write', () => {
  const ops = [
    { op: 'add', path: '/spec/volumes/-', value: { gitRepo: {} } },
    { op: 'copy', from: '/a', path: '/b' },
  ];
  const decoded = decode(JSON.stringify(ops), { verb: 'patch', contentType: 'application/json-patch+json' });
  assert.ok(decoded.kind === 'patch');
  assert.deepEqual(decoded.operations, ops);
  assert.deepEqual(decoded.value, { spec: { volumes: [{ gitRepo: {} }] }, b: {} });
  assert.ok(decoded.copies);
});

test('protobuf', () => {
  const text = 'k8s\0\n\t\n\u0002v1\u0012\u0003Pod\u0012\u0007\u0012\u0005R\u0003foo';
  const decoded = decode(Buffer.from(text, 'latin1'), { contentType: 'application/vnd.kubernetes.protobuf' });
  assert.ok(decoded.kind === 'object');
  assert.equal(decoded.format, 'protobuf');
  assert.deepEqual(decoded.value, { apiVersion: 'v1', kind: 'Pod', spec: { nodeName: 'foo' } });
});
