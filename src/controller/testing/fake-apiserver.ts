// A TLS server of the tests' own with what the controller reads of an API server: /version, /apis, and what it does
// with an upgrade that is answered with something else than 101.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import type { KeyPair } from '../../platform/pki.ts';

export type FakeApiServer = {
  readonly port: number;
  /** May be changed at any time. */
  gitVersion: string;
  buildDate?: string;
  /** After a non-101: `keep` is the flaw, `close` the fix, `silent` keeps the connection open and says nothing. */
  after: 'keep' | 'close' | 'silent';
  upgradeStatus: number;
  /** What its backend answers when it is asked plainly; undefined: nothing. */
  plainStatus: number | undefined;
  groups: readonly string[];
  /** What /metrics answers; undefined: it is forbidden. */
  metrics?: string;
  /** Request lines seen. */
  readonly seen: string[];
  close(): Promise<void>;
};

export async function fakeApiServer(identity: KeyPair): Promise<FakeApiServer> {
  const sockets = new Set<TLSSocket>();
  const server = createServer({ key: identity.key, cert: identity.certificate }, (socket) => {
    sockets.add(socket);
    let text = '';
    let tunnel = false;
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const head = text.slice(0, end);
        text = text.slice(end + 4);
        fake.seen.push(head.split('\r\n')[0] ?? '');
        if (tunnel) {
          if (fake.after === 'keep') socket.write(reply(404, '404 page not found'));
        } else if (/\r\nconnection: upgrade/i.test(head)) {
          socket.write(reply(fake.upgradeStatus, '{"kind":"Status"}'));
          tunnel = true;
          if (fake.after === 'close') socket.end();
        } else if (head.startsWith('GET /version ')) {
          socket.write(
            reply(200, JSON.stringify({ major: '', gitVersion: fake.gitVersion, buildDate: fake.buildDate })),
          );
        } else if (head.startsWith('GET /metrics ')) {
          socket.write(fake.metrics === undefined ? reply(403, '{}') : reply(200, fake.metrics));
        } else if (head.startsWith('GET /apis ')) {
          const groups = fake.groups.map((name) => ({
            name,
            preferredVersion: { groupVersion: `${name}/v1beta1` },
          }));
          socket.write(reply(200, JSON.stringify({ kind: 'APIGroupList', groups })));
        } else if (/^GET \/apis\/[^/ ]+\/v1beta1 /.test(head)) {
          if (fake.plainStatus !== undefined) socket.write(reply(fake.plainStatus, '{}'));
        } else socket.write(reply(404, '{}'));
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const fake: FakeApiServer = {
    port: (server.address() as AddressInfo).port,
    gitVersion: 'v1.12.2',
    after: 'keep',
    upgradeStatus: 400,
    plainStatus: undefined,
    groups: ['apps', 'rbac.authorization.k8s.io', 'metrics.k8s.io'],
    seen: [],
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return fake;
}

function reply(status: number, body: string): string {
  return `HTTP/1.1 ${status} X\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}
