// What a rule can ask about: one table for the predicates' type check and for docs/reference/attributes.md.
import type { FieldTable } from '../http/field-table.ts';
import type { RulePhase } from '../model/shield.ts';
import type { BodyFormat, JsonValue, PatchKind } from './body/types.ts';

export type AttributeType =
  | 'string'
  | 'bool'
  | 'int'
  | 'list<string>'
  | 'map<string, list<string>>'
  | 'dyn'
  | 'list<dyn>'
  | 'list<operation>';
type AttributeRow = {
  readonly name: string;
  readonly type: AttributeType;
  /** Phases whose rules may name it. */
  readonly phases: readonly RulePhase[];
  readonly meaning: string;
};

const always = ['request', 'body', 'response', 'upgrade'] as const;
const answered = ['response', 'upgrade'] as const;
const decoded = ['body'] as const;

/** Order: as the reference page lists them. */
export const attributeTable = [
  { name: 'request.method', type: 'string', phases: always, meaning: 'HTTP method, letter case as sent.' },
  {
    name: 'request.path',
    type: 'string',
    phases: always,
    meaning:
      'Path as the server decodes it, without the query. No dot segments, empty segments, `;` or `\\`.',
  },
  {
    name: 'request.proxyPath',
    type: 'string',
    phases: always,
    meaning:
      'What a pod, service or node is asked for through its `proxy` subresource, dot segments resolved; empty elsewhere.',
  },
  {
    name: 'request.verb',
    type: 'string',
    phases: always,
    meaning:
      "The API server's verb: get, list, watch, create, update, patch, delete, deletecollection, proxy; the method in lower case where `request.isResource` is false.",
  },
  {
    name: 'request.isResource',
    type: 'bool',
    phases: always,
    meaning: 'Is the path one of an API resource (`/api/v1/…`, `/apis/group/version/…`)?',
  },
  { name: 'request.group', type: 'string', phases: always, meaning: 'API group; empty for the core group.' },
  { name: 'request.version', type: 'string', phases: always, meaning: 'API version.' },
  {
    name: 'request.namespace',
    type: 'string',
    phases: always,
    meaning: 'Namespace; empty for cluster-wide paths.',
  },
  { name: 'request.resource', type: 'string', phases: always, meaning: 'Resource, plural: `pods`.' },
  {
    name: 'request.subresource',
    type: 'string',
    phases: always,
    meaning: 'Subresource: `exec`, `log`, `status`.',
  },
  {
    name: 'request.name',
    type: 'string',
    phases: always,
    meaning: "Name of the object, of the path or of a list's `fieldSelector=metadata.name=…`.",
  },
  {
    name: 'request.queryNames',
    type: 'list<string>',
    phases: always,
    meaning: 'Names of the query parameters, decoded, whichever of `&` and `;` a server splits at.',
  },
  {
    name: 'request.query',
    type: 'map<string, list<string>>',
    phases: always,
    meaning:
      'Values of the query parameters by name, decoded, in the order sent. Parameters whose name speaks of tokens, secrets or passwords are left out. For rules only, never recorded.',
  },
  {
    name: 'request.groupResource',
    type: 'string',
    phases: always,
    meaning:
      'Resource and group as custom resource definitions are named: `clusterissuers.cert-manager.io`; of the core group the resource alone.',
  },
  {
    name: 'request.fieldSelector',
    type: 'string',
    phases: always,
    meaning:
      'The `fieldSelector` parameter, decoded: `metadata.name=web,spec.nodeName=n1`; several, joined by commas. For rules only, never recorded.',
  },
  {
    name: 'request.continueStart',
    type: 'string',
    phases: always,
    meaning:
      "Where the `continue` parameter says that a list goes on, read from the API server's own form of token: `namespace/name` and a NUL; empty for other tokens.",
  },
  { name: 'request.watch', type: 'bool', phases: always, meaning: 'Is the verb watch?' },
  {
    name: 'request.upgrade',
    type: 'bool',
    phases: always,
    meaning:
      'Could any server take the request for an upgrade? (`Connection` holds `upgrade` anywhere, or there is an `Upgrade` field.)',
  },
  {
    name: 'request.upgradeProtocols',
    type: 'list<string>',
    phases: always,
    meaning: 'Protocols offered in `Upgrade`, lower case: `websocket`, `spdy/3.1`.',
  },
  {
    name: 'request.contentType',
    type: 'string',
    phases: always,
    meaning: 'Media type of `Content-Type`, lower case, without parameters; empty when there is none.',
  },
  {
    name: 'request.contentLength',
    type: 'int',
    phases: always,
    meaning:
      'Bytes of the body as announced: 0 without one, -1 where it ends by its framing (chunks, HTTP/2 without a length).',
  },
  {
    name: 'request.headers',
    type: 'map<string, list<string>>',
    phases: always,
    meaning:
      'Values by lower-case field name, one per field line. Fields that carry credentials (Authorization, Cookie, Sec-WebSocket-Protocol and any whose name speaks of tokens, secrets or passwords) are left out.',
  },
  {
    name: 'request.user',
    type: 'string',
    phases: always,
    meaning: "User of the caller's client certificate; empty for a bearer token or nobody.",
  },
  {
    name: 'request.groups',
    type: 'list<string>',
    phases: always,
    meaning: "Groups of the caller's client certificate.",
  },
  {
    name: 'request.authMethod',
    type: 'string',
    phases: always,
    meaning: '`certificate`, `bearer` (an Authorization field) or `none`.',
  },
  {
    name: 'request.serviceAccount',
    type: 'string',
    phases: always,
    meaning:
      "`system:serviceaccount:NAMESPACE:NAME` as the caller's bearer token says of itself; empty where the caller brings a certificate, or anything but one such token. The gate does not verify it: the server does, and answers 401 to a forged one, so a rule may leave an account out but must not let anything in by it.",
  },
  {
    name: 'request.source',
    type: 'string',
    phases: always,
    meaning: "The caller's address.",
  },
  {
    name: 'request.sourceTags',
    type: 'list<string>',
    phases: always,
    meaning: "Tags that the policy gives the caller's address; empty for an unknown one.",
  },
  {
    name: 'object',
    type: 'dyn',
    phases: decoded,
    meaning: 'The body, decoded. Of a patch, what it sets, laid out as the object it changes.',
  },
  {
    name: 'objects',
    type: 'list<dyn>',
    phases: decoded,
    meaning: 'The object; of a List (or of what has `items` and names no kind) its items as well.',
  },
  {
    name: 'pods',
    type: 'list<dyn>',
    phases: decoded,
    meaning:
      'Every pod the body describes, as `{metadata, spec, expanded}`: pods themselves and the templates of workloads, cron jobs and lists. `expanded` is what its variables make of it (see below).',
  },
  {
    name: 'patch.type',
    type: 'string',
    phases: decoded,
    meaning: '`json`, `merge`, `strategic` or `apply`; empty where the body is no patch.',
  },
  {
    name: 'patch.operations',
    type: 'list<operation>',
    phases: decoded,
    meaning:
      'Operations of a JSON patch, each with `op`, `path`, `from` (texts, empty where absent) and `value`.',
  },
  {
    name: 'patch.copies',
    type: 'bool',
    phases: decoded,
    meaning: 'Does a JSON patch copy or move? Then it writes what only the server knows.',
  },
  {
    name: 'body.format',
    type: 'string',
    phases: decoded,
    meaning: 'How the body is written: `json`, `yaml`, `protobuf`, `cbor`.',
  },
  { name: 'body.bytes', type: 'int', phases: decoded, meaning: 'Its length, transfer coding left out.' },
  {
    name: 'body.aliases',
    type: 'bool',
    phases: decoded,
    meaning: 'Does YAML use anchors, aliases or merge keys?',
  },
  {
    name: 'body.unknownFields',
    type: 'bool',
    phases: decoded,
    meaning: 'Does protobuf hold fields that the gate does not know, and that rules therefore do not see?',
  },
  {
    name: 'response.status',
    type: 'int',
    phases: answered,
    meaning: 'Status of the final answer, or 101; 0 while there is none.',
  },
  {
    name: 'response.headers',
    type: 'map<string, list<string>>',
    phases: answered,
    meaning: 'As request.headers, of the answer; empty while there is none.',
  },
  {
    name: 'upgrade.event',
    type: 'string',
    phases: ['upgrade'],
    meaning:
      'What the upgrade machine saw: `early-bytes` (bytes of the caller before the answer), `late-bytes` (after an answer that was not 101), `not-switched` (a final answer that was not 101; by itself normal life), `unsolicited-switch` (a 101 nobody asked for, or to a protocol not offered), `switched`.',
  },
] as const satisfies readonly AttributeRow[];

