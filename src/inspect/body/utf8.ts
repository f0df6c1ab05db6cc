// Text out of bytes, for the binary formats, whose texts are short and many: character by character in JavaScript is twice
// as fast as a call of the runtime for each (120 against 270 ns).
import { isUtf8 } from 'node:buffer';

const characters = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));
const short = 32;

/** undefined where the bytes are not UTF-8. */
export function utf8Text(bytes: Buffer, start: number, end: number): string | undefined {
  if (end - start <= short) {
    let text = '';
    let at = start;
    for (; at < end; at++) {
      const character = characters[bytes[at] as number];
      if (character === undefined) break;
      text += character;
    }
    if (at === end) return text;
  }
  const text = bytes.toString('utf8', start, end);
  return text.includes('\ufffd') && !isUtf8(bytes.subarray(start, end)) ? undefined : text;
}
