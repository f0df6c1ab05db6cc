// The ways in which one request of a shield's test can be written, and its body in each.
import { stringify } from 'yaml';
import { Failure } from '../base/failure.ts';
import type { BodyTwin, RequestStep } from '../model/shield.ts';
import { encodeCbor } from './encode-cbor.ts';
import { encodeProtobuf } from './encode-protobuf.ts';

type Request = RequestStep['request'];

export type WrittenBody = { readonly contentType: string; readonly bytes: Buffer };

const twinsInOrder: readonly BodyTwin[] = ['json', 'yaml', 'protobuf', 'cbor'];

const objectTypes: Readonly<Record<BodyTwin, string>> = {
  json: 'application/json',
  yaml: 'application/yaml',
  protobuf: 'application/vnd.kubernetes.protobuf',
  cbor: 'application/cbor',
};
/** JSON is YAML: client-go sends it as such. */
const patchTypes: Readonly<Record<NonNullable<Request['patch']>, Partial<Record<BodyTwin, string>>>> = {
  json: { json: 'application/json-patch+json' },
  merge: { json: 'application/merge-patch+json' },
  strategic: { json: 'application/strategic-merge-patch+json' },
  apply: {
    json: 'application/apply-patch+yaml',
    yaml: 'application/apply-patch+yaml',
    cbor: 'application/apply-patch+cbor',
  },
};

/** How this request's body can be written; none where it has no object. */
export function twinsOf(request: Request): readonly BodyTwin[] {
  if (request.object === undefined) return [];
  if (request.twins) return request.twins;
  if (request.contentType !== undefined) return [twinOfType(request.contentType)];
  const types = request.patch ? patchTypes[request.patch] : objectTypes;
  return twinsInOrder.filter(
    (twin) => types[twin] !== undefined && encode(request.object, twin) !== undefined,
  );
}

/**
 * The body in that writing, or in the first that there is of it; undefined without a body.
 * @throws Failure `bad-exchange` where the object can't be written so
 */
export function bodyOf(request: Request, wanted: BodyTwin): WrittenBody | undefined {
  const { body, base64, object, contentType, patch } = request;
  if (body !== undefined || base64 !== undefined) {
    const bytes = base64 === undefined ? Buffer.from(body ?? '') : Buffer.from(base64, 'base64');
    return { contentType: contentType ?? '', bytes };
  }
  if (object === undefined) return undefined;
  const twins = twinsOf(request);
  const twin = twins.includes(wanted) ? wanted : (twins[0] ?? 'json');
  const type = contentType ?? (patch ? patchTypes[patch] : objectTypes)[twin];
  const bytes = encode(object, twin);
  if (type === undefined || bytes === undefined) {
    throw new Failure('bad-exchange', `the object can't be written as ${twin}`, {
      hint: 'leave `twins` out, and it is written in every way that there is',
    });
  }
  return { contentType: type, bytes };
}

function encode(object: Request['object'], twin: BodyTwin): Buffer | undefined {
  if (twin === 'json') return Buffer.from(JSON.stringify(object));
  // The API server reads YAML 1.1, in which more words are booleans.
  if (twin === 'yaml') return Buffer.from(stringify(object, { version: '1.1' }));
  return twin === 'cbor' ? encodeCbor(object) : encodeProtobuf(object);
}

function twinOfType(contentType: string): BodyTwin {
  return (['yaml', 'cbor'] as const).find((twin) => contentType.includes(twin)) ?? 'json';
}

/** What makes no sense in a request step; undefined: nothing. */
export function requestProblem(request: Request): string | undefined {
  const { object, patch, body, base64, contentType, twins } = request;
  const bodies = [object, body, base64].filter((one) => one !== undefined).length;
  if (bodies > 1) return 'give one of object, body and base64';
  if (patch !== undefined && object === undefined) return 'a patch needs its object';
  if ((body !== undefined || base64 !== undefined) && contentType === undefined) {
    return 'a body that is no object needs its contentType';
  }
  if (twins !== undefined && (object === undefined || contentType !== undefined)) {
    return 'twins are for an object without a contentType';
  }
  if (Array.isArray(object) && patch !== 'json') return 'only a JSON patch is a list';
  for (const twin of twins ?? []) {
    try {
      bodyOf(request, twin);
    } catch (error) {
      if (error instanceof Failure) return error.message;
      throw error;
    }
  }
  return undefined;
}
