// The caller's frames: requests judged and forwarded, everything else passed on, answered or dropped.
import type { FrameHandler, FrameHead } from '../../http/h2/frame-feed.ts';
import {
  ACK,
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  frame,
  GOAWAY,
  goawayFrame,
  HEADERS,
  h2Errors,
  headerFrames,
  largestWindow,
  numberFrame,
  PADDED,
  PING,
  PRIORITY_FLAG,
  PUSH_PROMISE,
  preface,
  RST_STREAM,
  readSettings,
  SETTINGS,
  type Setting,
  settingIds,
  settingsAck,
  settingsFrame,
  WINDOW_UPDATE,
} from '../../http/h2/frames.ts';
import { emptyTable, fieldRoom, writeField } from '../../http/h2/hpack-encoder.ts';
import type { RefusalCode } from '../../http/refusals.ts';
import { ByteQueue } from '../byte-queue.ts';
import { type CallerFields, createCallerFields } from '../caller-fields.ts';
import type { CarriedField } from '../carried-identity.ts';
import { Reporter } from '../reporter.ts';
import { nonResource } from '../request-info.ts';
import { BodyHolder } from './body-holder.ts';
import { blame, type Core } from './core.ts';
import { renumbered } from './frame-out.ts';
import { faultOf, frameProblem } from './frame-rules.ts';
import type { HeldRequest } from './held-stream.ts';
import { unframed } from './lazy-head.ts';
import { type RequestBlock, RequestReader } from './request-block.ts';
import { Stream } from './stream.ts';

/** SETTINGS of the caller's that the server has not acknowledged. */
const maxUnacknowledged = 32;

type Block = {
  readonly stream: number;
  readonly endStream: boolean;
  readonly bytes: ByteQueue;
  continuations: number;
};

export class CallerSide implements FrameHandler {
  readonly #core: Core;
  readonly #caller: CallerFields;
  readonly #reader: RequestReader;
  readonly #holder: BodyHolder;
  #settled = false;
  /** A header block of which more is to come. */
  #block: Block | undefined;
  /** The DATA frame that is being passed: its stream, and whether that ends with it. */
  #passing: Stream | undefined;
  #passingEnds = false;
  #tableEmptied = false;
  #spoofTold = false;
  #limitTold = false;
  /** The gate's own fields as they were last, and their wire form. */
  #added: readonly CarriedField[] | undefined;
  #addedWire: Uint8Array = noBytes;

  constructor(core: Core) {
    this.#core = core;
    this.#caller = createCallerFields(core.settings);
    this.#holder = new BodyHolder(core, (stream, request, ends) => this.#forward(stream, request, ends));
    this.#reader = new RequestReader(this.#caller, core.listLimits);
  }

  get stopped(): boolean {
    return this.#core.state !== 'http';
  }

  get inBlock(): boolean {
    return this.#block !== undefined;
  }

  refused(code: RefusalCode): void {
    this.#core.callerFault(code, faultOf(code));
  }

