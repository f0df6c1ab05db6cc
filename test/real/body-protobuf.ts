// Objects as Kubernetes protobuf, in forms that only an attacker writes: messages in several parts, fields in any order and
// twice, fields that nobody knows.
import {
  kindMessage,
  kindOfResource,
  type Message,
  messageOf,
} from '../../src/inspect/body/protobuf-table.ts';
import type { Fields, Json, Target } from './body-cases.ts';
import type { Draw } from './draw.ts';

function varint(value: number): number[] {
  let rest = BigInt.asUintN(64, BigInt(Math.trunc(value)));
  const out: number[] = [];
  do {
    const byte = Number(rest & 0x7fn);
    rest >>= 7n;
    out.push(rest > 0n ? byte | 0x80 : byte);
  } while (rest > 0n);
  return out;
}

function measured(field: number, body: readonly number[]): number[] {
  return [...varint(field * 8 + 2), ...varint(body.length), ...body];
}

function text(field: number, value: string): number[] {
  return measured(field, [...Buffer.from(value)]);
}

export function encodeProtobuf(draw: Draw, value: Fields, target: Target): Buffer {
  const version = target.group === '' ? target.version : `${target.group}/${target.version}`;
  const kind = kindOfResource(target.group, target.version, target.resource) ?? '';
  const message = messageOf(kindMessage(version, kind) ?? '');
  const said = typeof value['kind'] === 'string' ? value['kind'] : '';
  const raw = encode(draw, message, value);
  const parts = [
    !draw.odd(0.2) ? measured(1, [...(!draw.odd(0.1) ? text(1, version) : []), ...text(2, said)]) : [],
    draw.odd(0.1) ? measured(1, text(2, kind)) : [],
    draw.odd(0.05) ? measured(2, encode(draw, message, { metadata: { name: 'decoy' } })) : [],
    measured(2, raw),
    draw.odd(0.03) ? text(3, 'gzip') : [],
    draw.odd(0.05) ? text(4, draw.of(['application/json', 'application/vnd.kubernetes.protobuf', ''])) : [],
    draw.odd(0.05) ? text(9, 'unknown') : [],
  ];
  const ordered = draw.odd(0.1) ? draw.shuffled(parts) : parts;
  return Buffer.from([0x6b, 0x38, 0x73, 0, ...ordered.flat()]);
}

function encode(draw: Draw, message: Message, value: Json): number[] {
  const parts: number[][] = [];
  const fields = value as Fields;
  message.forEach((field, number) => {
    if (!field) return;
    if (field.inline) {
      const inner = encode(draw, messageOf(field.message), value);
      if (inner.length > 0) parts.push(measured(number, inner));
      return;
    }
    const given = Object.hasOwn(fields, field.name) ? fields[field.name] : undefined;
    if (given === undefined || given === null) return;
    const one = (item: Json): number[] => {
      switch (field.type) {
        case 's':
          return text(number, String(item));
        case 'i':
        case 'l':
          return [...varint(number * 8), ...varint(Number(item))];
        case 'b':
          return [...varint(number * 8), item ? (draw.odd(0.2) ? 7 : 1) : 0];
        case 'intstr':
          return measured(
            number,
            typeof item === 'number' ? [8, 0, 16, ...varint(item)] : [8, 1, ...text(3, String(item))],
          );
        case 'message':
          return measured(number, encode(draw, messageOf(field.message), item));
        default:
          return [];
      }
    };
    if (field.shape === 'map') {
      for (const [name, item] of Object.entries(given as Fields)) {
        const entry = [text(1, name), text(2, String(item))];
        if (draw.odd(0.1)) entry.reverse();
        if (draw.odd(0.05)) entry.unshift(text(2, 'decoy'));
        parts.push(measured(number, entry.flat()));
      }
    } else if (field.shape === 'list') {
      for (const item of Array.isArray(given) ? (given as readonly Json[]) : []) parts.push(one(item));
    } else {
      if (draw.odd(0.04) && field.type === 's') parts.push(text(number, 'decoy'));
      parts.push(one(given));
      if (field.type === 'message' && draw.odd(0.1))
        parts.push(measured(number, draw.chance(0.5) ? [] : encode(draw, messageOf(field.message), given)));
      if (draw.odd(0.02) && field.type === 's') parts.push(text(number, draw.of(['', 'last'])));
    }
  });
  if (draw.odd(0.05)) parts.push(text(draw.between(100, 900), 'unknown'));
  if (draw.odd(0.02)) parts.push([...varint(draw.between(500, 900) * 8 + 5), 1, 2, 3, 4]);
  return (draw.odd(0.2) ? draw.shuffled(parts) : parts).flat();
}
