import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseRequestHead, type RequestHead } from '../http/head.ts';
import { createCallerFields, type FieldVerdict } from './caller-fields.ts';
import {
  type ConnectionSettings,
  defaultConnectionLimits,
  defaultIdentityFields,
  type Identity,
} from './connection-types.ts';
import { noRules } from './rules.ts';

const developer = { method: 'certificate', user: 'dev', groups: ['lab'] } as const;
const nobody = { method: 'none' } as const;
const stem = '6fa1e0f2-9d5e-4c7a-8b3d-';

function callerOf(identity: Identity, more: Partial<ConnectionSettings> = {}) {
  return createCallerFields({
    identity,
    identityFields: defaultIdentityFields,
    sourceAddress: '192.0.2.7',
    rules: noRules,
    limits: defaultConnectionLimits,
    auditStem: stem,
    ...more,
  });
}

function headOf(lines: string): { bytes: Buffer; head: RequestHead } {
  const bytes = Buffer.from(`GET /api HTTP/1.1\r\nHost: k\r\n${lines}\r\n`, 'latin1');
  const head = parseRequestHead(bytes, 0, { bytes: 65_536, fields: 200 });
  assert.equal(head.kind, 'request', lines);
  return { bytes, head: head as RequestHead };
}

/** The lines that go on, without the request line and Host. */
function forwarded(caller: ReturnType<typeof callerOf>, lines: string): string[] {
  const { bytes, head } = headOf(lines);
  caller.identify(head);
  const text = caller.forward(bytes, head, head.end).bytes.toString('latin1');
  assert.ok(text.endsWith('\r\n\r\n'));
  return text.slice(0, -4).split('\r\n').slice(2);
}

const impersonation = { how: 'impersonation', credential: { authorization: 'Bearer gate' } } as const;

describe('what becomes of a field, by name', () => {
  const rows: [name: string, proxied: FieldVerdict, impersonated: FieldVerdict][] = [
    ['X-Remote-User', 'spoof', 'spoof'],
    ['x-rEmOtE-gRoUp', 'spoof', 'spoof'],
    ['X_Remote_User', 'spoof', 'spoof'],
    ['x-remote_extra-scopes', 'spoof', 'spoof'],
    ['X-Remote-Uid', 'spoof', 'spoof'],
    ['X-Remote-Anything', 'spoof', 'spoof'],
    ['X-Remote', 'pass', 'pass'],
    ['X-Remotely-User', 'pass', 'pass'],
    ['Impersonate-User', 'pass', 'refuse'],
    ['iMPERSONATE-gROUP', 'pass', 'refuse'],
    ['Impersonate_User', 'pass', 'refuse'],
    ['Impersonate-Uid', 'pass', 'refuse'],
    ['Impersonate-Extra-Scopes', 'pass', 'refuse'],
    ['Impersonate-New-Thing', 'pass', 'refuse'],
    ['Impersonated-User', 'pass', 'pass'],
    ['X-Impersonate-User', 'pass', 'pass'],
    ['Authorization', 'pass', 'drop'],
    ['Proxy-Authorization', 'pass', 'pass'],
    ['X-Forwarded-For', 'drop', 'drop'],
    ['x_forwarded_for', 'drop', 'drop'],
    ['X-Real-Ip', 'drop', 'drop'],
    ['Forwarded', 'drop', 'drop'],
    ['X-Forwarded-Proto', 'pass', 'pass'],
    ['Accept', 'pass', 'pass'],
    ['', 'pass', 'pass'],
  ];
  const proxied = callerOf(developer);
  const impersonated = callerOf(developer, { carriage: impersonation });
  for (const [name, first, second] of rows) {
    test(name || 'no name', () => {
      assert.deepEqual([proxied.verdict(name), impersonated.verdict(name)], [first, second]);
    });
  }

  test('names and prefixes that the server was told to read are identity too', () => {
    const identityFields = {
      ...defaultIdentityFields,
      user: 'X-Auth_User',
      also: ['x-team', 'x-auth-extra-'],
    };
    const caller = callerOf(developer, { identityFields });
    for (const [name, verdict] of [
      ['x-auth-user', 'spoof'],
      ['X-Team', 'spoof'],
      ['X-Team-Lead', 'pass'],
      ['X_Auth_Extra_Scopes', 'spoof'],
      ['X-Auth-Ext', 'pass'],
      ['X-Remote-User', 'spoof'],
    ] as const) {
      assert.equal(caller.verdict(name), verdict, name);
      assert.equal(forwarded(caller, `${name}: a\r\n`).includes(`${name}: a`), verdict === 'pass', name);
    }
  });

  test('HTTP/1.1 heads are cut by the same verdicts', () => {
    for (const [name, first, second] of rows) {
      if (name === '') continue;
      const line = `${name}: a\r\n`;
      for (const [caller, verdict] of [
        [callerOf(developer), first],
        [callerOf(developer, { carriage: impersonation }), second],
      ] as const) {
        const { head } = headOf(line);
        assert.equal(caller.refuses(head), verdict === 'refuse' ? 'impersonation-refused' : undefined, name);
        const passed = forwarded(caller, line).includes(`${name}: a`);
        if (verdict !== 'refuse') assert.equal(passed, verdict === 'pass', name);
      }
    }
  });

  test('named in Connection they are refused, whatever the mode', () => {
    for (const name of ['X-Remote-User', 'x_remote_group', 'Impersonate-User', 'Audit-ID', 'Authorization']) {
      for (const carriage of [{ how: 'front-proxy' } as const, impersonation]) {
        const { head } = headOf(`Connection: keep-alive, ${name}\r\n`);
        assert.equal(callerOf(nobody, { carriage }).refuses(head), 'connection-option', name);
      }
    }
  });

  test("a caller's own impersonation passes for a token, unless it is refused to everybody", () => {
    const { head } = headOf('Impersonate-User: a\r\n');
    assert.equal(callerOf(nobody, { carriage: impersonation }).refuses(head), undefined);
    const refusing = { carriage: impersonation, refuseImpersonation: true };
    assert.equal(callerOf(nobody, refusing).refuses(head), 'impersonation-refused');
    assert.equal(callerOf(nobody, { refuseImpersonation: true }).refuses(head), 'impersonation-refused');
  });
});

