// A slow, plain HPACK encoder that uses everything RFC 7541 allows, as its choices tell it to: for property tests and
// fuzzers. It keeps its table as a list and searches it from end to end.
import { huffmanCodes } from '../huffman.ts';
import { staticTable } from '../static-table.ts';

export type TwinField = readonly [name: string, value: string];

/** How one field is written, where there is a choice. */
export type TwinChoice = {
  readonly form: 'indexed' | 'insert' | 'plain' | 'never';
  readonly huffman: boolean;
  /** Write the name out although the tables have it. */
  readonly spell: boolean;
};

export class HpackTwin {
  #table: TwinField[] = [];
  #size = 4_096;

  /** Writes a change of the table's size. */
  resize(size: number): Buffer {
    this.#size = size;
    this.#evict(0);
    return Buffer.from(integer(0x20, 5, size));
  }

  field([name, value]: TwinField, choice: TwinChoice): Buffer {
    const all: readonly TwinField[] = [
      ...staticTable.slice(1).map((field): TwinField => [field?.name ?? '', field?.value ?? '']),
      ...this.#table,
    ];
    const whole = all.findIndex(([n, v]) => n === name && v === value) + 1;
    if (choice.form === 'indexed' && whole > 0) return Buffer.from(integer(0x80, 7, whole));
    const named = choice.spell ? 0 : all.findIndex(([n]) => n === name) + 1;
    const [first, bits] =
      choice.form === 'insert' || choice.form === 'indexed'
        ? [0x40, 6]
        : [choice.form === 'never' ? 0x10 : 0, 4];
    const bytes = integer(first, bits, named);
    if (named === 0) bytes.push(...text(name, choice.huffman));
    bytes.push(...text(value, choice.huffman));
    if (first === 0x40) this.#insert([name, value]);
    return Buffer.from(bytes);
  }

  #insert(field: TwinField): void {
    const size = sizeOf(field);
    this.#evict(size);
    if (size <= this.#size) this.#table.unshift(field);
  }

  #evict(room: number): void {
    while (this.#table.length > 0 && total(this.#table) + room > this.#size) this.#table.pop();
  }
}

function sizeOf([name, value]: TwinField): number {
  return name.length + value.length + 32;
}

function total(table: readonly TwinField[]): number {
  return table.reduce((sum, field) => sum + sizeOf(field), 0);
}

function integer(first: number, bits: number, value: number): number[] {
  const most = 2 ** bits - 1;
  if (value < most) return [first | value];
  const bytes = [first | most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}

function text(value: string, huffman: boolean): number[] {
  const raw = [...Buffer.from(value, 'latin1')];
  const bytes = huffman ? encodeHuffman(raw) : raw;
  return [...integer(huffman ? 0x80 : 0, 7, bytes.length), ...bytes];
}

export function encodeHuffman(raw: readonly number[]): number[] {
  let bits = '';
  for (const byte of raw) {
    const entry = huffmanCodes[byte];
    bits += (entry?.code ?? 0).toString(2).padStart(entry?.bits ?? 0, '0');
  }
  bits = bits.padEnd(Math.ceil(bits.length / 8) * 8, '1');
  return (bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2));
}
