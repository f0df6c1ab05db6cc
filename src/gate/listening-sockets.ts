// The ports of a gate. The parent binds and keeps them; workers listen and accept on what they are handed. So a worker
// needs no privilege for a low port, and callers who come while one is replaced wait in the kernel's queue.
import { BoundSocket, type Server, Socket } from 'node:net';
import { Failure } from '../base/failure.ts';
import type { GateListener } from '../model/plan.ts';

/** What `listen` takes and what travels between processes: the socket without a reader. */
export type PortHandle = { close(): void };

export type ListenAt = GateListener['listen'];

/** A port is one listener, whichever server stands behind it: it can't be bound twice. */
export function portKey({ address, port }: ListenAt): string {
  return `${address} ${port}`;
}

/** Binds without listening. @throws Failure `port-in-use`, `port-refused` */
export function bindPort(at: ListenAt): PortHandle {
  const place = `${at.address}:${at.port}`;
  try {
    const bound = new BoundSocket({ host: at.address, port: at.port });
    // Adopted by a socket that is never connected: that one shows the handle that child.send and listen take.
    return (new Socket({ handle: bound }) as unknown as { _handle: PortHandle })._handle;
  } catch (cause) {
    throw listenFailure(place, cause as NodeJS.ErrnoException);
  }
}

/** @throws Failure `port-in-use`, `port-refused` */
export function listenOn(server: Server, handle: PortHandle, at: ListenAt): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException) => reject(listenFailure(`${at.address}:${at.port}`, cause));
    server.once('error', failed);
    server.listen(handle, 1024, () => {
      server.off('error', failed);
      resolve();
    });
  });
}

function listenFailure(place: string, cause: NodeJS.ErrnoException): Failure {
  return cause.code === 'EADDRINUSE'
    ? new Failure('port-in-use', 'another program listens there', { place, cause })
    : new Failure('port-refused', `can't listen there: ${cause.message}`, { place, cause });
}
