// One caller's connection and its one connection to the server: bytes between two TLS sockets and the judge.
//
// Hot path. What the judge asks for within one call is gathered and written once per direction, because each write of a
// TLS socket is a record, a system call and several callbacks.
import type { TLSSocket } from 'node:tls';
import type { Connection, ConnectionSink, Finding } from '../inspect/connection-types.ts';
import { createBodyPace } from './body-pace.ts';
import { keepReading } from './keep-reading.ts';
import type { GateLimits } from './limits.ts';
import { createOutlet, type Outlet } from './outlet.ts';
import { upstreamReason } from './upstream.ts';

/** Makes the judge of one connection; everything but the sink is bound by the listener. */
export type MakeJudge = (sink: ConnectionSink) => Connection;

/** What a relay tells the gate. Synchronous; none may throw. */
export type RelayEvents = {
  request(method: string, path: string, auditId: string | undefined): void;
  response(status: number): void;
  finding(finding: Finding): void;
  repeated(shield: string, rule: string): void;
  begun: NonNullable<ConnectionSink['begun']>;
  /** The server could not be had, or was lost in the middle. `code` is Node's or OpenSSL's. */
  upstreamFailed(code: string, reason: string): void;
  timedOut(what: 'head' | 'body' | 'keep-alive' | 'connect' | 'close'): void;
  /** The judge threw: a defect. Only this connection is cut. */
  crashed(error: unknown): void;
  closed(): void;
};

/** Coarse time shared by all relays, milliseconds, moved on by the sweep: no clock is read per chunk. */
export type CoarseClock = { now: number };

export type Relay = {
  /** Looks at the limits. */
  sweep(): void;
  /** Takes no new work; ends when what is going on is done. */
  drain(): void;
  /** As drain, but whoever has asked nothing yet is answered once: a caller can't know why a new connection ends. */
  lastCall(): void;
  /** Ends both sides now, in order: what was written still goes out. */
  finish(): void;
  /** Cuts both sides now. */
  destroy(): void;
  /** The server's side, once there is one. */
  readonly serverOpen: boolean;
};

/** More than a reader has to say while it takes the rest of an answer: who sends more is not waited for. */
const lingerBytes = 256 * 1024;

/**
 * Takes over a caller's socket after its handshake. The server is connected to at the first byte that the judge lets
 * through to it: callers who only connect, or are refused, cost the server nothing.
 */
