// Waiting that isn't used up by a machine that stands still. Node runs what is due before it reads what has come, so after such
// a while a timer says that nothing came although it did.
import { setTimeout as delay } from 'node:timers/promises';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';

const lookMs = 5;
/** What the time between two looks counts for at most. */
const mostMs = 100;

/** Waits until it is so, for at most so many milliseconds in which this process could run. Answers whether it is. */
export async function until(met: () => boolean, ms: number): Promise<boolean> {
  let looked = performance.now();
  for (let left = ms; !met(); ) {
    if (left <= 0) return false;
    await delay(lookMs);
    const now = performance.now();
    left -= Math.min(now - looked, mostMs);
    looked = now;
  }
  return true;
}

/** Connects within so many of such milliseconds. Rejects with what `connect` says, or with code ETIMEDOUT. */
export function dial(options: ConnectionOptions, ms: number): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    let settled = false;
    const failed = (cause: NodeJS.ErrnoException) => {
      settled = true;
      reject(cause);
    };
    const socket = connect(options, () => {
      settled = true;
      socket.off('error', failed);
      resolve(socket);
    });
    socket.setNoDelay(true);
    socket.once('error', failed);
    void until(() => settled, ms).then((inTime) => {
      if (!inTime) socket.destroy(Object.assign(new Error('no connection in time'), { code: 'ETIMEDOUT' }));
    });
  });
}
