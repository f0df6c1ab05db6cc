// What goes out on one side of an HTTP/2 connection: frames passed on as they came, and frames of the gate's own, which
// must not fall into the middle of one that is being passed in pieces.

export class FrameOut {
  readonly #send: (bytes: Buffer) => void;
  /** Bytes of the piece being read that go on as they are, not sent yet: one run is one write. */
  #run: Buffer | undefined;
  #from = 0;
  #to = 0;
  #waiting: Buffer[] = [];
  /** Bytes of the gate's own that can't go out yet. */
  waiting = 0;
  /** The piece being read: its bytes may be passed without a copy. */
  piece: Buffer | undefined;
  /** In the middle of a frame that is being passed. */
  cut = false;
  /** Nothing of the gate's own may go out yet. */
  shut = false;

  constructor(send: (bytes: Buffer) => void) {
    this.#send = send;
  }

  pass(bytes: Buffer, start: number, end: number): void {
    if (start === end) return;
    if (bytes !== this.piece) this.write(Buffer.from(bytes.subarray(start, end)));
    else if (this.#run !== undefined && this.#to === start) this.#to = end;
    else {
      this.flush();
      this.#run = bytes;
      this.#from = start;
      this.#to = end;
    }
  }

  /** Whole frames in the place of some that came. */
  write(bytes: Buffer): void {
    this.flush();
    this.#send(bytes);
  }

  /** Whole frames of the gate's own: now, or when the frame that is being passed has ended. */
  own(bytes: Buffer): void {
    if (this.cut || this.shut) {
      this.#waiting.push(bytes);
      this.waiting += bytes.length;
    } else this.write(bytes);
  }

  /** Sends what has waited, as far as it may. */
  release(): void {
    if (this.#waiting.length === 0 || this.cut || this.shut) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.waiting = 0;
    for (const bytes of waiting) this.write(bytes);
  }

  flush(): void {
    const run = this.#run;
    if (run === undefined) return;
    this.#run = undefined;
    this.#send(this.#from === 0 && this.#to === run.length ? run : run.subarray(this.#from, this.#to));
  }
}

/** The frame, or its beginning, with another stream's number. */
export function renumbered(stream: number, bytes: Buffer, start: number, end: number): Buffer {
  const copy = Buffer.from(bytes.subarray(start, end));
  copy.writeUInt32BE(stream, 5);
  return copy;
}
