// Reads what `import kubernetes` needs of a cluster: nodes, the endpoints of default/kubernetes, services that lead to them,
// and pods whose images tell a version. Only get and list; long lists come in pages.
import { z } from 'zod';
import { canonicalAddress } from '../base/cidr.ts';
import { Failure } from '../base/failure.ts';
import { getJson, readAnswer } from './kube-api.ts';
import { type Kubeconfig, readKubeconfig, serverAddresses } from './kubeconfig.ts';

/** The rights that the import needs, as a manifest. */
export const importRights = `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: portcullis-import}
rules:
- {apiGroups: [""], resources: [nodes, services, pods], verbs: [list]}
- {apiGroups: [""], resources: [endpoints], verbs: [get]}
- {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list]}
`;

/** The fields that we read (Kubernetes API reference); a list has its place in `metadata.continue`. */
const page = <T extends z.ZodType>(item: T) =>
  z.object({
    metadata: z.object({ continue: z.string().optional() }).default({}),
    items: z.array(item).nullable().default([]),
  });
const labels = z.record(z.string(), z.string()).nullable().default({});
const Node = z.object({
  metadata: z.object({ name: z.string(), labels }),
  status: z
    .object({
      addresses: z
        .array(z.object({ type: z.string(), address: z.string() }))
        .nullable()
        .default([]),
      nodeInfo: z
        .object({
          kubeletVersion: z.string().optional(),
          kubeProxyVersion: z.string().optional(),
          containerRuntimeVersion: z.string().optional(),
          operatingSystem: z.string().optional(),
        })
        .optional(),
    })
    .default({ addresses: [] }),
});
const port = z.object({ name: z.string().optional(), port: z.int().min(1).max(65535) });
const Service = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string() }),
  spec: z.object({
    type: z.string().default('ClusterIP'),
    clusterIP: z.string().optional(),
    clusterIPs: z.array(z.string()).optional(),
    externalIPs: z.array(z.string()).optional(),
    ports: z
      .array(port.extend({ protocol: z.string().default('TCP') }))
      .nullable()
      .default([]),
  }),
  status: z
    .object({
      loadBalancer: z
        .object({
          ingress: z
            .array(z.object({ ip: z.string().optional() }))
            .nullable()
            .optional(),
        })
        .optional(),
    })
    .optional(),
});
const Endpoints = z.object({
  subsets: z
    .array(
      z.object({
        addresses: z
          .array(z.object({ ip: z.string() }))
          .nullable()
          .default([]),
        notReadyAddresses: z
          .array(z.object({ ip: z.string() }))
          .nullable()
          .default([]),
        ports: z.array(port).nullable().default([]),
      }),
    )
    .nullable()
    .default([]),
});
const Pod = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string() }),
  spec: z.object({
    nodeName: z.string().optional(),
    containers: z.array(z.object({ image: z.string().optional(), args: z.array(z.string()).nullish() })),
  }),
  status: z
    .object({
      phase: z.string().optional(),
      podIP: z.string().optional(),
      podIPs: z.array(z.object({ ip: z.string() })).nullish(),
    })
    .default({}),
});
const Slice = z.object({
  endpoints: z
    .array(z.object({ addresses: z.array(z.string()) }))
    .nullable()
    .default([]),
  ports: z.array(port).nullable().default([]),
});

/** Bounds of what a cluster may answer. */
const maxItems = 200_000;
const pageSize = 500;
/** Services of type LoadBalancer whose endpoints are looked at. */
const maxBalancers = 500;

export type ClusterLists = {
  readonly cluster: string;
  readonly server: { readonly address: string; readonly port: number };
  readonly nodes: readonly z.infer<typeof Node>[];
  readonly endpoints: readonly { readonly address: string; readonly port: number }[];
  readonly services: readonly z.infer<typeof Service>[];
  /** Of ingress-nginx, the NFS and SMB drivers, and etcd, controller manager and scheduler where they are pods; undefined where listing pods is not allowed. */
  readonly pods: readonly z.infer<typeof Pod>[] | undefined;
};

/** Where the pods of what we know flaws of are found, and by which labels: as their charts and kubeadm set them. */
const podLists: readonly (readonly [path: string, selector: string])[] = [
  [
    '/api/v1/pods',
    'app.kubernetes.io/name in (ingress-nginx,rke2-ingress-nginx),app.kubernetes.io/component=controller',
  ],
  ['/api/v1/pods', 'app in (csi-nfs-controller,csi-smb-controller)'],
  // In this namespace only: elsewhere anybody who may make pods could say what version etcd is.
  [
    '/api/v1/namespaces/kube-system/pods',
    'tier=control-plane,component in (etcd,kube-controller-manager,kube-scheduler)',
  ],
];
const maxPods = 5_000;

