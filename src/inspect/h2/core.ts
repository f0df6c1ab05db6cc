// What both sides of one HTTP/2 connection share: its streams and windows, the gate's own answers, and its ends.
import {
  DATA,
  defaultFrameSize,
  defaultWindow,
  END_STREAM,
  frame,
  goawayFrame,
  type H2Error,
  h2Errors,
  headerFrames,
  largestWindow,
  numberFrame,
  RST_STREAM,
  type Setting,
  settingIds,
  settingsAck,
  settingsFrame,
  WINDOW_UPDATE,
} from '../../http/h2/frames.ts';
import type { ListLimits } from '../../http/h2/hpack-decoder.ts';
import { fieldRoom, writeField } from '../../http/h2/hpack-encoder.ts';
import { isMalformed } from '../../http/h2/message.ts';
import type { Connection, ConnectionSettings, ConnectionSink } from '../connection-types.ts';
import { type CallerRates, withRates } from '../rates.ts';
import { type JudgeRefusal, refusalRow } from '../refusals.ts';
import { Reporter } from '../reporter.ts';
import { type Fired, severest } from '../rules.ts';
import { statusBody } from '../status.ts';
import { AnswerReader } from './answer-block.ts';
import { createFloodBudget, type FloodBudget, type FloodKind } from './flood-budget.ts';
import { FrameOut } from './frame-out.ts';
import type { Stream } from './stream.ts';
import { ToServer } from './to-server.ts';

/** How long the caller is listened to after its side was ended, ms, so that an answer is not lost to a reset. */
const lingerMs = 1_000;
/** Of answers of the gate's own that can't go out yet: with more the caller, who causes them, is not read. */
const waitingBytes = 64 * 1_024;

export class Core {
  readonly settings: ConnectionSettings & { readonly rates: CallerRates };
  readonly sink: ConnectionSink;
  readonly listLimits: ListLimits;
  readonly toServer: FrameOut;
  readonly toCaller: FrameOut;
  readonly answers: AnswerReader;
  readonly streams = new Map<number, Stream>();
  readonly #flood: FloodBudget;
  /** For findings that belong to no stream. */
  readonly report: Reporter;
  state: Connection['state'] = 'http';

  /** Highest stream of the caller's so far, and the highest, by the server's numbers, that it still takes. */
  lastStream = 0;
  lastTaken = largestWindow;
  /** No new streams; what is open goes on. */
  draining = false;
  /** What a GOAWAY has told the caller is the last stream; a later one may not say more. */
  #toldLast = Number.POSITIVE_INFINITY;
  #holding = false;

  /** Of frames: what the one side told the other that it takes. */
  largestFromCaller = defaultFrameSize;
  largestFromServer = defaultFrameSize;
  /** Table sizes, in the order of the caller's SETTINGS that the server has not acknowledged yet. */
  readonly tableSizes: number[] = [];
  /** SETTINGS of the server that the caller has not acknowledged yet. */
  unacknowledged = 0;
  /** PINGs of each that the other has not answered: an answer to none is no frame for anybody. */
  callersPings = 0;
  serversPings = 0;

  /** What the caller still takes: on the connection, and on a stream at first. */
  callerWindow = defaultWindow;
  callerInitial = defaultWindow;
  /** Of that, what the gate's own answers took: the server doesn't know of it, and gets as much less back. */
  debt = 0;
  /** Numbers and windows of streams at the server. */
  readonly server: ToServer<Stream>;
  /** Content that went nowhere: its window is given back at the end of the call. */
  owedToCaller = 0;
  owedToServer = 0;

  /**
   * Do answers' header blocks go on as they came? While the caller saw all that changed the server's table, its own is in
   * step with it. Else blocks are written anew, as literals, for good.
   */
  verbatim = true;
  /** Why there is no server to ask, and the status that says so. */
  upstreamFailure: string | undefined;
  failureStatus = 503;

