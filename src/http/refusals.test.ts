// Each refusal fires on its case and leaves the nearest innocent neighbour alone; every code has a case.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type RefusalCode, refusals } from './refusals.ts';
import { replay, type Side } from './testing/replay.ts';

type Case = { readonly code: RefusalCode; readonly bad: string; readonly good: string; readonly side: Side };

const asRequest: Side = { kind: 'request' };
const asAnswer: Side = { kind: 'response', method: 'GET' };

function line(code: RefusalCode, bad: string, good = 'GET / HTTP/1.1'): Case {
  const rest = '\r\nHost: a\r\n\r\n';
  return { code, bad: bad + rest, good: good + rest, side: asRequest };
}
function fields(code: RefusalCode, bad: string, good: string, verb = 'GET'): Case {
  const lay = (lines: string) => `${verb} / HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\n`;
  return { code, bad: lay(bad), good: lay(good), side: asRequest };
}
function bare(code: RefusalCode, bad: string, good: string): Case {
  return { code, bad, good, side: asRequest };
}
function answer(code: RefusalCode, bad: string, good: string): Case {
  return { code, bad, good, side: asAnswer };
}
function chunks(code: RefusalCode, bad: string, good: string): Case {
  const head = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
  return { code, bad: head + bad, good: head + good, side: asRequest };
}
const many = (count: number, name = 'X') => Array.from({ length: count }, () => `${name}: 1\r\n`).join('');

