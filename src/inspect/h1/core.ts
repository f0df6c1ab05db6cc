// What both sides of one HTTP/1.1 connection share: the request at hand, verdicts on it, and the connection's ends.
import type { RequestHead, ResponseHead } from '../../http/head.ts';
import type { UpgradeEvent } from '../attributes.ts';
import type { Connection, ConnectionSettings, ConnectionSink, ExchangeWatch } from '../connection-types.ts';
import type { Exchange } from '../exchange.ts';
import type { HeldRequest } from '../held-request.ts';
import { withRates } from '../rates.ts';
import { type JudgeRefusal, refusalRow } from '../refusals.ts';
import { Reporter } from '../reporter.ts';
import { requestFacts } from '../request-facts.ts';
import type { RequestInfo } from '../request-info.ts';
import { type Fired, severest } from '../rules.ts';
import { statusAnswer } from '../status.ts';

/** How long the caller is listened to after its side was ended, ms: after an upgrade, what comes is evidence. */
export const upgradeLingerMs = 2_000;
/** So that an answer that was written is not lost to a reset by what the caller still sends. */
export const answerLingerMs = 1_000;

export class Core {
  readonly settings: ConnectionSettings;
  readonly sink: ConnectionSink;
  readonly report: Reporter;
  state: Connection['state'] = 'http';
  exchange: Exchange | undefined;
  /** The request whose body rules wait for: nothing of it was forwarded. There is no exchange meanwhile. */
  held: HeldRequest | undefined;
  /** Of the request at hand, or of the tunnel it has become. */
  watch: ExchangeWatch | undefined;
  clientEnded = false;
  serverEnded = false;
  draining = false;
  /** Why there is no server to ask. */
  upstreamFailure: string | undefined;
  #holding = false;

  constructor(settings: ConnectionSettings, sink: ConnectionSink) {
    this.settings = settings;
    this.sink = sink;
    this.report = new Reporter(withRates(settings), sink);
  }

  alarm(exchange: Exchange, event: UpgradeEvent, response?: ResponseHead): void {
    this.report.alarm(event, exchange, response);
    this.blame(event);
    this.abort();
  }

  unsolicited(): void {
    this.report.refusal('unsolicited-response', this.exchange?.facts, this.exchange?.status ?? 0);
    this.blame('unsolicited-response');
    this.abort();
  }

  /** Carries out the most severe action of the rules that fired. @returns false for none, `allow` and `log` */
  carryOut(fired: readonly Fired[], method: string): boolean {
    const action = severest(fired);
    if (action === 'allow' || action === 'log') return false;
    const cause = fired.find((one) => one.action === action);
    if (cause) this.blame(`${cause.shield}/${cause.rule}`);
    if (action === 'deny') {
      const denial = fired.find((one) => one.action === 'deny');
      this.#answerVerdict(denial?.status ?? 403, denial?.message ?? 'Forbidden.', method);
    } else if (action === 'close-server') this.close(answerLingerMs);
    // One client connection, one upstream connection: without a caller the server's side has no use.
    else this.abort();
    return true;
  }

  /** Refuses a request of which nothing was forwarded. @returns `end` */
  refuse(
    code: JudgeRefusal,
    head: RequestHead | undefined,
    info: RequestInfo | undefined,
    end: number,
  ): number {
    this.report.refusal(code, requestFacts(info, head), 0);
    this.blame(code);
    this.answerRefusal(code, head?.method);
    return end;
  }

  /** Refuses what is left of a request that was forwarded in part. */
  refuseBody(exchange: Exchange, code: JudgeRefusal): void {
    this.report.refusal(code, exchange.facts, exchange.status);
    this.blame(code);
    if (exchange.responseBody) this.abort();
    else this.answerRefusal(code, exchange.info.method);
  }

  /** The server's answer can't be read in one way only: the caller gets a 502, or the connection's end. */
  badAnswer(exchange: Exchange, code: JudgeRefusal): void {
    this.report.refusal(code, exchange.facts, exchange.status);
    this.blame(code);
    if (this.report.heldLength > 0) this.alarm(exchange, 'early-bytes');
    else if (exchange.responseBody) this.abort();
    else {
      const message = `The gate refused the server's answer. ${refusalRow(code).sentence} [${code}]`;
      this.#answerVerdict(502, message, exchange.info.method);
    }
  }

  answerRefusal(code: JudgeRefusal, method: string | undefined): void {
    const { status, sentence, retryAfter } = refusalRow(code);
    this.#answerVerdict(status, `The gate refused this request. ${sentence} [${code}]`, method, retryAfter);
  }

  /** Answers what was found, with the id by which `portcullis why` explains it. */
  #answerVerdict(status: number, message: string, method: string | undefined, retryAfter?: number): void {
    const { id } = this.report;
    this.answerStatus(status, id === '' ? message : `${message} (verdict ${id})`, method, retryAfter);
  }

  /** Answers in the server's place and ends. */
  answerStatus(status: number, message: string, method: string | undefined, retryAfter?: number): void {
    const more = retryAfter === undefined ? {} : { retryAfter };
    this.sink.toClient(statusAnswer(status, message, method !== 'HEAD', more));
    this.sink.response(status);
    this.watch?.answered(status);
    this.close(this.exchange?.upgrade ? upgradeLingerMs : answerLingerMs);
  }

  /** No finding: a record for each would be one more thing to do. @returns where reading goes on */
  shed(head: RequestHead, seconds: number, end: number): number {
    const stays = head.framing.kind === 'none' && !head.upgrade.trigger && head.keepAlive && !this.draining;
    const message = `The gate is too busy for new requests; try again in ${seconds} s. [overloaded]`;
    const more = { retryAfter: seconds, keepAlive: stays };
    this.blame('overloaded');
    this.sink.toClient(statusAnswer(429, message, head.method !== 'HEAD', more));
    this.sink.response(429);
    this.watch?.answered(429);
    if (!stays) {
      this.close(answerLingerMs);
      return end;
    }
    // A connection that is kept costs less than the handshake of the next.
    this.over();
    return head.end;
  }

  #letGo(): void {
    this.held?.release();
    this.held = undefined;
  }

  blame(code: string): void {
    if (this.watch) this.watch.refusal = code;
  }

  over(): void {
    const watch = this.watch;
    this.watch = undefined;
    watch?.ended();
  }

  close(lingerMs: number): void {
    this.#letGo();
    this.over();
    this.state = 'closing';
    this.hold(false);
    this.sink.closeServer();
    this.sink.endClient(lingerMs);
  }

  abort(): void {
    this.#letGo();
    this.over();
    this.state = 'closed';
    this.sink.abort();
  }

  hold(hold: boolean): void {
    if (hold === this.#holding) return;
    this.#holding = hold;
    this.sink.holdClient(hold);
  }

  endTunnelTowardsServer(): void {
    if (this.serverEnded) {
      this.state = 'closed';
      this.over();
      this.sink.closeServer();
    } else if (this.sink.endServer) this.sink.endServer();
    else this.close(0);
  }
}
