// What the fields of a header block mean, read strictly (RFC 9113 §8): what is malformed there is refused, and so is what
// this layer refuses in an HTTP/1.1 head.
import { headOnlyNames } from '../body.ts';
import { isHost, readLength } from '../framing.ts';
import type { RefusalCode } from '../refusals.ts';
import { StartLineScan, scanRequestLine } from '../start-line.ts';
import type { Field } from './field.ts';

export type RequestFields = {
  readonly method: string;
  /** As in an HTTP/1.1 request line: origin-form, or `*` with OPTIONS. */
  readonly target: string;
  readonly authority: string;
  /** Was it said by `:authority`, and not by `host` alone? */
  readonly named: boolean;
  /** Content-Length; -1 where there is none. */
  readonly length: number;
  /** Where the regular fields begin. */
  readonly regular: number;
};
export type ResponseFields = {
  /** 100 to 999. */
  readonly status: number;
  readonly length: number;
  readonly regular: number;
};

/** Is refusing it a matter of the message's form, which RFC 9113 §8.1.1 answers with a stream error? */
export function isMalformed(code: string): boolean {
  return code.startsWith('h2-') && code !== 'h2-extended-connect';
}

export function readRequestFields(fields: readonly Field[]): RequestFields | RefusalCode {
  let method: string | undefined;
  let scheme: string | undefined;
  let path: string | undefined;
  let authority: string | undefined;
  let regular = 0;
  for (; regular < fields.length; regular++) {
    const { name, value, flaw } = fields[regular] as Field;
    if (flaw) return flaw;
    if (name.charCodeAt(0) !== colon) break;
    if (name === ':method' && method === undefined) method = value;
    else if (name === ':scheme' && scheme === undefined) scheme = value;
    else if (name === ':path' && path === undefined) path = value;
    else if (name === ':authority' && authority === undefined) authority = value;
    else return name === ':protocol' ? 'h2-extended-connect' : 'h2-pseudo-field';
  }
  const about = readRegular(fields, regular, true);
  if (typeof about === 'string') return about;
  if (method === 'CONNECT') return 'connect-refused';
  if (method === undefined || scheme === undefined || path === undefined) return 'h2-pseudo-field';
  if (scheme !== 'https') return 'h2-scheme';
  const problem = lineProblem(method, path);
  if (problem) return problem;
  const host = authority ?? about.host;
  if (host === undefined) return 'host-missing';
  if (about.host !== undefined && about.host !== host) return 'h2-authority';
  if (!fitsHost(host)) return 'bad-host';
  return {
    method,
    target: path,
    authority: host,
    named: authority !== undefined,
    length: about.length,
    regular,
  };
}

export function readResponseFields(
  fields: readonly Field[],
  requestMethod: string,
): ResponseFields | RefusalCode {
  const first = fields[0];
  if (first?.name !== ':status') return first?.flaw ?? 'h2-pseudo-field';
  if (!/^[1-9][0-9][0-9]$/.test(first.value)) return 'bad-status';
  const about = readRegular(fields, 1, false);
  if (typeof about === 'string') return about;
  const status = Number(first.value);
  // HTTP/2 has no switch of protocols (RFC 9113 §8.6).
  if (status === 101) return 'h2-connection-field';
  if (status < 200 || status === 204) {
    return about.length > 0 ? 'bodyless-status' : { status, length: 0, regular: 1 };
  }
  const bodyless = status === 304 || requestMethod === 'HEAD';
  return { status, length: bodyless ? 0 : about.length, regular: 1 };
}

/** Trailers: no pseudo-header fields, and none that a reader who merges them into the head would obey. */
export function trailerProblem(fields: readonly Field[]): RefusalCode | undefined {
  for (const { name, flaw } of fields) {
    if (flaw) return flaw;
    if (name.charCodeAt(0) === colon) return 'h2-pseudo-field';
    if (headOnlyNames.includes(name)) return 'forbidden-trailer';
  }
  return undefined;
}

const colon = 0x3a;
type About = { readonly length: number; readonly host: string | undefined };
const nothingSaid: About = { length: -1, host: undefined };

/** The regular fields, told apart by the length of their names first: ordinary ones cost one look each. */
function readRegular(fields: readonly Field[], from: number, isRequest: boolean): About | RefusalCode {
  let length = -1;
  let host: string | undefined;
  let expected = false;
  for (let index = from; index < fields.length; index++) {
    const { name, value, flaw } = fields[index] as Field;
    if (flaw) return flaw;
    if (name.charCodeAt(0) === colon) return 'h2-pseudo-field';
    switch (name.length) {
      case 2:
        if (name === 'te' && value.toLowerCase() !== 'trailers') return 'h2-connection-field';
        break;
      case 4:
        if (!isRequest || name !== 'host') break;
        if (host !== undefined) return 'host-repeated';
        host = value;
        break;
      case 6:
        if (!isRequest || name !== 'expect') break;
        if (expected || value.toLowerCase() !== '100-continue') return 'unknown-expectation';
        expected = true;
        break;
      case 7:
        if (name === 'upgrade') return 'h2-connection-field';
        break;
      case 10:
        if (name === 'connection' || name === 'keep-alive') return 'h2-connection-field';
        break;
      case 14: {
        if (name === 'http2-settings') return 'h2-connection-field';
        if (name !== 'content-length') break;
        if (length >= 0) return 'repeated-length';
        const read = readLength(Buffer.from(value, 'latin1'), 0, value.length);
        if (typeof read === 'string') return read;
        length = read;
        break;
      }
      case 16:
        if (name === 'proxy-connection') return 'h2-connection-field';
        break;
      case 17:
        if (name === 'transfer-encoding') return 'h2-connection-field';
        break;
    }
  }
  return length < 0 && host === undefined ? nothingSaid : { length, host };
}

const plainMethod = /^(?:GET|POST|PUT|PATCH|DELETE|HEAD)$/;
const plainTarget = /^\/[!"$->@-[\]-~]*(?:\?[!"$-~]*)?$/;

/** As the same method and target in an HTTP/1.1 request line are refused. */
function lineProblem(method: string, target: string): RefusalCode | undefined {
  if (plainMethod.test(method) && plainTarget.test(target)) return undefined;
  if (method.includes(' ') || target.includes(' ')) return 'request-line-space';
  const line = Buffer.from(`${method} ${target} HTTP/1.1\r\n`, 'latin1');
  const result = scanRequestLine(new StartLineScan(), line, 0, line.length);
  if (result === 'done') return undefined;
  return result === 'more' ? 'short-request-line' : result;
}

let knownHost = '';

function fitsHost(host: string): boolean {
  if (host === knownHost && host !== '') return true;
  if (!isHost(Buffer.from(host, 'latin1'), 0, host.length)) return false;
  knownHost = host;
  return true;
}
