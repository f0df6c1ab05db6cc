// Request attributes as our rules read them, beside what the real server's audit log says of the same request. The caller
// may do nothing, so that no request changes anything; the server works out the attributes before it refuses.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { tokens } from '../../range/pki.ts';
import type { RawAnswer } from '../../range/request.ts';
import { type RequestInfo, requestInfo } from '../../src/inspect/request-info.ts';
import type { AuditEvent } from './server.ts';
import { startWorld, type World } from './world.ts';

let world: World;
before(async () => {
  world = await startWorld('pcrattr');
});
after(async () => {
  await world?.[Symbol.asyncDispose]();
});

type Target = readonly [method: string, target: string];
const core = '/api/v1';
const lab = `${core}/namespaces/lab`;

const paths: readonly string[] = [
  ...[
    '/',
    '/api',
    '/api/',
    '/api/v1',
    '/api/v1/',
    '/apis',
    '/apis/',
    '/apis/apps',
    '/apis/apps/',
    '/apis/apps/v1',
  ],
  ...[
    '/apis/apps/v1/',
    '/version',
    '/healthz',
    '/healthz/etcd',
    '/readyz/',
    '/metrics',
    '/openapi/v2',
    '/logs/x',
  ],
  ...[
    '/swagger.json',
    '/.well-known/openid-configuration',
    '/unknown/a/b/c/d',
    '/apix/v1/pods',
    '/API/v1/pods',
  ],
  ...[
    '/runningpods/',
    '/exec/lab/web/web',
    '/debug/pprof/',
    '/api/v2/pods',
    '/apis/nothing.example/v1/things',
  ],
  ...[`${core}/pods`, `${core}/pods/`, `${core}/pods/web`, `${core}/pods/web/`, `${core}/nodes/node/status`],
  ...[`${core}/namespaces`, `${core}/namespaces/`, `${core}/namespaces/lab`, `${core}/namespaces/lab/`],
  ...[
    `${lab}/status`,
    `${lab}/finalize`,
    `${lab}/status/`,
    `${lab}/status/x`,
    `${lab}/finalize/x/y`,
    `${lab}/pods`,
  ],
  ...[
    `${lab}/pods/`,
    `${lab}/pods/web`,
    `${lab}/pods/web/log`,
    `${lab}/pods/web/exec`,
    `${lab}/pods/web/attach/`,
  ],
  ...[
    `${lab}/pods/web/portforward`,
    `${lab}/pods/web/proxy`,
    `${lab}/pods/web/proxy/`,
    `${lab}/pods/web/proxy/a/b`,
  ],
  ...[`${lab}/pods/web:8080/proxy/a//b`, `${lab}/pods/web/proxy/../../x`, `${lab}/pods/web/proxy/a%2fb`],
  ...[
    `${lab}/services/https:web:443/proxy/x`,
    `${lab}/services/web/proxy/;x`,
    `${core}/nodes/node/proxy/exec/x`,
  ],
  ...[
    `${core}/nodes/node:10250/proxy/runningpods/`,
    `${core}/nodes/node/proxy//`,
    `${lab}/pods/web/exec/x/y`,
  ],
  ...[
    `${core}/proxy/namespaces/lab/pods/web/a/b`,
    `${core}/proxy/nodes/node/exec`,
    `${core}/proxy/nodes/node`,
  ],
  ...[`${core}/watch`, `${core}/watch/`, `${core}/proxy`, `${core}/watch/pods`, `${core}/watch/pods/web`],
  ...[`${core}/watch/namespaces`, `${core}/watch/namespaces/lab`, `${core}/watch/namespaces/lab/pods`],
  ...[
    `${core}/watch/namespaces/lab/pods/web`,
    `${core}/watch/watch/pods`,
    `${core}/watch/namespaces/lab/status`,
  ],
  ...[
    '/apis/apps/v1/watch/deployments',
    '/apis/apps/v1/deployments',
    '/apis/apps/v1/namespaces/lab/deployments',
  ],
  ...[
    '/apis/apps/v1/namespaces/lab/deployments/d/scale',
    '/apis/apps/v1/namespaces/lab',
    '/apis/apps/v1/namespaces',
  ],
  ...[
    '/apis/metrics.k8s.io/v1beta1/nodes',
    '/apis/metrics.k8s.io/v1beta1/namespaces/lab/pods/web',
    '/apis/a/b/c/d/e/f/g',
  ],
  ...['/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node', `${core}/serviceaccounts/a/token`],
  ...[
    `${lab}/serviceaccounts/robot/token`,
    `${lab}/pods/web/eviction`,
    `${lab}/pods/web/binding`,
    `${lab}/bindings`,
  ],
  // Percent-encoded, and characters that are legal as they are.
  ...[`${core}/namespaces%2flab/pods`, `${core}/namespaces%2Flab%2Fpods%2Fweb%2Fexec`, '/%61pi/v1/p%6fds'],
  ...['/api%2fv1%2fpods', '/apis%2Fapps/v1/deployments', `${lab}/pods/w%65b/%65xec`, `${lab}/configmaps/a+b`],
  ...[
    `${lab}/configmaps/a%2Bb`,
    `${lab}/configmaps/a%20b`,
    `${lab}/configmaps/%C3%A9`,
    `${lab}/configmaps/a:b@c!$&'()*,=~`,
  ],
  ...[
    `${lab}/configmaps/a%3Fb`,
    `${lab}/configmaps/a%23b`,
    `${lab}/configmaps/a%26b`,
    `${lab}/configmaps/a.b..c`,
  ],
  ...[
    `${lab}/configmaps/...`,
    `${lab}/configmaps/.a`,
    `${lab}/configmaps/-`,
    `${lab}/configmaps/"x"`,
    `${lab}/configmaps/a|b`,
  ],
  ...[
    `${lab}/configmaps/{x}`,
    `${lab}/configmaps/<x>`,
    `${lab}/configmaps/^\``,
    '/%61%70%69/v1/pods%2f',
    `${core}/pods%2F`,
  ],
];
const queries: readonly string[] = [
  ...[
    'watch',
    'watch=',
    'watch=1',
    'watch=true',
    'watch=false',
    'watch=FALSE',
    'watch=0',
    'watch=f',
    'watch=no',
    'watch=00',
  ],
  ...[
    'watch=1&watch=0',
    'watch=0&watch=1',
    '%77atch=1',
    'watch=%31',
    'watch=%zz',
    'Watch=1',
    'watch=+',
    'a=b&watch=true',
  ],
  ...[
    'watch=%66alse',
    'watch&limit=5',
    'limit=x&watch=1',
    'limit=x&watch=false',
    'timeoutSeconds=x',
    'watch=1#x',
    '&&watch=1&',
  ],
  ...[
    'fieldSelector=metadata.name%3Dp',
    'fieldSelector=metadata.name=p',
    'fieldSelector=metadata.name==p&watch=1',
  ],
  ...[
    'fieldSelector=metadata.name!=p',
    'fieldSelector=spec.nodeName=x,metadata.name=p',
    'fieldSelector=metadata.name=a/b',
  ],
  ...[
    'fieldSelector=metadata.name=a%252Fb',
    'fieldSelector=metadata.name=..',
    'fieldSelector=metadata.name=a%5C,b',
  ],
  ...[
    'fieldSelector=metadata.name=%5Cx',
    'fieldSelector=metadata.name',
    'fieldSelector=',
    'fieldSelector=,,metadata.name=p,',
  ],
  ...[
    'fieldSelector=metadata.name=p,metadata.name=q',
    'fieldSelector=metadata.name=q&fieldSelector=metadata.name=p',
  ],
  ...[
    'fieldSelector=metadata.namespace=lab',
    'fieldSelector=metadata.name=',
    'fieldSelector=metadata.name=a+b',
    '?watch=1',
  ],
  ...[
    'fieldSelector=metadata.name=p&continue=x',
    'limit=x&fieldSelector=metadata.name=p',
    'labelSelector=a%3Db&watch=1',
    'resourceVersion=0&watch',
    'pretty=true',
    '',
  ],
  ...[
    'fieldSelector=%20metadata.name=p',
    'fieldSelector=metadata.name=%20p',
    'fieldSelector=metadata.name=p=q',
    'watch=1;x=2',
  ],
];
const methods = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'get',
  'Post',
];
const methodPaths = [
  '/version',
  `${core}/pods`,
  `${lab}/pods/web`,
  `${core}/watch/pods`,
  `${core}/proxy/nodes/n/x`,
  `${lab}/pods/`,
];

