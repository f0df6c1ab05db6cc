// A server that closes resets whoever still writes to it. Node destroys a socket at its first failed write, and with it what
// the kernel has received and nobody has read yet: the answer to an upload that was refused early, a session's last words.
import type { TLSSocket } from 'node:tls';

/**
 * From now on a write that fails because the other end is gone fails nobody: it and all that follow are dropped, and
 * reading goes on to the end of what was received, `end` or an error of its own.
 * @param lost called once, with the first such error. EPIPE: the other end had ended its side in order before (Linux
 *   tcp_reset() in CLOSE_WAIT). ECONNRESET: it had not.
 */
export function keepReading(socket: TLSSocket, lost: (error: NodeJS.ErrnoException) => void): void {
  let gone = false;
  const outlive = (done: (error?: Error | null) => void) => (error?: NodeJS.ErrnoException | null) => {
    if (error?.code !== 'EPIPE' && error?.code !== 'ECONNRESET') {
      done(error);
      return;
    }
    if (!gone) {
      gone = true;
      lost(error);
    }
    done();
  };
  const write = socket._write;
  const writev = socket._writev;
  socket._write = (chunk, encoding, done) => {
    if (gone) done();
    else write.call(socket, chunk, encoding, outlive(done));
  };
  if (writev === undefined) return;
  socket._writev = (chunks, done) => {
    if (gone) done();
    else writev.call(socket, chunks, outlive(done));
  };
}
