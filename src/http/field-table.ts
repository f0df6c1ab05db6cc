// Where the field lines of a head or trailer section stand in its bytes: offsets only, text on demand.

import { equalsLower } from './bytes.ts';

/**
 * Field lines by index, in the order they came, repeated names kept apart. All offsets given out are absolute within
 * `bytes`, which must not be overwritten while the table is in use. A class, for one shape on the hot path.
 */
export class FieldTable {
  readonly bytes: Buffer;
  readonly #start: number;
  /** Four numbers a field, relative to #start: name start, name end, value start, value end. */
  readonly #offsets: readonly number[];
  /** Where the blank line after the last field begins, absolute. */
  readonly #end: number;
  /** How many field lines. */
  readonly count: number;

  constructor(bytes: Buffer, start: number, offsets: readonly number[], end: number) {
    this.bytes = bytes;
    this.#start = start;
    this.#offsets = offsets;
    this.#end = end;
    this.count = offsets.length >> 2;
  }

  /** Is the name of field `index`, in any letter case, `lowerCaseName`? */
  nameEquals(index: number, lowerCaseName: string): boolean {
    const from = this.nameStart(index);
    if (this.nameEnd(index) - from !== lowerCaseName.length) return false;
    return equalsLower(this.bytes, from, lowerCaseName);
  }

  /** Does the name of field `index`, in any letter case, begin with `lowerCasePrefix`? */
  nameStartsWith(index: number, lowerCasePrefix: string): boolean {
    const from = this.nameStart(index);
    if (this.nameEnd(index) - from < lowerCasePrefix.length) return false;
    return equalsLower(this.bytes, from, lowerCasePrefix);
  }

  /** Index of the first field of that name at or after `from`, or -1. */
  find(lowerCaseName: string, from = 0): number {
    for (let index = from; index < this.count; index++)
      if (this.nameEquals(index, lowerCaseName)) return index;
    return -1;
  }

  /** The name as it was written. */
  nameText(index: number): string {
    return this.bytes.toString('latin1', this.nameStart(index), this.nameEnd(index));
  }

  /** The value without the white space around it, one character a byte (latin1). */
  valueText(index: number): string {
    return this.bytes.toString('latin1', this.valueStart(index), this.valueEnd(index));
  }

  nameStart(index: number): number {
    return this.#start + (this.#offsets[index * 4] as number);
  }
  nameEnd(index: number): number {
    return this.#start + (this.#offsets[index * 4 + 1] as number);
  }
  valueStart(index: number): number {
    return this.#start + (this.#offsets[index * 4 + 2] as number);
  }
  valueEnd(index: number): number {
    return this.#start + (this.#offsets[index * 4 + 3] as number);
  }
  /** One past the CRLF of field line `index`; the line begins at `nameStart(index)`. */
  lineEnd(index: number): number {
    return index + 1 < this.count ? this.nameStart(index + 1) : this.#end;
  }
}
