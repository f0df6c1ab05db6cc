// Writes header blocks that no table has to remember: static entries and literals without indexing. Whoever reads them
// needs no state in step with ours, so a block can be left out, kept and written again.
import type { Field } from './field.ts';
import { staticField, staticName } from './static-table.ts';

/** Tells the reader that the dynamic table is empty and stays so (RFC 7541 §6.3); stands first in a block. */
export const emptyTable: Uint8Array = Uint8Array.of(0x20);

/** Most bytes that a field takes: two lengths of up to five bytes, and the literal's first. */
export function fieldRoom(name: string, value: string): number {
  return name.length + value.length + 11;
}

/** Writes one field at `at`. The strings are one character a byte. @returns where it ends */
export function writeField(out: Buffer, at: number, name: string, value: string, never: boolean): number {
  const whole = staticField(name, value);
  if (whole > 0) {
    out[at] = 0x80 | whole;
    return at + 1;
  }
  const index = staticName(name);
  let end = writeInteger(out, at, never ? 0x10 : 0, 0x0f, index);
  if (index === 0) end = writeString(out, end, name);
  return writeString(out, end, value);
}

/** A field as it goes on the wire, in bytes of its own. */
export function fieldWire(field: Field): Uint8Array {
  const out = Buffer.allocUnsafeSlow(fieldRoom(field.name, field.value));
  return out.subarray(0, writeField(out, 0, field.name, field.value, field.never));
}

function writeInteger(out: Buffer, start: number, first: number, mask: number, value: number): number {
  let at = start;
  if (value < mask) {
    out[at++] = first | value;
    return at;
  }
  out[at++] = first | mask;
  let rest = value - mask;
  for (; rest >= 0x80; rest >>>= 7) out[at++] = (rest & 0x7f) | 0x80;
  out[at++] = rest;
  return at;
}

function writeString(out: Buffer, start: number, text: string): number {
  let at = writeInteger(out, start, 0, 0x7f, text.length);
  if (text.length > 40) return at + out.write(text, at, 'latin1');
  // A call into the runtime costs more than these few bytes.
  for (let i = 0; i < text.length; i++) out[at++] = text.charCodeAt(i);
  return at;
}
