// Bodies made to be costly for rules, as large as the gate holds (3 MiB) and the decoders let through: what one request can
// cost a worker at worst.
export type RuledBody = {
  readonly name: string;
  readonly method: 'POST' | 'PUT' | 'PATCH';
  readonly target: string;
  readonly contentType: string;
  readonly bytes: Buffer;
};

const room = 3_000_000;
const pods = '/api/v1/namespaces/lab/pods';
const ingresses = '/apis/networking.k8s.io/v1/namespaces/lab/ingresses';
const nginx = 'nginx.ingress.kubernetes.io/';

function many<T>(count: number, make: (n: number) => T): T[] {
  return Array.from({ length: count }, (_, n) => make(n));
}

function created(name: string, target: string, value: object): RuledBody {
  return {
    name,
    method: 'POST',
    target,
    contentType: 'application/json',
    bytes: Buffer.from(JSON.stringify(value)),
  };
}

function patched(name: string, target: string, operation: (n: number) => object, count = 10_000): RuledBody {
  return {
    name,
    method: 'PATCH',
    target: `${target}/web`,
    contentType: 'application/json-patch+json',
    bytes: Buffer.from(JSON.stringify(many(count, operation))),
  };
}

function ingress(annotations: object, paths: readonly object[]): object {
  return { kind: 'Ingress', metadata: { annotations }, spec: { rules: [{ http: { paths } }] } };
}

const text = (length: number) => 'a/b.c-'.repeat(Math.ceil(length / 6)).slice(0, length);
const entries = (count: number, name: (n: number) => string, value: string) =>
  Object.fromEntries(many(count, (n) => [name(n), value]));

export const costlyForRules: readonly RuledBody[] = [
  created('list-of-160000-objects', ingresses, { kind: 'List', items: many(160_000, () => ({ spec: {} })) }),
  created('list-of-500-ingresses', ingresses, {
    kind: 'List',
    items: many(500, () =>
      ingress(
        { [`${nginx}auth-url`]: text(1_000) },
        many(20, () => ({ path: text(200) })),
      ),
    ),
  }),
  created(
    'ingress-of-60000-paths',
    ingresses,
    ingress(
      {},
      many(60_000, () => ({ path: text(30) })),
    ),
  ),
  created('ingress-of-one-path', ingresses, ingress({}, [{ path: text(room) }])),
  created(
    'ingress-of-60000-annotations',
    ingresses,
    ingress(
      entries(60_000, (n) => `${nginx}a${n}`, text(4)),
      [],
    ),
  ),
  created(
    'ingress-of-long-annotations',
    ingresses,
    ingress(
      entries(100, (n) => `${nginx}a${n}`, text(room / 100)),
      [],
    ),
  ),
  created('list-of-500-pods', pods, {
    kind: 'List',
    items: many(500, () => ({
      kind: 'Pod',
      spec: { containers: many(100, (n) => ({ name: `c${n}`, image: text(20) })) },
    })),
  }),
  created('pod-of-65000-containers', pods, {
    kind: 'Pod',
    spec: { containers: many(65_000, () => ({ image: 'a' })) },
  }),
  created('pod-of-60000-mounts', pods, {
    kind: 'Pod',
    spec: { containers: [{ volumeMounts: many(60_000, () => ({ mountPath: text(12), subPath: 'a' })) }] },
  }),
  created('pod-of-200000-fields', pods, {
    kind: 'Pod',
    spec: entries(180_000, (n) => `field${100_000 + n}`, ''),
  }),
  created('pod-of-60000-annotations', pods, {
    kind: 'Pod',
    metadata: { annotations: entries(60_000, (n) => `k${n}`, 'v') },
    spec: {},
  }),
  patched('patch-of-10000-copies', ingresses, (n) => ({ op: 'copy', from: '/a', path: `/b${n}` })),
  patched('patch-of-long-paths', pods, (n) => ({ op: 'copy', from: '/a', path: `/spec/${text(200)}${n}` })),
  patched('patch-of-10000-values', pods, () => ({
    op: 'add',
    path: '/spec/containers/-',
    value: { image: 'a' },
  })),
];
