import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeBody } from '../inspect/body/decode.ts';
import { defaultBodyLimits } from '../inspect/body/types.ts';
import type { RequestStep } from '../model/shield.ts';
import { bodyOf, twinsOf } from './request-twins.ts';

type Request = RequestStep['request'];

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', labels: { a: 'b', c: '' }, annotations: { 'a.b/c': 'x: "y"\n#' } },
  spec: {
    containers: [
      {
        name: 'c',
        image: 'i',
        ports: [{ containerPort: 80 }],
        securityContext: { privileged: true, runAsUser: 4294967296, capabilities: { add: ['SYS_ADMIN'] } },
        resources: { limits: { cpu: '500m' } },
        livenessProbe: { httpGet: { path: '/', port: 'http' } },
        readinessProbe: { tcpSocket: { port: -1 } },
      },
    ],
    volumes: [{ name: 'v', gitRepo: { repository: 'https://x', directory: '..' } }],
    hostNetwork: true,
  },
};
const secret = { apiVersion: 'v1', kind: 'Secret', data: { key: 'AAEC' }, type: 'Opaque' };
const patch = { spec: { volumes: [{ name: 'v', gitRepo: { repository: 'yes' } }] } };

const cases: readonly (readonly [what: string, request: Request, twins: readonly string[]])[] = [
  ['a pod', { path: '/', object: pod }, ['json', 'yaml', 'protobuf', 'cbor']],
  ['a secret', { path: '/', object: secret }, ['json', 'yaml', 'protobuf', 'cbor']],
  [
    'an object of no known kind',
    { path: '/', object: { a: [1.5, -7, null, 'no'] } },
    ['json', 'yaml', 'cbor'],
  ],
  [
    'an object with a field that protobuf has not',
    { path: '/', object: { ...pod, spec: { absent: 1 } } },
    ['json', 'yaml', 'cbor'],
  ],
  ['a merge patch', { path: '/', patch: 'merge', object: patch }, ['json']],
  ['an apply patch', { path: '/', patch: 'apply', object: patch }, ['json', 'yaml', 'cbor']],
  ['an object of a given type', { path: '/', object: pod, contentType: 'application/json' }, ['json']],
  ['given twins', { path: '/', object: pod, twins: ['cbor'] }, ['cbor']],
  ['no object', { path: '/' }, []],
];
for (const [what, request, twins] of cases) {
  test(`${what} is written as ${twins.join(', ') || 'nothing'}, and read as the same`, () => {
    assert.deepEqual(twinsOf(request), twins);
    for (const twin of twinsOf(request)) {
      const body = bodyOf(request, twin);
      assert.ok(body);
      const decoded = decodeBody(
        {
          contentType: body.contentType,
          contentEncoding: '',
          verb: request.patch ? 'patch' : 'create',
          group: '',
          version: 'v1',
          resource: 'pods',
          subresource: '',
          bytes: body.bytes,
        },
        defaultBodyLimits,
      );
      assert.notEqual(decoded.kind, 'undecodable', `${twin}: ${JSON.stringify(decoded)}`);
      if (decoded.kind === 'undecodable') continue;
      assert.equal(decoded.unknownFields, false);
      assert.deepEqual(less(decoded.value), less(request.object), twin);
    }
  });
}

/** Without the nulls and empty parts that protobuf has no words for. */
function less(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, one: unknown) => (one === null || one === '' ? undefined : one)),
  );
}
