// Upgraded connections: blocks of 64 KiB go up, come back, and go up again, one in flight on each connection.
import type { TLSSocket } from 'node:tls';
import type { Load } from './load.ts';

const block = Buffer.alloc(64 * 1024, 't');

export async function driveTunnels(load: Load): Promise<void> {
  const sockets = await Promise.all(Array.from({ length: load.config.connections }, () => load.open()));
  await Promise.all(sockets.map((socket) => drive(load, socket)));
}

function drive(load: Load, socket: TLSSocket): Promise<void> {
  socket.write(
    `POST ${load.config.path} HTTP/1.1\r\nHost: kubernetes:6443\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nContent-Length: 0\r\n\r\n`,
  );
  return new Promise((switched) => {
    let head = '';
    let left = 0;
    let started = 0;
    const send = () => {
      if (load.over) return;
      left = block.length;
      started = performance.now();
      socket.write(block);
    };
    socket.on('close', () => load.fail('the connection was closed'));
    socket.on('data', (chunk: Buffer) => {
      if (left === 0) {
        head += chunk.toString('latin1');
        if (!head.includes('\r\n\r\n')) return;
        if (!head.startsWith('HTTP/1.1 101 ')) load.fail(`answer: ${head.slice(0, 200)}`);
        switched();
        send();
        return;
      }
      left -= chunk.length;
      if (left > 0) return;
      load.done(started, 2 * block.length);
      send();
    });
  });
}
