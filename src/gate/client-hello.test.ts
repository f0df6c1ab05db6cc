import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { type ConnectionOptions, connect } from 'node:tls';
import fc from 'fast-check';
import { readClientHello } from './client-hello.ts';

/** The first bytes that a real client sends. */
async function helloOf(options: ConnectionOptions): Promise<Buffer> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address && typeof address === 'object');
  const client = connect({ port: address.port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  client.on('error', () => {});
  const bytes = await new Promise<Buffer>((resolve) => {
    server.on('connection', (socket) => {
      socket.on('error', () => {});
      socket.once('data', (chunk) => {
        socket.destroy();
        resolve(chunk as Buffer);
      });
    });
  });
  client.destroy();
  server.close();
  return bytes;
}

test('reads what real clients ask for, in every version, split anywhere', async () => {
  for (const [options, expected] of [
    [{ servername: 'Prod.Example' }, 'prod.example'],
    [{ servername: 'prod.example', maxVersion: 'TLSv1.2' }, 'prod.example'],
    [{ servername: 'a', ALPNProtocols: ['h2', 'http/1.1'] }, 'a'],
    [{}, undefined],
  ] as const) {
    const bytes = await helloOf(options as ConnectionOptions);
    assert.deepEqual(readClientHello(bytes), { kind: 'hello', serverName: expected });
    for (let end = 0; end < bytes.length; end++) {
      assert.equal(readClientHello(bytes.subarray(0, end)).kind, 'incomplete', `${end}`);
    }
    // The same message in two records.
    const half = Buffer.concat([record(bytes.subarray(5, 40)), record(bytes.subarray(40))]);
    assert.deepEqual(readClientHello(half), { kind: 'hello', serverName: expected });
  }
});

function record(fragment: Buffer): Buffer {
  const head = Buffer.from([22, 3, 1, 0, 0]);
  head.writeUInt16BE(fragment.length, 3);
  return Buffer.concat([head, fragment]);
}

function hello(extensions: readonly Buffer[], { tail = Buffer.alloc(0) } = {}): Buffer {
  const list = Buffer.concat(extensions);
  const body = Buffer.concat([
    Buffer.alloc(34),
    Buffer.from([0, 0, 2, 0x13, 1, 1, 0]),
    length(2, list),
    tail,
  ]);
  return record(Buffer.concat([Buffer.from([1]), length(3, body)]));
}
const extension = (type: number, content: Buffer): Buffer =>
  Buffer.concat([Buffer.from([type >> 8, type & 255]), length(2, content)]);
const named = (name: string, type = 0): Buffer =>
  extension(0, length(2, Buffer.concat([Buffer.from([type]), length(2, Buffer.from(name, 'latin1'))])));
function length(bytes: number, content: Buffer): Buffer {
  const head = Buffer.alloc(bytes);
  head.writeUIntBE(content.length, 0, bytes);
  return Buffer.concat([head, content]);
}

/** The same hello in so many records. */
function inRecords(count: number, whole: Buffer): Buffer {
  const message = whole.subarray(5);
  const size = Math.ceil(message.length / count);
  const parts = Array.from({ length: count }, (_, i) => record(message.subarray(i * size, (i + 1) * size)));
  return Buffer.concat(parts);
}
const long = hello([named('a.b'), extension(21, Buffer.alloc(8_192))]);

const rows: [what: string, bytes: Buffer, expected: string | undefined | 'refused'][] = [
  ['one name', hello([named('a.b')]), 'a.b'],
  [
    'one name among others',
    hello([extension(43, Buffer.alloc(3)), named('a.b'), extension(0x1234, Buffer.alloc(0))]),
    'a.b',
  ],
  ['one name, in 64 records', inRecords(64, long), 'a.b'],
  ['one name, in more records than a client needs', inRecords(65, long), 'refused'],
  ['no name', hello([extension(43, Buffer.alloc(3))]), undefined],
  ['two extensions', hello([named('a'), named('a')]), 'refused'],
  [
    'two names in one',
    hello([
      extension(
        0,
        length(
          2,
          Buffer.concat([
            Buffer.from([0]),
            length(2, Buffer.from('a')),
            Buffer.from([0]),
            length(2, Buffer.from('b')),
          ]),
        ),
      ),
    ]),
    'refused',
  ],
  ['a name of another kind', hello([named('a', 1)]), 'refused'],
  ['an empty name', hello([named('')]), 'refused'],
  ['a final dot', hello([named('a.')]), 'refused'],
  ['a NUL', hello([named('a\0.b')]), 'refused'],
  ['a space', hello([named('a b')]), 'refused'],
  ['beyond ASCII', hello([named('\xe4')]), 'refused'],
  ['bytes behind the extensions', hello([named('a')], { tail: Buffer.from([0]) }), 'refused'],
  ['plain HTTP', Buffer.from('GET / HTTP/1.1\r\n'), 'refused'],
  ['an alert', Buffer.from([21, 3, 1, 0, 2, 2, 40]), 'refused'],
  [
    'another handshake message',
    record(Buffer.concat([Buffer.from([2]), length(3, Buffer.alloc(60))])),
    'refused',
  ],
  ['an empty record', Buffer.from([22, 3, 1, 0, 0]), 'refused'],
  [
    'a hello too long to wait for',
    Buffer.concat([Buffer.from([22, 3, 1, 0x40, 0, 1, 0xff, 0, 0]), Buffer.alloc(64)]),
    'refused',
  ],
];
for (const [what, bytes, expected] of rows) {
  test(what, () => {
    const read = readClientHello(bytes);
    assert.deepEqual(
      read,
      expected === 'refused' ? { kind: 'refused' } : { kind: 'hello', serverName: expected },
    );
  });
}

test('never throws, and never waits for more than it would read', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (random, likely) => {
      const bytes = likely
        ? Buffer.concat([Buffer.from([22, 3, 1]), Buffer.from(random)])
        : Buffer.from(random);
      assert.ok(['incomplete', 'refused', 'hello'].includes(readClientHello(bytes).kind));
    }),
  );
  const endless = Buffer.alloc(
    70_000,
    record(Buffer.concat([Buffer.from([1, 0, 0x3f, 0xff]), Buffer.alloc(20)])),
  );
  assert.equal(readClientHello(endless).kind, 'refused');
});
