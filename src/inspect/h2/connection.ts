// Judges one HTTP/2 client connection and its one HTTP/2 upstream connection, as connection.ts does for HTTP/1.1: bytes
// in, bytes and closes out, no socket and no clock.
//
// The two connections are one as far as they can be: streams have the same numbers on both (but for those that overtake a
// request that is held for its body, docs/decisions/0009), and SETTINGS with their
// acknowledgement, PING, GOAWAY, RST_STREAM, WINDOW_UPDATE and DATA are relayed. So flow control runs from end to end: a
// slow watcher slows its own stream, and nothing is kept here for it. Requests' header blocks are read and written anew
// without a table; answers' are read and, as long as the caller has seen every one of them, passed on as they came.
import { FrameFeed } from '../../http/h2/frame-feed.ts';
import { h2Errors, preface } from '../../http/h2/frames.ts';
import { ByteQueue } from '../byte-queue.ts';
import type { Connection, ConnectionSettings, ConnectionSink } from '../connection-types.ts';
import { isStreaming } from '../exchange.ts';
import { endSlowBodies } from './body-pace.ts';
import { CallerSide } from './caller-side.ts';
import { Core } from './core.ts';
import { ServerSide } from './server-side.ts';

/** A judge for one HTTP/2 client connection and its one HTTP/2 upstream connection. */
export function createHttp2Connection(settings: ConnectionSettings, sink: ConnectionSink): Connection {
  return new Http2Judge(settings, sink);
}

/** A connection on which the first request is answered with this status, and no server is asked. */
export function refuseHttp2Connection(
  settings: ConnectionSettings,
  sink: ConnectionSink,
  status: number,
  message: string,
): Connection {
  const judge = new Http2Judge(settings, sink);
  judge.refuseAll(status, message);
  return judge;
}

class Http2Judge implements Connection {
  readonly #core: Core;
  readonly #callerSide: CallerSide;
  readonly #fromCaller: FrameFeed;
  readonly #fromServer: FrameFeed;
  #prefaceRead = 0;
  /** Of the server's, while the caller has no room for it. */
  readonly #waiting = new ByteQueue();
  /** The server has ended behind that. */
  #serverEnded = false;

  constructor(settings: ConnectionSettings, sink: ConnectionSink) {
    this.#core = new Core(settings, sink);
    this.#callerSide = new CallerSide(this.#core);
    this.#fromCaller = new FrameFeed(this.#callerSide);
    this.#fromServer = new FrameFeed(new ServerSide(this.#core));
  }

  get state(): Connection['state'] {
    return this.#core.state;
  }

  get idle(): boolean {
    return this.#core.state === 'http' && this.#core.streams.size === 0 && !this.readingHead;
  }

  get readingHead(): boolean {
    if (this.#core.state !== 'http') return false;
    if (this.#prefaceRead < preface.length) return this.#prefaceRead > 0;
    return this.#callerSide.inBlock || !(this.#fromCaller.between || this.#fromCaller.inData);
  }

  /** Never: one slow stream is no reason to cut the others (endSlowBodies). */
  readonly readingBody = false;

  endSlowBodies(now: number, least: number, ready: boolean): number {
    return this.#core.state === 'http' ? endSlowBodies(this.#core, now, least, ready) : 0;
  }

  clientData(bytes: Buffer): void {
    const core = this.#core;
    if (core.state !== 'http') return;
    let start = 0;
    while (this.#prefaceRead < preface.length && start < bytes.length) {
      if (bytes[start++] !== preface[this.#prefaceRead++]) {
        core.callerFault('h2-preface', h2Errors.protocol);
        return;
      }
    }
    core.toServer.piece = bytes;
    this.#fromCaller.feed(bytes, start);
    core.flush();
    core.toServer.piece = undefined;
    if (this.#waiting.length > 0 && core.state === 'http') this.#readServer(this.#waiting.take(), true);
    if (this.#serverEnded) this.serverEnd();
  }

  clientEnd(): void {
    const core = this.#core;
    if (core.state !== 'http') return;
    // Answers are still delivered; but nobody is left for what ends only when its reader leaves.
    for (const stream of [...core.streams.values()]) {
      if (stream.callerDone && !isStreaming(stream.info)) continue;
      core.resetServer(stream, h2Errors.cancel);
      core.remove(stream);
    }
    core.draining = true;
    if (core.streams.size === 0) core.close();
    core.flush();
  }

  serverData(bytes: Buffer): void {
    if (this.#core.state !== 'http') return;
    if (this.#waiting.length > 0) this.#waiting.append(bytes, 0);
    else this.#readServer(bytes);
  }

  /** @param own the bytes have waited: what waits again is not copied */
  #readServer(bytes: Buffer, own = false): void {
    const core = this.#core;
    core.toCaller.piece = bytes;
    const taken = this.#fromServer.feed(bytes);
    core.flush();
    core.toCaller.piece = undefined;
    if (taken < bytes.length && core.state === 'http') {
      if (own) this.#waiting.adopt(bytes.subarray(taken));
      else this.#waiting.append(bytes, taken);
    }
    core.sink.holdServer?.(this.#waiting.length > 0);
  }

  serverEnd(): void {
    const core = this.#core;
    if (core.state !== 'http') return;
    this.#serverEnded = true;
    if (this.#waiting.length > 0) return;
    // It got nothing of these: they may be sent again elsewhere, as a caller does of itself (RFC 9113 §8.7).
    for (const stream of [...core.streams.values()].filter(({ forwarded }) => !forwarded)) {
      core.reset(stream.id, core.toCaller, h2Errors.refusedStream);
      core.remove(stream);
    }
    core.lose(502, 'The API server ended the connection without an answer.', h2Errors.none);
    core.flush();
  }

  serverFailed(reason: string): void {
    const core = this.#core;
    if (core.state !== 'http') return;
    const message = `The API server can't be reached: ${reason}`;
    core.upstreamFailure = message;
    if (core.streams.size > 0) core.lose(503, message, h2Errors.none);
    else if (core.toCaller.shut) core.openTowardsCaller();
    else core.lose(503, message, h2Errors.none);
    core.flush();
  }

  refuseAll(status: number, message: string): void {
    const core = this.#core;
    core.upstreamFailure = message;
    core.failureStatus = status;
    core.openTowardsCaller();
  }

  drain(): void {
    const core = this.#core;
    if (core.state !== 'http' || core.draining) return;
    core.draining = true;
    core.tellLast(h2Errors.none);
    if (core.streams.size === 0) core.close();
    core.flush();
  }
}
