// Who the real server takes callers for behind the gate, read from its own audit log.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Lab } from '../../range/demo/lab.ts';
import { incidentsSince } from '../../range/demo/observe.ts';
import { tokens } from '../../range/pki.ts';
import { writeWhole } from '../../src/platform/files.ts';
import { issue } from '../../src/platform/pki.ts';
import { findKubectls } from './kubectls.ts';
import type { AuditEvent } from './server.ts';
import { type Credentials, shieldWorld, startWorld, type World } from './world.ts';

let world: World;
let lab: Lab;
before(async () => {
  world = await startWorld('pcrcall');
  lab = await shieldWorld(world);
});
after(async () => {
  await lab?.dispose();
  await world?.[Symbol.asyncDispose]();
});

const pods = '/api/v1/namespaces/lab/pods';
let marks = 0;

/** One GET from the developer's host through the gate; what was answered, and who the audit says it was. */
async function seenAs(
  as: Credentials,
  headers: Readonly<Record<string, string | readonly string[]>> = {},
  path = pods,
): Promise<{ status: number; text: string; event: AuditEvent }> {
  const mark = `mark-${marks++}`;
  const [answer] = await world.ask('developer', as, [{ path, headers: { 'User-Agent': mark, ...headers } }]);
  const event = world.audit().find((one) => one.userAgent === mark && one.stage === 'ResponseComplete');
  assert.ok(answer && event, `no audit event: ${JSON.stringify(answer)}`);
  return { status: answer.status, text: answer.text, event };
}

describe('identity reaches the real audit log', () => {
  test('of a client certificate: user, groups, source', async () => {
    const { status, event } = await seenAs({ certificate: 'developer' });
    assert.equal(status, 200);
    assert.equal(event.user.username, 'developer');
    assert.deepEqual(event.user.groups, ['developers', 'system:authenticated']);
    const { developer } = world.range.topology.hosts;
    assert.equal(event.sourceIPs?.[0], developer.ipv4, 'the caller comes first');
    assert.ok(!event.sourceIPs?.includes('127.0.0.1') || event.sourceIPs.length === 2);
  });

  test('of a bearer token', async () => {
    const { status, event } = await seenAs({ token: tokens['dev-token'].value });
    assert.equal(status, 200);
    assert.equal(event.user.username, 'dev-token');
    assert.deepEqual(event.user.groups, ['developers', 'system:authenticated']);
    assert.equal(event.sourceIPs?.[0], world.range.topology.hosts.developer.ipv4);
  });

  test('of a service account', async () => {
    const [made] = await world.ask('cp', { certificate: 'admin' }, [
      {
        method: 'POST',
        path: '/api/v1/namespaces/lab/serviceaccounts/robot/token',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} }),
      },
    ]);
    assert.ok(made);
    assert.equal(made.status, 201, made.text);
    const { token } = (JSON.parse(made.text) as { status: { token: string } }).status;
    const { status, event } = await seenAs({ token });
    assert.equal(status, 200);
    assert.equal(event.user.username, 'system:serviceaccount:lab:robot');
  });

  test('with the Audit-ID of the caller, or one that the gate made', async () => {
    const own = await seenAs({ certificate: 'developer' }, { 'Audit-ID': 'mine-1.a' });
    assert.equal(own.event.auditID, 'mine-1.a');
    for (const headers of [{}, { 'Audit-ID': 'not valid' }]) {
      const { event } = await seenAs({ token: tokens['dev-token'].value }, headers);
      assert.match(event.auditID, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      // The server's own would be random to the end; the gate counts a connection's requests.
      assert.match(event.auditID, /-000000000001$/);
    }
  });

  test('of nobody', async () => {
    const { status, event } = await seenAs({});
    assert.equal(status, 403);
    assert.equal(event.user.username, 'system:anonymous');
    assert.deepEqual(event.user.groups, ['system:unauthenticated']);
    assert.equal((await seenAs({}, {}, '/version')).status, 200);
  });

  test('of a certificate beside a bearer token: the certificate, as without the gate', async () => {
    const both = { certificate: 'developer', token: tokens.mallory.value };
    assert.equal((await seenAs(both)).event.user.username, 'developer');
    const bad = { certificate: 'developer', token: 'not-a-token' };
    assert.equal((await seenAs(bad)).event.user.username, 'developer');
  });

  test('of names beyond ASCII, unchanged', async () => {
    const pki = world.range.files.pki;
    const read = (name: string) => readFileSync(join(pki, name), 'utf8');
    const authority = { certificate: read('ca.crt'), key: read('ca.key') };
    const subjects = [
      { commonName: 'jürgen ☃ 名前', organizations: ['ärzte:eins', 'a, b', 'x=y + "z"', 'system:x/y\\z'] },
      { commonName: 'user%41', organizations: ['', 'a;b'].filter(Boolean) },
      { commonName: 'oidc:a@b.example', organizations: ['g1', 'g2', 'g1'] },
    ];
    for (const [index, subject] of subjects.entries()) {
      const pair = await issue(authority, { subject, use: ['client'], names: [], days: 1 });
      writeWhole(join(pki, `odd-${index}.crt`), pair.certificate);
      writeWhole(join(pki, `odd-${index}.key`), pair.key);
      const { event } = await seenAs({ certificate: `odd-${index}` });
      const [direct] = await world.ask('cp', { certificate: `odd-${index}` }, [
        { path: pods, headers: { 'User-Agent': `direct-${index}` } },
      ]);
      assert.equal(direct?.status, 403);
      const without = world.audit().find((one) => one.userAgent === `direct-${index}`);
      assert.equal(event.user.username, subject.commonName);
      assert.deepEqual(event.user, without?.user);
    }
  });
});

