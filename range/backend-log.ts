// What the servers behind the API server were asked, as they saw it: the truth that the API server's audit log misses.
import { appendFileSync } from 'node:fs';

export type BackendLine = {
  readonly time: string;
  readonly server: 'kubelet' | 'metrics';
  /** Whom it took the caller for: the certificate's CN at the kubelet, X-Remote-User at the aggregated API; or empty. */
  readonly user: string;
  readonly method: string;
  /** Path as asked, without the query. */
  readonly path: string;
};

export function writeBackendLine(file: string, line: Omit<BackendLine, 'time'>): void {
  appendFileSync(file, `${JSON.stringify({ time: new Date().toISOString(), ...line })}\n`);
}
