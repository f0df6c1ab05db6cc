import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRequest } from './request-info.ts';

const table: readonly (readonly [method: string, target: string, expected: string])[] = [
  ['GET', '/version', 'get /version'],
  ['POST', '/version', 'post /version'],
  ['GET', '/api/v1', 'get /api/v1'],
  ['GET', '/api/v1/pods', 'list /v1 pods'],
  ['GET', '/api/v1/pods?watch=true', 'watch /v1 pods'],
  ['GET', '/api/v1/pods?watch=0', 'list /v1 pods'],
  ['GET', '/api/v1/watch/namespaces/lab/pods', 'watch /v1 lab: pods'],
  ['GET', '/api/v1/namespaces/lab', 'get /v1 lab: namespaces lab'],
  ['GET', '/api/v1/namespaces/lab/status', 'get /v1 lab: namespaces lab/status'],
  ['GET', '/api/v1/namespaces%2flab/pods', 'list /v1 lab: pods'],
  ['POST', '/api/v1/namespaces/lab/pods/web/exec?command=x', 'create /v1 lab: pods web/exec'],
  ['HEAD', '/api/v1/namespaces/lab/pods/web/', 'get /v1 lab: pods web'],
  [
    'DELETE',
    '/apis/coordination.k8s.io/v1/namespaces/x/leases',
    'deletecollection coordination.k8s.io/v1 x: leases',
  ],
  ['GET', 'https://host/api/v1/pods', 'list /v1 pods'],
  ['GET', '/apis/metrics.k8s.io/v1beta1', 'get /apis/metrics.k8s.io/v1beta1'],
  ['GET', '/apis/metrics.k8s.io/v1beta1/nodes', 'list metrics.k8s.io/v1beta1 nodes'],
  ['GET', '/api/v1/../v1/pods', 'get /api/v1/../v1/pods'],
  ['GET', '//api//v1/pods', 'get //api//v1/pods'],
  ['GET', '/api/v1/namespaces/lab%2f..%2fkube-system/pods', 'get /api/v1/namespaces/lab/../kube-system/pods'],
  ['GET', '/%zz', 'undefined'],
];

for (const [method, target, expected] of table) {
  test(`${method} ${target}`, () => {
    const info = readRequest(method, target);
    const resource = info?.resource;
    const subject = resource && [resource.name, resource.subresource].filter(Boolean).join('/');
    const text = resource
      ? `${info.verb} ${resource.group}/${resource.version} ${resource.namespace ? `${resource.namespace}: ` : ''}${resource.resource}${subject ? ` ${subject}` : ''}`
      : info && `${info.verb} ${info.path}`;
    assert.equal(String(text), expected);
  });
}
