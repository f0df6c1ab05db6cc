import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { cleanTail } from './decode-path.ts';
import { type RequestInfo, requestInfo } from './request-info.ts';

type Expected = Partial<RequestInfo>;
function info(method: string, target: string): RequestInfo {
  const read = requestInfo(method, target);
  assert.ok(typeof read !== 'string', `${method} ${target} was refused: ${read}`);
  return read;
}

/** The cases of the API server's own requestinfo_test.go, and more. */
const resources: readonly [string, string, Expected][] = [
  ['GET', '/api/v1/namespaces', { verb: 'list', resource: 'namespaces', namespace: '', name: '' }],
  [
    'GET',
    '/api/v1/namespaces/other',
    { verb: 'get', resource: 'namespaces', namespace: 'other', name: 'other' },
  ],
  ['GET', '/api/v1/namespaces/other/pods', { verb: 'list', resource: 'pods', namespace: 'other', name: '' }],
  [
    'GET',
    '/api/v1/namespaces/other/pods/foo',
    { verb: 'get', resource: 'pods', namespace: 'other', name: 'foo' },
  ],
  ['HEAD', '/api/v1/namespaces/other/pods/foo', { verb: 'get', resource: 'pods', name: 'foo' }],
  ['GET', '/api/v1/pods', { verb: 'list', resource: 'pods', namespace: '' }],
  ['HEAD', '/api/v1/pods', { verb: 'list', resource: 'pods' }],
  ['GET', '/api/v1/pods/', { verb: 'list', resource: 'pods', name: '' }],
  [
    'GET',
    '/api/v1/namespaces/n/status',
    { verb: 'get', resource: 'namespaces', namespace: 'n', name: 'n', subresource: 'status' },
  ],
  [
    'PUT',
    '/api/v1/namespaces/n/finalize',
    { verb: 'update', resource: 'namespaces', name: 'n', subresource: 'finalize' },
  ],
  [
    'POST',
    '/api/v1/namespaces/n/pods/p/exec',
    { verb: 'create', resource: 'pods', name: 'p', subresource: 'exec' },
  ],
  ['GET', '/api/v1/namespaces/n/pods/p/log', { verb: 'get', subresource: 'log' }],
  [
    'PATCH',
    '/api/v1/nodes/n/status',
    { verb: 'patch', resource: 'nodes', name: 'n', subresource: 'status', namespace: '' },
  ],
  ['DELETE', '/api/v1/namespaces/n/pods', { verb: 'deletecollection', resource: 'pods' }],
  ['DELETE', '/api/v1/namespaces/n/pods/p', { verb: 'delete', name: 'p' }],
  ['OPTIONS', '/api/v1/pods', { verb: '', resource: 'pods' }],
  ['get', '/api/v1/pods', { verb: '', resource: 'pods' }],
  ['GET', '/api/v1/watch/pods', { verb: 'watch', resource: 'pods', watch: true }],
  [
    'GET',
    '/api/v1/watch/namespaces/n/pods/p',
    { verb: 'watch', resource: 'pods', namespace: 'n', name: 'p' },
  ],
  ['GET', '/api/v1/watch/namespaces', { verb: 'watch', resource: 'namespaces' }],
  [
    'GET',
    '/api/v1/proxy/namespaces/n/pods/p/a/b',
    { verb: 'proxy', resource: 'pods', name: 'p', subresource: '', proxyPath: '/a/b' },
  ],
  [
    'GET',
    '/apis/apps/v1/namespaces/n/deployments/d/scale',
    { verb: 'get', group: 'apps', version: 'v1', resource: 'deployments', subresource: 'scale' },
  ],
  [
    'GET',
    '/apis/metrics.k8s.io/v1beta1/nodes',
    { group: 'metrics.k8s.io', version: 'v1beta1', resource: 'nodes', verb: 'list' },
  ],
  ['GET', '/api/v1/pods?watch', { verb: 'watch', watch: true }],
  ['GET', '/api/v1/pods?watch=', { verb: 'watch' }],
  ['GET', '/api/v1/pods?watch=1', { verb: 'watch' }],
  ['GET', '/api/v1/pods?watch=false', { verb: 'list', watch: false }],
  ['GET', '/api/v1/pods?watch=FALSE', { verb: 'list' }],
  ['GET', '/api/v1/pods?watch=0&watch=1', { verb: 'list' }],
  ['GET', '/api/v1/pods?a=b&%77atch=true', { verb: 'watch' }],
  ['GET', '/api/v1/pods?watch=%zz', { verb: 'list' }],
  ['GET', '/api/v1/pods/p?watch=1', { verb: 'get', name: 'p', watch: false }],
  ['POST', '/api/v1/pods?watch=1', { verb: 'create' }],
  ['GET', '/api/v1/pods?fieldSelector=metadata.name%3Dp', { verb: 'list', name: 'p' }],
  [
    'GET',
    '/api/v1/pods?watch=1&fieldSelector=spec.nodeName=x,metadata.name==p',
    { verb: 'watch', name: 'p' },
  ],
  ['GET', '/api/v1/pods?fieldSelector=metadata.name!=p', { verb: 'list', name: '' }],
  ['GET', '/api/v1/pods?fieldSelector=metadata.name=a%252Fb', { name: '' }],
  ['GET', '/api/v1/pods?fieldSelector=metadata.name=..', { name: '' }],
  ['GET', '/api/v1/pods?fieldSelector=metadata.name=a%5C,b', { name: 'a,b' }],
  // Decoded before it is routed.
  ['GET', '/api/v1/namespaces%2flab/pods', { verb: 'list', resource: 'pods', namespace: 'lab' }],
  ['GET', '/%61pi/v1/n%6fdes/x', { resource: 'nodes', name: 'x', path: '/api/v1/nodes/x' }],
  ['GET', '/api/v1/configmaps/a+b', { name: 'a+b' }],
  ['GET', '/api/v1/configmaps/%C3%A9', { name: 'é' }],
  // The proxied server's own path is not the API server's.
  ['GET', '/api/v1/nodes/n/proxy/../exec/x', { subresource: 'proxy', proxyPath: '/exec/x' }],
  ['GET', '/api/v1/nodes/n/proxy/a//b;c%5cd/', { subresource: 'proxy', proxyPath: '/a/b;c\\d/' }],
  [
    'GET',
    '/api/v1/namespaces/n/services/s:80/proxy/%ff',
    { resource: 'services', name: 's:80', subresource: 'proxy' },
  ],
  ['GET', '/api/v1/namespaces/n/pods/p/proxy', { subresource: 'proxy', proxyPath: '' }],
];
describe('resource requests', () => {
  for (const [method, target, expected] of resources) {
    test(`${method} ${target}`, () => {
      const read = info(method, target);
      assert.equal(read.isResource, true);
      for (const [name, value] of Object.entries(expected)) {
        assert.equal(read[name as keyof RequestInfo], value, name);
      }
    });
  }
});

