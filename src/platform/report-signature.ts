// Signatures of verification reports: by the key of an identity that the controller has given a certificate.
import { createPublicKey, sign, verify } from 'node:crypto';
import { canonicalJson } from '../base/canonical-json.ts';
import type { SignedVerification, Verification } from '../model/verification.ts';

export function signReport(
  report: Verification,
  { key, certificate }: { readonly key: string; readonly certificate: string },
): SignedVerification {
  const signature = sign('sha256', Buffer.from(canonicalJson(report)), key).toString('base64');
  return { report, signature, certificate };
}

/** Is the report as the holder of that certificate's key signed it? Whose certificate it is must be asked besides. */
export function isSigned({ report, signature, certificate }: SignedVerification): boolean {
  try {
    const key = createPublicKey(certificate);
    return verify('sha256', Buffer.from(canonicalJson(report)), key, Buffer.from(signature, 'base64'));
  } catch {
    return false;
  }
}
