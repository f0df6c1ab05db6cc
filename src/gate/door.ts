// Where TCP connections come in: each passes the reception before anything is spent on its TLS.
import { createServer, type Server, type Socket } from 'node:net';
import type { Server as SecureServer, TLSSocket } from 'node:tls';
import type { Parties } from '../policy/parties.ts';
import { callerAddress } from './caller.ts';
import type { GateLimits } from './limits.ts';
import { createReception, type Guest, type Reception, type ReceptionRefusal } from './reception.ts';
import type { CoarseClock } from './relay.ts';
import type { Beside, ListenerStanding } from './standing.ts';

export type DoorRefusal = ReceptionRefusal | 'too-many-connections' | 'overloaded';

export type DoorEvents = {
  refused(why: DoorRefusal): void;
  timedOut(what: 'handshake'): void;
  /** Is the gate so busy that nobody is to come in? */
  shut(): boolean;
};

export type Door = {
  /** Still to be bound. */
  readonly server: Server;
  /** The guest of a connection whose handshake is done. */
  guestOf(client: TLSSocket): Guest | undefined;
  update(rules: DoorRules): void;
  sweep(): void;
  readonly standing: Reception['standing'];
  heard(beside: Beside, arrived: ListenerStanding['arrived']): void;
  /** Connections of the gate's other workers. */
  readonly beside: number;
  readonly unauthenticated: number;
  /** Those in their handshake included. */
  readonly present: number;
};

export type DoorRules = { readonly limits: GateLimits; readonly parties: Parties };

/** What is let in goes on to `secure` as if that listened itself. */
export function createDoor(
  secure: SecureServer,
  first: DoorRules,
  clock: CoarseClock,
  workers: number,
  events: DoorEvents,
): Door {
  let rules = first;
  let beside = 0;
  const reception = createReception(first.limits, workers);
  const guests = new Map<string, Guest>();
  const server = createServer({ noDelay: true }, (socket) => {
    if (events.shut()) return turnAway(socket, 'overloaded');
    const address = callerAddress(socket.remoteAddress);
    const guest = reception.arrive(address, isControlPlane(rules.parties, address), clock.now, (why) => {
      if (why === 'handshake') events.timedOut(why);
      else events.refused(why);
      socket.destroy();
    });
    if (typeof guest === 'string') return turnAway(socket, guest);
    const key = keyOf(socket);
    guests.set(key, guest);
    socket.on('close', () => {
      guest.left();
      if (guests.get(key) === guest) guests.delete(key);
    });
    socket.setKeepAlive(true, rules.limits.tcpKeepAliveMs);
    secure.emit('connection', socket);
  });
  function makeRoom(): void {
    server.maxConnections = Math.max(0, rules.limits.connections - beside);
  }
  makeRoom();
  server.on('drop', () => events.refused('too-many-connections'));

  function turnAway(socket: Socket, why: DoorRefusal): void {
    events.refused(why);
    socket.on('error', () => {});
    socket.destroy();
  }

  return {
    server,
    guestOf: (client) => guests.get(keyOf(client)),
    update(next) {
      rules = next;
      makeRoom();
      reception.update(next.limits);
    },
    standing: () => reception.standing(),
    heard(others, arrived) {
      beside = others.open;
      makeRoom();
      reception.heard(others, arrived, clock.now);
    },
    get beside() {
      return beside;
    },
    sweep: () => reception.sweep(clock.now),
    get unauthenticated() {
      return reception.unauthenticated;
    },
    get present() {
      return guests.size;
    },
  };
}

/** The cluster's own: never refused by number. */
export function isControlPlane(parties: Parties, address: string): boolean {
  return parties(address).tags.includes('tier=control-plane');
}

/** Both ends: one caller's port may reach several addresses of the host at once. */
function keyOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress}`;
}
