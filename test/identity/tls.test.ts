// What the gate's TLS takes and refuses: ciphers, client CAs as they rotate, revocation lists as they come and go.
import 'reflect-metadata';
import assert from 'node:assert/strict';
import { createPrivateKey, webcrypto } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import * as x509 from '@peculiar/x509';
import { tokens } from '../../range/pki.ts';
import { openSession } from '../../src/gate/http2-test-kit.ts';
import { type IdentityMaterial, kubeadmFiles, loadIdentity } from '../../src/gate/identity-files.ts';
import { call } from '../../src/gate/test-kit.ts';
import { secureOptions } from '../../src/gate/tls-options.ts';
import { writeWhole } from '../../src/platform/files.ts';
import { createAuthority, createRevocationList, issue, type KeyPair } from '../../src/platform/pki.ts';
import { type Gated, type Ground, pods, startGated, startGround } from './ground.ts';

let ground: Ground;
let developer: KeyPair;
before(async () => {
  ground = await startGround();
  developer = ground.pair('developer');
});
after(() => ground.stop());

const devToken = tokens['dev-token'].value;
const quick = { limits: { filesMs: 20 } };

/** Asks until the gate has taken new files into use: `ready` says when, a few thousand times at most. */
async function askUntil(
  gated: Gated,
  certificate: KeyPair,
  ready: (status: number) => boolean,
): Promise<string> {
  for (let asked = 0; asked < 3_000; asked++) {
    const { status, text } = await gated.ask({ certificate });
    if (ready(status)) return text;
  }
  throw new Error('the new files never came into use');
}

async function withGate(
  files: Parameters<typeof startGated>[2],
  run: (gated: Gated) => Promise<void>,
): Promise<void> {
  const gated = await startGated(ground, {}, files, quick);
  try {
    await run(gated);
  } finally {
    await gated.stop();
  }
}

describe('ciphers', () => {
  let ecdsa: Gated;
  let rsa: Gated;
  before(async () => {
    ecdsa = await startGated(ground, {});
    const pair = await rsaServing(ground.authority);
    const at = (name: string) => join(ground.folder, name);
    writeWhole(at('rsa.crt'), pair.certificate);
    writeWhole(at('rsa.key'), pair.key);
    rsa = await startGated(ground, {}, { servingCertificate: at('rsa.crt'), servingKey: at('rsa.key') });
  });
  after(async () => {
    await ecdsa.stop();
    await rsa.stop();
  });

  const rows: [
    what: string,
    key: 'ecdsa' | 'rsa',
    offered: string,
    version: 'TLSv1.2' | 'TLSv1.3',
    ok: boolean,
  ][] = [
    ['AEAD with ECDHE', 'ecdsa', 'ECDHE-ECDSA-AES128-GCM-SHA256', 'TLSv1.2', true],
    ['AES-256', 'ecdsa', 'ECDHE-ECDSA-AES256-GCM-SHA384', 'TLSv1.2', true],
    ['ChaCha', 'ecdsa', 'ECDHE-ECDSA-CHACHA20-POLY1305', 'TLSv1.2', true],
    ['AEAD with ECDHE, RSA key', 'rsa', 'ECDHE-RSA-AES128-GCM-SHA256', 'TLSv1.2', true],
    ['TLS 1.3', 'rsa', 'TLS_AES_256_GCM_SHA384', 'TLSv1.3', true],
    ['CBC, ECDSA', 'ecdsa', 'ECDHE-ECDSA-AES128-SHA256', 'TLSv1.2', false],
    ['CBC with SHA-1', 'ecdsa', 'ECDHE-ECDSA-AES256-SHA', 'TLSv1.2', false],
    ['CBC, RSA key', 'rsa', 'ECDHE-RSA-AES128-SHA256', 'TLSv1.2', false],
    ['RSA key exchange', 'rsa', 'AES128-GCM-SHA256', 'TLSv1.2', false],
    ['RSA key exchange with CBC', 'rsa', 'AES128-SHA', 'TLSv1.2', false],
    [
      'no forward secrecy hidden behind a good one',
      'rsa',
      'AES128-SHA:ECDHE-RSA-AES256-GCM-SHA384',
      'TLSv1.2',
      true,
    ],
  ];
  for (const [what, key, ciphers, version, ok] of rows) {
    test(`${what}: ${ok ? 'taken' : 'refused'}`, async () => {
      const { keys, port } = key === 'rsa' ? rsa : ecdsa;
      const open = call(keys, port, undefined, { ciphers, minVersion: version, maxVersion: version });
      if (!ok) {
        await assert.rejects(open, /handshake failure|ECONNRESET/i);
        return;
      }
      const caller = await open;
      assert.match(caller.socket.getCipher().name, /GCM|POLY1305/);
      assert.equal(caller.socket.getProtocol(), version);
      caller.socket.destroy();
    });
  }

  test('TLS 1.1 is refused', async () => {
    const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' } as const;
    await assert.rejects(call(ecdsa.keys, ecdsa.port, undefined, old), /protocol version|ECONNRESET/i);
  });
});