/** Known differences, all to the strict side or without a rule that could see them: see requestInfo. */
function isKnown([, target]: Target, info: RequestInfo, event: AuditEvent): boolean {
  // Another parameter that doesn't parse makes the server forget the selector, and answer 400 at last.
  return /(?:limit|timeoutSeconds)=x/.test(target) && info.name !== '' && event.objectRef?.name === undefined;
}

function ours(info: RequestInfo): Record<string, string> {
  const { group, version, namespace, resource, subresource, name } = info;
  return info.isResource
    ? { verb: info.verb, group, version, namespace, resource, subresource, name }
    : { verb: info.verb };
}

function theirs({ verb, objectRef }: AuditEvent): Record<string, string> {
  if (!objectRef) return { verb };
  const {
    apiGroup = '',
    apiVersion = '',
    namespace = '',
    resource = '',
    subresource = '',
    name = '',
  } = objectRef;
  return { verb, group: apiGroup, version: apiVersion, namespace, resource, subresource, name };
}

/** Asks the server each of them, and returns those that the two read differently. */
async function differences(
  name: string,
  targets: readonly Target[],
): Promise<{ compared: number; differing: unknown[] }> {
  const requests = targets.map(([method, target], index) => ({
    packets: [
      `${method} ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokens.mallory.value}\r\nUser-Agent: ${name}-${index}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    ],
  }));
  const answers: RawAnswer[] = [];
  // They travel on a command line, which has its limits.
  for (let at = 0; at < requests.length; at += 200) {
    answers.push(...(await world.range.request('developer', requests.slice(at, at + 200))));
  }
  const events = new Map(
    world
      .audit()
      .filter((event) => event.stage === 'ResponseComplete')
      .map((event) => [event.userAgent ?? '', event]),
  );
  let compared = 0;
  const differing: unknown[] = [];
  for (const [index, one] of targets.entries()) {
    const info = requestInfo(...one);
    const event = events.get(`${name}-${index}`);
    const status = answers[index]?.status;
    // What we refuse never gets there; what the server refuses before it has attributes has nobody to fool.
    if (typeof info === 'string' || (event === undefined && (status === 400 || status === 500))) continue;
    compared += 1;
    if (!event) differing.push({ request: one.join(' '), status, audit: 'none', ours: ours(info) });
    else if (isKnown(one, info, event)) continue;
    else {
      try {
        assert.deepEqual(ours(info), theirs(event));
      } catch {
        differing.push({
          request: one.join(' '),
          status,
          ours: ours(info),
          theirs: theirs(event),
          uri: event.requestURI,
        });
      }
    }
  }
  return { compared, differing };
}

describe('attributes are the ones that a real server works out', () => {
  const table: readonly (readonly [string, readonly Target[]])[] = [
    ['paths-get', paths.map((path) => ['GET', path])],
    ['paths-post', paths.map((path) => ['POST', path])],
    ['paths-delete', paths.map((path) => ['DELETE', path])],
    [
      'queries',
      [`${core}/pods`, `${lab}/pods/`].flatMap((path) =>
        queries.map((query) => ['GET', `${path}?${query}`] as const),
      ),
    ],
    ['queries-name', queries.map((query) => ['GET', `${lab}/pods/web?${query}`])],
    ['queries-delete', queries.map((query) => ['DELETE', `${lab}/pods?${query}`])],
    ['methods', methods.flatMap((method) => methodPaths.map((path) => [method, path] as const))],
  ];
  for (const [name, targets] of table) {
    test(`${name}: ${targets.length} requests`, async (t) => {
      const { compared, differing } = await differences(name, targets);
      t.diagnostic(`${compared} of ${targets.length} compared`);
      assert.deepEqual(differing, []);
    });
  }

  test('1,000 random paths', async (t) => {
    const words = [
      'api',
      'apis',
      'v1',
      'apps',
      'watch',
      'proxy',
      'namespaces',
      'lab',
      'pods',
      'web',
      'exec',
      'status',
    ];
    const odd = [
      'finalize',
      'nodes',
      'n%6fdes',
      'a%2fb',
      '..',
      '.',
      '',
      '%2e%2e',
      'x;y',
      'x%3by',
      '%25',
      'a%5cb',
      '%c3%a9',
      '%ff',
      '%00',
    ];
    const segment = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...words) },
      { weight: 1, arbitrary: fc.constantFrom(...odd) },
    );
    const start = fc.constantFrom('/api/v1', '/apis/apps/v1', '/api', '/apis', '/api/v1/namespaces/lab', '');
    const target = fc
      .tuple(
        start,
        fc.array(segment, { maxLength: 7 }),
        fc.constantFrom('', '/', '?watch=1', '?fieldSelector=metadata.name=x'),
      )
      .map(([head, tail, end]) => `${[head, ...tail].join('/') || '/'}${end}`);
    const method = fc.constantFrom('GET', 'GET', 'POST', 'DELETE', 'PATCH', 'PUT');
    const targets = fc.sample(fc.tuple(method, target), { numRuns: 1000, seed: 20181203 });
    const { compared, differing } = await differences(
      'random',
      targets.map(([one, path]) => [one, path] as const),
    );
    t.diagnostic(`${compared} of ${targets.length} compared`);
    assert.ok(compared > 300);
    assert.deepEqual(differing, []);
  });
});
