// Which reader the API server would choose for a body. From apiserver pkg/endpoints/handlers: negotiation/negotiate.go
// (NegotiateInputSerializer: mime.ParseMediaType of the first Content-Type, parameters ignored, none means the first
// serializer, JSON) and patch.go (the text before `;`, compared as it stands).
import { BodyError } from './problems.ts';
import type { BodyFormat, BodyInput, PatchKind } from './types.ts';

export type Reading = { readonly format: BodyFormat; readonly patch: PatchKind | undefined };

/** application/cbor-seq and application/json-seq are for what the server streams; as a request it takes neither. */
const objectTypes: Readonly<Record<string, BodyFormat>> = {
  'application/json': 'json',
  'application/yaml': 'yaml',
  'application/vnd.kubernetes.protobuf': 'protobuf',
  'application/cbor': 'cbor',
};

const patchTypes: Readonly<Record<string, Reading>> = {
  'application/json-patch+json': { format: 'json', patch: 'json' },
  'application/merge-patch+json': { format: 'json', patch: 'merge' },
  'application/strategic-merge-patch+json': { format: 'json', patch: 'strategic' },
  'application/apply-patch+yaml': { format: 'yaml', patch: 'apply' },
  'application/apply-patch+cbor': { format: 'cbor', patch: 'apply' },
};

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
/** Of what mime.ParseMediaType takes, the plain part: no comma (two fields joined), no `*=` continuations. */
const mediaType = new RegExp(
  `^[ \\t]*(${token}/${token})((?:[ \\t]*;[ \\t]*${token}=(?:${token}|"[^",\\\\\\x00-\\x1f\\x7f-\\uffff]*"))*)[ \\t]*;?[ \\t]*$`,
);
const parameter = new RegExp(`;[ \\t]*(${token})=(?:(${token})|"([^"]*)")`, 'g');

/** @throws BodyError */
export function readMediaType(input: Pick<BodyInput, 'contentType' | 'verb'>): Reading {
  const isPatch = input.verb === 'patch';
  if (input.contentType === '') {
    // A patch without a type is refused by the server, too.
    if (isPatch) throw unknown();
    return { format: 'json', patch: undefined };
  }
  const match = mediaType.exec(input.contentType);
  if (!match) throw new BodyError('body-media-type', 'the Content-Type is not of a plain form');
  checkParameters(match[2] ?? '');
  const name = match[1] ?? '';
  if (isPatch) {
    if (!Object.hasOwn(patchTypes, name)) throw unknown();
    return patchTypes[name] as Reading;
  }
  const lower = name.toLowerCase();
  if (!Object.hasOwn(objectTypes, lower)) throw unknown();
  return { format: objectTypes[lower] as BodyFormat, patch: undefined };
}

/** The server ignores parameters; a reader that heeds `charset` would read other characters. */
function checkParameters(text: string): void {
  const seen = new Set<string>();
  for (const [, written = '', plain, quoted] of text.matchAll(parameter)) {
    const name = written.toLowerCase();
    if (seen.has(name)) throw new BodyError('body-media-type', 'the Content-Type has a parameter twice');
    seen.add(name);
    if (name.includes('*'))
      throw new BodyError('body-media-type', 'the Content-Type has an extended parameter');
    if (name !== 'charset') continue;
    const charset = (plain ?? quoted ?? '').toLowerCase();
    if (charset !== 'utf-8' && charset !== 'utf8' && charset !== 'us-ascii') {
      throw new BodyError('body-media-type', 'the charset is not UTF-8');
    }
  }
}

function unknown(): BodyError {
  return new BodyError('body-media-type', 'the API server reads no such Content-Type for this request');
}

/** kube-apiserver decodes no Content-Encoding of requests: it reads the bytes as they are. @throws BodyError */
export function checkContentEncoding(value: string): void {
  const trimmed = value.trim().toLowerCase();
  if (trimmed !== '' && trimmed !== 'identity') {
    throw new BodyError('body-encoding', 'the Content-Encoding is not identity');
  }
}
