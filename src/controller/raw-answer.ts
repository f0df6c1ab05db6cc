// Reading HTTP/1.1 answers by their bytes, for the safe probe: it must see what a client library would hide.
import type { TLSSocket } from 'node:tls';

const maxText = 131_072;

export type RawAnswer = {
  /** Of the final answer, after interim ones. */
  readonly status: number;
  /**
   * Came whole, by a length of its own, and said nothing of closing: whoever sent it keeps the connection open for the
   * next request (RFC 9112 §9.3). What happens to the connection then is someone else's doing.
   */
  readonly persistent: boolean;
};

/** The final answer in a text (latin1); undefined when there is none yet. */
export function readAnswer(text: string): RawAnswer | undefined {
  const start = finalStart(text);
  const match = /^HTTP\/1\.([01]) ([0-9]{3})/.exec(text.slice(start, start + 12));
  if (!match) return undefined;
  const { fields = '' } = headAt(text, start) ?? {};
  return {
    status: Number(match[2]),
    persistent:
      match[1] === '1' &&
      answerEnd(text) !== undefined &&
      !(lengthOf(fields) !== undefined && isChunked(fields)) &&
      !/\r\nconnection:[^\r]*\bclose\b/i.test(fields),
  };
}

/** Where a whole answer ends in the text (latin1), by its own length; undefined while or where it can't be told. */
export function answerEnd(text: string): number | undefined {
  const start = finalStart(text);
  const head = headAt(text, start);
  if (!head) return undefined;
  const { fields, end } = head;
  if (/^HTTP\/1\.1 (204|304)/.test(text.slice(start, start + 12))) return end; // never with a body (RFC 9112 §6.3)
  if (isChunked(fields)) {
    const last = text.indexOf('\r\n0\r\n\r\n', end - 2);
    return last < 0 ? undefined : last + 7;
  }
  const length = lengthOf(fields);
  return length !== undefined && text.length >= end + length ? end + length : undefined;
}

function headAt(text: string, start: number): { fields: string; end: number } | undefined {
  const end = text.indexOf('\r\n\r\n', start);
  return end < 0 ? undefined : { fields: text.slice(start, end), end: end + 4 };
}

function lengthOf(fields: string): number | undefined {
  const text = /\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*(?=\r\n|$)/i.exec(fields)?.[1];
  return text === undefined ? undefined : Number(text);
}

function isChunked(fields: string): boolean {
  return /\r\ntransfer-encoding:[^\r]*chunked/i.test(fields);
}

/** Where the final answer begins: after interim ones (RFC 9110 §15.2), of which 101 is none. */
function finalStart(text: string): number {
  let start = 0;
  while (/^HTTP\/1\.1 1(?!01)[0-9]{2}/.test(text.slice(start, start + 12))) {
    const end = text.indexOf('\r\n\r\n', start);
    if (end < 0) break;
    start = end + 4;
  }
  return start;
}

export type Heard = {
  /** What the socket has said so far (latin1), the first 128 KiB of it. */
  text(): string;
  /** The other side has ended or reset the connection. */
  ended(): boolean;
  /**
   * Resolves when `done`, when the socket is over, after `ms`, or when nothing came for `quiet` ms after something did.
   * Rejects when the socket failed before it said anything.
   */
  until(done: (text: string) => boolean, ms: number, quiet?: number): Promise<void>;
};

/** Listens to a socket from now on. One `until` at a time. */
export function listenTo(socket: TLSSocket): Heard {
  let text = '';
  let over: Error | true | undefined;
  let changed = () => {};
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => {
    if (text.length <= maxText) text += chunk;
    changed();
  });
  const finish = (error?: Error) => {
    over ??= error ?? true;
    changed();
  };
  socket.on('end', () => finish());
  socket.on('close', () => finish());
  socket.on('error', finish);
  return {
    text: () => text,
    ended: () => over !== undefined,
    until(done, ms, quiet) {
      return new Promise((resolve, reject) => {
        let idle: NodeJS.Timeout | undefined;
        const settle = () => {
          clearTimeout(limit);
          clearTimeout(idle);
          changed = () => {};
          if (over instanceof Error && text === '') reject(over);
          else resolve();
        };
        const limit = setTimeout(settle, ms);
        changed = () => {
          if (over !== undefined || done(text)) return settle();
          if (quiet === undefined || text === '') return;
          clearTimeout(idle);
          idle = setTimeout(settle, quiet);
        };
        changed();
      });
    },
  };
}