describe('who the caller is', () => {
  const full = {
    ...developer,
    uid: 'u-1',
    extra: { 'authentication.kubernetes.io/credential-id': ['X509SHA256=ab'], 'a b%': ['1', '2'] },
  };
  const audit = `Audit-ID: ${stem}000000000001`;

  test('under the front-proxy certificate; a UID only where the server reads one', () => {
    const extras = [
      'x-remote-extra-authentication.kubernetes.io%2fcredential-id: X509SHA256=ab',
      'x-remote-extra-a%20b%25: 1',
      'x-remote-extra-a%20b%25: 2',
    ];
    const lines = ['X-Forwarded-For: 192.0.2.7', 'x-remote-user: dev', 'x-remote-group: lab'];
    assert.deepEqual(forwarded(callerOf(full), ''), [...lines, ...extras, audit]);
    const identityFields = { ...defaultIdentityFields, uid: 'x-remote-uid' };
    const told = callerOf(full, { identityFields });
    assert.deepEqual(forwarded(told, ''), [...lines, 'x-remote-uid: u-1', ...extras, audit]);
  });

  test('by impersonation: the group that every certificate has is named, as some versions add none', () => {
    const bare = { ...full, extra: {} };
    assert.deepEqual(
      forwarded(callerOf(bare, { carriage: impersonation }), 'Authorization: Bearer own\r\n'),
      [
        'X-Forwarded-For: 192.0.2.7',
        'authorization: Bearer gate',
        'impersonate-user: dev',
        'impersonate-group: lab',
        'impersonate-group: system:authenticated',
        'impersonate-uid: u-1',
        audit,
      ],
    );
    for (const [user, groups] of [
      ['system:anonymous', ['lab']],
      ['dev', ['system:unauthenticated']],
      ['dev', ['system:authenticated']],
    ] as const) {
      const caller = callerOf(
        { method: 'certificate', user, groups },
        { carriage: { how: 'impersonation' } },
      );
      const named = forwarded(caller, '').filter((line) => line.startsWith('impersonate-group'));
      assert.deepEqual(named, [`impersonate-group: ${groups[0]}`]);
    }
  });

  test('a token goes on as it came, without a word of the gate about who it is', () => {
    const lines = forwarded(callerOf(nobody, { carriage: impersonation }), 'Authorization: Bearer own\r\n');
    assert.deepEqual(lines, ['Authorization: Bearer own', 'X-Forwarded-For: 192.0.2.7', audit]);
  });

  test("the gate's token is the one of the moment, in both protocols", () => {
    const credential = { authorization: 'Bearer one' };
    const caller = callerOf(developer, { carriage: { how: 'impersonation', credential } });
    assert.ok(forwarded(caller, '').includes('authorization: Bearer one'));
    credential.authorization = 'Bearer two';
    assert.deepEqual(caller.added('x').slice(0, 2), [
      ['x-forwarded-for', '192.0.2.7'],
      ['authorization', 'Bearer two'],
    ]);
    assert.ok(forwarded(caller, '').includes('authorization: Bearer two'));
  });

  test('HTTP/2 is given the fields that HTTP/1.1 writes', () => {
    const caller = callerOf(full, { carriage: impersonation });
    const lines = forwarded(caller, '').map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase()));
    assert.deepEqual(
      caller.added(`${stem}000000000001`).map(([name, value]) => `${name}: ${value}`),
      lines,
    );
  });

  for (const value of ['', ' a', 'a\r\nx-remote-group: b', 'a\u0000']) {
    test(`what no line can carry is refused: ${JSON.stringify(value)}`, () => {
      assert.equal(callerOf({ ...developer, uid: value }).problem, 'bad-identity');
      assert.equal(callerOf({ ...developer, extra: { a: [value] } }).problem, 'bad-identity');
      assert.equal(callerOf({ ...developer, uid: 'fine', extra: { a: ['fine'] } }).problem, undefined);
    });
  }
});

