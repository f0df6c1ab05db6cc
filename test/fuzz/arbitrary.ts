// Random exchanges as attackers and odd servers would have them, as strings of one character a byte (latin1): built from
// right pieces, then bent where readers part.
import fc from 'fast-check';
import { requestBytes, responseBytes } from '../../src/http/testing/arbitrary.ts';

/** Stands in every credential that a caller sends: it may reach the server and nothing else. */
export const secret = 'S3cr3tV4lue';
/** Stands in every identity that a caller claims. */
export const claimed = 'cl41med';
/** Stands in bytes that only a tunnel may carry. */
export const smuggled = 'smuggl3d';

const paths = [
  '/api/v1/pods',
  '/api/v1/namespaces/lab/pods/web/exec?command=sh&stdin=true',
  '/api/v1/namespaces%2flab/%70ods/web/exec/',
  '/api/v1/namespaces/lab/pods/web/portforward',
  '/api/v1/namespaces/lab/pods/web/log?follow=true',
  '/api/v1/namespaces/lab/services/web:80/proxy/a//b/../c;x?token=',
  '/api/v1/nodes/n1/proxy/..%2f..%2frunningpods/',
  '/apis/metrics.k8s.io/v1beta1',
  '/apis/metrics.k8s.io/v1beta1/nodes?watch=1&fieldSelector=metadata.name%3dx',
  '/version',
  '/',
  '/api/v1/../v1/pods',
  '//api/v1/pods',
  '/%2e%2e/%61pi',
  '/api/v1/pods%00',
  '/api/v1/p%C3%B6ds',
  '/api/v1/pods%ff',
  '/api/v1/p\\ods',
  '/api/v1/pods;x=1',
  '*',
  'http://kubernetes/api/v1/pods',
  'kubernetes:443',
  `http://user:${secret}@kubernetes/api`,
];
const queries = [
  '',
  `token=${secret}`,
  `access_token=${secret}&b`,
  `a=b;token=${secret}`,
  `watch=1&timeoutSeconds=5`,
  '%zz=1',
  'a=%41+b',
];
const upgradeLines = [
  'Connection: Upgrade',
  'connection: keep-alive, uPgRaDe',
  'CONNECTION: x-upgraded',
  'Connection: "upgrade"',
  'Connection:upgrade,',
  'Connection: up\tgrade',
  'Connection: \xc2\xa0upgrade',
  'Connection : Upgrade',
  'Connection\t: Upgrade',
  'Connection_: Upgrade',
  'Connection: close\r\n ,upgrade',
  'Connection: close\n\tupgrade',
  'Connection: \xef\xbd\x95pgrade',
  'Proxy-Connection: Upgrade',
  'Upgrade: websocket',
  'Upgrade: SPDY/3.1',
  'upgrade: WebSocket, foo',
  'Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA',
  'Upgrade: TLS/1.0',
  'Upgrade:',
];
const identityLines = [
  `X-Remote-User: ${claimed}`,
  `x-remote-user:${claimed}`,
  `X-REMOTE-GROUP: ${claimed}`,
  `X_Remote_User: ${claimed}`,
  `X-Remote_Group: ${claimed}`,
  `x-remote-extra-scopes: ${claimed}`,
  `X-Remote-Uid: ${claimed}`,
  `X-Remote-User : ${claimed}`,
  ` X-Remote-User: ${claimed}`,
  `A: b\r\n\tX-Remote-User: ${claimed}`,
  `A: b\nX-Remote-User: ${claimed}`,
  `A: b\rX-Remote-User: ${claimed}`,
  `X-Remote-User\0: ${claimed}`,
  `X-Remote-User:\v${claimed}`,
  `:X-Remote-User: ${claimed}`,
  `\xef\xbb\xbfX-Remote-User: ${claimed}`,
  `X-Forwarded-For: ${claimed}`,
  `Forwarded: for=${claimed}`,
  'Connection: X-Remote-User',
  'Connection: close, x_remote_group',
  'Connection: \xc2\xa0X-Remote-Group',
  'Connection: \xc2\x85authorization',
  'Trailer: X-Remote-User',
];
const secretLines = [
  `Authorization: Bearer ${secret}`,
  `authorization: Basic ${secret}`,
  `Cookie: session=${secret}`,
  `Sec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.${secret}, v4.channel.k8s.io`,
  `Proxy-Authorization: ${secret}`,
  `X-Auth-Token: ${secret}`,
  `Authorization:\r\n ${secret}`,
];
const oddLines = [
  'Host: other',
  'Host:',
  'Host: a b',
  'Host: user@kubernetes',
  'Expect: 100-continue',
  'Expect: 200-maybe',
  'TE: trailers',
  'TE: chunked',
  'Keep-Alive: timeout=5',
  'Content-Type: application/json',
  'Accept: application/vnd.kubernetes.protobuf',
  'Pragma: no-cache',
  'Referer: caf\xe9',
  'Content-Length: 0',
  'Content-Length: 00',
  'Content-Length: +4',
  'Content-Length: 4, 4',
  'Content-Length: 4\r\nContent-Length: 4',
  'Content-Length: 0x4',
  'Content-Length: 4_0',
  'Content-Length:',
  'Content-Length: 18446744073709551616',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: Chunked',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding: identity',
  'Transfer-Encoding:\x0bchunked',
  'Transfer-Encoding: chunked\x00',
  'Transfer-Encoding: \xc2\xa0chunked',
  'Transfer-Encoding: "chunked"',
  'Transfer_Encoding: chunked',
  'Transfer-Encoding\x85: chunked',
  'X: y\r\nTransfer-Encoding: chunked',
];

