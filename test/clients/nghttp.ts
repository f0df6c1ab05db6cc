// nghttp, a caller that knows HTTP/2 and nothing else: several requests at once on one connection.
import assert from 'node:assert/strict';
import type { Clients } from './world.ts';

/** Each path, with the status and the least number of bytes that it must give. */
const wanted: readonly (readonly [path: string, status: number, bytes: number])[] = [
  ['/version', 200, 100],
  ['/api/v1/namespaces/lab/pods', 200, 1000],
  ['/api/v1/namespaces/lab/pods/web', 200, 500],
  ['/api/v1/namespaces/lab/pods/none', 404, 100],
  ['/api/v1/nodes', 403, 100],
  ['/healthz', 200, 2],
];

export async function checkNghttp(clients: Clients): Promise<void> {
  const printed = await clients.must([
    ...['nghttp', '-nv', '--cert', clients.pki('developer.crt'), '--key', clients.pki('developer.key')],
    ...wanted.map(([path]) => `${clients.urls.gate}${path}`),
  ]);
  assert.match(printed, /The negotiated protocol: h2/);
  // "recv (stream_id=13) :status: 200" and "recv DATA frame <length=…, flags=…, stream_id=13>", in the order asked.
  const statuses = new Map<number, number>();
  const bytes = new Map<number, number>();
  for (const [, id, status] of printed.matchAll(/recv \(stream_id=(\d+)\) :status: (\d{3})/g)) {
    statuses.set(Number(id), Number(status));
  }
  for (const [, length, id] of printed.matchAll(
    /recv DATA frame <length=(\d+), flags=0x..?, stream_id=(\d+)>/g,
  )) {
    bytes.set(Number(id), (bytes.get(Number(id)) ?? 0) + Number(length));
  }
  const ids = [...statuses.keys()].sort((a, b) => a - b);
  assert.deepEqual(
    ids.map((id) => statuses.get(id)),
    wanted.map(([, status]) => status),
  );
  for (const [index, [path, , least]] of wanted.entries()) {
    assert.ok((bytes.get(ids[index] ?? 0) ?? 0) >= least, `${path}: a whole body`);
  }
}
