// The server's frames: answers judged and passed on, everything else passed on or dropped.
import type { FrameHandler, FrameHead } from '../../http/h2/frame-feed.ts';
import {
  ACK,
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  GOAWAY,
  HEADERS,
  h2Errors,
  headerFrames,
  largestWindow,
  numberFrame,
  PING,
  PUSH_PROMISE,
  RST_STREAM,
  readSettings,
  SETTINGS,
  settingIds,
  settingsFrame,
  WINDOW_UPDATE,
} from '../../http/h2/frames.ts';
import type { RefusalCode } from '../../http/refusals.ts';
import { ByteQueue } from '../byte-queue.ts';
import type { AnswerBlock } from './answer-block.ts';
import type { Core } from './core.ts';
import { renumbered } from './frame-out.ts';
import { blockRange, frameProblem } from './frame-rules.ts';
import { responseHeadOf } from './lazy-head.ts';
import { wireOf } from './request-block.ts';
import type { Stream } from './stream.ts';

/** Interim answers to one request. */
const maxInterim = 16;
/** Bytes of a GOAWAY's debug data that go on. */
const maxDebug = 256;

/** A header block of the server's: where it is, and where its only frame is, if it came in one. */
type Block = {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly frameStart: number;
  readonly frameEnd: number;
};

export class ServerSide implements FrameHandler {
  readonly #core: Core;
  #settled = false;
  #parts: { readonly stream: number; readonly endStream: boolean; readonly bytes: ByteQueue } | undefined;
  /** The DATA frame that is being passed: its stream, and whether that ends with it. */
  #passing: Stream | undefined;
  #passingEnds = false;

  constructor(core: Core) {
    this.#core = core;
  }

  get stopped(): boolean {
    return this.#core.state !== 'http';
  }

  refused(code: RefusalCode): void {
    this.#core.serverFault(code);
  }

  begin(head: FrameHead): RefusalCode | 'wait' | undefined {
    const core = this.#core;
    if (!this.#settled && (head.type !== SETTINGS || (head.flags & ACK) !== 0)) return 'h2-frame-order';
    const { headBytes } = core.settings.limits;
    const problem = frameProblem(head, core.largestFromServer, headBytes, this.#parts?.stream);
    if (problem) return problem;
    if (head.type === PUSH_PROMISE) return 'h2-push';
    // The caller's window has been used by an answer of the gate's: only it can say when there is room again.
    const full = head.type === DATA && core.debt > 0 && head.length > core.callerWindow;
    return full && core.streams.has(head.stream) ? 'wait' : undefined;
  }

  frame(head: FrameHead, bytes: Buffer, start: number, end: number): void {
    const core = this.#core;
    const { toCaller } = core;
    const from = start + 9;
    switch (head.type) {
      case HEADERS: {
        const range = blockRange(head, bytes, from, end);
        if (range === undefined) {
          this.refused('h2-padding');
          return;
        }
        const endStream = (head.flags & END_STREAM) !== 0;
        const { stream } = head;
        if ((head.flags & END_HEADERS) !== 0) {
          const block = { bytes, start: range.from, end: range.to, frameStart: start, frameEnd: end };
          this.#whole(stream, endStream, block);
          return;
        }
        this.#parts = { stream, endStream, bytes: new ByteQueue() };
        this.#parts.bytes.append(bytes.subarray(range.from, range.to), 0);
        return;
      }
      case CONTINUATION:
        this.#continuation(head, bytes, from, end);
        return;
      case RST_STREAM:
        this.#reset(head, bytes, start, end);
        return;
      case SETTINGS:
        this.#settings(head, bytes, start, end);
        return;
      case PING:
        if ((head.flags & ACK) === 0) core.serversPings++;
        else if (core.callersPings === 0) return;
        else core.callersPings--;
        toCaller.pass(bytes, start, end);
        return;
      case GOAWAY:
        this.#goaway(bytes, from, end);
        return;
      case WINDOW_UPDATE: {
        const increment = bytes.readUInt32BE(from) & largestWindow;
        if (increment === 0) {
          this.refused('h2-window');
          return;
        }
        if (head.stream > core.server.lastUp) {
          this.refused('h2-frame-order');
          return;
        }
        this.#windowUpdate(head.stream, increment, bytes, start, end);
        return;
      }
    }
  }

  #windowUpdate(upId: number, increment: number, bytes: Buffer, start: number, end: number): void {
    const { server, toCaller } = this.#core;
    const stream = upId === 0 ? undefined : this.#core.fromServer(upId);
    if (upId !== 0 && !stream) return;
    const told = stream ? server.addedTo(stream, increment) : server.added(increment);
    const id = stream?.id ?? 0;
    if (told === increment && id === upId) toCaller.pass(bytes, start, end);
    else if (told > 0) toCaller.write(numberFrame(WINDOW_UPDATE, id, told));
    if (stream) server.pump(stream);
    else server.pumpAll();
  }

  // ---- answers

  #continuation(head: FrameHead, bytes: Buffer, start: number, end: number): void {
    const parts = this.#parts;
    if (!parts) return;
    parts.bytes.append(bytes.subarray(start, end), 0);
    if (parts.bytes.length > this.#core.settings.limits.headBytes) {
      this.refused('h2-block-too-large');
      return;
    }
    if ((head.flags & END_HEADERS) === 0) return;
    this.#parts = undefined;
    const whole = parts.bytes.take();
    const block = { bytes: whole, start: 0, end: whole.length, frameStart: 0, frameEnd: 0 };
    this.#whole(parts.stream, parts.endStream, block);
  }

