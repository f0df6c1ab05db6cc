// A request's body as a value that rules can read, whichever of the API server's formats it is written in. Where the
// bytes could be read in more than one way, or cost more than their size, it is undecodable: rules are told so.
import { decodeCbor } from './cbor.ts';
import { decodeJson } from './json.ts';
import { checkContentEncoding, type Reading, readMediaType } from './media-type.ts';
import { sketchPatch } from './patch-sketch.ts';
import { BodyError } from './problems.ts';
import { decodeProtobuf } from './protobuf.ts';
import type { BodyFormat, BodyInput, BodyLimits, DecodedBody, JsonObject, JsonValue } from './types.ts';
import { decodeYaml } from './yaml.ts';

/** Never throws. Time and memory are linear in the bytes, and bounded by the limits. */
export function decodeBody(input: BodyInput, limits: BodyLimits): DecodedBody {
  try {
    checkContentEncoding(input.contentEncoding);
    const reading = readMediaType(input);
    // A delete without options has no body (apiserver handlers/delete.go).
    if (input.bytes.length === 0 && (input.verb === 'delete' || input.verb === 'deletecollection')) {
      return { kind: 'object', format: reading.format, value: {}, usesAliases: false, unknownFields: false };
    }
    return decodeAs(reading, input, limits);
  } catch (error) {
    if (error instanceof BodyError) return { kind: 'undecodable', code: error.code, reason: error.message };
    // A defect of a decoder must not let a body pass unseen, nor end the gate.
    return { kind: 'undecodable', code: 'body-syntax', reason: 'the decoder failed' };
  }
}

function decodeAs({ format, patch }: Reading, input: BodyInput, limits: BodyLimits): DecodedBody {
  const { value, ...facts } = readers[format](input, limits);
  if (patch === 'json') return { kind: 'patch', format, patch, ...sketchPatch(value, limits), ...facts };
  const object = asObject(value);
  if (patch === undefined) return { kind: 'object', format, value: object, ...facts };
  return { kind: 'patch', format, patch, value: object, operations: [], copies: false, ...facts };
}

type Read = { readonly value: JsonValue; readonly usesAliases: boolean; readonly unknownFields: boolean };
type Reader = (input: BodyInput, limits: BodyLimits) => Read;

const readers: Readonly<Record<BodyFormat, Reader>> = {
  json: ({ bytes }, limits) => ({
    value: decodeJson(bytes, limits),
    usesAliases: false,
    unknownFields: false,
  }),
  protobuf: (input, limits) => ({ ...decodeProtobuf(input, limits), usesAliases: false }),
  yaml: ({ bytes }, limits) => ({ ...decodeYaml(bytes, limits), unknownFields: false }),
  cbor: ({ bytes }, limits) => ({
    value: decodeCbor(bytes, limits),
    usesAliases: false,
    unknownFields: false,
  }),
};

function asObject(value: JsonValue): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new BodyError('body-syntax', 'the body is not an object');
  }
  return value as JsonObject;
}
