// The caller's header blocks: put together, read as requests or trailers, judged, and written anew for the server.
import type { FrameHead } from '../../http/h2/frame-feed.ts';
import {
  DATA,
  END_HEADERS,
  END_STREAM,
  frame,
  h2Errors,
  headerFrames,
  numberFrame,
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
import { blockRange, faultOf } from './frame-rules.ts';
import type { HeldRequest } from './held-stream.ts';
import { unframed } from './lazy-head.ts';
import { type RequestBlock, RequestReader } from './request-block.ts';
import { Stream } from './stream.ts';

type Block = {
  readonly stream: number;
  readonly endStream: boolean;
  readonly bytes: ByteQueue;
  continuations: number;
};

export class Intake {
  readonly #core: Core;
  readonly #caller: CallerFields;
  readonly #reader: RequestReader;
  /** Of bodies that rules wait for. */
  readonly holder: BodyHolder;
  /** A header block of which more is to come. */
  #block: Block | undefined;
  /** The highest stream whose first block has been read. */
  #judgedStream = 0;
  #tableEmptied = false;
  #spoofTold = false;
  #limitTold = false;
  /** The gate's own fields as they were last, and their wire form. */
  #added: readonly CarriedField[] | undefined;
  #addedWire: Uint8Array = noBytes;

  constructor(core: Core) {
    this.#core = core;
    this.#caller = createCallerFields(core.settings);
    this.holder = new BodyHolder(core, (stream, request, ends) => this.#forward(stream, request, ends));
    this.#reader = new RequestReader(this.#caller, core.listLimits);
  }

  /** The stream of a header block of which more is to come. */
  get open(): number | undefined {
    return this.#block?.stream;
  }

  #refused(code: RefusalCode): void {
    this.#core.callerFault(code, faultOf(code));
  }

  headers(head: FrameHead, bytes: Buffer, start: number, end: number): void {
    const core = this.#core;
    const range = blockRange(head, bytes, start, end);
    if (range === undefined) {
      this.#refused('h2-padding');
      return;
    }
    const id = head.stream;
    if (id > core.lastStream) {
      if ((id & 1) === 0) {
        this.#refused('h2-frame-order');
        return;
      }
      core.lastStream = id;
    } else if (core.streams.get(id)?.callerDone) {
      this.#refused('h2-stream-closed');
      return;
    }
    const endStream = (head.flags & END_STREAM) !== 0;
    if ((head.flags & END_HEADERS) !== 0) this.#whole(id, endStream, bytes, range.from, range.to);
    else {
      this.#block = { stream: id, endStream, bytes: new ByteQueue(), continuations: 0 };
      this.#block.bytes.append(bytes.subarray(range.from, range.to), 0);
    }
  }

  continuation(head: FrameHead, bytes: Buffer, start: number, end: number): void {
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
      this.#refused('h2-compression');
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
      this.refuse(stream, block.refusal ?? 'path-form');
      return;
    }
    const audit = this.#caller.auditId(block.auditIds);
    report.auditId = audit.id;
    stream.watch = sink.begun?.(info, head, report);
    if (block.refusal) {
      this.refuse(stream, block.refusal);
      return;
    }
    if (endStream && block.length > 0) {
      this.refuse(stream, 'h2-length');
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
    if (endStream || !this.holder.hold(stream, request)) this.#forward(stream, request, endStream);
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

  /** What is left of a request, or all of it. */
  refuse(stream: Stream, code: Parameters<Core['refuse']>[1]): void {
    // Each is a record: a caller may not cause them without end.
    if (this.#core.spend('reset')) this.#core.refuse(stream, code);
  }

  #trailers(stream: Stream, endStream: boolean, bytes: Buffer, start: number, end: number): void {
    const problem = this.#reader.trailers(bytes, start, end);
    if (problem === 'h2-compression') {
      this.#refused(problem);
      return;
    }
    if (problem !== 'none') {
      this.refuse(stream, problem);
      return;
    }
    if (!endStream) {
      this.refuse(stream, 'h2-frame-order');
      return;
    }
    if (stream.requestLeft > 0) {
      this.refuse(stream, 'h2-length');
      return;
    }
    if (stream.held || stream.waiting) {
      this.holder.done(stream, true);
      return;
    }
    this.#core.toServer.write(frame(DATA, END_STREAM, stream.upId, noBytes));
    stream.callerDone = true;
    this.#core.settle(stream);
  }
}

function carriedWire(fields: readonly CarriedField[]): Uint8Array {
  const written = fields.map(([name, value]) => [name, Buffer.from(value).toString('latin1')] as const);
  const out = Buffer.alloc(written.reduce((sum, [name, value]) => sum + fieldRoom(name, value), 0));
  let at = 0;
  for (const [name, value] of written) at = writeField(out, at, name, value, name === 'authorization');
  return out.subarray(0, at);
}

const noBytes = new Uint8Array(0);
