// Protobuf's wire format, read strictly. What Go's generated readers would take modulo some power of two is refused.
import { BodyError } from './problems.ts';
import { utf8Text } from './utf8.ts';

/** A cursor over the bytes; offsets are those of the whole body, so that nested messages need no copies. */
export class WireReader {
  readonly bytes: Buffer;
  at: number;
  /** Of the last varint: its lower and upper 32 bits, unsigned. */
  low = 0;
  high = 0;

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
  }

  /** Sets low and high. */
  varint(end: number): void {
    const { bytes } = this;
    let low = 0;
    let high = 0;
    for (let i = 0; i < 10; i++) {
      if (this.at >= end) throw new BodyError('body-syntax', 'a protobuf number does not end');
      const byte = bytes[this.at++] as number;
      const bits = byte & 0x7f;
      if (i < 4) low |= bits << (i * 7);
      else if (i === 4) {
        low |= bits << 28;
        high = bits >> 4;
      } else high |= bits << (i * 7 - 32);
      if (byte < 0x80) {
        // The tenth byte holds one bit of 64.
        if (i === 9 && byte > 1) break;
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw new BodyError('body-syntax', 'a protobuf number has more than 64 bits');
  }

  /** The tag: field number and wire type, as one number. Go would drop the bits beyond 32. */
  tag(end: number): number {
    this.varint(end);
    if (this.high !== 0 || this.low < 8)
      throw new BodyError('body-syntax', 'a protobuf field has no valid number');
    return this.low;
  }

  /** Reads a length; returns where what it measures ends. */
  measured(end: number): number {
    this.varint(end);
    if (this.high !== 0 || this.low > end - this.at) {
      throw new BodyError('body-syntax', 'a protobuf length reaches beyond what holds it');
    }
    return this.at + this.low;
  }

  int32(end: number): number {
    this.varint(end);
    return this.low | 0;
  }

  int64(end: number): number | bigint {
    this.varint(end);
    const value = (this.high | 0) * 2 ** 32 + this.low;
    return Number.isSafeInteger(value)
      ? value
      : BigInt.asIntN(64, (BigInt(this.high) << 32n) | BigInt(this.low));
  }

  bool(end: number): boolean {
    this.varint(end);
    return this.low !== 0 || this.high !== 0;
  }

  double(end: number): number {
    if (end - this.at < 8) throw new BodyError('body-syntax', 'a protobuf message ends in a field');
    const value = this.bytes.readDoubleLE(this.at);
    this.at += 8;
    if (!Number.isFinite(value)) throw new BodyError('body-syntax', 'a number is not finite');
    return value;
  }

  text(end: number): string {
    const stop = this.measured(end);
    const start = this.at;
    this.at = stop;
    const text = utf8Text(this.bytes, start, stop);
    // Go keeps bytes that are not UTF-8; JSON made of them would not.
    if (text === undefined) throw new BodyError('body-ambiguous', 'a text is not UTF-8');
    return text;
  }

  /** Passes over a field that is not known. Groups are refused: no Kubernetes message has one. */
  skip(wireType: number, end: number): void {
    if (wireType === 0) this.varint(end);
    else if (wireType === 2) this.at = this.measured(end);
    else if (wireType === 1 || wireType === 5) {
      this.at += wireType === 1 ? 8 : 4;
      if (this.at > end) throw new BodyError('body-syntax', 'a protobuf message ends in a field');
    } else throw new BodyError('body-syntax', 'a protobuf field is of no known wire type');
  }
}
