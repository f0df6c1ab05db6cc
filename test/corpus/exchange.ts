// What an innocent exchange is, and how the pages of the corpus write one down.
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';

export type Json = { readonly [key: string]: unknown };

/** A client of the API server: who it is and how it asks. */
export type Client = {
  readonly name: string;
  readonly userAgent: string;
  /** By client certificate; left out: by bearer token. */
  readonly as?: { readonly user: string; readonly groups: readonly string[] };
  readonly accept?: string;
};

export type CorpusExchange = {
  readonly name: string;
  readonly client: Client;
  readonly method: string;
  readonly target: string;
  /** Beside Host, User-Agent, Accept, credentials and what the body needs. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: { readonly contentType: string; readonly text: string };
  readonly answer: {
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly text?: string;
  };
  /** What is said in the tunnel, after a 101. */
  readonly tunnel?: { readonly client: string; readonly server: string };
};

export type Manifest = Json & {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name?: string; readonly generateName?: string; readonly namespace?: string };
};

/** Resource names of the kinds that the manifests hold, beyond the plain plural. */
const plurals: Readonly<Record<string, string>> = {
  Ingress: 'ingresses',
  IngressClass: 'ingressclasses',
  NetworkPolicy: 'networkpolicies',
  CiliumNetworkPolicy: 'ciliumnetworkpolicies',
  StorageClass: 'storageclasses',
  PriorityClass: 'priorityclasses',
  Endpoints: 'endpoints',
};

export function manifests(file: string): readonly Manifest[] {
  const text = readFileSync(new URL(`./manifests/${file}.yaml`, import.meta.url), 'utf8');
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
}

/** `/apis/apps/v1/namespaces/shop/deployments`, where objects of this one's kind are created. */
export function collectionOf(object: Manifest): string {
  const plural = plurals[object.kind] ?? `${object.kind.toLowerCase()}s`;
  const root = object.apiVersion.includes('/') ? `/apis/${object.apiVersion}` : `/api/${object.apiVersion}`;
  const { namespace } = object.metadata;
  return namespace === undefined ? `${root}/${plural}` : `${root}/namespaces/${namespace}/${plural}`;
}

export function pathOf(object: Manifest): string {
  return `${collectionOf(object)}/${object.metadata.name ?? 'made-by-the-server'}`;
}

/** Does Kubernetes itself define the kind? Of others strategic merge patches are refused. */
export function isBuiltIn(object: Manifest): boolean {
  return (
    /^(v1|(apps|batch|autoscaling|policy)\/|[a-z.]+\.k8s\.io\/)/.test(object.apiVersion) &&
    !object.apiVersion.startsWith('gateway.')
  );
}

export function read(
  client: Client,
  name: string,
  target: string,
  answer: Partial<CorpusExchange['answer']> = {},
): CorpusExchange {
  return { name, client, method: 'GET', target, answer: { status: 200, ...answer } };
}

export function write(
  client: Client,
  name: string,
  method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  target: string,
  body: unknown,
  contentType = 'application/json',
): CorpusExchange {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const created =
    method === 'POST' && !/\/(eviction|binding|token)$|reviews$/.test(target.split('?')[0] ?? '');
  return {
    name,
    client,
    method,
    target,
    body: { contentType, text },
    answer: { status: created ? 201 : 200 },
  };
}

export const patchTypes = {
  strategic: 'application/strategic-merge-patch+json',
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;