  begin(head: FrameHead): RefusalCode | undefined {
    if (!this.#settled && (head.type !== SETTINGS || (head.flags & ACK) !== 0)) return 'h2-frame-order';
    const { headBytes } = this.#core.settings.limits;
    const problem = frameProblem(head, this.#core.largestFromCaller, headBytes, this.#block?.stream);
    if (problem) return problem;
    return head.type === PUSH_PROMISE ? 'h2-frame-order' : undefined;
  }

  frame(head: FrameHead, bytes: Buffer, start: number, end: number): void {
    const core = this.#core;
    const from = start + 9;
    switch (head.type) {
      case HEADERS:
        this.#headers(head, bytes, from, end);
        return;
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

  // ---- header blocks

  #headers(head: FrameHead, bytes: Buffer, start: number, end: number): void {
    const core = this.#core;
    const range = blockRange(head, bytes, start, end);
    if (range === undefined) {
      this.refused('h2-padding');
      return;
    }
    const id = head.stream;
    if (id > core.lastStream) {
      if ((id & 1) === 0) {
        this.refused('h2-frame-order');
        return;
      }
      core.lastStream = id;
    } else if (core.streams.get(id)?.callerDone) {
      this.refused('h2-stream-closed');
      return;
    }
    const endStream = (head.flags & END_STREAM) !== 0;
    if ((head.flags & END_HEADERS) !== 0) this.#whole(id, endStream, bytes, range.from, range.to);
    else {
      this.#block = { stream: id, endStream, bytes: new ByteQueue(), continuations: 0 };
      this.#block.bytes.append(bytes.subarray(range.from, range.to), 0);
    }
  }

  #continuation(head: FrameHead, bytes: Buffer, start: number, end: number): void {
    const block = this.#block;
    if (!block) return;
    const { limits } = this.#core.settings;
    block.bytes.append(bytes.subarray(start, end), 0);
    if (++block.continuations > limits.continuations || block.bytes.length > limits.headBytes) {
      this.#core.callerFault('h2-block-too-large', h2Errors.enhanceYourCalm);
      return;
    }
    if ((head.flags & END_HEADERS) === 0) return;
    this.#block = undefined;
    const whole = block.bytes.view();
    this.#whole(block.stream, block.endStream, whole, 0, whole.length);
  }

  #whole(id: number, endStream: boolean, bytes: Buffer, start: number, end: number): void {
    const core = this.#core;
    const stream = core.streams.get(id);
    if (stream) {
      this.#trailers(stream, endStream, bytes, start, end);
      return;
    }
    const isNew = id === core.lastStream && id > this.#judgedStream;
    const block = this.#reader.request(bytes, start, end);
    if (!block) {
      this.refused('h2-compression');
      return;
    }
    // Of a stream that is over already: its trailers, which nobody waits for.
    if (!isNew) {
      core.spend('idle');
      return;
    }
    this.#judgedStream = id;
    if (core.draining || core.server.numberFor(id) > core.lastTaken)
      core.reset(id, core.toCaller, h2Errors.refusedStream);
    else if (core.streams.size >= core.settings.limits.streams) this.#overStreams(id);
    else this.#request(id, endStream, block);
  }
  #judgedStream = 0;

  #overStreams(id: number): void {
    const core = this.#core;
    if (!this.#limitTold) core.report.refusal('h2-stream-limit', undefined, 0);
    this.#limitTold = true;
    if (core.spend('reset')) core.reset(id, core.toCaller, h2Errors.refusedStream);
  }

  #request(id: number, endStream: boolean, block: RequestBlock): void {
    const core = this.#core;
    const { settings, sink } = core;
    const { info } = block;
    const head = block.length < 0 && !endStream ? unframed(block.head) : block.head;
    const report = new Reporter(settings, sink);
    const stream = new Stream(id, info ?? nonResource(head.method, '', ''), head, report, block.length);
    stream.callerDone = endStream;
    core.streams.set(id, stream);
    if (!info) {
      this.#refuse(stream, block.refusal ?? 'path-form');
      return;
    }
    const audit = this.#caller.auditId(block.auditIds);
    report.auditId = audit.id;
    stream.watch = sink.begun?.(info, head, report);
    if (block.refusal) {
      this.#refuse(stream, block.refusal);
      return;
    }
    if (endStream && block.length > 0) {
      this.#refuse(stream, 'h2-length');
      return;
    }
    const candidates = settings.rules.request(info, false);
    if (candidates.length > 0 && core.carryOut(stream, report.request(candidates, head, info))) return;
    const wait = settings.shed?.(info);
    if (wait !== undefined) {
      const message = `The gate is too busy for new requests; try again in ${wait} s. [overloaded]`;
      blame(stream, 'overloaded');
      core.answer(stream, 429, message, h2Errors.none, wait);
      return;
    }
    if (core.upstreamFailure !== undefined) {
      core.lose(core.failureStatus, core.upstreamFailure, h2Errors.none);
      return;
    }
    if (block.spoofed && !this.#spoofTold) {
      this.#spoofTold = true;
      report.spoof(head, info);
    }
    const request = { info, head, block, audit };
    if (endStream || !this.#holder.hold(stream, request)) this.#forward(stream, request, endStream);
  }

  #forward(stream: Stream, { info, block, audit }: HeldRequest, endStream: boolean): void {
    const core = this.#core;
    core.server.open(stream);
    const wire = headerFrames(stream.upId, endStream, this.#parts(block, audit, stream.continued));
    core.toServer.write(wire);
    stream.forwarded = true;
    // What the caller has granted of its answer meanwhile.
    if (stream.window > 0) core.toServer.write(numberFrame(WINDOW_UPDATE, stream.upId, stream.window));
    if (stream.watch) stream.watch.up += wire.length;
    core.sink.request(info.method, info.path, audit.id);
  }

  /** What goes to the server: the caller's fields that may pass, and the gate's own. */
  #parts(block: RequestBlock, audit: HeldRequest['audit'], continued: boolean): Uint8Array[] {
    const wire = continued ? block.withoutExpect() : block.wire;
    const parts = this.#tableEmptied ? [wire] : [emptyTable, wire];
    this.#tableEmptied = true;
    const added = this.#caller.added(undefined);
    if (added !== this.#added) {
      this.#added = added;
      this.#addedWire = carriedWire(added);
    }
    parts.push(this.#addedWire);
    if (audit.keep) parts.push(block.auditWire);
    else if (audit.id !== undefined) parts.push(carriedWire([['audit-id', audit.id]]));
    return parts;
  }

  #refuse(stream: Stream, code: Parameters<Core['refuse']>[1]): void {
    // Each is a record: a caller may not cause them without end.
    if (this.#core.spend('reset')) this.#core.refuse(stream, code);
  }

  #trailers(stream: Stream, endStream: boolean, bytes: Buffer, start: number, end: number): void {
    const problem = this.#reader.trailers(bytes, start, end);
    if (problem === 'h2-compression') {
      this.refused(problem);
      return;
    }
    if (problem !== 'none') {
      this.#refuse(stream, problem);
      return;
    }
    if (!endStream) {
      this.#refuse(stream, 'h2-frame-order');
      return;
    }
    if (stream.requestLeft > 0) {
      this.#refuse(stream, 'h2-length');
      return;
    }
    if (stream.held || stream.waiting) {
      this.#holder.done(stream, true);
      return;
    }
    this.#core.toServer.write(frame(DATA, END_STREAM, stream.upId, noBytes));
    stream.callerDone = true;
    this.#core.settle(stream);
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
        this.#refuse(stream, 'h2-length');
        return;
      }
    }
    stream.bodyBytes += content;
    this.#passing = stream;
    this.#passingEnds = ends;
    if (stream.watch && !stream.held) stream.watch.up += head.length;
    if (stream.held || core.server.mustWait(stream, head.length)) {
      if (!this.#holder.begin(stream, head.length, content, ends)) this.#passing = undefined;
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
      this.#holder.more(stream, bytes, start, end);
      if (!last) return;
      this.#passing = undefined;
      this.#holder.done(stream, this.#passingEnds);
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

  #settings(head: FrameHead, bytes: Buffer, start: number, end: number): void {
    const core = this.#core;
    if ((head.flags & ACK) !== 0) {
      if (core.unacknowledged === 0) {
        // Of the SETTINGS that the gate sent in the place of a server that can't be had.
        if (core.upstreamFailure === undefined) this.refused('h2-frame-order');
        return;
      }
      core.unacknowledged--;
      core.toServer.pass(bytes, start, end);
      core.server.acknowledged();
      return;
    }
    const first = !this.#settled;
    // Every connection begins with them: who opens many is the pace of handshakes to judge.
    if (!first && !core.spend('settings')) return;
    if (core.tableSizes.length >= maxUnacknowledged) {
      core.callerFault('h2-settings-flood', h2Errors.enhanceYourCalm);
      return;
    }
    const passed: Setting[] = first ? [[settingIds.enablePush, 0]] : [];
    let table = core.tableSizes.at(-1) ?? this.#tableSize;
    for (const [id, value] of readSettings(bytes, start + 9, end)) {
      switch (id) {
        case settingIds.headerTableSize:
          table = Math.min(value, largestTable);
          passed.push([id, table]);
          break;
        case settingIds.enablePush:
          if (value > 1) {
            this.refused('h2-settings');
            return;
          }
          break;
        case settingIds.initialWindowSize:
          if (value > largestWindow) {
            core.callerFault('h2-settings', h2Errors.flowControl);
            return;
          }
          core.callerInitial = value;
          passed.push([id, value]);
          break;
        case settingIds.maxFrameSize:
          if (value < 16_384 || value > 0xff_ffff) {
            this.refused('h2-settings');
            return;
          }
          core.largestFromServer = Math.max(core.largestFromServer, value);
          passed.push([id, value]);
          break;
        case settingIds.maxHeaderListSize:
          passed.push([id, value]);
          break;
        // Streams of the server's own, extended CONNECT and what nobody knows here: the server is not told.
      }
    }
    this.#settled = true;
    this.#tableSize = table;
    if (core.upstreamFailure !== undefined) {
      core.toCaller.own(settingsAck);
      return;
    }
    core.tableSizes.push(table);
    if (first) core.toServer.write(preface);
    core.toServer.write(settingsFrame(passed));
  }
  #tableSize = largestTable;
}

