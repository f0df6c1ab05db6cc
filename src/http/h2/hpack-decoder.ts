// Reads header blocks (RFC 7541), one decoder a direction of a connection. What can't be read is an error of the whole
// connection: the tables of both ends are out of step from then on.
import { Field, type FieldFlaw, nameFlaw } from './field.ts';
import { decodeHuffman } from './huffman.ts';
import { staticCount, staticTable } from './static-table.ts';

export type ListLimits = {
  /** Bytes of all names and values, and 32 for each field (RFC 9113 §10.5.1). */
  readonly bytes: number;
  readonly fields: number;
};

/** `ok`; `over` the limits, the table still in step; `broken` for good. */
export type DecodeResult = 'ok' | 'over' | 'broken';

/** Of one block: a longer integer is of no use to anybody. */
const maxInteger = 1 << 24;
let scratch = Buffer.allocUnsafeSlow(16_384);

export class HpackDecoder {
  /** Grows with every change of the dynamic table or its limit: while it is the same, the same bytes mean the same. */
  version = 0;
  /** Entries, oldest first from #first on. */
  #entries: Field[] = [];
  #first = 0;
  #used = 0;
  /** What the encoder chose, and the most it may choose. */
  #size = 4_096;
  #limit = 4_096;
  /** The limit was lowered: the next block must begin with a size no larger than this. */
  #mustShrinkTo = -1;

  #bytes: Buffer = scratch;
  #at = 0;
  #end = 0;

  /** The limit that the encoder has acknowledged (SETTINGS_HEADER_TABLE_SIZE). */
  setLimit(limit: number): void {
    if (limit < this.#size)
      this.#mustShrinkTo = Math.min(limit, this.#mustShrinkTo < 0 ? limit : this.#mustShrinkTo);
    this.#limit = limit;
    this.version++;
  }

  /** Reads a whole block. After `over`, `into` holds the fields up to the limit. */
  decode(bytes: Buffer, start: number, end: number, limits: ListLimits, into: Field[]): DecodeResult {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    let left = limits.bytes;
    let over = false;
    let begun = false;
    while (this.#at < end) {
      const byte = bytes[this.#at] as number;
      let field: Field | undefined;
      if (byte >= 0x80) field = this.#entry(this.#integer(0x7f));
      else if (byte >= 0x40) field = this.#literal(0x3f, false);
      else if (byte >= 0x20) {
        if (begun || !this.#resize(this.#integer(0x1f))) return 'broken';
        continue;
      } else field = this.#literal(0x0f, byte >= 0x10);
      if (field === undefined) return 'broken';
      if (!begun && this.#mustShrinkTo >= 0) return 'broken';
      begun = true;
      if (byte >= 0x40 && byte < 0x80) this.#insert(field);
      left -= field.size;
      if (left < 0 || into.length >= limits.fields) over = true;
      else into.push(field);
    }
    return over ? 'over' : 'ok';
  }

  #entry(index: number): Field | undefined {
    if (index <= 0) return undefined;
    if (index <= staticCount) return staticTable[index];
    const at = this.#entries.length - (index - staticCount);
    return at >= this.#first ? this.#entries[at] : undefined;
  }

  #literal(mask: number, never: boolean): Field | undefined {
    const index = this.#integer(mask);
    if (index < 0) return undefined;
    let name: string | undefined;
    let flaw: FieldFlaw;
    if (index > 0) {
      const named = this.#entry(index);
      if (named === undefined) return undefined;
      name = named.name;
      flaw = named.flaw === 'h2-field-name' ? named.flaw : undefined;
    } else {
      name = this.#string();
      if (name === undefined) return undefined;
      flaw = nameFlaw(name);
    }
    const value = this.#string();
    return value === undefined ? undefined : new Field(name, value, flaw, never);
  }

  /** @returns -1 when it is cut short or too large */
  #integer(mask: number): number {
    let value = (this.#bytes[this.#at++] as number) & mask;
    if (value < mask) return value;
    for (let shift = 0; this.#at < this.#end && shift <= 21; shift += 7) {
      const byte = this.#bytes[this.#at++] as number;
      value += (byte & 0x7f) << shift;
      if (value > maxInteger) return -1;
      if (byte < 0x80) return value;
    }
    return -1;
  }

  #string(): string | undefined {
    if (this.#at >= this.#end) return undefined;
    const huffman = (this.#bytes[this.#at] as number) >= 0x80;
    const length = this.#integer(0x7f);
    const start = this.#at;
    if (length < 0 || length > this.#end - start) return undefined;
    this.#at = start + length;
    if (!huffman) return this.#bytes.toString('latin1', start, this.#at);
    if (length * 2 > scratch.length) scratch = Buffer.allocUnsafeSlow(length * 2);
    const decoded = decodeHuffman(this.#bytes, start, this.#at, scratch);
    return decoded < 0 ? undefined : scratch.toString('latin1', 0, decoded);
  }

  #resize(size: number): boolean {
    if (size < 0 || size > this.#limit) return false;
    if (this.#mustShrinkTo >= 0 && size <= this.#mustShrinkTo) this.#mustShrinkTo = -1;
    this.#size = size;
    this.version++;
    this.#evict(0);
    return true;
  }

  #insert(field: Field): void {
    this.version++;
    this.#evict(field.size);
    // One larger than the table empties it, and that is no error.
    if (field.size > this.#size) return;
    this.#entries.push(field);
    this.#used += field.size;
  }

  #evict(room: number): void {
    while (this.#first < this.#entries.length && this.#used + room > this.#size) {
      this.#used -= (this.#entries[this.#first++] as Field).size;
    }
    if (this.#first > 64 && this.#first * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }
}