  #whole(id: number, endStream: boolean, block: Block): void {
    const core = this.#core;
    if (id > core.server.lastUp || (id & 1) === 0) {
      this.refused('h2-frame-order');
      return;
    }
    const stream = core.fromServer(id);
    const { version } = core.answers;
    const method = stream === undefined || stream.answered ? '' : stream.info.method;
    const read = core.answers.read(block.bytes, block.start, block.end, method);
    if (!read) {
      this.refused('h2-compression');
      return;
    }
    if (stream?.forwarded && !stream.serverDone && this.#passes(stream, read, endStream)) {
      this.#pass(stream, endStream, block, read);
    } else if (core.answers.version !== version) core.verbatim = false;
  }

  /** Judges an answer's head, an interim one, or trailers. @returns false when it does not go on */
  #passes(stream: Stream, read: AnswerBlock, endStream: boolean): boolean {
    const core = this.#core;
    const problem = read.refusal ?? orderProblem(stream, read, endStream);
    if (problem) {
      core.badAnswer(stream, problem);
      return false;
    }
    if (stream.answered) return true;
    if (read.status === 100 && stream.continued) return false;
    if (read.status < 200) {
      if (++stream.interim <= maxInterim) return true;
      core.badAnswer(stream, 'too-many-interim');
      return false;
    }
    stream.status = read.status;
    stream.answerLeft = read.length;
    const { rules } = core.settings;
    if (rules.size > 0) {
      const candidates = stream.report.answerRules(stream);
      if (candidates.length > 0) {
        const response = responseHeadOf(read.status, read.fields, read.regular);
        if (core.carryOut(stream, stream.report.answer(stream, response, candidates, []))) return false;
      }
    }
    stream.answered = true;
    core.sink.response(read.status);
    stream.watch?.answered(read.status);
    return true;
  }

  #pass(stream: Stream, endStream: boolean, block: Block, read: AnswerBlock): void {
    const core = this.#core;
    const { toCaller } = core;
    if (!core.verbatim) toCaller.write(core.rewritten(stream.id, endStream, wireOf(read.fields)));
    else if (block.frameEnd > 0 && stream.upId === stream.id)
      toCaller.pass(block.bytes, block.frameStart, block.frameEnd);
    else {
      const whole = block.bytes.subarray(block.start, block.end);
      toCaller.write(headerFrames(stream.id, endStream, [whole]));
    }
    if (stream.watch) stream.watch.down += block.end - block.start;
    if (!endStream) return;
    stream.serverDone = true;
    core.settle(stream);
  }

  data(head: FrameHead, content: number, bytes: Buffer, start: number, end: number): void {
    const core = this.#core;
    const ends = (head.flags & END_STREAM) !== 0;
    const stream = core.fromServer(head.stream);
    this.#passing = undefined;
    if (!stream?.forwarded) {
      if (head.stream > core.server.lastUp) {
        this.refused('h2-frame-order');
        return;
      }
      core.owedToServer += head.length;
      return;
    }
    const problem = contentProblem(stream, content, ends);
    if (problem) {
      core.owedToServer += head.length;
      core.badAnswer(stream, problem);
      return;
    }
    core.callerWindow -= head.length;
    this.#passing = stream;
    this.#passingEnds = ends;
    if (stream.watch) stream.watch.down += head.length;
    if (stream.upId === stream.id) core.toCaller.pass(bytes, start, end);
    else core.toCaller.write(renumbered(stream.id, bytes, start, end));
    core.toCaller.cut = true;
  }

  more(bytes: Buffer, start: number, end: number, last: boolean): void {
    const stream = this.#passing;
    if (!stream) return;
    const { toCaller } = this.#core;
    toCaller.pass(bytes, start, end);
    if (!last) return;
    this.#passing = undefined;
    toCaller.cut = false;
    toCaller.release();
    if (!this.#passingEnds) return;
    stream.serverDone = true;
    this.#core.settle(stream);
  }

  // ---- the rest

  #reset(head: FrameHead, bytes: Buffer, start: number, end: number): void {
    const core = this.#core;
    if (head.stream > core.server.lastUp) {
      this.refused('h2-frame-order');
      return;
    }
    const stream = core.fromServer(head.stream);
    if (!stream) return;
    // A caller can make a server reset streams as fast as it opens them (CVE-2025-8671). One after the answer's end only
    // stops the rest of a body.
    if (!stream.serverDone && !core.spend('reset')) return;
    if (stream.upId === stream.id) core.toCaller.pass(bytes, start, end);
    else core.toCaller.write(renumbered(stream.id, bytes, start, end));
    core.remove(stream);
  }

  #goaway(bytes: Buffer, from: number, end: number): void {
    const core = this.#core;
    const last = bytes.readUInt32BE(from) & largestWindow;
    core.lastTaken = Math.min(core.lastTaken, last);
    const debug = bytes.subarray(from + 8, Math.min(end, from + 8 + maxDebug));
    // Where numbers differ, no one number says what was not looked at: each such stream is told for itself.
    const told = core.server.renumbers && last < largestWindow ? core.server.lastForwarded : last;
    core.tellLast(bytes.readUInt32BE(from + 4), told, debug);
    for (const stream of [...core.streams.values()]) {
      const upId = stream.forwarded ? stream.upId : core.server.numberFor(stream.id);
      if (upId <= last && stream.id <= told) continue;
      // The caller is told so by the GOAWAY.
      if (stream.id <= told) core.reset(stream.id, core.toCaller, h2Errors.refusedStream);
      core.remove(stream);
    }
  }

  #settings(head: FrameHead, bytes: Buffer, start: number, end: number): void {
    const core = this.#core;
    if ((head.flags & ACK) !== 0) {
      const table = core.tableSizes.shift();
      if (table === undefined) {
        this.refused('h2-frame-order');
        return;
      }
      if (table !== this.#tableSize) core.answers.setLimit(table);
      this.#tableSize = table;
      core.toCaller.pass(bytes, start, end);
      return;
    }
    const settings = readSettings(bytes, start + 9, end);
    let initial: number | undefined;
    for (const [id, value] of settings) {
      const wrong =
        (id === settingIds.enablePush && value !== 0) ||
        (id === settingIds.initialWindowSize && value > largestWindow) ||
        (id === settingIds.maxFrameSize && (value < 16_384 || value > 0xff_ffff));
      if (wrong) {
        this.refused('h2-settings');
        return;
      }
      if (id === settingIds.initialWindowSize) initial = value;
      if (id === settingIds.maxFrameSize) core.largestFromCaller = Math.max(core.largestFromCaller, value);
    }
    const offered = core.offered(settings, !this.#settled);
    this.#settled = true;
    core.unacknowledged++;
    core.server.offered(initial);
    core.toCaller.shut = false;
    core.toCaller.write(settingsFrame(offered));
    core.toCaller.release();
  }
  #tableSize = 4_096;
}

function orderProblem(stream: Stream, read: AnswerBlock, endStream: boolean): RefusalCode | undefined {
  if (stream.answered) {
    if (!endStream) return 'h2-frame-order';
    return stream.answerLeft > 0 ? 'h2-length' : undefined;
  }
  if (read.status < 200) return endStream ? 'h2-frame-order' : undefined;
  const bodyless = stream.info.method === 'HEAD' || read.length <= 0;
  return endStream && !bodyless ? 'h2-length' : undefined;
}

function contentProblem(stream: Stream, content: number, ends: boolean): RefusalCode | undefined {
  if (!stream.answered) return 'h2-frame-order';
  if (stream.serverDone) return 'h2-stream-closed';
  if (stream.answerLeft < 0) return undefined;
  stream.answerLeft -= content;
  return stream.answerLeft < 0 || (ends && stream.answerLeft > 0) ? 'h2-length' : undefined;
}
