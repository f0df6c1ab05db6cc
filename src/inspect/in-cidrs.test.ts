import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../base/failure.ts';
import { createConnection } from './connection.ts';
import { defaultConnectionLimits, defaultIdentityFields } from './connection-types.ts';
import { inCidrs } from './in-cidrs.ts';
import { createRecordingSink } from './recording-sink.ts';
import { compileRules } from './rules.ts';

const cases: readonly [string, readonly string[], boolean][] = [
  ['10.1.2.3', ['10.0.0.0/8'], true],
  ['10.1.2.3', ['192.0.2.0/24', '10.1.2.3'], true],
  ['11.1.2.3', ['10.0.0.0/8'], false],
  ['::ffff:10.1.2.3', ['10.0.0.0/8'], true],
  ['2001:db8::1', ['2001:db8::/32'], true],
  ['2001:db9::1', ['2001:db8::/32', '0.0.0.0/0'], false],
  ['10.0.0.0/8', ['10.0.0.0/8'], false],
  ['010.0.0.1', ['0.0.0.0/0'], false],
  ['localhost', ['0.0.0.0/0', '::/0'], false],
  ['', ['0.0.0.0/0'], false],
  ['10.1.2.3', [], false],
  ['10.1.2.3', ['10.0.0.1/8', 'nonsense'], false],
];

for (const [address, prefixes, expected] of cases) {
  test(`inCidrs(${JSON.stringify(address)}, [${prefixes.join(', ')}]) is ${expected}`, () => {
    assert.equal(inCidrs(address, prefixes), expected);
  });
}

test('a predicate may ask it of what a body holds', () => {
  const set = compileRules([
    {
      id: 'CVE-2099-0001',
      parameters: { allowed: ['10.0.0.0/8'] },
      rules: [
        {
          id: 'outside',
          phase: 'body',
          when: "!object.strings('spec.externalIPs[*]').all(ip, inCidrs(ip, parameters.allowed))",
          action: 'deny',
          severity: 'major',
          message: 'No.',
        },
      ],
    },
  ]);
  const cases: readonly [unknown[], boolean][] = [
    [['10.1.1.1', '10.2.2.2'], true],
    [['10.1.1.1', '192.0.2.1'], false],
    [['10.1.1.1/8'], false],
    [['localhost'], false],
    [[], true],
  ];
  for (const [externalIPs, passes] of cases) {
    const sink = createRecordingSink();
    const judge = createConnection(
      {
        identity: { method: 'none' },
        identityFields: defaultIdentityFields,
        sourceAddress: '10.9.0.7',
        rules: set,
        limits: defaultConnectionLimits,
      },
      sink,
    );
    const body = JSON.stringify({ kind: 'Service', apiVersion: 'v1', spec: { externalIPs } });
    judge.clientData(
      Buffer.from(
        `POST /api/v1/namespaces/a/services HTTP/1.1\r\nHost: k\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      ),
    );
    assert.equal(sink.server !== '', passes, `${externalIPs}: ${sink.findings.map(({ rule }) => rule)}`);
    if (!passes) assert.equal(sink.findings[0]?.rule, 'outside');
  }
});

test('a predicate may call it, on the right types', () => {
  const rule = (when: string) =>
    compileRules([
      {
        id: 'CVE-2099-0001',
        parameters: { allowed: ['10.0.0.0/8'] },
        rules: [{ id: 'r1', phase: 'request', when, action: 'deny', severity: 'major', message: 'No.' }],
      },
    ]);
  assert.equal(rule('!inCidrs(request.name, parameters.allowed)').size, 1);
  assert.throws(() => rule('inCidrs(request.name, 1)'), Failure);
  assert.throws(() => rule('inCidrs(request.name)'), Failure);
});
