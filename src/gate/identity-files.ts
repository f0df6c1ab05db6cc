// The keys and certificates of one protected server, read and checked before anything listens with them.
import { createHash, createPrivateKey, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { Failure } from '../base/failure.ts';
import { readText } from '../platform/files.ts';
import { readRevocationList } from '../platform/pki.ts';

/** Paths, all PEM. */
export type IdentityFiles = {
  /** What callers see: the server's own certificate, so that their kubeconfigs need no change. */
  readonly servingCertificate: string;
  readonly servingKey: string;
  /** Signs callers' client certificates (`--client-ca-file`). */
  readonly clientCa: string;
  /**
   * The gate's proof towards the server that X-Remote-* are true (`--requestheader-client-ca-file`). May both be missing
   * where no server of theirs is in mode front-proxy.
   */
  readonly frontProxyCertificate: string;
  readonly frontProxyKey: string;
  /** Mode impersonation: a service account's token, or a client certificate and key, whose user may impersonate. */
  readonly impersonationToken?: string;
  readonly impersonationCertificate?: string;
  readonly impersonationKey?: string;
  /** Signs the server's certificate. */
  readonly serverCa: string;
  /** Revocation lists, one for each CA of clientCa: without a list of its issuer no client certificate is accepted. */
  readonly clientCrl?: string;
  /** Instead of the serving certificate: a CA from which the gate issues one itself (issued-serving.ts). */
  readonly servingCa?: { readonly certificate: string; readonly key: string };
  /** What was issued from it, PEM, the CA's certificate last. */
  readonly issued?: CertificateAndKey;
};

/** The layout that kubeadm lays down on a control-plane host. */
export function kubeadmFiles(folder = '/etc/kubernetes/pki'): IdentityFiles {
  return {
    servingCertificate: join(folder, 'apiserver.crt'),
    servingKey: join(folder, 'apiserver.key'),
    clientCa: join(folder, 'ca.crt'),
    frontProxyCertificate: join(folder, 'front-proxy-client.crt'),
    frontProxyKey: join(folder, 'front-proxy-client.key'),
    serverCa: join(folder, 'ca.crt'),
  };
}

export type RevocationLists = {
  /** One list each. */
  readonly pem: readonly string[];
  /** `certificateKey` of each revoked certificate. */
  readonly revoked: readonly string[];
  /** Milliseconds since the epoch when the first of them is out of date: from then on nobody is known not to be revoked. */
  readonly expires: number;
};

export type CertificateAndKey = { readonly certificate: string; readonly key: string };

/** What the files held, PEM, checked. */
export type IdentityMaterial = {
  readonly serving: CertificateAndKey;
  readonly clientCa: string;
  readonly clientCrl: RevocationLists | undefined;
  readonly frontProxy: CertificateAndKey | undefined;
  readonly impersonation: CertificateAndKey | undefined;
  /** Changes often, and without a trace in the fingerprint: connections read the one of the day. */
  readonly impersonationToken: string | undefined;
  readonly serverCa: string;
  /** Changes when any of the files does, the token's left out. */
  readonly fingerprint: string;
  /** 32 bytes, hex, of this process: whatever process it gives the material to takes the others' session tickets. */
  readonly ticketSecret: string;
  /** Milliseconds since the epoch when the first of the certificates expires. */
  readonly expires: number;
  readonly leaf: X509Certificate;
};

/** The part of it that serves connections: what a worker is given. */
export type ServedMaterial = Omit<IdentityMaterial, 'leaf' | 'expires'>;

const serverAuth = '1.3.6.1.5.5.7.3.1';
const clientAuth = '1.3.6.1.5.5.7.3.2';

/**
 * Reads and checks them all. `now` is milliseconds since the epoch.
 * @throws Failure naming the file: `unreadable`, `bad-certificate`, `bad-key`, `key-mismatch`, `certificate-expired`,
 * `certificate-not-yet-valid`, `certificate-use`, `certificate-chain`, `bad-revocation-list`
 */
export function loadIdentity(files: IdentityFiles, now: number): IdentityMaterial {
  const serverCa = readAuthorities(files.serverCa, now);
  const clientCa = readAuthorities(files.clientCa, now);
  const serving = readServing(files, serverCa.certificates, now);
  const frontProxy = [files.frontProxyCertificate, files.frontProxyKey].some((path) => existsSync(path))
    ? readPair(files.frontProxyCertificate, files.frontProxyKey, clientAuth, now)
    : undefined;
  const { impersonationCertificate, impersonationKey } = files;
  const impersonation =
    impersonationCertificate !== undefined && impersonationKey !== undefined
      ? readPair(impersonationCertificate, impersonationKey, clientAuth, now)
      : undefined;
  const hash = createHash('sha256');
  const pairs = [serving, frontProxy, impersonation];
  const parts = pairs.flatMap((pair) => (pair ? [pair.certificate, pair.key] : ['', '']));
  const clientCrl = files.clientCrl === undefined ? undefined : readRevocationLists(files.clientCrl);
  const texts = [...parts, clientCa.pem, serverCa.pem, ...(clientCrl?.pem ?? [])];
  for (const text of texts) hash.update(`${text.length}:${text}`);
  return {
    serving: pem(serving),
    clientCa: clientCa.pem,
    clientCrl,
    frontProxy: frontProxy && pem(frontProxy),
    impersonation: impersonation && pem(impersonation),
    impersonationToken:
      files.impersonationToken === undefined ? undefined : readToken(files.impersonationToken),
    serverCa: serverCa.pem,
    fingerprint: hash.digest('hex'),
    ticketSecret,
    expires: Math.min(...pairs.map((pair) => pair?.leaf.validToDate.getTime() ?? Infinity)),
    leaf: serving.leaf,
  };
}

function readServing(files: IdentityFiles, serverCa: readonly X509Certificate[], now: number): Pair {
  if (files.issued && files.servingCa) {
    return checkPair(files.issued, files.servingCa.certificate, files.servingCa.key, serverAuth, now);
  }
  const serving = readPair(files.servingCertificate, files.servingKey, serverAuth, now);
  checkChain(files.servingCertificate, serving.chain, serverCa, files.serverCa);
  return serving;
}

/** A CA's own certificate and key. @throws as loadIdentity */
export function readSigningPair(certificatePath: string, keyPath: string, now: number): CertificateAndKey {
  const pair = readPair(certificatePath, keyPath, undefined, now);
  if (pair.leaf.ca) return pem(pair);
  throw new Failure('certificate-use', 'this is not the certificate of a CA', { place: certificatePath });
}

const ticketSecret = randomBytes(32).toString('hex');

/** One that is out of date is read all the same: the gate then refuses client certificates, and health says why. */
function readRevocationLists(path: string): RevocationLists {
  const pem = readText(path).match(/-----BEGIN X509 CRL-----[^-]+-----END X509 CRL-----/g) ?? [];
  try {
    if (pem.length === 0) throw new Error('no PEM block');
    const lists = pem.map(readRevocationList);
    return {
      pem,
      revoked: lists.flatMap(({ revoked }) => revoked),
      expires: Math.min(...lists.map(({ expires }) => expires)),
    };
  } catch (cause) {
    throw new Failure('bad-revocation-list', 'there is no readable certificate revocation list in it', {
      place: path,
      hint: 'give PEM (BEGIN X509 CRL), as `openssl ca -gencrl` writes it',
      cause,
    });
  }
}

/** A bearer token (RFC 6750 2.1): what it may not hold could end its header line. */
function readToken(path: string): string {
  const token = readText(path).trim();
  if (/^[A-Za-z0-9._~+/=-]{1,16384}$/.test(token)) return token;
  throw new Failure('bad-key', 'this is not a bearer token', {
    place: path,
    hint: 'give the file of a service account token, and nothing else in it',
  });
}

/** Callers verify the gate as they verify the server. @throws Failure `certificate-names` */
export function checkServingName(material: IdentityMaterial, files: IdentityFiles, serverName: string): void {
  const covered = isIP(serverName) ? material.leaf.checkIP(serverName) : material.leaf.checkHost(serverName);
  if (covered !== undefined) return;
  throw new Failure(
    'certificate-names',
    `the certificate does not cover '${serverName}', so callers would refuse it; it covers ${material.leaf.subjectAltName ?? 'no name'}`,
    {
      place: files.servingCertificate,
      hint: "use the server's own certificate, or correct the server's name",
    },
  );
}

function pem({ certificate, key }: Pair): CertificateAndKey {
  return { certificate, key };
}

type Pair = CertificateAndKey & {
  readonly chain: readonly X509Certificate[];
  readonly leaf: X509Certificate;
};

/** `usage` undefined: any. */
function readPair(certificatePath: string, keyPath: string, usage: string | undefined, now: number): Pair {
  const texts = { certificate: readText(certificatePath), key: readText(keyPath) };
  return checkPair(texts, certificatePath, keyPath, usage, now);
}

function checkPair(
  { certificate, key }: CertificateAndKey,
  certificatePath: string,
  keyPath: string,
  usage: string | undefined,
  now: number,
): Pair {
  const chain = parseCertificates(certificate, certificatePath);
  const leaf = chain[0] as X509Certificate; // parseCertificates gives at least one
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(key);
  } catch {
    throw new Failure('bad-key', 'this is not an unencrypted private key in PEM', { place: keyPath });
  }
  if (!leaf.checkPrivateKey(privateKey)) {
    throw new Failure('key-mismatch', `the key does not belong to the certificate ${certificatePath}`, {
      place: keyPath,
      hint: 'give the key and certificate that were made together',
    });
  }
  checkDates(leaf, certificatePath, now);
  if (usage !== undefined && leaf.keyUsage !== undefined && !leaf.keyUsage.includes(usage)) {
    const wanted = usage === serverAuth ? 'server' : 'client';
    throw new Failure('certificate-use', `the certificate is not for ${wanted} authentication`, {
      place: certificatePath,
    });
  }
  return { certificate, key, chain, leaf };
}

