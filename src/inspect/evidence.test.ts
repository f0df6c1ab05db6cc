import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blankSecrets, HeldBytes } from './evidence.ts';

const blanked: readonly [string, string][] = [
  [
    'GET / HTTP/1.1\r\nAuthorization: Bearer abc.def\r\nHost: k',
    'GET / HTTP/1.1\r\nAuthorization:***************\r\nHost: k',
  ],
  ['authorization:x', 'authorization:*'],
  ['\r\nCookie: a=b; c=d\r\n', '\r\nCookie:*********\r\n'],
  ['\r\nX-Auth-Token: z\r\n', '\r\nX-Auth-Token:**\r\n'],
  [
    '\r\nSec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.dG9r\r\n',
    `\r\nSec-WebSocket-Protocol:${'*'.repeat(43)}\r\n`,
  ],
  ['GET /x?access_token=abc&b=c HTTP', 'GET /x?access_token=***&b=c HTTP'],
  ['{"token":"abc","kind":"x"}', '{"token":"***","kind":"x"}'],
  ['see bearer abc', 'see bearer ***'],
  ['eyJhbGciOiJ.eyJpc3MiOiJr.c2ln and', `${'*'.repeat(29)} and`],
  ['abcdef.0123456789abcdef', '*'.repeat(23)],
  ['GET http://user:pass@k/api HTTP/1.1', 'GET http://*********@k/api HTTP/1.1'],
  // Cut short before the @ came.
  ['GET http://user:pass', 'GET http://*********'],
  ['GET http://user:pass/x', 'GET http://user:pass/x'],
  ['\r\nAuthorization:\r\n abc\r\n\tdef\r\nHost: k', `\r\nAuthorization:${'*'.repeat(12)}\r\nHost: k`],
  ['{"token" :   "abc"}', '{"token" :   "***"}'],
];
for (const [text, expected] of blanked) {
  test(`blanked: ${JSON.stringify(text)}`, () => {
    assert.equal(blankSecrets(Buffer.from(text)).toString(), expected);
  });
}

test('what is no secret stays, byte for byte', () => {
  const bytes = Buffer.from(
    'GET /runningpods/ HTTP/1.1\r\nHost: author.example\r\nX-Remote-User: system:admin\r\n\r\n\u00ff\u0000{"kind":"PodList"}',
    'latin1',
  );
  assert.deepEqual(blankSecrets(bytes), bytes);
});

test('the first bytes are kept, all are counted, and a secret over the cut is blank', () => {
  const held = new HeldBytes(100);
  held.add(Buffer.from('\r\nAuthorization: Bear'));
  held.add(Buffer.from('er 0123456789'));
  held.add(Buffer.alloc(500, 'x'));
  assert.equal(held.length, 534);
  assert.equal(held.evidence(30).toString(), '\r\nAuthorization:**************');
  assert.equal(held.evidence(4096).length, 100);
});

test('hostile evidence is blanked in little time', () => {
  for (const unit of [
    'auth',
    '\nauthauth',
    'token=',
    'a.b',
    '-----BEGIN ',
    'bearer ',
    'eyJ',
    '://',
    '://a',
    '\nauth:\n\t',
    'token  ',
  ]) {
    const before = process.cpuUsage();
    blankSecrets(Buffer.from(unit.repeat(65_536 / unit.length)));
    const { user } = process.cpuUsage(before);
    assert.ok(user < 2_000_000, `${unit}: ${user} µs of the processor`);
  }
});
