// Where a message's body ends, chunk framing and trailers included. Bytes are counted, never rewritten: the relay
// forwards them as they came.
import { CR, hexValue, LF } from './bytes.ts';
import { FieldScan, scanFields } from './field-scan.ts';
import { FieldTable } from './field-table.ts';
import type { Framing } from './framing.ts';
import type { RefusalCode, Refused } from './refusals.ts';

export type BodyLimits = {
  /** Hexadecimal digits of one chunk size; 8. The size line is these and CRLF, nothing else. */
  readonly chunkDigits: number;
  /** Bytes of the trailer section, its blank line included; 8,192. */
  readonly trailerBytes: number;
  /** Trailer fields; 32. */
  readonly trailerFields: number;
};
export const defaultBodyLimits: BodyLimits = { chunkDigits: 8, trailerBytes: 8_192, trailerFields: 32 };

export type BodyPart = {
  readonly kind: 'body';
  /** One past the last of the given bytes that belongs to this body. Less than their length only when complete. */
  readonly end: number;
  readonly complete: boolean;
};

/** Reads one body. Use a new one for each message. */
export type BodyReader = {
  /**
   * Counts the bytes from `start` on. After `complete` it takes none; after a refusal it refuses again. A refusal's `at`
   * may lie before `start`, and below 0, when an earlier piece ended in the byte at fault.
   */
  feed(bytes: Buffer, start: number): BodyPart | Refused;
  /** All bytes have been fed: from the start on for framing none and length 0. */
  readonly complete: boolean;
  /** Would the end of the connection now be the body's proper end? (complete, or until-close) */
  readonly completeAtEnd: boolean;
  /** Trailer fields of a complete chunked body; undefined before, and when there are none. A copy: safe to keep. */
  readonly trailers: FieldTable | undefined;
};

/** Called with each range of the fed bytes that is content: chunk framing and trailers left out. */
export type OnData = (bytes: Buffer, start: number, end: number) => void;

/** @param onData called inside feed, in order. */
export function createBodyReader(framing: Framing, limits: BodyLimits, onData?: OnData): BodyReader {
  switch (framing.kind) {
    case 'none':
      return new LengthReader(0, onData);
    case 'length':
      return new LengthReader(framing.length, onData);
    case 'until-close':
      return new LengthReader(Number.POSITIVE_INFINITY, onData);
    case 'chunked':
      return new ChunkedReader(limits, onData);
  }
}

/** A body of known length; an infinite one ends with the connection. */
class LengthReader implements BodyReader {
  #left: number;
  readonly #onData: OnData | undefined;
  readonly trailers = undefined;

  constructor(length: number, onData: OnData | undefined) {
    this.#left = length;
    this.#onData = onData;
  }

  get complete(): boolean {
    return this.#left === 0;
  }
  get completeAtEnd(): boolean {
    return this.#left === 0 || this.#left === Number.POSITIVE_INFINITY;
  }

