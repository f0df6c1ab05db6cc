// What a request is about, by the API server's own rules (apiserver/pkg/endpoints/request/requestinfo.go): the path is
// decoded first, then split; empty and dot segments are never normalised away. Written apart from the gate's reader of
// the same rules, so that the two check each other.

export type RequestInfo = {
  /** Decoded path. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly verb: string;
  /** Absent for paths that name no resource. */
  readonly resource?: {
    readonly group: string;
    readonly version: string;
    readonly namespace: string;
    readonly resource: string;
    readonly subresource: string;
    readonly name: string;
  };
};

const verbs: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};
const namespaceSubresources = new Set(['status', 'finalize']);

/** undefined when the target can't be decoded (the server answers 400). */
export function readRequest(method: string, target: string): RequestInfo | undefined {
  const origin = target.startsWith('/')
    ? target
    : target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, '') || '/';
  const [rawPath = '', ...queryParts] = origin.split('?');
  if (/%(?![0-9a-f]{2})/i.test(rawPath)) return undefined;
  const bytes = rawPath.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  const path = Buffer.from(bytes, 'latin1').toString('utf8');
  // Go before 1.17 split queries at ";" as well as "&".
  const query = new URLSearchParams(queryParts.join('?').replaceAll(';', '&'));
  const plain = { path, query, verb: method.toLowerCase() };

  const parts = path.replace(/^\/|\/$/g, '').split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..')) return plain;
  const core = parts[0] === 'api';
  if ((!core && parts[0] !== 'apis') || parts.length < (core ? 3 : 4)) return plain;
  const group = core ? '' : (parts[1] ?? '');
  const version = parts[core ? 1 : 2] ?? '';
  let rest = parts.slice(core ? 2 : 3);
  let verb = verbs[method] ?? '';
  if (rest[0] === 'watch' || rest[0] === 'proxy') {
    if (rest.length < 2) return plain;
    verb = rest[0];
    rest = rest.slice(1);
  }
  let namespace = '';
  if (rest[0] === 'namespaces') {
    namespace = rest[1] ?? '';
    // /namespaces/x/status is about the namespace itself; /namespaces/x/pods about what is in it.
    if (rest.length > 2 && !namespaceSubresources.has(rest[2] ?? '')) rest = rest.slice(2);
  }
  const [resource = '', name = '', subresource = ''] = rest;
  if (name === '' && verb === 'get') {
    verb = /^(true|1|)$/i.test(query.get('watch') ?? 'no') ? 'watch' : 'list';
  }
  if (name === '' && verb === 'delete') verb = 'deletecollection';
  return { path, query, verb, resource: { group, version, namespace, resource, subresource, name } };
}