test('a request for another name is misdirected where servers share a port, and only there', () => {
  const sharing = callerOf(nobody, { hosts: new Set(['prod.example']) });
  for (const [authority, misdirected] of [
    ['prod.example', false],
    ['PROD.example.:6443', false],
    ['10.0.0.1:6443', false],
    ['[2001:db8::1]:6443', false],
    ['lab.example', true],
    ['prod.example.evil', true],
    ['', true],
    ['10.0.0.1.evil', true],
  ] as const) {
    assert.equal(sharing.misdirected(authority), misdirected, authority);
    assert.equal(callerOf(nobody).misdirected(authority), false, authority);
  }
});

describe('Audit-ID', () => {
  const own = 'A1b2.c3_d4-e5';
  const rows: [what: string, lines: string, kept: string | undefined][] = [
    ['none', '', undefined],
    ['a valid one', `Audit-ID: ${own}\r\n`, own],
    ['any letter case of its name', `aUDIT-id: ${own}\r\n`, own],
    ['64 characters', `Audit-ID: ${'a'.repeat(64)}\r\n`, 'a'.repeat(64)],
    ['65 characters', `Audit-ID: ${'a'.repeat(65)}\r\n`, undefined],
    ['an empty one', 'Audit-ID: \r\n', undefined],
    ['two', `Audit-ID: ${own}\r\nAudit-ID: ${own}\r\n`, undefined],
    ['a space', 'Audit-ID: a b\r\n', undefined],
    ['a quote', 'Audit-ID: a"b\r\n', undefined],
    ['beyond ASCII', 'Audit-ID: \xe9\r\n', undefined],
    ['an underscore, which the server does not read', `Audit_ID: ${own}\r\n`, undefined],
    ['both spellings', `Audit_ID: ${own}\r\nAudit-ID: ${own}\r\n`, undefined],
  ];
  for (const [what, lines, kept] of rows) {
    test(what, () => {
      const caller = callerOf(nobody);
      const { head } = headOf(lines);
      const id = caller.identify(head);
      assert.equal(id, kept ?? `${stem}000000000001`);
      const sent = forwarded(callerOf(nobody), lines).filter((line) => /^audit.id:/i.test(line));
      assert.deepEqual(
        sent.map((line) => line.slice(10)),
        [id],
      );
    });
  }

  test('counts the requests of a connection', () => {
    const caller = callerOf(nobody);
    const ids = [1, 2, 3].map(() => forwarded(caller, '').at(-1));
    assert.deepEqual(
      ids,
      [1, 2, 3].map((n) => `Audit-ID: ${stem}00000000000${n}`),
    );
  });

  test('is the same in the head and in what is told, over hundreds of requests', () => {
    const caller = callerOf(nobody);
    const { bytes, head } = headOf('');
    for (let request = 1; request <= 4_500; request++) {
      const id = caller.identify(head);
      const text = caller.forward(bytes, head, head.end).bytes.toString('latin1');
      assert.ok(text.endsWith(`\r\nAudit-ID: ${id}\r\n\r\n`), `${request}`);
      assert.equal(parseInt(String(id).slice(24), 16), request);
    }
  });

  test('is nobody’s business without a stem', () => {
    const caller = callerOf(nobody, { auditStem: undefined } as unknown as Partial<ConnectionSettings>);
    assert.deepEqual(forwarded(caller, 'Audit-ID: a b\r\n'), ['Audit-ID: a b', 'X-Forwarded-For: 192.0.2.7']);
  });
});