export function startRelay(
  client: TLSSocket,
  makeJudge: MakeJudge,
  openServer: (received: (bytes: Buffer) => void) => TLSSocket,
  clock: CoarseClock,
  limits: GateLimits,
  events: RelayEvents,
): Relay {
  let server: TLSSocket | undefined;
  let serverReady = false;
  let serverRead = false;
  let serverDone = false;
  let serverFull = false;
  let draining = false;
  let clientHeld = false;
  let serverHeld = false;
  /** The caller takes no answers while it goes on asking: those of the gate's own have no server to slow down. */
  let answersFull = false;
  let asking = false;
  let ending = false;
  let closed = false;
  let requests = 0;
  let lastCalled = false;
  let active = clock.now;
  let headSince = 0;
  let connectSince = 0;
  let endSince = 0;
  const bodyPace = createBodyPace(limits.bodyBytesPerMinute);
  let lingerTimer: NodeJS.Timeout | undefined;
  let heard: ((length: number) => void) | undefined;
  // Bytes of the running call, per direction: nearly always one buffer, else a list.
  let serverPart: Buffer | undefined;
  let serverParts: Buffer[] | undefined;
  let clientPart: Buffer | undefined;
  let clientParts: Buffer[] | undefined;

  const sink: ConnectionSink = {
    toServer(bytes) {
      if (serverPart === undefined) serverPart = bytes;
      else if (serverParts === undefined) serverParts = [serverPart, bytes];
      else serverParts.push(bytes);
    },
    toClient(bytes) {
      if (clientPart === undefined) clientPart = bytes;
      else if (clientParts === undefined) clientParts = [clientPart, bytes];
      else clientParts.push(bytes);
    },
    closeServer() {
      flushServer();
      dropServer();
    },
    endClient(lingerMs) {
      if (ending || closed) return;
      flushClient();
      ending = true;
      endSince = clock.now;
      toClient.finish();
      client.end(() => {
        if (closed) return;
        if (lingerMs <= 0 || client.readableEnded) destroy();
        else linger(lingerMs);
      });
      // Read from here on, answers taken or not; but a server that is full is in a tunnel that goes on.
      answersFull = false;
      steerClient();
    },
    endServer() {
      flushServer();
      if (serverDone) return;
      toServer?.finish();
      server?.end();
    },
    abort() {
      draining = false;
      destroy();
    },
    holdClient(hold) {
      clientHeld = hold;
      steerClient();
    },
    holdServer(hold) {
      if (hold === serverHeld) return;
      serverHeld = hold;
      steerServer();
    },
    finding: events.finding,
    repeated: events.repeated,
    request(method, path, auditId) {
      requests += 1;
      events.request(method, path, auditId);
    },
    response: events.response,
    begun: events.begun,
  };
  const judge = makeJudge(sink);
  const toClient = createOutlet(client, () => {
    answersFull = false;
    steerClient();
    steerServer();
  });
  let toServer: Outlet | undefined;

  function flush(): void {
    if (serverPart !== undefined) flushServer();
    if (clientPart !== undefined) flushClient();
  }

  function flushServer(): void {
    if (serverPart === undefined) return;
    const bytes = serverParts === undefined ? serverPart : Buffer.concat(serverParts);
    serverPart = undefined;
    serverParts = undefined;
    if (serverDone || closed) return;
    if (server === undefined) connectServer();
    toServer?.write(bytes);
    if (toServer?.full && !serverFull) {
      serverFull = true;
      steerClient();
    }
  }

  function flushClient(): void {
    if (clientPart === undefined) return;
    const bytes = clientParts === undefined ? clientPart : Buffer.concat(clientParts);
    clientPart = undefined;
    clientParts = undefined;
    if (closed || ending) return;
    toClient.write(bytes);
    if (!toClient.full) return;
    steerServer();
    if (judge.idle || asking) {
      answersFull = true;
      steerClient();
    }
  }

  /** The server is read unless the judge holds it or the caller takes no more. */
  function steerServer(): void {
    if (!server || serverDone) return;
    if (serverHeld || toClient.full) server.pause();
    else server.resume();
  }

  /** The caller is read unless the judge holds it or the server is full. */
  function steerClient(): void {
    if (closed) return;
    if (clientHeld || serverFull || answersFull) client.pause();
    else client.resume();
  }

  function connectServer(): void {
    const socket = openServer(serverData);
    server = socket;
    toServer = createOutlet(socket, () => {
      serverFull = false;
      steerClient();
    });
    connectSince = clock.now;
    socket.setKeepAlive(true, limits.tcpKeepAliveMs);
    socket.on('secureConnect', () => {
      // Ended by now if it is not the protocol that it was asked for.
      if (socket.destroyed) return;
      serverReady = true;
      keepReading(socket, (error) => {
        if (error.code !== 'EPIPE' && !serverDone && !closed)
          events.upstreamFailed(error.code ?? 'unknown', error.message);
      });
    });
    socket.on('end', () => {
      // Before, an error follows and says why.
      if (serverReady) serverEnded();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (serverDone || closed) return;
      events.upstreamFailed(error.code ?? 'unknown', error.message);
      if (serverReady) serverClosed();
      else failServer(upstreamReason(error));
    });
    socket.on('close', serverClosed);
  }

  function serverData(bytes: Buffer): void {
    if (serverDone || closed) return;
    active = clock.now;
    try {
      judge.serverData(bytes);
    } catch (error) {
      crash(error);
      return;
    }
    flush();
  }

  function failServer(reason: string): void {
    dropServer();
    feed(() => judge.serverFailed(reason));
  }

  /** Nothing more comes from the server. In a tunnel the caller may still send to it: the judge says when that ends. */
  function serverEnded(): void {
    if (serverRead || serverDone || closed) return;
    serverRead = true;
    feed(() => judge.serverEnd());
  }

  function serverClosed(): void {
    serverEnded();
    serverDone = true;
    serverFull = false;
    steerClient();
  }

  /** What the judge let through still goes out; nothing more is read. */
  function dropServer(): void {
    if (serverDone) return;
    serverDone = true;
    serverFull = false;
    if (server && serverReady && (toServer?.waiting ?? 0) > 0) drainServer(server);
    else server?.destroy();
    steerClient();
  }

  function drainServer(socket: TLSSocket): void {
    draining = true;
    toServer?.finish();
    const late = setTimeout(() => socket.destroy(), limits.closeMs);
    socket.on('close', () => clearTimeout(late));
    socket.destroySoon();
  }

  function feed(step: () => void): void {
    if (closed) return;
    try {
      step();
    } catch (error) {
      crash(error);
      return;
    }
    flush();
  }

  /**
   * Closes when the caller has been silent for so long. What comes after that is answered by a reset, which destroys what
   * the caller has not got yet; and who takes a long answer over a slow link says now and then how much of it it has.
   */
  function linger(silentMs: number): void {
    let left = lingerBytes;
    lingerTimer = setTimeout(destroy, silentMs);
    heard = (length) => {
      left -= length;
      if (left < 0 || clock.now - endSince > limits.closeMs) return;
      clearTimeout(lingerTimer);
      lingerTimer = setTimeout(destroy, silentMs);
    };
  }

  function crash(error: unknown): void {
    events.crashed(error);
    destroy();
  }

  function destroy(): void {
    if (closed) return;
    closed = true;
    serverPart = undefined;
    serverParts = undefined;
    clientPart = undefined;
    clientParts = undefined;
    clearTimeout(lingerTimer);
    client.destroy();
    if (!draining) server?.destroy();
    events.closed();
  }

  client.on('data', (chunk: Buffer) => {
    if (closed) return;
    active = clock.now;
    heard?.(chunk.length);
    try {
      judge.clientData(chunk);
    } catch (error) {
      crash(error);
      return;
    }
    if (judge.readingBody) bodyPace.received(chunk.length);
    if (!judge.readingHead) headSince = 0;
    else if (headSince === 0) headSince = clock.now;
    asking = true;
    flush();
    asking = false;
    if (lastCalled && requests > 0) feed(() => judge.drain());
  });
  client.on('end', () => {
    feed(() => judge.clientEnd());
    // Ended by both: nothing more can come in either direction once what we wrote is out.
    if (ending && client.writableFinished) destroy();
  });
  client.on('error', () => {}); // 'close' follows
  client.on('close', () => {
    // A caller who resets has ended too: what the judge holds of it is evidence still.
    feed(() => judge.clientEnd());
    // Of one who ended in order and takes no more answers, all that was let through still goes to the server.
    if (client.readableEnded && !closed) dropServer();
    destroy();
  });

  return {
    sweep() {
      if (closed) return;
      const now = clock.now;
      if (!judge.readingBody) bodyPace.over();
      if (judge.endSlowBodies && !ending) sweepStreams(now);
      if (closed) return;
      if (ending) {
        if (!client.writableFinished && now - endSince > limits.closeMs) expire('close');
      } else if (server && !serverReady && !serverDone) {
        if (now - connectSince > limits.connectMs) {
          events.timedOut('connect');
          events.upstreamFailed('ETIMEDOUT', 'no TLS handshake in time');
          failServer('the server did not answer in time');
        }
      } else if (judge.readingHead && headSince > 0 && !serverFull) {
        if (now - headSince > limits.headMs) expire('head');
      } else if (judge.readingHead) {
        // Begun behind a request that has been answered since, or its rest is not read while the server is full.
        headSince = now;
      } else if (judge.readingBody) {
        if (bodyPace.tooSlow(now, client.isPaused())) expire('body');
      } else if (judge.idle) {
        const limit = requests === 0 ? limits.firstRequestMs : limits.keepAliveMs;
        if (now - active > limit) {
          events.timedOut('keep-alive');
          feed(() => judge.drain());
        }
      }
    },
    drain: () => feed(() => judge.drain()),
    lastCall() {
      if (requests > 0) feed(() => judge.drain());
      else lastCalled = true;
    },
    finish() {
      if (closed) return;
      dropServer();
      sink.endClient(0);
    },
    destroy,
    get serverOpen() {
      return server !== undefined && !serverDone;
    },
  };

  /** Those that are slow end alone. */
  function sweepStreams(now: number): void {
    const ready = !client.isPaused() && (server === undefined || serverReady);
    let ended = 0;
    feed(() => {
      ended = judge.endSlowBodies?.(now, limits.bodyBytesPerMinute, ready) ?? 0;
    });
    for (; ended > 0; ended--) events.timedOut('body');
  }

  function expire(what: 'head' | 'body' | 'close'): void {
    events.timedOut(what);
    destroy();
  }
}
