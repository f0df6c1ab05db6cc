// Package managers and pipelines: helm, argocd and flux putting whole applications in place; and dashboards.
import {
  type Client,
  type CorpusExchange,
  collectionOf,
  isBuiltIn,
  type Manifest,
  manifests,
  patchTypes,
  pathOf,
  read,
  write,
} from './exchange.ts';

const helm: Client = {
  name: 'helm',
  userAgent: 'Helm/3.15.4',
  as: { user: 'release', groups: ['platform', 'system:authenticated'] },
  accept: 'application/json',
};
const flux: Client = {
  name: 'flux',
  userAgent: 'kustomize-controller/v0.0.0 (linux/amd64) kubernetes/$Format',
  accept: 'application/json',
};
const terraform: Client = {
  name: 'terraform',
  userAgent: 'HashiCorp/1.0 Terraform/1.9.5',
  accept: 'application/json',
};
const dashboard: Client = { name: 'dashboard', userAgent: 'dashboard/v2.7.0', accept: 'application/json' };
const lens: Client = {
  name: 'a desktop client',
  userAgent: 'Mozilla/5.0 (Macintosh) AppleWebKit/537.36 (KHTML, like Gecko) Electron/29.4',
  accept: 'application/json, text/plain, */*',
};
const k9s: Client = {
  name: 'k9s',
  userAgent: 'k9s/v0.0.0 (linux/amd64) kubernetes/$Format',
  accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
};

const all = ['workloads', 'network', 'config', 'rights'].flatMap(manifests);

function changed(object: Manifest): unknown {
  return {
    metadata: {
      labels: { 'helm.sh/chart': 'shop-4.2.2' },
      annotations: { 'meta.helm.sh/release-name': 'shop' },
    },
    ...(object['data'] === undefined ? {} : { data: { added: 'yes' } }),
  };
}

function* install(): Generator<CorpusExchange> {
  yield read(helm, 'releases', '/api/v1/namespaces/shop/secrets?labelSelector=name%3Dshop%2Cowner%3Dhelm');
  yield read(helm, 'the release', '/api/v1/namespaces/shop/secrets/sh.helm.release.v1.shop.v3');
  for (const object of all) {
    const label = `${object.kind} ${object.metadata.name ?? object.metadata.generateName}`;
    yield write(helm, `install ${label}`, 'POST', `${collectionOf(object)}?fieldManager=helm`, object);
    if (object.metadata.name === undefined) continue;
    yield write(
      helm,
      `upgrade ${label}`,
      'PATCH',
      `${pathOf(object)}?fieldManager=helm`,
      changed(object),
      isBuiltIn(object) ? patchTypes.strategic : patchTypes.merge,
    );
    yield write(
      flux,
      `apply ${label}`,
      'PATCH',
      `${pathOf(object)}?dryRun=All&fieldManager=kustomize-controller&force=true`,
      object,
      patchTypes.apply,
    );
    yield write(terraform, `update ${label}`, 'PUT', `${pathOf(object)}?fieldManager=Terraform`, object);
  }
}

const pages: readonly [string, string][] = [
  ['pods', '/api/v1/namespaces/shop/pods?timeout=30s'],
  ['metrics of pods', '/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods'],
  ['workloads', '/apis/apps/v1/namespaces/shop/replicasets?labelSelector=app%3Dweb'],
  ['a secret', '/api/v1/namespaces/shop/secrets/shop-tls'],
  ['nodes', '/api/v1/nodes'],
  ['logs', '/api/v1/namespaces/shop/pods/web-1/log?container=web&tailLines=100&timestamps=true'],
  ['definitions', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions?limit=250'],
  ['events', '/api/v1/events?limit=250'],
];

export const packageExchanges: readonly CorpusExchange[] = [
  ...install(),
  ...[dashboard, lens, k9s].flatMap((client) => pages.map(([name, target]) => read(client, name, target))),
  ...[dashboard, lens].flatMap((client) => [
    write(client, 'scale', 'PUT', '/apis/apps/v1/namespaces/shop/deployments/web/scale', {
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      metadata: { name: 'web', namespace: 'shop' },
      spec: { replicas: 2 },
    }),
    write(client, 'edit', 'PUT', '/api/v1/namespaces/shop/configmaps/web-config', manifests('config')[0]),
    write(client, 'delete', 'DELETE', '/api/v1/namespaces/shop/pods/web-1', { kind: 'DeleteOptions' }),
    write(client, 'what may I', 'POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
      kind: 'SelfSubjectAccessReview',
      apiVersion: 'authorization.k8s.io/v1',
      spec: { resourceAttributes: { verb: 'list', resource: 'secrets' } },
    }),
  ]),
  {
    ...read(lens, 'a page before the sign-in', '/apis/authentication.k8s.io/v1'),
    headers: { Origin: 'https://console.example.org', 'Accept-Encoding': 'gzip, deflate, br' },
  },
];
