// Reads what `protect` needs to know of a cluster, with a kubeconfig: nodes and the service address of the API server.
import { z } from 'zod';
import { canonicalAddress } from '../base/cidr.ts';
import { Failure } from '../base/failure.ts';
import type { Endpoint } from '../model/common.ts';
import type { IdentityHeaders } from '../model/identity.ts';
import { getJson, readAnswer } from './kube-api.ts';
import { readKubeconfig, serverAddresses } from './kubeconfig.ts';
import { readRequestHeaders } from './request-headers.ts';

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
  /** Fields that the server reads identity from; undefined where the credentials may not read which. */
  readonly identityHeaders: IdentityHeaders | undefined;
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
    identityHeaders: await readRequestHeaders(config, path),
    service: service && port ? { address: canonicalAddress(service.spec.clusterIP), port } : undefined,
  };
}
