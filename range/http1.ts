// HTTP/1.1 heads and bodies, read as leniently as Go's net/http of the flawed servers' time reads them: bare LF, folded
// lines, space before the colon, both Content-Length and Transfer-Encoding (chunked wins). What a strict gate must
// refuse in front of it. Shared by the range's servers, and by its clients for answers.
import type { ByteReader } from './byte-reader.ts';

export type Field = readonly [name: string, value: string];
export type Head = { readonly start: string; readonly fields: readonly Field[] };
type Framing = { readonly kind: 'length'; readonly length: number } | { readonly kind: 'chunked' | 'close' };

/** As Go's DefaultMaxHeaderBytes. */
const maxHead = 1 << 20;

/** The next head; undefined at the end of the stream, 'bad' when it can't be read as one. */
export async function readHead(reader: ByteReader): Promise<Head | 'bad' | undefined> {
  let start = await reader.line(maxHead);
  // Go's reader skips one empty line between messages, as RFC 9112 2.2 allows.
  if (start === '') start = await reader.line(maxHead);
  if (start === undefined) return undefined;
  const lines: string[] = [];
  for (let size = start.length; ; ) {
    const line = await reader.line(maxHead);
    if (line === undefined) return undefined;
    if (line === '') break;
    size += line.length;
    if (size > maxHead) return 'bad';
    if (/^[ \t]/.test(line) && lines.length > 0) lines.push(`${lines.pop()} ${line.trim()}`);
    else lines.push(line);
  }
  const fields: Field[] = [];
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 0) return 'bad';
    const name = line.slice(0, colon).trimEnd();
    if (name !== '') fields.push([name, line.slice(colon + 1).trim()]);
  }
  return { start, fields };
}

export function values(fields: readonly Field[], name: string): string[] {
  return fields.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
}

export function without(fields: readonly Field[], drop: (lowerName: string) => boolean): Field[] {
  return fields.filter(([key]) => !drop(key.toLowerCase()));
}

/** How long the body of a request is. */
export function requestFraming(fields: readonly Field[]): Framing {
  return declared(fields) ?? { kind: 'length', length: 0 };
}

/** How long the body of an answer is, to a request of this method. */
export function responseFraming(method: string, status: number, fields: readonly Field[]): Framing {
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304)
    return { kind: 'length', length: 0 };
  return declared(fields) ?? { kind: 'close' };
}

function declared(fields: readonly Field[]): Framing | undefined {
  if (values(fields, 'transfer-encoding').some((value) => value.toLowerCase().includes('chunked'))) {
    return { kind: 'chunked' };
  }
  const length = values(fields, 'content-length')[0];
  return length !== undefined && /^\d+$/.test(length)
    ? { kind: 'length', length: Number(length) }
    : undefined;
}

/** The body's bytes as they come. `raw` keeps the chunked coding's own lines, for relaying. Ends early with the stream. */
export async function* readBody(
  reader: ByteReader,
  framing: Framing,
  raw: 'raw' | 'content' = 'content',
): AsyncGenerator<Buffer> {
  if (framing.kind === 'close') {
    for (let part = await reader.some(); part; part = await reader.some()) yield part;
    return;
  }
  if (framing.kind === 'length') {
    yield* counted(reader, framing.length);
    return;
  }
  for (;;) {
    const line = await reader.line(4096);
    if (line === undefined) return;
    if (raw === 'raw') yield Buffer.from(`${line}\r\n`, 'latin1');
    const size = Number.parseInt(line, 16);
    if (!(size > 0)) break;
    yield* counted(reader, size);
    await reader.line(16);
    if (raw === 'raw') yield Buffer.from('\r\n');
  }
  for (
    let trailer = await reader.line(maxHead);
    trailer !== undefined;
    trailer = await reader.line(maxHead)
  ) {
    if (raw === 'raw') yield Buffer.from(`${trailer}\r\n`, 'latin1');
    if (trailer === '') return;
  }
}

async function* counted(reader: ByteReader, length: number): AsyncGenerator<Buffer> {
  for (let left = length; left > 0; ) {
    const part = await reader.some(left);
    if (!part) return;
    left -= part.length;
    yield part;
  }
}

export function statusOf(start: string): number {
  return Number(/^HTTP\/1\.[01] (\d{3})/.exec(start)?.[1] ?? 0);
}

export function writeHead(start: string, fields: readonly Field[]): string {
  return `${start}\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}
