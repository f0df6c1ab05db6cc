// Real clients through a real gate with every shield on, to the range's flawed server: what they did before Portcullis
// was there they do now.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { testClientNode } from './client-node-suite.ts';
import { checkRow, type Protocol } from './curl.ts';
import { steps } from './kubectl.ts';
import { checkNghttp } from './nghttp.ts';
import { noise } from './noise.ts';
import { checkRaw, rawRows } from './raw.ts';
import { maps, reads, writes } from './rows.ts';
import { type Clients, startClients } from './world.ts';

let clients: Clients;
before(async () => {
  clients = await startClients('pcclient');
  await fill();
});
after(() => clients?.[Symbol.asyncDispose]());

const big = `${maps}?labelSelector=bulk%3Dyes`;
const bigObjects = 50;

/** A list of 50 MB: as many objects of a megabyte, each an upload of its own on one connection. */
async function fill(): Promise<void> {
  const uploads = Array.from({ length: bigObjects }, (_, number) => {
    const labels = { bulk: 'yes', ...(number < 2 ? { part: 'yes' } : {}) };
    const data = { noise: noise(750_000, number).toString('base64') };
    const file = join(clients.dir, `bulk-${number}.json`);
    writeFileSync(file, JSON.stringify({ metadata: { labels }, data }));
    return ['-T', file, `${clients.urls.gate}${maps}/bulk-${number}`];
  });
  await clients.must([
    ...['curl', '-sS', '--fail', '--http1.1', '-o', '/dev/null', '--cacert', clients.pki('ca.crt')],
    ...['--cert', clients.pki('developer.crt'), '--key', clients.pki('developer.key')],
    ...['-H', 'Content-Type: application/json', ...uploads.flat()],
  ]);
}

const protocols: readonly Protocol[] = ['http1.1', 'http2'];
for (const protocol of protocols) {
  describe(`curl --${protocol}`, () => {
    for (const row of reads(big)) test(row.what, () => checkRow(clients, protocol, row));
    for (const row of writes(protocol.replace('.', '-')))
      test(row.what, () => checkRow(clients, protocol, row));
  });
}

test('nghttp asks for several things at once', () => checkNghttp(clients));

describe('kubectl', () => {
  for (const { what, run } of steps) test(what, () => run(clients));
});

testClientNode(
  (argv) => clients.must(argv),
  () => ({ kubeconfig: clients.kubeconfig('developer'), folder: clients.dir }),
);

describe('bytes as they are', () => {
  for (const row of rawRows) test(row.what, () => checkRaw(clients, row));
});

test('the server knew each caller and where it came from', () => {
  const { developer } = clients.range.topology.hosts;
  const lines = clients.range.audit().filter(({ path }) => path.startsWith('/api/v1/namespaces/lab/'));
  assert.ok(lines.length > 100);
  assert.deepEqual([...new Set(lines.map(({ user }) => user))].sort(), ['developer', 'system:anonymous']);
  assert.deepEqual([...new Set(lines.map(({ sourceIPs }) => sourceIPs[0]))], [developer.ipv4]);
});

test('none of it was an incident or a failure', () => {
  assert.deepEqual(clients.trouble(), []);
});