export type UpgradeEvent = 'early-bytes' | 'late-bytes' | 'not-switched' | 'unsolicited-switch' | 'switched';

/** Values of the attributes, by their names in the table. */
export type Attributes = {
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly proxyPath: string;
    readonly verb: string;
    readonly isResource: boolean;
    readonly group: string;
    readonly version: string;
    readonly namespace: string;
    readonly resource: string;
    readonly subresource: string;
    readonly name: string;
    readonly watch: boolean;
    readonly queryNames: readonly string[];
    readonly groupResource: string;
    readonly fieldSelector: string;
    readonly continueStart: string;
    readonly upgrade: boolean;
    readonly upgradeProtocols: readonly string[];
    readonly contentType: string;
    readonly contentLength: bigint;
    readonly query: HeaderValues;
    readonly headers: HeaderValues;
    readonly user: string;
    readonly groups: readonly string[];
    readonly authMethod: 'certificate' | 'bearer' | 'none';
    readonly serviceAccount: string;
    readonly source: string;
    readonly sourceTags: readonly string[];
    /** As `headers` has it: of one lower-case name, which must not be a secret's. */
    readonly header?: (name: string) => readonly string[] | undefined;
  };
  readonly response: { readonly status: bigint; readonly headers: HeaderValues };
  readonly upgrade: { readonly event: UpgradeEvent | '' };
  /** What the body holds: in phase `body` alone. */
  readonly content?: ContentAttributes;
};
export type ContentAttributes = {
  readonly object: unknown;
  readonly objects: readonly unknown[];
  readonly pods: readonly unknown[];
  readonly patch: {
    readonly type: PatchKind | '';
    readonly operations: readonly Operation[];
    readonly copies: boolean;
  };
  readonly body: {
    readonly format: BodyFormat;
    readonly bytes: bigint;
    readonly aliases: boolean;
    readonly unknownFields: boolean;
  };
  /** What rules have worked out of it, for the next that ask the same (native-paths.ts, native-macros.ts). */
  readonly kept?: Map<string, unknown>;
};
/** One of a JSON patch: what it lacks is there, empty, so that asking for it is no error. */
export type Operation = {
  readonly op: string;
  readonly path: string;
  readonly from: string;
  readonly value: JsonValue;
};
export type HeaderValues = ReadonlyMap<string, readonly string[]>;

export const noHeaders: HeaderValues = new Map();

/** Does a field of this (lower-case) name carry credentials? Rules can't read it, records don't hold it. */
export function isSecretHeader(name: string): boolean {
  return (
    name === 'sec-websocket-protocol' ||
    /auth(?!ority)|cookie|token|secret|passw|credential|api-?key|assertion/.test(name)
  );
}

/** The values that rules may read. @param before fields that begin at or after this offset are left out */
export function readableHeaders(fields: FieldTable, before = Number.POSITIVE_INFINITY): HeaderValues {
  const values = new Map<string, string[]>();
  for (let index = 0; index < fields.count && fields.nameStart(index) < before; index++) {
    const name = fields.nameText(index).toLowerCase();
    if (isSecretHeader(name)) continue;
    const known = values.get(name);
    if (known) known.push(fields.valueText(index));
    else values.set(name, [fields.valueText(index)]);
  }
  return values;
}
