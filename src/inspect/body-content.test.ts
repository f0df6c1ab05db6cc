import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRequestHead, type RequestHead } from '../http/head.ts';
import { defaultBodyLimits } from './body/types.ts';
import { decodeRequest, isUndecodable } from './body-content.ts';
import { type RequestInfo, requestInfo } from './request-info.ts';

function decoded(body: object): ReturnType<typeof decodeRequest> {
  const text = 'POST /api/v1/pods HTTP/1.1\r\nHost: k\r\nContent-Type: application/json\r\n\r\n';
  const head = parseRequestHead(Buffer.from(text), 0, { bytes: 9_999, fields: 9 }, undefined) as RequestHead;
  const info = requestInfo(head.method, head.target) as RequestInfo;
  return decodeRequest(info, head, Buffer.from(JSON.stringify(body)));
}

const { maxObjects, maxExpanded } = defaultBodyLimits;
const list = (count: number, item: object) => ({
  kind: 'List',
  items: Array.from({ length: count }, () => item),
});
const repeating = (count: number) => {
  const env = [{ name: 'A', value: 'x'.repeat(maxExpanded / 64) }];
  return { kind: 'Pod', spec: { containers: [{ env, args: ['$(A)'.repeat(count)] }] } };
};
const template = { metadata: {}, template: { metadata: {}, spec: {} } };

const bodies: readonly (readonly [what: string, body: object, refused: boolean])[] = [
  ['a pod', { kind: 'Pod', spec: {} }, false],
  ['as many objects as there may be, the list itself being one', list(maxObjects - 1, { spec: {} }), false],
  ['one more', list(maxObjects, { spec: {} }), true],
  ['lists in lists', list(2, list(maxObjects / 2 + 1, {})), true],
  ['fewer objects of two pods each', list(maxObjects / 2, template), false],
  ['more pods than there may be', list(maxObjects / 2 + 1, template), true],
  ['variables that come to as much as they may', repeating(64), false],
  ['variables that come to more', repeating(65), true],
  ['a long list that is no List', { kind: 'Pod', spec: { containers: list(9_999, {}).items } }, false],
];
for (const [what, body, refused] of bodies) {
  test(`${what}: ${refused ? 'refused' : 'read'}`, () => {
    const content = decoded(body);
    assert.equal(isUndecodable(content) && content.code, refused && 'body-too-large-decoded');
  });
}