const line = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...upgradeLines) },
  { weight: 3, arbitrary: fc.constantFrom(...identityLines) },
  { weight: 2, arbitrary: fc.constantFrom(...secretLines) },
  { weight: 3, arbitrary: fc.constantFrom(...oddLines) },
  { weight: 1, arbitrary: fc.stringMatching(/^[A-Za-z_-]{1,12}:[ \t]?[\x20-\xff]{0,12}$/) },
);

const content = fc.constantFrom(
  '',
  'body',
  '{"kind":"Pod"}',
  '\r\n',
  '0\r\n\r\n',
  `GET /${smuggled} HTTP/1.1\r\nHost: k\r\nX-Remote-User: ${claimed}\r\n\r\n`,
  'x'.repeat(70),
);

type Framing = { readonly lines: readonly string[]; readonly bytes: string };

const chunkLine = fc.constantFrom(
  '',
  ';a=b',
  ';1',
  ';0',
  `;${'e'.repeat(300)}`,
  ';a="\r\n"',
  ' ',
  '\t',
  ';\n',
  '\n',
  '_',
  ' ;x',
);
const trailerLines = fc.constantFrom(
  '',
  '',
  '',
  'X-T: 1\r\n',
  `X-Remote-User: ${claimed}\r\n`,
  'Content-Length: 3\r\n',
  'Host: x\r\n',
);

/** Chunks of `data`; `bent` puts an attacker's extra on the first size line. */
function chunks(data: string, cut: number, bent: string, zeros: string, trailers: string): string {
  const first = data.slice(0, cut);
  const rest = data.slice(cut);
  const parts = [first, rest].filter((part) => part !== '');
  const coded = parts.map(
    (part, index) => `${zeros}${part.length.toString(16)}${index === 0 ? bent : ''}\r\n${part}\r\n`,
  );
  return `${coded.join('')}0\r\n${trailers}\r\n`;
}

const framing: fc.Arbitrary<Framing> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ lines: [], bytes: '' }) },
  {
    weight: 3,
    arbitrary: content.map((data) => ({ lines: [`Content-Length: ${data.length}`], bytes: data })),
  },
  {
    weight: 3,
    arbitrary: fc
      .record({
        data: content,
        cut: fc.nat(12),
        bent: fc.oneof({ weight: 3, arbitrary: fc.constant('') }, { weight: 1, arbitrary: chunkLine }),
        zeros: fc.constantFrom('', '', '', '0', '00000000', '+', '0x'),
        trailers: trailerLines,
      })
      .map(({ data, cut, bent, zeros, trailers }) => ({
        lines: ['Transfer-Encoding: chunked'],
        bytes: chunks(data, cut, bent, zeros, trailers),
      })),
  },
);

