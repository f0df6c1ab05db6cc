// Kubernetes' protobuf envelope, as far as newer clients need it here: reading a SelfSubjectAccessReview, writing a
// Status. k8s.io/apimachinery/pkg/runtime/generated.proto and the API groups' own generated.proto.
import type { Details } from './status.ts';

const magic = Buffer.from('k8s\0');
export const protobufType = 'application/vnd.kubernetes.protobuf';

type Fields = ReadonlyMap<number, Buffer>;

/** Does the Accept field put protobuf first? */
export function prefersProtobuf(accept: string | undefined): boolean {
  return (accept ?? '').split(/[,;]/)[0]?.trim() === protobufType;
}

/** The spec of a SelfSubjectAccessReview, as its JSON would read; undefined when it isn't one. */
export function readAccessReview(body: Buffer) {
  if (!body.subarray(0, 4).equals(magic)) return undefined;
  const object = message(message(body.subarray(4))?.get(2));
  const spec = message(object?.get(2));
  if (!spec) return undefined;
  const named = (fields: Fields, names: readonly string[]): Record<string, string> =>
    Object.fromEntries(names.map((name, index) => [name, fields.get(index + 1)?.toString() ?? '']));
  const resource = message(spec.get(1));
  const path = message(spec.get(2));
  return {
    ...(resource
      ? {
          resourceAttributes: named(resource, [
            'namespace',
            'verb',
            'group',
            'version',
            'resource',
            'subresource',
            'name',
          ]),
        }
      : {}),
    ...(path ? { nonResourceAttributes: named(path, ['path', 'verb']) } : {}),
  };
}

/** A metav1.Status in the envelope. */
export function encodeStatus(status: {
  message: string;
  reason: string;
  code: number;
  details?: Details;
}): Buffer {
  const { details } = status;
  const raw = Buffer.concat([
    bytes(1, Buffer.alloc(0)),
    bytes(2, 'Failure'),
    bytes(3, status.message),
    bytes(4, status.reason),
    ...(details
      ? [
          bytes(
            5,
            Buffer.concat([
              bytes(1, details.name ?? ''),
              bytes(2, details.group ?? ''),
              bytes(3, details.kind ?? ''),
            ]),
          ),
        ]
      : []),
    Buffer.from([6 << 3]),
    varint(status.code),
  ]);
  const type = Buffer.concat([bytes(1, 'v1'), bytes(2, 'Status')]);
  return Buffer.concat([magic, bytes(1, type), bytes(2, raw)]);
}

/** Length-delimited fields of a message, the last of each number; undefined when it is not one. */
function message(buffer: Buffer | undefined): Fields | undefined {
  if (!buffer) return undefined;
  const fields = new Map<number, Buffer>();
  for (let at = 0; at < buffer.length; ) {
    const [key, afterKey] = readVarint(buffer, at);
    const [value, next] = readVarint(buffer, afterKey);
    at = next;
    if ((key & 7) === 0) continue;
    if ((key & 7) !== 2 || next + value > buffer.length) return undefined;
    fields.set(key >> 3, buffer.subarray(next, next + value));
    at = next + value;
  }
  return fields;
}

function readVarint(buffer: Buffer, start: number): [value: number, next: number] {
  let value = 0;
  for (let at = start, shift = 0; at < buffer.length && shift < 28; at += 1, shift += 7) {
    const byte = buffer[at] ?? 0;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return [value, at + 1];
  }
  return [value, buffer.length];
}

function varint(value: number): Buffer {
  const out: number[] = [];
  let left = value;
  for (; left > 0x7f; left >>= 7) out.push((left & 0x7f) | 0x80);
  return Buffer.from([...out, left]);
}

function bytes(field: number, content: Buffer | string): Buffer {
  const payload = Buffer.from(content);
  return Buffer.concat([Buffer.from([(field << 3) | 2]), varint(payload.length), payload]);
}
