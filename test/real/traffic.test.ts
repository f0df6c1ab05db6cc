// What client libraries send and get: other encodings, large lists, long watches, upgrades; the same bytes with the gate
// as without.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Lab } from '../../range/demo/lab.ts';
import { incidentsSince } from '../../range/demo/observe.ts';
import { server } from '../../range/demo/step.ts';
import { tokens } from '../../range/pki.ts';
import type { RawAnswer } from '../../range/request.ts';
import type { ClientAnswer, ClientRequest } from './client.ts';
import { type Credentials, shieldWorld, startWorld, type World } from './world.ts';

let world: World;
let lab: Lab;
before(async () => {
  world = await startWorld('pcrtraf');
  lab = await shieldWorld(world);
});
after(async () => {
  await lab?.dispose();
  await world?.[Symbol.asyncDispose]();
});

const developer = { certificate: 'developer' };
const maps = '/api/v1/namespaces/bulk/configmaps';
const json = { 'Content-Type': 'application/json' };
const protobuf = 'application/vnd.kubernetes.protobuf';
const count = 2500;
const filling = 'Ordnung muss sein. '.repeat(430);

function create(name: string, more: Partial<ClientRequest> = {}, data = filling): ClientRequest {
  return {
    method: 'POST',
    path: maps,
    headers: json,
    body: JSON.stringify({ metadata: { name, labels: { bulk: 'yes' } }, data: { data } }),
    keep: 200,
    ...more,
  };
}

async function one(
  as: Credentials,
  request: ClientRequest,
  host: 'developer' | 'cp' = 'developer',
): Promise<ClientAnswer> {
  const [answer] = await world.ask(host, as, [request]);
  assert.ok(answer);
  return answer;
}

test(`${count} objects created while a watch sees each of them`, async (t) => {
  const token = { token: tokens['dev-token'].value };
  const since = JSON.parse((await one(developer, { path: `${maps}?limit=1` })).text) as {
    metadata: { resourceVersion: string };
  };
  const path = `${maps}?watch=1&resourceVersion=${since.metadata.resourceVersion}`;
  const watches = [developer, token].map((as) => one(as, { path, lines: count, timeoutMs: 90_000 }));
  const began = performance.now();
  const created = await world.ask(
    'developer',
    developer,
    Array.from({ length: count }, (_, index) => create(`bulk-${index}`)),
    16,
  );
  t.diagnostic(`created in ${Math.round(performance.now() - began)} ms`);
  assert.deepEqual([...new Set(created.map(({ status }) => status))], [201]);
  for (const watch of await Promise.all(watches)) {
    assert.equal(watch.error, '');
    assert.equal(watch.lines, count);
    assert.ok(watch.bytes > count * filling.length);
  }
});

