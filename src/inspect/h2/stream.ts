// One HTTP/2 stream: a request that was forwarded, or is being judged, and its answer.
import type { RequestHead } from '../../http/head.ts';
import type { ExchangeWatch } from '../connection-types.ts';
import type { Judged } from '../exchange.ts';
import type { Reporter } from '../reporter.ts';
import { type RequestFacts, requestFacts } from '../request-facts.ts';
import type { RequestInfo } from '../request-info.ts';
import type { HeldStream } from './held-stream.ts';
import type { ServerStream } from './to-server.ts';

export class Stream implements Judged, ServerStream {
  readonly id: number;
  readonly info: RequestInfo;
  readonly report: Reporter;
  readonly upgrade = false;
  /** The gate's own fields are no part of `head`. */
  readonly injectedAt: number = Number.POSITIVE_INFINITY;
  watch: ExchangeWatch | undefined;
  /** Of the final answer; 0 before. */
  status = 0;
  /** The final answer's head went to the caller. */
  answered = false;
  interim = 0;
  /** Does the server know of it? */
  forwarded = false;
  /** Its number there. */
  upId = 0;
  /** Its body is being kept for rules: nothing of it has gone to the server. */
  held: HeldStream | undefined;
  waiting: ServerStream['waiting'];
  lent = 0;
  /** Bytes that the gate keeps of it, as its account says. */
  taken = 0;
  /** The gate has told the caller to go on: the server's own word would be a second one. */
  continued = false;
  callerDone = false;
  serverDone = false;
  /** Content still to come by Content-Length; -1 where none was told. */
  requestLeft: number;
  answerLeft = -1;
  /** What the caller has added to its first window. */
  window = 0;
  /** What the server has added to its first window, less what the caller has sent. */
  room = 0;
  /** The running minute of the request's body, and what came in it; 0 outside of one. */
  bodySince = 0;
  bodyBytes = 0;
  readonly #head: RequestHead;
  #facts: RequestFacts | undefined;

  constructor(id: number, info: RequestInfo, head: RequestHead, report: Reporter, length: number) {
    this.id = id;
    this.info = info;
    this.#head = head;
    this.report = report;
    this.requestLeft = length;
  }

  get bearer(): boolean {
    return this.#head.fields.find('authorization') >= 0;
  }

  head(): RequestHead {
    return this.#head;
  }

  get facts(): RequestFacts {
    // What could not be read has no path.
    this.#facts ??= requestFacts(this.info.path === '' ? undefined : this.info, this.#head);
    return this.#facts;
  }
}