/** Of the tables that answers are read with: the size that HTTP/2 begins with. */
const largestTable = 4_096;

function pingAck(bytes: Buffer, from: number): Buffer {
  const ack = Buffer.alloc(17);
  ack[2] = 8;
  ack[3] = PING;
  ack[4] = ACK;
  bytes.copy(ack, 9, from, from + 8);
  return ack;
}

/** The block within the payload of HEADERS; undefined when the padding is more than there is. */
export function blockRange(
  head: FrameHead,
  bytes: Buffer,
  start: number,
  end: number,
): { readonly from: number; readonly to: number } | undefined {
  const padding = (head.flags & PADDED) !== 0 ? (bytes[start] ?? 0) : -1;
  const from = start + (padding >= 0 ? 1 : 0) + ((head.flags & PRIORITY_FLAG) !== 0 ? 5 : 0);
  const to = end - Math.max(padding, 0);
  return from <= to ? { from, to } : undefined;
}

function carriedWire(fields: readonly CarriedField[]): Uint8Array {
  const written = fields.map(([name, value]) => [name, Buffer.from(value).toString('latin1')] as const);
  const out = Buffer.alloc(written.reduce((sum, [name, value]) => sum + fieldRoom(name, value), 0));
  let at = 0;
  for (const [name, value] of written) at = writeField(out, at, name, value, name === 'authorization');
  return out.subarray(0, at);
}

const noBytes = new Uint8Array(0);
