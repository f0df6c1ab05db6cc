import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BodyError, type BodyProblem } from './problems.ts';
import { decodeProtobuf } from './protobuf.ts';
import { type BodyInput, defaultBodyLimits } from './types.ts';

// A dumb encoder, and messages written out by hand: the field numbers are those of Kubernetes' generated.proto.
type Bytes = readonly number[];
function varint(value: number | bigint): Bytes {
  let rest = BigInt.asUintN(64, BigInt(value));
  const out: number[] = [];
  do {
    const byte = Number(rest & 0x7fn);
    rest >>= 7n;
    out.push(rest > 0n ? byte | 0x80 : byte);
  } while (rest > 0n);
  return out;
}
const len = (field: number, body: Bytes): Bytes => [
  ...varint((field << 3) | 2),
  ...varint(body.length),
  ...body,
];
const str = (field: number, text: string): Bytes => len(field, [...Buffer.from(text)]);
const num = (field: number, value: number | bigint): Bytes => [...varint(field << 3), ...varint(value)];
const cat = (...parts: Bytes[]): Bytes => parts.flat();
const magic: Bytes = [0x6b, 0x38, 0x73, 0];
const typeMeta = (apiVersion: string, kind: string): Bytes => len(1, cat(str(1, apiVersion), str(2, kind)));
const body = (apiVersion: string, kind: string, raw: Bytes): Bytes =>
  cat(magic, typeMeta(apiVersion, kind), len(2, raw));

const pods: BodyInput = {
  contentType: 'application/vnd.kubernetes.protobuf',
  contentEncoding: '',
  verb: 'create',
  group: '',
  version: 'v1',
  resource: 'pods',
  subresource: '',
  bytes: new Uint8Array(),
};
const limits = { ...defaultBodyLimits, maxDepth: 20, maxValues: 1000 };
const decode = (bytes: Bytes, more: Partial<BodyInput> = {}) =>
  decodeProtobuf({ ...pods, ...more, bytes: Uint8Array.from(bytes) }, limits);
const pod = (raw: Bytes) => decode(body('v1', 'Pod', raw)).value;
const inSpec = (...parts: Bytes[]) => len(2, cat(...parts));

const meta = len(
  1,
  cat(
    str(1, 'web'),
    str(2, ''),
    str(3, 'lab'),
    len(8, []),
    len(12, cat(str(1, 'a/b'), str(2, 'v'))),
    len(12, str(1, 'k')),
  ),
);
const gitRepo = len(
  1,
  cat(str(1, 'vol'), len(2, len(5, cat(str(1, 'https://example.test/r'), str(3, '../x'))))),
);

test('protobuf: a pod as JSON would show it', () => {
  const raw = cat(
    meta,
    inSpec(
      gitRepo,
      len(
        2,
        cat(
          str(1, 'c'),
          str(2, 'img'),
          len(6, cat(num(3, 80))),
          len(8, len(1, cat(str(1, 'cpu'), str(2, '')).slice(0, 5))),
          len(10, len(1, len(2, cat(str(1, '/z'), len(2, cat(num(1, 1), str(3, 'http'))))))),
        ),
      ),
      num(11, 1),
      num(12, 0),
      num(4, 0),
      len(7, cat(str(1, 'disk'), str(2, 'ssd'))),
    ),
  );
  assert.deepEqual(pod(raw), {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'lab', creationTimestamp: null, annotations: { 'a/b': 'v', k: '' } },
    spec: {
      volumes: [{ name: 'vol', gitRepo: { repository: 'https://example.test/r', directory: '../x' } }],
      containers: [
        {
          name: 'c',
          image: 'img',
          ports: [{ containerPort: 80 }],
          resources: { limits: { cpu: null } },
          livenessProbe: { httpGet: { path: '/z', port: 'http' } },
        },
      ],
      hostNetwork: true,
      terminationGracePeriodSeconds: 0,
      nodeSelector: { disk: 'ssd' },
    },
  });
});

test('protobuf: a singular message given in two pieces is one', () => {
  const twice = cat(
    inSpec(len(14, num(2, 5))),
    inSpec(len(14, num(3, 1))),
    inSpec(str(10, 'a')),
    inSpec(str(10, 'b')),
  );
  assert.deepEqual(pod(twice)['spec'], {
    securityContext: { runAsUser: 5, runAsNonRoot: true },
    nodeName: 'b',
  } as never);
});

