import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { createAuthority, createRequest, fingerprint, issue, signRequest } from './pki.ts';

test('an issued certificate verifies, carries groups and names, and its request may not choose its subject', async () => {
  const authority = await createAuthority('test ca', 1);
  const ca = new X509Certificate(authority.certificate);
  const server = new X509Certificate(
    (
      await issue(authority, {
        subject: { commonName: 'apiserver' },
        use: ['server'],
        names: ['kubernetes', '10.0.0.1', 'fd00::1'],
        days: 1,
      })
    ).certificate,
  );
  assert.ok(server.verify(ca.publicKey) && server.checkIssued(ca));
  assert.equal(server.checkIP('10.0.0.1'), '10.0.0.1');
  assert.equal(server.checkIP('fd00::1'), 'fd00::1');
  assert.equal(server.checkHost('kubernetes'), 'kubernetes');

  const { request } = await createRequest('system:masters');
  const signed = new X509Certificate(
    await signRequest(authority, request, {
      subject: { commonName: 'cp-1', organizations: ['portcullis:agent'] },
      use: ['client'],
      days: 1,
    }),
  );
  assert.equal(signed.subject, 'O=portcullis:agent\nCN=cp-1');
  await assert.rejects(
    signRequest(authority, 'nonsense', { subject: { commonName: 'x' }, use: [], days: 1 }),
    { code: 'bad-csr' },
  );
  assert.equal(fingerprint(authority.certificate), ca.fingerprint256.replaceAll(':', '').toLowerCase());
});
