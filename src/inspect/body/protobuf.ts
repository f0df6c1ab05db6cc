// Kubernetes' protobuf: four bytes of magic, an envelope (runtime.Unknown) that names the kind, the message of that kind.
// Fields have the names and the form that they have in JSON, so that one rule reads both. From apimachinery
// pkg/runtime/serializer/protobuf (Decode) and gogo/protobuf's generated readers: singular messages merge, the last scalar
// wins, zero values that JSON would leave out are left out.
import { decodeJson } from './json.ts';
import { BodyError } from './problems.ts';
import { type Field, kindMessage, kindOfResource, type Message, messageOf } from './protobuf-table.ts';
import { WireReader } from './protobuf-wire.ts';
import { setOwn } from './reach.ts';
import type { BodyInput, BodyLimits, JsonObject, JsonValue } from './types.ts';

type Target = { [name: string]: JsonValue };

/** @throws BodyError */
export function decodeProtobuf(
  input: BodyInput,
  limits: BodyLimits,
): { readonly value: JsonObject; readonly unknownFields: boolean } {
  const decoder = new Decoder(input.bytes, limits);
  const deletes = input.verb === 'delete' || input.verb === 'deletecollection';
  const value = decoder.envelope(0, input.bytes.length, 1, {
    apiVersion: input.group === '' ? input.version : `${input.group}/${input.version}`,
    kind: deletes
      ? 'DeleteOptions'
      : holdsObject(input)
        ? kindOfResource(input.group, input.version, input.resource)
        : undefined,
  });
  return { value, unknownFields: decoder.unknownFields };
}

/** Other subresources take bodies of kinds of their own, which real clients name. */
function holdsObject({ subresource }: BodyInput): boolean {
  return subresource === '' || subresource === 'status' || subresource === 'ephemeralcontainers';
}

type Defaults = { readonly apiVersion?: string | undefined; readonly kind?: string | undefined };

const magic = [0x6b, 0x38, 0x73, 0x00];

class Decoder {
  readonly #reader: WireReader;
  readonly #limits: BodyLimits;
  #values = 0;
  unknownFields = false;

  constructor(bytes: Uint8Array, limits: BodyLimits) {
    this.#reader = new WireReader(bytes, 0);
    this.#limits = limits;
  }

  envelope(start: number, end: number, depth: number, defaults: Defaults): JsonObject {
    this.#deeper(depth);
    const reader = this.#reader;
    if (!this.#hasMagic(start, end))
      throw new BodyError('body-syntax', 'the body does not begin as Kubernetes protobuf');
    reader.at = start + magic.length;
    if (reader.at === end) throw new BodyError('body-syntax', 'the body has no message');
    let apiVersion = '';
    let kind = '';
    let raw: readonly [number, number] = [end, end];
    while (reader.at < end) {
      const tag = reader.tag(end);
      const field = tag >>> 3;
      if (field < 1 || field > 4) {
        this.unknownFields = true;
        reader.skip(tag & 7, end);
        continue;
      }
      wireType(tag, 2);
      if (field === 1) {
        // Given twice, the parts merge.
        const stop = reader.measured(end);
        while (reader.at < stop) {
          const inner = reader.tag(stop);
          if (inner >>> 3 > 2) {
            this.unknownFields = true;
            reader.skip(inner & 7, stop);
            continue;
          }
          wireType(inner, 2);
          if (inner >>> 3 === 1) apiVersion = reader.text(stop);
          else kind = reader.text(stop);
        }
      } else if (field === 2) {
        const stop = reader.measured(end);
        raw = [reader.at, stop];
        reader.at = stop;
      } else if (reader.text(end) !== '') {
        // contentEncoding and contentType: the server reads the message as protobuf, whatever they say.
        throw new BodyError(
          'body-ambiguous',
          'the protobuf envelope names a type or encoding of its content',
        );
      }
    }
    return this.#object(raw, apiVersion || (defaults.apiVersion ?? ''), kind || (defaults.kind ?? ''), depth);
  }

  #object(raw: readonly [number, number], apiVersion: string, kind: string, depth: number): JsonObject {
    const name = kindMessage(apiVersion, kind);
    if (!name) throw new BodyError('body-unknown-kind', 'the fields of this kind are not known');
    const value: Target = { apiVersion, kind };
    this.#reader.at = raw[0];
    this.#message(messageOf(name), raw[1], value, depth);
    return value;
  }

