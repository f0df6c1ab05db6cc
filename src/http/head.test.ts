// What the fields of a head are taken to mean.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createHeadProgress,
  defaultHeadLimits,
  parseRequestHead,
  parseResponseHead,
  type RequestHead,
  type ResponseHead,
} from './head.ts';

function request(lines: string, version = '1.1', verb = 'GET'): RequestHead {
  const bytes = Buffer.from(`${verb} / HTTP/${version}\r\nHost: a\r\n${lines}\r\n`, 'latin1');
  const head = parseRequestHead(bytes, 0, defaultHeadLimits);
  assert.ok(head.kind === 'request', JSON.stringify(head));
  return head;
}
function response(startLine: string, lines = '', method = 'GET'): ResponseHead {
  const head = parseResponseHead(Buffer.from(`${startLine}\r\n${lines}\r\n`), 0, defaultHeadLimits, method);
  assert.ok(head.kind === 'response', JSON.stringify(head));
  return head;
}

test('offsets are within the bytes given, wherever the head begins', () => {
  const text = 'xxxPOST /a?b HTTP/1.1\r\nHost: a\r\nX-Remote-User:  eve \r\nE:\r\n\r\nbody';
  const bytes = Buffer.from(text);
  const head = parseRequestHead(bytes, 3, defaultHeadLimits);
  assert.ok(head.kind === 'request');
  const { fields } = head;
  assert.equal(text.slice(head.start, head.fieldsStart), 'POST /a?b HTTP/1.1\r\n');
  assert.equal(text.slice(head.end), 'body');
  assert.deepEqual([head.method, head.target, head.minor, fields.count], ['POST', '/a?b', 1, 3]);
  const lines = [0, 1, 2].map((index) => text.slice(fields.nameStart(index), fields.lineEnd(index)));
  assert.deepEqual(lines, ['Host: a\r\n', 'X-Remote-User:  eve \r\n', 'E:\r\n']);
  assert.deepEqual(
    [fields.nameText(1), fields.valueText(1), fields.valueText(2)],
    ['X-Remote-User', 'eve', ''],
  );
  assert.ok(fields.nameEquals(1, 'x-remote-user') && !fields.nameEquals(1, 'x-remote-use'));
  assert.ok(fields.nameStartsWith(1, 'x-remote-') && !fields.nameStartsWith(2, 'ex'));
  assert.deepEqual([fields.find('x-remote-user'), fields.find('host', 1), fields.find('nope')], [1, -1, -1]);
});

test('names that differ in more than letter case are different names', () => {
  const { fields } = request('X_Remote_User: a\r\nX^: b\r\nX-Remote-User\x7e: c\r\n');
  assert.equal(fields.find('x-remote-user'), -1);
  assert.equal(fields.find('x~'), -1);
});

const upgrades: readonly [lines: string, trigger: boolean][] = [
  ['Connection: Upgrade\r\nUpgrade: websocket\r\n', true],
  ['Connection: upgrade\r\n', true],
  ['CONNECTION: foo, UPGRADE\r\n', true],
  ['Connection: keep-alive\r\nConnection: uPgRaDe\r\n', true],
  ['Connection: notupgraded\r\n', true],
  ['Connection: "upgrade"\r\n', true],
  ['Connection: x upgrade;y\r\n', true],
  ['Connection: \xffupgrade\r\n', true],
  ['Upgrade: h2c\r\n', true],
  ['upgrade:\r\n', true],
  ['Connection: up grade\r\n', false],
  ['Connection: close\r\n', false],
  ['X-Connection: upgrade\r\n', false],
  ['Upgrade-Insecure-Requests: 1\r\n', false],
  ['', false],
];
for (const [lines, trigger] of upgrades) {
  test(`upgrade trigger ${trigger}: ${JSON.stringify(lines)}`, () => {
    assert.equal(request(lines).upgrade.trigger, trigger);
    assert.equal(request(lines, '1.0', 'POST').upgrade.trigger, trigger);
  });
}

test('connection values and options are kept as evidence', () => {
  const head = request('Connection: Foo ,, keep-alive\r\nUpgrade: SPDY/3.1\r\nconnection: \tUpgrade\r\n');
  assert.deepEqual(head.upgrade.connectionValues, ['Foo ,, keep-alive', 'Upgrade']);
  assert.deepEqual(head.upgrade.upgradeValues, ['SPDY/3.1']);
  assert.deepEqual(head.connectionOptions, ['foo', 'keep-alive', 'upgrade']);
});

test('keep-alive follows version and options', () => {
  assert.equal(request('').keepAlive, true);
  assert.equal(request('Connection: Close\r\n').keepAlive, false);
  assert.equal(request('Connection: closed\r\n').keepAlive, true);
  assert.equal(request('', '1.0').keepAlive, false);
  assert.equal(request('Connection: Keep-Alive\r\n', '1.0').keepAlive, true);
  assert.equal(request('Connection: keep-alive, close\r\n', '1.0').keepAlive, false);
  assert.equal(response('HTTP/1.1 200 OK', 'Content-Length: 0\r\n').keepAlive, true);
  assert.equal(response('HTTP/1.1 403 Forbidden').keepAlive, false);
});

