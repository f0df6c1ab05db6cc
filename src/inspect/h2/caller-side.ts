// The caller's frames: requests judged and forwarded, everything else passed on, answered or dropped.
import type { FrameHandler, FrameHead } from '../../http/h2/frame-feed.ts';
import {
  ACK,
  CONTINUATION,
  END_STREAM,
  GOAWAY,
  goawayFrame,
  HEADERS,
  h2Errors,
  largestWindow,
  numberFrame,
  PING,
  PUSH_PROMISE,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from '../../http/h2/frames.ts';
import type { RefusalCode } from '../../http/refusals.ts';
import { CallerSettings } from './caller-settings.ts';
import type { Core } from './core.ts';
import { renumbered } from './frame-out.ts';
import { faultOf, frameProblem } from './frame-rules.ts';
import { Intake } from './intake.ts';
import type { Stream } from './stream.ts';

export class CallerSide implements FrameHandler {
  readonly #core: Core;
  readonly #settings: CallerSettings;
  readonly #intake: Intake;
  /** The DATA frame that is being passed: its stream, and whether that ends with it. */
  #passing: Stream | undefined;
  #passingEnds = false;

  constructor(core: Core) {
    this.#core = core;
    this.#settings = new CallerSettings(core);
    this.#intake = new Intake(core);
  }

  get stopped(): boolean {
    return this.#core.state !== 'http';
  }

  get inBlock(): boolean {
    return this.#intake.open !== undefined;
  }

  refused(code: RefusalCode): void {
    this.#core.callerFault(code, faultOf(code));
  }

  begin(head: FrameHead): RefusalCode | undefined {
    if (!this.#settings.settled && (head.type !== SETTINGS || (head.flags & ACK) !== 0))
      return 'h2-frame-order';
    const { headBytes } = this.#core.settings.limits;
    const problem = frameProblem(head, this.#core.largestFromCaller, headBytes, this.#intake.open);
    if (problem) return problem;
    return head.type === PUSH_PROMISE ? 'h2-frame-order' : undefined;
  }

  frame(head: FrameHead, bytes: Buffer, start: number, end: number): void {
    const core = this.#core;
    const from = start + 9;
    switch (head.type) {
      case HEADERS:
        this.#intake.headers(head, bytes, from, end);
        return;
      case CONTINUATION:
        this.#intake.continuation(head, bytes, from, end);
        return;
      case RST_STREAM:
        this.#reset(head, bytes, start, end);
        return;
      case SETTINGS:
        this.#settings.read(head, bytes, start, end);
        return;
      case PING:
        this.#ping((head.flags & ACK) !== 0, bytes, start, end);
        return;
      case GOAWAY:
        core.toServer.write(goawayFrame(0, bytes.readUInt32BE(from + 4)));
        return;
      case WINDOW_UPDATE:
        this.#windowUpdate(head, bytes, start, end);
        return;
      default:
        // PRIORITY is for nobody any more (RFC 9113 §5.3.2), and unknown types are to be ignored (§5.5).
        core.spend('idle');
    }
  }

  // ---- content

  data(head: FrameHead, content: number, bytes: Buffer, start: number, end: number): void {
    const core = this.#core;
    const ends = (head.flags & END_STREAM) !== 0;
    const stream = core.streams.get(head.stream);
    this.#passing = undefined;
    if (!stream) {
      if (head.stream > core.lastStream) {
        this.refused('h2-frame-order');
        return;
      }
      if (content > 0 || core.spend('idle')) core.owedToCaller += head.length;
      return;
    }
    if (stream.callerDone) {
      this.refused('h2-stream-closed');
      return;
    }
    if (content === 0 && !ends && !core.spend('idle')) return;
    if (stream.requestLeft >= 0) {
      stream.requestLeft -= content;
      if (stream.requestLeft < 0 || (ends && stream.requestLeft > 0)) {
        core.owedToCaller += head.length;
        stream.callerDone = ends;
        this.#intake.refuse(stream, 'h2-length');
        return;
      }
    }
    stream.bodyBytes += content;
    this.#passing = stream;
    this.#passingEnds = ends;
    if (stream.watch && !stream.held) stream.watch.up += head.length;
    if (stream.held || core.server.mustWait(stream, head.length)) {
      if (!this.#intake.holder.begin(stream, head.length, content, ends)) this.#passing = undefined;
    } else {
      core.server.passed(stream, head.length);
      if (stream.upId === stream.id) core.toServer.pass(bytes, start, end);
      else core.toServer.write(renumbered(stream.upId, bytes, start, end));
      core.toServer.cut = true;
    }
  }

  more(bytes: Buffer, start: number, end: number, last: boolean): void {
    const stream = this.#passing;
    if (!stream) return;
    const { toServer } = this.#core;
    if (!toServer.cut) {
      this.#intake.holder.more(stream, bytes, start, end);
      if (!last) return;
      this.#passing = undefined;
      this.#intake.holder.done(stream, this.#passingEnds);
      return;
    }
    toServer.pass(bytes, start, end);
    if (!last) return;
    this.#passing = undefined;
    toServer.cut = false;
    toServer.release();
    if (!this.#passingEnds) return;
    stream.callerDone = true;
    this.#core.settle(stream);
  }

  // ---- the rest

  #reset(head: FrameHead, bytes: Buffer, start: number, end: number): void {
    const core = this.#core;
    if (head.stream > core.lastStream) {
      this.refused('h2-frame-order');
      return;
    }
    if (!core.spend('reset')) return;
    const stream = core.streams.get(head.stream);
    if (!stream) return;
    if (stream.upId === stream.id) core.toServer.pass(bytes, start, end);
    else if (stream.forwarded) core.toServer.write(renumbered(stream.upId, bytes, start, end));
    core.remove(stream);
  }

  #ping(isAnswer: boolean, bytes: Buffer, start: number, end: number): void {
    const core = this.#core;
    if (isAnswer) {
      if (core.serversPings === 0) core.spend('idle');
      else {
        core.serversPings--;
        core.toServer.pass(bytes, start, end);
      }
      return;
    }
    if (!core.spend('ping')) return;
    if (core.upstreamFailure !== undefined) {
      core.toCaller.own(pingAck(bytes, start + 9));
      return;
    }
    core.callersPings++;
    core.toServer.pass(bytes, start, end);
  }

  #windowUpdate(head: FrameHead, bytes: Buffer, start: number, end: number): void {
    const core = this.#core;
    const increment = bytes.readUInt32BE(start + 9) & largestWindow;
    if (increment === 0) {
      this.refused('h2-window');
      return;
    }
    if (head.stream !== 0) {
      if (head.stream > core.lastStream) {
        this.refused('h2-frame-order');
        return;
      }
      const stream = core.streams.get(head.stream);
      if (!stream) return;
      stream.window += increment;
      if (stream.upId === stream.id) core.toServer.pass(bytes, start, end);
      else if (stream.forwarded) core.toServer.write(renumbered(stream.upId, bytes, start, end));
      return;
    }
    core.callerWindow += increment;
    if (core.callerWindow > largestWindow) {
      core.callerFault('h2-window', h2Errors.flowControl);
      return;
    }
    const kept = Math.min(core.debt, increment);
    core.debt -= kept;
    if (kept === 0) core.toServer.pass(bytes, start, end);
    else if (increment > kept) core.toServer.write(numberFrame(WINDOW_UPDATE, 0, increment - kept));
  }
}

function pingAck(bytes: Buffer, from: number): Buffer {
  const ack = Buffer.alloc(17);
  ack[2] = 8;
  ack[3] = PING;
  ack[4] = ACK;
  bytes.copy(ack, 9, from, from + 8);
  return ack;
}