  #hasMagic(start: number, end: number): boolean {
    return end - start >= magic.length && magic.every((byte, i) => this.#reader.bytes[start + i] === byte);
  }

  #deeper(depth: number): void {
    if (depth > this.#limits.maxDepth)
      throw new BodyError('body-too-deep', `more than ${this.#limits.maxDepth} levels`);
  }

  #count(): void {
    if (++this.#values > this.#limits.maxValues) {
      throw new BodyError('body-too-large-decoded', `more than ${this.#limits.maxValues} values`);
    }
  }

  #message(message: Message, end: number, target: Target, depth: number): void {
    this.#deeper(depth);
    const reader = this.#reader;
    while (reader.at < end) {
      this.#count();
      const tag = reader.tag(end);
      const field = message[tag >>> 3];
      if (!field) {
        this.unknownFields = true;
        reader.skip(tag & 7, end);
      } else if (field.shape === 'one') this.#single(field, tag, end, target, depth);
      else if (field.shape === 'list') this.#item(field, tag, end, target, depth);
      else this.#entry(field, tag, end, target, depth);
    }
  }

  #single(field: Field, tag: number, end: number, target: Target, depth: number): void {
    const { name, type } = field;
    if (type === 'message') {
      wireType(tag, 2);
      const stop = this.#reader.measured(end);
      if (field.inline) {
        this.#message(messageOf(field.message), stop, target, depth);
        return;
      }
      const there = target[name];
      const inner: Target = there === undefined ? {} : (there as Target);
      if (there === undefined) target[name] = inner;
      this.#message(messageOf(field.message), stop, inner, depth + 1);
      return;
    }
    if (type.length > 1 && target[name] !== undefined) {
      // Go merges the parts of these by rules of their own.
      throw new BodyError('body-ambiguous', 'a protobuf field that is not to be repeated is');
    }
    wireType(tag, wireTypes[type] ?? 2);
    const value = this.#value(field, end, depth);
    if ((value === '' || value === 0 || value === false) && !field.keepsZero && type.length === 1)
      delete target[name];
    else target[name] = value;
  }

  #item(field: Field, tag: number, end: number, target: Target, depth: number): void {
    const { name, type } = field;
    const list = (target[name] ?? []) as JsonValue[];
    target[name] = list;
    const own = wireTypes[type] ?? 2;
    if (own !== 2 && (tag & 7) === 2) {
      const stop = this.#reader.measured(end);
      while (this.#reader.at < stop) {
        this.#count();
        list.push(this.#value(field, stop, depth));
      }
      return;
    }
    wireType(tag, own);
    list.push(this.#value(field, end, depth + 1));
  }

  /** Go's readers look at no wire type inside an entry: others than the right one would be misread there. */
  #entry(field: Field, tag: number, end: number, target: Target, depth: number): void {
    wireType(tag, 2);
    const reader = this.#reader;
    const stop = reader.measured(end);
    let key = '';
    let value: JsonValue =
      field.type === 's' || field.type === 'y' ? '' : field.type === 'strings' ? [] : null;
    while (reader.at < stop) {
      const inner = reader.tag(stop);
      if (inner >>> 3 > 2) {
        this.unknownFields = true;
        reader.skip(inner & 7, stop);
        continue;
      }
      wireType(inner, inner >>> 3 === 1 ? 2 : (wireTypes[field.type] ?? 2));
      if (inner >>> 3 === 1) key = reader.text(stop);
      else value = this.#value(field, stop, depth + 1);
    }
    const map = (target[field.name] ?? {}) as Target;
    target[field.name] = map;
    setOwn(map, key, value);
  }

  #value(field: Field, end: number, depth: number): JsonValue {
    const reader = this.#reader;
    switch (field.type) {
      case 's':
        return reader.text(end);
      case 'i':
        return reader.int32(end);
      case 'l':
        return reader.int64(end);
      case 'b':
        return reader.bool(end);
      case 'd':
        return reader.double(end);
      case 'y': {
        const stop = reader.measured(end);
        const text = reader.bytes.toString('base64', reader.at, stop);
        reader.at = stop;
        return text;
      }
      case 'message': {
        const inner: Target = {};
        this.#message(messageOf(field.message), reader.measured(end), inner, depth + 1);
        return inner;
      }
      default:
        return this.#special(field.type, reader.measured(end), depth);
    }
  }

  #special(type: Field['type'], end: number, depth: number): JsonValue {
    const parts: Target = {};
    if (type === 'raw') return this.#raw(end, depth);
    this.#message(specials[type] as Message, end, parts, depth);
    if (type === 'time') return timeText(parts);
    if (type === 'quantity') return parts['string'] ?? '';
    if (type === 'strings') return parts['items'] ?? [];
    // intstr.IntOrString: type 0 is the number, 1 the text.
    if (parts['type'] === undefined) return parts['intVal'] ?? 0;
    if (parts['type'] !== 1) throw new BodyError('body-syntax', 'a number or text is neither');
    return parts['strVal'] ?? '';
  }

  /** runtime.RawExtension and meta/v1 FieldsV1: an object in an encoding of its own. */
  #raw(end: number, depth: number): JsonValue {
    const reader = this.#reader;
    let found: readonly [number, number] | undefined;
    while (reader.at < end) {
      const tag = reader.tag(end);
      if (tag >>> 3 !== 1) {
        this.unknownFields = true;
        reader.skip(tag & 7, end);
        continue;
      }
      wireType(tag, 2);
      const stop = reader.measured(end);
      found = [reader.at, stop];
      reader.at = stop;
    }
    if (!found || found[0] === found[1]) return null;
    const value = this.#hasMagic(...found)
      ? this.envelope(...found, depth + 1, {})
      : decodeJson(reader.bytes.subarray(...found), this.#limits);
    reader.at = end;
    return value;
  }
}

