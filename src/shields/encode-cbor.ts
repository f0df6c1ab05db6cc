// JSON values as CBOR (RFC 8949), as the API server writes it: definite lengths, text as byte strings or text.

/** With the self-described tag, which the API server puts before each document. */
export function encodeCbor(value: unknown): Buffer {
  const parts: Buffer[] = [Buffer.from([0xd9, 0xd9, 0xf7])];
  write(value, parts);
  return Buffer.concat(parts);
}

function write(value: unknown, parts: Buffer[]): void {
  if (value === null || value === undefined) parts.push(Buffer.from([0xf6]));
  else if (typeof value === 'boolean') parts.push(Buffer.from([value ? 0xf5 : 0xf4]));
  else if (typeof value === 'number') writeNumber(value, parts);
  else if (typeof value === 'string') {
    const bytes = Buffer.from(value);
    parts.push(first(3, bytes.length), bytes);
  } else if (Array.isArray(value)) {
    parts.push(first(4, value.length));
    for (const item of value) write(item, parts);
  } else {
    const entries = Object.entries(value as object);
    parts.push(first(5, entries.length));
    for (const [key, item] of entries) {
      write(key, parts);
      write(item, parts);
    }
  }
}

function writeNumber(value: number, parts: Buffer[]): void {
  if (Number.isSafeInteger(value)) {
    parts.push(value >= 0 ? first(0, value) : first(1, -1 - value));
    return;
  }
  const bytes = Buffer.alloc(9);
  bytes[0] = 0xfb;
  bytes.writeDoubleBE(value, 1);
  parts.push(bytes);
}

/** The first bytes of an item: its major type and its argument. */
function first(major: number, argument: number): Buffer {
  const type = major << 5;
  if (argument < 24) return Buffer.from([type | argument]);
  if (argument < 0x100) return Buffer.from([type | 24, argument]);
  if (argument < 0x10000) return Buffer.from([type | 25, argument >> 8, argument & 0xff]);
  const bytes = Buffer.alloc(argument < 0x1_0000_0000 ? 5 : 9);
  if (bytes.length === 5) {
    bytes[0] = type | 26;
    bytes.writeUInt32BE(argument, 1);
  } else {
    bytes[0] = type | 27;
    bytes.writeBigUInt64BE(BigInt(argument), 1);
  }
  return bytes;
}