/**
 * Nodes, and pods whose images tell a version. @throws Failure of readKubeconfig; `server-unreachable`, `server-refused`
 * when nodes can't be listed
 */
export async function readClusterParts(
  path: string,
): Promise<Pick<ClusterLists, 'cluster' | 'nodes' | 'pods'>> {
  const config = readKubeconfig(path);
  const nodes = await list(Node, '/api/v1/nodes', config, path);
  return { cluster: config.cluster, nodes, pods: await readPods(config, path) };
}

async function readPods(config: Kubeconfig, path: string): Promise<ClusterLists['pods']> {
  const pods: z.infer<typeof Pod>[] = [];
  for (const [from, selector] of podLists) {
    const query = `&labelSelector=${encodeURIComponent(selector)}`;
    const found = await list(Pod, from, config, path, query).catch(ifRefused);
    if (found === undefined) return undefined;
    pods.push(...found);
  }
  return pods.slice(0, maxPods);
}

/** @throws Failure of readKubeconfig; `server-unreachable`, `server-refused` with what was refused */
export async function readClusterLists(path: string): Promise<ClusterLists> {
  const config = readKubeconfig(path);
  const [address = ''] = await serverAddresses(config, path);
  const nodes = await list(Node, '/api/v1/nodes', config, path);
  const services = await list(Service, '/api/v1/services', config, path);
  const endpoints = await endpointsOf('default', 'kubernetes', config, path);
  const own = new Set(endpoints.map(key));
  const leading = [];
  const balancers = services.filter(({ spec }) => spec.type === 'LoadBalancer').slice(0, maxBalancers);
  for (const service of balancers) {
    const { namespace, name } = service.metadata;
    if (namespace === 'default' && name === 'kubernetes') continue;
    const theirs = await endpointsOf(namespace, name, config, path);
    if (theirs.some((one) => own.has(key(one)))) leading.push(service);
  }
  const kubernetes = services.filter(
    ({ metadata }) => metadata.namespace === 'default' && metadata.name === 'kubernetes',
  );
  return {
    cluster: config.cluster,
    server: { address: canonicalAddress(address), port: config.server.port },
    nodes,
    endpoints,
    services: [...kubernetes, ...leading],
    pods: await readPods(config, path),
  };
}

const key = ({ address, port: at }: { address: string; port: number }): string => `${address} ${at}`;

/** From Endpoints, or from EndpointSlices where the cluster has or shows none. */
async function endpointsOf(
  namespace: string,
  name: string,
  config: Kubeconfig,
  path: string,
): Promise<{ address: string; port: number }[]> {
  const [ns, service] = [encodeURIComponent(namespace), encodeURIComponent(name)];
  const answer = await getJson(config, path, `/api/v1/namespaces/${ns}/endpoints/${service}`).catch(
    ifRefused,
  );
  if (answer !== undefined) {
    return (readAnswer(Endpoints, answer, config, path).subsets ?? []).flatMap((subset) =>
      [...(subset.addresses ?? []), ...(subset.notReadyAddresses ?? [])].flatMap(({ ip }) =>
        (subset.ports ?? []).map((one) => ({ address: ip, port: one.port })),
      ),
    );
  }
  const slices = await list(
    Slice,
    `/apis/discovery.k8s.io/v1/namespaces/${ns}/endpointslices`,
    config,
    path,
    `&labelSelector=${encodeURIComponent(`kubernetes.io/service-name=${name}`)}`,
  );
  return slices.flatMap((slice) =>
    (slice.endpoints ?? []).flatMap(({ addresses }) =>
      addresses.flatMap((ip) => (slice.ports ?? []).map((one) => ({ address: ip, port: one.port }))),
    ),
  );
}

function ifRefused(error: unknown): undefined {
  if (error instanceof Failure && error.code === 'server-refused') return undefined;
  throw error;
}

/** All pages of a list. @throws Failure `server-unreachable` for one that never ends or repeats itself */
async function list<T extends z.ZodType>(
  item: T,
  resource: string,
  config: Kubeconfig,
  path: string,
  query = '',
): Promise<z.output<T>[]> {
  const items: z.output<T>[] = [];
  const schema = page(item);
  const seen = new Set<string>();
  for (let token = ''; ; ) {
    const rest = token === '' ? '' : `&continue=${encodeURIComponent(token)}`;
    const answer = readAnswer(
      schema,
      await getJson(config, path, `${resource}?limit=${pageSize}${query}${rest}`),
      config,
      path,
    );
    items.push(...((answer.items ?? []) as z.output<T>[]));
    token = answer.metadata.continue ?? '';
    if (token === '') return items;
    if (seen.has(token) || items.length > maxItems) {
      throw new Failure('server-unreachable', `the list ${resource} of ${config.server.url} does not end`, {
        place: path,
        hint: `at most ${maxItems} are read`,
      });
    }
    seen.add(token);
  }
}
