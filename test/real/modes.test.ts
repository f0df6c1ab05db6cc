// What the range proves of HTTP/2, impersonation, revocation and shared ports, with a real kube-apiserver behind the gate.
import assert from 'node:assert/strict';
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { shippedShields } from '../../bench/lib/catalogue.ts';
import { tokens } from '../../range/pki.ts';
import { apiServerPort } from '../../range/topology.ts';
import { ServerIdentity } from '../../src/model/identity.ts';
import type { GateListener, GatePlan } from '../../src/model/plan.ts';
import { writeWhole } from '../../src/platform/files.ts';
import { createRevocationList, issue } from '../../src/platform/pki.ts';
import { firstLines } from '../clients/lines.ts';
import type { GateConfig } from './gate-process.ts';
import type { AuditEvent } from './server.ts';
import { startWorld, type World } from './world.ts';

const ports = { proxy: 17_443, impersonation: 17_444, shared: 17_445 };
const pods = '/api/v1/namespaces/lab/pods';

let world: World;
before(async () => {
  world = await startWorld('pcrmode');
  await allowImpersonation();
  await revoke([]);
  await startGate();
});
after(() => world?.[Symbol.asyncDispose]());

const pki = (name: string) => join(world.range.files.pki, name);
const url = (port: number, path: string) => `https://${world.range.server.ipv4}:${port}${path}`;

/** The right that docs/identity.md asks for. */
async function allowImpersonation(): Promise<void> {
  const name = 'portcullis-gate';
  const objects = [
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name },
      rules: [{ apiGroups: [''], resources: ['users', 'groups', 'serviceaccounts'], verbs: ['impersonate'] }],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: tokens.gate.user }],
    },
  ];
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  const ran = await world.kubectl('cp', 'admin', ['apply', '--validate=false', '-f', '-'], { input });
  assert.equal(ran.code, 0, ran.stderr);
}

function authority() {
  return { certificate: readFileSync(pki('ca.crt'), 'utf8'), key: readFileSync(pki('ca.key'), 'utf8') };
}

async function revoke(certificates: readonly string[]): Promise<void> {
  writeWhole(join(world.dir, 'client.crl'), await createRevocationList(authority(), certificates, 1));
}

async function startGate(): Promise<void> {
  const { topology, server } = world.range;
  const listener = (name: string, port: number, more: Partial<GateListener> = {}): GateListener => ({
    server: name,
    stage: 'inspect',
    listen: { address: server.ipv4, port },
    upstream: { address: '127.0.0.1', port: apiServerPort, serverName: 'kubernetes' },
    shields: shippedShields(),
    serverTags: [],
    ...more,
  });
  const shared = (names: readonly string[]) => ({ names: [...names], callers: ['0.0.0.0/0'] });
  const plan: GatePlan = {
    kind: 'gate',
    generation: 1,
    target: 'cp',
    issuedAt: '2026-01-01T00:00:00Z',
    addressTags: [],
    listeners: [
      listener('lab/cp', ports.proxy),
      listener('lab/impersonated', ports.impersonation, {
        identity: ServerIdentity.parse({ mode: 'impersonation' }),
      }),
      listener('lab/one', ports.shared, { shared: shared(['kubernetes.default']) }),
      listener('lab/two', ports.shared, { shared: shared(['kubernetes.default.svc']) }),
    ],
  };
  const at = (name: string) => join(world.dir, name);
  writeFileSync(at('modes-plan.json'), JSON.stringify(plan));
  writeWhole(at('gate.token'), `${tokens.gate.value}\n`);
  const config: GateConfig = {
    name: 'cp',
    plan: at('modes-plan.json'),
    pki: world.range.files.pki,
    dataDir: at('modes-gate'),
    files: { clientCrl: at('client.crl'), impersonationToken: at('gate.token') },
  };
  writeFileSync(at('modes-config.json'), JSON.stringify(config));
  const log = openSync(at('modes-gate.log'), 'w');
  const program = join(import.meta.dirname, 'gate-process.ts');
  topology.spawnIn('cp', [process.execPath, program, at('modes-config.json')], {
    stdio: ['pipe', 'ignore', log],
    env: { PATH: process.env['PATH'], NODE_NO_WARNINGS: '1' },
  });
  closeSync(log);
  for (let tries = 0; tries < 100; tries += 1) {
    if ((await curl(ports.proxy, '/version', { protocol: 'http2' })).status === 200) return;
    await delay(200);
  }
  assert.fail(
    `nothing answers through the gate: ${readFileSync(at('modes-gate.log'), 'utf8').slice(-1_500)}`,
  );
}

type Asking = {
  readonly protocol: 'http1.1' | 'http2';
  readonly certificate?: string;
  readonly token?: string;
  readonly args?: readonly string[];
};
let calls = 0;

