// The range's kubelet: serves only the API server (a client certificate of the cluster's CA), lists every pod of its node,
// runs commands in them, streams logs, and keeps its lease alive, recording every heartbeat.
import { X509Certificate } from 'node:crypto';
import { createServer } from 'node:http';
import { createServer as createEcho } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readText } from '../src/platform/files.ts';
import { isIssuedBy, subjectOf } from './authentication.ts';
import { writeBackendLine } from './backend-log.ts';
import { type HeartbeatConfig, startHeartbeat } from './heartbeat.ts';
import { type Exchange, serveTls } from './http-server.ts';
import { serveRemoteCommand } from './remote-command.ts';
import { nodePods, podObject } from './resources.ts';

export type KubeletConfig = {
  readonly port: number;
  readonly pki: string;
  readonly nodeAddress: string;
  readonly heartbeat: HeartbeatConfig;
  /** Knows v5.channel.k8s.io, as nodes from v1.29 on. */
  readonly webSocketV5?: boolean;
  /** JSON lines file of BackendLine. */
  readonly log: string;
};

const text = 'text/plain; charset=utf-8';
const logIntervalMs = 200;

/** Serves until the process ends. Resolves when it listens. */
export async function runKubelet(config: KubeletConfig): Promise<void> {
  const pki = (name: string) => readText(join(config.pki, name));
  const ca = new X509Certificate(pki('ca.crt'));

  async function handle(exchange: Exchange): Promise<void> {
    const peer = exchange.socket.getPeerX509Certificate();
    const known = peer !== undefined && isIssuedBy(peer, ca);
    const [path = '', rawQuery = ''] = exchange.target.split('?');
    const user = known ? subjectOf(peer).commonName : '';
    writeBackendLine(config.log, { server: 'kubelet', user, method: exchange.method, path });
    if (!known) return exchange.send(401, text, 'Unauthorized');
    const query = new URLSearchParams(rawQuery);
    const [, verb, namespace, pod, container] = path.split('/');
    if (path === '/pods' || path === '/runningpods/' || path === '/runningpods') {
      const items = nodePods.map((one) => podObject(one, 'node', config.nodeAddress));
      const list = { kind: 'PodList', apiVersion: 'v1', metadata: {}, items };
      return exchange.send(200, 'application/json', `${JSON.stringify(list)}\n`);
    }
    const running = nodePods.find((one) => one[0] === namespace && one[1] === pod);
    if (verb === 'containerLogs' && running) return serveLogs(exchange, `${pod}/${container}`, query);
    if ((verb === 'exec' || verb === 'attach' || verb === 'portForward') && running) {
      return serveRemoteCommand(exchange, verb, running[1], query, { closing: config.webSocketV5 ?? false });
    }
    exchange.send(404, text, '404 page not found\n');
  }

  await serveTls(
    {
      cert: pki('kubelet-server.crt'),
      key: pki('kubelet-server.key'),
      ca: [pki('ca.crt')],
      requestCert: true,
      rejectUnauthorized: false,
    },
    config.port,
    handle,
  );
  serveWebPod();
  startHeartbeat(config.heartbeat);
}

/** What listens in pod `web`, for port-forward: HTTP, and what sends bytes back. Pods share the node's loopback here. */
function serveWebPod(): void {
  createServer((_request, response) => response.end('hello from web\n')).listen(8080, '127.0.0.1');
  createEcho((socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  }).listen(7007, '127.0.0.1');
}

async function serveLogs(exchange: Exchange, name: string, query: URLSearchParams): Promise<void> {
  const stamped = query.get('timestamps') === 'true';
  const line = (number: number) =>
    `${stamped ? `${new Date().toISOString()} ` : ''}${name} served request ${number}\n`;
  const out = exchange.stream(200, [['Content-Type', 'text/plain']]);
  const tail = Number(query.get('tailLines') ?? 10);
  let number = 10;
  for (let at = Math.max(1, 11 - tail); at <= 10; at += 1) out.write(line(at));
  if (query.get('follow') === 'true') {
    while (!exchange.gone.aborted) {
      await delay(logIntervalMs, undefined, { signal: exchange.gone }).catch(() => {});
      number += 1;
      out.write(line(number));
    }
    return;
  }
  out.end();
}
