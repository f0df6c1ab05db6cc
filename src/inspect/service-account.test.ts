import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultHeadLimits, parseRequestHead } from '../http/head.ts';
import { claimedServiceAccount } from './service-account.ts';

const account = 'system:serviceaccount:kube-system:replicaset-controller';

function token(claims: unknown): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256' })}.${part(claims)}.c2lnbmF0dXJl`;
}

const good = token({ sub: account, 'kubernetes.io': { namespace: 'kube-system' } });

const cases: readonly (readonly [what: string, lines: readonly string[], expected: string])[] = [
  ['a bound token', [`Authorization: Bearer ${good}`], account],
  ['in other letter case', [`authorization: bearer ${good}`], account],
  [
    'a token of old servers',
    [
      `Authorization: Bearer ${token({ sub: account, 'kubernetes.io/serviceaccount/namespace': 'kube-system' })}`,
    ],
    account,
  ],
  ['no credential', [], ''],
  ['two credentials', [`Authorization: Bearer ${good}`, `Authorization: Bearer ${good}`], ''],
  ['an empty one first', ['Authorization: ', `Authorization: Bearer ${good}`], ''],
  ['one more in the protocols', [`Authorization: Bearer ${good}`, 'Sec-WebSocket-Protocol: x'], ''],
  ['basic authentication', ['Authorization: Basic dTpw'], ''],
  ['an opaque token', ['Authorization: Bearer abcdef'], ''],
  ['two spaces', [`Authorization: Bearer  ${good}`], ''],
  ['a token that ends in more', [`Authorization: Bearer ${good} x`], ''],
  ['a token of another issuer', [`Authorization: Bearer ${token({ sub: account })}`], ''],
  ['a user', [`Authorization: Bearer ${token({ sub: 'alice', 'kubernetes.io': {} })}`], ''],
  [
    'a name with line ends',
    [`Authorization: Bearer ${token({ sub: `${account}\nx`, 'kubernetes.io': {} })}`],
    '',
  ],
  [
    'a subject that is no text',
    [`Authorization: Bearer ${token({ sub: [account], 'kubernetes.io': {} })}`],
    '',
  ],
  ['claims that are no object', [`Authorization: Bearer ${token(null)}`], ''],
  ['no JSON', ['Authorization: Bearer a.b.c'], ''],
  [
    'an enormous token',
    [`Authorization: Bearer ${token({ sub: account, 'kubernetes.io': 'x'.repeat(16_000) })}`],
    '',
  ],
];

for (const [what, lines, expected] of cases) {
  test(`service account: ${what}`, () => {
    const text = `GET / HTTP/1.1\r\nHost: a\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
    const head = parseRequestHead(Buffer.from(text), 0, defaultHeadLimits);
    assert.equal(head.kind, 'request');
    if (head.kind === 'request') assert.equal(claimedServiceAccount(head.fields), expected);
  });
}
