import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Failure } from '../base/failure.ts';
import { createAuthority, issue, type KeyPair } from '../platform/pki.ts';
import { checkServingName, kubeadmFiles, loadIdentity } from './identity-files.ts';
import { type Keys, makeKeys, removeKeys } from './test-kit.ts';

let keys: Keys;
let serving: KeyPair;
let client: KeyPair;
let late: KeyPair;
let stranger: KeyPair;
before(async () => {
  keys = await makeKeys();
  serving = keys.serving;
  const subject = { commonName: 'front-proxy-client' };
  client = await issue(keys.authority, { subject, use: ['client'], days: 1 });
  late = await issue(keys.authority, { subject, use: ['client', 'server'], names: ['kubernetes'], days: -1 });
  stranger = await issue(await createAuthority('other', 1), {
    subject,
    use: ['server', 'client'],
    names: ['kubernetes'],
    days: 1,
  });
});
after(() => removeKeys(keys));

function restore(): void {
  keys.write('ca.crt', keys.authority.certificate);
  keys.write('apiserver.crt', serving.certificate);
  keys.write('apiserver.key', serving.key);
  keys.write('front-proxy-client.crt', client.certificate);
  keys.write('front-proxy-client.key', client.key);
}

const table: [string, () => void | Promise<void>, string, string][] = [
  ['a missing key', () => rmSync(join(keys.folder, 'apiserver.key')), 'unreadable', 'apiserver.key'],
  [
    'a key of another certificate',
    () => keys.write('apiserver.key', client.key),
    'key-mismatch',
    'apiserver.key',
  ],
  [
    'a key that is none',
    () => keys.write('front-proxy-client.key', 'x'),
    'bad-key',
    'front-proxy-client.key',
  ],
  ['a certificate that is none', () => keys.write('apiserver.crt', 'x'), 'bad-certificate', 'apiserver.crt'],
  [
    'a broken certificate',
    () => keys.write('apiserver.crt', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'),
    'bad-certificate',
    'apiserver.crt',
  ],
  [
    'an expired serving certificate',
    () => {
      keys.write('apiserver.crt', late.certificate);
      keys.write('apiserver.key', late.key);
    },
    'certificate-expired',
    'apiserver.crt',
  ],
  [
    'an expired front-proxy certificate',
    () => {
      keys.write('front-proxy-client.crt', late.certificate);
      keys.write('front-proxy-client.key', late.key);
    },
    'certificate-expired',
    'front-proxy-client.crt',
  ],
  [
    'a client certificate for serving',
    () => {
      keys.write('apiserver.crt', client.certificate);
      keys.write('apiserver.key', client.key);
    },
    'certificate-use',
    'apiserver.crt',
  ],
  [
    'a serving certificate as the front proxy',
    () => {
      keys.write('front-proxy-client.crt', serving.certificate);
      keys.write('front-proxy-client.key', serving.key);
    },
    'certificate-use',
    'front-proxy-client.crt',
  ],
  [
    'a serving certificate of another CA',
    () => {
      keys.write('apiserver.crt', stranger.certificate);
      keys.write('apiserver.key', stranger.key);
    },
    'certificate-chain',
    'apiserver.crt',
  ],
  ['a CA file without a CA', () => keys.write('ca.crt', serving.certificate), 'certificate-use', 'ca.crt'],
  [
    'an expired CA',
    async () => keys.write('ca.crt', (await createAuthority('old', -1)).certificate),
    'certificate-expired',
    'ca.crt',
  ],
];
for (const [name, spoil, code, file] of table) {
  test(`${name}: ${code} names ${file}`, async () => {
    restore();
    loadIdentity(kubeadmFiles(keys.folder), Date.now());
    await spoil();
    assert.throws(
      () => loadIdentity(kubeadmFiles(keys.folder), Date.now()),
      (error: Failure) => {
        assert.equal(error.code, code);
        assert.equal(error.place, join(keys.folder, file));
        assert.doesNotMatch(error.message, /PRIVATE KEY/);
        return true;
      },
    );
  });
}

test('an expired CA beside a valid one is a rotation', async () => {
  restore();
  keys.write('ca.crt', (await createAuthority('old', -1)).certificate + keys.authority.certificate);
  loadIdentity(kubeadmFiles(keys.folder), Date.now());
});

test('the serving certificate must cover the name that callers verify', () => {
  restore();
  const files = kubeadmFiles(keys.folder);
  const material = loadIdentity(files, Date.now());
  for (const name of ['kubernetes', '127.0.0.1']) checkServingName(material, files, name);
  for (const name of ['kubernetes.example', '127.0.0.2']) {
    assert.throws(() => checkServingName(material, files, name), { code: 'certificate-names' });
  }
});

test('a clock that is behind is said to be the trouble', () => {
  restore();
  assert.throws(() => loadIdentity(kubeadmFiles(keys.folder), Date.now() - 86_400_000), {
    code: 'certificate-not-yet-valid',
  });
});
