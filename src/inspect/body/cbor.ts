// CBOR (RFC 8949) as the API server reads it: apimachinery pkg/runtime/serializer/cbor/internal/modes/decode.go. Ours and
// not a library's: the profile is small, and what it refuses matters more than what it reads.
import { isUtf8 } from 'node:buffer';
import { BodyError } from './problems.ts';
import { setOwn } from './reach.ts';
import type { BodyLimits, JsonValue } from './types.ts';
import { utf8Text } from './utf8.ts';

/** @throws BodyError */
export function decodeCbor(bytes: Uint8Array, limits: BodyLimits): JsonValue {
  return new Decoder(bytes, limits).whole();
}

/**
 * Fields whose type in the API is bytes. There a byte string is base64 in JSON; anywhere else it is text, and what is
 * marked to become base64 (tag 22) is read one way by some servers and another by others.
 */
const byteFields: ReadonlySet<string> = new Set(['caBundle', 'certificate', 'request']);
const byteMaps: ReadonlySet<string> = new Set(['binaryData', 'data']);

const selfDescribed = 55_799;
const laterBase64 = 22;
const indefinite = -1;

class Decoder {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #limits: BodyLimits;
  #at = 0;
  #values = 0;
  /** The additional information of the last head. */
  #info = 0;

  constructor(bytes: Uint8Array, limits: BodyLimits) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#limits = limits;
  }

  whole(): JsonValue {
    // The mark may stand before the one item, once.
    const start = this.#at;
    if (!(this.#major() === 6 && this.#argument() === selfDescribed)) this.#at = start;
    const value = this.#item(1, false);
    if (this.#at < this.#bytes.length) throw new BodyError('body-syntax', 'bytes follow the CBOR item');
    return value;
  }

  /** Reads the first byte of a head. */
  #major(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new BodyError('body-syntax', 'the CBOR item does not end');
    this.#at++;
    this.#info = byte & 0x1f;
    return byte >> 5;
  }

  #argument(): number | bigint {
    const info = this.#info;
    if (info < 24) return info;
    if (info > 27) throw new BodyError('body-syntax', 'a CBOR head is not well-formed');
    const size = 1 << (info - 24);
    if (this.#bytes.length - this.#at < size)
      throw new BodyError('body-syntax', 'the CBOR item does not end');
    const at = this.#at;
    this.#at += size;
    if (size === 1) return this.#view.getUint8(at);
    if (size === 2) return this.#view.getUint16(at);
    if (size === 4) return this.#view.getUint32(at);
    const value = this.#view.getBigUint64(at);
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
  }

  /** A count or length, or `indefinite`. No more is claimed than bytes are left, at `least` bytes for each. */
  #length(least: number): number {
    if (this.#info === 31) return indefinite;
    const length = this.#argument();
    if (typeof length !== 'number' || length * least > this.#bytes.length - this.#at) {
      throw new BodyError('body-syntax', 'a CBOR length reaches beyond the end');
    }
    return length;
  }

  /** @param isBytes whether a byte string here stands for bytes */
  #item(depth: number, isBytes: boolean, areBytes = false): JsonValue {
    if (++this.#values > this.#limits.maxValues) {
      throw new BodyError('body-too-large-decoded', `more than ${this.#limits.maxValues} values`);
    }
    const major = this.#major();
    if (major === 0) return this.#integer(false);
    if (major === 1) return this.#integer(true);
    if (major === 2) return this.#byteString(isBytes);
    if (major === 3) return this.#string(3);
    if (major === 6) return this.#tagged(isBytes);
    if (major === 7) return this.#simple();
    if (depth > this.#limits.maxDepth) {
      throw new BodyError('body-too-deep', `more than ${this.#limits.maxDepth} levels`);
    }
    return major === 4 ? this.#list(depth) : this.#map(depth, areBytes);
  }

  /** The server reads integers as int64. */
  #integer(negative: boolean): number | bigint {
    const argument = this.#argument();
    if (typeof argument === 'number') {
      const value = negative ? -1 - argument : argument;
      return Number.isSafeInteger(value) ? value : BigInt(-1) - BigInt(argument);
    }
    if (argument >= 2n ** 63n) throw new BodyError('body-syntax', 'an integer has more than 64 bits');
    return negative ? -1n - argument : argument;
  }

  /** The content of a string, its chunks joined. */
  #chunks(major: number): Buffer {
    const length = this.#length(1);
    if (length !== indefinite) {
      this.#at += length;
      return this.#bytes.subarray(this.#at - length, this.#at);
    }
    const parts: Buffer[] = [];
    while (!this.#isBreak()) {
      if (++this.#values > this.#limits.maxValues) {
        throw new BodyError('body-too-large-decoded', `more than ${this.#limits.maxValues} values`);
      }
      if (this.#major() !== major || this.#info === 31) {
        throw new BodyError('body-syntax', 'a chunk of a CBOR string is none');
      }
      const size = this.#length(1);
      const part = this.#bytes.subarray(this.#at, this.#at + size);
      // Each chunk of text is text by itself.
      if (major === 3 && !isUtf8(part)) throw notText();
      this.#at += size;
      parts.push(part);
    }
    return Buffer.concat(parts);
  }

  #isBreak(): boolean {
    if (this.#bytes[this.#at] !== 0xff) return false;
    this.#at++;
    return true;
  }

  /** A string as text, whichever kind it is of. */
  #string(major: number): string {
    let text: string | undefined;
    if (this.#info === 31) {
      const content = this.#chunks(major);
      text = utf8Text(content, 0, content.length);
    } else {
      const length = this.#length(1);
      text = utf8Text(this.#bytes, this.#at, this.#at + length);
      this.#at += length;
    }
    if (text === undefined) throw notText();
    return text;
  }

  #byteString(isBytes: boolean): string {
    return isBytes ? this.#chunks(2).toString('base64') : this.#string(2);
  }

  #tagged(isBytes: boolean): JsonValue {
    const tag = this.#argument();
    if (tag === laterBase64 && isBytes && this.#major() === 2) return this.#byteString(true);
    throw new BodyError('body-ambiguous', 'a CBOR tag stands where no server needs one');
  }

  #simple(): JsonValue {
    switch (this.#info) {
      case 20:
        return false;
      case 21:
        return true;
      case 22:
        return null;
      case 25:
      case 26:
      case 27:
        return this.#float(this.#info);
      default:
        throw new BodyError('body-syntax', 'a CBOR value has no counterpart in JSON');
    }
  }

  #float(info: 25 | 26 | 27): number {
    const size = 1 << (info - 24);
    if (this.#bytes.length - this.#at < size)
      throw new BodyError('body-syntax', 'the CBOR item does not end');
    const at = this.#at;
    this.#at += size;
    const value =
      info === 25
        ? this.#view.getFloat16(at)
        : info === 26
          ? this.#view.getFloat32(at)
          : this.#view.getFloat64(at);
    if (!Number.isFinite(value)) throw new BodyError('body-syntax', 'a number is not finite');
    return value;
  }

  #list(depth: number): JsonValue {
    const length = this.#length(1);
    const list: JsonValue[] = [];
    while (length === indefinite ? !this.#isBreak() : list.length < length)
      list.push(this.#item(depth + 1, false));
    return list;
  }

  #map(depth: number, areBytes: boolean): JsonValue {
    const length = this.#length(2);
    const map: { [name: string]: JsonValue } = {};
    for (let count = 0; length === indefinite ? !this.#isBreak() : count < length; count++) {
      const major = this.#major();
      // The server takes byte strings for names of fields.
      if (major !== 2 && major !== 3) throw new BodyError('body-syntax', 'a key of a CBOR map is no text');
      const key = this.#string(major);
      if (Object.hasOwn(map, key)) throw new BodyError('body-ambiguous', 'a CBOR map has a key twice');
      setOwn(map, key, this.#item(depth + 1, areBytes || byteFields.has(key), byteMaps.has(key)));
    }
    return map;
  }
}

function notText(): BodyError {
  return new BodyError('body-syntax', 'a CBOR text is not UTF-8');
}