  constructor(given: ConnectionSettings, sink: ConnectionSink) {
    const settings = withRates(given);
    const { limits } = settings;
    this.settings = settings;
    this.sink = sink;
    this.listLimits = { bytes: limits.headBytes, fields: limits.headFields };
    this.report = new Reporter(settings, sink);
    this.answers = new AnswerReader(this.listLimits);
    this.toServer = new FrameOut((bytes) => sink.toServer(bytes));
    this.server = new ToServer(this.toServer, (stream) => this.release(stream));
    this.toCaller = new FrameOut((bytes) => sink.toClient(bytes));
    // The server's SETTINGS come first.
    this.toCaller.shut = true;
    this.#flood = settings.floodBudget ?? createFloodBudget(limits, { now: 0 });
  }

  /** Spends of the caller's budget; false when that has ended the connection. */
  spend(kind: FloodKind): boolean {
    if (this.#flood.spend(kind)) return true;
    this.callerFault(`h2-${kind}-flood`, h2Errors.enhanceYourCalm);
    return false;
  }

  /** At the end of every call. */
  flush(): void {
    if (this.state === 'http') {
      if (this.owedToCaller > 0) this.toCaller.own(numberFrame(WINDOW_UPDATE, 0, this.owedToCaller));
      if (this.owedToServer > 0) this.toServer.own(numberFrame(WINDOW_UPDATE, 0, this.owedToServer));
      this.owedToCaller = 0;
      this.owedToServer = 0;
    }
    this.toServer.flush();
    this.toCaller.flush();
    const hold = this.state === 'http' && this.toCaller.waiting > waitingBytes;
    if (hold !== this.#holding) this.sink.holdClient(hold);
    this.#holding = hold;
  }

  // ---- streams

  /** Both sides have ended it. */
  settle(stream: Stream): void {
    if (!stream.callerDone || !stream.serverDone) return;
    // The server has answered without waiting for the rest.
    if (this.server.forget(stream)) this.resetServer(stream, h2Errors.none);
    this.remove(stream);
  }

  remove(stream: Stream): void {
    if (this.streams.get(stream.id) !== stream) return;
    this.streams.delete(stream.id);
    this.server.removed(stream);
    this.release(stream);
    stream.watch?.ended();
    if (this.draining && this.streams.size === 0) this.close();
  }

  reset(id: number, towards: FrameOut, error: H2Error): void {
    towards.own(numberFrame(RST_STREAM, id, error));
  }

  resetServer(stream: Stream, error: H2Error): void {
    if (stream.forwarded) this.reset(stream.upId, this.toServer, error);
  }

  /** The stream that the server knows by that number. */
  fromServer(upId: number): Stream | undefined {
    const renumbered = this.server.renumbered(upId);
    if (renumbered) return renumbered;
    const same = this.streams.get(upId);
    return same?.upId === upId ? same : undefined;
  }

  /** What was kept of its body is kept no longer. */
  release(stream: Stream): void {
    stream.held = undefined;
    if (stream.taken > 0) this.settings.bodyAccount?.give(stream.taken);
    stream.taken = 0;
  }

  /** Carries out the most severe action of the rules that fired. @returns false for none, `allow` and `log` */
  carryOut(stream: Stream, fired: readonly Fired[]): boolean {
    const action = severest(fired);
    if (action === 'allow' || action === 'log') return false;
    const cause = fired.find((one) => one.action === action);
    if (cause) blame(stream, `${cause.shield}/${cause.rule}`);
    if (action === 'deny') {
      const denial = fired.find((one) => one.action === 'deny');
      this.verdict(stream, denial?.status ?? 403, denial?.message ?? 'Forbidden.', h2Errors.none);
    } else if (action === 'close-server') {
      this.tellLast(h2Errors.none);
      this.close();
    } else this.abort();
    return true;
  }

  /** Refuses a request, wholly or what is left of it. */
  refuse(stream: Stream, code: JudgeRefusal): void {
    stream.report.refusal(code, stream.facts, stream.status);
    blame(stream, code);
    const error = isMalformed(code) ? h2Errors.protocol : h2Errors.none;
    const { status, sentence } = refusalRow(code);
    if (!stream.answered) {
      this.verdict(stream, status, `The gate refused this request. ${sentence} [${code}]`, error);
    } else {
      this.reset(stream.id, this.toCaller, h2Errors.protocol);
      this.resetServer(stream, h2Errors.cancel);
      this.remove(stream);
    }
  }

  /** The server's answer can't be read in one way only: the caller gets a 502, or the stream's end. */
  badAnswer(stream: Stream, code: JudgeRefusal): void {
    stream.report.refusal(code, stream.facts, stream.status);
    blame(stream, code);
    if (!stream.answered) {
      const { sentence } = refusalRow(code);
      this.verdict(stream, 502, `The gate refused the server's answer. ${sentence} [${code}]`, h2Errors.none);
    } else {
      this.reset(stream.id, this.toCaller, h2Errors.internal);
      this.resetServer(stream, h2Errors.protocol);
      this.remove(stream);
    }
  }

  /** Answers what was found, with the id by which `portcullis why` explains it. */
  verdict(stream: Stream, status: number, message: string, error: H2Error, retryAfter?: number): void {
    const { id } = stream.report;
    this.answer(stream, status, id === '' ? message : `${message} (verdict ${id})`, error, retryAfter);
  }

  /**
   * Answers in the server's place and ends the stream.
   * @param error what a caller who is still sending is told
   * @param retryAfter seconds
   */
  answer(stream: Stream, status: number, message: string, error: H2Error, retryAfter?: number): void {
    const body = Buffer.from(statusBody(status, message, retryAfter));
    const length = stream.info.method === 'HEAD' ? 0 : body.length;
    // A caller whose window is shut learns the status alone.
    const fits = length <= Math.min(this.callerWindow, this.callerInitial + stream.window, defaultFrameSize);
    const content = fits && length > 0 ? length : 0;
    const wire = statusWire(status, fits ? body.length : 0, retryAfter);
    const parts = this.verbatim ? [wire] : [this.#emptyTable(), wire];
    this.toCaller.own(headerFrames(stream.id, content === 0, parts));
    if (content > 0) {
      this.toCaller.own(frame(DATA, END_STREAM, stream.id, body));
      this.callerWindow -= content;
      this.debt += content;
    }
    if (!stream.callerDone) this.reset(stream.id, this.toCaller, error);
    this.resetServer(stream, h2Errors.cancel);
    this.sink.response(status);
    stream.watch?.answered(status);
    this.remove(stream);
  }

  /** Answers a request whose refusal has been told of. */
  refused(stream: Stream, code: JudgeRefusal): void {
    blame(stream, code);
    const { status, sentence, retryAfter } = refusalRow(code);
    const message = `The gate refused this request. ${sentence} [${code}]`;
    this.verdict(stream, status, message, h2Errors.none, retryAfter);
  }

  /** Tells a caller who waits for it to send its body. */
  goOn(stream: Stream): void {
    const parts = this.verbatim ? [goOnWire] : [this.#emptyTable(), goOnWire];
    this.toCaller.own(headerFrames(stream.id, false, parts));
  }

  // ---- ends

  /** The caller's bytes can't be gone on with. */
  callerFault(code: JudgeRefusal, error: H2Error): void {
    if (this.state !== 'http') return;
    this.report.refusal(code, undefined, 0);
    for (const stream of this.streams.values()) blame(stream, code);
    this.tellLast(error);
    this.close();
  }

  /** The server's bytes can't be gone on with. */
  serverFault(code: JudgeRefusal): void {
    if (this.state !== 'http') return;
    this.report.refusal(code, undefined, 0);
    for (const stream of this.streams.values()) blame(stream, code);
    const message = `The gate refused the server's answer. ${refusalRow(code).sentence} [${code}]`;
    this.lose(502, message, h2Errors.internal);
  }

  /** The server is gone: every open stream is told, as far as it still can be, and the connection ends. */
  lose(status: number, message: string, error: H2Error): void {
    if (this.toCaller.shut) this.openTowardsCaller();
    for (const stream of [...this.streams.values()]) {
      stream.forwarded = false;
      if (!stream.answered) this.answer(stream, status, message, h2Errors.none);
      else {
        this.reset(stream.id, this.toCaller, h2Errors.internal);
        this.remove(stream);
      }
    }
    if (this.state !== 'http') return;
    this.tellLast(error);
    this.close();
  }

  /** GOAWAY to the caller. What it sends on later streams was not looked at, and may be sent again elsewhere. */
  tellLast(error: number, last = this.lastStream, debug?: Uint8Array): void {
    this.#toldLast = Math.min(this.#toldLast, last);
    this.toCaller.own(goawayFrame(this.#toldLast, error, debug));
  }

  /** Takes the server's part in opening the connection, when there is none. */
  openTowardsCaller(): void {
    this.toCaller.shut = false;
    this.toCaller.write(settingsFrame(this.offered([], true)));
    for (const _ of this.tableSizes.splice(0)) this.toCaller.write(settingsAck);
    this.toCaller.release();
  }

  /** The server's settings, less what the gate does not do, and no more than it bears. */
  offered(settings: readonly Setting[], first: boolean): Setting[] {
    const { streams, headBytes } = this.settings.limits;
    const { maxConcurrentStreams, maxHeaderListSize, initialWindowSize, maxFrameSize } = settingIds;
    const most: Record<number, number> = { [maxConcurrentStreams]: streams, [maxHeaderListSize]: headBytes };
    const passed = settings.flatMap(([id, value]): Setting[] => {
      if (most[id] !== undefined) return [[id, Math.min(value, most[id])]];
      return id === initialWindowSize || id === maxFrameSize ? [[id, value]] : [];
    });
    if (!first) return passed;
    for (const id of [maxConcurrentStreams, maxHeaderListSize]) {
      if (!passed.some(([known]) => known === id)) passed.push([id, most[id] ?? 0]);
    }
    return passed;
  }

  close(): void {
    if (this.state !== 'http') return;
    if (this.toCaller.shut) this.openTowardsCaller();
    this.state = 'closing';
    this.flush();
    this.sink.closeServer();
    this.sink.endClient(lingerMs);
  }

  abort(): void {
    this.state = 'closed';
    this.sink.abort();
  }

  // ---- answers' header blocks

  #emptied = false;

  /** The caller's table has missed something: it is emptied once, and not used again. */
  #emptyTable(): Uint8Array {
    if (this.#emptied) return nothing;
    this.#emptied = true;
    return tableSizeZero;
  }

  /** A header block of the server's, written anew. */
  rewritten(id: number, endStream: boolean, wire: Uint8Array): Buffer {
    return headerFrames(id, endStream, [this.#emptyTable(), wire]);
  }
}

export function blame(stream: Stream, code: string): void {
  if (stream.watch) stream.watch.refusal = code;
}

const goOnWire: Uint8Array = (() => {
  const out = Buffer.alloc(fieldRoom(':status', '100'));
  return out.subarray(0, writeField(out, 0, ':status', '100', false));
})();
const nothing = new Uint8Array(0);
const tableSizeZero = Uint8Array.of(0x20);

function statusWire(status: number, length: number, retryAfter: number | undefined): Uint8Array {
  const fields = [
    [':status', String(status)],
    ['content-type', 'application/json'],
    ['cache-control', 'no-cache, private'],
    ['content-length', String(length)],
    ...(retryAfter === undefined ? [] : [['retry-after', String(retryAfter)]]),
  ] as const;
  const out = Buffer.allocUnsafe(
    fields.reduce((sum, [name, value]) => sum + fieldRoom(name ?? '', value ?? ''), 0),
  );
  let at = 0;
  for (const [name, value] of fields) at = writeField(out, at, name ?? '', value ?? '', false);
  return out.subarray(0, at);
}
