// The body of a request as rules ask about it.
import type { RequestHead } from '../http/head.ts';
import type { ContentAttributes, Operation } from './attributes.ts';
import { decodeBody } from './body/decode.ts';
import { ExpansionTooLong, expanded } from './body/expand.ts';
import { objectsOf, podsOf } from './body/pods.ts';
import { type DecodedBody, defaultBodyLimits, type PatchOperation, type Undecodable } from './body/types.ts';
import type { RequestInfo } from './request-info.ts';

/** Decodes the body of a request, framing left out. */
export function decodeRequest(
  info: RequestInfo,
  head: RequestHead,
  bytes: Buffer,
): ContentAttributes | Undecodable {
  const { verb, group, version, resource, subresource } = info;
  const decoded = decodeBody(
    {
      contentType: joined(head, 'content-type'),
      contentEncoding: joined(head, 'content-encoding'),
      verb,
      group,
      version,
      resource,
      subresource,
      bytes,
    },
    defaultBodyLimits,
  );
  if (decoded.kind === 'undecodable') return decoded;
  const { maxObjects, maxExpanded } = defaultBodyLimits;
  let content: Content;
  try {
    content = new Content(decoded, bytes.length);
  } catch (error) {
    if (!(error instanceof ExpansionTooLong)) throw error;
    return {
      kind: 'undecodable',
      code: 'body-too-large-decoded',
      reason: `variables come to more than ${maxExpanded} characters`,
    };
  }
  // Each rule is asked of each of them.
  for (const what of ['objects', 'pods'] as const) {
    if (content[what].length <= maxObjects) continue;
    return {
      kind: 'undecodable',
      code: 'body-too-large-decoded',
      reason: `more than ${maxObjects} ${what} in one request`,
    };
  }
  return content;
}

export function isUndecodable(content: ContentAttributes | Undecodable): content is Undecodable {
  return 'kind' in content;
}

class Content implements ContentAttributes {
  readonly #decoded: Exclude<DecodedBody, Undecodable>;
  readonly body: ContentAttributes['body'];
  readonly kept: Map<string, unknown> = new Map();
  readonly pods: ContentAttributes['pods'];
  #objects: ContentAttributes['objects'] | undefined;
  #patch: ContentAttributes['patch'] | undefined;

  /** @throws ExpansionTooLong */
  constructor(decoded: Exclude<DecodedBody, Undecodable>, length: number) {
    this.#decoded = decoded;
    const { format, usesAliases, unknownFields } = decoded;
    this.body = { format, bytes: BigInt(length), aliases: usesAliases, unknownFields };
    const budget = { left: defaultBodyLimits.maxExpanded };
    // The server takes a strategic merge patch of a pod whatever kind it says; of an applied one it compares the kind.
    this.pods = podsOf(decoded.value, decoded.kind === 'object' || decoded.patch === 'apply').map(
      ({ metadata, spec }) => ({ metadata, spec, expanded: expanded(metadata, spec, budget) }),
    );
  }

  get object(): unknown {
    return this.#decoded.value;
  }
  get objects(): readonly unknown[] {
    this.#objects ??= objectsOf(this.#decoded.value);
    return this.#objects;
  }
  get patch(): ContentAttributes['patch'] {
    const decoded = this.#decoded;
    this.#patch ??=
      decoded.kind === 'patch'
        ? { type: decoded.patch, operations: decoded.operations.map(whole), copies: decoded.copies }
        : noPatch;
    return this.#patch;
  }
}
const noPatch: ContentAttributes['patch'] = { type: '', operations: [], copies: false };

function whole({ op, path, from, value }: PatchOperation): Operation {
  return { op, path, from: from ?? '', value: value ?? null };
}

function joined({ fields }: RequestHead, name: string): string {
  const values: string[] = [];
  for (let index = 0; index < fields.count; index++) {
    if (fields.nameEquals(index, name)) values.push(fields.valueText(index));
  }
  return values.join(', ');
}
