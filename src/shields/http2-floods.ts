// Steps of many HTTP/2 frames → their bytes. What they open and send is as small as it can be.
import {
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  frame,
  HEADERS,
  h2Errors,
  headerFrames,
  numberFrame,
  PING,
  RST_STREAM,
  settingsFrame,
  WINDOW_UPDATE,
} from '../http/h2/frames.ts';
import type { Http2Step } from '../model/shield.ts';
import { fieldBlock } from './http2-peers.ts';

export type Http2Side = {
  /** The caller's bytes for a step. */
  flood(step: Http2Step): Buffer;
  /** What the server says at once to what that step sent; left out where it says nothing. */
  answer(step: Http2Step): Buffer | undefined;
  /** The number of the next stream. */
  next(): number;
};

/** Of one connection: which streams it has opened. */
export function createHttp2Side(): Http2Side {
  let stream = 1;
  let opened: number[] = [];
  /** Of the last step. */
  let fresh: number[] = [];

  function next(): number {
    const id = stream;
    stream += 2;
    return id;
  }

  function open(count: number, reset: boolean): Buffer {
    const frames: Buffer[] = [];
    for (let time = 0; time < count; time++) {
      const id = next();
      frames.push(headerFrames(id, true, [watch]));
      if (reset) frames.push(numberFrame(RST_STREAM, id, h2Errors.cancel));
      else fresh.push(id);
    }
    opened.push(...fresh);
    return Buffer.concat(frames);
  }

  return {
    next,
    flood({ http2 }) {
      fresh = [];
      if ('open' in http2) return open(http2.open, http2.reset === 'each');
      if ('reset' in http2) {
        const all = opened.map((id) => numberFrame(RST_STREAM, id, h2Errors.cancel));
        opened = [];
        return Buffer.concat(all);
      }
      if ('ping' in http2) return times(http2.ping, frame(PING, 0, 0, Buffer.alloc(8)));
      if ('settings' in http2) return times(http2.settings, settingsFrame([]));
      if ('window' in http2) return numberFrame(WINDOW_UPDATE, 0, http2.window);
      if ('empty' in http2) {
        const id = next();
        const begun = headerFrames(id, false, [create]);
        const rest = times(http2.empty, frame(DATA, 0, id, Buffer.alloc(0)));
        return Buffer.concat([begun, rest, frame(DATA, END_STREAM, id, Buffer.alloc(0))]);
      }
      const { continuation, bytes, ends } = http2;
      const id = next();
      const frames = [frame(HEADERS, END_STREAM, id, watch)];
      for (let time = 1; time <= continuation; time++) {
        const flags = ends && time === continuation ? END_HEADERS : 0;
        const filler = bytes === 0 ? Buffer.alloc(0) : fieldBlock([[`x-filler-${time}`, 'f'.repeat(bytes)]]);
        frames.push(frame(CONTINUATION, flags, id, filler));
      }
      return Buffer.concat(frames);
    },
    answer({ http2 }) {
      if (!('open' in http2) || http2.reset !== 'by-server') return undefined;
      return Buffer.concat(fresh.map((id) => numberFrame(RST_STREAM, id, h2Errors.refusedStream)));
    },
  };
}

function times(count: number, bytes: Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, () => bytes));
}

const common = [
  [':scheme', 'https'],
  [':authority', 'kubernetes'],
] as const;
const watch = fieldBlock([[':method', 'GET'], [':path', '/api/v1/pods?watch=1'], ...common]);
const create = fieldBlock([[':method', 'POST'], [':path', '/api/v1/namespaces/lab/pods'], ...common]);
