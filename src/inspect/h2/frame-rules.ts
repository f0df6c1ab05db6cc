// Which lengths and places a frame of each type may have (RFC 9113 §4.2, §6).
import type { FrameHead } from '../../http/h2/frame-feed.ts';
import {
  ACK,
  CONTINUATION,
  DATA,
  GOAWAY,
  type H2Error,
  HEADERS,
  h2Errors,
  PADDED,
  PING,
  PRIORITY,
  PRIORITY_FLAG,
  PUSH_PROMISE,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from '../../http/h2/frames.ts';
import type { RefusalCode } from '../../http/refusals.ts';

const fixedLength: Readonly<Record<number, number>> = {
  [PRIORITY]: 5,
  [RST_STREAM]: 4,
  [PING]: 8,
  [WINDOW_UPDATE]: 4,
};
const onStream: ReadonlySet<number> = new Set([
  DATA,
  HEADERS,
  PRIORITY,
  RST_STREAM,
  PUSH_PROMISE,
  CONTINUATION,
]);
const onConnection: ReadonlySet<number> = new Set([SETTINGS, PING, GOAWAY]);
/** Bytes that are kept of a frame that is read whole, beyond what a header block may have. */
const keptWhole = 16_384;

/**
 * @param largest length that its sender was told
 * @param block stream of a header block of which more is to come
 */
export function frameProblem(
  head: FrameHead,
  largest: number,
  headBytes: number,
  block: number | undefined,
): RefusalCode | undefined {
  const { type, length, stream } = head;
  if (length > largest) return 'h2-frame-size';
  if (block !== undefined ? type !== CONTINUATION || stream !== block : type === CONTINUATION) {
    return 'h2-frame-order';
  }
  if (type === DATA) return stream === 0 ? 'h2-frame-order' : undefined;
  if (onStream.has(type) ? stream === 0 : onConnection.has(type) && stream !== 0) return 'h2-frame-order';
  const fixed = fixedLength[type];
  if (fixed !== undefined && length !== fixed) return 'h2-frame-size';
  if (type === HEADERS || type === CONTINUATION) {
    if ((head.flags & PADDED) !== 0 && length === 0 && type === HEADERS) return 'h2-padding';
    return length > headBytes + 256 ? 'h2-block-too-large' : undefined;
  }
  if (type === SETTINGS && ((head.flags & ACK) !== 0 ? length !== 0 : length % 6 !== 0))
    return 'h2-frame-size';
  if (type === GOAWAY && length < 8) return 'h2-frame-size';
  return length > keptWhole ? 'h2-frame-size' : undefined;
}

/** What a connection is ended with. */
export function faultOf(code: RefusalCode): H2Error {
  switch (code) {
    case 'h2-frame-size':
      return h2Errors.frameSize;
    case 'h2-compression':
      return h2Errors.compression;
    case 'h2-block-too-large':
      return h2Errors.enhanceYourCalm;
    case 'h2-stream-closed':
      return h2Errors.streamClosed;
    default:
      return h2Errors.protocol;
  }
}

/** The block within the payload of HEADERS; undefined when the padding is more than there is. */
export function blockRange(
  head: FrameHead,
  bytes: Buffer,
  start: number,
  end: number,
): { readonly from: number; readonly to: number } | undefined {
  const padding = (head.flags & PADDED) !== 0 ? (bytes[start] ?? 0) : -1;
  const from = start + (padding >= 0 ? 1 : 0) + ((head.flags & PRIORITY_FLAG) !== 0 ? 5 : 0);
  const to = end - Math.max(padding, 0);
  return from <= to ? { from, to } : undefined;
}
