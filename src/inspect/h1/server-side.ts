// The server's bytes: answers read and judged, delivered as they came, and the one switch to another protocol.
import { createBodyReader, defaultBodyLimits } from '../../http/body.ts';
import {
  createHeadProgress,
  type HeadLimits,
  parseResponseHead,
  type ResponseHead,
} from '../../http/head.ts';
import { ByteQueue } from '../byte-queue.ts';
import type { Exchange } from '../exchange.ts';
import { isVerifiedSwitch } from '../upgrade.ts';
import type { CallerSide } from './caller-side.ts';
import { answerLingerMs, type Core, upgradeLingerMs } from './core.ts';

/** A tunnel whose server has ended may go on in the other direction. */
const tunnelLingerMs = 30_000;
/** Nothing of the request has gone to the server: whoever asks again asks for the first time. */
const endedUnasked = 'The API server ended the connection before it got this request.';
/** Interim answers to one request. */
const maxInterim = 16;
/** Of an answer after which the gate ends the connection: a caller who asks more just then can't know what becomes of it. */
const lastAnswer = Buffer.from('Connection: close\r\n');
/** What callers ask again by themselves when a connection ends that was used before (RFC 9110 §9.2.1, RFC 9112 §9.3.1). */
const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

export class ServerSide {
  readonly #core: Core;
  readonly #caller: CallerSide;
  readonly #headLimits: HeadLimits;
  /** An unfinished head. */
  readonly #head = new ByteQueue();
  readonly #progress = createHeadProgress();
  /** A request was answered before, and the connection went on. */
  #used = false;

  constructor(core: Core, caller: CallerSide) {
    const { limits } = core.settings;
    this.#core = core;
    this.#caller = caller;
    this.#headLimits = { bytes: limits.headBytes, fields: limits.headFields };
  }

  data(bytes: Buffer): void {
    const core = this.#core;
    if (core.state === 'tunnel') {
      if (core.watch) core.watch.down += bytes.length;
      core.sink.toClient(bytes);
    } else if (core.state === 'closing' || core.state === 'closed') return;
    else if (!core.exchange) core.unsolicited();
    else if (core.exchange.responseBody) this.#body(core.exchange, bytes, 0);
    else if (this.#head.length === 0) this.#readHead(core.exchange, bytes);
    else {
      this.#head.append(bytes, 0);
      this.#readHead(core.exchange, this.#head.view());
    }
  }

  end(): void {
    const core = this.#core;
    if (core.serverEnded) return;
    core.serverEnded = true;
    const exchange = core.exchange;
    if (core.state === 'closing' || core.state === 'closed') return;
    if (core.state === 'tunnel') {
      if (core.clientEnded) core.close(0);
      else core.sink.endClient(tunnelLingerMs);
    } else if (core.held) {
      // Idle, as far as it knows.
      core.answerStatus(503, endedUnasked, core.held.info.method, 1);
    } else if (!exchange) {
      core.close(0);
    } else if (core.report.heldLength > 0) {
      core.alarm(exchange, 'early-bytes');
    } else if (exchange.responseBody) {
      // Until-close ends so; a shorter answer than announced is shown to the caller as what it is, an early end.
      core.close(exchange.upgrade ? upgradeLingerMs : answerLingerMs);
    } else if (this.#endedIdle(exchange)) {
      core.close(answerLingerMs);
    } else {
      core.answerStatus(502, 'The API server ended the connection without an answer.', exchange.info.method);
    }
  }

  /**
   * Has the server ended an idle connection just as this came? No answer is what tells the caller to ask again, on another
   * connection; a 502 would be final. Whether a request that changes something was carried out nobody knows: that is said.
   */
  #endedIdle({ info, interim, requestBody }: Exchange): boolean {
    const nothingCame = interim === 0 && this.#head.length === 0;
    return this.#used && nothingCame && requestBody === undefined && safeMethods.has(info.method);
  }

  failed(reason: string): void {
    const core = this.#core;
    if (core.state === 'closing' || core.state === 'closed') return;
    const message = `The API server can't be reached: ${reason}`;
    const exchange = core.exchange;
    if (core.state === 'tunnel' || exchange?.responseBody) core.abort();
    else if (!exchange) core.upstreamFailure = message;
    else if (core.report.heldLength > 0) core.alarm(exchange, 'early-bytes');
    else core.answerStatus(503, message, exchange.info.method);
  }

