// The process of one worker: `node --permission --allow-net … worker-process.ts [UID:GID]`, started by spawn-worker.ts. Its channel to
// the parent is all that it is given: no files, no child processes, no environment.
import type { PortHandle } from './listening-sockets.ts';
import { becomeUser, parseUser } from './privileges.ts';
import { createWorker } from './worker.ts';
import type { FromWorker, ToWorker } from './worker-messages.ts';

/** Messages of at most some kilobytes that may wait for a parent that is slow to read. */
const crowdedAt = 1_000;
/** How long connections may still finish when the parent is gone. */
const orphanMs = 10_000;

const [user] = process.argv.slice(2);
if (user !== undefined) becomeUser(parseUser(user));

let waiting = 0;
const worker = createWorker({
  get free() {
    return waiting < crowdedAt;
  },
  send,
});

function send(message: FromWorker): void {
  if (!process.connected) return;
  waiting += 1;
  process.send?.(message, undefined, undefined, () => {
    waiting -= 1;
  });
}

process.on('message', (message: ToWorker, port?: PortHandle) => worker.receive(message, port));
// The terminal's and the service manager's signals are for the parent, which says when to end.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => {});
// Stops accepting at once, so that the ports are free for the parent's successor.
process.once('disconnect', () => void worker.drain(orphanMs).finally(() => process.exit(0)));
process.once('uncaughtException', (error) => {
  // Where, not what: a message could hold bytes of a request.
  const stack = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  process.stderr.write(`gate worker: ${error.name}\n${stack.join('\n')}\n`);
  process.exit(70);
});