const method = fc.constantFrom(
  'GET',
  'GET',
  'POST',
  'POST',
  'HEAD',
  'DELETE',
  'PUT',
  'OPTIONS',
  'get',
  'PRI',
  'CONNECT',
  'G\xc3T',
  'X-ODD',
);
const version = fc.oneof(
  { weight: 12, arbitrary: fc.constant(' HTTP/1.1') },
  { weight: 2, arbitrary: fc.constant(' HTTP/1.0') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '',
      ' HTTP/0.9',
      ' HTTP/2.0',
      ' HTTP/1.2',
      ' HTTP/1.1 ',
      '  HTTP/1.1',
      ' http/1.1',
      ' HTTP/01.1',
      ' HTTP/1.10',
      ' \tHTTP/1.1',
    ),
  },
);

/** One request of a caller's. */
const request: fc.Arbitrary<string> = fc
  .record({
    method,
    path: fc.constantFrom(...paths),
    query: fc.constantFrom(...queries),
    version,
    before: fc.oneof(
      { weight: 20, arbitrary: fc.constant('') },
      { weight: 1, arbitrary: fc.constantFrom('\r\n', '\n', '\xef\xbb\xbf', ' ', '\0') },
    ),
    host: fc.oneof(
      { weight: 9, arbitrary: fc.constant('Host: kubernetes') },
      { weight: 1, arbitrary: fc.constantFrom('', 'Host: kubernetes:6443', 'Host: [::1]:443') },
    ),
    lines: fc.array(line, { maxLength: 4 }),
    framing,
    place: fc.nat(6),
    eol: fc.oneof(
      { weight: 30, arbitrary: fc.constant('\r\n') },
      { weight: 1, arbitrary: fc.constantFrom('\n', '\r', '\r\r\n') },
    ),
  })
  .map((one) => {
    const lines = [one.host, ...one.lines].filter((text) => text !== '');
    lines.splice(one.place % (lines.length + 1), 0, ...one.framing.lines);
    const target =
      one.query === '' ? one.path : `${one.path}${one.path.includes('?') ? '&' : '?'}${one.query}`;
    const head = [`${one.before}${one.method} ${target}${one.version}`, ...lines].map(
      (text) => `${text}${one.eol}`,
    );
    return `${head.join('')}${one.eol}${one.framing.bytes}`;
  });

/** Requests as the http layer's own tests have them, these here, and single ones that are simply right. */
export const callerBytes: fc.Arbitrary<string> = fc.oneof(
  { weight: 5, arbitrary: request },
  { weight: 2, arbitrary: requestBytes },
  { weight: 2, arbitrary: fc.tuple(request, request, request).map((all) => all.join('')) },
  { weight: 1, arbitrary: fc.constant(`GET /${smuggled} HTTP/1.1\r\nHost: k\r\n\r\n`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      'GET /\r\n',
      '\x16\x03\x01\x02\x00',
      '\0'.repeat(70),
    ),
  },
);

/** A request that some server could take for an upgrade, well-formed. */
export const upgradeRequest: fc.Arbitrary<string> = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'HEAD'),
    lines: fc.constantFrom(
      'Connection: Upgrade\r\nUpgrade: websocket',
      'connection: keep-alive, uPgRaDe\r\nupgrade: SPDY/3.1',
      'Connection: xupgradex',
      'Upgrade: websocket',
      'Connection: Upgrade',
    ),
    body: fc.constantFrom(
      '\r\n',
      'Content-Length: 4\r\n\r\nbody',
      'Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n',
      'Content-Length: 9\r\n\r\nhalf',
    ),
  })
  .map(
    ({ method, lines, body }) =>
      `${method} /api/v1/namespaces/n/pods/p/exec HTTP/1.1\r\nHost: k\r\nAuthorization: Bearer ${secret}\r\n${lines}\r\n${body}`,
  );

const serverBytes: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom(
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
      'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
      'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nno',
      'HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nhalf',
      'HTTP/1.0 200 OK\r\n\r\nuntil the end',
      'HTTP/1.1 204 No Content\r\n\r\n',
      'HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 100 Continue\r\n\r\n',
      'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n',
      'HTTP/1.1 103 Early Hints\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
      'HTTP/1.1 101 Switching Protocols\r\n\r\n',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n',
      'HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nhello',
      'HTTP/1.1 400 Bad Request\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      'HTTP/1.1 100 Continue\r\n\r\n'.repeat(20),
    ),
  },
  { weight: 2, arbitrary: responseBytes },
);

