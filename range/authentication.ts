// Who is asking, in the API server's order: request header (front-proxy certificate), client certificate, bearer token,
// and only when none of them had anything to say, anonymous. A credential that is there and wrong is an error; it is
// forgotten when a later one is right, and is 401 otherwise.
import { X509Certificate } from 'node:crypto';
import { readText } from '../src/platform/files.ts';
import { type Field, values } from './http1.ts';

export type User = {
  readonly name: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
  readonly uid?: string;
  /** Whose rights allowed the impersonation that made this the user. */
  readonly by?: string;
  readonly method: 'front-proxy' | 'certificate' | 'token' | 'anonymous';
};

export type AuthenticationConfig = {
  readonly clientCaFile: string;
  readonly frontProxyCaFile: string;
  /** `--requestheader-allowed-names`: CNs of front-proxy certificates; empty allows every CN. */
  readonly allowedNames: readonly string[];
  readonly tokensFile: string;
};

export type Authenticator = (
  certificate: X509Certificate | undefined,
  fields: readonly Field[],
) => User | 'unauthorized';

const clientAuth = '1.3.6.1.5.5.7.3.2';

export function createAuthenticator(config: AuthenticationConfig): Authenticator {
  const clientCa = new X509Certificate(readText(config.clientCaFile));
  const frontProxyCa = new X509Certificate(readText(config.frontProxyCaFile));
  const tokens = readTokens(readText(config.tokensFile));

  function requestHeader(certificate: X509Certificate | undefined, fields: readonly Field[]): User | Outcome {
    if (!certificate) return 'nothing';
    if (!isIssuedBy(certificate, frontProxyCa)) return 'error';
    const { commonName } = subjectOf(certificate);
    if (config.allowedNames.length > 0 && !config.allowedNames.includes(commonName)) return 'error';
    const name = values(fields, 'x-remote-user')[0];
    if (!name) return 'nothing';
    const extra: Record<string, string[]> = {};
    for (const [key, value] of fields) {
      const match = /^x-remote-extra-(.+)$/.exec(key.toLowerCase());
      if (match?.[1]) {
        const extraKey = decodeExtraKey(match[1]);
        extra[extraKey] = [...(extra[extraKey] ?? []), value];
      }
    }
    // `--requestheader-uid-headers=X-Remote-Uid`, as servers from v1.32 may be told.
    const uid = values(fields, 'x-remote-uid')[0];
    const groups = values(fields, 'x-remote-group');
    return { name, groups, extra, method: 'front-proxy', ...(uid ? { uid } : {}) };
  }
  function clientCertificate(certificate: X509Certificate | undefined): User | Outcome {
    if (!certificate) return 'nothing';
    if (!isIssuedBy(certificate, clientCa)) return 'error';
    const subject = subjectOf(certificate);
    return { name: subject.commonName, groups: subject.organizations, extra: {}, method: 'certificate' };
  }
  function bearer(fields: readonly Field[]): User | Outcome {
    const token = /^bearer +(\S+)$/i.exec(values(fields, 'authorization')[0] ?? '')?.[1];
    if (token === undefined) return 'nothing';
    return tokens.get(token) ?? 'error';
  }

  return (certificate, fields) => {
    let wrong = false;
    for (const outcome of [
      requestHeader(certificate, fields),
      clientCertificate(certificate),
      bearer(fields),
    ]) {
      if (typeof outcome === 'object') {
        return { ...outcome, groups: [...new Set([...outcome.groups, 'system:authenticated'])] };
      }
      if (outcome === 'error') wrong = true;
    }
    if (wrong) return 'unauthorized';
    return { name: 'system:anonymous', groups: ['system:unauthenticated'], extra: {}, method: 'anonymous' };
  };
}

type Outcome = 'nothing' | 'error';

/** Is it a client certificate, valid now, that this CA signed? */
export function isIssuedBy(certificate: X509Certificate, ca: X509Certificate): boolean {
  const now = Date.now();
  return (
    certificate.checkIssued(ca) &&
    certificate.verify(ca.publicKey) &&
    certificate.validFromDate.getTime() <= now &&
    now <= certificate.validToDate.getTime() &&
    (certificate.keyUsage ?? []).includes(clientAuth)
  );
}

export function subjectOf(certificate: X509Certificate): { commonName: string; organizations: string[] } {
  const parts = certificate.subject.split('\n').map((line) => {
    const at = line.indexOf('=');
    return [line.slice(0, at), line.slice(at + 1)] as const;
  });
  return {
    commonName: parts.find(([key]) => key === 'CN')?.[1] ?? '',
    organizations: parts.filter(([key]) => key === 'O').map(([, value]) => value),
  };
}

function readTokens(csv: string): Map<string, User> {
  return new Map(
    csv
      .split('\n')
      .map((line) => /^([^,]+),([^,]+),[^,]*(?:,"?([^"]*)"?)?$/.exec(line))
      .filter((match) => match !== null)
      .map(([, token = '', name = '', groups = '']) => [
        token,
        { name, groups: groups.split(',').filter(Boolean), extra: {}, method: 'token' },
      ]),
  );
}

/** A key as it stands in a field's name, percent-encoded; one that is not is taken as it is. */
export function decodeExtraKey(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
