// For tests: random messages, right ones and ones gone wrong, as strings of one character a byte (latin1).
import fc from 'fast-check';

const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/);
const value = fc.oneof(
  fc.stringMatching(/^[!-~]{0,20}$/),
  fc.stringMatching(/^[ \t]{0,2}[ -~\x80-\xff]{0,20}[ \t]{0,2}$/),
);
const method = fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS');
const target = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.stringMatching(/^\/[a-z0-9/%._~-]{0,20}(\?[a-zA-Z0-9=&%+/?.[\]{}|\\^"]{0,20})?$/),
  },
  { weight: 1, arbitrary: fc.constantFrom('*', '/', '//', '/a/../b', '/%2e%2f', '/?', '/a?b?c') },
);
const knownFields = fc.constantFrom(
  'Connection: keep-alive',
  'Connection: Upgrade',
  'connection: close',
  'CONNECTION: foo, uPgRaDe ,',
  'Upgrade: websocket',
  'Upgrade: h2c',
  'Accept: */*',
  'User-Agent: kubectl/v1.12.2',
  'Authorization: Bearer abc.def',
  'X-Remote-User: admin',
  'Expect: 100-continue',
  'Proxy-Connection: keep-alive',
  'Keep-Alive: timeout=5',
  'Trailer: X-T',
  'Content-Type: application/json',
  'Empty:',
);
const field = fc.oneof(
  knownFields,
  fc.tuple(token, fc.constantFrom(':', ': ', ':\t', ':  '), value).map((parts) => parts.join('')),
);
const bodyText = fc.oneof(
  fc.stringMatching(/^[\x00-\xff]{0,40}$/),
  fc.constantFrom('', '0\r\n\r\n', 'GET /inner HTTP/1.1\r\nHost: b\r\n\r\n', 'HTTP/1.1 200 OK\r\n\r\n'),
);

function chunked(body: string, cuts: readonly number[], trailers: readonly string[]): string {
  let rest = body;
  let out = '';
  for (const cut of cuts) {
    const part = rest.slice(0, cut);
    if (part === '') break;
    out += `${part.length.toString(16)}\r\n${part}\r\n`;
    rest = rest.slice(part.length);
  }
  if (rest !== '') out += `${rest.length.toString(16).toUpperCase()}\r\n${rest}\r\n`;
  return `${out}0\r\n${trailers.map((line) => `${line}\r\n`).join('')}\r\n`;
}

const trailer = fc.constantFrom('X-T: 1', 'x-remote-user: admin', 'Grpc-Status: 0');

/** Fields that frame a body, and the body. */
const framed = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ lines: [] as string[], body: '' }) },
  {
    weight: 3,
    arbitrary: bodyText.map((body) => ({ lines: [`Content-Length: ${body.length}`], body })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        bodyText,
        fc.array(fc.integer({ min: 1, max: 17 }), { maxLength: 4 }),
        fc.array(trailer, { maxLength: 2 }),
        fc.constantFrom(
          'Transfer-Encoding: chunked',
          'transfer-encoding:Chunked',
          'TRANSFER-ENCODING: CHUNKED',
        ),
      )
      .map(([body, cuts, trailers, line]) => ({ lines: [line], body: chunked(body, cuts, trailers) })),
  },
);

function lay(startLine: string, lines: readonly string[], body: string): string {
  return `${[startLine, ...lines].map((line) => `${line}\r\n`).join('')}\r\n${body}`;
}

const oneRequest = fc
  .tuple(method, target, fc.array(field, { maxLength: 5 }), framed, fc.nat(5))
  .map(([verb, to, fields, frame, place]) => {
    const lines = ['Host: api.example:6443', ...fields];
    lines.splice(place % (lines.length + 1), 0, ...frame.lines);
    return lay(`${verb} ${to} HTTP/1.1`, lines, frame.body);
  });

const oneResponse = fc
  .tuple(
    fc.constantFrom(200, 200, 201, 204, 301, 304, 400, 403, 404, 500, 503, 101, 999),
    fc.constantFrom(' OK', ' Not Found', ' ', '', ' caf\xe9'),
    fc.array(field, { maxLength: 5 }),
    framed,
  )
  .map(([status, reason, fields, frame]) =>
    lay(`HTTP/1.1 ${status}${reason}`, [...fields, ...frame.lines], frame.body),
  );
const interim = fc.constantFrom(
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n',
);

