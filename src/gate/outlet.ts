// Writes of one direction of a relay: at once when the socket is free, else gathered in one buffer and written as one
// when it is. A stream's own queue keeps every chunk and joins them anew for each write; on 2.5 MB bodies that was a
// fifth of the gate's time in the garbage collector.
import type { TLSSocket } from 'node:tls';

export type Outlet = {
  /** Order is kept. The bytes are not needed after the call. */
  write(bytes: Buffer): void;
  /** Writes what is gathered; nothing may be written afterwards. */
  finish(): void;
  /** More than enough is waiting: stop reading the other side until `onFree`. */
  readonly full: boolean;
  /** Bytes that the socket doesn't have yet. */
  readonly waiting: number;
};

/** Bytes of a gathering buffer, and from how many on the other side is to stop: what comes in one piece still fits. */
const gatherBytes = 256 * 1024;
const fullBytes = 128 * 1024;
/** Buffers kept for reuse, for all connections. */
const keptBuffers = 32;
const pool: Buffer[] = [];

/**
 * `onFree` is called when `full` has turned false again.
 *
 * A gathered buffer goes back to the pool as soon as it is written. That is sound only where the socket takes the bytes
 * within the call: a TLS socket whose handshake is done and that has no write under way encrypts them in there
 * (`writableLength` 0; node's TLSWrap copies what it can't encrypt yet). Anything else is given a copy.
 */
export function createOutlet(socket: TLSSocket, onFree: () => void): Outlet {
  let gather: Buffer | undefined;
  let length = 0;
  let full = false;

  function written(): void {
    if (length > 0 && socket.writableLength === 0) release();
    if (full && length < fullBytes && socket.writableLength < gatherBytes) {
      full = false;
      onFree();
    }
  }

  /** Only on a socket without a write under way. */
  function release(): void {
    const buffer = gather as Buffer;
    const bytes = buffer.subarray(0, length);
    gather = undefined;
    length = 0;
    if (socket.destroyed) return;
    socket.write(bytes, written);
    if (pool.length < keptBuffers) pool.push(buffer);
  }

  function spill(): void {
    if (gather === undefined) return;
    const bytes = Buffer.from(gather.subarray(0, length));
    if (pool.length < keptBuffers) pool.push(gather);
    gather = undefined;
    length = 0;
    socket.write(bytes, written);
  }

  return {
    write(bytes) {
      if (length === 0 && socket.writableLength === 0) {
        // Until TCP is connected the socket keeps what it is given.
        socket.write(socket.connecting ? Buffer.from(bytes) : bytes, written);
        return;
      }
      if (bytes.length > gatherBytes - length) {
        spill();
        socket.write(Buffer.from(bytes), written);
        full = true;
        return;
      }
      gather ??= pool.pop() ?? Buffer.allocUnsafeSlow(gatherBytes);
      bytes.copy(gather, length);
      length += bytes.length;
      if (length >= fullBytes) full = true;
    },
    finish: spill,
    get full() {
      return full;
    },
    get waiting() {
      return length + socket.writableLength;
    },
  };
}
