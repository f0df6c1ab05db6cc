// Judges one client connection and its one upstream connection: bytes in, bytes and closes out. Pure: it never waits,
// reads a clock or touches a socket.
//
// Requests are serialised: the next one is not read until the answer of the one before is complete, so an answer never
// belongs to another request. An upgrade request (DESIGN decision 6) stops the caller's side: after its own body no
// byte goes to the server before a verified 101. Bytes that come all the same are held; when the answer's head comes
// they are an alarm and the connection is cut, the answer undelivered, whatever it was. Any other final answer is
// delivered and both sides are closed; bytes that come from its head on are an alarm at once.
import type { Connection, ConnectionSettings, ConnectionSink } from './connection-types.ts';
import { CallerSide } from './h1/caller-side.ts';
import { Core } from './h1/core.ts';
import { ServerSide } from './h1/server-side.ts';

/** A judge for one client connection and its one upstream connection. */
export function createConnection(settings: ConnectionSettings, sink: ConnectionSink): Connection {
  return new Judge(settings, sink);
}

class Judge implements Connection {
  readonly #core: Core;
  readonly #caller: CallerSide;
  readonly #server: ServerSide;

  constructor(settings: ConnectionSettings, sink: ConnectionSink) {
    this.#core = new Core(settings, sink);
    this.#caller = new CallerSide(this.#core);
    this.#server = new ServerSide(this.#core, this.#caller);
  }

  get state(): Connection['state'] {
    return this.#core.state;
  }

  get idle(): boolean {
    const { state, exchange, held } = this.#core;
    return state === 'http' && !exchange && !held && this.#caller.ahead === 0;
  }

  get readingHead(): boolean {
    const { state, exchange } = this.#core;
    return state === 'http' && !exchange && this.#caller.ahead > 0;
  }

  get readingBody(): boolean {
    const { held, exchange } = this.#core;
    return held !== undefined || exchange?.requestBody !== undefined;
  }

  clientData(bytes: Buffer): void {
    this.#caller.data(bytes);
  }

  clientEnd(): void {
    this.#caller.end();
  }

  serverData(bytes: Buffer): void {
    this.#server.data(bytes);
  }

  serverEnd(): void {
    this.#server.end();
  }

  serverFailed(reason: string): void {
    this.#server.failed(reason);
  }

  drain(): void {
    this.#core.draining = true;
    if (this.idle) this.#core.close(0);
  }
}
