// What the readers of all record formats share: components by name, versions, text for tables, and how a record is refused.
import type { z } from 'zod';
import { Failure } from '../base/failure.ts';
import { parseVersion, type Version } from '../base/version.ts';
import type { Component } from '../model/advisory.ts';

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
};

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
