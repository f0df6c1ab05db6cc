// A judge fed with frames made by hand, and what it sends read back as frames.
import type { Field } from '../../../http/h2/field.ts';
import {
  END_HEADERS,
  END_STREAM,
  frame,
  HEADERS,
  preface,
  settingsAck,
  settingsFrame,
} from '../../../http/h2/frames.ts';
import { HpackDecoder } from '../../../http/h2/hpack-decoder.ts';
import { HpackTwin, type TwinField } from '../../../http/h2/testing/hpack-twin.ts';
import {
  type Connection,
  type ConnectionSettings,
  defaultConnectionLimits,
  defaultIdentityFields,
} from '../../connection-types.ts';
import { createRecordingSink, type RecordingSink } from '../../recording-sink.ts';
import { noRules } from '../../rules.ts';
import { createHttp2Connection } from '../connection.ts';

export type RawFrame = {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
};

/** @param partly a last frame that is cut short is left out */
export function readFrames(text: string, partly = false): RawFrame[] {
  let bytes = Buffer.from(text, 'latin1');
  if (bytes.subarray(0, preface.length).equals(preface)) bytes = bytes.subarray(preface.length);
  const frames: RawFrame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 9 + (bytes.length - at < 9 ? 0 : bytes.readUIntBE(at, 3));
    if (end > bytes.length && partly) break;
    if (end > bytes.length) throw new Error('a frame is cut short');
    frames.push({
      type: bytes[at + 3] ?? 0,
      flags: bytes[at + 4] ?? 0,
      stream: bytes.readUInt32BE(at + 5),
      payload: bytes.subarray(at + 9, end),
    });
    at = end;
  }
  return frames;
}

const names = ['DATA', 'HEADERS', 'PRIORITY', 'RST', 'SETTINGS', 'PUSH', 'PING', 'GOAWAY', 'WINDOW', 'CONT'];

/** Frames as words: `HEADERS 1 end`, `RST 3 8`, `GOAWAY 1`, `WINDOW 0 +16`. */
export function told(text: string): string[] {
  return readFrames(text).map(({ type, flags, stream, payload }) => {
    const name = names[type] ?? String(type);
    if (type === 0 || type === 1) return `${name} ${stream}${flags & END_STREAM ? ' end' : ''}`;
    if (type === 3) return `${name} ${stream} ${payload.readUInt32BE(0)}`;
    if (type === 4) return flags & 1 ? 'ACK' : name;
    if (type === 6) return flags & 1 ? 'PONG' : name;
    if (type === 7) return `${name} ${payload.readUInt32BE(0)} ${payload.readUInt32BE(4)}`;
    if (type === 8) return `${name} ${stream} +${payload.readUInt32BE(0)}`;
    return `${name} ${stream}`;
  });
}

export const get: readonly TwinField[] = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':path', '/api/v1/pods'],
  [':authority', 'k'],
];

export type RawRig = {
  readonly judge: Connection;
  readonly sink: RecordingSink;
  readonly requests: HpackTwin;
  readonly answers: HpackTwin;
  caller(...frames: Buffer[]): void;
  server(...frames: Buffer[]): void;
  /** What went out since the last look, less what opens a connection. */
  toServer(): string[];
  toCaller(): string[];
  /** Fields of the header blocks that went to the server, all of them, in order. */
  forwarded(): string[][];
};

/** A connection on which both sides have said and acknowledged their SETTINGS. */
export function rawRig(settings: Partial<ConnectionSettings> = {}, opened = true): RawRig {
  const sink = createRecordingSink();
  const judge = createHttp2Connection(
    {
      identity: { method: 'none' },
      identityFields: defaultIdentityFields,
      sourceAddress: '192.0.2.7',
      rules: noRules,
      limits: defaultConnectionLimits,
      ...settings,
    },
    sink,
  );
  let server = 0;
  let client = 0;
  const rig: RawRig = {
    judge,
    sink,
    requests: new HpackTwin(),
    answers: new HpackTwin(),
    caller: (...frames) => judge.clientData(Buffer.concat(frames)),
    server: (...frames) => judge.serverData(Buffer.concat(frames)),
    toServer() {
      const news = sink.server.slice(server);
      server = sink.server.length;
      return told(news);
    },
    toCaller() {
      const news = sink.client.slice(client);
      client = sink.client.length;
      return told(news);
    },
    forwarded() {
      const decoder = new HpackDecoder();
      return readFrames(sink.server)
        .filter(({ type }) => type === HEADERS)
        .map(({ payload }) => {
          const fields: Field[] = [];
          decoder.decode(payload, 0, payload.length, { bytes: 1 << 20, fields: 1_000 }, fields);
          return fields.map(({ name, value }) => `${name}: ${value}`);
        });
    },
  };
  if (opened) {
    rig.caller(preface, settingsFrame([]));
    rig.server(settingsFrame([]), settingsAck);
    rig.caller(settingsAck);
    rig.toServer();
    rig.toCaller();
  }
  return rig;
}

/** A header block in one frame; every field goes into the table. */
export function headers(
  twin: HpackTwin,
  stream: number,
  fields: readonly TwinField[],
  end = true,
  form: 'indexed' | 'plain' = 'indexed',
): Buffer {
  const block = fields.map((field) => twin.field(field, { form, huffman: true, spell: false }));
  return frame(HEADERS, END_HEADERS | (end ? END_STREAM : 0), stream, Buffer.concat(block));
}
