// Writes access records to a file or to standard output, behind the relays' backs: what waits is bounded, and what is too
// much is counted, never waited for.
import { closeSync, openSync, write } from 'node:fs';
import { Failure } from '../base/failure.ts';

export type AccessWriter = {
  /** Each one line, without its end. */
  write(lines: readonly string[]): void;
  /** Records given up. */
  readonly lost: number;
  /** Writes what waits. */
  close(): Promise<void>;
};

const gatherMs = 100;
const mostBytes = 8 * 1024 * 1024;

/**
 * @param path `-` for standard output. A file is added to, so that it can be rotated by copying and cutting it short.
 * @throws Failure `unwritable`
 */
export function openAccessWriter(path: string): AccessWriter {
  const file = path === '-' ? 1 : opened(path);
  let waiting: string[] = [];
  let bytes = 0;
  let lost = 0;
  let busy: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    if (busy) return busy.then(flush);
    if (waiting.length === 0) return Promise.resolve();
    const count = waiting.length;
    const text = Buffer.from(waiting.join(''));
    waiting = [];
    bytes = 0;
    busy = writeAll(file, text).then((whole) => {
      busy = undefined;
      if (!whole) lost += count;
    });
    return busy;
  }

  return {
    write(lines) {
      for (const line of lines) {
        if (bytes + line.length > mostBytes) lost += 1;
        else {
          waiting.push(`${line}\n`);
          bytes += line.length;
        }
      }
      timer ??= setTimeout(() => void flush(), gatherMs).unref();
    },
    get lost() {
      return lost;
    },
    async close() {
      await flush();
      if (path !== '-') closeSync(file);
    },
  };
}

function opened(path: string): number {
  try {
    return openSync(path, 'a', 0o600);
  } catch (cause) {
    throw new Failure('unwritable', `the access log can't be written: ${(cause as Error).message}`, {
      place: path,
      cause,
    });
  }
}

function writeAll(file: number, bytes: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    const step = (from: number) =>
      write(file, bytes, from, (error, written) => {
        if (error && error.code === 'EAGAIN') setTimeout(step, gatherMs, from);
        else if (error) resolve(false);
        else if (from + written < bytes.length) step(from + written);
        else resolve(true);
      });
    step(0);
  });
}