  feed(bytes: Buffer, start: number): BodyPart {
    const end = Math.min(bytes.length, start + this.#left);
    this.#left -= end - start;
    if (end > start) this.#onData?.(bytes, start, end);
    return { kind: 'body', end, complete: this.#left === 0 };
  }
}

const SIZE = 0;
const SIZE_LF = 1;
const DATA = 2;
const DATA_CR = 3;
const DATA_LF = 4;
const TRAILERS = 5;
const DONE = 6;

/**
 * Chunked coding (RFC 9112 §7.1), strict: a size is digits and CRLF. Extensions are refused: no Kubernetes client or
 * server sends any, and readers differ on where their quoted strings and line ends stop.
 */
class ChunkedReader implements BodyReader {
  readonly #limits: BodyLimits;
  readonly #onData: OnData | undefined;
  #phase: number = SIZE;
  /** Digits of the size read so far, and in DATA the bytes still to come. */
  #digits = 0;
  #size = 0;
  /** The trailer section so far: a copy, because it can come in pieces and is judged whole. */
  #held: Buffer | undefined;
  #heldLength = 0;
  readonly #scan = new FieldScan();
  #refused: Refused | undefined;
  trailers: FieldTable | undefined = undefined;

  constructor(limits: BodyLimits, onData: OnData | undefined) {
    this.#limits = limits;
    this.#onData = onData;
  }

  get complete(): boolean {
    return this.#phase === DONE;
  }
  get completeAtEnd(): boolean {
    return this.#phase === DONE;
  }

  feed(bytes: Buffer, start: number): BodyPart | Refused {
    if (this.#refused) return this.#refused;
    let at = start;
    while (at < bytes.length && this.#phase !== DONE) {
      if (this.#phase === DATA) {
        const end = Math.min(bytes.length, at + this.#size);
        this.#onData?.(bytes, at, end);
        this.#size -= end - at;
        at = end;
        if (this.#size === 0) this.#phase = DATA_CR;
      } else if (this.#phase === TRAILERS) {
        // Nearly every chunked body ends here, with no trailers and in one piece: nothing is copied.
        if (this.#heldLength === 0 && bytes[at] === CR && bytes[at + 1] === LF) {
          this.#phase = DONE;
          at += 2;
          break;
        }
        const before = this.#heldLength;
        const problem = this.#feedTrailers(bytes, at);
        if (problem) return this.#refuse(problem, at + this.#scan.pos - before);
        at += this.#heldLength - before;
      } else {
        const problem = this.#feedByte(bytes[at] as number);
        if (problem) return this.#refuse(problem, at);
        at++;
      }
    }
    return { kind: 'body', end: at, complete: this.#phase === DONE };
  }

  #refuse(code: RefusalCode, at: number): Refused {
    this.#refused = { kind: 'refused', code, at };
    return this.#refused;
  }

  /** One byte of chunk framing. */
  #feedByte(byte: number): RefusalCode | undefined {
    switch (this.#phase) {
      case SIZE: {
        const digit = hexValue[byte] as number;
        if (digit === 16) return this.#endSize(byte);
        if (this.#digits === this.#limits.chunkDigits) return 'chunk-size-too-long';
        this.#digits++;
        this.#size = this.#size * 16 + digit;
        return;
      }
      case SIZE_LF:
        if (byte !== LF) return 'bare-cr';
        this.#digits = 0;
        this.#phase = this.#size === 0 ? TRAILERS : DATA;
        return;
      case DATA_CR:
        if (byte === LF) return 'bare-lf';
        if (byte !== CR) return 'chunk-overrun';
        this.#phase = DATA_LF;
        return;
      default:
        if (byte !== LF) return 'bare-cr';
        this.#phase = SIZE;
        return;
    }
  }

  #endSize(byte: number): RefusalCode | undefined {
    if (this.#digits === 0) return byte === LF ? 'bare-lf' : 'bad-chunk-size';
    if (byte === 0x3b) return 'chunk-extension';
    if (byte === LF) return 'bare-lf';
    if (byte !== CR) return 'bad-chunk-size';
    this.#phase = SIZE_LF;
    return;
  }

  /** Takes what belongs to the trailer section into `#held`; on a refusal `#scan.pos` is where. */
  #feedTrailers(bytes: Buffer, at: number): RefusalCode | undefined {
    const limit = this.#limits.trailerBytes;
    this.#held ??= Buffer.allocUnsafeSlow(limit);
    this.#heldLength += bytes.copy(this.#held, this.#heldLength, at);
    const result = scanFields(this.#scan, this.#held, 0, this.#heldLength, this.#limits.trailerFields);
    if (result === 'more') return this.#heldLength === limit ? 'trailers-too-large' : undefined;
    if (result !== 'done') return result;
    this.#heldLength = this.#scan.pos;
    if (this.#scan.offsets.length > 0) {
      const trailers = new FieldTable(this.#held, 0, this.#scan.offsets, this.#scan.pos - 2);
      if (headOnlyNames.some((name) => trailers.find(name) >= 0)) return 'forbidden-trailer';
      this.trailers = trailers;
    }
    this.#phase = DONE;
    return;
  }
}

/** Names that frame, route or authenticate (RFC 9110 §6.5.1): a reader that merges trailers into the head would obey. */
export const headOnlyNames: readonly string[] = [
  'authorization',
  'connection',
  'content-length',
  'cookie',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];
