import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { GateExemption } from '../model/exemption.ts';
import type { ShieldRule } from '../model/shield.ts';
import { createConnection } from './connection.ts';
import {
  type ConnectionSettings,
  defaultConnectionLimits,
  defaultIdentityFields,
  type Identity,
} from './connection-types.ts';
import { createRecordingSink } from './recording-sink.ts';
import { compileRules } from './rules.ts';

const rule = (id: string, when: string, more: Partial<ShieldRule> = {}): ShieldRule => ({
  id,
  phase: 'request',
  when,
  action: 'deny',
  severity: 'major',
  message: 'No.',
  ...more,
});
const noExec = rule('no-exec', 'request.subresource == "exec"');
const noSecrets = rule('no-secrets', 'request.resource == "secrets"');
const ada: Identity = { method: 'certificate', user: 'ada', groups: ['dev'] };
const base = { id: 'e1', expires: '2099-01-01T00:00:00Z' } as const;

/** What became of one request: was it forwarded, and what was found. */
function ask(
  shield: Partial<Parameters<typeof compileRules>[0][number]>,
  request: string,
  settings: Partial<ConnectionSettings> = {},
) {
  const sink = createRecordingSink();
  const judge = createConnection(
    {
      identity: ada,
      identityFields: defaultIdentityFields,
      sourceAddress: '10.9.0.7',
      rules: compileRules([{ id: 'CVE-2099-0001', rules: [noExec, noSecrets], ...shield }]),
      limits: defaultConnectionLimits,
      ...settings,
    },
    sink,
  );
  judge.clientData(Buffer.from(`${request}\r\nHost: k\r\n\r\n`));
  return { passed: sink.server !== '', findings: sink.findings, sink, judge };
}
const exec = 'GET /api/v1/namespaces/a/pods/p/exec HTTP/1.1';
const secret = 'GET /api/v1/namespaces/a/secrets/s HTTP/1.1';

describe('an exemption', () => {
  const fits: readonly [string, Omit<GateExemption, 'id' | 'expires'>][] = [
    ['the user', { users: ['bob', 'ada'] }],
    ['a group', { groups: ['dev'] }],
    ['the address', { from: ['10.9.0.0/16'] }],
    ['the resource', { resources: [{ group: '', resource: 'pods/exec', namespace: 'a' }] }],
    ['the rule', { rules: ['no-exec'], users: ['ada'] }],
    ['everything at once', { users: ['ada'], from: ['10.9.0.7'], resources: [{ name: 'p' }] }],
  ];
  for (const [what, exemption] of fits) {
    test(`that fits ${what} lets the request pass, and is told`, () => {
      const { passed, findings } = ask({ exemptions: [{ ...base, ...exemption }] }, exec);
      assert.ok(passed);
      assert.deepEqual(
        findings.map(({ rule, action, exemption, would }) => ({ rule, action, exemption, would })),
        [{ rule: 'no-exec', action: 'log', exemption: 'e1', would: 'deny' }],
      );
    });
  }

  const misses: readonly [string, Omit<GateExemption, 'id' | 'expires'>][] = [
    ['another user', { users: ['adam', 'Ada'] }],
    ['another group', { groups: ['ops'] }],
    ['another address', { from: ['10.8.0.0/16'] }],
    ['nobody', { from: [] }],
    ['another resource', { resources: [{ resource: 'pods' }, { namespace: 'b' }] }],
    ['another rule', { rules: ['no-secrets'], users: ['ada'] }],
    ['one part alone', { users: ['ada'], from: ['10.8.0.0/16'] }],
    ['a token, of a caller with a certificate', { serviceAccounts: ['system:serviceaccount:a:b'] }],
  ];
  for (const [what, exemption] of misses) {
    test(`for ${what} changes nothing`, () => {
      const { passed, findings } = ask({ exemptions: [{ ...base, ...exemption }] }, exec);
      assert.ok(!passed);
      assert.equal(findings[0]?.action, 'deny');
      assert.equal(findings[0]?.exemption, undefined);
    });
  }

  test('is over at its time', () => {
    const exemptions = [{ ...base, users: ['ada'] }];
    const end = Date.parse(base.expires);
    assert.ok(ask({ exemptions }, exec, { now: () => end - 1 }).passed);
    assert.ok(!ask({ exemptions }, exec, { now: () => end }).passed);
  });

  test('of one rule leaves the others of its shield', () => {
    const exemptions = [{ ...base, rules: ['no-exec'], users: ['ada'] }];
    assert.ok(!ask({ exemptions }, secret).passed);
  });

  test('covers a rule that can not be evaluated', () => {
    const broken = rule('broken', 'request.queryNames[5] == "x"');
    assert.ok(!ask({ rules: [broken] }, exec).passed);
    assert.ok(ask({ rules: [broken], exemptions: [{ ...base, users: ['ada'] }] }, exec).passed);
  });

  test('names an anonymous caller by nothing', () => {
    const identity = { method: 'none' } as const;
    const { passed } = ask({ exemptions: [{ ...base, users: [''] }] }, exec, { identity });
    assert.ok(!passed);
  });
});

