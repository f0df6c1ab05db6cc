// Server-side printing: lists and watch events as meta.k8s.io Tables when the client asks for them.
import type { KubeObject } from './resources.ts';

type Column = { readonly name: string; readonly cell: (object: KubeObject) => unknown };

const name: Column = { name: 'Name', cell: (object) => object.metadata.name };
const age: Column = { name: 'Age', cell: (object) => since(object.metadata.creationTimestamp) };
const columns: Readonly<Record<string, readonly Column[]>> = {
  Pod: [
    name,
    { name: 'Ready', cell: () => '1/1' },
    { name: 'Status', cell: (pod) => at(pod, 'status', 'phase') },
    { name: 'Restarts', cell: () => 0 },
    age,
  ],
  Node: [
    name,
    { name: 'Status', cell: () => 'Ready' },
    { name: 'Roles', cell: (node) => (node.metadata.name === 'cp' ? 'master' : '<none>') },
    age,
    { name: 'Version', cell: (node) => at(node, 'status', 'nodeInfo', 'kubeletVersion') },
  ],
  Namespace: [name, { name: 'Status', cell: (namespace) => at(namespace, 'status', 'phase') }, age],
};

/** The Table's apiVersion that an Accept field asks for, if any of its alternatives does. */
export function tableVersion(accept: string | undefined): string | undefined {
  for (const alternative of (accept ?? '').split(',')) {
    const parameters = alternative.split(';').map((part) => part.trim());
    if (!parameters.includes('as=Table') || !parameters.includes('g=meta.k8s.io')) continue;
    const version = parameters.find((part) => part.startsWith('v='))?.slice(2);
    if (version === 'v1' || version === 'v1beta1') return `meta.k8s.io/${version}`;
  }
  return undefined;
}

export function table(
  apiVersion: string,
  kind: string,
  resourceVersion: string,
  objects: readonly KubeObject[],
) {
  const shown = columns[kind] ?? [name, age];
  return {
    kind: 'Table',
    apiVersion,
    metadata: { resourceVersion },
    columnDefinitions: shown.map((column) => ({
      name: column.name,
      type: column.name === 'Restarts' ? 'integer' : 'string',
      format: column.name === 'Name' ? 'name' : '',
      description: '',
      priority: 0,
    })),
    rows: objects.map((object) => ({
      cells: shown.map((column) => column.cell(object)),
      object: { kind: 'PartialObjectMetadata', apiVersion, metadata: object.metadata },
    })),
  };
}

function at(object: unknown, ...path: readonly string[]): unknown {
  let value = object;
  for (const key of path) value = (value as Record<string, unknown> | undefined)?.[key];
  return value;
}

function since(timestamp: string): string {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(timestamp)) / 1000));
  return seconds < 120 ? `${seconds}s` : `${Math.floor(seconds / 60)}m`;
}
