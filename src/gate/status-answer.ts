// The one answer that the gate makes without the judge: to a caller whose client certificate is refused.
import type { TLSSocket } from 'node:tls';
import {
  type ConnectionSettings,
  type ConnectionSink,
  defaultConnectionLimits,
  defaultIdentityFields,
} from '../inspect/connection-types.ts';
import { refuseHttp2Connection } from '../inspect/h2/connection.ts';
import { noRules } from '../inspect/rules.ts';

/** A whole HTTP/1.1 answer with a Kubernetes `Status` of code 401; the connection ends with it. */
export function unauthorizedAnswer(message: string): Buffer {
  const body = Buffer.from(
    `${JSON.stringify({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason: 'Unauthorized',
      code: 401,
    })}\n`,
  );
  const head = `HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nCache-Control: no-cache, private\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

/** The same over HTTP/2: the caller's first request is answered so. @param first what it has sent so far */
export function turnAwayHttp2(client: TLSSocket, message: string, first: Buffer): void {
  const settings: ConnectionSettings = {
    identity: { method: 'none' },
    identityFields: defaultIdentityFields,
    sourceAddress: '0.0.0.0',
    rules: noRules,
    limits: defaultConnectionLimits,
  };
  const sink: ConnectionSink = {
    toServer() {},
    toClient: (bytes) => void client.write(Buffer.from(bytes)),
    closeServer() {},
    endClient: (lingerMs) => client.end(() => setTimeout(() => client.destroy(), lingerMs).unref()),
    abort: () => client.destroy(),
    holdClient() {},
    finding() {},
    request() {},
    response() {},
  };
  const judge = refuseHttp2Connection(settings, sink, 401, message);
  judge.clientData(first);
  client.on('data', (bytes: Buffer) => judge.clientData(bytes));
}
