// The API server's audit log: one JSON line a request, written when its answer's status is known. What passes through a
// socket after it was handed over is not seen here, as on the real server.
import { appendFileSync } from 'node:fs';
import type { User } from './authentication.ts';
import type { Exchange } from './http-server.ts';
import { values } from './http1.ts';
import type { RequestInfo } from './request-info.ts';

export type AuditLine = {
  readonly time: string;
  readonly user: string;
  readonly groups: readonly string[];
  /** How the user was authenticated. */
  readonly method: string;
  readonly verb: string;
  /** Decoded path, without the query. */
  readonly path: string;
  /** As k8s.io/apimachinery SourceIPs: X-Forwarded-For, X-Real-Ip, then the peer's address. */
  readonly sourceIPs: readonly string[];
  readonly userAgent: string;
  /** The request's own Audit-ID, as the real server takes it. */
  readonly auditId: string;
  readonly uid: string;
  readonly extra: Readonly<Record<string, readonly string[]>>;
  /** Who impersonated the user, or ''. */
  readonly by: string;
  readonly code: number;
};

export function auditLine(
  exchange: Exchange,
  info: RequestInfo,
  user: User | undefined,
  code: number,
): AuditLine {
  return {
    time: new Date().toISOString(),
    user: user?.name ?? '',
    groups: user?.groups ?? [],
    method: user?.method ?? 'none',
    verb: info.verb,
    path: info.path,
    sourceIPs: sourceAddresses(exchange),
    userAgent: exchange.header('user-agent') ?? '',
    auditId: exchange.header('audit-id') ?? '',
    uid: user?.uid ?? '',
    extra: user?.extra ?? {},
    by: user?.by ?? '',
    code,
  };
}

export function writeAudit(file: string, line: AuditLine): void {
  appendFileSync(file, `${JSON.stringify(line)}\n`);
}

export function peerAddress(exchange: Exchange): string {
  return (exchange.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
}

function sourceAddresses(exchange: Exchange): string[] {
  const forwarded = values(exchange.fields, 'x-forwarded-for')
    .concat(values(exchange.fields, 'x-real-ip'))
    .flatMap((value) => value.split(','))
    .map((part) => part.trim())
    .filter(Boolean);
  return [...new Set([...forwarded, peerAddress(exchange)])];
}