/** A CA bundle: at least one CA certificate in it must be valid now; during a rotation the others need not be. */
function readAuthorities(
  path: string,
  now: number,
): { pem: string; certificates: readonly X509Certificate[] } {
  const pem = readText(path);
  const certificates = parseCertificates(pem, path);
  const authorities = certificates.filter((certificate) => certificate.ca);
  const first = authorities[0];
  if (!first) throw new Failure('certificate-use', 'there is no CA certificate in it', { place: path });
  if (!authorities.some((certificate) => isCurrent(certificate, now))) checkDates(first, path, now);
  return { pem, certificates: authorities };
}

function parseCertificates(pem: string, path: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    if (blocks.length === 0) throw new Error('no PEM block');
    return blocks.map((block) => new X509Certificate(block));
  } catch (cause) {
    throw new Failure('bad-certificate', 'there is no readable PEM certificate in it', {
      place: path,
      cause,
    });
  }
}

function isCurrent(certificate: X509Certificate, now: number): boolean {
  return now >= certificate.validFromDate.getTime() && now <= certificate.validToDate.getTime();
}

function checkDates(certificate: X509Certificate, path: string, now: number): void {
  if (now > certificate.validToDate.getTime()) {
    throw new Failure('certificate-expired', `the certificate expired on ${certificate.validTo}`, {
      place: path,
      hint: 'renew it (kubeadm certs renew all) and start again',
    });
  }
  if (now < certificate.validFromDate.getTime()) {
    throw new Failure(
      'certificate-not-yet-valid',
      `the certificate is not valid before ${certificate.validFrom}`,
      {
        place: path,
        hint: "check this host's clock",
      },
    );
  }
}

/** Each certificate of the file must be issued by the next, and the last by one of the CAs (or be one of them). */
function checkChain(
  path: string,
  chain: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  authorityPath: string,
): void {
  const last = chain.at(-1) as X509Certificate;
  const linked = chain.every((certificate, index) => {
    const issuer = chain[index + 1];
    return issuer === undefined || issuedBy(certificate, issuer);
  });
  const anchored = authorities.some(
    (authority) => authority.fingerprint256 === last.fingerprint256 || issuedBy(last, authority),
  );
  if (linked && anchored) return;
  const why = linked
    ? `it was not issued by a CA in ${authorityPath}`
    : 'the certificates in it are not in issuing order';
  throw new Failure('certificate-chain', `the certificate chain does not hold: ${why}`, {
    place: path,
    hint: 'put the certificate first, then the one that issued it, and give the CA that callers trust',
  });
}

function issuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}