test('protobuf: a volume whose source comes in a piece of its own', () => {
  const volume = len(1, cat(len(2, len(5, str(1, 'r'))), str(1, 'v'), len(2, len(5, str(3, 'd')))));
  assert.deepEqual((pod(inSpec(volume))['spec'] as never)['volumes'], [
    { gitRepo: { repository: 'r', directory: 'd' }, name: 'v' },
  ]);
});

test('protobuf: the kind is that of the resource where the envelope has none, and options where it is a delete', () => {
  const bare = cat(magic, len(2, inSpec(str(10, 'n'))));
  assert.deepEqual(decode(bare).value, { apiVersion: 'v1', kind: 'Pod', spec: { nodeName: 'n' } });
  const ingress = decode(bare.slice(0, 4).concat(len(2, meta)), {
    group: 'networking.k8s.io',
    resource: 'ingresses',
  }).value;
  assert.equal(ingress['kind'], 'Ingress');
  assert.equal(ingress['apiVersion'], 'networking.k8s.io/v1');
  assert.deepEqual(decode(cat(magic, len(2, num(1, 0))), { verb: 'delete' }).value, {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    gracePeriodSeconds: 0,
  });
});

const json = (text: string) => len(1, [...Buffer.from(text)]);
const kinds: readonly [string, Bytes, string, string, object][] = [
  [
    'a service',
    inSpec(
      len(1, cat(str(1, 'p'), num(3, 80), len(4, num(2, 8080)))),
      str(5, '10.0.0.1'),
      str(5, '10.0.0.2'),
    ),
    'v1',
    'Service',
    { spec: { ports: [{ name: 'p', port: 80, targetPort: 8080 }], externalIPs: ['10.0.0.1', '10.0.0.2'] } },
  ],
  [
    'an endpoint slice',
    len(2, str(1, '127.0.0.1')),
    'discovery.k8s.io/v1',
    'EndpointSlice',
    { endpoints: [{ addresses: ['127.0.0.1'] }] },
  ],
  [
    'a node',
    len(3, len(5, cat(str(1, 'InternalIP'), str(2, '127.0.0.1')))),
    'v1',
    'Node',
    { status: { addresses: [{ type: 'InternalIP', address: '127.0.0.1' }] } },
  ],
  [
    'a deployment',
    inSpec(num(1, 0), len(3, len(2, gitRepo))),
    'apps/v1',
    'Deployment',
    {
      spec: {
        replicas: 0,
        template: {
          spec: {
            volumes: [{ name: 'vol', gitRepo: { repository: 'https://example.test/r', directory: '../x' } }],
          },
        },
      },
    },
  ],
  [
    'a cron job',
    inSpec(str(1, '* * * * *'), len(5, len(2, len(6, len(2, str(10, 'n')))))),
    'batch/v1',
    'CronJob',
    { spec: { schedule: '* * * * *', jobTemplate: { spec: { template: { spec: { nodeName: 'n' } } } } } },
  ],
  [
    'an ingress',
    inSpec(len(3, cat(str(1, 'h'), len(2, len(1, len(1, str(1, '/p'))))))),
    'networking.k8s.io/v1',
    'Ingress',
    { spec: { rules: [{ host: 'h', http: { paths: [{ path: '/p' }] } }] } },
  ],
  ['a secret', len(2, cat(str(1, 'k'), len(2, [255, 0]))), 'v1', 'Secret', { data: { k: '/wA=' } }],
  ['a negative number', inSpec(num(5, -3)), 'v1', 'Pod', { spec: { activeDeadlineSeconds: -3 } }],
  [
    'a number beyond 2^53',
    inSpec(num(5, 2n ** 60n + 1n)),
    'v1',
    'Pod',
    { spec: { activeDeadlineSeconds: 2n ** 60n + 1n } },
  ],
  [
    'a 32-bit number with bits to spare',
    inSpec(num(25, 2n ** 32n + 7n)),
    'v1',
    'Pod',
    { spec: { priority: 7 } },
  ],
  [
    'packed numbers',
    inSpec(len(14, len(4, [1, 2, 3]))),
    'v1',
    'Pod',
    { spec: { securityContext: { supplementalGroups: [1, 2, 3] } } },
  ],
  [
    'and plain ones',
    inSpec(len(14, cat(num(4, 1), num(4, 2)))),
    'v1',
    'Pod',
    { spec: { securityContext: { supplementalGroups: [1, 2] } } },
  ],
  [
    'a review',
    inSpec(len(5, cat(str(1, 'k'), len(2, cat(str(1, 'a'), str(1, 'b')))))),
    'authorization.k8s.io/v1',
    'SubjectAccessReview',
    { spec: { extra: { k: ['a', 'b'] } } },
  ],
  [
    'a time',
    len(1, len(8, num(1, 1_700_000_000))),
    'v1',
    'Pod',
    { metadata: { creationTimestamp: '2023-11-14T22:13:20Z' } },
  ],
  [
    'a list of anything',
    cat(len(2, len(1, body('v1', 'Pod', inSpec(str(10, 'n'))))), len(2, json('{"kind":"Pod","a":1}'))),
    'v1',
    'List',
    {
      items: [
        { apiVersion: 'v1', kind: 'Pod', spec: { nodeName: 'n' } },
        { kind: 'Pod', a: 1 },
      ],
    },
  ],
  [
    'fields managed',
    len(1, len(17, cat(str(1, 'm'), len(7, json('{"f:spec":{}}'))))),
    'v1',
    'Pod',
    { metadata: { managedFields: [{ manager: 'm', fieldsV1: { 'f:spec': {} } }] } },
  ],
  [
    'a webhook',
    len(2, cat(str(1, 'w'), len(2, str(3, 'https://10.0.0.1/')))),
    'admissionregistration.k8s.io/v1',
    'ValidatingWebhookConfiguration',
    { webhooks: [{ name: 'w', clientConfig: { url: 'https://10.0.0.1/' } }] },
  ],
  [
    '__proto__',
    len(1, len(11, cat(str(1, '__proto__'), str(2, 'x')))),
    'v1',
    'Pod',
    { metadata: { labels: JSON.parse('{"__proto__":"x"}') } },
  ],
];
for (const [name, raw, apiVersion, kind, expected] of kinds) {
  test(`protobuf: ${name}`, () => {
    const made = decode(body(apiVersion, kind, raw));
    assert.deepEqual(made.value, { apiVersion, kind, ...expected });
    assert.equal(made.unknownFields, false);
  });
}

