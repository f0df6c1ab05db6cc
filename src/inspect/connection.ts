// Judges one client connection and its one upstream connection: bytes in, bytes and closes out. Pure: it never waits,
// reads a clock or touches a socket.
//
// Requests are serialised: the next one is not read until the answer of the one before is complete, so an answer never
// belongs to another request. An upgrade request (DESIGN decision 6) stops the caller's side: after its own body no
// byte goes to the server before a verified 101. Bytes that come all the same are held; when the answer's head comes
// they are an alarm and the connection is cut, the answer undelivered, whatever it was. Any other final answer is
// delivered and both sides are closed; bytes that come from its head on are an alarm at once.
import { createBodyReader, defaultBodyLimits } from '../http/body.ts';
import {
  createHeadProgress,
  type HeadLimits,
  parseRequestHead,
  parseResponseHead,
  type RequestHead,
  type ResponseHead,
} from '../http/head.ts';
import type { UpgradeEvent } from './attributes.ts';
import { ByteQueue } from './byte-queue.ts';
import { type CallerFields, createCallerFields } from './caller-fields.ts';
import type { Connection, ConnectionSettings, ConnectionSink, ExchangeWatch } from './connection-types.ts';
import { Exchange } from './exchange.ts';
import { contentOf, HeldRequest, requestBodyLimits } from './held-request.ts';
import { withRates } from './rates.ts';
import { type JudgeRefusal, refusalRow } from './refusals.ts';
import { Reporter } from './reporter.ts';
import { requestFacts } from './request-facts.ts';
import { type RequestInfo, requestInfo } from './request-info.ts';
import { type Candidates, type Fired, severest } from './rules.ts';
import { statusAnswer } from './status.ts';
import { isVerifiedSwitch } from './upgrade.ts';

/** A judge for one client connection and its one upstream connection. */
export function createConnection(settings: ConnectionSettings, sink: ConnectionSink): Connection {
  return new Judge(settings, sink);
}

/** How long the caller is listened to after its side was ended, ms: after an upgrade, what comes is evidence. */
const upgradeLingerMs = 2_000;
/** So that an answer that was written is not lost to a reset by what the caller still sends. */
const answerLingerMs = 1_000;
/** A tunnel whose server has ended may go on in the other direction. */
const tunnelLingerMs = 30_000;
/** Interim answers to one request. */
const maxInterim = 16;
const goOn = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');

class Judge implements Connection {
  readonly #settings: ConnectionSettings;
  readonly #sink: ConnectionSink;
  readonly #report: Reporter;
  readonly #headLimits: HeadLimits;
  readonly #caller: CallerFields;
  #state: Connection['state'] = 'http';
  #exchange: Exchange | undefined;
  /** The request whose body rules wait for: nothing of it was forwarded. There is no exchange meanwhile. */
  #held: HeldRequest | undefined;
  /** Of the caller: an unfinished head, or requests sent ahead. */
  readonly #ahead = new ByteQueue();
  readonly #requestProgress = createHeadProgress();
  /** Of the server: an unfinished head. */
  readonly #answer = new ByteQueue();
  readonly #answerProgress = createHeadProgress();
  #holding = false;
  #clientEnded = false;
  #serverEnded = false;
  #draining = false;
  #upstreamFailure: string | undefined;
  /** Of the request at hand, or of the tunnel it has become. */
  #watch: ExchangeWatch | undefined;

  constructor(settings: ConnectionSettings, sink: ConnectionSink) {
    this.#settings = settings;
    this.#sink = sink;
    this.#report = new Reporter(withRates(settings), sink);
    this.#headLimits = { bytes: settings.limits.headBytes, fields: settings.limits.headFields };
    this.#caller = createCallerFields(settings);
  }

  get state(): Connection['state'] {
    return this.#state;
  }

  get idle(): boolean {
    return this.#state === 'http' && !this.#exchange && !this.#held && this.#ahead.length === 0;
  }

  get readingHead(): boolean {
    return this.#state === 'http' && !this.#exchange && this.#ahead.length > 0;
  }

  get readingBody(): boolean {
    return this.#held !== undefined || this.#exchange?.requestBody !== undefined;
  }

  // ---- the caller's side