  /** Reads interim heads and the final one. What was read is written in one piece with what follows it. */
  #readHead(exchange: Exchange, bytes: Buffer): void {
    const core = this.#core;
    let at = 0;
    for (;;) {
      const head = parseResponseHead(bytes, at, this.#headLimits, exchange.info.method, this.#progress);
      if (head.kind === 'incomplete') {
        this.#keep(bytes, at);
        return;
      }
      if (head.kind === 'refused') {
        core.badAnswer(exchange, head.code);
        return;
      }
      if (head.status === 101) {
        this.#switch(exchange, head, bytes);
        return;
      }
      at = head.end;
      if (head.status >= 200) {
        this.#finalHead(exchange, head, bytes);
        return;
      }
      if (++exchange.interim > maxInterim) {
        core.badAnswer(exchange, 'too-many-interim');
        return;
      }
    }
  }

  /** Writes the interim heads before `at` and keeps the rest for the next call. */
  #keep(bytes: Buffer, at: number): void {
    if (at === 0 && this.#head.length > 0) return;
    const own = this.#head.length > 0;
    if (own) this.#head.take();
    if (at < bytes.length) this.#head.append(bytes, at);
    if (at > 0) this.#core.sink.toClient(bytes.subarray(0, at));
  }

  #finalHead(exchange: Exchange, head: ResponseHead, bytes: Buffer): void {
    const core = this.#core;
    exchange.status = head.status;
    exchange.responseKeepAlive = head.keepAlive;
    if (core.report.heldLength > 0) {
      core.alarm(exchange, 'early-bytes', head);
      return;
    }
    const { rules } = core.settings;
    if (rules.size > 0) {
      const candidates = core.report.answerRules(exchange);
      const events = exchange.upgrade ? rules.event(exchange.info, true, 'not-switched') : [];
      if (candidates.length + events.length > 0) {
        const fired = core.report.answer(exchange, head, candidates, events);
        if (core.carryOut(fired, exchange.info.method)) return;
      }
    }
    if (this.#head.length > 0) this.#head.take();
    core.sink.response(head.status);
    core.watch?.answered(head.status);
    exchange.responseBody = createBodyReader(head.framing, defaultBodyLimits);
    if (core.draining && head.keepAlive) {
      const blankLine = head.end - 2;
      const whole = Buffer.concat([bytes.subarray(0, blankLine), lastAnswer, bytes.subarray(blankLine)]);
      this.#body(exchange, whole, head.end + lastAnswer.length);
    } else this.#body(exchange, bytes, head.end);
  }

  /** @param start where the body's bytes begin; what stands before is written with them */
  #body(exchange: Exchange, bytes: Buffer, start: number): void {
    const core = this.#core;
    const part = exchange.responseBody?.feed(bytes, start);
    if (!part) return;
    if (part.kind === 'refused') {
      core.badAnswer(exchange, part.code);
      return;
    }
    const more = part.end < bytes.length;
    if (core.watch) core.watch.down += part.end;
    core.sink.toClient(more ? bytes.subarray(0, part.end) : bytes);
    if (part.complete) this.#answered(exchange, more);
  }

  /** The final answer was delivered whole. */
  #answered(exchange: Exchange, more: boolean): void {
    const core = this.#core;
    if (exchange.upgrade) {
      core.close(upgradeLingerMs);
    } else if (more) {
      core.unsolicited();
    } else if (!exchange.responseKeepAlive || !exchange.keepAlive || exchange.requestBody || core.draining) {
      core.close(answerLingerMs);
    } else {
      core.exchange = undefined;
      this.#used = true;
      core.over();
      this.#caller.next();
      if (core.clientEnded && core.state === 'http' && !core.exchange) core.close(0);
    }
  }

  /** A 101. Interim heads may stand before it in `bytes`, and bytes of the new protocol after it. */
  #switch(exchange: Exchange, head: ResponseHead, bytes: Buffer): void {
    const core = this.#core;
    exchange.status = 101;
    if (core.report.heldLength > 0) {
      core.alarm(exchange, 'early-bytes', head);
      return;
    }
    const request = exchange.upgrade && !exchange.requestBody ? exchange.head() : undefined;
    if (!request || !isVerifiedSwitch(request, head)) {
      core.alarm(exchange, 'unsolicited-switch', head);
      return;
    }
    const events = core.settings.rules.event(exchange.info, true, 'switched');
    if (events.length > 0) {
      const fired = core.report.answer(exchange, head, [], events);
      if (core.carryOut(fired, exchange.info.method)) return;
    }
    if (this.#head.length > 0) this.#head.take();
    core.state = 'tunnel';
    core.exchange = undefined;
    core.sink.response(101);
    core.watch?.answered(101);
    if (core.watch) core.watch.down += bytes.length;
    core.sink.toClient(bytes);
    if (core.clientEnded) core.endTunnelTowardsServer();
  }
}
