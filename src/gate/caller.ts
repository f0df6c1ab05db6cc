// Who a caller is, from the TLS handshake alone.
import { createHash } from 'node:crypto';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { canonicalAddress } from '../base/cidr.ts';
import type { Identity } from '../inspect/connection-types.ts';
import { certificateKey } from '../platform/pki.ts';
import type { Carry } from './carry.ts';
import type { IdentityMaterial, RevocationLists } from './identity-files.ts';

/** A verified identity, or why the presented certificate is refused, as a sentence for the person who sent it. */
export type Caller =
  /** `certificate`: by which a revocation list names it (certificateKey). */
  | { readonly ok: true; readonly identity: Identity; readonly certificate?: string }
  | { readonly ok: false; readonly code: CallerRefusal; readonly reason: string };

/** Counted by these, and told in findings (docs/reference/refusals.md). */
export const callerRefusals = {
  'client-certificate': 'The client certificate does not verify, or names its owner ambiguously.',
  'certificate-revoked': 'The client certificate is on a revocation list.',
  'revocation-list': 'No revocation list in force says whether the client certificate is revoked.',
  'certificates-not-taken': 'The server is in mode bearer, in which the gate takes no client certificates.',
} as const;
export type CallerRefusal = keyof typeof callerRefusals;

/** What a caller is judged by. */
export type CallerView = {
  readonly carry: Pick<Carry, 'takesCertificates' | 'credentialId'>;
  readonly material: Pick<IdentityMaterial, 'clientCrl'>;
};

const clientAuth = '1.3.6.1.5.5.7.3.2';
/** Where servers from v1.33 read a user's UID in a certificate's subject. */
const uidAttribute = '1.3.6.1.4.1.57683.2';
/** By which servers from v1.32 tell one certificate of a user from another. */
const credentialIdKey = 'authentication.kubernetes.io/credential-id';

/**
 * Reads the caller's certificate as kube-apiserver's x509 authenticator does: CN is the user, every O a group. OpenSSL
 * has verified the chain; dates are checked again, because a resumed session keeps the verdict of its first handshake.
 * A certificate without extended key usage is unrestricted (RFC 5280 4.2.1.12, and what the server accepts); one that
 * lists usages must list clientAuth. Several CNs, an empty one and control bytes are refused: readers differ on them.
 * `now` is milliseconds since the epoch.
 */
export function identifyCaller(socket: TLSSocket, { carry, material }: CallerView, now: number): Caller {
  // Its type leaves out that it is null on a destroyed socket and empty without a certificate.
  const certificate = socket.getPeerCertificate() as Partial<PeerCertificate> | null;
  if (certificate === null) return refused('the connection ended during the handshake');
  if (certificate.raw === undefined) return { ok: true, identity: { method: 'none' } };
  if (!carry.takesCertificates) {
    return refused('this gate takes bearer tokens only', 'certificates-not-taken');
  }
  // Asked here too, because a resumed session keeps the verdict of its first handshake.
  const lists = material.clientCrl;
  if (lists && now > lists.expires) {
    return refused('the revocation list that it must be looked up in is out of date', 'revocation-list');
  }
  const key = certificateKey(asList(certificate.issuer?.CN), certificate.serialNumber ?? '');
  // Asked by name as well: a list may have come into use while the handshake went on.
  if (lists && revokedBy(lists).has(key)) return revoked;
  const starts = Date.parse(certificate.valid_from ?? '');
  const ends = Date.parse(certificate.valid_to ?? '');
  if (!(now <= ends)) return refused(`it expired on ${certificate.valid_to}`);
  if (!(now >= starts)) return refused(`it is not valid before ${certificate.valid_from}`);
  if (!socket.authorized) {
    // A wrong usage is reported by OpenSSL as the chain's fault; say what it is.
    if (lacksClientAuth(certificate)) return refused('it is not for client authentication');
    const revocation = revocationFault(errorCode(socket));
    if (revocation) return revocation;
    return refused(`it does not verify against the cluster's client CA (${errorCode(socket)})`);
  }
  if (lacksClientAuth(certificate)) return refused('it is not for client authentication');
  const names = asList(certificate.subject?.CN);
  const groups = asList(certificate.subject?.O);
  const user = names[0];
  if (user === undefined || user === '') return refused('its subject has no common name (CN)');
  if (names.length > 1) return refused('its subject has more than one common name (CN)');
  if ([user, ...groups].some(unfitForHeader)) {
    return refused('its subject holds control characters or surrounding spaces');
  }
  const uids = asList((certificate.subject as Record<string, string | string[] | undefined>)[uidAttribute]);
  const uid = uids[0];
  if (uids.length > 1) return refused('its subject has more than one user UID');
  if (uid !== undefined && unfitForHeader(uid)) return refused('its user UID holds control characters');
  const extra = carry.credentialId
    ? { [credentialIdKey]: [`X509SHA256=${createHash('sha256').update(certificate.raw).digest('hex')}`] }
    : undefined;
  return {
    ok: true,
    certificate: key,
    identity: {
      method: 'certificate',
      user,
      groups,
      ...(uid === undefined ? {} : { uid }),
      ...(extra === undefined ? {} : { extra }),
    },
  };
}

function refused(why: string, code: CallerRefusal = 'client-certificate'): Caller {
  return { ok: false, code, reason: `the client certificate is refused: ${why}` };
}

const revoked = refused('it was revoked', 'certificate-revoked');

/** What a view's lists revoke, looked up once for each caller. */
export function revokedBy(lists: RevocationLists): ReadonlySet<string> {
  let known = revokedSets.get(lists);
  if (!known) {
    known = new Set(lists.revoked);
    revokedSets.set(lists, known);
  }
  return known;
}
const revokedSets = new WeakMap<RevocationLists, ReadonlySet<string>>();

/** OpenSSL's faults that speak of revocation, not of the certificate's chain. */
function revocationFault(fault: string): Caller | undefined {
  if (fault === 'CERT_REVOKED') return revoked;
  if (fault === 'UNABLE_TO_GET_CRL') {
    return refused('the gate has no revocation list of its issuer', 'revocation-list');
  }
  if (/CRL/.test(fault)) return refused(`the revocation list does not verify (${fault})`, 'revocation-list');
  return undefined;
}

function lacksClientAuth(certificate: Partial<PeerCertificate>): boolean {
  const usages = certificate.ext_key_usage;
  return usages !== undefined && !usages.includes(clientAuth);
}

function asList(value: string | string[] | undefined): readonly string[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

/** A header field's value can't carry it unchanged (RFC 9110 5.5), or a proof-reader couldn't tell it from another. */
function unfitForHeader(text: string): boolean {
  return text === '' || /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufffd]/.test(text) || text.trim() !== text;
}

function errorCode(socket: TLSSocket): string {
  const error = socket.authorizationError as unknown;
  return error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
}

/** The caller's address as the kernel gives it, canonical: IPv4-mapped becomes IPv4, a link-local zone is left out. */
export function callerAddress(remote: string | undefined): string {
  return canonicalAddress((remote ?? '0.0.0.0').replace(/%.*$/, ''));
}
