// A gate that issues its own serving certificate, and the kubeconfig that users are given for it.
import assert from 'node:assert/strict';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect } from 'node:tls';
import { parse } from 'yaml';
import { kubeadmFiles, loadIdentity } from '../../src/gate/identity-files.ts';
import { createServingIssuer } from '../../src/gate/issued-serving.ts';
import { writeWhole } from '../../src/platform/files.ts';
import { readKubeconfig } from '../../src/platform/kubeconfig.ts';
import { trustGate } from '../../src/platform/kubeconfig-trust.ts';
import { createAuthority, issue, type KeyPair } from '../../src/platform/pki.ts';
import { cli } from '../cli/kit.ts';
import { type Ground, startGated, startGround } from './ground.ts';

let ground: Ground;
let authority: KeyPair;
let servingCa: { certificate: string; key: string };
before(async () => {
  ground = await startGround();
  authority = await createAuthority('gate-ca', 1);
  servingCa = { certificate: join(ground.folder, 'gate-ca.crt'), key: join(ground.folder, 'gate-ca.key') };
  writeWhole(servingCa.certificate, authority.certificate);
  writeWhole(servingCa.key, authority.key);
});
after(() => ground.stop());

/** The files of a gate that was given no serving certificate at all. */
function noServing() {
  const none = join(ground.folder, 'none');
  return { servingCertificate: none, servingKey: none, servingCa };
}

test('callers verify the gate by the kubeconfig that was rewritten for them, and not by the old one', async () => {
  const gated = await startGated(ground, {}, noServing());
  try {
    const path = ground.files.kubeconfigs.developer;
    const before = readKubeconfig(path);
    const answer = await cli(['kubeconfig', path, '--gate-ca', servingCa.certificate]);
    assert.equal(answer.code, 0, answer.stderr);
    const rewritten = join(ground.folder, 'rewritten.kubeconfig');
    writeWhole(rewritten, answer.stdout);
    const now = readKubeconfig(rewritten);
    assert.deepEqual(now.credentials, before.credentials);
    for (const [config, verified] of [
      [now, true],
      [before, false],
    ] as const) {
      const { port } = gated;
      const result = await new Promise<string>((resolve) => {
        const socket = connect({
          host: '127.0.0.1',
          port,
          servername: 'kubernetes',
          ...(config.ca === undefined ? {} : { ca: config.ca }),
        });
        socket.on('secureConnect', () => {
          socket.destroy();
          resolve('verified');
        });
        socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      });
      assert.equal(result === 'verified', verified, result);
    }
    // Lifted, callers reach the server itself again.
    assert.ok(now.ca?.includes(ground.authority.certificate.trim()));
    assert.deepEqual(await ask(gated.port, now.ca ?? ''), { status: 200, body: 'ok' });
  } finally {
    await gated.stop();
  }
});

/** A developer's request, by certificate, verified by `ca`. */
function ask(port: number, ca: string): Promise<{ status: number; body: string }> {
  const { certificate, key } = ground.pair('developer');
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, servername: 'kubernetes', ca, cert: certificate, key });
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    socket.on('error', reject);
    socket.on('end', () => {
      socket.destroy();
      resolve({ status: Number(text.slice(9, 12)), body: text.split('\r\n\r\n')[1] ?? '' });
    });
    socket.write('GET /healthz HTTP/1.1\r\nHost: kubernetes\r\nConnection: close\r\n\r\n');
  });
}