describe('nobody is who the headers say', () => {
  const spoofs: readonly (readonly [string, Readonly<Record<string, string | readonly string[]>>])[] = [
    ['X-Remote-*', { 'X-Remote-User': 'kubernetes-admin', 'X-Remote-Group': 'system:masters' }],
    ['odd letter case', { 'x-rEMOTE-uSER': 'kubernetes-admin', 'x-remote-GROUP': ['a', 'system:masters'] }],
    ['underscores', { X_Remote_User: 'kubernetes-admin', X_Remote_Group: 'system:masters' }],
    ['extras', { 'X-Remote-Extra-Scopes': 'everything', 'X-Remote-Uid': '0' }],
  ];
  for (const [name, headers] of spoofs) {
    test(name, async () => {
      for (const [as, user] of [
        [{ certificate: 'developer' }, 'developer'],
        [{ token: tokens['dev-token'].value }, 'dev-token'],
        [{}, 'system:anonymous'],
      ] as const) {
        const { event } = await seenAs(as, headers);
        assert.equal(event.user.username, user);
        assert.ok(!event.user.groups?.includes('system:masters'));
        assert.ok(!('extra' in event.user), 'no extra attributes');
      }
    });
  }

  test("the caller's own X-Forwarded-For is dropped", async () => {
    const lie = { 'X-Forwarded-For': '192.0.2.1, 192.0.2.2', 'X-Real-Ip': '192.0.2.3' };
    const { event } = await seenAs({ certificate: 'developer' }, lie);
    assert.equal(event.sourceIPs?.[0], world.range.topology.hosts.developer.ipv4);
    assert.ok(!event.sourceIPs?.some((address) => address.startsWith('192.0.2.')));
  });
});

describe('refusals', () => {
  test('a certificate of nobody the cluster knows, in words that every kubectl prints', async (t) => {
    const pki = world.range.files.pki;
    for (const { version, program } of await findKubectls()) {
      const ran = await world.kubectl(
        'developer',
        'developer-token',
        [
          ...['--token=', `--client-certificate=${join(pki, 'stranger.crt')}`],
          ...[`--client-key=${join(pki, 'stranger.key')}`, 'get', 'pods'],
        ],
        { program },
      );
      t.diagnostic(`${version}: ${ran.stderr.trim().split('\n').at(-1)}`);
      assert.equal(ran.code, 1);
      assert.match(
        ran.stderr,
        /client certificate is refused: it does not verify against the cluster's client CA/,
      );
    }
  });

  test('a bad token is the server’s to refuse', async () => {
    const [answer] = await world.ask('developer', { token: 'not-a-token' }, [{ path: pods }]);
    assert.equal(answer?.status, 401);
    assert.match(answer?.text ?? '', /"reason": ?"Unauthorized"/);
  });
});

describe('impersonation', () => {
  test('by an admin goes through, and the audit has both', async () => {
    const ran = await world.kubectl('developer', 'admin', [
      'get',
      'pods',
      '--as=developer',
      '--as-group=developers',
    ]);
    assert.equal(ran.code, 0, ran.stderr);
    const event = world.audit().findLast((one) => one.impersonatedUser?.username === 'developer');
    assert.equal(event?.user.username, 'kubernetes-admin');
    assert.deepEqual(event?.impersonatedUser?.groups, ['developers', 'system:authenticated']);
  });

  test('by anybody else is the server’s to refuse', async () => {
    const ran = await world.kubectl('developer', 'developer', ['get', 'pods', '--as=kubernetes-admin']);
    assert.match(ran.stderr, /cannot impersonate resource "users"/);
  });
});

test('none of this was an incident but the identity headers and the stranger’s certificate', () => {
  const rules = incidentsSince(lab, 0).map(({ rule }) => rule);
  assert.deepEqual([...new Set(rules)].sort(), ['client-certificate', 'identity-header-stripped']);
});
