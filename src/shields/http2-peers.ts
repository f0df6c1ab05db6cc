// A caller and a server of a shield's test over HTTP/2: frames that need no table and no window to be told.
import {
  DATA,
  defaultFrameSize,
  END_STREAM,
  frame,
  headerFrames,
  numberFrame,
  preface,
  settingIds,
  settingsAck,
  settingsFrame,
  WINDOW_UPDATE,
} from '../http/h2/frames.ts';
import { fieldRoom, writeField } from '../http/h2/hpack-encoder.ts';
import type { WrittenAnswer, WrittenRequest } from './request-bytes.ts';

/** More than any test sends. */
const room = 1 << 30;

export const callerOpens: Buffer = Buffer.concat([
  preface,
  settingsFrame([[settingIds.initialWindowSize, room]]),
  numberFrame(WINDOW_UPDATE, 0, room),
]);
export const serverOpens: Buffer = Buffer.concat([
  settingsFrame([[settingIds.initialWindowSize, room]]),
  numberFrame(WINDOW_UPDATE, 0, room),
  settingsAck,
]);
export const acknowledged: Buffer = settingsAck;

export function http2Request(stream: number, { method, path, fields, body }: WrittenRequest): Buffer {
  const host = fields.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? 'kubernetes';
  const all: (readonly [string, string])[] = [
    [':method', method],
    [':scheme', 'https'],
    [':path', path],
    [':authority', host],
  ];
  for (const [name, value] of fields)
    if (name.toLowerCase() !== 'host') all.push([name.toLowerCase(), value]);
  if (body) all.push(['content-length', String(body.length)]);
  return Buffer.concat([
    headerFrames(stream, !body, [fieldBlock(all)]),
    ...(body ? dataFrames(stream, body) : []),
  ]);
}

export function http2Answer(
  stream: number,
  { status, headers, body }: WrittenAnswer,
  method: string,
): Buffer {
  const bytes = method === 'HEAD' || status === 204 || status === 304 ? undefined : Buffer.from(body);
  const all: (readonly [string, string])[] = [[':status', String(status)]];
  for (const [name, value] of Object.entries(headers)) all.push([name.toLowerCase(), value]);
  return Buffer.concat([
    headerFrames(stream, !bytes, [fieldBlock(all)]),
    ...(bytes ? dataFrames(stream, bytes) : []),
  ]);
}

function dataFrames(stream: number, content: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at === 0 || at < content.length; at += defaultFrameSize) {
    const last = at + defaultFrameSize >= content.length;
    frames.push(frame(DATA, last ? END_STREAM : 0, stream, content.subarray(at, at + defaultFrameSize)));
  }
  return frames;
}

/** Without a table, no name or value coded. */
export function fieldBlock(fields: readonly (readonly [string, string])[]): Buffer {
  const written = fields.map(([name, value]) => [name, Buffer.from(value).toString('latin1')] as const);
  const out = Buffer.alloc(written.reduce((sum, [name, value]) => sum + fieldRoom(name, value), 0));
  let at = 0;
  for (const [name, value] of written) at = writeField(out, at, name, value, false);
  return out.subarray(0, at);
}
