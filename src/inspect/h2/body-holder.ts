// Bodies of the caller's that rules wait for: kept, granted back, judged, and sent on or refused. Content that finds no room
// at the server behind them comes here too.
import { h2Errors, numberFrame, WINDOW_UPDATE } from '../../http/h2/frames.ts';
import type { RequestHead } from '../../http/head.ts';
import { ByteQueue } from '../byte-queue.ts';
import type { JudgeRefusal } from '../refusals.ts';
import type { Fired } from '../rules.ts';
import type { Core } from './core.ts';
import type { HeldRequest, HeldStream } from './held-stream.ts';
import type { Stream } from './stream.ts';

/** Sends a request's head to the server. */
type Forward = (stream: Stream, request: HeldRequest, endStream: boolean) => void;

export class BodyHolder {
  readonly #core: Core;
  readonly #forward: Forward;
  /** Content still to come of the frame that is being kept. */
  #left = 0;

  constructor(core: Core, forward: Forward) {
    this.#core = core;
    this.#forward = forward;
  }

  /**
   * A request with a body has been read. @returns false where no rule waits for it, and it is to go on; otherwise it is held,
   * or answered
   */
  hold(stream: Stream, request: HeldRequest): boolean {
    const core = this.#core;
    const { block, head, info } = request;
    const candidates = stream.report.bodyRules(head, info);
    if (candidates.length === 0) return false;
    if (block.length > core.settings.limits.bodyBytes) {
      const found = stream.report.unjudged(candidates, 'overBudget', 'body-over-budget', head, info);
      return !this.#stands(stream, found);
    }
    stream.held = { ...request, candidates, bytes: new ByteQueue() };
    stream.continued = /^100-continue$/i.test(firstValue(head, 'expect'));
    if (stream.continued) core.goOn(stream);
    return true;
  }

  /**
   * A DATA frame begins that can't be passed as it comes. @returns whether its content is wanted
   * @param length of the whole frame, padding included
   */
  begin(stream: Stream, length: number, content: number, ends: boolean): boolean {
    this.#left = content;
    if (stream.held) return this.#beginHeld(stream, stream.held, length, content, ends);
    this.#grant(stream, length - content, ends);
    this.#core.server.queued(stream, content);
    return true;
  }

  #beginHeld(stream: Stream, held: HeldStream, length: number, content: number, ends: boolean): boolean {
    const core = this.#core;
    const { limits, bodyAccount } = core.settings;
    const over = held.bytes.length + content > limits.bodyBytes;
    if (!over && (bodyAccount?.take(content) ?? true)) {
      stream.taken += content;
      this.#grant(stream, length, ends);
      return true;
    }
    const { candidates, head, info } = held;
    stream.callerDone = ends;
    core.owedToCaller += length;
    const found = over
      ? stream.report.unjudged(candidates, 'overBudget', 'body-over-budget', head, info)
      : stream.report.unjudged(candidates, 'full', 'held-bodies-full', head, info);
    if (!this.#stands(stream, found)) return false;
    // Goes on uninspected, this frame behind what is there. Its bytes are granted anew, as those of held ones are.
    stream.callerDone = false;
    core.owedToCaller -= length;
    this.#grant(stream, length, ends);
    if (!this.#release(stream, held, false)) return false;
    core.server.queued(stream, 0);
    return true;
  }

  /** More of that frame's payload. */
  more(stream: Stream, bytes: Buffer, start: number, end: number): void {
    // Padding comes last.
    const taken = Math.min(this.#left, end - start);
    this.#left -= taken;
    const into = stream.held?.bytes ?? stream.waiting?.bytes;
    if (taken > 0) into?.append(bytes.subarray(start, start + taken), 0);
  }

  /** The frame is whole. */
  done(stream: Stream, ends: boolean): void {
    const core = this.#core;
    if (core.streams.get(stream.id) !== stream) return;
    if (stream.held) {
      if (ends) this.#judge(stream, stream.held);
      return;
    }
    if (ends) this.#end(stream);
    core.server.pump(stream);
    core.settle(stream);
  }

  /** Nothing follows what waits. */
  #end(stream: Stream): void {
    stream.callerDone = true;
    if (stream.waiting) stream.waiting.ends = true;
  }

  /** The whole of a held body is there. */
  #judge(stream: Stream, held: HeldStream): void {
    stream.callerDone = true;
    const { candidates, head, info, bytes } = held;
    const whole = bytes.view();
    if (whole.length > 0 && !this.#stands(stream, stream.report.body(candidates, head, info, whole))) return;
    this.#release(stream, held, true);
  }

  /** The server has seen nothing of these bytes: the caller gets them back. */
  #grant(stream: Stream, length: number, ends: boolean): void {
    this.#core.owedToCaller += length;
    if (!ends && length > 0) this.#core.toCaller.own(numberFrame(WINDOW_UPDATE, stream.id, length));
  }

  /** Carries out what was found of a body. @returns whether the request goes on */
  #stands(stream: Stream, found: readonly Fired[] | JudgeRefusal): boolean {
    const core = this.#core;
    if (typeof found !== 'string') return !core.carryOut(stream, found);
    if (core.spend('reset')) core.refused(stream, found);
    return false;
  }

  /** @returns false where the server takes no more streams, or is gone: the caller is told then */
  #release(stream: Stream, held: HeldStream, ends: boolean): boolean {
    const core = this.#core;
    stream.held = undefined;
    if (core.server.numberFor(stream.id) > core.lastTaken) {
      core.reset(stream.id, core.toCaller, h2Errors.refusedStream);
      core.remove(stream);
      return false;
    }
    if (core.upstreamFailure !== undefined) {
      core.lose(core.failureStatus, core.upstreamFailure, h2Errors.none);
      return false;
    }
    const bytes = held.bytes.take();
    const empty = ends && bytes.length === 0;
    this.#forward(stream, held, empty);
    if (stream.watch) stream.watch.up += bytes.length;
    if (!empty) core.server.send(stream, bytes, ends);
    return true;
  }
}

function firstValue({ fields }: RequestHead, name: string): string {
  const index = fields.find(name);
  return index < 0 ? '' : fields.valueText(index);
}
