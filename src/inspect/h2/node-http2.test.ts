// node:http2 (nghttp2) as caller and as server of the judge: what it forwards is what it was asked, and what it delivers
// is what the server answered, however the bytes are cut; checked against a relay made of node:http2 alone.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ask, type Handler, type Peers, type PeersOptions, standPeers } from './testing/node-peers.ts';
import { askThroughTwin, type Exchange, echo } from './testing/twin.ts';

async function withPeers(
  handler: Handler,
  options: PeersOptions,
  use: (peers: Peers) => Promise<void>,
): Promise<void> {
  const peers = standPeers(handler, options);
  try {
    await use(peers);
  } finally {
    peers.close();
  }
}

const value = fc.constantFrom('a', 'b c', 'x'.repeat(200), 'caf\u00e9', '*/*', '1;q=0.5', '');
const field = fc.tuple(
  fc.constantFrom(
    'accept',
    'user-agent',
    'x-a',
    'x-b',
    'cookie',
    'authorization',
    'if-match',
    'x-remote-user',
    'forwarded',
  ),
  value,
);
const exchange: fc.Arbitrary<Exchange> = fc.record({
  method: fc.constantFrom('GET', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'),
  path: fc.constantFrom('/', '/api/v1/pods', '/api/v1/namespaces/n/pods?watch=1&a=b', '/x%20y', '/q?a=%2F&b'),
  fields: fc.uniqueArray(field, { maxLength: 5, selector: ([name]) => name }),
  body: fc.option(fc.nat(40_000), { nil: undefined }),
  told: fc.boolean(),
  endsLater: fc.boolean(),
  answer: fc.record({
    status: fc.constantFrom(200, 201, 204, 304, 400, 404, 500),
    interim: fc.boolean(),
    fields: fc.uniqueArray(field, { maxLength: 4, selector: ([name]) => name }),
    body: fc.nat(70_000),
    trailers: fc.boolean(),
  }),
});
const pieces = fc.oneof(
  fc.constant([1 << 20]),
  fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 }),
  fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 4 }),
);

test('the same exchanges, the same results as through a relay made of node:http2', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(exchange, { minLength: 1, maxLength: 5 }), pieces, async (exchanges, sizes) => {
      const expected = await askThroughTwin(exchanges);
      await withPeers(echo(exchanges), { pieces: sizes }, async ({ client, findings, judge }) => {
        const seen = await Promise.all(
          exchanges.map(({ method, path, fields, body, told, endsLater }, index) =>
            ask(
              client,
              {
                ':method': method,
                ':path': path,
                ...Object.fromEntries(fields),
                'x-index': String(index),
                ...(told && body !== undefined ? { 'content-length': String(body) } : {}),
              },
              body === undefined ? undefined : Buffer.alloc(body, 'q'),
              endsLater ? {} : undefined,
            ),
          ),
        );
        assert.deepEqual(seen.map(comparable), expected.map(comparable));
        assert.deepEqual(
          findings.map(({ rule }) => rule).filter((rule) => rule !== 'identity-header-stripped'),
          [],
        );
        assert.equal(judge.idle, true);
      });
    }),
    { numRuns: 30 },
  );
});

function comparable(answer: Awaited<ReturnType<typeof ask>>): unknown {
  const { date: _date, ...headers } = answer.headers;
  return { ...answer, headers, body: answer.body.toString('latin1') };
}

