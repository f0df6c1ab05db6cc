// Pulls bytes from a socket: by line, by count, or whatever is there. Built for servers that may hand the socket over
// (hijack) in the middle, with the bytes already read.
import type { Duplex } from 'node:stream';

export type ByteReader = {
  /** The next line without its LF or CRLF; undefined when the stream ends first or the line is over `limit` bytes. */
  line(limit: number): Promise<string | undefined>;
  /** Exactly `count` bytes; undefined when the stream ends first. */
  exactly(count: number): Promise<Buffer | undefined>;
  /** At least one byte, at most `limit`; undefined at the end of the stream. */
  some(limit?: number): Promise<Buffer | undefined>;
  /** Stops reading and gives back what was read and not taken. The socket is paused. */
  detach(): Buffer;
};

const highWater = 1 << 20;

export function createByteReader(socket: Duplex): ByteReader {
  let buffered: Buffer = Buffer.alloc(0);
  let ended = false;
  let wake: (() => void) | undefined;

  function onData(chunk: Buffer): void {
    buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk]);
    if (buffered.length > highWater) socket.pause();
    wake?.();
  }
  function onEnd(): void {
    ended = true;
    wake?.();
  }
  socket.on('data', onData);
  socket.on('end', onEnd);
  socket.on('close', onEnd);

  function more(): Promise<void> {
    socket.resume();
    return new Promise((resolve) => {
      wake = () => {
        wake = undefined;
        resolve();
      };
    });
  }
  function take(count: number): Buffer {
    const taken = buffered.subarray(0, count);
    buffered = buffered.subarray(count);
    return taken;
  }

  return {
    async line(limit) {
      for (let from = 0; ; ) {
        const at = buffered.indexOf(0x0a, from);
        if (at >= 0) {
          const text = take(at + 1).toString('latin1', 0, at);
          return text.endsWith('\r') ? text.slice(0, -1) : text;
        }
        if (ended || buffered.length > limit) return undefined;
        from = buffered.length;
        await more();
      }
    },
    async exactly(count) {
      while (buffered.length < count) {
        if (ended) return undefined;
        await more();
      }
      return take(count);
    },
    async some(limit = highWater) {
      while (buffered.length === 0) {
        if (ended) return undefined;
        await more();
      }
      return take(Math.min(limit, buffered.length));
    },
    detach() {
      socket.off('data', onData);
      socket.off('end', onEnd);
      socket.off('close', onEnd);
      socket.pause();
      return take(buffered.length);
    },
  };
}
