// Watches that have had their first event and are silent from then on.
import type { Load } from './load.ts';

const openingAtOnce = 64;

export async function driveWatches(load: Load): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: openingAtOnce }, async () => {
      while (next < load.config.connections) {
        next += 1;
        await watch(load);
      }
    }),
  );
}

async function watch(load: Load): Promise<void> {
  const began = performance.now();
  const socket = await load.open();
  socket.on('close', () => load.fail('the connection was closed'));
  socket.write(
    `GET ${load.config.path} HTTP/1.1\r\nHost: kubernetes:6443\r\nAccept: application/json\r\n\r\n`,
  );
  let head = '';
  await new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      head += chunk.toString('latin1');
      if (!head.includes('"ADDED"')) return;
      if (!head.startsWith('HTTP/1.1 200 ')) load.fail(`answer: ${head.slice(0, 200)}`);
      resolve();
    });
  });
  load.done(began, head.length);
}
