// What callers ask and send, as rows for curl: every kind of answer and body that an API server deals in.
import type { Row } from './curl.ts';
import { noise } from './noise.ts';

const pods = '/api/v1/namespaces/lab/pods';
export const maps = '/api/v1/namespaces/lab/configmaps';
const protobuf = 'application/vnd.kubernetes.protobuf';
const cbor = 'application/cbor';
const json = ['-H', 'Content-Type: application/json'];
/** No JSON, and every byte value. */
const opaque = noise(2_000_000, 7);

const type = (name: string) => ['-H', `Content-Type: ${name}`];
const patch = (name: string) => ['-X', 'PATCH', ...type(name)];
const map = (name: string, data: object) => JSON.stringify({ metadata: { name }, data });

/** Rows that change nothing: answers must be the server's own. `big` is a list's path. */
export const reads = (big: string): readonly Row[] => [
  { what: 'get', path: `${pods}/web`, status: 200, text: /"kind":"Pod"/ },
  { what: 'list', path: pods, status: 200, text: /"kind":"PodList"/ },
  {
    what: 'list as a table',
    path: pods,
    args: ['-H', 'Accept: application/json;as=Table;v=v1;g=meta.k8s.io,application/json'],
    status: 200,
    text: /"columnDefinitions"/,
  },
  { what: 'list, percent-encoded', path: '/api/v1/namespaces%2flab/pods', status: 200 },
  { what: 'list of 50 MB', path: big, status: 200 },
  {
    what: 'compressed list',
    path: `${big}%2Cpart%3Dyes`,
    args: ['-H', 'Accept-Encoding: gzip'],
    status: 200,
    field: /^content-encoding: gzip$/m,
  },
  { what: 'HEAD', path: `${pods}/web`, args: ['--head'], status: 200, field: /^content-length: \d{3,}$/m },
  { what: 'what is not there', path: `${pods}/none`, status: 404, text: /"reason":"NotFound"/ },
  {
    what: 'what is not allowed',
    path: '/api/v1/nodes',
    status: 403,
    text: /User \\"developer\\" cannot list/,
  },
  { what: 'a caller without credentials', path: pods, as: 'none', status: 403, text: /system:anonymous/ },
  {
    what: 'a failure in protobuf',
    path: `${pods}/none`,
    args: ['-H', `Accept: ${protobuf}`],
    status: 404,
    field: /^content-type: application\/vnd\.kubernetes\.protobuf$/m,
  },
  { what: 'a document with an ETag', path: '/openapi/v2', status: 200, field: /^etag: "4D1F9C"$/m },
  {
    what: '304',
    path: '/openapi/v2',
    args: ['-H', 'If-None-Match: "4D1F9C"'],
    status: 304,
    bytes: Buffer.alloc(0),
  },
  { what: 'a log', path: `${pods}/web/log?tailLines=3`, status: 200, text: /served request 10\n$/ },
  { what: 'an aggregated API', path: '/apis/metrics.k8s.io/v1beta1', as: 'admin', status: 200 },
  { what: 'an aggregated API without a body', path: '/apis/metrics.k8s.io/v1beta1?answer=204', status: 204 },
  { what: 'health', path: '/healthz', as: 'none', status: 200, bytes: Buffer.from('ok') },
];

/** Rows that write, in this order, to objects of their own. */
export const writes = (tag: string): readonly Row[] => [
  { what: 'create', path: maps, args: json, body: map(`w-${tag}`, { a: '1' }), status: 201 },
  { what: 'create again', path: maps, args: json, body: map(`w-${tag}`, {}), status: 409 },
  {
    what: 'strategic merge patch',
    path: `${maps}/w-${tag}`,
    args: patch('application/strategic-merge-patch+json'),
    body: '{"data":{"b":"2"}}',
    status: 200,
    text: /"data":\{"a":"1","b":"2"\}/,
  },
  {
    what: 'merge patch',
    path: `${maps}/w-${tag}`,
    args: patch('application/merge-patch+json'),
    body: '{"data":{"a":null,"c":"3"}}',
    status: 200,
    text: /"data":\{"b":"2","c":"3"\}/,
  },
  {
    what: 'JSON patch',
    path: `${maps}/w-${tag}`,
    args: patch('application/json-patch+json'),
    body: '[{"op":"replace","path":"/data/b","value":"two"},{"op":"remove","path":"/data/c"}]',
    status: 200,
    text: /"data":\{"b":"two"\}/,
  },
  {
    what: 'server-side apply',
    path: `${maps}/applied-${tag}?fieldManager=curl&force=true`,
    args: patch('application/apply-patch+yaml'),
    body: 'apiVersion: v1\nkind: ConfigMap\ndata:\n  yaml: "yes"\n',
    status: 201,
    text: /"data":\{"yaml":"yes"\}/,
  },
  {
    what: 'a body without a length',
    path: `${maps}/w-${tag}`,
    args: ['-X', 'PUT', ...json, '-H', 'Transfer-Encoding: chunked'],
    body: map(`w-${tag}`, { chunked: 'c'.repeat(300_000) }),
    status: 200,
    text: /"chunked":"c{300000}"/,
  },
  {
    what: 'a body that waits for 100 Continue',
    path: `${maps}/w-${tag}`,
    args: ['-X', 'PUT', ...json, '-H', 'Expect: 100-continue', '--expect100-timeout', '120'],
    body: map(`w-${tag}`, { expected: 'e'.repeat(300_000) }),
    status: 200,
    text: /"expected":"e{300000}"/,
  },
  {
    what: 'a body over the server’s limit',
    path: `${maps}/w-${tag}`,
    args: ['-X', 'PUT', ...json],
    body: map(`w-${tag}`, { long: 'l'.repeat((3 << 20) + 1) }),
    status: 413,
  },
  ...[protobuf, cbor].flatMap((name): Row[] => [
    {
      what: `${name} up`,
      path: `${maps}/w-${tag}`,
      args: ['-X', 'PUT', ...type(name)],
      body: opaque,
      status: 200,
      bytes: opaque,
    },
    {
      what: `${name} down`,
      path: `${maps}/w-${tag}`,
      args: ['-H', `Accept: ${name},application/json`],
      status: 200,
      bytes: opaque,
    },
  ]),
  { what: 'delete', path: `${maps}/w-${tag}`, args: ['-X', 'DELETE'], status: 200 },
  { what: 'delete again', path: `${maps}/w-${tag}`, args: ['-X', 'DELETE'], status: 404 },
];
