// The forms in which one exchange goes over the wire: whole and in pieces, its body by length and in chunks and in every writing
// that the API server reads, over HTTP/1.1 and HTTP/2.
import type { BodyTwin, RequestStep } from '../../src/model/shield.ts';
import { http2Answer, http2Request } from '../../src/shields/http2-peers.ts';
import { http1Answer, http1Bytes, type WrittenRequest } from '../../src/shields/request-bytes.ts';
import { bodyOf, twinsOf, type WrittenBody } from '../../src/shields/request-twins.ts';
import { type CorpusExchange, patchTypes } from './exchange.ts';

export type Form = {
  /** '' for the first. */
  readonly name: string;
  readonly http2: boolean;
  /** Bytes a piece. */
  readonly pieces: number;
  readonly request: Buffer;
  readonly answer: Buffer;
  /** What of the body must reach the server, one character a byte. */
  readonly body: string;
  /** The shields that refuse the exchange in this form alone, and say so. Left out: none may. */
  readonly except?: Exception;
};

export type Exception = { readonly shields: readonly string[]; readonly why: string };

const writtenAsYaml: Exception = {
  shields: ['CVE-2019-11253', 'CVE-2019-11254'],
  why: 'the flaws are in how the server reads YAML: both shields refuse writes of application/yaml, which no kubectl sends',
};

const whole = Number.MAX_SAFE_INTEGER;

export function formsOf(exchange: CorpusExchange): readonly Form[] {
  const { answer, method, tunnel } = exchange;
  const written = (body: WrittenBody | undefined) => writtenRequest(exchange, body);
  const said = {
    status: answer.status,
    headers: { 'Content-Type': 'application/json', ...answer.headers },
    body: answer.text ?? '{}',
  };
  const http1 = (
    name: string,
    pieces: number,
    body: WrittenBody | undefined,
    framing: 'length' | 'chunked' = 'length',
  ): Form => ({
    name,
    http2: false,
    pieces,
    request: http1Bytes(written(body), framing),
    answer: tunnel || answer.status === 101 ? upgraded(said.headers) : http1Answer(said, method),
    body: framing === 'length' ? latin1(body?.bytes) : '\r\n0\r\n\r\n',
  });
  const http2 = (name: string, pieces: number, body: WrittenBody | undefined): Form => ({
    name,
    http2: true,
    pieces,
    request: http2Request(1, written(body)),
    answer: http2Answer(1, said, method),
    // In frames of its own.
    body: latin1(body?.bytes.subarray(0, 16_000)),
  });
  const own = exchange.body && {
    contentType: exchange.body.contentType,
    bytes: Buffer.from(exchange.body.text),
  };
  const twins = twinsFor(exchange);
  const forms = [http1('', whole, own), http1('in pieces', 97, own)];
  if (own) forms.push(http1('in chunks', whole, own, 'chunked'));
  for (const [twin, body] of twins) forms.push({ ...http1(`as ${twin}`, whole, body), ...exceptions(body) });
  if (hasHttp2Form(exchange)) {
    forms.push(http2('over HTTP/2', whole, own), http2('over HTTP/2, in pieces', 97, own));
    for (const [twin, body] of twins) {
      forms.push({ ...http2(`over HTTP/2, as ${twin}`, whole, body), ...exceptions(body) });
    }
  }
  return forms;
}

function exceptions({ contentType }: WrittenBody): Pick<Form, 'except'> {
  return contentType === 'application/yaml' ? { except: writtenAsYaml } : {};
}

function writtenRequest(
  { client, method, target, headers }: CorpusExchange,
  body: WrittenBody | undefined,
): WrittenRequest {
  const fields: (readonly [string, string])[] = [
    ['User-Agent', client.userAgent],
    ['Accept', client.accept ?? 'application/json, */*'],
    ['Accept-Encoding', 'gzip'],
  ];
  if (!client.as) fields.push(['Authorization', 'Bearer of-somebody']);
  for (const [name, value] of Object.entries(headers ?? {})) {
    for (const one of [value].flat()) fields.push([name, one]);
  }
  if (body) fields.push(['Content-Type', body.contentType]);
  else if (method === 'POST' && !headers?.['Upgrade']) fields.push(['Content-Length', '0']);
  return { method, path: target, fields, body: body?.bytes };
}

/** The body in its other writings; none where it is no object of JSON. */
function twinsFor({ body }: CorpusExchange): readonly (readonly [BodyTwin, WrittenBody])[] {
  if (!body) return [];
  const patch = (Object.keys(patchTypes) as (keyof typeof patchTypes)[]).find(
    (name) => patchTypes[name] === body.contentType,
  );
  if (patch === undefined && body.contentType !== 'application/json') return [];
  let object: RequestStep['request']['object'];
  try {
    object = JSON.parse(body.text);
  } catch {
    // Apply patches are YAML as they come.
    return [];
  }
  const request = { path: '/', object, ...(patch ? { patch } : {}) };
  return twinsOf(request).flatMap((twin) => {
    const written = twin === 'json' ? undefined : bodyOf(request, twin);
    return written ? [[twin, written] as const] : [];
  });
}

/** HTTP/2 has no upgrades, and fields of a connection are none of a message's. */
function hasHttp2Form({ headers = {}, tunnel, answer }: CorpusExchange): boolean {
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  return (
    !tunnel &&
    answer.status !== 101 &&
    !names.some((name) => /^(connection|upgrade|te|keep-alive)$/.test(name))
  );
}

function upgraded(headers: Readonly<Record<string, string>>): Buffer {
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    name === 'Content-Type' ? [] : [`${name}: ${value}\r\n`],
  );
  return Buffer.from(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`);
}

/** Bytes, one character each. */
function latin1(bytes: Buffer | undefined): string {
  return bytes?.toString('latin1') ?? '';
}