test('expectation counts in HTTP/1.1 alone', () => {
  assert.equal(request('Expect: 100-Continue\r\n').expectContinue, true);
  assert.equal(request('Expect: 100-continue\r\n', '1.0').expectContinue, false);
  assert.equal(request('').expectContinue, false);
});

test('requests are framed by their fields, whatever the method', () => {
  assert.deepEqual(request('').framing, { kind: 'none' });
  assert.deepEqual(request('', '1.1', 'POST').framing, { kind: 'none' });
  assert.deepEqual(request('Content-Length: 0\r\n').framing, { kind: 'none' });
  assert.deepEqual(request('CONTENT-LENGTH:12\r\n').framing, { kind: 'length', length: 12 });
  assert.deepEqual(request('transfer-encoding: Chunked\r\n').framing, { kind: 'chunked' });
});

const length = 'Content-Length: 7\r\n';
const coded = 'Transfer-Encoding: chunked\r\n';
const answers: readonly [startLine: string, lines: string, method: string, framing: string][] = [
  ['HTTP/1.1 200 OK', length, 'GET', 'length'],
  ['HTTP/1.1 200 OK', coded, 'GET', 'chunked'],
  ['HTTP/1.1 200 OK', '', 'GET', 'until-close'],
  ['HTTP/1.1 200 OK', 'Content-Length: 0\r\n', 'GET', 'none'],
  ['HTTP/1.1 403 Forbidden', '', 'POST', 'until-close'],
  ['HTTP/1.0 500', length, 'GET', 'length'],
  ['HTTP/1.1 200 OK', length, 'HEAD', 'none'],
  ['HTTP/1.1 200 OK', coded, 'HEAD', 'none'],
  ['HTTP/1.1 200 OK', '', 'HEAD', 'none'],
  ['HTTP/1.1 200 OK', length, 'head', 'length'],
  ['HTTP/1.1 304 Not Modified', length, 'GET', 'none'],
  ['HTTP/1.1 304 Not Modified', '', 'GET', 'none'],
  ['HTTP/1.1 204 No Content', '', 'GET', 'none'],
  ['HTTP/1.1 205 Reset Content', '', 'GET', 'until-close'],
  ['HTTP/1.1 100 Continue', '', 'POST', 'none'],
  ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade\r\n', 'GET', 'none'],
];
for (const [startLine, lines, method, framing] of answers) {
  test(`${framing} frames ${startLine} ${JSON.stringify(lines)} to ${method}`, () => {
    assert.equal(response(startLine, lines, method).framing.kind, framing);
  });
}

test('a reason may be missing, empty or odd', () => {
  assert.deepEqual([response('HTTP/1.1 403').status, response('HTTP/1.1 403').reason], [403, '']);
  assert.equal(response('HTTP/1.1 403 ').reason, '');
  assert.equal(response('HTTP/1.1 403 status code 403').reason, 'status code 403');
});

test('the head may move between calls, and its progress serves the next one', () => {
  const text = 'GET /one HTTP/1.1\r\nHost: a\r\n\r\n';
  const progress = createHeadProgress();
  for (let round = 0; round < 2; round++) {
    for (let length = 1; length < text.length; length++) {
      const moved = Buffer.from('-'.repeat(length) + text.slice(0, length));
      assert.equal(parseRequestHead(moved, length, defaultHeadLimits, progress).kind, 'incomplete');
    }
    const head = parseRequestHead(Buffer.from(`--${text}`), 2, defaultHeadLimits, progress);
    assert.ok(head.kind === 'request');
    assert.deepEqual([head.target, head.fields.valueText(0)], ['/one', 'a']);
  }
});

test('byte by byte costs about one pass, not one a byte', () => {
  const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\nA: ${'b'.repeat(65_000)}\r\n\r\n`);
  const progress = createHeadProgress();
  const counted = countReads(bytes);
  for (let length = 1; length < bytes.length; length++) {
    counted.length = length;
    parseRequestHead(counted.bytes, 0, defaultHeadLimits, progress);
  }
  assert.ok(counted.reads < bytes.length * 4, `${counted.reads} reads of ${bytes.length} bytes`);
});

/** The bytes behind a proxy that counts reads and shows only the first `length`. */
function countReads(bytes: Buffer): { readonly bytes: Buffer; length: number; reads: number } {
  const counted = { bytes, length: 0, reads: 0 };
  counted.bytes = new Proxy(bytes, {
    get(target, key) {
      if (key === 'length') return counted.length;
      if (typeof key === 'string' && /^[0-9]/.test(key)) counted.reads++;
      return Reflect.get(target, key, target);
    },
  });
  return counted;
}