/** What an attacker tries: pieces known to part readers. */
const snippet = fc.oneof(
  fc.constantFrom(
    '\r',
    '\n',
    '\r\n',
    '\n\n',
    '\r\n\r\n',
    '\0',
    '\t',
    ' ',
    '  ',
    '\v',
    '\f',
    '\x7f',
    '\x85',
    '\xa0',
    ':',
    ',',
    ';',
    ';a=b',
    ';a="\r\n"',
    '#',
    '\\',
    '+',
    '-',
    '0',
    '0x',
    '_',
    '"',
    'HTTP/1.1',
    'HTTP/1.0',
    'HTTP/2.0',
    'http/1.1',
    '\r\n ',
    '\r\n\t',
    ' chunked',
    'chunked, ',
    ',chunked',
    'identity',
    'gzip, ',
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    '0\r\n\r\n',
    '1\r\na\r\n',
    'ffffffff',
    '100000000',
    'http://x/',
    'CONNECT ',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  ),
  fc.constantFrom(
    '\r\nContent-Length: 0',
    '\r\nContent-Length: 5',
    '\r\nContent-Length: 5, 5',
    '\r\ncontent-length: +5',
    '\r\nContent-Length : 5',
    '\r\nContent_Length: 5',
    '\r\nTransfer-Encoding: chunked',
    '\r\nTransfer-Encoding: identity',
    '\r\nTransfer-Encoding: chunked, chunked',
    '\r\nTransfer-Encoding: xchunked',
    '\r\nTransfer-Encoding:\vchunked',
    '\r\nTransfer-Encoding: chunked\t',
    '\r\nTransfer-Encoding:\tchunked',
    '\r\nContent-Length: 5\t',
    '\r\nContent-Length:  5 ',
    '\r\nTransfer-Encoding',
    '\r\nHost: other',
    '\r\nHost:',
    '\r\nHost: a,b',
    '\r\nConnection: upgrade',
    '\r\nConnection: close',
    '\r\nUpgrade: websocket',
    '\r\nExpect: 100-continue',
    '\r\nExpect: other',
    '\r\n folded',
    '\r\n: nameless',
    '\r\nno colon',
    '\nX: 1',
    '\rX: 1',
  ),
);

type Change = {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
  readonly copy: number;
};
const change: fc.Arbitrary<Change> = fc.record({
  at: fc.nat(1 << 20),
  remove: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 3 })),
  insert: fc.oneof(
    { weight: 4, arbitrary: snippet },
    { weight: 2, arbitrary: fc.stringMatching(/^[\x00-\xff]{0,2}$/) },
  ),
  copy: fc.oneof(
    { weight: 6, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 30 }) },
  ),
});

/** Half of the changes are made at a line's end or beginning, where framing is decided. */
function apply(input: string, changes: readonly Change[]): string {
  let out = input;
  for (const { at, remove, insert, copy } of changes) {
    let place = at % (out.length + 1);
    if (at & 1) {
      const end = out.indexOf('\r\n', place);
      if (end >= 0) place = end;
    }
    const again = out.slice(Math.max(0, place - copy), place);
    out = out.slice(0, place) + again + insert + out.slice(place + remove);
  }
  return out;
}

const changes = fc.oneof(
  { weight: 1, arbitrary: fc.constant([] as Change[]) },
  { weight: 4, arbitrary: fc.array(change, { minLength: 1, maxLength: 3 }) },
);

/** One to three pipelined requests, four times in five with changes. */
export const requestBytes: fc.Arbitrary<string> = fc
  .tuple(fc.array(oneRequest, { minLength: 1, maxLength: 3 }), changes)
  .map(([messages, edits]) => apply(messages.join(''), edits));

/** Requests with nothing changed. */
export const rightRequestBytes: fc.Arbitrary<string> = fc
  .array(oneRequest, { minLength: 1, maxLength: 3 })
  .map((messages) => messages.join(''));

/** Interim answers and a final one, with bytes after it at times. */
export const responseBytes: fc.Arbitrary<string> = fc
  .tuple(fc.array(interim, { maxLength: 2 }), oneResponse, changes)
  .map(([before, last, edits]) => apply(before.join('') + last, edits));

/** The input cut at random places; at every byte, one time in four. */
export function pieces(input: string): fc.Arbitrary<Buffer[]> {
  const bytes = Buffer.from(input, 'latin1');
  const cutsToPieces = (cuts: readonly number[]) => {
    const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
    return [0, ...places].map((from, index) => bytes.subarray(from, places[index] ?? bytes.length));
  };
  return fc.oneof(
    { weight: 3, arbitrary: fc.array(fc.nat(1 << 20), { maxLength: 8 }).map(cutsToPieces) },
    { weight: 1, arbitrary: fc.constant(Array.from(bytes, (_, index) => bytes.subarray(index, index + 1))) },
  );
}
