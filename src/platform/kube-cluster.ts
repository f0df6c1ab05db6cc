// Reads what `protect` needs to know of a cluster, with a kubeconfig: nodes and the service address of the API server.
import { request } from 'node:https';
import { z } from 'zod';
import { canonicalAddress } from '../base/cidr.ts';
import { Failure } from '../base/failure.ts';
import type { Endpoint } from '../model/common.ts';
import { type Kubeconfig, readKubeconfig, serverAddresses } from './kubeconfig.ts';

export type ClusterFacts = {
  readonly cluster: string;
  /** The API server as the kubeconfig names it. */
  readonly server: Endpoint;
  /** Name to verify in its certificate, when it is not the address. */
  readonly serverName: string | undefined;
  readonly nodes: readonly {
    readonly name: string;
    readonly addresses: readonly string[];
    readonly controlPlane: boolean;
  }[];
  /** Service `default/kubernetes`. */
  readonly service: Endpoint | undefined;
};

/** v1.NodeList and v1.Service, the fields we read (Kubernetes API reference). */
const NodeList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), labels: z.record(z.string(), z.string()).default({}) }),
      status: z.object({
        addresses: z.array(z.object({ type: z.string(), address: z.string() })).default([]),
      }),
    }),
  ),
});
const Service = z.object({
  spec: z.object({ clusterIP: z.string(), ports: z.array(z.object({ port: z.int() })).default([]) }),
});

const controlPlaneLabels = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'];
const maxBytes = 64 * 1024 * 1024;
const timeoutMs = 10_000;

/**
 * @throws Failure of readKubeconfig; `server-unreachable` when the server doesn't answer; `server-refused` with its
 *   status when the credentials may not list nodes
 */
export async function readCluster(path: string): Promise<ClusterFacts> {
  const config = readKubeconfig(path);
  const address = (await serverAddresses(config, path))[0] ?? '';
  const nodes = readAnswer(NodeList, await getJson(config, path, '/api/v1/nodes'), config, path);
  const service = await getJson(config, path, '/api/v1/namespaces/default/services/kubernetes')
    .then((answer) => readAnswer(Service, answer, config, path))
    .catch((error) => {
      if (error instanceof Failure && error.code === 'server-refused') return undefined; // not every reader may see services
      throw error;
    });
  const port = service?.spec.ports[0]?.port;
  return {
    cluster: config.cluster,
    server: { address, port: config.server.port },
    serverName: config.server.serverName === address ? undefined : config.server.serverName,
    nodes: nodes.items.map((node) => ({
      name: node.metadata.name,
      addresses: node.status.addresses
        .filter((entry) => entry.type === 'InternalIP' || entry.type === 'ExternalIP')
        .map((entry) => canonicalAddress(entry.address)),
      controlPlane: controlPlaneLabels.some((label) => label in node.metadata.labels),
    })),
    service: service && port ? { address: canonicalAddress(service.spec.clusterIP), port } : undefined,
  };
}

/** @throws Failure `server-unreachable`: something else than a Kubernetes API server answers there */
export function readAnswer<T>(schema: z.ZodType<T>, answer: unknown, config: Kubeconfig, place: string): T {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const field = parsed.error.issues[0]?.path.join('.') || 'the answer';
  throw new Failure(
    'server-unreachable',
    `${config.server.url} does not answer as a Kubernetes API server does: ${field} is not what it must be`,
    { place, hint: 'is it the address of the API server?' },
  );
}

/** @throws Failure `server-unreachable`, or `server-refused` with the status */
export function getJson(config: Kubeconfig, place: string, path: string): Promise<unknown> {
  const { host, port, serverName } = config.server;
  const { token, certificate, key } = config.credentials;
  const unreachable = (cause: unknown) =>
    new Failure(
      'server-unreachable',
      `the API server ${config.server.url} can't be reached: ${cause instanceof Error ? cause.message : cause}`,
      {
        place,
        hint: 'is the address right, and does certificate-authority-data match its certificate?',
        cause,
      },
    );
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host,
        port,
        path,
        servername: /^[0-9.]+$|:/.test(serverName) ? '' : serverName,
        ...(config.ca ? { ca: config.ca } : {}),
        ...(certificate && key ? { cert: certificate, key } : {}),
        headers: { accept: 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
        agent: false,
        signal: AbortSignal.timeout(timeoutMs),
      },
      (answer) => {
        const chunks: Buffer[] = [];
        let size = 0;
        answer.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > maxBytes) call.destroy(new Error(`its answer is larger than ${maxBytes} bytes`));
          else chunks.push(chunk);
        });
        answer.on('error', (cause) => reject(unreachable(cause)));
        answer.on('end', () => {
          const body = Buffer.concat(chunks).toString();
          if (answer.statusCode === 200) {
            try {
              resolve(JSON.parse(body));
            } catch (cause) {
              reject(unreachable(cause));
            }
            return;
          }
          reject(
            new Failure('server-refused', `the API server answered ${answer.statusCode} to GET ${path}`, {
              place,
              hint: 'the kubeconfig must be allowed to list nodes',
            }),
          );
        });
      },
    );
    call.on('error', (cause) => reject(unreachable(cause)));
    call.end();
  });
}
