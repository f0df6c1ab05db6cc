// Cuts one direction of a connection into frames, whatever pieces its bytes come in. DATA is handed on as it comes, every
// other frame when it is whole; bytes are copied only for a frame that a piece cut in two.

import type { RefusalCode } from '../refusals.ts';
import { DATA, frameHeaderBytes, PADDED } from './frames.ts';

/** What a frame's nine bytes and, of padded DATA, the next say. */
export type FrameHead = {
  /** Of the payload. */
  length: number;
  type: number;
  flags: number;
  stream: number;
};

export type FrameHandler = {
  /**
   * A frame begins. @returns the code under which it is refused, for its size or its place; `wait` when nothing is to be
   * taken now: then it is asked again by the next feed
   */
  begin(head: FrameHead): RefusalCode | 'wait' | undefined;
  /** A whole frame: its nine bytes stand at `start`, its payload from `start + 9` to `end`. */
  frame(head: FrameHead, bytes: Buffer, start: number, end: number): void;
  /** A DATA frame begins; `content` is its length without padding. Its nine bytes, or ten if padded, stand at `start`. */
  data(head: FrameHead, content: number, bytes: Buffer, start: number, end: number): void;
  /** More of the DATA frame's payload, padding included. */
  more(bytes: Buffer, start: number, end: number, last: boolean): void;
  refused(code: RefusalCode): void;
  /** Is there no use in reading on? Asked after every call. */
  readonly stopped: boolean;
};

export class FrameFeed {
  readonly #handler: FrameHandler;
  readonly #head: FrameHead = { length: 0, type: 0, flags: 0, stream: 0 };
  /** The beginning of a frame that was cut in two. */
  #held: Buffer = none;
  #heldLength = 0;
  /** How many of its bytes are needed to go on. */
  #need = frameHeaderBytes;
  #headRead = false;
  #waiting = false;
  /** What is still to come of a DATA frame. */
  #left = 0;

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  /** Between frames: what is written now cuts none in two. */
  get between(): boolean {
    return this.#left === 0 && this.#heldLength === 0;
  }

  /** In the middle of a DATA frame that is being handed on. */
  get inData(): boolean {
    return this.#left > 0;
  }

  /** @returns how many bytes were taken: all, unless it is to wait or the handler has stopped */
  feed(bytes: Buffer, start = 0): number {
    let at = start;
    const handler = this.#handler;
    while (at < bytes.length && !handler.stopped) {
      if (this.#left > 0) {
        const end = Math.min(bytes.length, at + this.#left);
        this.#left -= end - at;
        handler.more(bytes, at, end, this.#left === 0);
        at = end;
      } else if (this.#heldLength > 0) {
        const end = Math.min(bytes.length, at + this.#need - this.#heldLength);
        this.#hold(bytes, at, end);
        at = end;
        if (this.#heldLength < this.#need) return at;
        this.#take(this.#held, 0, this.#need);
        if (this.#waits()) return at;
      } else {
        const taken = this.#take(bytes, at, bytes.length);
        if (taken === 0) {
          if (handler.stopped || this.#waits()) return at;
          this.#hold(bytes, at, bytes.length);
          return bytes.length;
        }
        at += taken;
      }
    }
    return at;
  }

  #waits(): boolean {
    const waiting = this.#waiting;
    this.#waiting = false;
    return waiting;
  }

  /**
   * Reads the frame that begins at `start`. @returns how many bytes were taken; 0 when more are needed, as many as
   * #need says then
   */
  #take(bytes: Buffer, start: number, stop: number): number {
    const head = this.#head;
    const there = stop - start;
    if (there < frameHeaderBytes) {
      this.#need = frameHeaderBytes;
      return 0;
    }
    if (!this.#headRead) {
      head.length = ((bytes[start] as number) << 16) | bytes.readUInt16BE(start + 1);
      head.type = bytes[start + 3] as number;
      head.flags = bytes[start + 4] as number;
      // The first bit is reserved, and ignored (RFC 9113 §4.1).
      head.stream = bytes.readUInt32BE(start + 5) & 0x7fff_ffff;
      const refused = this.#handler.begin(head);
      if (refused) {
        if (refused === 'wait') this.#waiting = true;
        else this.#handler.refused(refused);
        return 0;
      }
      this.#headRead = true;
    }
    const padded = head.type === DATA && (head.flags & PADDED) !== 0;
    if (padded && head.length === 0) {
      this.#handler.refused('h2-padding');
      return 0;
    }
    const whole = frameHeaderBytes + (head.type === DATA ? (padded ? 1 : 0) : head.length);
    if (there < whole) {
      this.#need = whole;
      return 0;
    }
    this.#headRead = false;
    this.#heldLength = 0;
    this.#need = frameHeaderBytes;
    const end = start + whole;
    if (head.type !== DATA) {
      this.#handler.frame(head, bytes, start, end);
      return whole;
    }
    const padding = padded ? (bytes[end - 1] as number) + 1 : 0;
    if (padding > head.length) {
      this.#handler.refused('h2-padding');
      return 0;
    }
    this.#left = head.length - (padded ? 1 : 0);
    this.#handler.data(head, head.length - padding, bytes, start, end);
    if (this.#left === 0) this.#handler.more(bytes, end, end, true);
    return whole;
  }

  #hold(bytes: Buffer, start: number, end: number): void {
    if (this.#held.length < this.#need) {
      const grown = Buffer.allocUnsafeSlow(Math.max(64, this.#need));
      this.#held.copy(grown, 0, 0, this.#heldLength);
      this.#held = grown;
    }
    this.#heldLength += bytes.copy(this.#held, this.#heldLength, start, end);
  }
}

const none = Buffer.alloc(0);