const cases: readonly Case[] = [
  bare('leading-blank-line', '\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
  line('request-line-space', 'GET  / HTTP/1.1'),
  line('request-line-space', 'GET /  HTTP/1.1'),
  line('request-line-space', 'GET / HTTP/1.1 '),
  line('request-line-space', ' GET / HTTP/1.1'),
  line('request-line-space', 'GET\t/ HTTP/1.1'),
  line('request-line-space', 'GET /\tHTTP/1.1'),
  line('request-line-space', 'GET / HTTP/1.1\t'),
  line('bad-version', 'GET /a b HTTP/1.1', 'GET /a%20b HTTP/1.1'),
  line('short-request-line', 'GET /'),
  line('short-request-line', 'GET'),
  line('method-not-token', 'GE(T / HTTP/1.1', "GE'T / HTTP/1.1"),
  line('method-not-token', 'GET\xa0/ HTTP/1.1'),
  line('connect-refused', 'CONNECT a:443 HTTP/1.1', 'CONNECTS / HTTP/1.1'),
  line('target-too-long', `GET /${'a'.repeat(65_536)} HTTP/1.1`, `GET /${'a'.repeat(65_500)} HTTP/1.1`),
  line('target-not-ascii', 'GET /caf\xc3\xa9 HTTP/1.1', 'GET /caf%C3%A9 HTTP/1.1'),
  line('target-fragment', 'GET /a#b HTTP/1.1', 'GET /a%23b HTTP/1.1'),
  line('target-fragment', 'GET /?a#b HTTP/1.1', 'GET /?a HTTP/1.1'),
  line('target-backslash', 'GET /a\\b HTTP/1.1', 'GET /a?\\b HTTP/1.1'),
  line('absolute-form', 'GET http://a/ HTTP/1.1', 'GET /http://a/ HTTP/1.1'),
  line('absolute-form', 'OPTIONS http://a HTTP/1.1', 'OPTIONS * HTTP/1.1'),
  line('authority-form', 'GET a:443 HTTP/1.1', 'GET /a:443 HTTP/1.1'),
  line('authority-form', 'GET ?watch HTTP/1.1', 'GET /?watch HTTP/1.1'),
  line('asterisk-form', 'GET * HTTP/1.1', 'OPTIONS * HTTP/1.1'),
  line('asterisk-form', 'OPTIONS *a HTTP/1.1', 'OPTIONS /*a HTTP/1.1'),
  line('asterisk-form', 'PRI * HTTP/2.0'),
  line('bad-version', 'GET / http/1.1'),
  line('bad-version', 'GET / HTTP/1.1x'),
  line('bad-version', 'GET / HTTP/1.10'),
  line('bad-version', 'GET / HTTP/1.'),
  line('unknown-version', 'GET / HTTP/1.2'),
  line('unknown-version', 'GET / HTTP/2.0'),
  line('unknown-version', 'GET / HTTP/0.9'),
  answer('bad-status-line', 'HTTP/1.1  200 OK\r\n\r\n', 'HTTP/1.1 200  OK\r\n\r\n'),
  answer('bad-status-line', 'HTTP/1.1 20 OK\r\n\r\n', 'HTTP/1.1 200 \r\n\r\n'),
  answer('bad-status-line', 'HTTP/1.1 2000\r\n\r\n', 'HTTP/1.1 200\r\n\r\n'),
  answer('bad-status-line', 'HTTP/1.1\r\n\r\n', 'HTTP/1.0 403 Forbidden\r\n\r\n'),
  answer('bad-version', 'HTTQ/1.1 200 OK\r\n\r\n', 'HTTP/1.1 200 OK\r\n\r\n'),
  answer('unknown-version', 'HTTP/3.1 200 OK\r\n\r\n', 'HTTP/1.1 200 OK\r\n\r\n'),
  answer('bad-status', 'HTTP/1.1 099 OK\r\n\r\n', 'HTTP/1.1 999 OK\r\n\r\n'),
  fields('bare-cr', 'A: b\rc', 'A: bc'),
  fields('bare-cr', 'A: b\r\r', 'A: b'),
  fields('bare-cr', '\rA: b', 'A: b'),
  line('bare-cr', 'GET /\r HTTP/1.1'),
  line('bare-cr', 'GET / HTTP/1.1\r'),
  answer('bare-cr', 'HTTP/1.1 200 O\rK\r\n\r\n', 'HTTP/1.1 200 O K\r\n\r\n'),
  fields('bare-lf', 'A: b\nC: d', 'A: b\r\nC: d'),
  fields('bare-lf', 'A: b\n', 'A: b'),
  bare('bare-lf', 'GET / HTTP/1.1\nHost: a\n\n', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
  bare('bare-lf', 'GET / HTTP/1.1\r\nHost: a\r\n\n', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
  bare('bare-lf', '\nGET / HTTP/1.1\r\nHost: a\r\n\r\n', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
  answer('bare-lf', 'HTTP/1.1 200\nA: b\r\n\r\n', 'HTTP/1.1 200\r\nA: b\r\n\r\n'),
  fields('control-byte', 'A: b\0', 'A: b\t'),
  fields('control-byte', 'A: \x7f', 'A: \xff'),
  fields('control-byte', 'A\0: b', 'A: b'),
  fields('control-byte', '\0A: b', 'A: b'),
  line('control-byte', 'G\x01ET / HTTP/1.1'),
  line('control-byte', 'GET /\x1f HTTP/1.1'),
  line('control-byte', 'GET /\x7f HTTP/1.1'),
  answer('control-byte', 'HTTP/1.1 200 O\x0bK\r\n\r\n', 'HTTP/1.1 200 O\tK\r\n\r\n'),
  fields('obs-fold', 'A: b\r\n c', 'A: b\r\nc:'),
  fields('obs-fold', 'A: b\r\n\tc: d', 'A: b\r\nc:\td'),
  bare('obs-fold', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
  fields('empty-name', ': b', 'A:'),
  fields('space-before-colon', 'A : b', 'A: : b'),
  fields('space-before-colon', 'A\t: b', 'A:\t: b'),
  fields('space-before-colon', 'A b: c', 'A-b: c'),
  fields('name-not-token', 'A(b): c', "A'b': c"),
  fields('name-not-token', 'A\xe9: c', 'A: \xe9'),
  fields('name-not-token', '@A: c', 'A: @c'),
  fields('missing-colon', 'A', 'A:'),
  fields('head-too-large', `A: ${'b'.repeat(65_536)}`, `A: ${'b'.repeat(65_500)}`),
  fields('head-too-large', `${'A'.repeat(65_536)}: b`, `${'A'.repeat(65_500)}: b`),
  answer(
    'head-too-large',
    `HTTP/1.1 200 ${'a'.repeat(65_536)}\r\n\r\n`,
    `HTTP/1.1 200 ${'a'.repeat(65_500)}\r\n\r\n`,
  ),
  fields('too-many-fields', `${many(199)}X: 1`, `${many(198)}X: 1`),
  fields('framing-space', 'Transfer-Encoding: chunked\t', 'A: chunked\t'),
  fields('framing-space', 'Transfer-Encoding:\tchunked', 'Transfer-Encoding:chunked'),
  fields('framing-space', 'Content-Length:  0', 'Content-Length: 0'),
  fields('framing-space', 'Content-Length: 0 ', 'Content-Length: 0'),
  fields('repeated-length', 'Content-Length: 0\r\nContent-Length: 0', 'Content-Length: 0'),
  fields(
    'repeated-length',
    'Content-Length: 0\r\ncontent-length: 1',
    'Content-Length: 0\r\ncontent_length: 1',
  ),
  fields('length-list', 'Content-Length: 0, 0', 'Content-Length: 0'),
  fields('length-list', 'Content-Length: 0,', 'Content-Length: 0'),
  ...['', '+5', '-5', '5.', '0x5', '05', '5 5', '5_0', '\xb2'].map((value) =>
    fields('bad-length', `Content-Length: ${value}`, 'Content-Length: 5'),
  ),
  fields('length-too-large', 'Content-Length: 1000000000000000', 'Content-Length: 999999999999999'),
  fields(
    'repeated-encoding',
    many(2, 'Transfer-Encoding').replaceAll('1', 'chunked').slice(0, -2),
    'TE: chunked',
  ),
  ...[
    '',
    'identity',
    'gzip',
    'gzip, chunked',
    'chunked, chunked',
    'chunked,',
    'xchunked',
    'chunked;a=b',
    '"chunked"',
  ].map((value) => fields('bad-encoding', `Transfer-Encoding: ${value}`, 'Transfer-Encoding: CHUNKED')),
  answer(
    'bad-encoding',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTE: gzip\r\n\r\n',
  ),
  fields(
    'length-and-encoding',
    'Content-Length: 0\r\nTransfer-Encoding: chunked',
    'Transfer-Encoding: chunked',
  ),
  answer(
    'length-and-encoding',
    'HTTP/1.1 304 \r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 304 \r\nContent-Length: 9\r\n\r\n',
  ),
  bare(
    'encoding-in-http10',
    'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\n0',
  ),
  answer(
    'encoding-in-http10',
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.0 200 OK\r\n\r\n',
  ),
  answer(
    'bodyless-status',
    'HTTP/1.1 204 \r\nContent-Length: 1\r\n\r\n',
    'HTTP/1.1 204 \r\nContent-Length: 0\r\n\r\n',
  ),
  answer('bodyless-status', 'HTTP/1.1 100 \r\nTransfer-Encoding: chunked\r\n\r\n', 'HTTP/1.1 100 \r\n\r\n'),
  answer('bodyless-status', 'HTTP/1.1 101 \r\nContent-Length: 5\r\n\r\n', 'HTTP/1.1 101 \r\n\r\n'),
  bare('host-missing', 'GET / HTTP/1.1\r\nHosts: a\r\n\r\n', 'GET / HTTP/1.0\r\nHosts: a\r\n\r\n'),
  fields('host-repeated', 'HOST: a', 'HOST-: a'),
  bare('host-repeated', 'GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n', 'GET / HTTP/1.0\r\nHost: a\r\n\r\n'),
  ...[
    '',
    'a b',
    'a,b',
    'a/b',
    'u@a',
    'a:',
    'a:b',
    'a:123456',
    '[::1',
    '::1',
    '[::1]x',
    '[g]',
    'a%20',
    'a?',
    'é',
  ].map((host) =>
    bare(
      'bad-host',
      `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
      'GET / HTTP/1.1\r\nHost: a-b.c_d:65535\r\n\r\n',
    ),
  ),
  bare(
    'bad-host',
    'GET / HTTP/1.0\r\nHost: a b\r\n\r\n',
    'GET / HTTP/1.0\r\nHost: [2001:db8::1]:6443\r\n\r\n',
  ),
  fields('unknown-expectation', 'Expect: 200-ok', 'Expect: 100-Continue'),
  fields('unknown-expectation', 'Expect:', 'Expected:'),
  fields('unknown-expectation', 'Expect: 100-continue\r\nExpect: 100-continue', 'Expect: 100-continue'),
  chunks('bad-chunk-size', '\r\n', '0\r\n\r\n'),
  chunks('bad-chunk-size', '0x1\r\na\r\n0\r\n\r\n', '01\r\na\r\n0\r\n\r\n'),
  chunks('bad-chunk-size', '1 \r\na\r\n0\r\n\r\n', '1\r\na\r\n0\r\n\r\n'),
  chunks('bad-chunk-size', ' 1\r\na\r\n0\r\n\r\n', '1\r\na\r\n0\r\n\r\n'),
  chunks('bad-chunk-size', '-1\r\na\r\n0\r\n\r\n', 'a\r\n0123456789\r\n0\r\n\r\n'),
  chunks('bad-chunk-size', 'g\r\na\r\n0\r\n\r\n', 'F\r\n0123456789abcde\r\n0\r\n\r\n'),
  chunks('chunk-size-too-long', '000000001\r\na\r\n0\r\n\r\n', '00000001\r\na\r\n0\r\n\r\n'),
  chunks('chunk-extension', '1;a=b\r\na\r\n0\r\n\r\n', '1\r\n;\r\n0\r\n\r\n'),
  chunks('chunk-extension', '0;\r\n\r\n', '0\r\n\r\n'),
  chunks('chunk-overrun', '1\r\nab\r\n0\r\n\r\n', '2\r\nab\r\n0\r\n\r\n'),
  chunks('chunk-overrun', '3\r\na\r\n0\r\n\r\n', '3\r\na\r\n\r\n0\r\n\r\n'),
  chunks('bare-lf', '1\na\r\n0\r\n\r\n', '1\r\n\n\r\n0\r\n\r\n'),
  chunks('bare-lf', '1\r\na\n0\r\n\r\n', '1\r\na\r\n0\r\n\r\n'),
  chunks('bare-lf', '\n0\r\n\r\n', '0\r\n\r\n'),
  chunks('bare-lf', '0\r\n\n', '0\r\n\r\n'),
  chunks('bare-cr', '1\rxa\r\n0\r\n\r\n', '1\r\na\r\n0\r\n\r\n'),
  chunks('bare-cr', '1\r\na\rx0\r\n\r\n', '1\r\na\r\n0\r\n\r\n'),
  chunks('obs-fold', '0\r\nA: b\r\n c\r\n\r\n', '0\r\nA: b\r\nc:\r\n\r\n'),
  chunks(
    'trailers-too-large',
    `0\r\nA: ${'b'.repeat(8_192)}\r\n\r\n`,
    `0\r\nA: ${'b'.repeat(8_180)}\r\n\r\n`,
  ),
  chunks('too-many-fields', `0\r\n${many(33)}\r\n`, `0\r\n${many(32)}\r\n`),
  ...[
    'Content-Length: 0',
    'transfer-encoding: chunked',
    'HOST: b',
    'Connection: upgrade',
    'Authorization: x',
  ].map((each) =>
    chunks('forbidden-trailer', `0\r\nA: b\r\n${each}\r\n\r\n`, `0\r\nA: b\r\nX-${each}\r\n\r\n`),
  ),
];

for (const { code, bad, good, side } of cases) {
  const shown = JSON.stringify(bad.length > 80 ? `${bad.slice(0, 60)}… (${bad.length} bytes)` : bad);
  test(`${code}: ${shown}`, () => {
    assert.equal(replay([Buffer.from(bad, 'latin1')], side).refused?.code, code);
    const { refused, messages } = replay([Buffer.from(good, 'latin1')], side);
    assert.deepEqual({ refused, count: messages.length }, { refused: undefined, count: 1 });
  });
}

test('every code has a case, a sentence and a status', () => {
  const covered = new Set(cases.map(({ code }) => code));
  // Those of HTTP/2 need a connection: the judge's test has them.
  const judged = readFileSync(join(import.meta.dirname, '../inspect/h2/connection.test.ts'), 'utf8');
  for (const [code, { sentence, status }] of Object.entries(refusals)) {
    const told = code.startsWith('h2-') ? judged.includes(`'${code}'`) : covered.has(code as RefusalCode);
    assert.ok(told, `${code} has no case`);
    assert.match(sentence, /^[A-Z].*\.$/);
    assert.ok(status >= 400 && status < 600);
  }
});