describe('what is issued', () => {
  const plan = (names?: string[]) => ({
    listeners: [
      {
        server: 'lab/cp-1',
        stage: 'inspect' as const,
        listen: { address: '127.0.0.1', port: 1 },
        upstream: { address: '127.0.0.1', port: 2, serverName: 'kubernetes' },
        shields: [],
        serverTags: [],
        ...(names ? { names } : {}),
      },
    ],
  });
  const files = () => ({ ...kubeadmFiles(ground.files.pki), ...noServing() });
  const leafOf = (issuer: ReturnType<typeof createServingIssuer>) =>
    loadIdentity(issuer.filesOf('lab/cp-1'), Date.now()).leaf;

  test('covers every name, is short-lived, and is followed by the next before it ends', async () => {
    let now = Date.now();
    const issuer = createServingIssuer(files, () => now);
    const names = ['kubernetes', '10.96.0.1', '2001:db8::1'];
    await issuer.prepare(plan(names));
    const first = leafOf(issuer);
    assert.equal(first.checkHost('kubernetes'), 'kubernetes');
    for (const address of names.slice(1)) assert.equal(first.checkIP(address), address);
    assert.equal(first.checkHost('other'), undefined);
    assert.ok(first.validToDate.getTime() <= Date.now() + 86_400_000);
    assert.ok(!first.ca);
    assert.ok(first.verify(new X509Certificate(authority.certificate).publicKey));

    now += 11 * 3_600_000;
    await issuer.prepare(plan(names));
    assert.equal(leafOf(issuer).serialNumber, first.serialNumber, 'half of its life is not over');
    now += 2 * 3_600_000;
    await issuer.prepare(plan(names));
    assert.notEqual(leafOf(issuer).serialNumber, first.serialNumber);
  });

  test('is issued anew when the CA or the names change', async () => {
    const issuer = createServingIssuer(files, Date.now);
    const serials = new Set<string>();
    for (const names of [['kubernetes'], ['kubernetes', 'more'], undefined]) {
      await issuer.prepare(plan(names));
      serials.add(leafOf(issuer).serialNumber);
    }
    const other = await createAuthority('gate-ca-2', 1);
    writeWhole(servingCa.certificate, other.certificate);
    writeWhole(servingCa.key, other.key);
    await issuer.prepare(plan());
    assert.ok(leafOf(issuer).verify(new X509Certificate(other.certificate).publicKey));
    serials.add(leafOf(issuer).serialNumber);
    assert.equal(serials.size, 3, 'no names and the one name are the same certificate');
    writeWhole(servingCa.certificate, authority.certificate);
    writeWhole(servingCa.key, authority.key);
  });

  test('by a CA with an RSA key, as clusters have', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    // Only the signature matters here: the issuer's name is taken from a certificate with another key.
    const leaf = await issue(
      { ...authority, key },
      { subject: { commonName: 'a' }, use: ['server'], days: 1 },
    );
    assert.ok(new X509Certificate(leaf.certificate).verify(publicKey));
  });

  const bad: [what: string, change: () => void, expected: RegExp][] = [
    [
      'no CA',
      () => writeWhole(servingCa.certificate, ground.pair('developer').certificate),
      /key-mismatch|belong/,
    ],
    [
      'a certificate that is no CA',
      () => {
        writeWhole(servingCa.certificate, ground.pair('apiserver').certificate);
        writeWhole(servingCa.key, ground.pair('apiserver').key);
      },
      /not the certificate of a CA/,
    ],
    ['a key that is none', () => writeWhole(servingCa.key, 'x'), /not an unencrypted private key/],
  ];
  for (const [what, change, expected] of bad) {
    test(`${what} is said before anything listens`, async () => {
      change();
      try {
        await assert.rejects(startGated(ground, {}, noServing()), expected);
      } finally {
        writeWhole(servingCa.certificate, authority.certificate);
        writeWhole(servingCa.key, authority.key);
      }
    });
  }
});

describe('kubeconfig', () => {
  const write = (text: string): string => {
    const path = join(ground.folder, 'given.kubeconfig');
    writeWhole(path, text);
    return path;
  };
  const given = (cluster: string, more = '') =>
    `apiVersion: v1\nkind: Config\ncurrent-context: a\n` +
    `clusters: [{name: c, cluster: {server: "https://k:6443", ${cluster}}}]\n` +
    `contexts: [{name: a, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {${more}}}]\n`;
  const ca = () => `certificate-authority: ${join(ground.files.pki, 'ca.crt')}`;

  test('is the same when done twice, and keeps what it does not know', () => {
    const path = write(given(ca(), 'exec: {command: aws, args: [eks]}, client-key: sub/k.pem'));
    const once = trustGate(path, servingCa.certificate);
    assert.match(once.kubeconfig, /command: aws/);
    assert.match(once.kubeconfig, new RegExp(`client-key: ${ground.folder}/sub/k\\.pem`));
    assert.doesNotMatch(once.kubeconfig, /certificate-authority:/);
    const twice = trustGate(write(once.kubeconfig), servingCa.certificate, 'c');
    assert.deepEqual(parse(twice.kubeconfig), parse(once.kubeconfig));
  });

  const rows: [
    what: string,
    cluster: () => string,
    gateCa: () => string,
    name: string | undefined,
    expected: RegExp,
  ][] = [
    [
      'no CA of its own',
      () => 'x: 1',
      () => servingCa.certificate,
      undefined,
      /system's would no longer be asked/,
    ],
    [
      'nothing verified',
      () => 'insecure-skip-tls-verify: true',
      () => servingCa.certificate,
      undefined,
      /does not verify/,
    ],
    ['an unknown cluster', ca, () => servingCa.certificate, 'd', /there is no cluster 'd'/],
    ['a gate CA that is none', ca, () => join(ground.files.pki, 'developer.crt'), undefined, /not of a CA/],
    ['a gate CA without a certificate', ca, () => servingCa.key, undefined, /no readable PEM certificate/],
  ];
  for (const [what, cluster, gateCa, name, expected] of rows) {
    test(`${what} is refused`, () => {
      assert.throws(() => trustGate(write(given(cluster())), gateCa(), name), expected);
    });
  }

  test('a key of the gate never comes out', async () => {
    const path = write(given(ca()));
    const both = join(ground.folder, 'both.pem');
    writeWhole(both, authority.certificate + authority.key);
    const answer = await cli(['kubeconfig', path, '--gate-ca', both, '-o', 'json']);
    const { kubeconfig } = JSON.parse(answer.stdout) as { kubeconfig: string };
    writeWhole(join(ground.folder, 'out.kubeconfig'), kubeconfig);
    const data = /certificate-authority-data: ["']?([A-Za-z0-9+/=]+)/.exec(
      readFileSync(join(ground.folder, 'out.kubeconfig'), 'utf8'),
    );
    assert.doesNotMatch(Buffer.from(data?.[1] ?? '', 'base64').toString(), /PRIVATE/);
    assert.match(Buffer.from(data?.[1] ?? '', 'base64').toString(), /CERTIFICATE/);
  });
});
