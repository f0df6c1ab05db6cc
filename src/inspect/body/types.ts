// What a decoded body is, whatever it was written in.
import type { BodyProblem } from './problems.ts';

/**
 * An integer beyond ±(2^53 - 1) is a bigint, so that comparisons stay exact; JSON.stringify refuses those. Bytes (of
 * protobuf and CBOR) are base64 text, as JSON writes them.
 */
export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

export type JsonObject = { readonly [name: string]: JsonValue };

export type BodyFormat = 'json' | 'yaml' | 'protobuf' | 'cbor';

export type PatchKind = 'json' | 'merge' | 'strategic' | 'apply';

/** One operation of a JSON patch (RFC 6902). */
export type PatchOperation = {
  readonly op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test';
  /** A JSON pointer (RFC 6901), as written. */
  readonly path: string;
  /** Of `move` and `copy`. */
  readonly from?: string;
  /** Of `add`, `replace` and `test`. */
  readonly value?: JsonValue;
};

type Facts = {
  /** YAML only: were there anchors, aliases or merge keys (CVE-2019-11253, CVE-2019-11254)? */
  readonly usesAliases: boolean;
  /** Protobuf only: were there fields that the table does not know, and that rules can't see? */
  readonly unknownFields: boolean;
};

export type DecodedObject = Facts & {
  readonly kind: 'object';
  readonly format: BodyFormat;
  readonly value: JsonObject;
};

export type DecodedPatch = Facts & {
  readonly kind: 'patch';
  readonly format: BodyFormat;
  readonly patch: PatchKind;
  /**
   * The patch itself for merge, strategic and apply patches. For a JSON patch a sketch: a partial object with everything
   * that its operations write, at the place where they write it (patch-sketch.ts).
   */
  readonly value: JsonObject;
  /** Of a JSON patch; else empty. */
  readonly operations: readonly PatchOperation[];
  /** Does a JSON patch copy or move? Then it writes what only the server knows. */
  readonly copies: boolean;
};

export type Undecodable = {
  readonly kind: 'undecodable';
  readonly code: BodyProblem;
  /** For the log and the answer: what was wrong and where, never quoting the body. */
  readonly reason: string;
};

export type DecodedBody = DecodedObject | DecodedPatch | Undecodable;

export type BodyLimits = {
  /** Objects and lists inside each other. The root is the first. */
  readonly maxDepth: number;
  /** Keys and list items, after aliases are resolved. */
  readonly maxValues: number;
  /**
   * Objects of a List, and pods that a body describes: no request that writes has more than one, for the API server creates
   * no Lists.
   */
  readonly maxObjects: number;
  /** Characters that the variables of a body's pods may come to: each may hold two of the one before. */
  readonly maxExpanded: number;
  /** Operations of a JSON patch. The API server's own limit is 10 000 (apiserver handlers/patch.go). */
  readonly maxPatchOperations: number;
  /**
   * Bytes of YAML that is not JSON as well. Parsing it is slow, 3 to 6 µs a byte; clients send JSON in its place, and
   * only people write it.
   */
  readonly maxYamlBytes: number;
};

/** A body of 3 MiB, the API server's own limit, stays far below these unless it is made to be costly. */
export const defaultBodyLimits: BodyLimits = {
  maxDepth: 200,
  maxValues: 200_000,
  maxObjects: 500,
  maxExpanded: 262_144,
  maxPatchOperations: 10_000,
  maxYamlBytes: 65_536,
};

/** What is known of the request when its body is decoded. */
export type BodyInput = {
  /** The Content-Type field's value; '' if there is none. Several fields joined by `, ` are refused. */
  readonly contentType: string;
  /** The Content-Encoding field's value; '' if there is none. */
  readonly contentEncoding: string;
  /** As the API server names it: create, update, patch, delete, deletecollection. */
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly bytes: Uint8Array;
};
