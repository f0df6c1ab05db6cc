import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { createByteReader } from './byte-reader.ts';
import { readBody, readHead, requestFraming } from './http1.ts';

type Read =
  | { start: string; fields: (readonly [string, string])[]; body: string; rest: string }
  | 'bad'
  | undefined;

async function read(wire: string, size: number): Promise<Read> {
  const socket = new PassThrough();
  const reader = createByteReader(socket);
  const feed = (async () => {
    for (let at = 0; at < wire.length; at += size) {
      socket.write(wire.slice(at, at + size), 'latin1');
      await Promise.resolve();
    }
    socket.end();
  })();
  const head = await readHead(reader);
  if (head === undefined || head === 'bad') return head;
  const parts: Buffer[] = [];
  for await (const part of readBody(reader, requestFraming(head.fields))) parts.push(part);
  await feed;
  const rest: Buffer[] = [];
  for (let part = await reader.some(); part; part = await reader.some()) rest.push(part);
  return {
    start: head.start,
    fields: [...head.fields],
    body: Buffer.concat(parts).toString(),
    rest: Buffer.concat(rest).toString(),
  };
}

const table: readonly (readonly [what: string, wire: string, expected: Read])[] = [
  [
    'plain',
    'GET / HTTP/1.1\r\nA: 1\r\n\r\nGET',
    { start: 'GET / HTTP/1.1', fields: [['A', '1']], body: '', rest: 'GET' },
  ],
  [
    'bare LF, folding, space before the colon',
    'GET / HTTP/1.1\nA : 1\n  2\nB:x\n\n',
    {
      start: 'GET / HTTP/1.1',
      fields: [
        ['A', '1 2'],
        ['B', 'x'],
      ],
      body: '',
      rest: '',
    },
  ],
  [
    'length',
    'P / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhiGET',
    { start: 'P / HTTP/1.1', fields: [['Content-Length', '2']], body: 'hi', rest: 'GET' },
  ],
  [
    'both lengths: chunked wins',
    'P / HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nT: 1\r\n\r\nGET',
    {
      start: 'P / HTTP/1.1',
      fields: [
        ['Content-Length', '2'],
        ['Transfer-Encoding', 'chunked'],
      ],
      body: 'abc',
      rest: 'GET',
    },
  ],
  ['no colon', 'GET / HTTP/1.1\r\nnonsense\r\n\r\n', 'bad'],
  ['broken off', 'GET / HTTP/1.1\r\nA: 1\r\n', undefined],
];

for (const [what, wire, expected] of table) {
  test(`lenient as Go's reader, in any pieces: ${what}`, async () => {
    for (let size = 1; size <= wire.length; size += 1) assert.deepEqual(await read(wire, size), expected);
  });
}
