// X.509 for Portcullis itself (the controller's CA, agents, gates) and for the range's clusters: ECDSA P-256 keys,
// certificates and PKCS #10 requests as PEM text.
import 'reflect-metadata';
import { createHash, createPrivateKey, randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { Failure } from '../base/failure.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
x509.cryptoProvider.set(webcrypto as unknown as Crypto);

/** A private key with its certificate, both PEM (PKCS #8 and X.509). */
export type KeyPair = { readonly key: string; readonly certificate: string };

export type Subject = {
  readonly commonName: string;
  /** Organizations: what Kubernetes reads as groups. */
  readonly organizations?: readonly string[];
  /** What Kubernetes from v1.33 reads as the user's UID. */
  readonly uid?: string;
};

export type CertificateUse = {
  readonly subject: Subject;
  readonly use: readonly ('server' | 'client')[];
  /** DNS names and IP addresses of a server. */
  readonly names?: readonly string[];
  /** Validity from five minutes ago (clock skew) for this many days; a negative number makes it expired. */
  readonly days: number;
};

export async function createAuthority(commonName: string, days: number): Promise<KeyPair> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: subjectName({ commonName }),
    ...validity(days),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { key: await exportKey(keys.privateKey), certificate: pem(certificate) };
}

/** A fresh key and a certificate for it. */
export async function issue(authority: KeyPair, want: CertificateUse): Promise<KeyPair> {
  const keys = await generateKeys();
  return { key: await exportKey(keys.privateKey), certificate: await sign(authority, keys.publicKey, want) };
}

/** A fresh key and a request for it; the key stays with the caller. */
export async function createRequest(commonName: string): Promise<{ key: string; request: string }> {
  const keys = await generateKeys();
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: subjectName({ commonName }),
    keys,
    signingAlgorithm: algorithm,
  });
  return { key: await exportKey(keys.privateKey), request: `${request.toString('pem')}\n` };
}

/**
 * Signs a request's key for the subject in `want`; the request's own subject and extensions are ignored.
 * @throws Failure `bad-csr` when it isn't a PKCS #10 request signed by its own key, or the key is not ECDSA P-256
 */
export async function signRequest(
  authority: KeyPair,
  request: string,
  want: CertificateUse,
): Promise<string> {
  let parsed: x509.Pkcs10CertificateRequest;
  let key: CryptoKey;
  try {
    parsed = new x509.Pkcs10CertificateRequest(request);
    if (!(await parsed.verify())) throw new Error('its signature does not verify');
    key = await parsed.publicKey.export(algorithm, ['verify']);
  } catch (cause) {
    throw new Failure('bad-csr', 'the certificate request is not a PKCS #10 request for an ECDSA P-256 key', {
      cause,
    });
  }
  return sign(authority, key, want);
}

/** A certificate revocation list, PEM, that revokes these certificates of the authority's; validity as in CertificateUse. */
export async function createRevocationList(
  authority: KeyPair,
  revoked: readonly string[],
  days: number,
): Promise<string> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const { notBefore, notAfter } = validity(days);
  const signer = await signerOf(authority);
  const list = await x509.X509CrlGenerator.create({
    issuer: issuer.subject,
    thisUpdate: notBefore,
    nextUpdate: notAfter,
    entries: revoked.map((certificate) => ({
      serialNumber: new x509.X509Certificate(certificate).serialNumber,
      revocationDate: notBefore,
    })),
    signingKey: signer.key,
    signingAlgorithm: signer.algorithm,
  });
  // The label that OpenSSL knows.
  return `${list.toString('pem').replaceAll(' CRL-----', ' X509 CRL-----')}\n`;
}

export type RevocationList = {
  /** When it is due to be followed by the next, milliseconds since the epoch. */
  readonly expires: number;
  /** `certificateKey` of each. */
  readonly revoked: readonly string[];
};

/** Reads a list of PEM; its signature is OpenSSL's to verify. @throws what the parser throws */
export function readRevocationList(pem: string): RevocationList {
  const list = new x509.X509Crl(pem);
  const issuer = list.issuerName.getField('CN');
  return {
    expires: list.nextUpdate?.getTime() ?? Number.POSITIVE_INFINITY,
    revoked: list.entries.map(({ serialNumber }) => certificateKey(issuer, serialNumber)),
  };
}

/** By which a list names a certificate: its issuer's common names, and its serial number, hexadecimal. */
export function certificateKey(issuer: readonly string[], serialNumber: string): string {
  return `${JSON.stringify(issuer)} ${serialNumber.toLowerCase().replace(/^0+/, '')}`;
}

/** Sha-256 of a certificate's DER, lower-case hex: what an enrolment token pins. */
export function fingerprint(certificate: string): string {
  return createHash('sha256')
    .update(Buffer.from(new x509.X509Certificate(certificate).rawData))
    .digest('hex');
}

async function sign(authority: KeyPair, publicKey: CryptoKey, want: CertificateUse): Promise<string> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const extensions: x509.Extension[] = [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension(
      want.use.map((use) =>
        use === 'server' ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth,
      ),
    ),
    await x509.AuthorityKeyIdentifierExtension.create(issuer),
  ];
  if (want.names && want.names.length > 0) {
    extensions.push(
      new x509.SubjectAlternativeNameExtension(
        want.names.map((name) => ({
          type: /^[0-9.]+$|:/.test(name) ? ('ip' as const) : ('dns' as const),
          value: name,
        })),
      ),
    );
  }
  const signer = await signerOf(authority);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    issuer: issuer.subject,
    subject: subjectName(want.subject),
    ...validity(want.days),
    publicKey,
    signingKey: signer.key,
    signingAlgorithm: signer.algorithm,
    extensions,
  });
  return pem(certificate);
}

/** Portcullis's own CAs are P-256; those of clusters and companies, which it may be given, mostly RSA. */
async function signerOf(authority: KeyPair): Promise<{ key: CryptoKey; algorithm: SigningAlgorithm }> {
  const key = createPrivateKey(authority.key);
  const curve = key.asymmetricKeyDetails?.namedCurve;
  const signing: SigningAlgorithm =
    key.asymmetricKeyType === 'rsa'
      ? { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
      : curve === 'secp384r1'
        ? { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' }
        : algorithm;
  const der = key.export({ format: 'der', type: 'pkcs8' });
  const imported = await webcrypto.subtle.importKey('pkcs8', der, signing, false, ['sign']);
  return { key: imported as CryptoKey, algorithm: signing };
}

type SigningAlgorithm = { readonly name: string; readonly namedCurve?: string; readonly hash: string };

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, [
    'sign',
    'verify',
  ]) as Promise<webcrypto.CryptoKeyPair>;
}

async function exportKey(key: CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    .export({ format: 'pem', type: 'pkcs8' })
    .toString();
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

function serial(): string {
  // RFC 5280 4.1.2.2: positive, at most 20 octets; 0x40 keeps the first octet positive and non-zero.
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

function subjectName(subject: Subject): x509.JsonName {
  return [
    ...(subject.organizations ?? []).map((organization) => ({ O: [organization] })),
    { CN: [subject.commonName] },
    ...(subject.uid === undefined ? [] : [{ '1.3.6.1.4.1.57683.2': [subject.uid] }]),
  ];
}

function validity(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  const end = now + days * 86_400_000;
  return { notBefore: new Date(Math.min(now, end) - 300_000), notAfter: new Date(end) };
}