/** By curl on the developer's host: what was answered, and what the real server's audit log has of it. */
async function curl(port: number, path: string, { protocol, certificate, token, args = [] }: Asking) {
  const mark = `curl-${calls++}`;
  const file = join(world.dir, mark);
  const ran = await world.range.topology.runIn('developer', [
    ...['curl', '-sS', `--${protocol}`, '--max-time', '60', '--cacert', pki('ca.crt')],
    // A shield takes the User-Agent out; a caller's own Audit-ID goes on.
    ...['-H', `Audit-ID: ${mark}`],
    ...(certificate ? ['--cert', pki(`${certificate}.crt`), '--key', pki(`${certificate}.key`)] : []),
    ...(token ? ['-H', `Authorization: Bearer ${token}`] : []),
    ...['-o', file, '-w', '%{http_version} %{http_code}', ...args],
    path.startsWith('https:') ? path : url(port, path),
  ]);
  const [version = '', status = ''] = ran.stdout.split(' ');
  const body = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  // The line is written when the answer has gone out.
  const byGate = status === '000' || /\(verdict [0-9a-f-]{36}\)/.test(body.toString('latin1', 0, 2_000));
  let event: AuditEvent | undefined;
  for (let tries = 0; tries < 50 && !event && !byGate; tries += 1) {
    event = world.audit().find(({ auditID, stage }) => auditID === mark && stage === 'ResponseComplete');
    if (!event) await delay(100);
  }
  return {
    version,
    status: Number(status),
    error: ran.stderr,
    body,
    event,
  };
}