  clientData(bytes: Buffer): void {
    if (this.#state === 'tunnel') {
      if (this.#watch) this.#watch.up += bytes.length;
      this.#sink.toServer(bytes);
    } else if (this.#state === 'closing') this.#lateBytes(bytes);
    else if (this.#state === 'closed') return;
    else if (this.#ahead.length === 0) this.#readClient(bytes);
    else {
      this.#ahead.append(bytes, 0);
      if (!this.#exchange) this.#readClient(this.#ahead.view(), true);
      else if (this.#ahead.length > this.#settings.limits.aheadBytes) {
        this.#report.refusal('pipeline-over-limit', this.#exchange.facts, this.#exchange.status);
        this.#blame('pipeline-over-limit');
        this.#abort();
      }
    }
  }

  /**
   * Reads requests as far as they may be read; the rest waits in #ahead.
   * @param own the bytes come from #ahead: what waits again is not copied, which for many small requests would cost more
   * than all else (1,000 in 55 KB: 12 to 19 µs each, 3 without)
   */
  #readClient(bytes: Buffer, own = false): void {
    let at = 0;
    while (at < bytes.length && (this.#state === 'http' || this.#state === 'upgrade')) {
      const exchange = this.#exchange;
      if (this.#held) at = this.#heldBody(this.#held, bytes, at);
      else if (!exchange) {
        const next = this.#requestHead(bytes, at);
        if (next < 0) {
          // Unfinished. Bytes that are the queue's own stay where they are.
          if (this.#ahead.length === 0) this.#ahead.append(bytes, at);
          return;
        }
        at = next;
      } else if (exchange.requestBody) {
        const refused = exchange.upgrade && exchange.status > 0;
        at = refused ? this.#dropBody(exchange, bytes, at) : this.#requestBody(exchange, bytes, at);
      } else if (exchange.upgrade) {
        this.#earlyBytes(exchange, bytes.subarray(at));
        return;
      } else {
        if (own) this.#ahead.adopt(bytes.subarray(at));
        else this.#ahead.append(bytes, at);
        this.#hold(true);
        return;
      }
    }
  }

  /** @returns where reading goes on; -1 while the head is unfinished */
  #requestHead(bytes: Buffer, start: number): number {
    const head = parseRequestHead(bytes, start, this.#headLimits, this.#requestProgress);
    if (head.kind === 'incomplete') return -1;
    this.#report.nextRequest();
    // The bytes are this call's from here on: what stands behind the head is queued anew if it must wait.
    if (this.#ahead.length > 0) this.#ahead.take();
    if (head.kind === 'refused') return this.#refuse(head.code, undefined, undefined, bytes.length);
    this.#report.auditId = this.#caller.identify(head);
    const info = requestInfo(head.method, head.target);
    if (typeof info === 'string') return this.#refuse(info, head, undefined, bytes.length);
    this.#watch = this.#sink.begun?.(info, head, this.#report);
    if (this.#caller.problem) return this.#refuse(this.#caller.problem, head, info, bytes.length);
    const refused = this.#caller.refuses(head);
    if (refused) return this.#refuse(refused, head, info, bytes.length);
    const wait = this.#settings.shed?.(info);
    if (wait !== undefined) return this.#shed(head, wait, bytes.length);
    const candidates = this.#settings.rules.request(info, head.upgrade.trigger);
    if (candidates.length > 0 && this.#carryOut(this.#report.request(candidates, head, info), info.method)) {
      return bytes.length;
    }
    const { framing } = head;
    const withBody = framing.kind === 'length' ? framing.length > 0 : framing.kind !== 'none';
    const inspected = withBody ? this.#report.bodyRules(head, info) : noCandidates;
    return inspected.length > 0
      ? this.#holdBack(bytes, head, info, inspected)
      : this.#forward(bytes, head, info);
  }

  /** Keeps the request until its body is whole, which it mostly is already. */
  #holdBack(bytes: Buffer, head: RequestHead, info: RequestInfo, candidates: Candidates): number {
    const { framing } = head;
    const { bodyBytes } = this.#settings.limits;
    if (framing.kind === 'length') {
      if (framing.length > bodyBytes) {
        const stands = this.#stands(
          this.#report.unjudged(candidates, 'overBudget', 'body-over-budget', head, info),
          head,
        );
        return stands ? this.#forward(bytes, head, info) : bytes.length;
      }
      const content = contentOf(bytes, head);
      if (content)
        return this.#judged(candidates, head, info, content)
          ? this.#forward(bytes, head, info)
          : bytes.length;
    }
    this.#held = new HeldRequest(bytes, head, info, candidates, bodyBytes, this.#settings.bodyAccount);
    const end = this.#heldBody(this.#held, bytes, head.end);
    if (this.#held && head.expectContinue) this.#sink.toClient(goOn);
    return end;
  }

  #heldBody(held: HeldRequest, bytes: Buffer, start: number): number {
    const fed = held.feed(bytes, start);
    if (fed.kind === 'more') return fed.end;
    this.#held = undefined;
    const { bytes: whole, head } = held.release();
    const { info, candidates } = held;
    if (!head) throw new Error('a head that was read can be read again');
    if (fed.kind === 'refused') return this.#refuse(bodyCode(fed.code), head, info, bytes.length);
    const content = fed.kind === 'complete' ? contentOf(whole, head) : undefined;
    const stands = content
      ? this.#judged(candidates, head, info, content)
      : this.#stands(
          fed.kind === 'full'
            ? this.#report.unjudged(candidates, 'full', 'held-bodies-full', head, info)
            : this.#report.unjudged(candidates, 'overBudget', 'body-over-budget', head, info),
          head,
        );
    if (!stands) return bytes.length;
    this.#forward(whole, head, info);
    return fed.end;
  }

  /** May the request go on, as the rules say of its body? Otherwise it is answered. */
  #judged(candidates: Candidates, head: RequestHead, info: RequestInfo, content: Buffer): boolean {
    return content.length === 0 || this.#stands(this.#report.body(candidates, head, info, content), head);
  }

  /** Carries out what was found of a body. @returns whether the request goes on */
  #stands(found: readonly Fired[] | JudgeRefusal, { method }: RequestHead): boolean {
    if (typeof found !== 'string') return !this.#carryOut(found, method);
    this.#blame(found);
    this.#answerRefusal(found, method);
    return false;
  }

  #forward(bytes: Buffer, head: RequestHead, info: RequestInfo): number {
    if (this.#upstreamFailure !== undefined) {
      this.#answerStatus(503, this.#upstreamFailure, info.method);
      return bytes.length;
    }
    const body = head.framing.kind === 'none' ? undefined : createBodyReader(head.framing, requestBodyLimits);
    let end = head.end;
    if (body && !body.complete) {
      const part = body.feed(bytes, head.end);
      if (part.kind === 'refused') return this.#refuse(bodyCode(part.code), head, info, bytes.length);
      end = part.end;
    }
    const forwarded = this.#caller.forward(bytes, head, end);
    if (forwarded.spoofed) this.#report.spoof(head, info);
    const exchange = new Exchange(info, head, forwarded);
    if (body && !body.complete) exchange.requestBody = body;
    this.#exchange = exchange;
    if (exchange.upgrade) this.#state = 'upgrade';
    this.#sink.toServer(forwarded.bytes);
    if (this.#watch) this.#watch.up = forwarded.bytes.length;
    this.#sink.request(info.method, info.path, this.#report.auditId);
    return end;
  }

  #requestBody(exchange: Exchange, bytes: Buffer, start: number): number {
    const part = exchange.requestBody?.feed(bytes, start);
    if (!part) return start;
    if (part.kind === 'refused') {
      this.#refuseBody(exchange, bodyCode(part.code));
      return bytes.length;
    }
    if (this.#watch) this.#watch.up += part.end - start;
    this.#sink.toServer(start === 0 && part.end === bytes.length ? bytes : bytes.subarray(start, part.end));
    if (part.complete) exchange.requestBody = undefined;
    return part.end;
  }

  /**
   * What is left of an upgrade request's body when the upgrade has been refused: nothing of it goes on, into what may be
   * an open tunnel by now, and it is no alarm. @returns where it ends
   */
  #dropBody(exchange: Exchange, bytes: Buffer, start: number): number {
    const part = exchange.requestBody?.feed(bytes, start);
    if (!part) return start;
    if (part.kind === 'refused' || part.complete) exchange.requestBody = undefined;
    return part.kind === 'refused' ? Math.max(start, part.at) : part.end;
  }

  #earlyBytes(exchange: Exchange, bytes: Buffer): void {
    this.#report.hold(bytes);
    if (exchange.status > 0) this.#alarm(exchange, 'late-bytes');
    else if (this.#report.heldLength > this.#settings.limits.heldBytes) this.#alarm(exchange, 'early-bytes');
  }

  /** After an upgrade that was answered with anything but 101. After any other end, what still comes is nobody's. */
  #lateBytes(bytes: Buffer): void {
    const exchange = this.#exchange;
    if (!exchange?.upgrade || exchange.status === 0) return;
    const from = this.#dropBody(exchange, bytes, 0);
    if (from === bytes.length) return;
    this.#report.hold(bytes.subarray(from));
    this.#alarm(exchange, 'late-bytes');
  }

  clientEnd(): void {
    if (this.#clientEnded) return;
    this.#clientEnded = true;
    const exchange = this.#exchange;
    if (this.#state === 'tunnel') this.#endTunnelTowardsServer();
    else if (this.#state === 'closing' || this.#state === 'closed') return;
    else if (!exchange) this.#close(0);
    else if (exchange.requestBody) this.#abort();
    else if (this.#report.heldLength > 0) this.#alarm(exchange, 'early-bytes');
    // The answer is still delivered; but a stream that ends only when its reader leaves has lost its reader.
    else if (exchange.streams && this.#ahead.length === 0) this.#abort();
  }

  #endTunnelTowardsServer(): void {
    if (this.#serverEnded) {
      this.#state = 'closed';
      this.#over();
      this.#sink.closeServer();
    } else if (this.#sink.endServer) this.#sink.endServer();
    else this.#close(0);
  }

  // ---- the server's side

  serverData(bytes: Buffer): void {
    if (this.#state === 'tunnel') {
      if (this.#watch) this.#watch.down += bytes.length;
      this.#sink.toClient(bytes);
    } else if (this.#state === 'closing' || this.#state === 'closed') return;
    else if (!this.#exchange) this.#unsolicited();
    else if (this.#exchange.responseBody) this.#answerBody(this.#exchange, bytes, 0);
    else if (this.#answer.length === 0) this.#answerHead(this.#exchange, bytes);
    else {
      this.#answer.append(bytes, 0);
      this.#answerHead(this.#exchange, this.#answer.view());
    }
  }

  /** Reads interim heads and the final one. What was read is written in one piece with what follows it. */
  #answerHead(exchange: Exchange, bytes: Buffer): void {
    let at = 0;
    for (;;) {
      const head = parseResponseHead(bytes, at, this.#headLimits, exchange.info.method, this.#answerProgress);
      if (head.kind === 'incomplete') {
        this.#keepAnswer(bytes, at);
        return;
      }
      if (head.kind === 'refused') {
        this.#badAnswer(exchange, head.code);
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
        this.#badAnswer(exchange, 'too-many-interim');
        return;
      }
    }
  }

  /** Writes the interim heads before `at` and keeps the rest for the next call. */
  #keepAnswer(bytes: Buffer, at: number): void {
    if (at === 0 && this.#answer.length > 0) return;
    const own = this.#answer.length > 0;
    if (own) this.#answer.take();
    if (at < bytes.length) this.#answer.append(bytes, at);
    if (at > 0) this.#sink.toClient(bytes.subarray(0, at));
  }

  #finalHead(exchange: Exchange, head: ResponseHead, bytes: Buffer): void {
    exchange.status = head.status;
    exchange.responseKeepAlive = head.keepAlive;
    if (this.#report.heldLength > 0) {
      this.#alarm(exchange, 'early-bytes', head);
      return;
    }
    const { rules } = this.#settings;
    if (rules.size > 0) {
      const candidates = this.#report.answerRules(exchange);
      const events = exchange.upgrade ? rules.event(exchange.info, true, 'not-switched') : [];
      if (candidates.length + events.length > 0) {
        const fired = this.#report.answer(exchange, head, candidates, events);
        if (this.#carryOut(fired, exchange.info.method)) return;
      }
    }
    if (this.#answer.length > 0) this.#answer.take();
    this.#sink.response(head.status);
    this.#watch?.answered(head.status);
    exchange.responseBody = createBodyReader(head.framing, defaultBodyLimits);
    this.#answerBody(exchange, bytes, head.end);
  }

  /** @param start where the body's bytes begin; what stands before is written with them */
  #answerBody(exchange: Exchange, bytes: Buffer, start: number): void {
    const part = exchange.responseBody?.feed(bytes, start);
    if (!part) return;
    if (part.kind === 'refused') {
      this.#badAnswer(exchange, part.code);
      return;
    }
    const more = part.end < bytes.length;
    if (this.#watch) this.#watch.down += part.end;
    this.#sink.toClient(more ? bytes.subarray(0, part.end) : bytes);
    if (part.complete) this.#answered(exchange, more);
  }

  /** The final answer was delivered whole. */
  #answered(exchange: Exchange, more: boolean): void {
    if (exchange.upgrade) {
      this.#close(upgradeLingerMs);
    } else if (more) {
      this.#unsolicited();
    } else if (!exchange.responseKeepAlive || !exchange.keepAlive || exchange.requestBody || this.#draining) {
      this.#close(answerLingerMs);
    } else {
      this.#exchange = undefined;
      this.#over();
      if (this.#ahead.length > 0) this.#readClient(this.#ahead.take(), true);
      if (this.#ahead.length === 0 || !this.#exchange) this.#hold(false);
      if (this.#clientEnded && this.#state === 'http' && !this.#exchange) this.#close(0);
    }
  }

  /** A 101. Interim heads may stand before it in `bytes`, and bytes of the new protocol after it. */
  #switch(exchange: Exchange, head: ResponseHead, bytes: Buffer): void {
    exchange.status = 101;
    if (this.#report.heldLength > 0) {
      this.#alarm(exchange, 'early-bytes', head);
      return;
    }
    const request = exchange.upgrade && !exchange.requestBody ? exchange.head() : undefined;
    if (!request || !isVerifiedSwitch(request, head)) {
      this.#alarm(exchange, 'unsolicited-switch', head);
      return;
    }
    const events = this.#settings.rules.event(exchange.info, true, 'switched');
    if (events.length > 0) {
      const fired = this.#report.answer(exchange, head, [], events);
      if (this.#carryOut(fired, exchange.info.method)) return;
    }
    if (this.#answer.length > 0) this.#answer.take();
    this.#state = 'tunnel';
    this.#exchange = undefined;
    this.#sink.response(101);
    this.#watch?.answered(101);
    if (this.#watch) this.#watch.down += bytes.length;
    this.#sink.toClient(bytes);
    if (this.#clientEnded) this.#endTunnelTowardsServer();
  }

  serverEnd(): void {
    if (this.#serverEnded) return;
    this.#serverEnded = true;
    const exchange = this.#exchange;
    if (this.#state === 'closing' || this.#state === 'closed') return;
    if (this.#state === 'tunnel') {
      if (this.#clientEnded) this.#close(0);
      else this.#sink.endClient(tunnelLingerMs);
    } else if (this.#held) {
      this.#answerStatus(502, 'The API server ended the connection.', this.#held.info.method);
    } else if (!exchange) {
      this.#close(0);
    } else if (this.#report.heldLength > 0) {
      this.#alarm(exchange, 'early-bytes');
    } else if (exchange.responseBody) {
      // Until-close ends so; a shorter answer than announced is shown to the caller as what it is, an early end.
      this.#close(exchange.upgrade ? upgradeLingerMs : answerLingerMs);
    } else {
      this.#answerStatus(502, 'The API server ended the connection without an answer.', exchange.info.method);
    }
  }

  serverFailed(reason: string): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    const message = `The API server can't be reached: ${reason}`;
    const exchange = this.#exchange;
    if (this.#state === 'tunnel' || exchange?.responseBody) this.#abort();
    else if (!exchange) this.#upstreamFailure = message;
    else if (this.#report.heldLength > 0) this.#alarm(exchange, 'early-bytes');
    else this.#answerStatus(503, message, exchange.info.method);
  }

  drain(): void {
    this.#draining = true;
    if (this.idle) this.#close(0);
  }

  // ---- verdicts and ends

  #alarm(exchange: Exchange, event: UpgradeEvent, response?: ResponseHead): void {
    this.#report.alarm(event, exchange, response);
    this.#blame(event);
    this.#abort();
  }

  #unsolicited(): void {
    this.#report.refusal('unsolicited-response', this.#exchange?.facts, this.#exchange?.status ?? 0);
    this.#blame('unsolicited-response');
    this.#abort();
  }

  /** Carries out the most severe action of the rules that fired. @returns false for none, `allow` and `log` */
  #carryOut(fired: readonly Fired[], method: string): boolean {
    const action = severest(fired);
    if (action === 'allow' || action === 'log') return false;
    const cause = fired.find((one) => one.action === action);
    if (cause) this.#blame(`${cause.shield}/${cause.rule}`);
    if (action === 'deny') {
      const denial = fired.find((one) => one.action === 'deny');
      this.#answerVerdict(denial?.status ?? 403, denial?.message ?? 'Forbidden.', method);
    } else if (action === 'close-server') this.#close(answerLingerMs);
    // One client connection, one upstream connection: without a caller the server's side has no use.
    else this.#abort();
    return true;
  }

  /** Refuses a request of which nothing was forwarded. @returns `end` */
  #refuse(
    code: JudgeRefusal,
    head: RequestHead | undefined,
    info: RequestInfo | undefined,
    end: number,
  ): number {
    this.#report.refusal(code, requestFacts(info, head), 0);
    this.#blame(code);
    this.#answerRefusal(code, head?.method);
    return end;
  }

  /** Refuses what is left of a request that was forwarded in part. */
  #refuseBody(exchange: Exchange, code: JudgeRefusal): void {
    this.#report.refusal(code, exchange.facts, exchange.status);
    this.#blame(code);
    if (exchange.responseBody) this.#abort();
    else this.#answerRefusal(code, exchange.info.method);
  }

  #answerRefusal(code: JudgeRefusal, method: string | undefined): void {
    const { status, sentence, retryAfter } = refusalRow(code);
    this.#answerVerdict(status, `The gate refused this request. ${sentence} [${code}]`, method, retryAfter);
  }

  /** The server's answer can't be read in one way only: the caller gets a 502, or the connection's end. */
  #badAnswer(exchange: Exchange, code: JudgeRefusal): void {
    this.#report.refusal(code, exchange.facts, exchange.status);
    this.#blame(code);
    if (this.#report.heldLength > 0) this.#alarm(exchange, 'early-bytes');
    else if (exchange.responseBody) this.#abort();
    else {
      const message = `The gate refused the server's answer. ${refusalRow(code).sentence} [${code}]`;
      this.#answerVerdict(502, message, exchange.info.method);
    }
  }

  /** Answers what was found, with the id by which `portcullis why` explains it. */
  #answerVerdict(status: number, message: string, method: string | undefined, retryAfter?: number): void {
    const { id } = this.#report;
    this.#answerStatus(status, id === '' ? message : `${message} (verdict ${id})`, method, retryAfter);
  }

  /** Answers in the server's place and ends. */
  #answerStatus(status: number, message: string, method: string | undefined, retryAfter?: number): void {
    const more = retryAfter === undefined ? {} : { retryAfter };
    this.#sink.toClient(statusAnswer(status, message, method !== 'HEAD', more));
    this.#sink.response(status);
    this.#watch?.answered(status);
    this.#close(this.#exchange?.upgrade ? upgradeLingerMs : answerLingerMs);
  }

  /** No finding: a record for each would be one more thing to do. @returns where reading goes on */
  #shed(head: RequestHead, seconds: number, end: number): number {
    const stays = head.framing.kind === 'none' && !head.upgrade.trigger && head.keepAlive && !this.#draining;
    const message = `The gate is too busy for new requests; try again in ${seconds} s. [overloaded]`;
    const more = { retryAfter: seconds, keepAlive: stays };
    this.#blame('overloaded');
    this.#sink.toClient(statusAnswer(429, message, head.method !== 'HEAD', more));
    this.#sink.response(429);
    this.#watch?.answered(429);
    if (!stays) {
      this.#close(answerLingerMs);
      return end;
    }
    // A connection that is kept costs less than the handshake of the next.
    this.#over();
    return head.end;
  }

  #letGo(): void {
    this.#held?.release();
    this.#held = undefined;
  }

  #blame(code: string): void {
    if (this.#watch) this.#watch.refusal = code;
  }

  #over(): void {
    const watch = this.#watch;
    this.#watch = undefined;
    watch?.ended();
  }

  #close(lingerMs: number): void {
    this.#letGo();
    this.#over();
    this.#state = 'closing';
    this.#hold(false);
    this.#sink.closeServer();
    this.#sink.endClient(lingerMs);
  }

  #abort(): void {
    this.#letGo();
    this.#over();
    this.#state = 'closed';
    this.#sink.abort();
  }

  #hold(hold: boolean): void {
    if (hold === this.#holding) return;
    this.#holding = hold;
    this.#sink.holdClient(hold);
  }
}

const noCandidates: Candidates = [];

/** No trailers are admitted in a request: the reader's limit says so in its own words. */
function bodyCode(code: JudgeRefusal): JudgeRefusal {
  return code === 'too-many-fields' ? 'request-trailers' : code;
}