test('protobuf: fields of newer releases', () => {
  const probe = len(10, len(1, len(4, cat(num(1, 9000), str(2, 'health')))));
  const lifecycle = len(12, cat(len(2, len(4, num(1, 5))), str(3, 'SIGTERM')));
  const profile = len(15, len(12, cat(str(1, 'Localhost'), str(2, ''))));
  const raw = cat(
    len(1, len(17, cat(str(1, 'kubelet'), str(8, 'status')))),
    inSpec(
      len(2, cat(str(1, 'c'), str(24, 'Always'), probe, lifecycle, profile)),
      len(36, str(1, 'linux')),
      num(37, 0),
    ),
    inSpec(
      len(1, cat(str(1, 'v'), len(2, len(30, str(1, 'registry.example/image'))))),
      len(39, cat(str(1, 'gpu'), str(3, 'claim'))),
    ),
  );
  const { value, unknownFields } = decode(body('v1', 'Pod', raw));
  assert.equal(unknownFields, false);
  assert.deepEqual(value['metadata'], { managedFields: [{ manager: 'kubelet', subresource: 'status' }] });
  assert.deepEqual(value['spec'], {
    containers: [
      {
        name: 'c',
        restartPolicy: 'Always',
        livenessProbe: { grpc: { port: 9000, service: 'health' } },
        lifecycle: { preStop: { sleep: { seconds: 5 } }, stopSignal: 'SIGTERM' },
        securityContext: { appArmorProfile: { type: 'Localhost', localhostProfile: '' } },
      },
    ],
    os: { name: 'linux' },
    hostUsers: false,
    volumes: [{ name: 'v', image: { reference: 'registry.example/image' } }],
    resourceClaims: [{ name: 'gpu', resourceClaimName: 'claim' }],
  });
});

test('protobuf: fields that the table does not have are passed over, and said', () => {
  for (const unknown of [
    num(9000, 1),
    str(9000, 'x'),
    [...varint((9000 << 3) | 1), 1, 2, 3, 4, 5, 6, 7, 8],
    [...varint((9000 << 3) | 5), 1, 2, 3, 4],
  ]) {
    const made = decode(body('v1', 'Pod', cat(unknown, inSpec(unknown, str(10, 'n')))));
    assert.deepEqual(made.value['spec'], { nodeName: 'n' });
    assert.ok(made.unknownFields);
  }
});