describe('flow control runs from end to end', () => {
  test('a watcher who does not read stops its own stream, and no other', async () => {
    let written = 0;
    let blocked = false;
    const handler: Handler = (stream, headers) => {
      stream.respond({ ':status': 200 });
      if (headers[':path'] !== '/watch') return void stream.end('ok');
      const more = () => {
        while (!blocked && written < 64) {
          written++;
          blocked = !stream.write(Buffer.alloc(16_384));
        }
      };
      stream.on('drain', () => {
        blocked = false;
        more();
      });
      more();
    };
    const options = { server: { settings: {} }, client: { settings: { initialWindowSize: 100_000 } } };
    await withPeers(handler, { ...options, streaming: true }, async ({ client, judge }) => {
      client.setLocalWindowSize(1 << 24);
      const watch = client.request({ ':path': '/watch' });
      await new Promise((resolve) => watch.once('response', resolve));
      for (let round = 0; round < 20; round++) {
        const answer = await ask(client, { ':path': '/api' });
        assert.equal(answer.body.toString(), 'ok');
      }
      assert.ok(blocked && written < 20, `${written} pieces were taken from the server`);
      let read = 0;
      const all = new Promise<void>((resolve) => {
        watch.on('data', (part: Buffer) => {
          read += part.length;
          if (read === 64 * 16_384) resolve();
        });
      });
      await all;
      assert.equal(judge.state, 'http');
    });
  });

  test('a server who does not read stops the caller', async () => {
    let resume = () => {};
    let total = 0;
    const handler: Handler = (stream) => {
      stream.pause();
      resume = () => {
        stream.on('data', (part: Buffer) => {
          total += part.length;
        });
        stream.on('end', () => stream.respond({ ':status': 201 }, { endStream: true }));
        stream.resume();
      };
    };
    await withPeers(handler, { streaming: true }, async ({ client, toServer }) => {
      const answer = ask(client, { ':path': '/api', ':method': 'POST' }, Buffer.alloc(1 << 20));
      for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
      const sent = toServer.reduce((sum, bytes) => sum + bytes.length, 0);
      assert.ok(sent > 60_000 && sent < 70_000, `${sent} bytes went to a server that does not read`);
      resume();
      assert.equal((await answer).status, 201);
      assert.equal(total, 1 << 20);
    });
  });
});

test('settings that change in the middle: window, table and frame size, of both sides', async () => {
  const handler: Handler = (stream) => {
    stream.respond({ ':status': 200, 'x-a': 'y'.repeat(100) });
    stream.end(Buffer.alloc(200_000, 'z'));
  };
  await withPeers(handler, {}, async ({ client, findings, judge }) => {
    for (const settings of [
      { headerTableSize: 0 },
      { initialWindowSize: 1_000, maxFrameSize: 100_000 },
      { headerTableSize: 4_096 },
      { headerTableSize: 100, initialWindowSize: 1 << 20 },
    ]) {
      await new Promise<void>((resolve) => client.settings(settings, () => resolve()));
      const answers = await Promise.all([1, 2, 3].map(() => ask(client, { ':path': '/api', 'x-b': 'c' })));
      for (const answer of answers) {
        assert.deepEqual(
          [answer.status, answer.body.length, answer.headers['x-a']],
          [200, 200_000, 'y'.repeat(100)],
        );
      }
    }
    assert.deepEqual([findings, judge.idle], [[], true]);
  });
});

test('the server’s settings in the middle reach the caller, who then keeps to them', async () => {
  let settings: (to: { initialWindowSize: number }) => void = () => {};
  const handler: Handler = (stream, _headers, body) => {
    settings = (to) => stream.session?.settings(to);
    stream.respond({ ':status': 200 });
    stream.end(String(body.length));
  };
  await withPeers(handler, {}, async ({ client }) => {
    for (const size of [1_000, 0, 200_000, 70_000]) {
      const answer = ask(client, { ':path': '/api', ':method': 'POST' }, Buffer.alloc(150_000));
      if (size === 0) settings({ initialWindowSize: 65_535 });
      assert.equal((await answer).body.toString(), '150000');
      settings({ initialWindowSize: size });
    }
  });
});

test('a server’s GOAWAY lets what it took finish', async () => {
  const handler: Handler = (stream) => {
    stream.session?.goaway(0);
    setImmediate(() => {
      stream.respond({ ':status': 200 });
      stream.end('done');
    });
  };
  await withPeers(handler, {}, async ({ client }) => {
    const told = new Promise<number>((resolve) => client.once('goaway', resolve));
    assert.equal((await ask(client, { ':path': '/api' })).body.toString(), 'done');
    assert.equal(await told, 0);
  });
});

test('a cancelled request is cancelled at the server, and the others go on', async () => {
  let aborted = 0;
  const handler: Handler = (stream, headers) => {
    if (headers[':path'] === '/slow') stream.on('aborted', () => aborted++);
    else {
      stream.respond({ ':status': 200, 'x-new': String(headers['x-new']) });
      stream.end('ok');
    }
  };
  await withPeers(handler, { streaming: true }, async ({ client }) => {
    for (let round = 0; round < 5; round++) {
      const slow = client.request({ ':path': '/slow' });
      slow.on('error', () => {});
      const answer = await ask(client, { ':path': '/api', 'x-new': String(round) });
      assert.equal(answer.headers['x-new'], String(round));
      slow.close(8);
      assert.equal((await ask(client, { ':path': '/api', 'x-new': 'again' })).headers['x-new'], 'again');
    }
    assert.equal(aborted, 5);
  });
});
