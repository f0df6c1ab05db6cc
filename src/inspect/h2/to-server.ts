// Content towards the server that can't be passed as it comes: what was held for rules, and what finds no room behind it.
//
// Windows, of the connection and of each stream: the server grants them, the gate relays that, and as long as nothing is
// held the caller's windows are the server's. What is held is granted back to the caller by the gate at once, since the
// server has not seen it. When it goes to the server, the caller's window is larger than the server's by so much: `lent`.
// Of what the server grants then, `lent` is kept from the caller. Meanwhile content of the caller's may find no room at the
// server: it waits here, never more than was lent.
import { DATA, defaultFrameSize, END_STREAM, frame } from '../../http/h2/frames.ts';
import { ByteQueue } from '../byte-queue.ts';
import type { FrameOut } from './frame-out.ts';

/** One side's room on one stream, as to-server.ts asks for it. */
export type ServerStream = {
  readonly id: number;
  /** Its number on the server's connection; 0 while the server does not know of it. */
  upId: number;
  /** What the server has added to its first window, less what it was sent. */
  room: number;
  /** By how much the caller's window is larger than the server's. */
  lent: number;
  /** What the server has had no room for. */
  waiting: Waiting | undefined;
};

type Waiting = { readonly bytes: ByteQueue; at: number; ends: boolean };

export class ToServer<S extends ServerStream> {
  readonly #out: FrameOut;
  /** Streams with content that waits, in the order in which it began to. */
  readonly #waiting = new Set<S>();
  /** The highest number of a stream that the server knows. */
  lastUp = 0;
  /** Streams whose numbers differ on both connections, by the server's. */
  readonly #renumbered = new Map<number, S>();
  #everRenumbered = false;
  /** The highest number, of the caller's, of a stream that went to the server. */
  lastForwarded = 0;
  /** What the server still takes on the connection, and on a stream at first. */
  room = 65_535;
  initial = 65_535;
  /** The same, as the server's last SETTINGS say, which a caller may be slow to acknowledge. */
  offeredInitial = 65_535;
  /** Of the connection, as of each stream. */
  lent = 0;
  /** Of SETTINGS that the caller has not acknowledged: a server need not bear more before. */
  readonly #initials: (number | undefined)[] = [];

  readonly #done: (stream: S) => void;

  /** @param done called when nothing of a stream waits any more */
  constructor(out: FrameOut, done: (stream: S) => void) {
    this.#out = out;
    this.#done = done;
  }

  // ---- numbers

  /** The number that a stream would get now: its own, as long as no later one has gone before it. */
  numberFor(id: number): number {
    return id > this.lastUp ? id : this.lastUp + 2;
  }

  /** The stream goes to the server now. */
  open(stream: S): void {
    const number = this.numberFor(stream.id);
    this.lastUp = number;
    this.lastForwarded = Math.max(this.lastForwarded, stream.id);
    stream.upId = number;
    if (number === stream.id) return;
    this.#everRenumbered = true;
    this.#renumbered.set(number, stream);
  }

  /** The stream that has another number at the server, this one. */
  renumbered(upId: number): S | undefined {
    return this.#everRenumbered ? this.#renumbered.get(upId) : undefined;
  }

  /** Do any numbers differ? */
  get renumbers(): boolean {
    return this.#everRenumbered;
  }

  // ---- windows

  /** The server's SETTINGS; `value`: of INITIAL_WINDOW_SIZE, if they have it. */
  offered(value: number | undefined): void {
    if (value !== undefined) {
      this.offeredInitial = value;
      if (value < this.initial) this.initial = value;
    }
    this.#initials.push(value);
  }

  /** The caller has acknowledged the first SETTINGS that it had not. */
  acknowledged(): void {
    const value = this.#initials.shift();
    if (value === undefined) return;
    this.initial = this.#initials.reduce<number>((least, next) => Math.min(least, next ?? least), value);
    this.pumpAll();
  }

  /** The server has added to the connection's window. @returns how much of it the caller is told of */
  added(increment: number): number {
    this.room += increment;
    const kept = Math.min(Math.max(this.lent, 0), increment);
    this.lent -= kept;
    return increment - kept;
  }

  addedTo(stream: ServerStream, increment: number): number {
    stream.room += increment;
    const kept = Math.min(Math.max(stream.lent, 0), increment);
    stream.lent -= kept;
    return increment - kept;
  }

  /** May a frame of that length not be passed as it comes? */
  mustWait(stream: ServerStream, length: number): boolean {
    return (
      stream.waiting !== undefined ||
      (this.lent > 0 && length > this.room) ||
      (stream.lent > 0 && length > this.initial + stream.room)
    );
  }

  /** A frame of that length is passed as it comes. */
  passed(stream: ServerStream, length: number): void {
    this.room -= length;
    stream.room -= length;
  }

  /** So much content came that waits; padding is granted back to the caller, as if it had not come. */
  queued(stream: S, content: number): void {
    this.lent -= content;
    stream.lent -= content;
    stream.waiting ??= { bytes: new ByteQueue(), at: 0, ends: false };
    this.#waiting.add(stream);
  }

  /** What was held goes on, as far as there is room. */
  send(stream: S, bytes: Buffer, ends: boolean): void {
    stream.waiting = { bytes: new ByteQueue(), at: 0, ends };
    stream.waiting.bytes.append(bytes, 0);
    this.#waiting.add(stream);
    this.pump(stream);
  }

  pumpAll(): void {
    for (const stream of [...this.#waiting]) this.pump(stream);
  }

  pump(stream: S): void {
    const { waiting } = stream;
    if (!waiting) return;
    for (;;) {
      const bytes = waiting.bytes.view();
      const left = bytes.length - waiting.at;
      const room = Math.min(defaultFrameSize, this.room, this.initial + stream.room);
      const size = Math.min(left, room);
      if (size <= 0 && !(left === 0 && waiting.ends)) break;
      const last = size === left && waiting.ends;
      const content = bytes.subarray(waiting.at, waiting.at + Math.max(size, 0));
      this.#out.own(frame(DATA, last ? END_STREAM : 0, stream.upId, content));
      waiting.at += content.length;
      this.room -= content.length;
      this.lent += content.length;
      stream.room -= content.length;
      stream.lent += content.length;
      if (last) waiting.ends = false;
    }
    if (waiting.at < waiting.bytes.length || waiting.ends) return;
    this.forget(stream);
  }

  /** Nothing more of it goes to the server. @returns whether something still waited */
  forget(stream: S): boolean {
    if (!stream.waiting) return false;
    const { bytes, at, ends } = stream.waiting;
    stream.waiting = undefined;
    this.#waiting.delete(stream);
    this.#done(stream);
    return at < bytes.length || ends;
  }

  removed(stream: S): void {
    this.forget(stream);
    this.#renumbered.delete(stream.upId);
  }
}
