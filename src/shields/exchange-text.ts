// The text of a test exchange → the bytes on the wire.
import { Failure } from '../base/failure.ts';

/**
 * Line ends become CRLF. Escapes, for what a text can't show: `\n` and `\r` alone, `\t`, `\\`, and `\xHH` for any byte.
 * Everything else goes out as UTF-8.
 * @throws Failure `bad-exchange` naming the escape
 */
export function exchangeBytes(text: string): Buffer {
  const pieces: Buffer[] = [];
  for (const [piece] of text.matchAll(/\\(?:x[0-9a-fA-F]{2}|[\s\S]?)|\r?\n|[^\\\r\n]+|\r/g)) {
    if (piece === '\n' || piece === '\r\n') pieces.push(Buffer.from('\r\n'));
    else if (piece[0] !== '\\') pieces.push(Buffer.from(piece));
    else if (piece[1] === 'x' && piece.length === 4)
      pieces.push(Buffer.from([Number.parseInt(piece.slice(2), 16)]));
    else pieces.push(Buffer.from(escapes[piece[1] ?? ''] ?? unknown(piece)));
  }
  return Buffer.concat(pieces);
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\' };

function unknown(piece: string): never {
  throw new Failure('bad-exchange', `the escape ${JSON.stringify(piece)} is not known`, {
    hint: 'use \\n, \\r, \\t, \\\\ or \\xHH',
  });
}
