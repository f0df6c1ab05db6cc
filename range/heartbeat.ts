// The cluster's own traffic: a lease renewed every second over TLS, each try recorded, so that it can be shown that none
// was missed. A kubelet does it from the node, a controller manager from the control-plane host.
import { appendFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { readText } from '../src/platform/files.ts';
import { until } from './patience.ts';

export type HeartbeatConfig = {
  /** Lease's namespace and name. */
  readonly namespace: string;
  readonly name: string;
  /** Ways to the API server, each beaten every second: its address, the service address. */
  readonly servers: readonly { readonly address: string; readonly port: number }[];
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** JSON lines file of Heartbeat. */
  readonly log: string;
};

/** Between the beats of one way. */
export const everyMs = 1_000;

export type Heartbeat = {
  /** When the try began. */
  readonly time: string;
  /** Its number on this way, from 0. A machine that stands still leaves out times, not numbers. */
  readonly turn: number;
  readonly lease: string;
  /** `address:port` asked. */
  readonly via: string;
  /** Over a connection of its own, or one that is kept open. */
  readonly connection: 'fresh' | 'kept';
  readonly ok: boolean;
  /** HTTP status; 0 when there was none. */
  readonly code: number;
  readonly ms: number;
  readonly error: string;
};

/** How long the server may take: a kubelet's own patience (its lease lasts 40 s). */
const answerMs = 10_000;

/** Beats until the process ends. Kept and fresh connections take turns, so that both are shown to work. */
export function startHeartbeat(config: HeartbeatConfig): void {
  const tls = { ca: readText(config.caFile), cert: readText(config.certFile), key: readText(config.keyFile) };
  for (const server of config.servers) {
    const kept = new Agent({ keepAlive: true, maxSockets: 1 });
    let turn = 0;
    setInterval(() => {
      void beat(config, server, tls, turn, turn % 2 === 0 ? kept : undefined);
      turn += 1;
    }, everyMs);
  }
}

async function beat(
  config: HeartbeatConfig,
  server: HeartbeatConfig['servers'][number],
  tls: { ca: string; cert: string; key: string },
  turn: number,
  kept: Agent | undefined,
): Promise<void> {
  const began = Date.now();
  const agent = kept ?? new Agent();
  const collection = `/apis/coordination.k8s.io/v1beta1/namespaces/${config.namespace}/leases`;
  const body = JSON.stringify({
    kind: 'Lease',
    apiVersion: 'coordination.k8s.io/v1beta1',
    metadata: { name: config.name, namespace: config.namespace },
    spec: { holderIdentity: config.name, leaseDurationSeconds: 40, renewTime: new Date(began).toISOString() },
  });
  const send = (method: string, path: string) =>
    new Promise<number>((resolve, reject) => {
      let over = false;
      const outgoing = request(
        {
          host: server.address,
          port: server.port,
          method,
          path,
          agent,
          ...tls,
          headers: {
            'Content-Type': 'application/json',
            'Content-Length': Buffer.byteLength(body),
            'User-Agent': config.name,
          },
        },
        (answer) => {
          answer.resume();
          answer.on('end', () => resolve(answer.statusCode ?? 0));
          answer.on('error', reject);
        },
      );
      outgoing.on('error', reject);
      outgoing.on('close', () => {
        over = true;
      });
      outgoing.end(body);
      void until(() => over, answerMs).then((inTime) => {
        if (!inTime) outgoing.destroy(new Error(`no answer in ${answerMs} ms`));
      });
    });
  let code = 0;
  let error = '';
  try {
    code = await send('PUT', `${collection}/${config.name}`);
    if (code === 404) code = await send('POST', collection);
    // The other way to the server created it between our two requests.
    if (code === 409) code = await send('PUT', `${collection}/${config.name}`);
  } catch (cause) {
    error = cause instanceof Error ? cause.message : String(cause);
  }
  if (!kept) agent.destroy();
  const line: Heartbeat = {
    time: new Date(began).toISOString(),
    turn,
    lease: config.name,
    via: `${server.address}:${server.port}`,
    connection: kept ? 'kept' : 'fresh',
    ok: code >= 200 && code < 300,
    code,
    ms: Date.now() - began,
    error,
  };
  appendFileSync(config.log, `${JSON.stringify(line)}\n`);
}