describe('client CAs', () => {
  test('rotate without a restart: old and new together, and a watch goes on', async () => {
    const bundle = join(ground.folder, 'client-ca.crt');
    const next = await createAuthority('next', 1);
    const subject = { commonName: 'developer', organizations: ['developers'] };
    const renewed = await issue(next, { subject, use: ['client'], days: 1 });
    writeWhole(bundle, ground.authority.certificate);
    await withGate({ clientCa: bundle }, async (gated) => {
      assert.equal((await gated.ask({ certificate: developer })).status, 200);
      assert.equal((await gated.ask({ certificate: renewed })).status, 401);
      const early = await gated.call(developer);
      early.send('GET /api/v1/namespaces/lab/pods?watch=1 HTTP/1.1\r\nHost: kubernetes\r\n\r\n');
      await early.until('HTTP/1.1 200 ');

      writeWhole(bundle, ground.authority.certificate + next.certificate);
      await askUntil(gated, renewed, (status) => status === 200);
      assert.equal((await gated.ask({ certificate: developer })).line?.user, 'developer');

      writeWhole(bundle, next.certificate);
      const refused = await askUntil(gated, developer, (status) => status !== 200);
      assert.match(refused, /does not verify against the cluster's client CA/);
      assert.equal((await gated.ask({ certificate: renewed })).line?.user, 'developer');
      // A watch goes on as it began; only idle connections are ended, to come back and be judged anew.
      const had = early.text().length;
      await early.untilLength(had + 1);
      early.socket.destroy();
    });
  });
});

describe('revocation lists', () => {
  const list = () => join(ground.folder, 'clients.crl');
  const write = async (revoked: readonly KeyPair[], days = 1, by = ground.authority) =>
    writeWhole(
      list(),
      await createRevocationList(
        by,
        revoked.map(({ certificate }) => certificate),
        days,
      ),
    );

  test('a revoked caller is refused by name, with a session from before too; others are not', async () => {
    const doomed = await ground.certificate({ commonName: 'developer', organizations: ['developers'] });
    await write([]);
    await withGate({ clientCrl: list() }, async (gated) => {
      const first = await call(gated.keys, gated.port, doomed, { ALPNProtocols: ['http/1.1'] });
      const ticket = new Promise<Buffer>((resolve) => first.socket.once('session', resolve));
      first.send('GET /version HTTP/1.1\r\nHost: kubernetes\r\nConnection: close\r\n\r\n');
      assert.match(await first.ended(), /^HTTP\/1\.1 200 /);
      const session = await ticket;

      await write([doomed]);
      const refused = await askUntil(gated, doomed, (status) => status === 401);
      assert.match(refused, /^HTTP\/1\.1 401 .*the client certificate is refused: it was revoked/s);
      const again = await call(gated.keys, gated.port, doomed, { session, ALPNProtocols: ['http/1.1'] });
      again.send('GET /version HTTP/1.1\r\nHost: kubernetes\r\nConnection: close\r\n\r\n');
      assert.match(await again.ended(), /it was revoked/);
      await gated.link.when(() => gated.link.incidents.some(({ rule }) => rule === 'certificate-revoked'));
      assert.equal((await gated.ask({ certificate: developer })).status, 200);
      assert.equal((await gated.ask({ token: devToken })).status, 200);
      for (const caller of [first, again]) caller.socket.destroy();
    });
  });

  test('a new list cuts what a revoked caller has open, a watch too, and nobody else’s', async () => {
    const subject = { commonName: 'developer', organizations: ['developers'] };
    const [doomed, other] = [await ground.certificate(subject), await ground.certificate(subject)];
    await write([]);
    await withGate({ clientCrl: list() }, async (gated) => {
      const watch = async (certificate: KeyPair, protocol: string) => {
        const caller = await call(gated.keys, gated.port, certificate, { ALPNProtocols: [protocol] });
        caller.send(`GET ${pods}?watch=1 HTTP/1.1\r\nHost: kubernetes\r\n\r\n`);
        await caller.until('ADDED');
        return caller;
      };
      const cut = await watch(doomed, 'http/1.1');
      const kept = await watch(other, 'http/1.1');
      const session = await openSession(gated.keys, gated.port, doomed);
      const over = new Promise<void>((resolve) => session.once('close', () => resolve()));
      const stream = session.request({ ':path': `${pods}?watch=1` });
      stream.on('error', () => {});
      stream.resume();
      await new Promise((resolve) => stream.once('response', resolve));

      await write([doomed]);
      await Promise.all([cut.ended(), over]);
      const { incidents } = gated.link;
      await gated.link.when(
        () => incidents.filter(({ rule }) => rule === 'certificate-revoked').length === 2,
      );
      assert.deepEqual([...new Set(incidents.map(({ who }) => who.user))], ['developer']);
      const had = kept.text().length;
      await kept.untilLength(had + 1);
      for (const caller of [cut, kept]) caller.socket.destroy();
      session.destroy();
    });
  });

  test('a list out of date refuses every certificate, no token, and health says which file', async () => {
    await write([], -1);
    await withGate({ clientCrl: list() }, async (gated) => {
      const { status, text } = await gated.ask({ certificate: developer });
      assert.equal(status, 401);
      assert.match(text, /revocation list that it must be looked up in is out of date/);
      assert.equal((await gated.ask({ token: devToken })).line?.user, 'dev-token');
      await gated.link.when(() =>
        gated.link.reports.some(({ ok, detail }) => !ok && /--client-crl/.test(detail)),
      );
      await write([]);
      await askUntil(gated, developer, (answered) => answered === 200);
    });
  });

  test('no list of the issuer, and one that another CA made, refuse as well', async () => {
    const other = await createAuthority('other', 1);
    // The same name, so that only the signature tells it apart.
    const impostor = await createAuthority('kubernetes', 1);
    for (const by of [other, impostor]) {
      await write([], 1, by);
      await withGate({ clientCrl: list() }, async (gated) => {
        const { status, text } = await gated.ask({ certificate: developer });
        assert.equal(status, 401);
        assert.match(text, /revocation list/);
      });
    }
  });

  test('a file that holds none is said before anything listens', async () => {
    writeWhole(list(), ground.authority.certificate);
    await assert.rejects(
      withGate({ clientCrl: list() }, async () => {}),
      /no readable certificate revocation list/,
    );
  });
});

test('ticket keys are the same in all processes of one gate, and another for every server, port and file', () => {
  const material = loadIdentity(kubeadmFiles(ground.files.pki), Date.now());
  const listener = {
    server: 'a',
    stage: 'inspect',
    listen: { address: '127.0.0.1', port: 1 },
    upstream: { address: '127.0.0.1', port: 2, serverName: 'kubernetes' },
    shields: [],
    serverTags: [],
  } as const;
  const keysOf = (over: object, changed: Partial<IdentityMaterial> = {}) =>
    secureOptions({ ...listener, shields: [], serverTags: [], ...over }, { ...material, ...changed });
  const first = keysOf({});
  const passedOn = JSON.parse(JSON.stringify({ ...material, leaf: undefined })) as IdentityMaterial;
  assert.deepEqual(keysOf({}, passedOn).ticketKeys, first.ticketKeys);
  for (const other of [
    keysOf({ server: 'b' }),
    keysOf({ listen: { address: '127.0.0.1', port: 3 } }),
    keysOf({}, { fingerprint: 'other' }),
  ]) {
    assert.notDeepEqual(other.ticketKeys, first.ticketKeys);
    assert.notEqual(other.sessionIdContext, first.sessionIdContext);
  }
  assert.notDeepEqual(keysOf({}, { ticketSecret: '00'.repeat(32) }).ticketKeys, first.ticketKeys);
});

/** A serving certificate with an RSA key, as most clusters have it. */
async function rsaServing(authority: KeyPair): Promise<KeyPair> {
  x509.cryptoProvider.set(webcrypto as unknown as Crypto);
  const rsa = {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
  };
  const pair = (await webcrypto.subtle.generateKey(rsa, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const ecdsa = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const der = createPrivateKey(authority.key).export({ format: 'der', type: 'pkcs8' });
  const signingKey = await webcrypto.subtle.importKey('pkcs8', der, ecdsa, false, ['sign']);
  const certificate = await x509.X509CertificateGenerator.create({
    issuer: new x509.X509Certificate(authority.certificate).subject,
    subject: 'CN=kube-apiserver',
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 3_600_000),
    publicKey: pair.publicKey as CryptoKey,
    signingKey: signingKey as CryptoKey,
    signingAlgorithm: ecdsa,
    extensions: [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'kubernetes' }]),
    ],
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', pair.privateKey));
  return {
    certificate: `${certificate.toString('pem')}\n`,
    key: createPrivateKey({ key, format: 'der', type: 'pkcs8' })
      .export({ format: 'pem', type: 'pkcs8' })
      .toString(),
  };
}