const others: readonly [string, string, string][] = [
  ['GET', '/', 'get'],
  ['GET', '/api', 'get'],
  ['GET', '/api/v1', 'get'],
  ['GET', '/api/v1/', 'get'],
  ['GET', '/apis/apps/v1', 'get'],
  ['GET', '/apis/apps/v1/?x=a;b', 'get'],
  ['POST', '/healthz', 'post'],
  ['GET', '/API/v1/pods', 'get'],
  ['GET', '/apiss/v1/pods', 'get'],
  ['OPTIONS', '*', 'options'],
  ['GET', '/runningpods/', 'get'],
];
describe('other requests', () => {
  for (const [method, target, verb] of others) {
    test(`${method} ${target}`, () => {
      const read = info(method, target);
      assert.deepEqual([read.isResource, read.verb, read.resource, read.name], [false, verb, '', '']);
    });
  }
  test('a special verb without a kind is a resource request of no resource', () => {
    const read = info('GET', '/api/v1/watch');
    assert.deepEqual([read.isResource, read.resource, read.version], [true, '', 'v1']);
  });
});

const refused: readonly [string, string][] = [
  ['api/v1', 'path-form'],
  ['', 'path-form'],
  ['*?x', 'path-form'],
  ['/a%', 'path-percent'],
  ['/a%4', 'path-percent'],
  ['/a%g0', 'path-percent'],
  ['/a%252fb', 'path-encoded-twice'],
  ['/a%25', 'path-encoded-twice'],
  ['/a%ff', 'path-not-utf8'],
  ['/a%c0%af', 'path-not-utf8'],
  ['/a%00', 'path-control'],
  ['/a%0d%0ab', 'path-control'],
  ['/a%7f', 'path-control'],
  ['/a\\b', 'path-backslash'],
  ['/a%5Cb', 'path-backslash'],
  ['/a;b', 'path-semicolon'],
  ['/a%3bb', 'path-semicolon'],
  ['//', 'path-empty-segment'],
  ['//api', 'path-empty-segment'],
  ['/api//v1', 'path-empty-segment'],
  ['/api/v1//', 'path-empty-segment'],
  ['/api%2f/v1', 'path-empty-segment'],
  ['/.', 'path-dot-segment'],
  ['/a/..', 'path-dot-segment'],
  ['/a/./b', 'path-dot-segment'],
  ['/a/%2e%2E/b', 'path-dot-segment'],
  ['/a%2f..%2fb', 'path-dot-segment'],
  ['/api/v1/namespaces/../nodes/x/proxy/y', 'path-dot-segment'],
  ['/api/v1/namespaces/n/configmaps/c/proxy/../x', 'path-dot-segment'],
  ['/apis/g/v1/nodes/n/proxy/../x', 'path-dot-segment'],
  ['/x/proxy/../y', 'path-dot-segment'],
  ['/api/v1/nodes//proxy/x', 'path-empty-segment'],
  ['/api/v1/pods?a=1;watch=1', 'query-ambiguous'],
  ['/api/v1/pods?fieldSelector=metadata.name=a;b', 'query-ambiguous'],
];
describe('refused', () => {
  for (const [target, code] of refused) {
    test(`${JSON.stringify(target)}: ${code}`, () => assert.equal(requestInfo('GET', target), code));
  }
  test('its innocent neighbours are not', () => {
    for (const target of [
      '/...',
      '/a/.b',
      '/a/b..',
      '/a/..c',
      '/api/v1/pods?a=1;b=2',
      '/a.b/c',
      '/a:b',
      '/a,b@c',
    ]) {
      info('GET', target);
    }
  });
});

test('whatever is accepted, its path has no dot, empty or encoded segment before what is proxied', () => {
  const piece = fc.constantFrom(
    'a',
    '.',
    '..',
    '/',
    '%2e',
    '%2f',
    '%5c',
    ';',
    '%25',
    '%2e',
    'proxy/',
    'nodes/',
    '/api/v1/nodes/n/',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
      const read = requestInfo('GET', `/${pieces.join('')}`);
      if (typeof read === 'string') return;
      const own = read.proxyPath === '' ? read.path : read.path.slice(0, read.path.indexOf('/proxy/') + 6);
      assert.doesNotMatch(own, /\/\/|\/\.{1,2}(\/|$)|[\\;%]/);
      assert.doesNotMatch(read.proxyPath, /\/\/|\/\.{1,2}(\/|$)/);
    }),
    { numRuns: 5000 },
  );
});

test('cleanTail is path.Join that keeps a trailing slash', () => {
  for (const [tail, clean] of [
    ['', '/'],
    ['a/b', '/a/b'],
    ['../../a', '/a'],
    ['a/../..//b/', '/b/'],
    ['./', '/'],
    ['a/..', '/'],
  ] as const) {
    assert.equal(cleanTail(tail), clean, tail);
  }
});
