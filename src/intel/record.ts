// What the readers of all record formats share: components by name, versions, text for tables, and how a record is refused.
import type { z } from 'zod';
import { Failure } from '../base/failure.ts';
import { parseVersion, type Version } from '../base/version.ts';
import type { Component } from '../model/advisory.ts';
import { Timestamp } from '../model/common.ts';

/** Names that sources use, without their Go path. The aggregator is a part of the API server's process. */
const components: Readonly<Record<string, Component>> = {
  apiserver: 'kube-apiserver',
  'kube-apiserver': 'kube-apiserver',
  'kube-aggregator': 'kube-apiserver',
  kubelet: 'kubelet',
  kubectl: 'kubectl',
  'controller-manager': 'kube-controller-manager',
  'kube-controller-manager': 'kube-controller-manager',
  'kube-proxy': 'kube-proxy',
  'kube-scheduler': 'kube-scheduler',
  'ingress-nginx': 'ingress-nginx',
  etcd: 'etcd',
  containerd: 'containerd',
  'cri-o': 'cri-o',
  runc: 'runc',
  'csi-driver-nfs': 'csi-driver-nfs',
  'csi-driver-smb': 'csi-driver-smb',
};

/**
 * Go modules whose versions are those of the program. Not `k8s.io/apiserver` and its sisters, whose 0.x says nothing of
 * a server.
 */
const goModules: Readonly<Record<string, Component>> = {
  'k8s.io/kubernetes': 'kubernetes',
  'k8s.io/ingress-nginx': 'ingress-nginx',
  'go.etcd.io/etcd': 'etcd',
  'go.etcd.io/etcd/v3': 'etcd',
  'go.etcd.io/etcd/server/v3': 'etcd',
  'github.com/containerd/containerd': 'containerd',
  'github.com/containerd/containerd/v2': 'containerd',
  'github.com/cri-o/cri-o': 'cri-o',
  'github.com/opencontainers/runc': 'runc',
  'github.com/kubernetes-csi/csi-driver-nfs': 'csi-driver-nfs',
  'github.com/kubernetes-csi/csi-driver-smb': 'csi-driver-smb',
};

/** The component that is built from a Go module, and counted as it is; `other` for any else. */
export function componentOfModule(name: string): Component {
  return Object.hasOwn(goModules, name) ? (goModules[name] ?? 'other') : 'other';
}

/** The component of that name; `other` for what none of our parts is called. */
export function componentNamed(name: string): Component {
  const short = name
    .trim()
    .toLowerCase()
    .replace(/^(sigs\.)?k8s\.io\//, '')
    .replace(/^go\.etcd\.io\//, '')
    .replace(/^kubernetes[ /-](?=\S)/, '');
  if (Object.hasOwn(components, short)) return components[short] ?? 'other';
  return short === 'kubernetes' ? 'kubernetes' : 'other';
}

/** @throws Failure `bad-advisory` at the first field that is not what the schema says */
export function checkRecord<S extends z.ZodType>(
  schema: S,
  record: unknown,
  what: string,
  place: string,
): z.output<S> {
  const checked = schema.safeParse(record);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  throw refuseRecord(place, fieldPath(issue?.path ?? []), issue?.message ?? `not ${what}`);
}

/** @throws Failure `bad-advisory` for what is no version */
export function readVersion(text: string, field: string, place: string): Version {
  const version = parseVersion(text.trim());
  if (!version) throw refuseRecord(place, field, `'${printable(text)}' is no version`);
  return version;
}

/** Text of a record that may be hostile, for a message: short, and without control characters. */
export function printable(text: string): string {
  return text.slice(0, 80).replace(/[^\x20-\x7e]/g, '?');
}

export function refuseRecord(place: string, field: string, why: string): Failure {
  return new Failure('bad-advisory', `not usable as an advisory: ${why}`, {
    place: field === '' ? place : `${place}: ${field}`,
  });
}

/** One line for a table, without control or text-direction characters. */
export function firstLine(text: string): string {
  const line = text.trimStart().split(/[\r\n]/, 1)[0] ?? '';
  return line
    .replace(/[\p{Cc}\p{Cf}]/gu, ' ')
    .trim()
    .slice(0, 300);
}

/** When a record says that its flaw was made public; nothing for what is no time in UTC. */
export function publishedAt(text: string | undefined): { readonly published?: string } {
  const read = Timestamp.safeParse(text);
  return read.success ? { published: read.data } : {};
}

/** Links that a page may show. */
export function webLinks(urls: readonly (string | undefined)[]): string[] {
  return [...new Set(urls.flatMap((url) => (url !== undefined && /^https?:\/\//.test(url) ? url : [])))];
}

function fieldPath(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}
