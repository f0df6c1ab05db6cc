// Writes: whole objects, and patches by their media types. An object in protobuf or CBOR, which the range doesn't read,
// is kept as the bytes that came and given back so: what lies between must not have touched one of them.
import { parse } from 'yaml';
import type { Context } from './resource-handler.ts';
import type { KubeObject, ResourceType } from './resources.ts';

type Json = Record<string, unknown>;
type Encoded = { readonly type: string; readonly bytes: Buffer };

/** By the stored object: a later write in JSON leaves its predecessor's bytes behind. */
const encodings = new WeakMap<KubeObject, Encoded>();
const opaque = new Set(['application/vnd.kubernetes.protobuf', 'application/cbor']);

/** The object's own bytes, where that is how it was written and what is asked for. */
export function encodedAs(object: KubeObject, accept: string | undefined): Encoded | undefined {
  const encoded = encodings.get(object);
  return encoded && mediaType(accept) === encoded.type ? encoded : undefined;
}

/** Answers a create, update or patch. */
export async function serveWrite(context: Context, type: ResourceType, namespace: string): Promise<void> {
  const { exchange, request, info, store, answer, fail } = context;
  const body = await exchange.body();
  if (body === undefined) return fail(413, 'Request entity too large: limit is 3145728');
  const contentType = mediaType(exchange.header('content-type'));
  const applies = contentType === 'application/apply-patch+yaml';
  const before = request.verb === 'create' ? undefined : store.get(type, namespace, info.name);
  // An update makes what isn't there, as the server does for the types that allow it; so does server-side apply.
  if (request.verb === 'patch' && !before && !applies) {
    return fail(404, `${type.resource} "${info.name}" not found`);
  }
  if (opaque.has(contentType)) {
    if (request.verb !== 'update') return fail(415, 'the range takes these bytes by name only');
    const stored = store.put(type, namespace, info.name, {});
    encodings.set(stored, { type: contentType, bytes: body });
    return answer(before ? 200 : 201, body, contentType);
  }
  let object: Json;
  try {
    object = request.verb === 'patch' ? patched(before, contentType, body.toString()) : readObject(body);
  } catch (error) {
    return fail(400, `the object provided is unrecognized: ${error instanceof Error ? error.message : ''}`);
  }
  const given = (object['metadata'] as { name?: string } | undefined)?.name ?? '';
  const name = request.verb === 'create' ? given : info.name;
  if (request.verb === 'create' && store.get(type, namespace, name)) {
    return fail(409, `${type.resource} "${name}" already exists`);
  }
  answer(before ? 200 : 201, store.put(type, namespace, name, object));
}

function readObject(body: Buffer): Json {
  return JSON.parse(body.toString()) as Json;
}

/** @throws SyntaxError, RangeError on what can't be read or applied */
function patched(before: Json | undefined, contentType: string, text: string): Json {
  const base = structuredClone(before ?? {});
  if (contentType === 'application/json-patch+json') {
    for (const operation of JSON.parse(text) as JsonPatch) applyOperation(base, operation);
    return base;
  }
  // Maps merge alike in strategic and in JSON merge patches, and config maps hold nothing else.
  return merge(base, contentType === 'application/apply-patch+yaml' ? parse(text) : JSON.parse(text)) as Json;
}

/** RFC 7386. */
function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const merged: Json = typeof target === 'object' && target !== null ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = merge(merged[key], value);
  }
  return merged;
}

type JsonPatch = { readonly op: string; readonly path: string; readonly value?: unknown }[];

/** RFC 6902, on members of objects: add, replace, remove and test. */
function applyOperation(object: Json, { op, path, value }: JsonPatch[number]): void {
  const keys = path
    .slice(1)
    .split('/')
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = keys.pop() ?? '';
  const parent = keys.reduce<Json | undefined>((at, key) => at?.[key] as Json | undefined, object);
  if (parent === undefined) throw new RangeError(`no parent of ${path}`);
  if (op !== 'add' && !(last in parent)) throw new RangeError(`nothing at ${path}`);
  if (op === 'test' && parent[last] !== value) throw new RangeError(`${path} is another`);
  if (op === 'add' || op === 'replace') parent[last] = value;
  else if (op === 'remove') delete parent[last];
  else if (op !== 'test') throw new RangeError(`no operation ${op}`);
}

function mediaType(value: string | undefined): string {
  return (value ?? '').split(/[,;]/)[0]?.trim() ?? '';
}
