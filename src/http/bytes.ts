// Classes of bytes (RFC 9110 §5.6.2, §5.5; RFC 3986) as lookup tables, and the few byte comparisons that heads need.

export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;

function byteClass(holds: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (holds(byte) ? 1 : 0));
}

/** tchar: what methods and field names are made of. */
export const isToken: Uint8Array = byteClass((byte) =>
  /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(byte)),
);

/** Letters, digits and `-._~`: what names of hosts, and IPv4 addresses, are made of. */
export const isHostName: Uint8Array = byteClass((byte) => /[0-9A-Za-z._~-]/.test(String.fromCharCode(byte)));

/**
 * Field values and reason phrases: HTAB, SP, visible ASCII and obs-text (0x80 to 0xff). obs-text is let through because
 * every reader, Go's included, takes it for opaque bytes, and no field that this layer reads for itself may hold it.
 */
export const isText: Uint8Array = byteClass((byte) => byte === HTAB || (byte >= SP && byte !== 0x7f));

/** Hexadecimal digit → its value; 16 for every other byte. */
export const hexValue: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  const digit = '0123456789abcdef'.indexOf(String.fromCharCode(byte).toLowerCase());
  return digit >= 0 && byte < 0x80 ? digit : 16;
});

export function isControl(byte: number): boolean {
  return byte < SP || byte === 0x7f;
}

/** Lower case of every byte; only ASCII letters change. */
const lower = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte,
);

/** Are the bytes at `from`, ASCII letters folded, `lowerCaseText`? The caller has compared the lengths. */
export function equalsLower(bytes: Uint8Array, from: number, lowerCaseText: string): boolean {
  for (let i = 0; i < lowerCaseText.length; i++) {
    if (lower[bytes[from + i] as number] !== lowerCaseText.charCodeAt(i)) return false;
  }
  return true;
}
