// TLS handshakes, one after the other on each of some lines: full ones, or ones that resume the line's last session.
import type { TLSSocket } from 'node:tls';
import type { Load } from './load.ts';

export async function driveHandshakes(load: Load): Promise<void> {
  for (let line = 0; line < load.config.connections; line += 1) void drive(load);
}

async function drive(load: Load): Promise<void> {
  let session: Buffer | undefined;
  while (!load.over) {
    const began = performance.now();
    const socket = await load.open(session ? { session } : {});
    if (session && !socket.isSessionReused()) load.fail('a session was not resumed');
    load.done(began, 0);
    // In TLS 1.3 the ticket comes after the handshake.
    if (load.config.resume && !session) session = await ticket(socket);
    socket.removeAllListeners('error');
    socket.on('error', () => {});
    await new Promise((resolve) => {
      socket.once('close', resolve);
      socket.destroy();
    });
  }
}

function ticket(socket: TLSSocket): Promise<Buffer> {
  return new Promise((resolve) => {
    socket.once('session', resolve);
    socket.resume();
  });
}