const wireTypes: Readonly<Partial<Record<Field['type'], number>>> = { i: 0, l: 0, b: 0, d: 1 };

function wireType(tag: number, wanted: number): void {
  if ((tag & 7) !== wanted) throw new BodyError('body-syntax', 'a protobuf field has the wrong wire type');
}

const part = (name: string, type: Field['type'], shape: Field['shape'] = 'one'): Field => ({
  name,
  type,
  message: '',
  shape,
  inline: false,
  keepsZero: false,
});

const specials: Readonly<Partial<Record<Field['type'], Message>>> = {
  time: [undefined, part('seconds', 'l'), part('nanos', 'i')],
  quantity: [undefined, part('string', 's')],
  intstr: [undefined, part('type', 'l'), part('intVal', 'i'), part('strVal', 's')],
  strings: [undefined, part('items', 's', 'list')],
};

/** meta/v1 Time in JSON: seconds in UTC; none for the zero time. */
function timeText(parts: JsonObject): string | null {
  const seconds = parts['seconds'] ?? 0;
  if (seconds === 0 && (parts['nanos'] ?? 0) === 0) return null;
  const time = new Date(Number(seconds) * 1000);
  const year = time.getUTCFullYear();
  if (!(year >= 0 && year <= 9999)) throw new BodyError('body-syntax', 'a time is out of range');
  return `${time.toISOString().slice(0, 19)}Z`;
}
