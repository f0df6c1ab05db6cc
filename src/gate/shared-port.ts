// One port for several servers: the name that a caller asks for in its first bytes says which server's listener takes
// the connection. Each listener has its own TLS, so neither session tickets nor client CAs of one reach another.
import { createServer, type Server, type Socket } from 'node:net';
import { readClientHello } from './client-hello.ts';

/** Connections closed before TLS, counted by these (docs/reference/refusals.md). */
export const sharedPortRefusals = {
  'client-hello': 'The first bytes on a shared port are no TLS ClientHello that can be read in one way only.',
  'unknown-server-name': 'The TLS server name is missing, or no server that shares the port has it.',
  'caller-not-admitted':
    'The caller may come to another server that shares the port, not to the one it named.',
} as const;

export type SharedPortRefusal = keyof typeof sharedPortRefusals | 'too-many-connections' | 'handshake';

export type SharedPort = {
  /** Still to be bound. */
  readonly server: Server;
  /** Closes who has not said in time which server is meant. */
  sweep(now: number): void;
  destroy(): void;
};

export type SharedPortParts = {
  /** Takes the connection over, its bytes unread; undefined: no server has that name. */
  route(serverName: string | undefined): ((socket: Socket) => void) | undefined;
  refused(why: SharedPortRefusal): void;
  /** Milliseconds; the coarse clock that sweep is given. */
  now(): number;
  /** Milliseconds for a client's first message. */
  readonly helloMs: number;
};

/** Connections that have not yet said where they want to go. */
const maxWaiting = 1_024;

export function createSharedPort(parts: SharedPortParts): SharedPort {
  const waiting = new Map<Socket, number>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    if (waiting.size >= maxWaiting) return turnAway(socket, 'too-many-connections');
    waiting.set(socket, parts.now());
    let had: Buffer = Buffer.alloc(0);
    const read = (chunk: Buffer) => {
      had = had.length === 0 ? chunk : Buffer.concat([had, chunk]);
      const hello = readClientHello(had);
      if (hello.kind === 'incomplete') return;
      settle();
      if (hello.kind === 'refused') return turnAway(socket, 'client-hello');
      const take = parts.route(hello.serverName);
      if (!take) return turnAway(socket, 'unknown-server-name');
      socket.pause();
      socket.unshift(had);
      take(socket);
    };
    const gone = () => {
      settle();
      socket.destroy();
    };
    function settle(): void {
      waiting.delete(socket);
      socket.off('data', read);
      socket.off('end', gone);
      socket.off('error', gone);
      socket.off('close', gone);
    }
    socket.on('data', read);
    socket.on('end', gone);
    socket.on('error', gone);
    socket.on('close', gone);
  });

  function turnAway(socket: Socket, why: SharedPortRefusal): void {
    parts.refused(why);
    socket.on('error', () => {});
    socket.destroy();
  }

  return {
    server,
    sweep(now) {
      for (const [socket, since] of waiting) {
        if (now - since <= parts.helloMs) continue;
        waiting.delete(socket);
        turnAway(socket, 'handshake');
      }
    },
    destroy() {
      for (const socket of waiting.keys()) socket.destroy();
      waiting.clear();
    },
  };
}
