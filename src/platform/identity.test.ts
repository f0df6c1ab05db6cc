import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type ClientIdentity, isOwnCertificate, readIdentity, writeIdentity } from './identity.ts';
import { createAuthority, issue, type KeyPair } from './pki.ts';

const root = mkdtempSync(join(tmpdir(), 'portcullis-identity-'));
after(() => rmSync(root, { recursive: true }));
let ca: KeyPair;
let former: ClientIdentity;
let renewed: ClientIdentity;

async function identity(authority: KeyPair, role = 'agent', name = 'cp-1'): Promise<ClientIdentity> {
  const subject = { commonName: name, organizations: [`portcullis:${role}`] };
  const pair = await issue(authority, { subject, use: ['client'], days: 1 });
  return { ...pair, controller: '127.0.0.1:7443', role: 'agent', name: 'cp-1', ca: ca.certificate };
}
before(async () => {
  ca = await createAuthority('portcullis', 1);
  former = await identity(ca);
  renewed = await identity(ca);
});

test('whatever keeps a renewed identity from being written, the folder holds a whole one', () => {
  const steps: readonly [file: string, holds: ClientIdentity][] = [
    ['ca.pem', former],
    ['client.pem', former],
    ['identity.json', renewed],
  ];
  for (const [file, holds] of steps) {
    const folder = join(root, `broken at ${file}`);
    writeIdentity(folder, former);
    // A folder in its place makes writing this file fail, as a full disk or a kill would end it there.
    const obstacle = join(folder, `${file}.${process.pid}.tmp`);
    mkdirSync(obstacle);
    assert.throws(() => writeIdentity(folder, renewed), file);
    assert.deepEqual(readIdentity(folder), holds, file);
    rmdirSync(obstacle);
    writeIdentity(folder, renewed);
    assert.deepEqual(readIdentity(folder), renewed, file);
    assert.deepEqual(readdirSync(folder).sort(), ['ca.pem', 'client.pem', 'identity.json']);
  }
});

test('an identity that was never whole reads as none, and one in two files, as it once was, is read and replaced', () => {
  const folder = join(root, 'once');
  mkdirSync(folder);
  writeFileSync(join(folder, 'key.pem'), former.key);
  writeFileSync(join(folder, 'cert.pem'), former.certificate);
  writeFileSync(join(folder, 'ca.pem'), former.ca);
  assert.throws(() => readIdentity(folder), { code: 'not-enrolled' });
  const { controller, role, name } = former;
  writeFileSync(join(folder, 'identity.json'), JSON.stringify({ controller, role, name }));
  assert.deepEqual(readIdentity(folder), former);
  writeIdentity(folder, renewed);
  assert.deepEqual(readIdentity(folder), renewed);
  assert.deepEqual(readdirSync(folder).sort(), ['ca.pem', 'client.pem', 'identity.json']);
  assert.equal(statSync(join(folder, 'client.pem')).mode & 0o077, 0);
  writeFileSync(join(folder, 'client.pem'), renewed.certificate);
  assert.throws(() => readIdentity(folder), { code: 'bad-identity', place: join(folder, 'client.pem') });
});

test('a certificate is our own when key, role, name and authority are', async () => {
  assert.equal(isOwnCertificate(former), true);
  const other = await createAuthority('portcullis', 1);
  for (const [what, wrong] of [
    ['another key', { ...former, key: renewed.key }],
    ['another role', await identity(ca, 'gate')],
    ['another name', await identity(ca, 'agent', 'cp-2')],
    ['another authority of that name', await identity(other)],
    ['no certificate', { ...former, certificate: 'x' }],
  ] as const)
    assert.equal(isOwnCertificate(wrong), false, what);
});