describe('HTTP/2', () => {
  const developer = { protocol: 'http2', certificate: 'developer' } as const;

  test('identity and source reach the audit log', async () => {
    const { version, status, event } = await curl(ports.proxy, pods, developer);
    assert.deepEqual([version, status, event?.user.username], ['2', 200, 'developer']);
    assert.deepEqual(event?.user.groups, ['developers', 'system:authenticated']);
    assert.equal(event?.sourceIPs?.[0], world.range.topology.hosts.developer.ipv4);
    const spoof = ['-H', 'X-Remote-User: kubernetes-admin', '-H', 'X-Remote-Group: system:masters'];
    const spoofed = await curl(ports.proxy, pods, { ...developer, args: spoof });
    assert.equal(spoofed.event?.user.username, 'developer');
    const token = await curl(ports.proxy, pods, { protocol: 'http2', token: tokens['dev-token'].value });
    assert.deepEqual([token.status, token.event?.user.username], [200, 'dev-token']);
  });

  for (const [what, accept] of [
    ['JSON', 'application/json'],
    ['protobuf', 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf'],
  ]) {
    test(`a large document in ${what}, the same bytes as from the server`, async () => {
      const args = ['-H', `Accept: ${accept}`];
      const through = await curl(ports.proxy, '/openapi/v2', { ...developer, args });
      const direct = await curl(apiServerPort, '/openapi/v2', { ...developer, args });
      assert.deepEqual([through.version, through.status, direct.status], ['2', 200, 200]);
      assert.ok(through.body.length > 500_000);
      assert.ok(through.body.equals(direct.body));
    });
  }

  test('a large body, and one that the server refuses before it has read it all', async () => {
    const map = join(world.dir, 'map.json');
    const path = '/api/v1/namespaces/lab/configmaps';
    const write = (data: string) => {
      const metadata = { name: 'h2-large', namespace: 'lab' };
      writeFileSync(map, JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { data } }));
    };
    write('x'.repeat(900_000));
    const args = ['-H', 'Content-Type: application/json', '--data-binary', `@${map}`];
    assert.equal(
      (await curl(ports.proxy, path, { protocol: 'http2', certificate: 'admin', args })).status,
      201,
    );
    // curl 7.88 gives up (92) when the answer and the reset of its upload come together, which is a matter of time.
    write('x'.repeat(3_500_000));
    const printed = await world.range.topology.runIn('developer', [
      ...['nghttp', '-v', '--cert', pki('admin.crt'), '--key', pki('admin.key'), '-d', map],
      ...['-H', 'content-type: application/json', '-H', ':method: POST', url(ports.proxy, path)],
    ]);
    assert.match(printed.stdout, /recv \(stream_id=13\) :status: 413\n/);
    assert.match(printed.stdout, /"reason":"RequestEntityTooLarge"|request entity too large|too large/i);
    assert.match(printed.stdout, /recv RST_STREAM frame .*\n.*NO_ERROR\(0x00\)/);
  });

  test('many at once on one connection', async () => {
    const asked = Array.from({ length: 50 }, (_, index) => url(ports.proxy, `${pods}?limit=${index + 1}`));
    const printed = await world.range.topology.runIn('developer', [
      ...['nghttp', '-ns', '--cert', pki('developer.crt'), '--key', pki('developer.key'), ...asked],
    ]);
    assert.equal(printed.code, 0, printed.stderr);
    assert.equal([...printed.stdout.matchAll(/ 200 +\S+ \/api/g)].length, 50, printed.stdout.slice(0, 2_000));
  });

  test('kubectl reads, watches and writes', async () => {
    const argv = ['kubectl', ...kubectl('developer', ports.proxy)] as [string, ...string[]];
    const ran = await world.range.topology.runIn('developer', [...argv, 'get', 'pods', '-o', 'name']);
    assert.match(ran.stdout, /^pod\/web$/m, ran.stderr);
    const child = world.range.topology.spawnIn('developer', [...argv, 'get', 'pods', '-w', '-o', 'name'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    assert.ok((await firstLines(child, 1)).length === 1);
  });
});

function kubectl(user: string, port: number): string[] {
  return [
    ...[`--server=${url(port, '')}`, `--certificate-authority=${pki('ca.crt')}`, '--namespace=lab'],
    ...[`--client-certificate=${pki(`${user}.crt`)}`, `--client-key=${pki(`${user}.key`)}`],
    ...[`--cache-dir=${join(world.dir, 'modes-cache')}`, '--kubeconfig=/dev/null'],
  ];
}

describe('impersonation', () => {
  for (const protocol of ['http1.1', 'http2'] as const) {
    test(`over ${protocol}: the server acts for the caller, and its audit log has both`, async () => {
      const { status, event, body } = await curl(ports.impersonation, pods, {
        protocol,
        certificate: 'developer',
      });
      assert.equal(status, 200, body.toString());
      assert.equal(event?.user.username, tokens.gate.user);
      assert.equal(event?.impersonatedUser?.username, 'developer');
      assert.deepEqual(event?.impersonatedUser?.groups, ['developers', 'system:authenticated']);
      const nodes = await curl(ports.impersonation, '/api/v1/secrets', {
        protocol,
        certificate: 'developer',
      });
      assert.equal(nodes.status, 403, 'with the caller’s rights, not the gate’s');
      assert.match(nodes.body.toString(), /User \\"developer\\" cannot list/);
    });

    test(`over ${protocol}: nobody borrows the gate’s right`, async () => {
      for (const field of ['Impersonate-User: kubernetes-admin', 'impersonate-group: system:masters']) {
        const { status, body } = await curl(ports.impersonation, pods, {
          protocol,
          certificate: 'developer',
          args: ['-H', field],
        });
        assert.equal(status, 403);
        assert.match(body.toString(), /impersonation-refused/);
        assert.ok(
          !world.audit().some(({ impersonatedUser }) => /admin/.test(impersonatedUser?.username ?? '')),
        );
      }
    });
  }

  test('a token is its owner’s', async () => {
    const token = tokens['dev-token'].value;
    const { status, event } = await curl(ports.impersonation, pods, { protocol: 'http2', token });
    assert.deepEqual([status, event?.user.username, event?.impersonatedUser], [200, 'dev-token', undefined]);
  });
});

describe('a port that servers share', () => {
  const at = (name: string) => [
    '--connect-to',
    `${name}:${ports.shared}:${world.range.server.ipv4}:${ports.shared}`,
  ];
  for (const protocol of ['http1.1', 'http2'] as const) {
    test(`over ${protocol}: the TLS name chooses, and must be one of them`, async () => {
      for (const name of ['kubernetes.default', 'kubernetes.default.svc']) {
        const named = { protocol, certificate: 'developer', args: at(name) };
        const { status, event } = await curl(0, `https://${name}:${ports.shared}${pods}`, named);
        assert.deepEqual([status, event?.user.username], [200, 'developer'], name);
        const elsewhere = { ...named, args: [...at(name), '-H', 'Host: kubernetes.example'] };
        assert.equal((await curl(0, `https://${name}:${ports.shared}${pods}`, elsewhere)).status, 421);
      }
      const other = 'localhost';
      const unknown = await curl(0, `https://${other}:${ports.shared}${pods}`, { protocol, args: at(other) });
      assert.equal(unknown.status, 0);
      const nameless = await curl(ports.shared, pods, { protocol });
      assert.equal(nameless.status, 0);
    });
  }
});

describe('revocation', () => {
  test('a revoked caller is refused and what it has open is cut; the server itself would let it in', async () => {
    const subject = { commonName: 'developer', organizations: ['developers'] };
    const pair = await issue(authority(), { subject, use: ['client'], names: [], days: 1 });
    writeWhole(pki('doomed.crt'), pair.certificate);
    writeWhole(pki('doomed.key'), pair.key);
    const ask = (port: number) => curl(port, pods, { protocol: 'http2', certificate: 'doomed' });
    assert.equal((await ask(ports.proxy)).status, 200);
    const argv = ['curl', '-sSN', '--http2', '--cacert', pki('ca.crt'), '--cert', pki('doomed.crt')];
    const path = url(ports.proxy, `${pods}?watch=1`);
    const child = world.range.topology.spawnIn(
      'developer',
      [...argv, '--key', pki('doomed.key'), path] as never,
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const over = new Promise<number | null>((resolve) => child.once('exit', resolve));
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    await revoke([pair.certificate]);
    assert.notEqual(await over, null, 'the watch is cut');
    const refused = await ask(ports.proxy);
    assert.equal(refused.status, 401);
    assert.match(refused.body.toString(), /it was revoked/);
    assert.equal((await ask(apiServerPort)).status, 200);
    assert.equal(
      (await curl(ports.proxy, pods, { protocol: 'http2', certificate: 'developer' })).status,
      200,
    );
  });
});
