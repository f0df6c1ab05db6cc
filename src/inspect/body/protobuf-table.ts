// The fields of Kubernetes' messages, read from the generated table when a message is first met.
import { protobufFields, protobufKinds } from './protobuf-fields.ts';

type Scalar = 's' | 'y' | 'i' | 'l' | 'b' | 'd';
export type FieldType =
  | Scalar
  | 'quantity'
  | 'intstr'
  | 'time'
  | 'raw'
  | 'strings'
  /** A message, whose name is in `message`. */
  | 'message';

export type Field = {
  readonly name: string;
  readonly type: FieldType;
  readonly message: string;
  readonly shape: 'one' | 'list' | 'map';
  readonly inline: boolean;
  readonly keepsZero: boolean;
};

/** Fields by their number. */
export type Message = readonly (Field | undefined)[];

const lines = new Map<string, string>();
for (const line of protobufFields.trim().split('\n')) {
  const colon = line.indexOf(':');
  lines.set(line.slice(0, colon), line.slice(colon + 2));
}
const kinds: ReadonlySet<string> = new Set(protobufKinds.trim().split('\n'));
const compiled = new Map<string, Message>();

export function messageOf(name: string): Message {
  const known = compiled.get(name);
  if (known) return known;
  const made: (Field | undefined)[] = [];
  for (const part of (lines.get(name) ?? '').split('; ')) {
    const match = /^(\d+)([!^]*) (\S+) ([*%]?)(\S+)$/.exec(part);
    if (!match) continue;
    const [, number, marks = '', field = '', shape, type = ''] = match;
    const isMessage = type.includes('.');
    made[Number(number)] = {
      name: field,
      type: isMessage ? 'message' : (type as FieldType),
      message: isMessage ? type : '',
      shape: shape === '*' ? 'list' : shape === '%' ? 'map' : 'one',
      inline: marks.includes('^'),
      keepsZero: marks.includes('!'),
    };
  }
  compiled.set(name, made);
  return made;
}

/** The message of a kind; undefined where the kind is not in the table. Options of a delete are of every group. */
export function kindMessage(apiVersion: string, kind: string): string | undefined {
  if (kind === 'DeleteOptions') return 'meta/v1.DeleteOptions';
  const name = `${apiVersion.includes('/') ? apiVersion : `core/${apiVersion}`}.${kind}`;
  return kinds.has(name) ? name : undefined;
}

/** The kind that a resource holds: what the server takes for the kind of a body that names none. */
export function kindOfResource(group: string, version: string, resource: string): string | undefined {
  const prefix = `${group || 'core'}/${version}.`;
  for (const name of kinds) {
    if (name.startsWith(prefix) && plural(name.slice(prefix.length)) === resource)
      return name.slice(prefix.length);
  }
  return undefined;
}

function plural(kind: string): string {
  const lower = kind.toLowerCase();
  if (lower === 'endpoints') return lower;
  if (lower.endsWith('s')) return `${lower}es`;
  return lower.endsWith('y') ? `${lower.slice(0, -1)}ies` : `${lower}s`;
}