/** What happens on a connection, in order. */
export type Step =
  | { readonly from: 'client' | 'server'; readonly bytes: string }
  | { readonly end: 'client' | 'server' | 'failed' };

/** Steps in which callers and servers say anything at any time. */
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: callerBytes.map((bytes) => ({ from: 'client' as const, bytes })) },
  { weight: 2, arbitrary: upgradeRequest.map((bytes) => ({ from: 'client' as const, bytes })) },
  { weight: 5, arbitrary: serverBytes.map((bytes) => ({ from: 'server' as const, bytes })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Step>({ end: 'client' }, { end: 'server' }, { end: 'failed' }),
  },
);

const bentChunk = fc.oneof({ weight: 5, arbitrary: fc.constant('') }, { weight: 1, arbitrary: chunkLine });

/** A well-formed request with an attacker's fields that must be taken out, kept or blanked, not refused. */
const rightRequest = fc
  .record({
    method: fc.constantFrom('GET', 'GET', 'POST', 'PUT', 'HEAD', 'DELETE'),
    target: fc.constantFrom(
      '/version',
      '/api/v1/pods',
      '/api/v1/namespaces%2flab/%70ods?watch=1',
      '/caf%C3%A9?a=b&c',
      `/x?token=${secret}`,
    ),
    minor: fc.constantFrom(1, 1, 1, 1, 0),
    lines: fc.array(
      fc.constantFrom(
        `X-Remote-User: ${claimed}`,
        `x_remote-group:${claimed}`,
        `X-REMOTE-EXTRA-a:\t${claimed}`,
        `X-Forwarded-For: ${claimed}`,
        `Authorization: Bearer ${secret}`,
        `Cookie: a=${secret}`,
        'Connection: keep-alive',
        'Connection: close',
        'TE: trailers',
        'Referer: caf\xe9 ',
        'Accept:',
        'Expect: 100-continue',
      ),
      { maxLength: 3 },
    ),
    /** One thing wrong and all else right reaches deepest. */
    bend: fc.oneof(
      { weight: 4, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: line.map((text) => [text]) },
    ),
    framing: fc.oneof(
      { weight: 2, arbitrary: fc.constant({ line: '', bytes: '' }) },
      {
        weight: 1,
        arbitrary: content.map((data) => ({ line: `Content-Length: ${data.length}\r\n`, bytes: data })),
      },
      {
        weight: 1,
        arbitrary: fc.tuple(content, fc.nat(12), bentChunk).map(([data, cut, bent]) => ({
          line: 'Transfer-Encoding: chunked\r\n',
          bytes: chunks(data, cut, bent, '', ''),
        })),
      },
    ),
  })
  .map(({ method: verb, target, minor, lines, bend, framing: { line: frame, bytes } }) => {
    const fields = [...new Set([...lines, ...bend])].map((text) => `${text}\r\n`).join('');
    return `${verb} ${target} HTTP/1.${minor}\r\nHost: kubernetes\r\n${fields}${frame}\r\n${bytes}`;
  });

const rightAnswer = fc.constantFrom(
  'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 204 No Content\r\n\r\n',
  'HTTP/1.1 304 Not Modified\r\n\r\n',
);
const client = (bytes: string): Step => ({ from: 'client', bytes });
const server = (bytes: string): Step => ({ from: 'server', bytes });

/** A request and its answer; now and then the next request is sent ahead, or the body comes after the answer. */
const round: fc.Arbitrary<readonly Step[]> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(rightRequest, rightAnswer).map(([ask, reply]) => [client(ask), server(reply)]),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(rightRequest, rightRequest, rightAnswer, rightAnswer)
      .map(([one, two, first, second]) => [client(one + two), server(first), server(second)]),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(rightRequest, rightAnswer, fc.nat(200))
      .map(([ask, reply, cut]) => [client(ask.slice(0, cut)), server(reply), client(ask.slice(cut))]),
  },
);

