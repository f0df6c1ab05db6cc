// Frames of HTTP/2 (RFC 9113 §4, §6): numbers, and the frames that the gate writes itself.

export const preface: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
export const frameHeaderBytes = 9;

export const DATA = 0;
export const HEADERS = 1;
export const PRIORITY = 2;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PUSH_PROMISE = 5;
export const PING = 6;
export const GOAWAY = 7;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;

export const END_STREAM = 0x1;
export const ACK = 0x1;
export const END_HEADERS = 0x4;
export const PADDED = 0x8;
export const PRIORITY_FLAG = 0x20;

export const h2Errors = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  cancel: 8,
  compression: 9,
  enhanceYourCalm: 11,
} as const;
export type H2Error = (typeof h2Errors)[keyof typeof h2Errors];

export const settingIds = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
  enableConnectProtocol: 8,
} as const;

export const defaultWindow = 65_535;
export const defaultFrameSize = 16_384;
export const largestWindow = 0x7fff_ffff;

/** Writes a frame's nine bytes at `at`. @returns where they end */
export function writeFrameHeader(
  out: Buffer,
  at: number,
  length: number,
  type: number,
  flags: number,
  stream: number,
): number {
  out[at] = length >>> 16;
  out[at + 1] = (length >>> 8) & 0xff;
  out[at + 2] = length & 0xff;
  out[at + 3] = type;
  out[at + 4] = flags;
  out.writeUInt32BE(stream, at + 5);
  return at + 9;
}

export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(9 + payload.length);
  writeFrameHeader(out, 0, payload.length, type, flags, stream);
  out.set(payload, 9);
  return out;
}

/** A frame whose payload is one 32-bit number: RST_STREAM, WINDOW_UPDATE. */
export function numberFrame(type: number, stream: number, value: number): Buffer {
  const out = Buffer.allocUnsafe(13);
  writeFrameHeader(out, 0, 4, type, 0, stream);
  out.writeUInt32BE(value >>> 0, 9);
  return out;
}

/** HEADERS, and CONTINUATION where the block is larger than any peer must take in one frame. */
export function headerFrames(stream: number, endStream: boolean, parts: readonly Uint8Array[]): Buffer {
  let total = 0;
  for (const part of parts) total += part.length;
  const flags = endStream ? END_STREAM : 0;
  if (total <= defaultFrameSize) {
    const out = Buffer.allocUnsafe(9 + total);
    let at = writeFrameHeader(out, 0, total, HEADERS, flags | END_HEADERS, stream);
    for (const part of parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }
  const block = Buffer.concat(parts);
  const frames: Buffer[] = [];
  for (let at = 0; at < total; at += defaultFrameSize) {
    const last = at + defaultFrameSize >= total ? END_HEADERS : 0;
    const [type, more] = at === 0 ? [HEADERS, flags] : [CONTINUATION, 0];
    frames.push(frame(type, more | last, stream, block.subarray(at, at + defaultFrameSize)));
  }
  return Buffer.concat(frames);
}

export function goawayFrame(lastStream: number, error: number, debug: Uint8Array = noBytes): Buffer {
  const payload = Buffer.allocUnsafe(8 + debug.length);
  payload.writeUInt32BE(lastStream, 0);
  payload.writeUInt32BE(error, 4);
  payload.set(debug, 8);
  return frame(GOAWAY, 0, 0, payload);
}

export type Setting = readonly [id: number, value: number];

export function settingsFrame(settings: readonly Setting[]): Buffer {
  const payload = Buffer.allocUnsafe(settings.length * 6);
  for (const [index, [id, value]] of settings.entries()) {
    payload.writeUInt16BE(id, index * 6);
    payload.writeUInt32BE(value, index * 6 + 2);
  }
  return frame(SETTINGS, 0, 0, payload);
}

export const settingsAck: Buffer = frame(SETTINGS, ACK, 0, Buffer.alloc(0));

/** The settings of a frame's payload, its length a multiple of six. */
export function readSettings(bytes: Buffer, start: number, end: number): Setting[] {
  const settings: Setting[] = [];
  for (let at = start; at < end; at += 6) settings.push([bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2)]);
  return settings;
}

const noBytes = new Uint8Array(0);
