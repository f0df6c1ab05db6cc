// For tests: the same grammar, read by whole-message regular expressions with no thought of speed, splits or codes. It
// says only which messages stand whole at the beginning of the bytes.
import type { Fields, Message, Side } from './replay.ts';
import { isFinal } from './replay.ts';

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const text = '[\\t\\x20-\\x7e\\x80-\\xff]*';
const line = `${token}:${text}\\r\\n`;
const path = '\\/[!"$-;<-[\\]-~=>@]*(?:\\?[!"$-~]*)?';
const requestPattern = new RegExp(`^(${token}) (${path}|\\*) HTTP\\/1\\.([01])\\r\\n((?:${line})*)\\r\\n`);
const responsePattern = new RegExp(
  `^HTTP\\/1\\.([01]) ([1-9][0-9][0-9])(?: (${text}))?\\r\\n((?:${line})*)\\r\\n`,
);
const trailerPattern = new RegExp(`^((?:${line})*)\\r\\n`);
const headOnly =
  /^(authorization|connection|content-length|cookie|expect|host|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade)$/i;

/** All whole messages at the beginning of `input`, up to the first that isn't whole or allowed. */
export function dumbMessages(input: string, side: Side): Message[] {
  const messages: Message[] = [];
  let rest = input;
  for (;;) {
    const last = messages.at(-1);
    if (side.kind === 'response' && last && isFinal(last)) return messages;
    const found = side.kind === 'request' ? dumbRequest(rest) : dumbResponse(rest, side.method);
    if (!found) return messages;
    messages.push(found.message);
    rest = found.rest;
  }
}

type Found = { readonly message: Message; readonly rest: string };

function dumbRequest(input: string): Found | undefined {
  const match = requestPattern.exec(input);
  if (!match || match[0].length > 65_536) return undefined;
  const [whole, method = '', target = '', minor = '', lines = ''] = match;
  const fields = splitLines(lines);
  if (fields.length > 200 || method === 'CONNECT' || (target === '*' && method !== 'OPTIONS'))
    return undefined;
  const hosts = named(fields, 'host');
  if (hosts.length > 1 || (minor === '1' && hosts.length === 0)) return undefined;
  if (!hosts.every((host) => /^([\w.~-]+|\[[0-9a-f:.]{2,45}\])(:\d{1,5})?$/i.test(host) && host.length < 262))
    return;
  const expect = named(fields, 'expect');
  if (expect.length > 1 || expect.some((value) => value.toLowerCase() !== '100-continue')) return undefined;
  const framing = dumbFraming(lines, fields, minor);
  if (framing === undefined) return undefined;
  return finish(`${method} ${target} ${minor}`, fields, framing ?? 0, input.slice(whole.length));
}

function dumbResponse(input: string, method: string): Found | undefined {
  const match = responsePattern.exec(input);
  if (!match || match[0].length > 65_536) return undefined;
  const [whole, minor = '', status = '', reason = '', lines = ''] = match;
  const fields = splitLines(lines);
  const framing = dumbFraming(lines, fields, minor);
  if (fields.length > 200 || framing === undefined) return undefined;
  const bodyless = /^(1..|204)$/.test(status);
  if (bodyless && framing) return undefined;
  const none = bodyless || status === '304' || method === 'HEAD';
  return finish(
    `${status} ${reason} ${minor}`,
    fields,
    none ? 0 : (framing ?? 'end'),
    input.slice(whole.length),
  );
}

/** A length, chunked, null for neither, undefined for not allowed. */
function dumbFraming(lines: string, fields: Fields, minor: string): number | 'chunked' | null | undefined {
  if (/(^|\r\n)(content-length|transfer-encoding):(?! ?[^ \t\r]*\r\n)/i.test(lines)) return undefined;
  const lengths = named(fields, 'content-length');
  const encodings = named(fields, 'transfer-encoding');
  if (lengths.length + encodings.length === 0) return null;
  if (lengths.length + encodings.length > 1) return undefined;
  if (lengths[0] !== undefined)
    return /^(0|[1-9]\d{0,14})$/.test(lengths[0]) ? Number(lengths[0]) : undefined;
  return minor === '1' && encodings[0]?.toLowerCase() === 'chunked' ? 'chunked' : undefined;
}

function finish(
  startLine: string,
  fields: Fields,
  framing: number | 'chunked' | 'end',
  rest: string,
): Found | undefined {
  const message = { startLine, fields, trailers: [], complete: true };
  if (framing === 'end') return { message: { ...message, body: rest }, rest: '' };
  if (framing !== 'chunked') {
    if (rest.length < framing) return undefined;
    return { message: { ...message, body: rest.slice(0, framing) }, rest: rest.slice(framing) };
  }
  let body = '';
  for (;;) {
    const size = /^([0-9a-fA-F]{1,8})\r\n/.exec(rest);
    if (!size) return undefined;
    const length = Number.parseInt(size[1] ?? '', 16);
    rest = rest.slice(size[0].length);
    if (length === 0) break;
    if (rest.slice(length, length + 2) !== '\r\n') return undefined;
    body += rest.slice(0, length);
    rest = rest.slice(length + 2);
  }
  const end = trailerPattern.exec(rest);
  if (!end || end[0].length > 8_192) return undefined;
  const trailers = splitLines(end[1] ?? '');
  if (trailers.length > 32 || trailers.some(([name]) => headOnly.test(name))) return undefined;
  return { message: { ...message, body, trailers }, rest: rest.slice(end[0].length) };
}

function splitLines(lines: string): Fields {
  return lines
    .split('\r\n')
    .slice(0, -1)
    .map((each) => {
      const colon = each.indexOf(':');
      return [each.slice(0, colon), each.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')];
    });
}

function named(fields: Fields, name: string): string[] {
  return fields.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
}