/** An upgrade request, what comes back, and bytes of the caller's before, between or after. */
const upgradeRound: fc.Arbitrary<readonly Step[]> = fc
  .record({
    ask: fc.oneof(
      { weight: 1, arbitrary: upgradeRequest },
      {
        weight: 1,
        arbitrary: fc.constant(
          'GET /api/v1/namespaces/n/pods/p/exec HTTP/1.1\r\nHost: k\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
        ),
      },
    ),
    reply: serverBytes,
    final: fc.oneof(
      serverBytes,
      fc.constant('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
    ),
    more: fc.oneof(
      rightRequest,
      callerBytes,
      fc.constant(`GET /${smuggled} HTTP/1.1\r\nHost: k\r\nX-Remote-User: ${claimed}\r\n\r\n`),
    ),
    place: fc.nat(4),
  })
  .map(({ ask, reply, final, more, place }) => {
    const steps = [client(ask), server(final)];
    if (place === 4) steps.splice(1, 0, server(reply));
    else if (place < 3) steps.splice(place, 0, client(more));
    return [...steps, client(more)];
  });

export type Case = {
  readonly steps: readonly Step[];
  /** Sizes of the pieces, used over and over. */
  readonly pieces: readonly number[];
  readonly certificate: boolean;
};

export const exchangeCase: fc.Arbitrary<Case> = fc.record({
  steps: fc
    .tuple(
      fc.array(round, { maxLength: 3 }),
      fc.oneof({ weight: 1, arbitrary: fc.constant([]) }, { weight: 2, arbitrary: upgradeRound }),
      fc.array(anyStep, { maxLength: 4 }),
    )
    .map(([rounds, upgrade, noise]) => [...rounds.flat(), ...upgrade, ...noise]),
  pieces: fc.oneof(
    { weight: 3, arbitrary: fc.constant([1_000_000]) },
    { weight: 1, arbitrary: fc.constant([1]) },
    { weight: 2, arbitrary: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 5 }) },
  ),
  certificate: fc.boolean(),
});

const pieceSizes = fc.oneof(
  fc.constant([1_000_000]),
  fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 4 }),
);

/** For the comparisons with Go's answers. */
export const goHandler = {
  /** Bytes of a server's and the method of the request they answer. */
  response: fc.record({ bytes: serverBytes, method: fc.constantFrom('GET', 'HEAD', 'POST') }),
  /** A request, and what the server's handler does with it. */
  written: fc.record({
    request: fc
      .record({
        method: fc.constantFrom('GET', 'HEAD', 'POST', 'DELETE'),
        minor: fc.constantFrom(1, 1, 1, 0),
        connection: fc.constantFrom('', 'Connection: close\r\n', 'Connection: keep-alive\r\n'),
        body: fc.constantFrom(
          '\r\n',
          'Content-Length: 4\r\n\r\nbody',
          'Expect: 100-continue\r\nContent-Length: 4\r\n\r\nbody',
        ),
      })
      .map(
        ({ method: verb, minor, connection, body }) =>
          `${verb} /api/v1/pods HTTP/1.${minor}\r\nHost: k\r\n${connection}${body}`,
      ),
    handler: fc.record({
      status: fc.constantFrom(200, 200, 201, 204, 205, 301, 304, 400, 403, 404, 409, 410, 500, 503),
      header: fc.uniqueArray(
        fc.constantFrom<readonly [string, string]>(
          ['Content-Type', 'application/json'],
          ['Connection', 'close'],
          ['Content-Length', '2'],
          ['Content-Length', '0'],
          ['Transfer-Encoding', 'identity'],
          ['Transfer-Encoding', 'chunked'],
          ['Trailer', 'X-T'],
          ['X-Split', 'a\r\nX-B: c\r\n\r\nHTTP/1.1 101 x'],
          ['Warning', '299 - "caf\u00e9"'],
        ),
        { maxLength: 3, selector: ([name]) => name },
      ),
      writes: fc.array(fc.constantFrom('ok', '{}', 'x'.repeat(5000), 'HTTP/1.1 200 OK\r\n\r\n', ''), {
        maxLength: 3,
      }),
      flush: fc.boolean(),
      readBody: fc.boolean(),
      interim: fc.array(fc.constantFrom(100, 102, 103), { maxLength: 2 }),
    }),
    pieces: pieceSizes,
  }),
};