describe('the same bytes as without the gate', () => {
  /** A list as it was at one moment, so that two answers are equal. */
  async function frozen(): Promise<string> {
    const { metadata } = JSON.parse((await one(developer, { path: `${maps}?limit=1`, keep: 20_000 })).text);
    return `${maps}?resourceVersion=${metadata.resourceVersion}&resourceVersionMatch=Exact&limit=10000`;
  }

  const encodings: readonly (readonly [string, Record<string, string>, string, string | undefined])[] = [
    ['JSON', {}, 'application/json', undefined],
    ['JSON, compressed', { 'Accept-Encoding': 'gzip' }, 'application/json', 'gzip'],
    ['protobuf', { Accept: protobuf }, protobuf, undefined],
    ['protobuf, compressed', { Accept: protobuf, 'Accept-Encoding': 'gzip' }, protobuf, 'gzip'],
    ['YAML', { Accept: 'application/yaml' }, 'application/yaml', undefined],
  ];
  for (const [name, headers, contentType, contentEncoding] of encodings) {
    test(`a list of ${count} objects as ${name}`, async (t) => {
      const path = await frozen();
      const [through, direct] = await Promise.all([
        one(developer, { path, headers }),
        one(developer, { path, headers }, 'cp'),
      ]);
      t.diagnostic(`${through.wireBytes} bytes, ${through.ms} ms through the gate, ${direct.ms} ms directly`);
      assert.equal(through.status, 200, through.text);
      assert.equal(through.headers['content-type'], contentType);
      assert.equal(through.headers['content-encoding'], contentEncoding);
      assert.ok(through.bytes > count * filling.length);
      assert.deepEqual(
        [through.sha256, through.bytes, through.wireBytes],
        [direct.sha256, direct.bytes, direct.wireBytes],
      );
    });
  }

  const asked: readonly ClientRequest[] = [
    { path: '/version' },
    { path: '/api' },
    { path: '/apis' },
    { path: '/openapi/v2' },
    {
      path: '/openapi/v2',
      headers: { Accept: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf' },
    },
    { path: `${maps}/bulk-7` },
    { path: `${maps}/bulk-7`, headers: { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } },
    {
      path: `${maps}/bulk-7`,
      headers: { Accept: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io' },
    },
    { path: `${maps}/bulk-7?pretty=true` },
    { path: `${maps}%2Fbulk-7` },
    { path: `${maps}/absent` },
    { path: `${maps}/absent`, headers: { Accept: protobuf } },
    { path: `${maps}/bulk-7`, headers: { Accept: 'text/html' } },
    { path: '/nowhere' },
    { path: '/api/v1/namespaces/kube-system/secrets' },
    { path: '/api/v1/pods?limit=x' },
    { method: 'HEAD', path: `${maps}/bulk-7` },
    { method: 'OPTIONS', path: maps },
    { method: 'POST', path: maps, headers: json, body: 'not json' },
    { method: 'POST', path: maps, headers: { 'Content-Type': 'text/plain' }, body: 'x' },
    { method: 'PATCH', path: `${maps}/bulk-7`, headers: json, body: '{}' },
    { method: 'DELETE', path: `${maps}/absent` },
    { path: '/api/v1/namespaces/lab/pods/web/log?tailLines=3' },
  ];
  test(`${asked.length} answers, errors among them`, async () => {
    const as = { certificate: 'developer' };
    const [through, direct] = await Promise.all([
      world.ask('developer', as, asked),
      world.ask('cp', as, asked),
    ]);
    for (const [index, request] of asked.entries()) {
      const [a, b] = [through[index], direct[index]];
      assert.ok(a && b);
      const telling = ({ status, sha256, bytes, text, error, headers }: ClientAnswer) => {
        // Per request; the rest of the head is the server's own.
        const { date: _date, 'audit-id': _audit, ...rest } = headers;
        return { status, sha256, bytes, text: text.slice(0, 300), error, headers: rest };
      };
      assert.deepEqual(telling(a), telling(b), `${request.method ?? 'GET'} ${request.path}`);
    }
  });
});

describe('writes', () => {
  test('in protobuf', async () => {
    const path = `${maps}/bulk-8`;
    const read = await one(developer, { path, headers: { Accept: protobuf }, binary: true, keep: 1_000_000 });
    assert.equal(read.status, 200);
    const written = await one(developer, {
      method: 'PUT',
      path,
      headers: { 'Content-Type': protobuf, Accept: protobuf },
      body: read.text,
      binary: true,
      keep: 1_000_000,
    });
    assert.equal(written.status, 200);
    assert.equal(Buffer.from(written.text, 'base64').subarray(0, 4).toString('latin1'), 'k8s\0');
  });

  test('in pieces, after 100 Continue, and as large as the server takes', async () => {
    const large = 'x'.repeat(1_000_000);
    const answers = await world.ask('developer', developer, [
      create('chunked', { chunked: true }),
      create('chunked-large', { chunked: true }, large),
      create('continued', { headers: { ...json, Expect: '100-continue' } }),
      create('large', {}, large),
      create('too-large', {}, 'x'.repeat(4_000_000)),
      { path: `${maps}/large`, keep: 100 },
    ]);
    assert.deepEqual(
      answers.map(({ status }) => status),
      [201, 201, 201, 201, 413, 200],
      JSON.stringify(answers),
    );
  });
});

describe('upgrades', () => {
  const webSocket = (path: string, ...lines: string[]) =>
    [
      `GET ${path} HTTP/1.1`,
      'Host: kubernetes',
      `Authorization: Bearer ${tokens['dev-token'].value}`,
      ...['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'],
      'Sec-WebSocket-Key: cG9ydGN1bGxpcy1yYW5nZQ==',
      ...lines,
      '\r\n',
    ].join('\r\n');

  async function raw(packet: string): Promise<RawAnswer> {
    const [answer] = await world.range.request('developer', [
      { packets: [packet], quietMs: 1000, timeoutMs: 5000 },
    ]);
    assert.ok(answer);
    return answer;
  }
  const exec = '/api/v1/namespaces/lab/pods/web/exec';
  const echo = `${exec}?command=echo&command=hello&stdout=true&stderr=true`;

  test('a watch over WebSocket, with an Origin', async () => {
    const path = `${maps}?watch=1&limit=5&resourceVersion=0`;
    const answer = await raw(webSocket(path, 'Origin: https://kubernetes'));
    assert.equal(answer.status, 101, answer.received.slice(0, 500));
    assert.match(answer.received, /"type":"ADDED"/);
  });

  test('a watch over WebSocket without an Origin: the bare 403 arrives, and the end', async () => {
    const answer = await raw(webSocket(`${maps}?watch=1`));
    assert.deepEqual([answer.status, answer.closed], [403, true], answer.received);
    assert.match(answer.received, /\r\n\r\n$/);
  });

  test('exec over WebSocket', async () => {
    const answer = await raw(webSocket(echo, 'Sec-WebSocket-Protocol: v4.channel.k8s.io'));
    assert.equal(answer.status, 101, answer.received);
    assert.match(answer.received, /hello\n/);
    assert.match(answer.received, /"status":"Success"/);
  });

  test('exec over a WebSocket protocol that the kubelet does not know', async () => {
    const answer = await raw(webSocket(echo, 'Sec-WebSocket-Protocol: v9.channel.k8s.io'));
    assert.deepEqual([answer.status, answer.closed], [403, true], answer.received);
  });

  test('one that the kubelet refuses is delivered, and the connection ends', async () => {
    const answer = await raw(webSocket(exec));
    assert.deepEqual([answer.status, answer.closed], [400, true], answer.received);
    assert.match(answer.received, /you must specify at least 1 of stdin, stdout, stderr/);
  });
});

describe('proxied requests', () => {
  test('to the aggregated API', async () => {
    const admin = await one({ certificate: 'admin' }, { path: '/apis/metrics.k8s.io/v1beta1/nodes' });
    assert.equal(admin.status, 200);
    assert.match(admin.text, /"range\/served-to":"kubernetes-admin"/);
    const other = await one(developer, { path: '/apis/metrics.k8s.io/v1beta1/nodes' });
    assert.equal(other.status, 403);
    assert.match((await one(developer, { path: '/apis/metrics.k8s.io/v1beta1' })).text, /APIResourceList/);
  });

  test('to the kubelet, by who may', async () => {
    const admin = await one({ certificate: 'admin' }, { path: '/api/v1/nodes/node/proxy/pods', keep: 50 });
    assert.equal(admin.status, 200);
    assert.match(admin.text, /PodList/);
    assert.equal((await one(developer, { path: '/api/v1/nodes/node/proxy/pods' })).status, 403);
  });
});

test('everything is deleted in one request', async () => {
  const answer = await one(developer, {
    method: 'DELETE',
    path: `${maps}?labelSelector=bulk%3Dyes`,
    timeoutMs: 90_000,
  });
  assert.equal(answer.status, 200, answer.text);
  const left = JSON.parse((await one(developer, { path: maps, keep: 100_000 })).text) as { items: unknown[] };
  assert.equal(left.items.length, 0);
});

test('all of it went through the gate, and only the refused upgrade raised anything', async () => {
  const status = await lab.status();
  const now = status.servers.find(({ name }) => name === server);
  assert.equal(now?.stages.find(({ shield }) => shield === 'CVE-2018-1002105')?.stage, 'inspect');
  assert.deepEqual(
    incidentsSince(lab, 0).map(({ rule }) => rule),
    ['exec-without-command'],
  );
});
