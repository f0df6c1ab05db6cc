import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkContentEncoding, readMediaType } from './media-type.ts';
import { BodyError } from './problems.ts';

const read: readonly [string, string, string][] = [
  ['create', '', 'json'],
  ['create', 'application/json', 'json'],
  ['update', 'application/json; charset=utf-8', 'json'],
  ['update', 'application/json;charset="UTF-8";', 'json'],
  ['create', 'Application/JSON', 'json'],
  ['create', ' application/yaml ; a=b', 'yaml'],
  ['create', 'application/vnd.kubernetes.protobuf;type=watch', 'protobuf'],
  ['deletecollection', 'application/cbor', 'cbor'],
  ['patch', 'application/json-patch+json', 'json json'],
  ['patch', 'application/merge-patch+json; charset=utf-8', 'json merge'],
  ['patch', 'application/strategic-merge-patch+json', 'json strategic'],
  ['patch', 'application/apply-patch+yaml', 'yaml apply'],
  ['patch', 'application/apply-patch+cbor', 'cbor apply'],
];
for (const [verb, contentType, expected] of read) {
  test(`${verb} with ${contentType || 'no type'}`, () => {
    const { format, patch } = readMediaType({ verb, contentType });
    assert.equal(patch ? `${format} ${patch}` : format, expected);
  });
}

const refused: readonly [string, string][] = [
  ['create', 'text/plain'],
  ['create', 'application/x-www-form-urlencoded'],
  ['create', 'application/merge-patch+json'],
  ['create', 'application/json-seq'],
  ['create', 'application/cbor-seq'],
  ['create', 'application/json, application/yaml'],
  ['create', 'application/json; a="x, application/yaml"'],
  ['create', 'application/json; charset=utf-16'],
  ['create', 'application/json; CHARSET=utf-7'],
  ['create', 'application/json; charset=utf-8; charset=utf-16'],
  ['create', 'application/json; charset*=utf-16'],
  ['create', 'application/json x'],
  ['create', 'application/json; a'],
  ['create', 'json'],
  ['create', '__proto__'],
  ['create', '   '],
  ['create', 'application/\u212ason'],
  ['patch', ''],
  ['patch', 'application/json'],
  ['patch', 'application/yaml'],
  ['patch', 'Application/Merge-Patch+JSON'],
  ['patch', 'application/merge-patch+json,application/json-patch+json'],
];
for (const [verb, contentType] of refused) {
  test(`${verb} refused with ${contentType || 'no type'}`, () => {
    assert.throws(
      () => readMediaType({ verb, contentType }),
      (error) => error instanceof BodyError && error.code === 'body-media-type',
    );
  });
}

test('Content-Encoding: identity only', () => {
  for (const value of ['', 'identity', ' Identity ']) checkContentEncoding(value);
  for (const value of ['gzip', 'identity, gzip', 'deflate', 'x', 'br']) {
    assert.throws(() => checkContentEncoding(value), BodyError);
  }
});
