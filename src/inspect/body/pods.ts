// Pod specs wherever they hide (kubernetes-cves: "pod specs hide in templates"), found by structure: a patch names no
// kind, and a kind that the caller wrote proves nothing.
import { each, field, isObject } from './reach.ts';
import type { JsonObject } from './types.ts';

export type PodParts = { readonly metadata: JsonObject; readonly spec: JsonObject };

/**
 * The object, and of a list the objects in it. A body without kind but with items may be a list; it may as well be a patch, or
 * an object whose kind the server takes from the path, and then items mean nothing to it: so the object itself is always one.
 */
export function objectsOf(value: unknown): readonly JsonObject[] {
  if (!isObject(value)) return [];
  const kind = field(value, 'kind');
  const items = field(value, 'items');
  const isList = items !== undefined && (typeof kind !== 'string' || kind.endsWith('List'));
  return isList ? [value, ...each(items).flatMap(objectsOf)] : [value];
}

/**
 * Every pod in the body: itself, `template` (PodTemplate), `spec.template` (what controls pods),
 * `spec.jobTemplate.spec.template` (CronJob), `data` (ControllerRevision, from which stateful sets make pods), the items of
 * lists, and the body of the ephemeralcontainers subresource,
 * which before Kubernetes 1.23 was a kind of its own. Of a patch, the parts that it writes. What is no pod but has a
 * `spec` and no `kind` is given too: rules name the resource that they guard.
 * @param trustsKind false where the server goes on with another kind than the body says, as it does with patches
 */
export function podsOf(value: unknown, trustsKind = true): readonly PodParts[] {
  const pods: PodParts[] = [];
  for (const object of objectsOf(value))
    collect(object, pods, trustsKind ? field(object, 'kind') : undefined);
  return pods;
}

const podFields = ['containers', 'initContainers', 'ephemeralContainers', 'volumes'];

/** Recursion is as deep as the value, which the decoders bound. */
function collect(object: JsonObject, pods: PodParts[], kind: unknown): void {
  const metadata = field(object, 'metadata');
  const spec = field(object, 'spec');
  const ephemeralContainers = field(object, 'ephemeralContainers');
  const own = isObject(metadata) ? metadata : {};
  // A patch may write a pod's metadata alone; a binding's annotations become the pod's.
  if (
    isObject(metadata) &&
    (spec === undefined || spec === null) &&
    (typeof kind !== 'string' || kind === 'Pod' || kind === 'Binding')
  ) {
    pods.push({ metadata, spec: {} });
  }
  if (
    isObject(spec) &&
    (typeof kind !== 'string' || kind === 'Pod' || podFields.some((name) => field(spec, name) !== undefined))
  ) {
    pods.push({ metadata: own, spec });
  }
  if (ephemeralContainers !== undefined && ephemeralContainers !== null) {
    pods.push({ metadata: own, spec: { ephemeralContainers } });
  }
  const revision = field(object, 'data');
  if (isObject(revision) && (typeof kind !== 'string' || kind === 'ControllerRevision')) {
    collect(revision, pods, undefined);
  }
  for (const holder of [object, spec]) {
    for (const name of ['template', 'jobTemplate']) {
      const template = field(holder, name);
      if (isObject(template)) collect(template, pods, name === 'jobTemplate' ? 'Job' : undefined);
    }
  }
}
