// One field of a header block, its syntax judged once: entries of HPACK's tables are met again with every request.
import { isToken } from '../bytes.ts';

/** What is wrong with a field's syntax in HTTP/2 (RFC 9113 §8.2.1), or undefined. */
export type FieldFlaw = 'h2-field-name' | 'h2-field-value' | undefined;

/** Immutable, but for how it is written. A class, for one shape on the hot path. */
export class Field {
  /** As sent: lower case where there is no flaw. */
  readonly name: string;
  /** One character a byte (latin1). */
  readonly value: string;
  readonly flaw: FieldFlaw;
  /** Must never be indexed by whoever forwards it (RFC 7541 §6.2.3). */
  readonly never: boolean;
  /** As a literal that no table keeps, made when it is forwarded for the second time: then it stands in a table. */
  wire: Uint8Array | undefined = undefined;
  met = false;

  constructor(name: string, value: string, nameFlaw: FieldFlaw, never: boolean) {
    this.name = name;
    this.value = value;
    this.flaw = nameFlaw ?? valueFlaw(value);
    this.never = never;
  }

  /** What it costs in a table and in a header list (RFC 7541 §4.1). */
  get size(): number {
    return this.name.length + this.value.length + 32;
  }
}

/** Lower-case token characters, after a colon for what could be a pseudo-header. */
export function nameFlaw(name: string): FieldFlaw {
  const first = name.charCodeAt(0) === 0x3a ? 1 : 0;
  if (name.length === first) return 'h2-field-name';
  for (let at = first; at < name.length; at++) {
    const code = name.charCodeAt(at);
    if (isToken[code] !== 1 || (code >= 0x41 && code <= 0x5a)) return 'h2-field-name';
  }
  return undefined;
}

const badValue = /[^\t\x20-\x7e\x80-\xff]/;

/** No control bytes, as in HTTP/1.1 heads, and no white space around it. */
function valueFlaw(value: string): FieldFlaw {
  if (value === '') return undefined;
  const first = value.charCodeAt(0);
  const last = value.charCodeAt(value.length - 1);
  if (first === 0x20 || first === 9 || last === 0x20 || last === 9) return 'h2-field-value';
  return badValue.test(value) ? 'h2-field-value' : undefined;
}
