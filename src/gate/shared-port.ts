// One port for several servers: the name that a caller asks for in its first bytes says which server's listener takes
// the connection. Each listener has its own TLS, so neither session tickets nor client CAs of one reach another.
import { createServer, type Server, type Socket } from 'node:net';
import type { Limits } from '../model/limits.ts';
import { callerAddress } from './caller.ts';
import { readClientHello } from './client-hello.ts';
import { createReception, type ReceptionRefusal } from './reception.ts';

/** Connections closed before TLS, counted by these (docs/reference/refusals.md). */
export const sharedPortRefusals = {
  'client-hello': 'The first bytes on a shared port are no TLS ClientHello that can be read in one way only.',
  'unknown-server-name': 'The TLS server name is missing, or no server that shares the port has it.',
  'caller-not-admitted':
    'The caller may come to another server that shares the port, not to the one it named.',
} as const;

export type SharedPortRefusal = keyof typeof sharedPortRefusals | ReceptionRefusal;

export type SharedPort = {
  /** Still to be bound. */
  readonly server: Server;
  /** Closes who has not said in time which server is meant. */
  sweep(now: number): void;
  /** Who has not said so yet. */
  readonly waiting: number;
  /** Accepts no more; who waits is still heard. */
  stop(): void;
  destroy(): void;
};

export type SharedPortParts = {
  /** Takes the connection over, its bytes unread; undefined: no server has that name. */
  route(serverName: string | undefined): ((socket: Socket) => void) | undefined;
  refused(why: SharedPortRefusal): void;
  timedOut(what: 'handshake'): void;
  failed(error: Error): void;
  /** Is it of a control plane? Those are never refused by number. */
  trusted(address: string): boolean;
  /** Milliseconds; the coarse clock that sweep is given. */
  now(): number;
  /** Until the name is known no listener's own can be asked: the gate's. */
  readonly limits: Limits;
};

export function createSharedPort(parts: SharedPortParts): SharedPort {
  /** Who has not yet said where they want to go: none of them may keep the others out. */
  const reception = createReception(parts.limits);
  const waiting = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    const address = callerAddress(socket.remoteAddress);
    const guest = reception.arrive(address, parts.trusted(address), parts.now(), (why) => {
      if (why === 'handshake') parts.timedOut(why);
      else parts.refused(why);
      socket.destroy();
    });
    if (typeof guest === 'string') return turnAway(socket, guest);
    waiting.add(socket);
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
    const settle = () => {
      waiting.delete(socket);
      guest.left();
      socket.off('data', read);
      socket.off('end', gone);
      socket.off('error', gone);
      socket.off('close', gone);
    };
    socket.on('data', read);
    socket.on('end', gone);
    socket.on('error', gone);
    socket.on('close', gone);
  });
  // Of accepting: without a listener it would end the process, and everybody's connections with it.
  server.on('error', parts.failed);

  function turnAway(socket: Socket, why: SharedPortRefusal): void {
    parts.refused(why);
    socket.on('error', () => {});
    socket.destroy();
  }

  return {
    server,
    sweep: (now) => reception.sweep(now),
    get waiting() {
      return waiting.size;
    },
    stop: () => void server.close(),
    destroy() {
      server.close();
      for (const socket of waiting) socket.destroy();
      waiting.clear();
    },
  };
}
