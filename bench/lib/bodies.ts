// Bodies in every format that the decoders read, written by an encoder as small as can be, and bodies made to be costly.
import { stringify } from 'yaml';
import { configMap, pod } from './rule-requests.ts';

export type Body = {
  readonly name: string;
  readonly contentType: string;
  readonly verb: 'create' | 'patch';
  readonly resource: 'pods' | 'configmaps';
  readonly bytes: Buffer;
};

const json = 'application/json';
const yaml = 'application/yaml';
const create = (
  name: string,
  contentType: string,
  bytes: Buffer | string,
  resource: Body['resource'] = 'configmaps',
): Body => ({ name, contentType, verb: 'create', resource, bytes: Buffer.from(bytes) });

export const ordinaryBodies: readonly Body[] = [
  create('json-pod', json, JSON.stringify(pod), 'pods'),
  create('json-configmap', json, JSON.stringify(configMap)),
  create('yaml-pod', yaml, stringify(pod), 'pods'),
  // YAML that is no JSON is read up to 64 KiB: the whole config map is refused, and noted so.
  create('yaml-configmap-60KB', yaml, stringify(smallConfigMap())),
  create('yaml-configmap', yaml, stringify(configMap)),
  create('protobuf-configmap', 'application/vnd.kubernetes.protobuf', protobufConfigMap()),
  create('cbor-pod', 'application/cbor', cbor(pod), 'pods'),
  create('cbor-configmap', 'application/cbor', cbor(configMap)),
];

function smallConfigMap(): object {
  return { ...configMap, data: Object.fromEntries(Object.entries(configMap.data).slice(0, 5)) };
}

const million = 1_000_000;
export const costlyBodies: readonly Body[] = [
  create('json-deep', json, `{"a":${'['.repeat(million)}`),
  create('json-many-values', json, `{"a":[${'0,'.repeat(million)}0]}`),
  create('json-many-keys', json, `{${Array.from({ length: 100_000 }, (_, n) => `"k${n}":0`).join()}}`),
  create('json-long-number', json, `{"a":${'1'.repeat(million)}}`),
  create('json-escapes', json, `{"a":"${'\\u0041'.repeat(million / 6)}"}`),
  create('yaml-aliases', yaml, aliasBomb()),
  create('yaml-deep', yaml, `a: ${'['.repeat(million)}`),
  create('cbor-deep', 'application/cbor', Buffer.alloc(million, 0x81)),
  create('cbor-huge-length', 'application/cbor', Buffer.from('d9d9f7bb7fffffffffffffff', 'hex')),
  {
    name: 'json-patch-operations',
    contentType: 'application/json-patch+json',
    verb: 'patch',
    resource: 'pods',
    bytes: Buffer.from(
      JSON.stringify(
        Array.from({ length: 10_000 }, (_, n) => ({ op: 'add', path: `/metadata/labels/l${n}`, value: 'x' })),
      ),
    ),
  },
];

function aliasBomb(): string {
  const rows = Array.from({ length: 20 }, (_, n) => {
    const items = n === 0 ? 'x' : Array.from({ length: 9 }, () => `*a${n - 1}`).join(', ');
    return `a${n}: &a${n} [${items}]`;
  });
  return `${rows.join('\n')}\n`;
}

function protobufConfigMap(): Buffer {
  const { name, namespace } = configMap.metadata;
  const entries = Object.entries(configMap.data).map(([key, value]) =>
    field(2, Buffer.concat([field(1, key), field(2, value)])),
  );
  const raw = Buffer.concat([field(1, Buffer.concat([field(1, name), field(3, namespace)])), ...entries]);
  const type = Buffer.concat([field(1, configMap.apiVersion), field(2, configMap.kind)]);
  return Buffer.concat([Buffer.from('k8s\0'), field(1, type), field(2, raw)]);
}

function field(number: number, value: Buffer | string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([(number << 3) | 2]), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  for (; left > 0x7f; left >>>= 7) bytes.push((left & 0x7f) | 0x80);
  bytes.push(left);
  return Buffer.from(bytes);
}

function cbor(value: unknown): Buffer {
  return Buffer.concat([Buffer.from('d9d9f7', 'hex'), item(value)]);
}

function item(value: unknown): Buffer {
  if (typeof value === 'string')
    return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (typeof value === 'boolean') return Buffer.from([value ? 0xf5 : 0xf4]);
  if (typeof value === 'number') return head(0, value);
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(item)]);
  const entries = Object.entries(value as object);
  return Buffer.concat([head(5, entries.length), ...entries.flatMap(([key, one]) => [item(key), item(one)])]);
}

function head(major: number, value: number): Buffer {
  if (value < 24) return Buffer.from([(major << 5) | value]);
  const bytes = Buffer.alloc(5);
  bytes[0] = (major << 5) | 26;
  bytes.writeUInt32BE(value, 1);
  return bytes;
}
