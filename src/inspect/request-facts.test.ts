import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultHeadLimits, parseRequestHead } from '../http/head.ts';
import { requestFacts } from './request-facts.ts';
import { requestInfo } from './request-info.ts';

function factsOf(requestLine: string, lines: readonly string[] = []) {
  const text = [requestLine, 'Host: k', ...lines, '', ''].join('\r\n');
  const head = parseRequestHead(Buffer.from(text, 'latin1'), 0, defaultHeadLimits);
  assert.equal(head.kind, 'request');
  if (head.kind !== 'request') throw new Error('unreachable');
  const info = requestInfo(head.method, head.target);
  return requestFacts(typeof info === 'string' ? undefined : info, head);
}

const lines: readonly [string, string][] = [
  ['GET /api/v1/pods?watch=1&timeoutSeconds=5 HTTP/1.1', 'GET /api/v1/pods?watch&timeoutSeconds'],
  ['GET /api/v1/pods?watch HTTP/1.1', 'GET /api/v1/pods?watch'],
  ['GET /x?token=abc HTTP/1.1', 'GET /x?token'],
  // A nameless parameter is a value: it can be a whole token.
  ['GET /x?eyJhbGciOiJSUzI1NiJ9.e30.c2ln HTTP/1.1', 'GET /x??'],
  ['GET /x?S3cr3t HTTP/1.1', 'GET /x??'],
  // What follows a semicolon is, to newer servers, part of the value.
  ['GET /x?token=abc;def&b=c HTTP/1.1', 'GET /x?token&b'],
  ['GET /x?token;abc=def HTTP/1.1', 'GET /x?token'],
  ['GET /x/eyJhbGciOiJ.eyJpc3MiOiJr.c2ln/y HTTP/1.1', `GET /x/${'*'.repeat(29)}/y`],
  ['GET /caf%C2%9B31m%E2%80%AEx HTTP/1.1', 'GET /caf?31m?x'],
];
for (const [request, expected] of lines) {
  test(`the line of ${request}`, () => assert.equal(factsOf(request).requestLine, expected));
}

test('values of Connection and Upgrade hold nothing that a terminal obeys', () => {
  const facts = factsOf('GET / HTTP/1.1', ['Connection: upgrade,\t\x9b31mred\x85', 'Upgrade: \xe9\x90']);
  assert.equal(facts.connection, 'upgrade,??31mred?');
  assert.equal(facts.upgrade, '\xe9?');
});

test('facts are small, however large the head', () => {
  const many = Array.from({ length: 180 }, (_, index) => `${'n'.repeat(300)}${index}: v`);
  const facts = factsOf(`${'M'.repeat(2000)} /${'p'.repeat(4000)}?${'q'.repeat(3000)}=1 HTTP/1.1`, many);
  assert.equal(facts.headerNames.length, 64);
  assert.ok(facts.headerNames.every((name) => name.length <= 64));
  assert.ok(JSON.stringify(facts).length < 8_192);
});
