// Kubernetes request attributes from method and target, by the API server's own rules (k8s.io/apiserver
// RequestInfoFactory.NewRequestInfo): rules must see what the server will see.
import { cleanTail, type PathRefusal, pathAmbiguity, percentDecode } from './decode-path.ts';
import { listQuery } from './query.ts';

/** Names as in attributes.ts. Fields that don't apply are ''. */
export type RequestInfo = {
  readonly method: string;
  /** Decoded, without the query. `*` for `OPTIONS *`. */
  readonly path: string;
  /** The raw query, without `?`. */
  readonly query: string;
  readonly verb: string;
  readonly apiPrefix: string;
  readonly group: string;
  readonly version: string;
  readonly namespace: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  /** From the resource on: resource, name, subresource, and what the server doesn't interpret. */
  readonly parts: readonly string[];
  readonly isResource: boolean;
  readonly watch: boolean;
  /** What a proxied pod, service or node is asked for, dot segments resolved; '' where nothing is proxied. */
  readonly proxyPath: string;
};

export type InfoRefusal = PathRefusal | 'query-ambiguous';
const noParts: readonly string[] = [];

/**
 * Reads a request's attributes; a string is the code under which the request is refused. Differences to the server, all
 * to the strict side: ambiguous paths have no reading here, and a `fieldSelector` names its object even where another
 * parameter makes the server answer 400.
 */
export function requestInfo(method: string, target: string): RequestInfo | InfoRefusal {
  const mark = target.indexOf('?');
  const raw = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 ? '' : target.slice(mark + 1);
  if (raw === '*' && query === '') return nonResource(method, '*', '');
  if (raw.charCodeAt(0) !== 0x2f) return 'path-form';
  const decoded = percentDecode(raw);
  if (!decoded) return 'path-percent';
  const path = decoded.text;
  // Only the part before a proxied server's own path must be free of ambiguity: what follows is not the API server's.
  const proxied = path.includes('/proxy/') ? proxyTail(path) : -1;
  const own = proxied < 0 ? path : path.slice(0, proxied);
  if (decoded.lossy && own.includes('\uFFFD')) return 'path-not-utf8';
  const ambiguity = pathAmbiguity(own);
  if (ambiguity) return ambiguity;
  return interpret(method, path, query, proxied);
}

/**
 * Index just after `/proxy/` where the path is one that the API server proxies, -1 elsewhere. Only these exact shapes
 * count, so that no other path can hide behind the word.
 */
function proxyTail(path: string): number {
  const match =
    /^\/api\/[^/]+\/(?:namespaces\/[^/]+\/(?:pods|services)|nodes)\/[^/]+\/proxy\//.exec(path) ??
    /^\/api\/[^/]+\/proxy\/(?:namespaces\/[^/]+\/(?:pods|services)|nodes)\/[^/]+\//.exec(path);
  return match ? match[0].length : -1;
}

function interpret(
  method: string,
  path: string,
  query: string,
  proxied: number,
): RequestInfo | 'query-ambiguous' {
  const end = path.endsWith('/') ? path.length - 1 : path.length;
  const all = end <= 1 ? noParts : path.slice(1, end).split('/');
  const apiPrefix = all[0] ?? '';
  const grouped = apiPrefix === 'apis';
  if ((!grouped && apiPrefix !== 'api') || all.length < (grouped ? 4 : 3)) {
    return nonResource(method, path, query);
  }
  const group = grouped ? (all[1] ?? '') : '';
  let at = grouped ? 3 : 2;
  const version = all[at - 1] ?? '';
  let verb = verbs[method] ?? '';
  if (all[at] === 'watch' || all[at] === 'proxy') {
    // `/api/v1/watch` alone is an error to the server (it can't tell the kind), which then answers 400 or 404.
    if (at + 1 < all.length) verb = all[at++] ?? '';
    else return { ...nonResource(method, path, query), apiPrefix, group, version, isResource: true };
  }
  let namespace = '';
  if (all[at] === 'namespaces') {
    namespace = all[at + 1] ?? '';
    const next = all[at + 2];
    if (next !== undefined && next !== 'status' && next !== 'finalize') at += 2;
  }
  const parts = all.slice(at);
  const resource = parts[0] ?? '';
  const subresource = verb === 'proxy' ? '' : (parts[2] ?? '');
  let name = parts[1] ?? '';
  if (name === '' && verb === 'get') {
    const list = listQuery(query);
    if (!list) return 'query-ambiguous';
    verb = list.watch ? 'watch' : 'list';
    name = list.name;
  } else if (name === '' && verb === 'delete') {
    verb = 'deletecollection';
  }
  return {
    method,
    path,
    query,
    verb,
    apiPrefix,
    group,
    version,
    namespace,
    resource,
    subresource,
    name,
    parts,
    isResource: true,
    watch: verb === 'watch',
    proxyPath: proxied < 0 ? '' : cleanTail(path.slice(proxied)),
  };
}

const verbs: Readonly<Record<string, string>> = Object.assign(Object.create(null) as Record<string, string>, {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
});

/** A request for no resource, or of which no more could be read. */
export function nonResource(method: string, path: string, query: string): RequestInfo {
  return {
    method,
    path,
    query,
    verb: method.toLowerCase(),
    apiPrefix: '',
    group: '',
    version: '',
    namespace: '',
    resource: '',
    subresource: '',
    name: '',
    parts: noParts,
    isResource: false,
    watch: false,
    proxyPath: '',
  };
}

/** Is the request's body, and its answer, that of a pod, service or node behind the API server? */
export function isProxied({ group, resource, subresource, verb, isResource }: RequestInfo): boolean {
  if (!isResource || group !== '') return false;
  if (!['pods', 'services', 'nodes'].includes(resource)) return false;
  return verb === 'proxy' || subresource === 'proxy';
}
