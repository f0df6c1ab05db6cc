// The Huffman code of HPACK (RFC 7541 §5.2, appendix B), read strictly: at most seven bits of padding, all ones.

/**
 * Length in bits of each byte's code, one base-36 digit a byte. The code is canonical (among codes of one length, lower
 * bytes come first), so these are all there is to appendix B. EOS, of 30 bits, comes behind the bytes.
 */
const lengthDigits =
  'dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6ca' +
  'd67777777777777777777777878djde6f56565666577666567655677777fbeds' +
  'kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn' +
  'qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq';
export const eos = 256;

/** Symbol → code and its length in bits; the last symbol is EOS. */
export const huffmanCodes: readonly { readonly code: number; readonly bits: number }[] = canonical([
  ...[...lengthDigits].map((digit) => Number.parseInt(digit, 36)),
  30,
]);

function canonical(lengths: readonly number[]): { code: number; bits: number }[] {
  const codes = lengths.map((bits) => ({ code: 0, bits }));
  let next = 0;
  for (let bits = 1; bits <= 30; bits++) {
    next *= 2;
    for (const entry of codes) if (entry.bits === bits) entry.code = next++;
  }
  return codes;
}

/**
 * Nodes of 256 entries, one for each next eight bits. An entry of 0 or more is a symbol and, from bit 9 on, how many of
 * the eight bits are its code's; below 0 it is the negated number of the node where the code goes on.
 */
const nodes: Int16Array = buildNodes();

function buildNodes(): Int16Array {
  const table: number[] = new Array<number>(256).fill(0);
  for (const [symbol, { code, bits }] of huffmanCodes.entries()) {
    let node = 0;
    let left = bits;
    for (; left > 8; left -= 8) {
      const at = node * 256 + ((code >>> (left - 8)) & 0xff);
      if (table[at] === 0) {
        table[at] = -table.length / 256;
        for (let i = 0; i < 256; i++) table.push(0);
      }
      node = -(table[at] as number);
    }
    const first = (code << (8 - left)) & 0xff;
    const entry = (left << 9) | symbol;
    for (let i = 0; i < 1 << (8 - left); i++) table[node * 256 + first + i] = entry;
  }
  return Int16Array.from(table);
}

/**
 * Decodes into `out`, which has room for 8/5 of the bytes.
 * @returns how many bytes were written, or -1 when the padding is wrong or EOS occurs
 */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number, out: Uint8Array): number {
  let length = 0;
  let node = 0;
  let pending = 0;
  let bits = 0;
  for (let at = start; at < end; at++) {
    pending = ((pending << 8) | (bytes[at] as number)) & 0xffff;
    bits += 8;
    while (bits >= 8) {
      const entry = nodes[node + ((pending >>> (bits - 8)) & 0xff)] as number;
      if (entry < 0) {
        node = -entry << 8;
        bits -= 8;
      } else {
        const symbol = entry & 0x1ff;
        if (symbol === eos) return -1;
        out[length++] = symbol;
        bits -= entry >>> 9;
        node = 0;
      }
    }
  }
  while (bits > 0) {
    const entry = nodes[node + ((pending << (8 - bits)) & 0xff)] as number;
    if (entry < 0 || entry >>> 9 > bits) break;
    if ((entry & 0x1ff) === eos) return -1;
    out[length++] = entry & 0x1ff;
    bits -= entry >>> 9;
    node = 0;
  }
  // What is left is padding: the first bits of EOS, fewer than eight of them.
  const ones = (1 << bits) - 1;
  return node === 0 && (pending & ones) === ones ? length : -1;
}