describe('shadow', () => {
  test('judges and tells, and does nothing', () => {
    const { passed, findings } = ask({ mode: 'shadow' }, exec);
    assert.ok(passed);
    assert.deepEqual(
      findings.map(({ action, shadow, would }) => ({ action, shadow, would })),
      [{ action: 'log', shadow: true, would: 'deny' }],
    );
  });

  test('takes no field out, and lets pass what a rule can not be evaluated on', () => {
    const broken = rule('broken', 'request.queryNames[5] == "x"');
    const request = `${secret}\r\nUser-Agent: x1`;
    const { passed, findings, sink } = ask(
      { mode: 'shadow', rules: [broken], stripHeaders: ['user-agent'] },
      request,
    );
    assert.ok(passed);
    assert.match(sink.server, /User-Agent: x1/);
    assert.deepEqual(
      findings.map(({ rule, action, would }) => [rule, action, would]),
      [['rule-error', 'log', 'close-client-and-server']],
    );
  });

  test('never hides what the upgrade machine does', () => {
    const told = rule('early', 'upgrade.event == "early-bytes"', { phase: 'upgrade', action: 'log' });
    for (const mode of [undefined, 'shadow'] as const) {
      const exemptions = [{ ...base, users: ['ada'] }];
      const { judge, sink, findings } = ask(
        { rules: [told], exemptions, ...(mode ? { mode } : {}) },
        `${exec}\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1`,
      );
      judge.clientData(Buffer.from('GET /pods HTTP/1.1\r\n\r\n'));
      judge.serverData(Buffer.from('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n'));
      assert.equal(judge.state, 'closed');
      assert.doesNotMatch(sink.server, /\/pods HTTP/);
      assert.equal(findings[0]?.action, 'close-client-and-server');
      assert.equal(findings[0]?.shield, mode ? 'portcullis' : 'CVE-2099-0001');
    }
  });

  test('a second shield that is enforced still acts', () => {
    const sink = createRecordingSink();
    const judge = createConnection(
      {
        identity: ada,
        identityFields: defaultIdentityFields,
        sourceAddress: '10.9.0.7',
        rules: compileRules([
          { id: 'CVE-2099-0001', mode: 'shadow', rules: [{ ...noExec, action: 'close-client' }] },
          { id: 'CVE-2099-0002', rules: [noExec] },
        ]),
        limits: defaultConnectionLimits,
      },
      sink,
    );
    judge.clientData(Buffer.from(`${exec}\r\nHost: k\r\n\r\n`));
    assert.equal(sink.server, '');
    assert.match(sink.client, /403/);
  });
});

describe('by service account', () => {
  const account = 'system:serviceaccount:ci:runner';
  const token = (claims: object) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;
  const ours = token({ sub: account, 'kubernetes.io': {} });
  const anonymous = { method: 'none' } as const;
  const exemptions = [{ ...base, serviceAccounts: [account] }];
  const as = (field: string, identity: Identity = anonymous) =>
    ask({ exemptions }, `${exec}\r\n${field}`, { identity });

  test('the token that the server will verify says who it is, and the record too', () => {
    const { passed, findings } = as(`Authorization: Bearer ${ours}`);
    assert.ok(passed);
    assert.equal(findings[0]?.serviceAccount, account);
    assert.equal(findings[0]?.exemption, 'e1');
  });

  const others: readonly [string, string, Identity?][] = [
    ['no token', 'Accept: */*'],
    [
      'a token of another account',
      `Authorization: Bearer ${token({ sub: `${account}2`, 'kubernetes.io': {} })}`,
    ],
    ['a token of another issuer', `Authorization: Bearer ${token({ sub: account })}`],
    // Of these the server reads no token, or an empty one: the caller is anonymous to it, and may be allowed as such.
    ['two spaces, behind which the server reads an empty token', `Authorization: Bearer  ${ours}`],
    ['another scheme', `Authorization: Basic ${ours}`],
    ['a second Authorization', `Authorization: Bearer ${ours}\r\nAuthorization: Bearer x`],
    ['a second credential in another field', `Authorization: Bearer ${ours}\r\nSec-WebSocket-Protocol: x`],
    ['a certificate, which the server goes by', `Authorization: Bearer ${ours}`, ada],
  ];
  for (const [what, field, identity] of others) {
    test(`not with ${what}`, () => {
      const { passed, findings } = as(field, identity);
      assert.ok(!passed);
      assert.ok(findings.every(({ exemption }) => exemption === undefined));
    });
  }
});

test('rules that name a parameter which the site has not set are left out', () => {
  const rules = [rule('named', 'request.name in parameters.allowed'), noExec];
  assert.equal(compileRules([{ id: 'CVE-2099-0001', rules, unset: ['allowed'] }]).size, 1);
  assert.equal(compileRules([{ id: 'CVE-2099-0001', rules, parameters: { allowed: ['x'] } }]).size, 2);
});