const bad: readonly [string, Bytes, BodyProblem][] = [
  ['nothing', [], 'body-syntax'],
  ['the magic alone', magic, 'body-syntax'],
  ['JSON', [...Buffer.from('{"kind":"Pod"}')], 'body-syntax'],
  ['an unknown kind', body('example.test/v1', 'Thing', []), 'body-unknown-kind'],
  ['a kind of another group', body('apps/v1', 'Pod', []), 'body-unknown-kind'],
  ['a message that is no kind', body('v1', 'PodSpec', []), 'body-unknown-kind'],
  ['an encoding of the content', cat(body('v1', 'Pod', []), str(3, 'gzip')), 'body-ambiguous'],
  ['a type of the content', cat(body('v1', 'Pod', []), str(4, 'application/json')), 'body-ambiguous'],
  ['a length beyond the end', body('v1', 'Pod', [18, 200]), 'body-syntax'],
  ['a length of 2^63', body('v1', 'Pod', [18, ...varint(2n ** 63n)]), 'body-syntax'],
  [
    'a length beyond its message',
    body('v1', 'Pod', cat(len(2, [82, 9]), str(10, 'abcdefghi'))),
    'body-syntax',
  ],
  ['a number without end', body('v1', 'Pod', inSpec([8 << 3, 0x80])), 'body-syntax'],
  ['a number of eleven bytes', body('v1', 'Pod', inSpec([40, ...Array(10).fill(0x80), 0])), 'body-syntax'],
  ['a number of 70 bits', body('v1', 'Pod', inSpec([40, ...Array(9).fill(0xff), 0x7f])), 'body-syntax'],
  ['field 0', body('v1', 'Pod', [2, 0]), 'body-syntax'],
  [
    'a field number that Go would cut to 2',
    body('v1', 'Pod', [...varint((2n ** 32n + 2n) * 8n + 2n), 0]),
    'body-syntax',
  ],
  ['a group', body('v1', 'Pod', [...varint((9000 << 3) | 3), ...varint((9000 << 3) | 4)]), 'body-syntax'],
  ['wire type 7', body('v1', 'Pod', varint((9000 << 3) | 7)), 'body-syntax'],
  ['a message as a number', body('v1', 'Pod', num(2, 1)), 'body-syntax'],
  ['a text as a number', body('v1', 'Pod', inSpec(num(10, 1))), 'body-syntax'],
  ['a number as a text', body('v1', 'Pod', inSpec(str(5, 'x'))), 'body-syntax'],
  ['a map value as a number', body('v1', 'Pod', len(1, len(11, cat(str(1, 'a'), num(2, 1))))), 'body-syntax'],
  ['text that is not UTF-8', body('v1', 'Pod', inSpec(len(10, [0xff]))), 'body-ambiguous'],
  [
    'a port given twice',
    body('v1', 'Service', inSpec(len(1, cat(len(4, num(1, 1)), len(4, str(3, 'x')))))),
    'body-ambiguous',
  ],
  ['a port that is neither', body('v1', 'Service', inSpec(len(1, len(4, num(1, 2))))), 'body-syntax'],
  ['a time that no calendar has', body('v1', 'Pod', len(1, len(8, num(1, 2n ** 62n)))), 'body-syntax'],
  ['too many values', body('v1', 'Pod', inSpec(...Array(1001).fill(str(10, 'n')))), 'body-too-large-decoded'],
  [
    'packed without end',
    body('v1', 'Pod', inSpec(len(14, len(4, Array(3000).fill(1))))),
    'body-too-large-decoded',
  ],
  [
    'lists in lists',
    Array.from({ length: 30 }).reduce<Bytes>(
      (inner) => body('v1', 'List', len(2, len(1, inner))),
      body('v1', 'Pod', []),
    ),
    'body-too-deep',
  ],
];
for (const [name, bytes, code] of bad) {
  test(`protobuf refused: ${name}`, () => {
    assert.throws(
      () => decode(bytes),
      (error) => error instanceof BodyError && error.code === code,
    );
  });
}

test('protobuf: a message cut short or with a bit turned never throws anything else', () => {
  const whole = body('v1', 'Pod', cat(meta, inSpec(gitRepo, len(14, len(4, [1, 2])), num(5, -1))));
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(7), fc.boolean(), (at, bit, cut) => {
      const bytes = cut ? whole.slice(0, at) : whole.map((byte, i) => (i === at ? byte ^ (1 << bit) : byte));
      try {
        decode(bytes);
      } catch (error) {
        assert.ok(error instanceof BodyError);
      }
    }),
    { numRuns: 3000 },
  );
});

test('protobuf: 64-bit numbers of every size', () => {
  fc.assert(
    fc.property(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), (value) => {
      const spec = pod(inSpec(num(5, value)))['spec'] as { activeDeadlineSeconds: number | bigint };
      assert.equal(BigInt(spec.activeDeadlineSeconds), value);
      assert.equal(typeof spec.activeDeadlineSeconds === 'number', Number.isSafeInteger(Number(value)));
    }),
  );
});
