// JSON values as Kubernetes' protobuf: what a client would send for the same object.
import { type Field, kindMessage, type Message, messageOf } from '../inspect/body/protobuf-table.ts';

type Values = Readonly<Record<string, unknown>>;

/** The table has no such kind or field, or the field's type has no room for the value. */
class NotWritten extends Error {}

/** undefined: protobuf has no form for it, as far as the table of fields goes. */
export function encodeProtobuf(object: unknown): Buffer | undefined {
  if (!isObject(object)) return undefined;
  const { apiVersion, kind, ...values } = object;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return undefined;
  const name = kindMessage(apiVersion, kind);
  if (name === undefined) return undefined;
  try {
    const typeMeta = Buffer.concat([text(1, apiVersion), text(2, kind)]);
    return Buffer.concat([
      Buffer.from([0x6b, 0x38, 0x73, 0x00]),
      bytes(1, typeMeta),
      bytes(2, message(messageOf(name), values)),
    ]);
  } catch (error) {
    if (error instanceof NotWritten) return undefined;
    throw error;
  }
}

function message(fields: Message, values: Values): Buffer {
  const parts: Buffer[] = [];
  const known = namesOf(fields);
  for (const name of Object.keys(values)) if (!known.has(name)) throw new NotWritten(name);
  fields.forEach((field, number) => {
    if (!field) return;
    if (field.inline) {
      const inner = messageOf(field.message);
      const names = namesOf(inner);
      const own = Object.entries(values).filter(([name]) => names.has(name));
      if (own.length > 0) parts.push(bytes(number, message(inner, Object.fromEntries(own))));
      return;
    }
    const value = values[field.name];
    if (value === undefined || value === null) return;
    parts.push(...shaped(field, number, value));
  });
  return Buffer.concat(parts);
}

function namesOf(fields: Message): ReadonlySet<string> {
  return new Set(
    fields.flatMap((field) =>
      field ? (field.inline ? [...namesOf(messageOf(field.message))] : [field.name]) : [],
    ),
  );
}

function shaped(field: Field, number: number, value: unknown): Buffer[] {
  if (field.shape === 'list') {
    if (!Array.isArray(value)) throw new NotWritten(field.name);
    return value.map((item) => single(field, number, item));
  }
  if (field.shape === 'one') return [single(field, number, value)];
  if (!isObject(value)) throw new NotWritten(field.name);
  return Object.entries(value).map(([key, item]) =>
    bytes(number, Buffer.concat([text(1, key), single(field, 2, item)])),
  );
}

function single(field: Field, number: number, value: unknown): Buffer {
  switch (field.type) {
    case 's':
      return text(number, string(value));
    case 'y':
      return bytes(number, Buffer.from(string(value), 'base64'));
    case 'i':
    case 'l':
      return Buffer.concat([varint(number << 3), varint(integer(value))]);
    case 'b':
      if (typeof value !== 'boolean') throw new NotWritten(field.name);
      return Buffer.concat([varint(number << 3), varint(value ? 1 : 0)]);
    case 'd':
      throw new NotWritten(field.name);
    case 'quantity':
      return bytes(number, text(1, string(typeof value === 'number' ? String(value) : value)));
    case 'intstr':
      return bytes(
        number,
        typeof value === 'number'
          ? Buffer.concat([varint(8), varint(0), varint(16), varint(integer(value))])
          : Buffer.concat([varint(8), varint(1), text(3, string(value))]),
      );
    case 'time': {
      const seconds = Date.parse(string(value)) / 1_000;
      if (!Number.isSafeInteger(seconds)) throw new NotWritten(field.name);
      return bytes(number, Buffer.concat([varint(8), varint(seconds)]));
    }
    case 'raw':
      return bytes(number, bytes(1, Buffer.from(JSON.stringify(value))));
    case 'strings':
      if (!Array.isArray(value)) throw new NotWritten(field.name);
      return bytes(number, Buffer.concat(value.map((item) => text(1, string(item)))));
    case 'message':
      if (!isObject(value)) throw new NotWritten(field.name);
      return bytes(number, message(messageOf(field.message), value));
  }
}

function isObject(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function string(value: unknown): string {
  if (typeof value !== 'string') throw new NotWritten('text');
  return value;
}

function integer(value: unknown): number {
  if (!Number.isSafeInteger(value)) throw new NotWritten('integer');
  return value as number;
}

function bytes(number: number, content: Buffer): Buffer {
  return Buffer.concat([varint((number << 3) | 2), varint(content.length), content]);
}

function text(number: number, content: string): Buffer {
  return bytes(number, Buffer.from(content));
}

function varint(value: number): Buffer {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest >= 0x80n; rest >>= 7n) out.push(Number(rest & 0x7fn) | 0x80);
  out.push(Number(rest));
  return Buffer.from(out);
}
